#!/usr/bin/env python3
"""Measures what `provision` promises about size and speed, against LocalStack with the delays that it has by default.

    make bench       or, with a program that is built already: tools/bench.py

Prints counts and ratios with the target beside each. Says nothing about pass or fail: a busy machine is slow and not wrong.
Exits with 1 only if something cannot be measured. Environment: PROVISION_BIN, LOCALSTACK_VENV. A release build is measured
where there is one for what depends on it: start-up, memory, processor time, size.

A ratio is wall time over the *path*: the time that the cloud itself needs, one thing after another, by LocalStack's settings.
"""

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target" / "release" / "provision"
EXAMPLE = ROOT / "examples" / "video-pretrain.toml"
BUCKET = "acme-video"
RUNS = 20
MEGABYTE = 1_000_000


class CannotMeasure(Exception):
    pass


class Program:
    """The program under test, with an environment in which nothing of the user's own AWS settings counts."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self.path = path
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = inherited | {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def run(self, *arguments: str) -> tuple[float, resource.struct_rusage]:
        """Runs a command to its end; gives its wall time in seconds and what it used."""
        with tempfile.TemporaryFile() as output:
            began = time.monotonic()
            child = subprocess.Popen(
                [str(self.path), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment,
            )
            try:
                _, status, usage = os.wait4(child.pid, 0)
            except BaseException:
                child.terminate()
                child.wait()
                raise
            wall = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode != 0:
                output.seek(0)
                text = output.read().decode(errors="replace")
                raise CannotMeasure(f"`provision {' '.join(arguments)}` ended with {child.returncode}:\n{text}")
            return wall, usage


class Cloud:
    """LocalStack: started, asked what happened, and stopped."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.endpoint = self._script("start", "--port", "0").strip()

    def _script(self, command: str, *more: str) -> str:
        venv = os.environ.get("LOCALSTACK_VENV", str(ROOT / ".venv"))
        script = [str(ROOT / "localstack" / "localstack.sh"), command, "--venv", venv, "--state", str(self.state)]
        # The figures are those of the default delays, so no setting of the user's own counts.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PROVISION_")}
        done = subprocess.run(
            [*script, *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment, check=False
        )
        if done.returncode != 0:
            raise CannotMeasure(f"localstack.sh {command} ended with {done.returncode}")
        return done.stdout

    def stop(self) -> None:
        self._script("stop")

    def _request(self, method: str, path: str, body: object = None, **headers: str) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}{path}", data=data, method=method, headers=headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return answer.read()

    def control(self, method: str, path: str, body: object = None) -> dict:
        return json.loads(self._request(method, f"/_provision/{path}", body))

    def fresh(self) -> None:
        """Forgets everything but the one bucket that the example links."""
        self.control("POST", "reset")
        # LocalStack tells the service by the scope of the signature, and checks none.
        scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        self._request("PUT", f"/{BUCKET}", Authorization=scope)

    def requests(self) -> int:
        return self.control("GET", "ledger")["requests_total"]

    def delays(self) -> dict[str, float]:
        settings = self.control("GET", "settings")
        return {name: seconds * settings["time_scale"] for name, seconds in settings["delay"].items()}


def spec(folder: Path, nodes: int, launch: str) -> Path:
    """Writes the example with another number of nodes."""
    text, changed = re.subn(r"(?m)^count = \d+$", f"count = {nodes}", EXAMPLE.read_text())
    text, added = re.subn(r"(?m)^(name = \"video-pretrain\")$", rf'\1\nlaunch = "{launch}"', text)
    if (changed, added) != (1, 1):
        raise CannotMeasure(f"{EXAMPLE} has changed: no line `count = …` or `name = \"video-pretrain\"`")
    path = folder / f"{nodes}-{launch}.toml"
    path.write_text(text)
    return path


def path_of_up(delays: dict[str, float], launch: str) -> float:
    """File system, then the longer of links and boot. Links are made one after another, and the import of metadata that
    comes with the last one is waited for (`preload = "metadata"` of /train, the last by name)."""
    links = 2 * delays["association_create"] + delays["import"]
    boot = delays["instance_pending"] + delays["instance_boot"]
    if launch == "after-storage":
        return delays["file_system_create"] + max(links, boot)
    return max(delays["file_system_create"] + links, boot)


