#!/usr/bin/env python3
"""Breaks one rule of the engine at a time and sees that the simulation catches it: `make mutants`.

Works on a copy of the sources below target/, so that a run that is interrupted leaves nothing broken behind. Writes the table in
docs/reliability.md, and ends with exit code 1 if a mutant survives.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "target" / "mutants" / "tree"
COPIED = ["Cargo.toml", "Cargo.lock", "src", "templates", "tests", "docs", "examples", "README.md"]
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3000, help="how many lives a mutant may survive")
    parser.add_argument("--only", action="append", help="mutants whose rule holds this; the table is left as it is")
    args = parser.parse_args()
    mutants = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text())["mutant"]
    chosen = [mutant for mutant in mutants if not args.only or any(word in mutant["rule"] for word in args.only)]
    copy()
    # That the engine itself holds is what `make soak` is for: here only that the copy is in order.
    fine = run("0..200")
    if fine is not None:
        print(f"without a mutant: {fine}", file=sys.stderr)
        return 1
    rows, survivors = [], 0
    for mutant in chosen:
        caught = try_one(mutant, args.seeds)
        survivors += caught is None
        seed, why = caught or ("none", f"survives {args.seeds} seeds and all stories")
        print(f"{seed:>6}  {mutant['rule']}: {why}", flush=True)
        rows.append(f"| {mutant['rule']} | `{mutant['file']}` | {seed} | {why} |")
    if not args.only:
        write(rows)
    return 1 if survivors else 0


def copy() -> None:
    """Times stay as they are, or cargo would build everything again."""
    if TREE.exists():
        shutil.rmtree(TREE)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, TREE / name, copy_function=shutil.copy2)
        else:
            TREE.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, TREE / name)


def try_one(mutant: dict, seeds: int) -> tuple[str, str] | None:
    """A seed that has caught it before goes first: mostly it still does, and nothing else has to be lived."""
    file = TREE / mutant["file"]
    before = file.read_text()
    if before.count(mutant["find"]) != 1:
        sys.exit(f"{mutant['file']} does not hold this exactly once: {mutant['find']}")
    file.write_text(before.replace(mutant["find"], mutant["replace"]))
    try:
        if mutant.get("story"):
            # What was found once and is lived again by every test run.
            return stories()
        seed, lives = mutant.get("seed"), mutant.get("lives", "no_seed")
        return (seed is not None and run(f"{seed}..{seed + 1}", lives)) or run(f"0..{seeds}", lives) or stories()
    finally:
        file.write_text(before)


def run(seeds: str, lives: str = "no_seed") -> tuple[str, str] | None:
    """The seed that failed and why; None: all held."""
    return test(f"simulation::{lives}", r"^seed (\d+): (.*)$", seeds)


def stories() -> tuple[str, str] | None:
    """The story in tests/it/simulation/found that failed and why; None: all held."""
    return test("simulation::what_was_found", r"/found/(\w+)\.json: (.*)$", "0..1")


def test(name: str, pattern: str, seeds: str) -> tuple[str, str] | None:
    command = ["cargo", "test", "--locked", "--no-default-features", "--test", "it", name]
    target = ROOT / "target" / "mutants" / "build"
    env = os.environ | {"PROVISION_SEEDS": seeds, "CARGO_TARGET_DIR": str(target), "RUST_BACKTRACE": "0", "CARGO_INCREMENTAL": "1"}
    ended = subprocess.run(command, cwd=TREE, env=env, capture_output=True, text=True)
    if ended.returncode == 0:
        return None
    found = re.search(pattern, ended.stdout + ended.stderr, re.MULTILINE)
    if not found:
        sys.exit(f"this is no failed test:\n{(ended.stdout + ended.stderr)[-4000:]}")
    return found[1], re.sub(r"\s*\(act \d+\)$", "", found[2])[:90].replace("|", "/")


def write(rows: list[str]) -> None:
    path = ROOT / "docs" / "reliability.md"
    text = path.read_text()
    head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    table = ["", "| the rule that is broken | in | seed, or story | what is seen |", "| --- | --- | ---: | --- |", *rows, ""]
    path.write_text(head + "\n".join(table) + tail)


if __name__ == "__main__":
    sys.exit(main())
