#!/usr/bin/env python3
"""Kills `up` and `down` at every one of their requests to LocalStack, goes on, and asks LocalStack what came of it.

    make crash-matrix            or, with a program that is built already and LocalStack's Python: tools/crash_matrix.py
    tools/crash_matrix.py --cell up:17:kill-after:down        one cell again

A cell is a life in an account of its own: `up:17:kill-after:down` is an `up` that is killed when request 17 was answered,
and a `down` after it. Which request that is varies; `up:ec2.RunInstances#1:kill-after:down` is sure. `:elsewhere` at its end: the second command runs in a process namespace of its own, as on another
machine, so that it cannot see that the first one is dead and waits for the end of its lock. `storm:7` is up, up and down
through a mixture of faults whose seed is 7. Each command runs in an empty directory of its own.

The whole run writes its table into docs/reliability.md; a part of it only prints. Exits with 1 if a figure is not as it should
be. What a failed cell did is kept: its requests by number, and what the program said. Environment: PROVISION_BIN,
LOCALSTACK_VENV.
"""

import argparse
import asyncio
import dataclasses
import datetime
import importlib.metadata
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import account
from account import REGION, Account, Thing
from bench import ROOT, CannotMeasure, Cloud, Program
from fault_proxy import Choose, Entry, FaultProxy, at, mixture, nothing

CLUSTER = "matrix"
NODES = 2
SPEC = f"""\
[cluster]
name = "{CLUSTER}"
region = "{REGION}"
tags = {{ team = "vision" }}

[storage]
capacity = "1.2 TiB"
throughput_per_tib = "250 MB/s"

[[dataset]]
s3 = "s3://BUCKET/train"
path = "/train"

[[dataset]]
s3 = "s3://BUCKET/checkpoints"
path = "/checkpoints"
import = []
export = ["new", "changed"]
preload = "none"

[[nodes]]
name = "trainer"
instance = "p5.48xlarge"
count = {NODES}
"""
# What that means in LocalStack.
WANTED = {
    "file system": 1,
    "link": 2,
    "instance": NODES,
    "template": 1,
    "placement group": 1,
    "security group": 1,
    "role": 1,
    "instance profile": 1,
    "parameter": 1,
}
# What is in the bucket from the beginning, and stays.
OBJECTS = {"train/shard-000": "samples"}

# Minutes of AWS last tenths of seconds, so that a run is mostly its own requests. Nothing is exported by itself: all that
# is written has to be exported by `down`. CloudWatch tells nothing of that queue, or `down` would watch for ten minutes
# whether it empties.
SETTINGS = {"time_scale": 0.05, "delay": {"auto_export": 1e6}, "fsx": {"queue_age": {"*": "silent"}}}

FAULTS = ("kill-before", "kill-after", "kill-answered", "drop-after")
# What is broken, and how it is gone on with.
WAYS = (("up", "up"), ("up", "down"), ("down", "down"))
# Every seventh cell goes on elsewhere. Four faults and two ways to go on: each combination gets its turn.
ELSEWHERE = 7
UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")

# What changes nothing.
LOOK = re.compile(":(Describe|Get|List|HEAD)")

# A few percent each. A hang costs the half minute after which the program gives up waiting for an answer.
STORM = {"delay": 0.04, "drop-before": 0.03, "drop-after": 0.03, "throttle": 0.04, "error": 0.03, "hang": 0.01}

# Longer than a lock (60 s), what was made unseen (32 s) and a few requests that hang (30 s each, a launch 120 s).
PATIENCE_S = 600
# Cells wait more than they work. More of them at once make two cores the limit.
JOBS = 14

DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- crash-matrix: begin -->", "<!-- crash-matrix: end -->"
KEPT = ROOT / "target" / "crash-matrix"


