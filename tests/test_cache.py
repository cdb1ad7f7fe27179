"""The cache: the same findings with and without, after any edit; a broken cache is as good as none."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests import literate

import rawlogits
from rawlogits import api
from rawlogits.cli import cli
from rawlogits.errors import InputError
from rawlogits.report import Report

CASES = [
    (path, case)
    for path in sorted((Path(__file__).parent / "cases").glob("*.md"))
    for case in literate.parse(path.read_text(encoding="utf-8"), path.name)
    if len(case.files) > 1
]
MODEL = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(x)
"""
TRAIN = """\
import torch.nn as nn
from model import Net

model, criterion = Net(), nn.CrossEntropyLoss()


def step(x, y):
    return criterion(model(x), y)
"""


def seen(report: Report) -> list[object]:
    """All of a report but the time."""
    summary = report.summary
    return [
        report.findings,
        report.failures,
        report.unresolved,
        report.unused_suppressions,
        summary.files_scanned,
        summary.losses_checked,
        summary.losses_resolved,
    ]


def check(folder: Path, cached: bool = True) -> Report:
    return rawlogits.check([folder], root=folder, use_config=False, cache=folder / "cache" if cached else None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


@pytest.mark.parametrize(("source", "case"), CASES, ids=lambda value: getattr(value, "stem", None) or value.title)
def test_every_edit_of_a_case(source: Path, case: literate.Case, tmp_path: Path) -> None:
    """Warm, after a comment, after lines that move, after another activation, and after a file is gone."""
    case.write(tmp_path)
    assert seen(check(tmp_path)) == seen(check(tmp_path)) == seen(check(tmp_path, cached=False))
    for number, file in enumerate(case.files):
        path = tmp_path / file.name
        if path.suffix != ".py":
            continue
        text = path.read_text()
        for edited in (
            text + "# done\n",
            "\n# first\n" + text,
            text.replace("Softmax", "Softplus").replace("softmax", "relu"),
            text.replace("return ", "return 1 * "),
            text + "\n\ndef more(x):\n    return x\n",
        ):
            path.write_text(edited)
            assert seen(check(tmp_path)) == seen(check(tmp_path, cached=False))
        path.unlink()
        if number + 1 < len(case.files):
            assert seen(check(tmp_path)) == seen(check(tmp_path, cached=False))
        path.write_text(text)
    assert seen(check(tmp_path)) == seen(check(tmp_path, cached=False))


def test_an_edit_of_the_model_is_seen_at_the_loss(project: Path) -> None:
    assert not check(project).findings
    (project / "model.py").write_text(MODEL.replace("return self.head(x)", "return self.head(x).softmax(1)"))
    assert [finding.rule for finding in check(project).findings] == ["double-softmax"]
    (project / "model.py").write_text(MODEL)
    assert not check(project).findings


def test_a_file_that_shadows_an_import(project: Path) -> None:
    """What an import finds is remembered, and looked up again."""
    assert not check(project).findings
    (project / "model").mkdir()
    (project / "model" / "__init__.py").write_text(MODEL.replace("self.head(x)", "self.head(x).softmax(1)"))
    assert seen(check(project)) == seen(check(project, cached=False))
    assert check(project).findings


def test_other_options_are_another_scan(project: Path) -> None:
    (project / "notes.md").write_text(f"```python\n{MODEL}\nnn.CrossEntropyLoss()(Net()(x).softmax(1), y)\n```\n")
    check(project)
    options = {"root": project, "use_config": False, "cache": project / "cache"}
    assert rawlogits.check([project], markdown=True, **options).findings
    assert not rawlogits.check([project], **options).findings
    assert rawlogits.check([project / "model.py"], **options).summary.files_scanned == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", b"\xff\0", b"0" * 32 + b"\n{}"])
def test_a_broken_cache_is_rebuilt(project: Path, content: bytes) -> None:
    expected = seen(check(project))
    (file,) = (project / "cache").glob("*.json")
    whole = file.read_bytes()
    file.write_bytes(content)
    assert seen(check(project)) == expected
    assert file.read_bytes() == whole


def test_a_truncated_or_altered_cache_is_rebuilt(project: Path) -> None:
    expected = seen(check(project))
    (file,) = (project / "cache").glob("*.json")
    whole = file.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 40)):
        for content in (whole[:at], whole[:at] + b"7" + whole[at + 1 :]):
            file.write_bytes(content)
            assert seen(check(project)) == expected


def test_a_cache_of_other_code_is_not_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name holds a digest of the package: an edited rule or row does not find old answers."""
    check(project)
    monkeypatch.setattr("rawlogits.cache._FORMAT", 0)
    check(project)
    assert len(list((project / "cache").glob("*.json"))) == 2


def _many(folder: Path, number: int) -> list[object]:
    (folder / "other.py").write_text(f"x = {number}\n")
    return seen(check(folder))


def test_runs_at_the_same_time(project: Path) -> None:
    expected = _many(project, 0)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(_many, [(project, number) for number in range(6)])
    assert all(each == expected for each in found)
    assert not list((project / "cache").glob("*.tmp"))


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(project: Path) -> None:
    (project / "cache").mkdir(mode=0o555)
    assert not check(project).findings


def test_a_file_in_place_of_the_folder(project: Path) -> None:
    (project / "cache").write_text("not a folder")
    assert not check(project).findings
    assert (project / "cache").read_text() == "not a folder"


def test_only_the_latest_scans_are_kept(project: Path) -> None:
    for number in range(20):
        (project / f"m{number}.py").write_text(MODEL)
        rawlogits.check([project / f"m{number}.py"], root=project, use_config=False, cache=project / "cache")
    assert len(list((project / "cache").glob("*.json"))) == 16


def test_the_folder_tells_what_it_is(project: Path) -> None:
    check(project)
    assert (project / "cache" / ".gitignore").read_text() == "*\n"
    assert (project / "cache" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_the_command(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    run = CliRunner().invoke
    assert run(cli, ["check", "--no-cache"]).exit_code == 0
    assert not (project / ".rawlogits_cache").exists()
    assert run(cli, ["check"]).exit_code == 0
    assert run(cli, ["check", "--cache-dir", "elsewhere"]).exit_code == 0
    assert [path.name for path in project.glob("*/CACHEDIR.TAG")]
    assert run(cli, ["clean"]).output.startswith("1 scan deleted from ")
    assert run(cli, ["clean"]).output.startswith("0 scans deleted from ")
    assert not (project / ".rawlogits_cache").exists()


def test_clean_deletes_nothing_else(project: Path) -> None:
    with pytest.raises(InputError, match=r"CACHEDIR\.TAG"):
        api.clear_cache(project)
    check(project)
    (project / "cache" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="did not write"):
        api.clear_cache(project / "cache")
    assert (project / "cache" / "mine.txt").read_text() == "mine"
