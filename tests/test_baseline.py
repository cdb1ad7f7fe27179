"""The baseline: what is known is left out, and what is new is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rawlogits as package
from command import WRONG, Done, project, rawlogits
from rawlogits.api import write_baseline
from rawlogits.baseline import Entry, entries, line_of, read, write
from rawlogits.errors import InputError
from rawlogits.finding import Confidence, Finding, Place, Severity, Step

FILE = "known.json"
LOSS = "loss = criterion(out, y)"


def check(folder: Path, *arguments: str) -> Done:
    return rawlogits("check", *arguments, cwd=folder)


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A project with one finding, and its baseline."""
    project(tmp_path, WRONG)
    done = check(tmp_path, "--write-baseline", FILE)
    assert (done.status, done.out, done.err) == (0, "", f"1 finding in 2 files written to {FILE}\n")
    return tmp_path


def changed(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def test_what_is_known_is_left_out(known: Path) -> None:
    done = check(known, "--baseline", FILE)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("no findings (1 known) · 1 loss checked: 1 traced")
    assert check(known).status == 1


def test_the_file(known: Path) -> None:
    document = json.loads((known / FILE).read_text(encoding="utf-8"))
    (entry,) = document["findings"]
    assert document["version"] == 1
    assert (entry["path"], entry["code"]) == ("train.py", "RL101")
    assert len(entry["fingerprint"]) == 16
    assert known.as_posix() not in (known / FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WRONG)
def test_lines_may_move(known: Path, name: str) -> None:
    text = (known / name).read_text(encoding="utf-8")
    (known / name).write_text("# a line\n\n" + text, encoding="utf-8")
    assert check(known, "--baseline", FILE).status == 0


def test_lines_may_be_indented_anew(known: Path) -> None:
    changed(known, "train.py", f"        {LOSS}\n", f"        if True:\n            {LOSS}\n")
    assert check(known, "--baseline", FILE).status == 0


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("train.py", LOSS, "value = criterion(out, y)"),
        ("net.py", "F.softmax(self.fc(x), dim=1)", "F.softmax(self.fc(x + 1), dim=1)"),
    ],
)
def test_a_changed_line_is_new(known: Path, name: str, old: str, new: str) -> None:
    changed(known, name, old, new)
    changed(known, "train.py", "loss.backward()", "pass")
    done = check(known, "--baseline", FILE)
    assert done.status == 1
    assert done.out.splitlines()[-1].startswith("1 error · ")
    assert done.err == f"1 entry of the baseline is no longer found: write it anew (--write-baseline {FILE})\n"


def test_a_twin_is_new(known: Path) -> None:
    changed(known, "train.py", f"        {LOSS}\n", f"        {LOSS}\n        {LOSS}\n")
    done = check(known, "--baseline", FILE)
    assert done.out.splitlines()[-1].startswith("1 error (1 known) · ")
    check(known, "--write-baseline", FILE)
    assert check(known, "--baseline", FILE).status == 0
    assert json.loads((known / FILE).read_text())["findings"][1]["fingerprint"].endswith("-2")


def test_a_repaired_one_is_said(known: Path) -> None:
    changed(known, "net.py", "F.softmax(self.fc(x), dim=1)", "self.fc(x)")
    done = check(known, "--baseline", FILE, "--format", "json")
    assert json.loads(done.out)["findings"] == []
    assert done.err.startswith("1 entry of the baseline is no longer found")
    (known / "train.py").unlink()
    assert "no longer found" in check(known, "--baseline", FILE).err


def test_nothing_is_said_of_files_and_rules_that_did_not_run(known: Path) -> None:
    changed(known, "net.py", "F.softmax(self.fc(x), dim=1)", "self.fc(x)")
    assert check(known, "net.py", "--baseline", FILE).err == ""
    assert check(known, "--select", "RL4", "--baseline", FILE).err == ""


def test_it_holds_from_another_folder(known: Path) -> None:
    (known / "sub").mkdir()
    for arguments in (["..", "--baseline", f"../{FILE}"], [str(known), "--baseline", str(known / FILE)]):
        assert rawlogits("check", *arguments, cwd=known / "sub").out.startswith("no findings (1 known)")


def test_the_key_of_the_configuration(known: Path) -> None:
    project(known, {"pyproject.toml": f'[tool.rawlogits]\nbaseline = "{FILE}"\n', "sub/a.py": ""})
    assert check(known).out.startswith("no findings (1 known)")
    assert rawlogits("check", "..", cwd=known / "sub").status == 0
    assert check(known, "--no-config").status == 1
    assert check(known, "--write-baseline", FILE).err.startswith("1 finding in 3 files written")
    project(known, {"empty.json": '{"version": 1, "findings": []}'})
    assert check(known, "--baseline", "empty.json").status == 1
    (known / FILE).unlink()
    assert check(known).status == 2


