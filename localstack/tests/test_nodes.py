"""A node's console, its end by a ttl, and boots that really run in a sandbox."""

import gzip
import hashlib
import re
import sys
import time
from datetime import UTC, datetime

import pytest
from test_ec2 import node_tags, script


def console(cloud, instance):
    """boto3 decodes the output."""
    return cloud.ec2.get_console_output(InstanceId=instance).get("Output", "")


def state(cloud, instance):
    return cloud.instances(InstanceIds=[instance])[0]["State"]["Name"]


def test_the_console_tells_the_steps(cloud, code):
    system = cloud.file_system()
    address = {"ResourceType": "instance", "Tags": [{"Key": "provision:address", "Value": "nodes.c"}]}
    setup = {"result": "failed: setup: exit 3", "index": 1, "address": "nodes.c", "console": "pip: no such package\n"}
    silent = {"result": "silent", "index": 2, "address": "nodes.c"}
    cloud.control("POST", "settings", {"boot": {"rules": [setup, silent]}})
    nodes = [
        one["InstanceId"] for one in cloud.run(3, UserData=script(system), TagSpecifications=[address])["Instances"]
    ]
    assert console(cloud, nodes[0]) == ""
    cloud.wait(lambda: node_tags(cloud) == ["ready", "failed: setup: exit 3", None])
    ready, failed, hung = (console(cloud, node).splitlines() for node in nodes)
    assert ready[-1] == "provision: ready" and "provision: mount" in ready
    assert failed[-3:] == ["provision: setup", "pip: no such package", "provision: failed: setup: exit 3"]
    assert hung[-1] == "provision: client"
    assert code(cloud.ec2.get_console_output, InstanceId="i-0123456789abcdef0") == "InvalidInstanceID.NotFound"


def with_ttl(system, seconds):
    return gzip.compress(f"{script(system)}TTL_S={seconds}\n".encode())


def launch(cloud, system, seconds, **more):
    made = cloud.run(UserData=with_ttl(system, seconds), InstanceInitiatedShutdownBehavior="terminate", **more)
    return made["Instances"][0]["InstanceId"]


