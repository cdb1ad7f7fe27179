"""Kills `rawlogits check --fix` at random moments, over and over: no file is lost or half written.

    python tests/kill_fix.py [KILLS] [SEED]

A project of 50 files holds 25 models and 25 scripts that train them; each of 25 fixes takes a softmax out of a model
and writes it where a script reads probabilities. A run
is ended by SIGKILL: half of them at any moment of a run, half while files are being written. Then every file has to
be the old or the new one as a whole, and once the next run has put back what was half done, both files of every pair
are old, or both are new.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rawlogits import fixing
from rawlogits.__main__ import main
from rawlogits.writing import JOURNAL

PAIRS = 25
NET = """\
import torch
import torch.nn as nn


class Net{0}(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return torch.softmax(self.fc(x), dim=1)
"""
TRAIN = """\
import torch
import torch.nn as nn

from net{0} import Net{0}

net = Net{0}()
out = net(torch.randn(4, 8))
loss = nn.CrossEntropyLoss()(out, torch.tensor([0, 1, 2, 0]))
sure = out > 0.9
"""


def lay_out(folder: Path) -> None:
    for number in range(PAIRS):
        (folder / f"net{number}.py").write_text(NET.format(number))
        (folder / f"train{number}.py").write_text(TRAIN.format(number))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.py")}


def start(folder: Path) -> int:
    """`rawlogits check --fix` in a process of its own."""
    process = os.fork()
    if process == 0:
        os.chdir(folder)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        status = 3
        try:
            status = main(["check", "--fix", "--unsafe-fixes", "--no-cache"])
        finally:
            os._exit(status)
    return process


def measured(folder: Path) -> tuple[float, float]:
    """The seconds of an undisturbed run, and those of them in which it writes."""
    began = time.perf_counter()
    process = start(folder)
    journal, seen, gone = folder / JOURNAL, 0.0, 0.0
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        there = journal.exists()
        if there and not seen:
            seen = time.perf_counter()
        if seen and not there and not gone:
            gone = time.perf_counter()
        time.sleep(0.0002)
    ended = time.perf_counter()
    return ended - began, (gone or ended) - (seen or ended)


def killed(folder: Path, moment: float, *, writing: bool) -> None:
    """End a run so long after its start, or after it has begun to write."""
    process = start(folder)
    while writing and not (folder / JOURNAL).exists():
        if os.waitpid(process, os.WNOHANG) != (0, 0):
            return
        time.sleep(0.0002)
    time.sleep(moment)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def judged(folder: Path, old: dict[str, bytes], new: dict[str, bytes]) -> str:
    """How a killed run left the project, after asserting that nothing is lost."""
    found = contents(folder)
    assert found.keys() == old.keys(), f"lost: {old.keys() - found.keys()}"
    for name, data in found.items():
        assert data in (old[name], new[name]), f"{name} is neither old nor new"
    torn = sum(
        (found[f"net{n}.py"] == old[f"net{n}.py"]) != (found[f"train{n}.py"] == old[f"train{n}.py"])
        for n in range(PAIRS)
    )
    was_left = (folder / JOURNAL).exists()
    assert was_left or not torn, "a fix is half made, and no journal tells"
    fixing.recover(folder)
    found = contents(folder)
    for number in range(PAIRS):
        pair = [found[name] == new[name] for name in (f"net{number}.py", f"train{number}.py")]
        assert pair in ([True, True], [False, False]), f"pair {number} is half made"
    strange = {path.name for path in folder.iterdir()} - old.keys()
    assert not strange, f"left behind: {strange}"
    if torn:
        return "one fix half made, put back"
    done = sum(found[f"net{n}.py"] == new[f"net{n}.py"] for n in range(PAIRS))
    return "before writing" if not done else "after writing" if done == PAIRS else "between two fixes"


def run(kills: int, seed: int = 0) -> Counter[str]:
    """How often a killed run ended where."""
    dice, seen = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as top:
        origin, folder = Path(top) / "origin", Path(top) / "project"
        origin.mkdir()
        lay_out(origin)
        old = contents(origin)
        shutil.copytree(origin, folder)
        whole, writing = measured(folder)
        new = contents(folder)
        assert all(new[name] != old[name] for name in old), "the undisturbed run did not fix every file"
        for number in range(kills):
            shutil.rmtree(folder)
            shutil.copytree(origin, folder)
            in_writing = bool(number % 2)
            killed(folder, dice.uniform(0, writing if in_writing else whole), writing=in_writing)
            seen[judged(folder, old, new)] += 1
    print(f"a run takes {whole:.2f} s, {writing * 1000:.0f} ms of them it writes")
    return seen


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    for how, times in run(numbers[0] if numbers else 200, *numbers[1:]).most_common():
        print(f"{times:>5,}  {how}")