@dataclass(frozen=True)
class Cell:
    command: str
    # A request's number or name; of a storm its seed.
    place: str
    fault: str
    then: str
    elsewhere: bool = False

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """Reads what `str` writes."""
        kind, *rest = text.split(":")
        match kind, rest:
            case "storm", [seed]:
                return storm(int(seed))
            case (("up" | "down"), [place, fault, ("up" | "down") as then, *more]) if fault in FAULTS:
                if more in ([], ["elsewhere"]):
                    return cls(kind, place, fault, then, bool(more))
        raise argparse.ArgumentTypeError(f"{text!r} is no cell: up:17:kill-after:down, storm:7")

    def __str__(self) -> str:
        if self.command == "storm":
            return f"storm:{self.place}"
        return f"{self.command}:{self.place}:{self.fault}:{self.then}{':elsewhere' * self.elsewhere}"

    @property
    def row(self) -> tuple[str, str]:
        if self.command == "storm":
            return "`up`, `up`, `down`", "storm"
        return f"`{self.command}`, then `{self.then}`", self.fault


def storm(seed: int) -> Cell:
    return Cell("storm", str(seed), "storm", "down")


# Rows of the table.
ORDER = [
    *(Cell(command, "", fault, then).row for command, then in WAYS for fault in FAULTS),
    storm(0).row,
]


@dataclass
class Result:
    cell: Cell
    # The requests that something was done to. None: the run was over before that number.
    hit: list[Entry] = field(default_factory=list)
    # What went wrong, in words, by column of the table.
    stuck: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    waited: bool = False
    seconds: float = 0.0

    @property
    def wrong(self) -> list[str]:
        return [*self.stuck, *self.leaked, *self.duplicated, *self.lost]


@dataclass
class Ran:
    code: int
    output: Path

    def ended(self, *codes: int) -> list[str]:
        """Complains unless it ended with one of these. A signal counts as a negative number."""
        if self.code in codes:
            return []
        text = self.output.read_text(errors="replace")
        last = next((line for line in text.splitlines() if line.startswith("error")), "")
        return [f"{self.output.stem} ended with {self.code}, not {' or '.join(map(str, codes))} {last}".rstrip()]


