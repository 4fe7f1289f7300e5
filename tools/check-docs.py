#!/usr/bin/env python3
"""Compares the documents with the sources: every call to AWS has its permission, every error code its explanation, every
key of the spec its row, every link its target. Prints what is missing; exits with 1 if anything is."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# HeadBucket is allowed by this name.
PERMISSION_OF = {"s3:HeadBucket": "s3:ListBucket"}
# Names in errors that stand for no call: connecting, and the place where a lease is encoded.
NO_CALLS = {"iam:UpdateRole", "iam:UpdateInstanceProfile", "ec2:ModifyInstanceAttribute"}


def code_of(folder: str) -> str:
    """The sources below a folder, without their tests."""
    texts = []
    for path in sorted((ROOT / folder).rglob("*.rs")):
        if "tests" not in path.relative_to(ROOT).parts and path.name != "tests.rs":
            texts.append(path.read_text().split("#[cfg(test)]\nmod tests {")[0])
    return "\n".join(texts)


def policies(text: str) -> set[str]:
    actions: set[str] = set()
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        for statement in json.loads(block)["Statement"]:
            action = statement["Action"]
            actions.update([action] if isinstance(action, str) else action)
    return actions


def missing_permissions() -> list[str]:
    called = set(re.findall(r'"((?:ec2|fsx|iam|s3|ssm|sts):[A-Z]\w+)"', code_of("src/aws"))) - NO_CALLS
    needed = {PERMISSION_OF.get(call, call) for call in called}
    allowed = policies((ROOT / "docs/permissions.md").read_text())
    # Patterns and what comes with a call are allowed beyond the calls.
    beyond = {"s3:Get*", "s3:List*", "s3:PutObject", "iam:PassRole", "iam:CreateServiceLinkedRole"}
    return [f"docs/permissions.md: {call} is called" for call in sorted(needed - allowed)] + [
        f"docs/permissions.md: {call} is not called" for call in sorted(allowed - needed - beyond)
    ]


def missing_codes() -> list[str]:
    said = set(re.findall(r'"([a-z]+::[a-z0-9-]+)"', code_of("src")))
    told = set(re.findall(r"`([a-z]+::[a-z0-9-]+)`", (ROOT / "docs/troubleshooting.md").read_text()))
    # Made of the kind of a resource that AWS gave up.
    said |= {"fsx::failed", "link::failed"}
    return [f"docs/troubleshooting.md: {code} is printed" for code in sorted(said - told)] + [
        f"docs/troubleshooting.md: {code} is not printed" for code in sorted(told - said)
    ]


def missing_keys() -> list[str]:
    readme = (ROOT / "README.md").read_text()
    missing = []
    for path in sorted((ROOT / "src/spec/checks").glob("*.rs")):
        for keys in re.findall(r"KEYS: &\[&str\] =\s*&\[(.*?)\]", path.read_text(), re.DOTALL):
            missing += [
                f"README.md: no row of the key {key} ({path.name})"
                for key in re.findall(r'"(\w+)"', keys)
                if not re.search(rf"^\| .*`{key}`.* \|", readme, re.MULTILINE)
            ]
    return missing


def broken_links() -> list[str]:
    broken = []
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            if not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target} is not there")
    return broken


def main() -> int:
    found = missing_permissions() + missing_codes() + missing_keys() + broken_links()
    print("\n".join(found) or "The documents and the sources agree.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
