"""The action with the real program: offline, and against LocalStack."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import runner

ROOT = runner.ACTION.parent
SPEC = """
[cluster]
name = "from-ci"
region = "us-east-1"

[storage]
deployment = "scratch-2"
capacity = "1.2 TiB"

[[dataset]]
s3 = "s3://acme-from-ci/train"
path = "/train"

[[nodes]]
name = "dev"
instance = "g6e.2xlarge"
count = 1
"""


@pytest.fixture
def binary():
    path = Path(os.environ.get("PROVISION_BIN", ROOT / "target/debug/provision"))
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


@pytest.fixture
def spec(tmp_path):
    """A folder and a file with names that want to be quoted."""
    folder = tmp_path / "workspace" / "the $(clusters)"
    folder.mkdir(parents=True)
    (folder / "it's.toml").write_text(SPEC)
    return {"working_directory": folder.name, "spec": "it's.toml"}


@pytest.fixture
def localstack(tmp_path):
    """An endpoint, with the bucket of the spec."""
    venv = os.environ.get("LOCALSTACK_VENV")
    if not venv:
        pytest.skip("LOCALSTACK_VENV does not say where LocalStack is installed")
    script = [str(ROOT / "localstack/localstack.sh")]
    where = ["--venv", venv, "--state", str(tmp_path / "localstack")]
    started = subprocess.run(
        [*script, "start", *where, "--port", "0"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    try:
        assert started.returncode == 0, started.stderr
        around = {
            "AWS_ENDPOINT_URL": started.stdout.strip(),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test-secret",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        make = [f"{venv}/bin/aws", "s3", "mb", "s3://acme-from-ci"]
        subprocess.run(make, env=os.environ | around, check=True, capture_output=True)
        yield around
    finally:
        subprocess.run([*script, "stop", *where], check=False, capture_output=True)


def test_a_plan_is_compared_with_what_exists(act, github, localstack, binary, spec):
    done = act(environment=localstack, binary=str(binary), fail_on="destroys-data", **spec)
    assert done.code == 0, done.log
    assert (done.outputs["compared"], done.outputs["has-changes"], done.outputs["worst-danger"]) == (
        "true",
        "true",
        "safe",
    )
    assert re.fullmatch(r"\d+\.\d{6}", done.outputs["hourly-usd"])
    (comment,) = github.comments
    assert comment["body"].startswith("<!-- provision:plan:the%20%24%28clusters%29/it%27s.toml -->\n")
    assert "from-ci" in comment["body"] and "1.2 TiB" in comment["body"]
    assert github.on_pull == ["bug", "provision: safe"]
    for name in ("plan-json", "plan-md", "plan-html"):
        assert Path(done.outputs[name]).stat().st_size > 0
    assert "test-secret" not in done.log + comment["body"] + Path(done.outputs["plan-json"]).read_text()


def test_a_fork_needs_neither_credentials_nor_network(act, github, binary, spec, tmp_path):
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
    event = runner.event(tmp_path, repo={"id": 2})
    done = act(event=event, environment=nowhere, token="ghs_reads", binary=str(binary), **spec)
    assert done.code == 0, done.log
    assert done.outputs["compared"] == "false" and "from-ci" in done.summary
    assert done.outputs["hourly-change-usd"] == ""
    assert github.comments == []


def test_the_mistakes_of_a_spec_are_in_the_comment(act, github, binary, spec, tmp_path):
    path = tmp_path / "workspace" / spec["working_directory"] / spec["spec"]
    path.write_text(SPEC.replace("1.2 TiB", "5 TiB").replace("count", "::error::count"))
    done = act(offline="true", binary=str(binary), **spec)
    assert done.code == 1 and done.failed == "Verdict"
    assert done.told("error") == ["no plan could be made"]
    (comment,) = github.comments
    for text in (comment["body"], done.summary):
        assert "This check fails: no plan could be made" in text and "error[" in text