class Life:
    """One account and one cluster in it, from nothing to nothing."""

    def __init__(self, matrix: "Matrix", cell: Cell) -> None:
        self.account = matrix.borrow_account()
        # Buckets are those of all accounts, and so are the paths in LocalStack's ledger.
        self.bucket = f"matrix-{next(matrix.serial)}"
        self.program = matrix.program
        self.lag = matrix.options.lag
        self.folder = KEPT / str(cell).replace(":", "-")
        self.result = Result(cell)
        # The requests of each command.
        self.logs: list[list[Entry]] = []
        self._written: dict[str, str] = {}
        self._before: list[Thing] = []

    async def live(self) -> Result:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        began = time.monotonic()
        cell, result = self.result.cell, self.result
        await asyncio.to_thread(self.account.make_bucket, self.bucket, OBJECTS)
        if cell.command == "storm":
            await self._storm(int(cell.place))
        else:
            if cell.command == "down":
                await self._run("up")
                await self._is_complete()
                await self._write()
            await self._break(cell)
            await self._run(cell.then, elsewhere=cell.elsewhere)
        if cell.then == "up":
            await self._is_complete()
            await self._write()
            await self._run("down")
        await self._is_gone()
        result.seconds = time.monotonic() - began
        (self.folder / "result").write_text("".join(f"{line}\n" for line in [cell, *result.hit, *result.wrong]))
        return result

    async def _break(self, cell: Cell) -> None:
        """The command that is hit. An answer that is lost must not be noticed; a kill is looked at right after it."""
        ran = await self._run(cell.command, at(cell.place, cell.fault), codes=None)
        killed = cell.fault.startswith("kill") and bool(self.result.hit)
        # The last answer may have been all that a run was waiting for.
        done = [0] if not killed or cell.fault == "kill-answered" else []
        self.result.stuck += ran.ended(*done, *([-9] if killed else []))
        self._before = await self._look()
        # Nodes write as soon as they are ready, whether or not `up` lives to see it.
        if cell.command == "up" and killed and sum(map(account.is_ready, self._of("instance"))) == NODES:
            await self._write()

    async def _storm(self, seed: int) -> None:
        for number, command in enumerate(("up", "up", "down")):
            await self._run(command, mixture(seed * 1000 + number, STORM))
            if command == "up":
                await self._is_complete()
                await self._write()

    def _of(self, kind: str) -> list[Thing]:
        return [thing for thing in self._before if thing.kind == kind]

    async def _run(
        self,
        command: str,
        choose: Choose = nothing,
        codes: tuple[int, ...] | None = (0,),
        elsewhere: bool = False,
    ) -> Ran:
        """Runs a command through the proxy, in an empty directory. `codes`: how it may end, if that is known yet."""
        name = f"{len(self.logs) + 1}-{command}"
        output = self.folder / f"{name}.output"
        with tempfile.TemporaryDirectory() as empty, output.open("wb") as stream:
            path = Path(empty) / "cluster.toml"
            path.write_text(SPEC.replace("BUCKET", self.bucket))
            async with FaultProxy(self.account.endpoint, choose) as proxy:
                prefix = UNSHARE if elsewhere else ()
                process = await asyncio.create_subprocess_exec(
                    *(*prefix, str(self.program.path), command, "--yes", str(path)),
                    cwd=empty,
                    env=self.program.environment
                    | {"AWS_ENDPOINT_URL": proxy.endpoint, "AWS_ACCESS_KEY_ID": self.account.number},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                )
                proxy.aim(process)
                try:
                    await asyncio.wait_for(process.wait(), PATIENCE_S)
                except TimeoutError:
                    self.result.stuck.append(f"{name} did not end within {PATIENCE_S} s")
                finally:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()
                await proxy.quiet()
        (self.folder / f"{name}.requests").write_text("".join(f"{entry}\n" for entry in proxy.log))
        self.logs.append(proxy.log)
        self.result.hit += [entry for entry in proxy.log if entry.fault]
        ran = Ran(process.returncode, output)
        self.result.waited |= "holds the cluster" in output.read_text(errors="replace")
        if codes:
            self.result.stuck += ran.ended(*codes)
        return ran

    async def _look(self) -> list[Thing]:
        """What must be true at every moment."""
        things = await asyncio.to_thread(self.account.look)
        self.result.leaked += account.unfindable(things, CLUSTER)
        self.result.duplicated += account.doubled(things, NODES)
        return things

    async def _is_complete(self) -> None:
        things = await self._look()
        self.result.stuck += account.incomplete(things, WANTED)
        self.result.duplicated += account.replaced(self._before, things)
        self._before = things

    async def _is_gone(self) -> None:
        # Else what a `down` did not see would not be seen here either.
        await asyncio.sleep(self.lag)
        things = await self._look()
        self.result.leaked += account.left(things)
        lost = {*await asyncio.to_thread(self.account.lost)} & {*self._written}
        self.result.lost += [f"is lost: {path}" for path in sorted(lost)]
        objects = await asyncio.to_thread(self.account.objects, self.bucket)
        wanted = OBJECTS | {path.strip("/"): text for path, text in self._written.items() if path not in lost}
        self.result.lost += [f"is not in S3: {key}" for key, text in wanted.items() if objects.get(key) != text]
        self.account.forget(things)

    async def _write(self) -> None:
        """Puts a file below each link that there is."""

        def write() -> None:
            for path, file_system in self.account.links().items():
                name, text = f"{path}/{self.bucket}-{len(self._written)}", f"of {self.bucket}"
                self.account.write(file_system, name, text)
                self._written[name] = text

        await asyncio.to_thread(write)


