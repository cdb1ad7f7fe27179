"""The answer does not depend on the order of sets, of files, or on what was checked before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests import literate

CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases").glob("*.md"))
    for case in literate.parse(path.read_text(encoding="utf-8"), path.name)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every literate case, each in a folder of its own, as one project."""
    top = tmp_path_factory.mktemp("every_case")
    for number, case in enumerate(CASES):
        (top / f"case{number}").mkdir()
        case.write(top / f"case{number}")
    return top


def answer(folder: Path, seed: int, paths: list[str], jobs: int = 1) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "rawlogits",
        "check",
        "--select",
        "ALL",
        "--format",
        "json",
        "--no-config",
        "--no-cache",
        f"--jobs={jobs}",
    ]
    more = ["--show", "unresolved", "--show", "suppressions"]
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    done = subprocess.run(
        [*command, *more, *paths], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    del found["summary"]["elapsed_s"]
    return found


@pytest.mark.parametrize("jobs", [2, 3])
def test_more_processes_give_the_same_answer(folder: Path, jobs: int) -> None:
    assert answer(folder, 1, ["."], jobs) == answer(folder, 1, ["."])


def test_other_hash_seeds_give_the_same_answer(folder: Path) -> None:
    first = answer(folder, 1, ["."])
    assert first["findings"]
    assert answer(folder, 2, ["."]) == first


def test_the_order_of_the_paths_does_not_matter_to_what_is_found(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())[:60]
    assert answer(folder, 1, names[::-1])["findings"] == answer(folder, 1, names)["findings"]
