"""The control endpoints, the script, and the aws command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from conftest import REGION, run_script


def test_unknown_settings_are_refused(cloud):
    assert "delay.boot" in cloud.control("POST", "settings", {"delay": {"boot": 1}})["error"]
    assert cloud.control("POST", "settings", {"delay": {"task": 2.0}})["delay"]["task"] == 2.0


@pytest.mark.parametrize(
    ("branch", "rule", "expected"),
    [
        ("task", {"hangs": 1}, "hangs"),
        ("task", {"hang": "half"}, "half"),
        ("task", {"fail": {"codes": "x"}}, "codes"),
        ("task", {"fail": []}, "fail"),
        ("task", [], "objects"),
        ("boot", {"results": "ready"}, "results"),
    ],
    ids=str,
)
def test_rules_that_make_no_sense_are_refused(cloud, branch, rule, expected):
    assert expected in cloud.control("POST", "settings", {branch: {"rules": [rule]}})["error"]
    assert cloud.control("GET", "settings")[branch]["rules"] == []


def test_a_pattern_that_is_none_is_refused(cloud):
    assert "regex" in cloud.control("POST", "settings", {"ssm": {"commands": [{"regex": "("}]}})["error"]


def test_an_error_before_the_work(cloud, code):
    fault = {"service": "fsx", "operation": "CreateFileSystem", "code": "ServiceLimitExceeded", "times": 1}
    cloud.control("POST", "fail-next", fault)
    assert code(cloud.fsx.create_file_system, **cloud.request()) == "ServiceLimitExceeded"
    assert cloud.fsx.describe_file_systems()["FileSystems"] == []
    cloud.fsx.create_file_system(**cloud.request())


def test_an_answer_that_is_lost(cloud, code):
    fault = {"service": "ec2", "operation": "RunInstances", "code": "InternalError", "mode": "error-after-handling"}
    cloud.control("POST", "fail-next", fault)
    assert code(cloud.run, ClientToken="t") == "InternalError"
    assert len(cloud.instances()) == 1
    cloud.run(ClientToken="t")
    assert len(cloud.instances()) == 1


def test_a_retried_server_error_is_not_seen(cloud):
    fault = {"service": "fsx", "operation": "CreateFileSystem", "code": "InternalServerError", "status": 500}
    cloud.control("POST", "fail-next", {**fault, "mode": "error-after-handling"})
    cloud.fsx.create_file_system(**cloud.request())
    assert len(cloud.fsx.describe_file_systems()["FileSystems"]) == 1


def test_requests_are_counted(cloud):
    before = cloud.control("GET", "ledger")["requests"].get("ec2", {}).get("DescribeVpcs", 0)
    cloud.ec2.describe_vpcs()
    assert cloud.control("GET", "ledger")["requests"]["ec2"]["DescribeVpcs"] == before + 1


def test_files_need_a_file_system(cloud):
    answer = cloud.control("POST", "files", {"file_system_id": "fs-0", "path": "/a"})
    assert answer == {"error": "there is no file system 'fs-0'"}


def test_a_bucket_is_filled_with_names(cloud):
    bucket = cloud.bucket()
    names = {"account": cloud.account, "bucket": bucket, "key": "a/{d:02}/{n:05}", "size": 7, "count": 1001}
    assert cloud.control("POST", "objects", names) == {"count": 1001}
    pages = list(cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket))
    listed = [one for page in pages for one in page["Contents"]]
    assert (len(pages), len(listed), listed[0]["Key"], listed[-1]["Key"]) == (2, 1001, "a/00/00000", "a/01/01000")
    assert {one["Size"] for one in listed} == {7}


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"bucket": "nobodys"}, "no bucket"), ({"key": "{x}"}, "{n} and {d}"), ({"count": "many"}, "numbers")],
    ids=str,
)
def test_names_that_make_no_sense_are_refused(cloud, change, expected):
    names = {"account": cloud.account, "bucket": cloud.bucket(), "key": "a", **change}
    assert expected in cloud.control("POST", "objects", names)["error"]


@pytest.fixture
def aws(cloud):
    """Runs the aws command line and returns its answer."""
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("awscli is not installed beside this Python: pip install -r requirements-dev.txt")

    def call(*arguments):
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_ACCESS_KEY_ID": cloud.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_PAGER": "",
        }
        command = [sys.executable, str(program), *arguments, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout or "{}")

    return call


def test_the_aws_command_line_creates_updates_and_deletes(cloud, aws):
    group = cloud.lustre_group()
    bucket = cloud.bucket()
    lustre = "DeploymentType=PERSISTENT_2,PerUnitStorageThroughput=125,DataCompressionType=NONE"
    created = aws(
        *("fsx", "create-file-system", "--file-system-type", "LUSTRE", "--storage-capacity", "1200"),
        *("--subnet-ids", cloud.subnet()["SubnetId"], "--security-group-ids", group),
        *("--file-system-type-version", "2.15", "--lustre-configuration", lustre),
        *("--tags", "Key=Name,Value=cli"),
    )["FileSystem"]
    identifier = created["FileSystemId"]

    def lifecycle():
        return aws("fsx", "describe-file-systems", "--file-system-ids", identifier)["FileSystems"][0]["Lifecycle"]

    cloud.wait(lambda: lifecycle() == "AVAILABLE", 60)
    link = aws(
        *("fsx", "create-data-repository-association", "--file-system-id", identifier),
        *("--file-system-path", "/data", "--data-repository-path", f"s3://{bucket}/data"),
        *("--s3", "AutoImportPolicy={Events=[NEW,CHANGED]},AutoExportPolicy={Events=[NEW]}"),
    )["Association"]["AssociationId"]
    cloud.wait(lambda: cloud.association(link)["Lifecycle"] == "AVAILABLE")
    aws(
        *("fsx", "update-file-system", "--file-system-id", identifier),
        *("--lustre-configuration", "DataCompressionType=LZ4"),
    )
    cloud.wait(lambda: cloud.system(identifier)["Lifecycle"] == "AVAILABLE")
    assert cloud.system(identifier)["LustreConfiguration"]["DataCompressionType"] == "LZ4"
    aws("fsx", "delete-data-repository-association", "--association-id", link)
    assert aws("fsx", "delete-file-system", "--file-system-id", identifier)["Lifecycle"] == "DELETING"
    cloud.wait(lambda: not cloud.fsx.describe_file_systems()["FileSystems"])
    with pytest.raises(RuntimeError, match="FileSystemNotFound"):
        aws("fsx", "describe-file-systems", "--file-system-ids", identifier)


def test_the_aws_command_line_makes_other_storage(cloud, aws):
    efs = aws("efs", "create-file-system", "--creation-token", "cli", "--throughput-mode", "elastic", "--encrypted")
    assert (efs["ThroughputMode"], efs["Encrypted"]) == ("elastic", True)
    identifier = efs["FileSystemId"]
    lustre = "DeploymentType=CACHE_1,PerUnitStorageThroughput=1000,MetadataConfiguration={StorageCapacity=2400}"
    link = f"FileCachePath=/data,DataRepositoryPath=s3://{cloud.bucket()}/data/"
    cache = aws(
        *("fsx", "create-file-cache", "--file-cache-type", "LUSTRE", "--file-cache-type-version", "2.12"),
        *("--storage-capacity", "1200", "--subnet-ids", cloud.subnet()["SubnetId"]),
        *("--lustre-configuration", lustre),
        *("--data-repository-associations", link),
    )["FileCache"]
    assert cache["Lifecycle"] == "CREATING" and len(cache["DataRepositoryAssociationIds"]) == 1
    subnet = cloud.subnet()["SubnetId"]
    target = aws("efs", "create-mount-target", "--file-system-id", identifier, "--subnet-id", subnet)["MountTargetId"]
    with pytest.raises(RuntimeError, match="FileSystemInUse"):
        aws("efs", "delete-file-system", "--file-system-id", identifier)
    aws("efs", "delete-mount-target", "--mount-target-id", target)
    cloud.wait(lambda: not cloud.efs.describe_mount_targets(FileSystemId=identifier)["MountTargets"])
    aws("efs", "delete-file-system", "--file-system-id", identifier)
    aws("fsx", "delete-file-cache", "--file-cache-id", cache["FileCacheId"])
    cloud.wait(lambda: not cloud.fsx.describe_file_caches()["FileCaches"])


def test_the_script_starts_twice_and_stops_without_a_trace(tmp_path):
    state = str(tmp_path / "state")
    first = run_script("start", "--state", state, "--port", "0")
    second = run_script("start", "--state", state, "--port", "0")
    assert first.stdout == second.stdout and first.stdout.startswith("http://127.0.0.1:")
    pid = int(Path(state, "pid").read_text())
    assert run_script("status", "--state", state).stdout == first.stdout
    assert run_script("stop", "--state", state).returncode == 0
    assert not Path(state).exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    assert run_script("status", "--state", state).returncode == 1


def test_an_error_without_a_shape_is_refused(cloud):
    answer = cloud.control("POST", "fail-next", {"service": "fsx"})
    assert "operation" in answer["error"]
    with pytest.raises(ClientError):
        cloud.fsx.describe_file_systems(FileSystemIds=["fs-0123456789abcdef0"])
