"""The action, step by step, as a runner runs it."""

import json
import re
import sys

import pytest
import runner
from stand_in import Fault

MARKER = "<!-- provision:plan:cluster.toml -->"

sys.path.insert(0, str(runner.ACTION))
import github as client  # noqa: E402


def ours(github):
    return [one for one in github.comments if one["body"].startswith("<!-- provision:plan:")]


def fork(tmp_path):
    return runner.event(tmp_path, repo={"id": 2})


# The comment.


def test_a_plan_becomes_a_comment_a_label_a_summary_and_outputs(act, github, program):
    program.tell(danger="destroys-data", md="**1 to replace**\n", stdout="1 to replace\n")
    done = act(spec="cluster.toml", fail_on="")
    assert done.code == 0, done.log
    (comment,) = github.comments
    first, second, *_ = comment["body"].splitlines()
    assert (first, second) == (MARKER, "<!-- provision:danger:destroys-data -->")
    assert "**1 to replace**" in comment["body"]
    assert "at aaaaaaaaaaaa · [run](https://github.example/acme/clusters/actions/runs/99)" in comment["body"]
    assert github.on_pull == ["bug", "provision: destroys-data"]
    assert github.labels["provision: destroys-data"]["color"] == "b60205"
    assert done.summary.startswith("**1 to replace**")
    assert "1 to replace" in done.log
    paths = {name: done.outputs.pop(name) for name in ("plan-json", "plan-md", "plan-html", "binary")}
    assert [path.rsplit("/", 1)[1] for path in paths.values()] == ["plan.json", "plan.md", "plan.html", "provision"]
    assert done.outputs == {
        "exit-code": "0",
        "worst-danger": "destroys-data",
        "has-changes": "true",
        "compared": "true",
        "hourly-usd": "454.304000",
        "hourly-complete": "true",
        "hourly-change-usd": "-6.904110",
        "comment-url": comment["html_url"],
    }


def test_the_next_plan_goes_into_the_same_comment(act, github, program, tmp_path):
    act()
    program.tell(md="**nothing to do**\n", changes=False)
    github.head = "c" * 40
    done = act(event=runner.event(tmp_path, sha="c" * 40))
    (comment,) = github.comments
    assert "**nothing to do**" in comment["body"] and "**1 to create**" not in comment["body"]
    assert "at cccccccccccc" in comment["body"]
    assert done.outputs["has-changes"] == "false" and done.outputs["comment-url"] == comment["html_url"]


def test_it_is_found_behind_other_comments(act, github):
    for _ in range(250):
        github.add("ana", "looks good")
    act()
    act()
    assert len(github.comments) == 251


def test_exactly_full_pages_end_too(act, github):
    for _ in range(100):
        github.add("ana", "looks good")
    assert act().code == 0
    assert len(github.comments) == 101


@pytest.mark.parametrize("login", ["mallory", "other[bot]", "github-actions"])
def test_a_comment_of_somebody_else_with_our_marker_is_not_touched(act, github, login):
    theirs = github.add(login, f"{MARKER}\nnothing to see here")
    github.comments[0]["user"] = theirs["user"]
    act()
    assert github.comments[0]["body"] == f"{MARKER}\nnothing to see here"
    assert len(github.comments) == 2


def test_a_comment_of_a_deleted_user_is_not_touched(act, github):
    github.add("ghost", MARKER)["user"] = None
    act()
    assert len(github.comments) == 2


def test_a_comment_of_our_own_that_quotes_a_marker_is_not_touched(act, github):
    github.add("github-actions[bot]", f"as was said:\n{MARKER}\n")
    act()
    assert github.comments[0]["body"].startswith("as was said") and len(github.comments) == 2


def test_of_two_comments_one_stays(act, github):
    for _ in range(2):
        github.add("github-actions[bot]", f"{MARKER}\nold")
    act()
    (comment,) = github.comments
    assert "old" not in comment["body"] and comment["id"] == 1001


def test_an_older_run_leaves_the_comment_to_the_newer(act, github):
    github.head = "c" * 40
    done = act()
    assert done.code == 0 and github.wrote() == []
    assert "newer commit" in done.told("notice")[0]


def test_a_comment_that_would_be_too_long_says_where_the_plan_is(act, github, program):
    program.tell(md="ä" * 40_000)
    done = act()
    assert done.code == 0
    (comment,) = github.comments
    assert "too long" in comment["body"] and "in the summary of the job" in comment["body"]
    assert "ä" * 40_000 in done.summary


