"""CPU seconds of `rawlogits check` against parsing the same files, and against ruff with one rule.

    python benchmarks/static_speed.py [FOLDER]

Cold is without a cache, warm with one and nothing changed; then, round by round, another file of FOLDER's has a comment
more (a copy of FOLDER's): files that name losses, taken evenly over all of them.

Without FOLDER the wheel of transformers 5.24.0 is downloaded with pip to a temporary folder and unpacked there.
Every round runs each command once, in turn, so that a busy machine slows all of them alike; the table shows medians of
user + system time of the child and all that it started, and the largest resident memory. Wall time is shown only for
orientation: it depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import shutil
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
COLD, WARM, EDITED = "rawlogits check, cold", "rawlogits check, warm", "rawlogits check, a file edited"

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


def commands(folder: Path, cache: Path) -> dict[str, list[str]]:
    """What is compared, by the name in the table; the first is the unit of the ratios."""
    beside = Path(sys.executable).parent
    check = [sys.executable, "-m", "rawlogits", "check", str(folder), "--no-config"]
    found = {
        "ast.parse of every file": [sys.executable, "-c", PARSE_ALL, str(folder)],
        COLD: [*check, "--no-cache"],
        WARM: [*check, "--cache-dir", str(cache)],
        EDITED: [*check, "--cache-dir", str(cache)],
    }
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
    with sources(arguments.folder) as given, tempfile.TemporaryDirectory() as temporary:
        folder, cache = Path(temporary, "copy"), Path(temporary, "cache")
        shutil.copytree(given, folder, ignore=shutil.ignore_patterns(".*"))
        files = sorted(folder.rglob("*.py"))
        size = sum(path.stat().st_size for path in files)
        asking = [path for path in files if b"CrossEntropyLoss" in path.read_bytes()] or files
        edited = [asking[len(asking) * n // arguments.rounds] for n in range(arguments.rounds)]
        compared = commands(folder, cache)
        measure(compared[WARM])
        results: dict[str, list[Run]] = {name: [] for name in compared}
        for path in edited:
            for name, command in compared.items():
                if name == EDITED:
                    with path.open("a", encoding="utf-8") as file:
                        file.write("\n# a comment more\n")
                results[name].append(measure(command))
    version = sys.version.split()[0]
    print(f"{len(files):,} files, {size / 1e6:.1f} MB; Python {version}; median of {arguments.rounds} rounds")
    print(table(results))
    print(
        "edited:",
        ", ".join(f"{path.name} {run.cpu_s:.2f} s" for path, run in zip(edited, results[EDITED], strict=True)),
    )


if __name__ == "__main__":
    main()
