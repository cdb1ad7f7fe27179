"""Several processes share a scan: what one of them cannot do, or what comes out otherwise there, is done again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import rawlogits
from rawlogits.static import processes, walk
from rawlogits.static.memory import Entry

NET = """import torch.nn as nn
import torch.nn.functional as F
from losses import shared

class Net{n}(nn.Module):
    def forward(self, x, y):
        return shared(x.softmax(1), y)
"""
SHARED = """import torch.nn.functional as F

def shared(z, y):
    return F.cross_entropy(z, y)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty files, each with a mistake that a function of one other file turns into one."""
    monkeypatch.setattr(processes, "WORTH", 2)
    for number in range(40):
        (tmp_path / f"net{number}.py").write_text(NET.format(n=number), encoding="utf-8")
    (tmp_path / "losses.py").write_text(SHARED, encoding="utf-8")
    return tmp_path


def checked(project: Path, jobs: int, cache: Path | None = None) -> rawlogits.Report:
    return rawlogits.check([project], root=project, use_config=False, jobs=jobs, cache=cache)


def test_what_several_processes_find_is_what_one_finds(project: Path) -> None:
    alone, together = checked(project, 1), checked(project, 4)
    assert len(alone.findings) == 40
    assert (together.findings, together.unresolved) == (alone.findings, alone.unresolved)


def test_what_a_process_that_dies_had_to_do_is_done_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, parent = walk.Walker._run, os.getpid()

    def fatal(self: walk.Walker, entry: Entry) -> object:
        if os.getpid() != parent and entry.shown == "net7.py":
            os._exit(1)
        return run(self, entry)

    monkeypatch.setattr(walk.Walker, "_run", fatal)
    assert len(checked(project, 4).findings) == 40


def test_the_cache_that_several_processes_leave_serves_one(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    first = checked(project, 4, folder)
    assert checked(project, 1, folder).findings == first.findings
    (project / "losses.py").write_text(
        SHARED.replace("F.cross_entropy(z, y)", "F.nll_loss(z.log(), y)"), encoding="utf-8"
    )
    assert checked(project, 1, folder).findings == checked(project, 1).findings != first.findings


def test_parts_hold_whole_files() -> None:
    entries = [Entry(f"{name}.py", number) for number in range(3) for name in "abcd"]
    found = processes.parts(entries, 3)
    assert sorted(entry for part in found for entry in part) == sorted(entries)
    homes = [{entry.shown for entry in part} for part in found]
    assert sum(map(len, homes)) == 4
    assert len(found) == 3


def test_there_is_at_least_one_process() -> None:
    assert processes.available() >= 1