def test_a_plan_of_60_000_bytes_fits(act, github, program):
    program.tell(md="x" * 60_000, danger="destroys-data", code=3)
    act(fail_on="destroys-data", spec="ü" * 200 + ".toml")
    assert "x" * 60_000 in github.comments[0]["body"]


def test_a_summary_that_would_be_too_long_says_where_the_plan_is(act, program):
    program.tell(md="x" * 1024 * 1024)
    done = act()
    assert "too long" in done.summary and len(done.summary.encode()) < 1024 * 1024


def test_comment_and_labels_can_be_turned_off(act, github):
    done = act(comment="false", labels="false")
    assert done.code == 0 and github.calls == [] and done.summary
    act(comment="false")
    assert github.comments == [] and "provision: safe" in github.on_pull


# Labels.


def test_one_label_of_ours_and_all_of_others(act, github, program):
    github.on_pull += ["provision: safe", "provision: my own"]
    program.tell(danger="disruptive")
    act()
    assert github.on_pull == ["bug", "provision: my own", "provision: disruptive"]


def test_a_label_in_other_letters_is_the_same(act, github):
    github.on_pull.append("Provision: Safe")
    act()
    assert github.on_pull == ["bug", "Provision: Safe"]


def test_the_label_is_the_worst_of_several_specs(act, github, program):
    program.tell(danger="destroys-compute")
    act(key="one")
    program.tell(danger="safe")
    act(key="two")
    assert len(ours(github)) == 2
    assert github.on_pull == ["bug", "provision: destroys-compute"]
    program.tell(danger="disruptive")
    act(key="one")
    assert len(ours(github)) == 2
    assert github.on_pull == ["bug", "provision: disruptive"]


def test_a_danger_in_somebody_elses_comment_says_nothing(act, github):
    github.add("mallory", "<!-- provision:plan:x -->\n<!-- provision:danger:destroys-data -->")
    act()
    assert github.on_pull == ["bug", "provision: safe"]


def test_no_plan_means_no_label(act, github, program):
    github.on_pull.append("provision: safe")
    program.tell(code=1, makes=False)
    act()
    assert github.on_pull == ["bug"]


def test_without_one_of_several_plans_only_the_worst_label_stays(act, github, program):
    program.tell(danger="destroys-compute")
    act(key="one")
    program.tell(code=1, makes=False)
    act(key="two")
    assert github.on_pull == ["bug"]
    program.tell(danger="destroys-data")
    act(key="one")
    assert github.on_pull == ["bug", "provision: destroys-data"]


def test_a_label_that_may_not_be_made_is_a_warning(act, github, program):
    github.on_pull.append("provision: safe")
    program.tell(danger="destroys-data")
    done = act(token="ghs_pulls")
    assert done.code == 0 and len(github.comments) == 1
    assert "`issues: write`" in done.told("warning")[0]
    assert github.on_pull == ["bug"], "what is no longer true is gone all the same"
    github.labels["provision: destroys-data"] = {}
    assert act(token="ghs_pulls").told("warning") == []
    assert github.on_pull == ["bug", "provision: destroys-data"]


def test_a_label_that_another_run_makes_meanwhile_is_fine(act, github):
    github.faults.append(Fault("POST", "clusters/labels$", 422, message="Validation Failed"))
    assert act().code == 0
    assert "provision: safe" in github.on_pull


# Exit codes.


def test_fail_on_fails_after_the_comment_is_written(act, github, program):
    program.tell(danger="destroys-data", code=3)
    done = act(fail_on="destroys-data")
    assert (done.code, done.failed, done.outputs["exit-code"]) == (3, "Verdict", "3")
    assert program.calls()[0]["arguments"][-4:] == ["--fail-on", "destroys-data", "--", "cluster.toml"]
    line = "the plan is destroys-data, and `fail-on` is destroys-data"
    assert f"This check fails: {line}" in github.comments[0]["body"]
    assert done.told("error") == [line]
    assert f"This check fails: {line}" in done.summary


def test_a_refused_plan_fails_with_its_plan(act, github, program):
    program.tell(code=1, md="**refused**\n")
    done = act()
    assert (done.code, done.failed) == (1, "Verdict")
    assert "**refused**" in github.comments[0]["body"] and "the plan is refused" in github.comments[0]["body"]