class Matrix:
    def __init__(self, cloud: Cloud, program: Program, options: argparse.Namespace) -> None:
        self.cloud = cloud
        self.program = program
        self.version = subprocess.check_output([program.path, "--version"], text=True).strip()
        self.options = options
        self.results: list[Result] = []
        # What a run without a fault asks for.
        self.clean: dict[str, list[Entry]] = {}
        self._slots = asyncio.Semaphore(options.jobs)
        self.serial = itertools.count(1)
        self._accounts: list[Account] = []
        self._numbers = itertools.count(600_000_000_001)

    def borrow_account(self) -> Account:
        if self._accounts:
            return self._accounts.pop()
        return Account(self.cloud.endpoint, str(next(self._numbers)))

    async def measure(self) -> None:
        """A life without a fault: it loads the services, counts the requests, and has to end well."""
        for _ in range(2):
            life = Life(self, Cell("down", "0", FAULTS[0], "down"))
            result = await life.live()
            if result.wrong:
                raise CannotMeasure("\n".join(["a life without a fault goes wrong", *result.wrong, str(life.folder)]))
            for command, log in zip(("up", "down"), life.logs, strict=False):
                self.clean[command] = max(self.clean.get(command, []), log, key=len)
        shutil.rmtree(life.folder)

    def cells(self) -> list[Cell]:
        """All of them up to the end of a clean run; what comes after is found by going there."""
        cells = []
        for command in ("up", "down"):
            variants = self.variants(command)
            numbers = [str(entry.index) for entry in self.clean[command]]
            if self.options.sample and variants:
                turns = itertools.cycle(variants)
                cells += [Cell(command, number, *next(turns)) for number in numbers[:: self.options.sample]]
            else:
                cells += [Cell(command, number, *variant) for number in numbers for variant in variants]
        # They take a minute each: too long for a sample.
        if self.options.sample or not self.options.elsewhere:
            return cells
        return [
            dataclasses.replace(cell, elsewhere=number % ELSEWHERE == ELSEWHERE - 1)
            for number, cell in enumerate(cells)
        ]

    def variants(self, command: str) -> list[tuple[str, str]]:
        """The ways to break this command and to go on."""
        if self.options.only not in (None, command):
            return []
        return [(fault, then) for fault in self.options.faults for broken, then in WAYS if broken == command]

    async def run(self) -> None:
        if self.options.cell:
            await asyncio.gather(*(self.one(cell) for cell in self.options.cell))
            return
        shutil.rmtree(KEPT, ignore_errors=True)
        await self.measure()
        print(f"Without a fault {self.requests()} requests.", flush=True)
        work = [self.one(storm(seed)) for seed in range(1, self.options.storm + 1)]
        work += [self.one(cell) for cell in self.cells()]
        if not self.options.sample:
            work += [self.beyond(command, *variant) for command in self.clean for variant in self.variants(command)]
        await asyncio.gather(*work)
        if not self.options.sample:
            await asyncio.gather(*(self.one(cell) for cell in self.missed()))

    def requests(self) -> str:
        return " and ".join(f"`{command}` has {len(log)}" for command, log in self.clean.items())

    def missed(self) -> list[Cell]:
        """Calls go out in another order each time, so numbers miss some: those that change something are aimed at by name."""
        results = [(result.cell, entry) for result in self.results for entry in result.hit]
        hit = {(cell.command, cell.fault, cell.then, entry.name) for cell, entry in results}
        return [
            Cell(command, entry.name, fault, then)
            for command, log in self.clean.items()
            for fault, then in self.variants(command)
            for entry in log
            if not LOOK.search(entry.operation) and (command, fault, then, entry.name) not in hit
        ]

    def operations(self) -> set[str]:
        return {entry.operation.split(" ")[0] for result in self.results for entry in result.hit}

    def keep_record(self) -> None:
        """A line for each cell: what it hit, how long it took, what went wrong."""
        with (KEPT / "cells.jsonl").open("w") as stream:
            for result in self.results:
                line = {"cell": str(result.cell), "hit": hits(result), "waited": result.waited}
                line |= {"seconds": round(result.seconds, 1), "wrong": result.wrong}
                stream.write(json.dumps(line) + "\n")

    async def beyond(self, command: str, fault: str, then: str) -> None:
        """Runs differ by a few requests: goes on until a number is no longer reached."""
        for number in itertools.count(len(self.clean[command]) + 1):
            if not (await self.one(Cell(command, str(number), fault, then))).hit:
                return

    async def one(self, cell: Cell) -> Result:
        async with self._slots:
            life = Life(self, cell)
            try:
                result = await life.live()
            except Exception:
                result = life.result
                result.stuck.append(traceback.format_exc())
        # Else it was over before that request.
        if result.hit or result.wrong:
            self.results.append(result)
        if result.wrong:
            print("\n  ".join([f"{cell} {hits(result)}", *result.wrong, f"see {life.folder}"]), flush=True)
        else:
            # There is nothing in it any more.
            self._accounts.append(life.account)
            if not self.options.keep:
                shutil.rmtree(life.folder)
        if result.hit and len(self.results) % 50 == 0:
            print(f"{len(self.results)} cells", flush=True)
        return result


