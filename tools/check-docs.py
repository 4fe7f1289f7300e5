#!/usr/bin/env python3
"""Compares the documents with the sources: every permission beyond our calls has its reason, every error code its explanation,
every key of the spec its row, every link its target. Prints what is missing; exits with 1 if anything is."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Calls of ours that FSx makes in the caller's name as well.
TWICE = {"iam:AttachRolePolicy", "iam:PutRolePolicy", "kms:DescribeKey"}


def code_of(folder: str) -> str:
    """The sources below a folder, without their tests."""
    texts = []
    for path in sorted((ROOT / folder).rglob("*.rs")):
        if "tests" not in path.relative_to(ROOT).parts and path.name != "tests.rs":
            texts.append(path.read_text().split("#[cfg(test)]\nmod tests {")[0])
    return "\n".join(texts)


def missing_reasons() -> list[str]:
    """Actions of the table that no call of ours is, and their reasons in the document."""
    rows = [line.split("\t") for line in (ROOT / "src/catalog/data/actions.tsv").read_text().splitlines()]
    beyond = {row[0]: row[1].split(",") for row in rows if not row[0].startswith("#") and row[1] != "-"}
    document = (ROOT / "docs/permissions.md").read_text()
    _, _, section = document.partition("## Why AWS wants")
    reasons = [line.split(" | ") for line in section.split("\n## ")[0].splitlines() if line.startswith("| `")]
    missing = []
    for action, calls in beyond.items():
        told = "".join(cells[1] for cells in reasons if f"`{action}`" in cells[0])
        missing += [f"docs/permissions.md: {action} with {call}" for call in calls if f"`{call}`" not in told]
    told = {action for cells in reasons for action in re.findall(r"`([^`]+)`", cells[0])}
    return missing + [f"docs/permissions.md: {action} needs no reason" for action in sorted(told - {*beyond, *TWICE})]


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
    found = missing_reasons() + missing_codes() + missing_keys() + broken_links()
    print("\n".join(found) or "The documents and the sources agree.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
