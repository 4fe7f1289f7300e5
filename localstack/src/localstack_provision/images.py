"""Machine images and the public SSM parameters that name them.

moto knows Amazon Linux only. GPU nodes start from a Deep Learning AMI, Trainium nodes from a Neuron one, and
Ubuntu is Canonical's. Image ids are made up, but the same on each start: a digest of Region and parameter.

Sources: DLAMI release notes and Neuron documentation (parameter names), Canonical "Find Ubuntu images on AWS".
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localstack.utils.patch import patch
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ssm.models import Parameter, ParameterDict

AMAZON, CANONICAL = "898082745236", "099720109477"
AL2023_ROOT, UBUNTU_ROOT = "/dev/xvda", "/dev/sda1"


@dataclass(frozen=True)
class Image:
    parameter: str
    name: str
    architecture: str = "x86_64"
    root_device: str = AL2023_ROOT
    owner: str = AMAZON
    alias: str | None = "amazon"

    def id_in(self, region: str) -> str:
        return "ami-" + hashlib.sha256(f"{region} {self.parameter}".encode()).hexdigest()[:17]


def _deep_learning() -> Iterator[Image]:
    systems = {
        "amazon-linux-2023": ("Amazon Linux 2023", AL2023_ROOT),
        "ubuntu-22.04": ("Ubuntu 22.04", UBUNTU_ROOT),
        "ubuntu-24.04": ("Ubuntu 24.04", UBUNTU_ROOT),
    }
    for architecture in ("x86_64", "arm64"):
        for key, (title, root) in systems.items():
            mark = "ARM64 " if architecture == "arm64" else ""
            yield Image(
                f"/aws/service/deeplearning/ami/{architecture}/base-oss-nvidia-driver-gpu-{key}/latest/ami-id",
                f"Deep Learning {mark}Base OSS Nvidia Driver GPU AMI ({title}) 20260301",
                architecture,
                root,
            )


def _neuron() -> Iterator[Image]:
    for key, title, root in (
        ("amazon-linux-2023", "Amazon Linux 2023", AL2023_ROOT),
        ("ubuntu-22.04", "Ubuntu 22.04", UBUNTU_ROOT),
        ("ubuntu-24.04", "Ubuntu 24.04", UBUNTU_ROOT),
    ):
        for kind, word in (("base", "Base"), ("multi-framework", "Multi-Framework")):
            yield Image(
                f"/aws/service/neuron/dlami/{kind}/{key}/latest/image_id",
                f"Deep Learning {word} Neuron AMI ({title}) 20260301",
                root_device=root,
            )


def _canonical() -> Iterator[Image]:
    for version, codename in (("22.04", "jammy"), ("24.04", "noble")):
        for key, architecture in (("amd64", "x86_64"), ("arm64", "arm64")):
            for volume in ("gp2", "gp3"):
                kind = "hvm-ssd" if volume == "gp2" else "hvm-ssd-gp3"
                yield Image(
                    f"/aws/service/canonical/ubuntu/server/{version}/stable/current/{key}/hvm/ebs-{volume}/ami-id",
                    f"ubuntu/images/{kind}/ubuntu-{codename}-{version}-{key}-server-20260301",
                    architecture,
                    UBUNTU_ROOT,
                    CANONICAL,
                    None,
                )


IMAGES = (*_deep_learning(), *_neuron(), *_canonical())
PREFIXES = ("/aws/service/deeplearning/", "/aws/service/neuron/", "/aws/service/canonical/")


def _load_images(fn: Any, self: AmiBackend) -> None:
    fn(self)
    for image in IMAGES:
        identifier = image.id_in(self.region_name)
        self.amis[identifier] = Ami(
            self,
            identifier,
            name=image.name,
            description=image.name,
            owner_id=image.owner,
            owner_alias=image.alias,
            public=True,
            virtualization_type="hvm",
            architecture=image.architecture,
            image_location=f"amazon/{image.name}",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=image.root_device,
            creation_date="2026-03-01T00:00:00.000Z",
        )


def _load_parameters(fn: Any, self: ParameterDict, key: str) -> None:
    fn(self, key)
    if not str(key or "").startswith(PREFIXES) or getattr(self, "provision_images_loaded", False):
        return
    self.provision_images_loaded = True
    for image in IMAGES:
        self[image.parameter] = [
            Parameter(
                account_id=self.account_id,
                name=image.parameter,
                value=image.id_in(self.region_name),
                parameter_type="String",
                description=None,
                allowed_pattern=None,
                keyid=None,
                last_modified_date=time.time(),
                version=1,
                data_type="aws:ec2:image",
            )
        ]


def install() -> None:
    patch(AmiBackend._load_amis)(_load_images)
    patch(ParameterDict._check_loading_status)(_load_parameters)