def test_a_ttl_ends_a_node(cloud):
    before = cloud.control("GET", "ledger")["instances_expired"]
    system = cloud.file_system()
    cloud.control("POST", "settings", {"ec2": {"ttl_scale": 0.001}})
    short, none = launch(cloud, system, 1000), launch(cloud, system, 0)
    cloud.wait(lambda: state(cloud, short) == "terminated")
    ended = cloud.instances(InstanceIds=[short])[0]
    assert ended["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert state(cloud, none) == "running"
    assert cloud.control("GET", "ledger")["instances_expired"] == before + 1
    cloud.ec2.terminate_instances(InstanceIds=[short, none])
    cloud.wait(lambda: state(cloud, none) == "terminated")
    ended = cloud.instances(InstanceIds=[none])[0]
    assert ended["StateReason"]["Code"] == "Client.UserInitiatedShutdown"


@pytest.mark.parametrize(
    "write",
    [lambda at: str(int(at)), lambda at: datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")],
    ids=["epoch", "rfc3339"],
)
def test_a_tag_puts_the_end_off(cloud, write):
    system = cloud.file_system()
    kept, gone = launch(cloud, system, 1), launch(cloud, system, 1)
    tags = {kept: write(time.time() + 3600), gone: write(time.time() - 3600)}
    for identifier, until in tags.items():
        cloud.ec2.create_tags(Resources=[identifier], Tags=[{"Key": "provision:until", "Value": until}])
    cloud.wait(lambda: state(cloud, gone) == "terminated")
    assert state(cloud, kept) == "running"


def test_a_node_that_may_only_stop_stops(cloud):
    system = cloud.file_system()
    node = cloud.run(UserData=with_ttl(system, 1))["Instances"][0]["InstanceId"]
    cloud.wait(lambda: state(cloud, node) == "stopped")
    cloud.ec2.terminate_instances(InstanceIds=[node])
    cloud.wait(lambda: state(cloud, node) == "terminated")


def test_nodes_restore_what_is_to_be_preloaded(cloud):
    system = cloud.file_system()
    cloud.link(system, cloud.bucket(), "/train set")
    paths = ["/train set/a", "/train set/b"]
    body = {"file_system_id": system["FileSystemId"]}
    cloud.control("PUT", "files", {**body, "files": [{"path": path, "state": "released"} for path in paths]})
    cloud.control("POST", "settings", {"preload": {"stall": True}})
    text = f"{script(system)}PRELOAD=()\nPRELOAD[0]='/train set'\n"
    key = hashlib.sha256(b"/train set").hexdigest()[:6]

    def tag(instance):
        tags = cloud.instances(InstanceIds=[instance])[0]["Tags"]
        return {one["Key"]: one["Value"] for one in tags}.get("provision:preload") or ""

    stalled = cloud.run(UserData=text)["Instances"][0]["InstanceId"]
    cloud.wait(lambda: re.fullmatch(rf"1 at=\d+ {key}=load:1/2:0/0:0:\d+:\d+", tag(stalled)))
    assert [cloud.files(system)[path]["state"] for path in paths] == ["archived", "released"]
    cloud.control("POST", "settings", {"preload": {"stall": False}})
    done = cloud.run(UserData=text)["Instances"][0]["InstanceId"]
    cloud.wait(lambda: re.fullmatch(rf"1 at=\d+ {key}=done:2:0", tag(done)))
    assert {file["state"] for file in cloud.files(system).values()} == {"archived"}


# What the sandbox promises, as far as LocalStack uses it: see `localstack/sandbox`.
SANDBOX = """#!{python}
import gzip, json, pathlib, sys
assert sys.argv[1] == "boot"
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
text = gzip.decompress(pathlib.Path(options["--user-data"]).read_bytes()).decode()
mount = pathlib.Path(options["--mount-source"])
scenario = json.loads(pathlib.Path(options["--scenario"]).read_text())
metadata = json.loads(pathlib.Path(options["--metadata"]).read_text())
if scenario.get("crash"):
    sys.exit("the sandbox crashed")
(mount / "data").mkdir(exist_ok=True)
(mount / "data" / "new").write_text("written by " + metadata["instance-id"])
(mount / ".provision").mkdir(exist_ok=True)
(mount / ".provision" / "hosts").write_text("x")
(mount / "seen").write_text(" ".join(sorted(str(one.relative_to(mount)) for one in mount.rglob("*"))))
print("some noise")
log = pathlib.Path(options["--root"]).with_name("log")
log.write_text(text + options["--os"] + " " + options["--endpoint"])
print(json.dumps({{"tag": "ready", "tags": ["ready"], "exit": 0, "log": str(log)}}))
"""


@pytest.fixture
def sandbox(cloud, tmp_path):
    program = tmp_path / "node-sandbox"
    program.write_text(SANDBOX.format(python=sys.executable))
    program.chmod(0o755)
    boot = {"mode": "execute", "sandbox": str(program), "scenario": {"crash": False}}
    assert "error" not in cloud.control("POST", "settings", {"boot": boot})


def test_a_boot_really_runs(cloud, sandbox):
    system = cloud.file_system()
    bucket = cloud.bucket()
    cloud.link(system, bucket, export=["NEW"])
    cloud.control("PUT", "files", {"file_system_id": system["FileSystemId"], "path": "/data/old", "size": 7})
    node = cloud.run(UserData=with_ttl(system, 0))["Instances"][0]["InstanceId"]
    cloud.wait(lambda: node_tags(cloud) == ["ready"])
    text = console(cloud, node)
    assert "TTL_S=0" in text and text.endswith(f"amzn2023 {cloud.endpoint}")
    files = cloud.files(system)
    assert files["/seen"]["content"].split() == [".provision", ".provision/hosts", "data", "data/new", "data/old"]
    assert {path: file["state"] for path, file in files.items() if path != "/data/new"} == {
        "/data/old": "dirty",
        "/seen": "unlinked",
    }
    cloud.wait(lambda: cloud.keys(bucket) == ["data/new"])
    found = cloud.s3.get_object(Bucket=bucket, Key="data/new")["Body"].read().decode()
    assert found == f"written by {node}"


def test_a_broken_sandbox_is_told(cloud, sandbox):
    cloud.control("POST", "settings", {"boot": {"scenario": {"crash": True}}})
    system = cloud.file_system()
    node = cloud.run(UserData=with_ttl(system, 0))["Instances"][0]["InstanceId"]
    cloud.wait(lambda: node_tags(cloud) == ["failed: sandbox"])
    assert re.search("the sandbox crashed", console(cloud, node))
