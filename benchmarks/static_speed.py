"""CPU seconds of a cold `rawlogits check` against parsing the same files, and against ruff with one rule.

    python benchmarks/static_speed.py [FOLDER]

Without FOLDER the wheel of transformers 5.24.0 is downloaded with pip to a temporary folder and unpacked there.
Every round runs each command once, in turn, so that a busy machine slows all of them alike; the table shows medians of
user + system time of the child and all that it started, and the largest resident memory. Wall time is shown only for
orientation: it depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

WHEEL = "transformers==5.24.0"

PARSE_ALL = """
import ast, pathlib, sys, warnings
warnings.simplefilter("ignore")
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        pass
"""


class Run(NamedTuple):
    """One run of one command."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    status: int


def measure(command: Sequence[str]) -> Run:
    """Run a command to its end; what it prints is thrown away."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    kilobytes = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    wall = time.perf_counter() - started
    return Run(usage.ru_utime + usage.ru_stime, wall, kilobytes / 1024, process.returncode)


def commands(folder: Path) -> dict[str, list[str]]:
    """What is compared, by the name in the table; the first is the unit of the ratios."""
    beside = Path(sys.executable).parent
    check = [sys.executable, "-m", "rawlogits", "check", str(folder), "--no-config"]
    found = {"ast.parse of every file": [sys.executable, "-c", PARSE_ALL, str(folder)], "rawlogits check": check}
    if (beside / "ruff").exists():
        rule = ["--select", "F401", "--no-cache", "--isolated", "--quiet"]
        found["ruff check --select F401"] = [str(beside / "ruff"), "check", *rule, str(folder)]
    return found


def table(results: dict[str, list[Run]]) -> str:
    """Medians, with ratios to the first command and to ruff."""
    cpu = {name: statistics.median(run.cpu_s for run in runs) for name, runs in results.items()}
    unit, ruff = next(iter(cpu.values())), cpu.get("ruff check --select F401")
    lines = [("", "CPU s", "x ast.parse", "x ruff", "wall s", "peak MB", "exit")]
    for name, runs in results.items():
        wall = statistics.median(run.wall_s for run in runs)
        peak = max(run.peak_mb for run in runs)
        times = f"{cpu[name] / ruff:.2f}" if ruff else "-"
        codes = ",".join(str(code) for code in sorted({run.status for run in runs}))
        lines.append((name, f"{cpu[name]:.2f}", f"{cpu[name] / unit:.2f}", times, f"{wall:.2f}", f"{peak:.0f}", codes))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


@contextmanager
def sources(folder: Path | None) -> Iterator[Path]:
    """The folder to check: the one given, or the unpacked wheel."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", temporary, WHEEL]
        subprocess.run(pip, check=True)
        (wheel,) = Path(temporary).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(Path(temporary, "unpacked"))
        yield Path(temporary, "unpacked")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with sources(arguments.folder) as folder:
        files = sorted(folder.rglob("*.py"))
        size = sum(path.stat().st_size for path in files)
        compared = commands(folder)
        results: dict[str, list[Run]] = {name: [] for name in compared}
        for _ in range(arguments.rounds):
            for name, command in compared.items():
                results[name].append(measure(command))
    version = sys.version.split()[0]
    print(f"{len(files):,} files, {size / 1e6:.1f} MB; Python {version}; median of {arguments.rounds} rounds")
    print(table(results))


if __name__ == "__main__":
    main()
