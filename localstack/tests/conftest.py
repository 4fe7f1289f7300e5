"""One LocalStack for all tests, started with the script that users start it with; one account for each test."""

import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "localstack.sh"
# The parts of the crash matrix are tested here as well.
sys.path.insert(0, str(SCRIPT.parent.parent / "tools"))
REGION = "us-east-1"
ZONE = "us-east-1a"
# Seconds of the default settings become tenths here.
TIME_SCALE = "0.1"


def run_script(*arguments, **environment):
    return subprocess.run(
        [str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory):
    state = str(tmp_path_factory.mktemp("localstack") / "state")
    started = run_script("start", "--state", state, "--port", "0", PROVISION_TIME_SCALE=TIME_SCALE)
    assert started.returncode == 0, started.stderr
    yield started.stdout.strip()
    run_script("stop", "--state", state)


class Cloud:
    """Clients of one account, and the control endpoints."""

    def __init__(self, endpoint, account):
        self.endpoint = endpoint
        self.account = account
        self.fsx, self.ec2, self.s3, self.ssm, self.iam = map(self.client, ("fsx", "ec2", "s3", "ssm", "iam"))
        self.cloudwatch, self.efs = map(self.client, ("cloudwatch", "efs"))

    def client(self, service, **more):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.account,
            aws_secret_access_key="test",
            **more,
        )

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_provision/{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def subnet(self, zone=ZONE):
        found = self.ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone]}])
        return found["Subnets"][0]

    def lustre_group(self, name="lustre", efa=False):
        group = self.ec2.create_security_group(GroupName=name, Description="x", VpcId=self.subnet()["VpcId"])["GroupId"]
        peer = [{"GroupId": group}]
        rule = {"IpProtocol": "tcp", "FromPort": 988, "ToPort": 1023, "UserIdGroupPairs": peer}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        if efa:
            rule = {"IpProtocol": "-1", "UserIdGroupPairs": peer}
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
            self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
        return group

    def request(self, **changes):
        """A CreateFileSystem request that is right, with changes: None takes a member out."""
        lustre = {"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 125, **changes.pop("lustre", {})}
        whole = {
            "FileSystemType": "LUSTRE",
            "StorageCapacity": 1200,
            "SubnetIds": [self.subnet()["SubnetId"]],
            "FileSystemTypeVersion": "2.15",
            "LustreConfiguration": {key: value for key, value in lustre.items() if value is not None},
            **changes,
        }
        return {key: value for key, value in whole.items() if value is not None}

    def file_system(self, **changes):
        """Creates a file system and waits for it."""
        created = self.fsx.create_file_system(**self.request(**changes))["FileSystem"]
        self.wait(lambda: self.system(created["FileSystemId"])["Lifecycle"] == "AVAILABLE")
        return self.system(created["FileSystemId"])

    def system(self, identifier):
        return self.fsx.describe_file_systems(FileSystemIds=[identifier])["FileSystems"][0]

    def bucket(self):
        name = f"bucket-{self.account}-{random.randrange(10**6)}"
        self.s3.create_bucket(Bucket=name)
        return name

    def link(self, system, bucket, path="/data", export=(), **more):
        policy = {"AutoExportPolicy": {"Events": list(export)}} if export else {}
        created = self.fsx.create_data_repository_association(
            FileSystemId=system["FileSystemId"],
            FileSystemPath=path,
            DataRepositoryPath=f"s3://{bucket}{path}",
            S3=policy,
            **more,
        )["Association"]
        self.wait(lambda: self.association(created["AssociationId"])["Lifecycle"] == "AVAILABLE")
        return self.association(created["AssociationId"])

    def association(self, identifier):
        answer = self.fsx.describe_data_repository_associations(AssociationIds=[identifier])
        return answer["Associations"][0]

    def task(self, identifier):
        return self.fsx.describe_data_repository_tasks(TaskIds=[identifier])["DataRepositoryTasks"][0]

    def write(self, system, *paths, **more):
        files = [{"path": path, **more} for path in paths]
        return self.control("POST", "files", {"file_system_id": system["FileSystemId"], "files": files})

    def keys(self, bucket):
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def files(self, system):
        """The files of a file system by path, as the control endpoint shows them."""
        found = self.control("GET", f"files?file_system_id={system['FileSystemId']}")["files"]
        return {file["path"]: file for file in found}

    def profile(self):
        """The name of an instance profile; without one no instance is managed by SSM."""
        self.iam.create_role(RoleName="nodes", AssumeRolePolicyDocument="{}")
        self.iam.create_instance_profile(InstanceProfileName="nodes")
        self.iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="nodes")
        return {"Name": "nodes"}

    def image(self):
        name = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"
        return self.ssm.get_parameter(Name=name)["Parameter"]["Value"]

    def run(self, count=1, **more):
        request = {"ImageId": self.image(), "InstanceType": "g5.xlarge", "MinCount": count, "MaxCount": count}
        if "NetworkInterfaces" not in more and "LaunchTemplate" not in more:
            request["SubnetId"] = self.subnet()["SubnetId"]
        if "LaunchTemplate" in more:
            del request["ImageId"], request["InstanceType"]
        return self.ec2.run_instances(**{**request, **more})

    def instances(self, **request):
        answer = self.ec2.describe_instances(**request)
        return [one for reservation in answer["Reservations"] for one in reservation["Instances"]]

    @staticmethod
    def wait(condition, seconds=15):
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "the condition did not come true"
            time.sleep(0.02)


@pytest.fixture
def cloud(endpoint):
    account = f"{random.randrange(10**11, 10**12)}"
    cloud = Cloud(endpoint, account)
    yield cloud
    cloud.control("DELETE", "fail-next")
    defaults = {"time_scale": float(TIME_SCALE), "lag": {"created": 0, "deleted": 0}}
    defaults |= {
        "page": {"file_systems": 100, "associations": 25, "file_caches": 50, "efs": 100, "mount_targets": 100},
        "boot": {"rules": [], "mode": "play", "sandbox": None},
    }
    defaults |= {"fsx": {"update_interval": 21600, "concurrent_association_fails": True}}
    defaults |= {"efs": {"update_interval": 86400}}
    defaults |= {"ec2": {"vcpu_limit": None, "ttl_scale": 1}, "task": {"rules": []}, "preload": {"stall": False}}
    defaults |= {"ssm": {"commands": [], "offline": []}}
    efs = {"efs_create": 1, "efs_update": 0.5, "mount_target_create": 3}
    defaults |= {"delay": {"auto_export": 1, "task": 2, **efs}}
    assert "error" not in cloud.control("POST", "settings", defaults)


@pytest.fixture
def code():
    """Returns the error code of a call."""

    def call(function, **request):
        with pytest.raises(Exception) as caught:
            function(**request)
        return caught.value.response["Error"]["Code"]

    return call
