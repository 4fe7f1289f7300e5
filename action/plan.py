#!/usr/bin/env python3
"""What the action does, a command a step; action.yml calls them in this order.

    plan.py find      finds the program, or builds it
    plan.py plan      plans once: files, job summary, outputs. Has no token and leaves none to the program
    plan.py report    keeps the pull request's comment and labels up to date; the only one that has a token
    plan.py verdict   ends with the exit code of the plan

Needs Python 3.9 and nothing else. Everything from outside (spec, paths, titles, what the program prints) may have been
written by whoever opened the pull request: it reaches no shell, no workflow command and no Markdown as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

from github import DANGERS, MARK, Failure, GitHub, PullRequest, Refused

# Of a plan in JSON. New fields may come; none changes its meaning.
FORMAT_VERSION = 1
# The class of a plan that could not be made.
UNKNOWN = "unknown"
# What GitHub takes: characters of a comment, bytes of the summary of a step. Both are kept in bytes: they are never
# fewer than characters.
COMMENT_LIMIT = 65_536
SUMMARY_LIMIT = 1024 * 1024
# An error of the program: its first so many characters are shown. A spec with a hundred mistakes has about as many.
ERROR_LIMIT = 20_000
# No path that is longer is shown whole.
SHOWN_PATH = 200


# What the runner tells.


def pull_request() -> PullRequest | None:
    """The pull request that this run is for; None for pushes, dispatches and whatever else."""
    if os.environ.get("GITHUB_EVENT_NAME") == "pull_request_target":
        raise Failure(
            "this action does not run on pull_request_target, which gives the secrets of the repository to a fork's "
            "code: use `on: pull_request`"
        )
    path = os.environ.get("GITHUB_EVENT_PATH")
    event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    found = event.get("pull_request")
    if not found:
        return None
    head, base = found["head"], found["base"]
    # A fork that was deleted is null.
    own = head["repo"] is not None and head["repo"]["id"] == base["repo"]["id"]
    trusted = own and os.environ.get("GITHUB_ACTOR") != "dependabot[bot]"
    return PullRequest(number=found["number"], head=head["sha"], trusted=trusted)


def given(name: str) -> str:
    """An input of the action, without the spaces around it."""
    return os.environ.get("INPUT_" + name.upper().replace("-", "_"), "").strip()


def is_on(name: str) -> bool:
    return given(name) == "true"


def check_inputs() -> None:
    """Every input that is wrong, at once."""
    wrong = []
    if not given("spec"):
        wrong.append("`spec` is empty: name the file, such as cluster.toml")
    legal = {"offline": ("auto", "true", "false"), "comment": ("true", "false"), "labels": ("true", "false")}
    legal["fail-on"] = ("", *list(DANGERS)[1:])
    for name, values in legal.items():
        if given(name) not in values:
            wrong.append(
                f"`{name}` is {given(name)!r}: it is one of {', '.join(value or '(empty)' for value in values)}"
            )
    if not Path(given("working-directory") or ".").is_dir():
        wrong.append(f"`working-directory` is no folder: {given('working-directory')!r}")
    if wrong:
        raise Failure("; ".join(wrong))


def say(kind: str, text: str) -> None:
    """An annotation: `notice`, `warning` or `error`."""
    for character, written in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, written)
    print(f"::{kind} title=provision::{text}", flush=True)


def show(text: str) -> None:
    """Into the log. The runner obeys lines that look like its commands, so it is told to look away."""
    word = secrets.token_hex(16)
    print(f"::stop-commands::{word}\n{text.rstrip()}\n::{word}::", flush=True)


def output(**values: object) -> None:
    """Outputs of a step. The end of a value is a word that cannot be in it."""
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        for name, value in values.items():
            end = secrets.token_hex(16)
            file.write(f"{name.replace('_', '-')}<<{end}\n{value}\n{end}\n")


def summarise(text: str) -> None:
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:
        file.write(text)


# The steps.


def find() -> None:
    """The program that was named, or is on PATH, or is built of what the action came with."""
    named = given("binary")
    if named:
        found = shutil.which(Path(named).resolve())
        if not found:
            raise Failure(f"`binary` is no program that may be executed: {named!r} (artifacts lose that: chmod +x)")
    else:
        found = shutil.which("provision") or build()
    output(path=found)


def build() -> str:
    source = Path(__file__).resolve().parent.parent
    if not (source / "Cargo.toml").is_file() or not shutil.which("cargo"):
        raise Failure("`provision` is not on PATH, and cargo is not there to build it: name it with `binary`")
    target = Path(os.environ["RUNNER_TEMP"]) / "provision-target"
    # In the action's own folder: cargo obeys the configuration of the folder that it runs in, and the workspace may be
    # a stranger's.
    command = ["cargo", "build", "--locked", "--release", "--target-dir", str(target)]
    if subprocess.run(command, cwd=source, check=False).returncode:
        raise Failure("`provision` cannot be built: see the log of cargo")
    return str(target / "release" / "provision")


def plan() -> None:
    check_inputs()
    request = pull_request()
    untrusted = request is not None and not request.trusted
    offline = is_on("offline") or (given("offline") == "auto" and untrusted)
    folder = Path(tempfile.mkdtemp(prefix="provision-", dir=os.environ["RUNNER_TEMP"]))
    files = {ending: folder / f"plan.{ending}" for ending in ("json", "md", "html")}

    done = run_program(files, offline)
    show(done.stdout + done.stderr)
    made = read_plan(files["json"])
    # One that is killed by a signal has a negative code in Python. One that says yes and makes nothing has failed.
    code = done.returncode if done.returncode > 0 or (done.returncode == 0 and made) else 1
    danger = made["summary"]["worst_danger"] if made else UNKNOWN
    output(
        exit_code=code,
        worst_danger=danger,
        directory=folder,
        **figures(made),
        **{f"plan_{ending}": path if path.is_file() else "" for ending, path in files.items()},
    )

    head = verdict_text(code, danger, made is not None) + (untrusted_text() if untrusted and offline else "")
    text = files["md"].read_text(encoding="utf-8") if made else quoted(done.stderr)
    foot = footer(request)
    summarise(whole(head, text, foot, SUMMARY_LIMIT, "It is among the files of the plan (output `plan-md`)."))
    head = f"{marker()}\n<!-- provision:danger:{danger} -->\n\n{head}"
    body = whole(head, text, foot, COMMENT_LIMIT, "It is in the summary of the job.")
    (folder / "comment.md").write_text(body, encoding="utf-8")


def run_program(files: dict[str, Path], offline: bool) -> subprocess.CompletedProcess[str]:
    """Every face in one look at the cloud. What the program prints is text of a stranger: it is shown later."""
    command = [os.environ["BINARY"], "plan"]
    for path in files.values():
        command += ["--out", str(path)]
    if offline:
        command.append("--offline")
    if given("fail-on"):
        command += ["--fail-on", given("fail-on")]
    return subprocess.run(
        [*command, "--", given("spec")],
        cwd=given("working-directory") or ".",
        env={name: value for name, value in os.environ.items() if is_for_program(name)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def figures(made: dict | None) -> dict[str, str]:
    """Outputs that a later step may ask for; empty without a plan."""
    if made is None:
        return dict.fromkeys(("has_changes", "compared", "hourly_usd", "hourly_complete", "hourly_change_usd"), "")
    summary = made["summary"]
    change = summary["cost"]["difference"]
    return {
        "has_changes": json.dumps(summary["has_changes"]),
        "compared": json.dumps(made["compared"]),
        "hourly_usd": dollars(summary["hourly_micros"]),
        "hourly_complete": json.dumps(summary["hourly_complete"]),
        # Nothing where nobody looked, or where a price is unknown.
        "hourly_change_usd": dollars(change["hourly"]) if change and change["complete"] else "",
    }


def dollars(micros: int) -> str:
    """Exact, since money is."""
    sign = "-" if micros < 0 else ""
    return f"{sign}{abs(micros) // 10**6}.{abs(micros) % 10**6:06d}"


def is_for_program(name: str) -> bool:
    """What of the environment the program gets: no token of GitHub, and no file that speaks to the runner."""
    return not name.startswith(("INPUT_", "GITHUB_", "ACTIONS_", "GH_"))


def read_plan(path: Path) -> dict | None:
    """The plan, if one was made."""
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if made.get("format_version") != FORMAT_VERSION:
        raise Failure(
            f"the plan has format_version {made.get('format_version')!r}, and this action reads {FORMAT_VERSION}: "
            "take action and program of one version"
        )
    return made


def report() -> None:
    request = pull_request()
    if request is None:
        print("Not a pull request: the plan is in the summary of the job, and nowhere else.")
        return
    if not is_on("comment") and not is_on("labels"):
        return
    github = GitHub(os.environ["GITHUB_TOKEN"])
    try:
        if github.head(request) != request.head:
            say("notice", "a newer commit is there: its run writes the comment and the labels")
            return
        me = github.viewer()
        if is_on("comment"):
            body = (Path(os.environ["DIRECTORY"]) / "comment.md").read_text(encoding="utf-8")
            output(comment_url=github.keep_comment(request, me, marker(), body))
        if is_on("labels"):
            label(github, request, me)
    except Refused as refused:
        if request.trusted:
            raise Failure(
                f"{refused}: give the job `permissions: pull-requests: write`, or turn `comment` and `labels` off"
            ) from refused
        text = (
            "the plan is in the summary of the job only: this run may not write to the pull request, since it is from "
            "a fork or Dependabot"
        )
        say("notice", text)
        summarise(f"\n> [!NOTE]\n> {text[0].upper()}{text[1:]}.\n")


def label(github: GitHub, request: PullRequest, me: str) -> None:
    """One label: the worst of this plan and of those of other specs that are commented on here."""
    classes = [os.environ["DANGER"]]
    for comment in github.own_comments(request, me):
        lines = comment["body"].splitlines()
        if lines[0] != marker() and len(lines) > 1:
            classes += re.findall(r"^<!-- provision:danger:([a-z-]+) -->$", lines[1])
    # A plan that could not be made may be as bad as can be: no label may be milder than that.
    order = [*list(DANGERS)[:-1], UNKNOWN, list(DANGERS)[-1]]
    worst = max((each for each in classes if each in order), key=order.index, default=UNKNOWN)
    try:
        github.keep_label(request, None if worst == UNKNOWN else worst)
    except Refused as refused:
        if not request.trusted:
            raise
        say(
            "warning",
            f"no label: {refused}. Making a label needs `issues: write`, once; putting it on, `pull-requests: write`",
        )


def verdict() -> None:
    code = int(os.environ["EXIT_CODE"])
    if code:
        say("error", verdict_line(code, os.environ["DANGER"], bool(os.environ["PLAN_JSON"])))
    sys.exit(code)


# What is written.


def spec_path() -> str:
    """Of the spec, relative to the workspace."""
    return os.path.normpath(os.path.join(given("working-directory") or ".", given("spec")))


def marker() -> str:
    """The first line of the comment of this spec, by which the next run finds it."""
    key = given("key") or spec_path()
    # `--` would end the comment in HTML.
    name = urllib.parse.quote(key, safe="/").replace("--", "%2D%2D")
    if len(name) > SHOWN_PATH:
        name = hashlib.sha256(key.encode()).hexdigest()
    return f"{MARK}{name} -->"


def verdict_line(code: int, danger: str, made: bool) -> str:
    if not made:
        return "no plan could be made"
    if code == 3:
        return f"the plan is {danger}, and `fail-on` is {given('fail-on')}"
    return "the plan is refused: see its errors"


def verdict_text(code: int, danger: str, made: bool) -> str:
    return f"> [!CAUTION]\n> This check fails: {verdict_line(code, danger, made)}.\n\n" if code else ""


def untrusted_text() -> str:
    return (
        "> [!NOTE]\n> Planned without credentials, from the spec alone, since this is a pull request from a fork or "
        "Dependabot: not compared with what exists.\n\n"
    )


def footer(request: PullRequest | None) -> str:
    server, repository, run = (os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    commit = request.head if request else os.environ.get("GITHUB_SHA", "")
    address = f"{server}/{repository}/actions/runs/{run}"
    return f"\n<sub>Plan of {code_of(spec_path())} at {commit[:12]} · [run]({address})</sub>\n"


def code_of(text: str) -> str:
    """Code in which nothing means anything to Markdown, HTML or GitHub."""
    short = text if len(text) <= SHOWN_PATH else text[:SHOWN_PATH] + "…"
    return f"<code>{re.sub('[^A-Za-z0-9/]', lambda match: f'&#{ord(match[0])};', short)}</code>"


def quoted(text: str) -> str:
    """A block of code, with a fence that the text cannot end."""
    shown = text.strip()[:ERROR_LIMIT]
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence}text\n{shown}\n{fence}\n"


def whole(head: str, text: str, foot: str, limit: int, elsewhere: str) -> str:
    """The text between head and foot; if that is too long, where it is. It is never cut: half a plan tells lies."""
    size = len((head + text + foot).encode())
    if size > limit:
        text = f"**The plan is too long to be shown here.** {elsewhere}\n"
    return head + text + foot


STEPS = {"find": find, "plan": plan, "report": report, "verdict": verdict}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in STEPS:
        print(f"usage: plan.py {'|'.join(STEPS)}", file=sys.stderr)
        return 2
    try:
        STEPS[sys.argv[1]]()
    except Failure as failure:
        say("error", str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