def test_an_error_fails_with_its_words(act, github, program):
    program.tell(code=1, makes=False, stderr="error[spec::capacity]: no `5 TiB` ```\n<img src=x> @ana\n")
    done = act()
    assert (done.code, done.failed) == (1, "Verdict")
    assert done.told("error") == ["no plan could be made"]
    assert done.outputs["worst-danger"] == "unknown" and done.outputs["has-changes"] == ""
    body = github.comments[0]["body"]
    assert "````text\nerror[spec::capacity]: no `5 TiB` ```\n<img src=x> @ana\n````" in body
    assert "<!-- provision:danger:unknown -->" in body


def test_a_program_that_says_yes_and_makes_nothing_fails(act, program):
    program.tell(makes=False)
    assert act().code == 1


def test_a_program_that_is_killed_fails(act, program):
    program.path.write_text("#!/bin/sh\nkill -9 $$\n")
    done = act()
    assert done.code == 1 and done.failed == "Verdict"


def test_a_plan_of_another_format_is_not_guessed_at(act, program):
    program.tell()
    told = json.loads((program.folder / "told.json").read_text())
    told["plan"] = {"format_version": 2}
    (program.folder / "told.json").write_text(json.dumps(told))
    done = act()
    assert done.failed == "Plan" and "format_version 2" in done.told("error")[0]


def test_changes_alone_do_not_fail(act, program):
    program.tell(changes=True)
    done = act()
    assert done.code == 0 and done.outputs["has-changes"] == "true"
    assert "--detailed-exitcode" not in program.calls()[0]["arguments"]


def test_wrong_inputs_are_all_told_before_anything_runs(act, github, program):
    done = act(spec=" ", offline="yes", fail_on="safe", comment="1", labels="no", working_directory="nowhere")
    assert done.code == 1 and done.failed == "Plan"
    (text,) = done.told("error")
    for name in ("spec", "offline", "fail-on", "comment", "labels", "working-directory"):
        assert f"`{name}`" in text
    assert program.calls() == [] and github.calls == []


# Who may do what.


def test_a_fork_gets_a_plan_without_credentials_in_the_summary(act, github, program, tmp_path):
    done = act(event=fork(tmp_path), token="ghs_reads")
    assert done.code == 0, done.log
    assert "--offline" in program.calls()[0]["arguments"]
    assert github.comments == [] and github.on_pull == ["bug"]
    assert "Planned without credentials" in done.summary and "**1 to create**" in done.summary
    assert "in the summary of the job only" in done.summary
    assert "may not write" in done.told("notice")[0]


def test_a_fork_without_label_rights_gets_the_note_too(act, github, tmp_path):
    done = act(event=fork(tmp_path), token="ghs_reads", comment="false")
    assert done.code == 0 and "may not write" in done.told("notice")[0]


def test_a_fork_fails_on_danger_all_the_same(act, program, tmp_path):
    program.tell(danger="destroys-data", code=3)
    assert act(event=fork(tmp_path), token="ghs_reads", fail_on="destroys-data").code == 3


def test_a_fork_whose_token_writes_gets_its_comment(act, github, tmp_path):
    act(event=fork(tmp_path))
    assert "Planned without credentials" in github.comments[0]["body"]


def test_a_deleted_fork_and_dependabot_count_as_forks(act, program, tmp_path):
    act(event=runner.event(tmp_path, repo=None))
    act(environment={"GITHUB_ACTOR": "dependabot[bot]"})
    act()
    assert ["--offline" in call["arguments"] for call in program.calls()] == [True, True, False]


def test_offline_can_be_said(act, program, tmp_path):
    act(offline="true")
    act(event=fork(tmp_path), offline="false")
    assert ["--offline" in call["arguments"] for call in program.calls()] == [True, False]


def test_a_token_that_may_not_write_is_an_error_where_it_should(act, github):
    done = act(token="ghs_reads")
    assert done.code == 1 and done.failed == "Comment and label"
    assert "pull-requests: write" in done.told("error")[0] and "403" in done.told("error")[0]
    assert "**1 to create**" in done.summary


def test_a_wrong_token_is_an_error_that_does_not_tell_it(act):
    done = act(token="ghs_forged")
    assert "401 Bad credentials" in done.told("error")[0] and "ghs_forged" not in done.log