def test_a_clean_project(tmp_path: Path) -> None:
    project(tmp_path, {"a.py": "x = 1\n"})
    assert check(tmp_path, "--write-baseline", FILE).err == f"0 findings in 1 file written to {FILE}\n"
    assert (tmp_path / FILE).read_text() == '{\n  "version": 1,\n  "findings": []\n}\n'
    assert check(tmp_path, "--baseline", FILE).out.startswith("no findings · ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such baseline: 'known.json'; write it with `rawlogits check --write-baseline known.json`"),
        ("{", "baseline known.json: is not JSON (Expecting property name"),
        ("<<<<<<< ours\n", "baseline known.json: is not JSON"),
        (b"\xff", "baseline known.json: is not JSON"),
        ('{"version": 2, "findings": []}', "baseline known.json: is of version 2, wanted 1; write it anew with `rawl"),
        ("[]", 'baseline known.json: wants {"version": 1, "findings": ['),
        ('{"findings": []}', "baseline known.json: wants"),
        ('{"version": 1}', "baseline known.json: wants"),
        ('{"version": 1, "findings": [1]}', "baseline known.json: wants"),
        ('{"version": 1, "findings": [{"path": "a", "code": "b", "fingerprint": 3}]}', "baseline known.json: wants"),
        ('{"version": 1, "findings": [{"path": "a", "code": [], "fingerprint": ""}]}', "baseline known.json: wants"),
    ],
)
def test_a_baseline_that_cannot_be_read(tmp_path: Path, content: str | bytes | None, message: str) -> None:
    project(tmp_path, {**WRONG, **({} if content is None else {FILE: content})})
    done = check(tmp_path, "--baseline", FILE)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert "--write-baseline known.json" in done.err


def test_options_that_exclude_each_other(known: Path) -> None:
    for other in (["--baseline", FILE], ["--since", "HEAD"], ["--output", "a.txt"]):
        done = check(known, "--write-baseline", FILE, *other)
        assert done.status == 2
        assert f"--write-baseline and {other[0]} exclude each other" in done.err


def test_nothing_is_written_where_nothing_could_be_read(tmp_path: Path) -> None:
    project(tmp_path, {"a.py": b"\0CrossEntropyLoss"})
    assert check(tmp_path, "--write-baseline", FILE).status == 2
    assert not (tmp_path / FILE).exists()


def test_files_that_were_not_read_are_counted(tmp_path: Path) -> None:
    project(tmp_path, {**WRONG, "a.py": b"\0CrossEntropyLoss"})
    done = check(tmp_path, "--write-baseline", FILE)
    assert (done.status, done.err) == (0, f"1 finding in 2 files (1 not read) written to {FILE}\n")


def test_a_folder_that_is_not_there(known: Path) -> None:
    done = check(known, "--write-baseline", "no/where.json")
    assert done.status == 2
    assert "where.json: cannot be written: " in done.err


def test_from_python(known: Path) -> None:
    assert write_baseline(package.check([known], root=known), "again.json", root=known) == 1
    assert (known / "again.json").read_text() == (known / FILE).read_text()
    report = package.check([known], root=known, baseline="again.json")
    assert (report.findings, report.summary.findings_known, report.exit_status) == ((), 1, 0)


def finding(path: str, line: int) -> Finding:
    place = Place(path, line, 1, line, 2)
    return Finding(
        rule="double-softmax",
        code="RL101",
        severity=Severity.ERROR,
        confidence=Confidence.CERTAIN,
        message="",
        wants="",
        got="",
        place=place,
        trace=(Step(place, ""),),
    )


def test_entries_are_sorted_and_come_back(tmp_path: Path) -> None:
    found = [finding("ö/b.py", 1), finding("a.py", 2), finding("a.py", 9)]
    made = entries(found, folder=tmp_path, root=tmp_path, lines=lambda place: "x")
    assert made[2] == Entry("a.py", "RL101", f"{made[1].fingerprint}-2")
    write(tmp_path / FILE, made)
    assert read(tmp_path / FILE).entries == set(made)
    listed = json.loads((tmp_path / FILE).read_text())["findings"]
    assert [entry["path"] for entry in listed] == ["a.py", "a.py", "ö/b.py"]
    assert len((tmp_path / FILE).read_text().splitlines()) == 3 + 3 + 2


def test_the_line_of_a_cell() -> None:
    cells = [{"source": "# one"}, {"source": ["a = 1\n", "b = 2"]}]
    notebook = json.dumps({"cells": cells})
    old = json.dumps({"worksheets": [{"cells": [{"source": "# one"}]}, {"cells": [{"input": "a = 1\nb = 2"}]}]})
    for text in (notebook, old):
        assert line_of(text, Place("n.ipynb", 2, 1, 2, 5, 1)) == "b = 2"
    for place in (Place("n.ipynb", 9, 1, 9, 5, 1), Place("n.ipynb", 1, 1, 1, 5, 7)):
        assert line_of(notebook, place) == ""
    assert line_of("a\r\nb\rc\n", Place("a.py", 3, 1, 3, 2)) == "c"


def test_the_error_is_of_the_family(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such baseline"):
        package.check([tmp_path], root=tmp_path, baseline="none.json")