def path_of_down(delays: dict[str, float]) -> float:
    """Nodes, automatic export off (/checkpoints), both exports side by side, the links one after another, file system."""
    return (
        delays["instance_shutting_down"]
        + delays["association_update"]
        + delays["task"]
        + 2 * delays["association_delete"]
        + delays["file_system_delete"]
    )


def build_of(program: Path) -> str:
    folder = program.parent.name
    return f"{folder} build" if folder in ("debug", "release") else program.name


def row(what: str, figure: str, target: str, note: str = "") -> None:
    print(f"{what:<44}{figure:>12}   {target:<9}{note}".rstrip(), flush=True)


def ratio(what: str, wall: float, path: float) -> None:
    row(what, f"{wall / path:.2f} ×", "≤ 1.1 ×", f"{wall:.1f} s where the cloud needs {path:.1f} s")


def life(program: Program, shipped: Program, cloud: Cloud, folder: Path, nodes: int, launch: str) -> None:
    """up, up again, plan, down: `plan` by the program as it is shipped."""
    cluster = str(spec(folder, nodes, launch))
    cloud.fresh()
    delays = cloud.delays()
    name = f"{nodes:,} nodes" if launch == "after-storage" else f"{nodes:,} nodes, {launch}"

    def counted(by: Program, *arguments: str) -> tuple[float, resource.struct_rusage, int]:
        before = cloud.requests()
        wall, usage = by.run(*arguments)
        return wall, usage, cloud.requests() - before

    wall, _, requests = counted(program, "up", "--yes", cluster)
    small = nodes <= 8
    if small:
        ratio(f"up, {name}", wall, path_of_up(delays, launch))
    row(f"up, {name}: requests", str(requests), "≤ 60" if small else "≤ 80", "" if small else f"{wall:.1f} s")
    if launch == "after-storage":
        _, _, requests = counted(program, "up", "--yes", cluster)
        row(f"up again, {name}: requests", str(requests), "≤ 20")
        wall, usage, requests = counted(shipped, "plan", cluster)
        row(f"plan, {name}: requests", str(requests), "≤ 20")
        if not small:
            # Linux counts a child's memory from that of its parent on.
            floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
            note = f"{build_of(shipped.path)}; cannot be seen below {floor:.0f} MB"
            row(f"plan, {name}: memory", f"{usage.ru_maxrss * 1024 / MEGABYTE:.0f} MB", "< 60 MB", note)
            # What is left of the wall time is LocalStack's, which describes a thousand instances.
            note = f"{build_of(shipped.path)}, processor time; {wall:.1f} s in all"
            row(f"plan, {name}: own time", f"{usage.ru_utime + usage.ru_stime:.2f} s", "< 1 s", note)
    if small:
        wall, _, requests = counted(program, "down", "--yes", cluster)
        ratio(f"down, {name}", wall, path_of_down(delays))
        row(f"down, {name}: requests", str(requests), "")


def median_ms(program: Program, *arguments: str) -> float:
    program.run(*arguments)
    return statistics.median(program.run(*arguments)[0] for _ in range(RUNS)) * 1000


def main() -> None:
    path = Path(os.environ.get("PROVISION_BIN", ROOT / "target" / "debug" / "provision")).resolve()
    if not os.access(path, os.X_OK):
        raise CannotMeasure(f"there is no program at {path}: run `make bench`, or `cargo build` first")
    folder = Path(tempfile.mkdtemp(prefix="provision-bench-"))
    try:
        cloud = Cloud(folder / "localstack")
        try:
            row("", "measured", "target")
            program = Program(path, cloud.endpoint)
            shipped = Program(RELEASE if RELEASE.exists() else path, cloud.endpoint)
            # LocalStack loads a service when it is first asked: that time is not the program's.
            cloud.fresh()
            program.run("plan", str(EXAMPLE))
            for launch in ("after-storage", "with-storage"):
                life(program, shipped, cloud, folder, 8, launch)
            life(program, shipped, cloud, folder, 1000, "after-storage")
            build = f"median of {RUNS}, {build_of(shipped.path)}"
            row("--version", f"{median_ms(shipped, '--version'):.1f} ms", "< 20 ms", build)
            row("validate", f"{median_ms(shipped, 'validate', str(EXAMPLE)):.1f} ms", "< 50 ms", build)
            size = f"{RELEASE.stat().st_size / MEGABYTE:.1f} MB" if RELEASE.exists() else "not built"
            row("release binary", size, "< 40 MB", "" if RELEASE.exists() else "`make release` builds it")
        finally:
            cloud.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except (CannotMeasure, OSError) as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