@pytest.mark.parametrize("name", ["push", "workflow_dispatch", "schedule"])
def test_without_a_pull_request_there_is_a_summary_only(act, github, tmp_path, name):
    path = tmp_path / "event.json"
    path.write_text("{}")
    done = act(event={"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(path)})
    assert done.code == 0 and github.calls == []
    assert "at bbbbbbbbbbbb" in done.summary


def test_pull_request_target_is_refused(act, github, program, tmp_path):
    done = act(event=runner.event(tmp_path) | {"GITHUB_EVENT_NAME": "pull_request_target"})
    assert done.failed == "Plan" and "`on: pull_request`" in done.told("error")[0]
    assert program.calls() == [] and github.calls == []


def test_the_program_gets_no_token(act, program):
    secret = {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "idt",
        "GH_TOKEN": "ghp",
        "GITHUB_TOKEN": "ghs_job",
        "AWS_REGION": "us-east-1",
    }
    done = act(environment=secret)
    (call,) = program.calls()
    assert call["environment"]["AWS_REGION"] == "us-east-1"
    names = set(call["environment"])
    assert not {name for name in names if name.startswith(("GITHUB_", "ACTIONS_", "GH_", "INPUT_"))}
    assert "ghs_" not in json.dumps(call["environment"]) + done.log


def test_what_the_program_prints_is_obeyed_by_nobody(act, program):
    program.tell(
        stdout="::add-mask::a\n ::error::mine\n##[error]old\n",
        stderr="::set-env name=PATH::/tmp\n::stop-commands::x\n::x::\n",
    )
    done = act()
    assert done.commands == []
    assert "::error::mine" in done.log


# GitHub's own troubles.


def test_failures_that_pass_are_waited_for(act, github):
    wait = {"Retry-After": "0"}
    github.faults = [
        Fault("GET", "comments", 500, wait),
        Fault("GET", "comments", 502, wait),
        Fault("POST", "graphql", 503, wait),
        Fault("POST", "comments", 403, wait, message="You have exceeded a secondary rate limit"),
        Fault("POST", "labels", 429, wait),
    ]
    assert act().code == 0
    assert github.faults == [] and len(github.comments) == 1 and "provision: safe" in github.on_pull


def test_a_comment_whose_answer_is_lost_is_not_written_twice(act, github):
    github.faults = [Fault("POST", "comments", 502, {"Retry-After": "0"}, done=True)]
    done = act()
    assert done.code == 0 and len(github.comments) == 1
    assert done.outputs["comment-url"] == github.comments[0]["html_url"]


def test_a_comment_that_was_not_written_is_written(act, github):
    github.faults = [Fault("POST", "comments", 502, {"Retry-After": "0"})]
    assert act().code == 0 and len(github.comments) == 1


def test_failures_that_stay_are_an_error(act, github):
    github.faults = [Fault("GET", "comments", 500, {"Retry-After": "0"}) for _ in range(9)]
    done = act()
    assert done.failed == "Comment and label"
    assert "GitHub does not answer, 5 times: GET /repos/acme/clusters/issues/7/comments: 500" in done.told("error")[0]


def test_a_comment_that_is_never_written_is_an_error(act, github):
    github.faults = [Fault("POST", "comments", 502, {"Retry-After": "0"}) for _ in range(9)]
    done = act()
    assert done.failed == "Comment and label" and "the comment cannot be written" in done.told("error")[0]


def test_nothing_but_the_api_gets_the_token(act, github):
    github.faults = [Fault("GET", "pulls/7", 302, {"Location": f"{github.url}/elsewhere"})]
    done = act()
    assert done.failed == "Comment and label" and "302" in done.told("error")[0]
    assert not [path for _, path in github.calls if "elsewhere" in path]


def test_pauses():
    assert [client.pause(attempt, {}, 0) for attempt in range(4)] == [1, 2, 4, 8]
    assert client.pause(0, {"Retry-After": "7"}, 0) == 7
    assert client.pause(0, {"Retry-After": "3600"}, 0) == client.LONGEST_PAUSE_S
    assert client.pause(0, {"Retry-After": "soon"}, 0) == 1
    assert client.pause(0, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1010"}, 1000) == 10
    assert client.pause(0, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "990"}, 1000) == 0


# Hostile names.

NAMES = [
    "a b.toml",
    'it\'s "quoted".toml',
    "$(touch pwned).toml",
    "`touch pwned`.toml",
    "; touch pwned #.toml",
    "two\nlines.toml",
    "x\n::error::pwned\n.toml",
    "--out=pwned.toml",
    "--> <img src=x onerror=alert(1)> .toml",
    "@ana #1 [x](http://x) www.x.example.toml",
    "${{ github.token }}.toml",
    "end<<EOF.toml",
    "ü" * 400 + ".toml",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_is_a_name(act, github, program, tmp_path, name):
    done = act(spec=name)
    assert done.code == 0, done.log
    (call,) = program.calls()
    assert call["arguments"][-2:] == ["--", name]
    act(spec=name)
    (comment,) = github.comments
    first, second, rest = comment["body"].split("\n", 2)
    assert re.fullmatch(r"<!-- provision:plan:[\w%./~-]+ -->", first) and first.count("--") == 2
    assert second == "<!-- provision:danger:safe -->"
    shown = re.search("<sub>Plan of <code>(.*?)</code> at ", rest)[1]
    assert re.fullmatch(r"([A-Za-z0-9/]|&#\d+;)+", shown)
    assert done.commands == []
    assert not [path for path in tmp_path.rglob("*") if "pwned" in path.name]


@pytest.mark.parametrize("name", ["a b", "$(touch pwned)", "two\nlines", "-x"])
def test_a_hostile_folder_is_a_folder(act, program, tmp_path, name):
    (tmp_path / "workspace" / name).mkdir(parents=True)
    assert act(working_directory=name).code == 0
    assert program.calls()[0]["folder"] == str(tmp_path / "workspace" / name)


def test_hostile_keys_are_told_apart(act, github):
    keys = ["a", "a -->", "--", "%2D%2D", "A", "a\nb", "k" * 300, "k" * 301]
    for key in keys * 2:
        assert act(key=key).code == 0
    assert len(github.comments) == len(keys)


# The program.


def test_the_program_is_named(act, tmp_path, program):
    other = tmp_path / "two\nEOF\nlines" / "it's"
    other.parent.mkdir()
    other.write_bytes(program.path.read_bytes())
    other.chmod(0o755)
    (other.parent / "told.json").write_bytes((program.folder / "told.json").read_bytes())
    done = act(binary=str(other))
    assert done.code == 0 and done.outputs["binary"] == str(other)
    assert program.calls() == [] and (other.parent / "calls.jsonl").exists()


def test_a_program_that_is_none_is_told(act, tmp_path):
    done = act(binary="missing")
    assert done.failed == "Find provision" and "`binary` is no program" in done.told("error")[0]


def test_it_is_built_where_the_action_is(act, program, tmp_path):
    stub = program.path.rename(program.folder / "stub")
    cargo = program.folder / "cargo"
    cargo.write_text(
        "#!/bin/bash\nset -eu\n"
        f'printf "%s\\n" "$PWD" "$@" >{tmp_path}/cargo.txt\n'
        'mkdir -p "$5/release"\n'
        f'cp {stub} "$5/release/provision"; cp {program.folder}/told.json "$5/release"\n'
    )
    cargo.chmod(0o755)
    done = act()
    assert done.code == 0, done.log
    folder, *arguments = (tmp_path / "cargo.txt").read_text().splitlines()
    assert folder == str(runner.ACTION.parent)
    assert arguments == ["build", "--locked", "--release", "--target-dir", f"{tmp_path}/temp/provision-target"]


def test_without_program_and_cargo_it_says_so(act, program):
    program.path.unlink()
    (program.folder / "cargo").write_text("#!/bin/sh\nexit 101\n")
    (program.folder / "cargo").chmod(0o755)
    done = act()
    assert done.failed == "Find provision" and "cannot be built" in done.told("error")[0]


# The definition.


def test_the_action_uses_no_other_and_keeps_inputs_out_of_scripts():
    for step in runner.DEFINITION["runs"]["steps"]:
        assert "uses" not in step and step["shell"] == "bash"
        assert "${{" not in step["run"] and step["run"].startswith("set -euo pipefail\n")
    assert [step["name"] for step in runner.DEFINITION["runs"]["steps"] if "GITHUB_TOKEN" in step["env"]] == [
        "Comment and label"
    ]


def test_every_input_is_used():
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(runner.DEFINITION["runs"])))
    assert used == set(runner.DEFINITION["inputs"])


def test_steps_get_the_inputs_that_they_read():
    text = (runner.ACTION / "plan.py").read_text()
    for name in set(re.findall(r'(?:given|is_on)\("([\w-]+)"\)', text)):
        variable = "INPUT_" + name.upper().replace("-", "_")
        assert any(variable in step["env"] for step in runner.DEFINITION["runs"]["steps"]), name
