"""The action with a program that does as it is told, beside a GitHub that does too."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import runner
import stand_in

STUB = """#!{python}
import json, os, sys
from pathlib import Path
here = Path(__file__).resolve().parent
arguments = sys.argv[1:]
with open(here / "calls.jsonl", "a") as file:
    file.write(json.dumps({{"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}}) + "\\n")
told = json.loads((here / "told.json").read_text())
sys.stdout.write(told["stdout"])
sys.stderr.write(told["stderr"])
for flag, path in zip(arguments, arguments[1:]):
    if flag == "--out" and told["makes"]:
        kind = path.rsplit(".", 1)[1]
        Path(path).write_text(json.dumps(told["plan"]) if kind == "json" else told[kind])
sys.exit(told["code"])
"""


class Program:
    """A `provision` that plans what it is told to."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.path = folder / "provision"
        self.path.write_text(STUB.format(python=sys.executable))
        self.path.chmod(0o755)
        self.tell()

    def tell(
        self,
        danger="safe",
        code=0,
        changes=True,
        md="**1 to create**\n",
        stdout="",
        stderr="",
        makes=True,
        micros=454_304_000,
    ):
        cost = {"difference": {"hourly": -6_904_110, "complete": True}}
        summary = {
            "worst_danger": danger,
            "has_changes": changes,
            "hourly_micros": micros,
            "hourly_complete": True,
            "cost": cost,
        }
        plan = {"format_version": 1, "summary": summary, "compared": True}
        told = {"code": code, "plan": plan, "md": md, "html": "<p>", "stdout": stdout, "stderr": stderr, "makes": makes}
        (self.folder / "told.json").write_text(json.dumps(told))

    def calls(self):
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path / "bin")


@pytest.fixture
def github():
    forge = stand_in.GitHub()
    with forge.serve() as url:
        forge.url = url
        yield forge


@pytest.fixture
def act(tmp_path, github, program):
    """Runs the action on a pull request of the repository itself, unless told otherwise."""

    def act(event=None, environment=None, **inputs):
        names = {name.replace("_", "-"): value for name, value in inputs.items()}
        names["github.token"] = names.pop("token", "ghs_writes")
        around = {
            "GITHUB_API_URL": github.url,
            "GITHUB_GRAPHQL_URL": f"{github.url}/graphql",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "acme/clusters",
            "GITHUB_RUN_ID": "99",
            "GITHUB_SHA": "b" * 40,
            "GITHUB_ACTOR": "ana",
        }
        around |= runner.event(tmp_path) if event is None else event
        return runner.run(tmp_path, names, around | (environment or {}), runner.path_of(program.folder))

    return act


def tool(name, variable):
    """A tool that lints: named by a variable, beside this Python, or on PATH. Without it the test is skipped."""
    found = os.environ.get(variable) or shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not found:
        pytest.skip(f"{name} is not installed")
    return found
