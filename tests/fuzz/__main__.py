"""Run the fuzzer for some minutes, make what fails small, and write it down."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys
import time
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.targets import TARGETS, Files, sample, tried

SECONDS = 20
"""CPU seconds that one small project may take, and"""
PATIENCE = 120
"""seconds of any kind."""
MEMORY = 4 << 30


def _serve(connection: Connection, target: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        files = connection.recv()
        started = time.process_time()
        try:
            taken = tried(target, files)
            spent = time.process_time() - started
            connection.send((f"took {spent:.0f} s of CPU time" if spent > SECONDS else "", taken, spent))
        except BaseException:
            connection.send((traceback.format_exc(), True, time.process_time() - started))


class Child:
    """A process that tries inputs, so that one that hangs or dies costs the process and not the run."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.taken = 0
        self.cpu = 0.0
        self._start()

    def _start(self) -> None:
        self.connection, other = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(other, self.target), daemon=True
        )
        self.process.start()
        other.close()

    def fails(self, files: Files) -> str:
        """What goes wrong with an input, "" when nothing does."""
        try:
            self.connection.send(files)
            if self.connection.poll(PATIENCE):
                found, taken, spent = self.connection.recv()
                self.taken += taken
                self.cpu += spent
                return str(found)
            found = f"took more than {PATIENCE} s"
        except (EOFError, OSError):
            found = "the process died"
        self.process.kill()
        self._start()
        return str(found)


def _last(why: str) -> str:
    return why.strip().splitlines()[-1] if why.strip() else ""


def smaller(child: Child, files: Files, budget: float) -> Files:
    """The input without whatever lines are not needed for it to fail."""
    until, why = time.monotonic() + budget, _last(child.fails(files))
    size = max(len(text.split("\n")) for text in files.values())
    while size and time.monotonic() < until:
        cut = False
        for name in list(files):
            lines = files[name].split("\n")
            for at in range(0, len(lines), size):
                fewer = {**files, name: "\n".join(lines[:at] + lines[at + size :])}
                if time.monotonic() < until and why and _last(child.fails(fewer)) == why:
                    files, cut = fewer, True
                    break
        size = size if cut else size // 2
    return files


def write(folder: Path, number: int, target: str, files: Mapping[str, str], why: str) -> None:
    """One failing input, as a page like those in tests/cases."""
    fences = "\n".join(f"```python {name}\n{text}\n```\n" for name, text in files.items())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{target}-{number}.md").write_text(f"## {target}\n\n{fences}\n```\n{why}\n```\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--target", choices=("all", *TARGETS), default="all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), metavar="FOLDER")
    arguments = parser.parse_args()
    targets = list(TARGETS) if arguments.target == "all" else [arguments.target]
    children = {target: Child(target) for target in targets}
    draw, until = random.Random(arguments.seed), time.monotonic() + 60 * arguments.minutes
    counts, failures = dict.fromkeys(targets, 0), 0
    while time.monotonic() < until:
        target = draw.choice(targets)
        files = sample(target, draw)
        counts[target] += 1
        why = children[target].fails(files)
        if why:
            failures += 1
            files = smaller(children[target], files, 60)
            write(arguments.found, failures, target, files, children[target].fails(files) or why)
            print(f"{target}: {_last(why)}", flush=True)
    told = ", ".join(f"{count:,} {target} ({children[target].taken:,} taken)" for target, count in counts.items())
    minutes = sum(child.cpu for child in children.values()) / 60
    print(
        f"{told}; {minutes:.1f} minutes of CPU time; {failures} failed"
        + (f", written to {arguments.found}" if failures else "")
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