def hits(result: Result) -> str:
    return ", ".join(f"{entry.fault} {entry.name}" for entry in result.hit) or "hit nothing"


def table(matrix: Matrix, minutes: float) -> str:
    """What goes into the document."""
    rows: dict[tuple[str, str], list[Result]] = {}
    for result in sorted(matrix.results, key=lambda result: ORDER.index(result.cell.row)):
        rows.setdefault(result.cell.row, []).append(result)
    rows[("all", "")] = matrix.results
    localstack = importlib.metadata.version("localstack-core")
    lines = [
        f"{datetime.date.today()}, {matrix.version}, LocalStack {localstack}. Without a fault {matrix.requests()} requests.",
        f"{len(matrix.results)} runs took {minutes:.0f} minutes and hit {len(matrix.operations())} different operations. "
        f"In {sum(result.waited for result in matrix.results)} of them the command that went on could not see",
        "that the one before was dead, and waited for the end of its lock.",
        "",
        "| command | fault | runs | converged | leaked | duplicated | lost |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (commands, fault), results in rows.items():
        counts = [len(results), sum(not result.stuck for result in results)]
        counts += [sum(len(getattr(result, what)) for result in results) for what in ("leaked", "duplicated", "lost")]
        lines.append(f"| {commands} | {fault} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def document() -> tuple[str, str]:
    """The document before and after the table."""
    before, begin, rest = DOCUMENT.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CannotMeasure(f"{DOCUMENT} has no {BEGIN} and {END}")
    return before + begin, end + after


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("up", "down"), help="kill only this command")
    parser.add_argument("--sample", type=int, metavar="N", help="every N-th request, faults and continuations in turns")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS, metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--storm", type=int, default=0, metavar="RUNS", help="so many lives through random faults too")
    parser.add_argument("--cell", type=Cell.parse, nargs="+", help="only these")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"cells at once ({JOBS})")
    parser.add_argument(
        "--lag", type=float, default=0, metavar="S", help="seconds for which what was made stays unseen"
    )
    parser.add_argument("--keep", action="store_true", help="keep what cells did that ended well, too")
    return parser.parse_args()


async def main() -> int:
    options = arguments()
    whole = not (options.cell or options.only or options.sample or options.lag or options.faults != FAULTS)
    around = document() if whole else None
    options.elsewhere = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    if not options.elsewhere:
        print("No cell goes on as on another machine: `unshare --user --pid` is not allowed here.")
    path = Path(os.environ.get("PROVISION_BIN", ROOT / "target" / "debug" / "provision")).resolve()
    if not os.access(path, os.X_OK):
        raise CannotMeasure(f"there is no program at {path}: run `make crash-matrix`, or `cargo build` first")
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(options.jobs))
    state = Path(tempfile.mkdtemp(prefix="provision-crash-matrix-"))
    try:
        cloud = Cloud(state / "localstack")
        try:
            cloud.control("POST", "settings", SETTINGS | {"lag": {"created": options.lag}})
            matrix = Matrix(cloud, Program(path, cloud.endpoint), options)
            began = time.monotonic()
            await matrix.run()
            minutes = (time.monotonic() - began) / 60
        finally:
            cloud.stop()
    finally:
        shutil.rmtree(state, ignore_errors=True)
    if not matrix.results:
        raise CannotMeasure("no request of such a number was reached")
    matrix.keep_record()
    if options.cell:
        print(*(f"{result.cell} {hits(result)}: {len(result.wrong)} wrong" for result in matrix.results), sep="\n")
    else:
        text = table(matrix, minutes)
        print(text)
    if around:
        before, after = around
        DOCUMENT.write_text(f"{before}\n{text}\n{after}")
    wrong = [result for result in matrix.results if result.wrong]
    for result in wrong:
        cell = result.cell
        if cell.command != "storm" and result.hit:
            cell = dataclasses.replace(cell, place=result.hit[0].name)
        print(f"again: tools/crash_matrix.py --cell '{cell}'")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except (CannotMeasure, OSError) as error:
        sys.exit(f"crash-matrix: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
