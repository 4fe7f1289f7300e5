"""Runs action.yml as GitHub's runner does, as far as we use it: the steps in their order, each a script of bash."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ACTION = Path(__file__).resolve().parent.parent
DEFINITION = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")


@dataclass
class Run:
    code: int = 0
    # The step that failed.
    failed: str = ""
    log: str = ""
    summary: str = ""
    outputs: dict = field(default_factory=dict)
    # What the runner would have obeyed: (command, text).
    commands: list = field(default_factory=list)

    def told(self, command):
        return [text for name, text in self.commands if name == command]


def outputs_of(path):
    """`name=value` and `name<<end`, as the runner reads them."""
    found, lines = {}, path.read_text(encoding="utf-8").split("\n")
    while lines:
        line = lines.pop(0)
        if "<<" in line:
            name, end = line.split("<<", 1)
            value = []
            while lines[0] != end:
                value.append(lines.pop(0))
            lines.pop(0)
            found[name] = "\n".join(value)
        elif line:
            name, value = line.split("=", 1)
            found[name] = value
    return found


def commands_of(log):
    """The workflow commands of a log that are obeyed, with what is between stop-commands and its word left out."""
    found, word = [], None
    for line in log.splitlines():
        match = re.match(r"\s*::([^ :]+)[^:]*::(.*)", line)
        if match and word is None and match[1] == "stop-commands":
            word = match[2]
        elif match and word is not None:
            word = None if match[1] == word else word
        elif match:
            found.append((match[1], match[2]))
        elif word is None and re.match(r"\s*##\[", line):
            found.append(("old", line))
    return found


def resolve(text, known):
    return EXPRESSION.sub(lambda match: known[match[1]], str(text))


def run(work, inputs, environment, path):
    """Runs the action in the folder `workspace` below `work`. `path` is PATH."""
    known = {"github.token": inputs.pop("github.token", "ghs_writes")}
    for name, described in DEFINITION["inputs"].items():
        # What the workflow gives is a value already.
        known[f"inputs.{name}"] = inputs.pop(name) if name in inputs else resolve(described.get("default", ""), known)
    assert not inputs, f"no such inputs: {inputs}"
    # What a step did not say is empty.
    known |= {f"steps.{name}": "" for name in re.findall(r"steps\.([\w.-]+)", json.dumps(DEFINITION))}
    for folder in ("workspace", "temp"):
        (work / folder).mkdir(exist_ok=True)

    done = Run()
    for number, step in enumerate(DEFINITION["runs"]["steps"]):
        files = {name: work / f"{name}-{number}" for name in ("output", "summary", "script")}
        for name in ("output", "summary"):
            files[name].write_text("")
        files["script"].write_text(step["run"])
        given = {name: resolve(value, known) for name, value in step.get("env", {}).items()}
        result = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(files["script"])],
            cwd=work / "workspace",
            env={
                "PATH": path,
                "HOME": str(work),
                "NO_PROXY": "127.0.0.1",
                "RUNNER_TEMP": str(work / "temp"),
                "GITHUB_ACTION_PATH": str(ACTION),
                "GITHUB_OUTPUT": str(files["output"]),
                "GITHUB_STEP_SUMMARY": str(files["summary"]),
                **environment,
                **given,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        done.log += result.stdout
        done.summary += files["summary"].read_text(encoding="utf-8")
        if "id" in step:
            known |= {
                f"steps.{step['id']}.outputs.{name}": value for name, value in outputs_of(files["output"]).items()
            }
        if result.returncode:
            done.code, done.failed = result.returncode, step["name"]
            break
    done.outputs = {name: resolve(one["value"], known) for name, one in DEFINITION["outputs"].items()}
    done.commands = commands_of(done.log)
    return done


def event(work, **changes):
    """The event of a pull request of the repository itself."""
    head = {"sha": "a" * 40, "repo": {"id": 1}} | changes
    path = work / "event.json"
    path.write_text(json.dumps({"pull_request": {"number": 7, "head": head, "base": {"repo": {"id": 1}}}}))
    return {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(path)}


def path_of(folder):
    """PATH with this Python as python3, and without a `provision`."""
    python = folder / "python3"
    if not python.exists():
        python.symlink_to(Path(sys.executable).resolve())
    others = [other for other in os.environ["PATH"].split(":") if not (Path(other) / "provision").exists()]
    return ":".join([str(folder), *others])
