"""`check --fix` and `--diff`, and `fixing.fix` below them: what is changed, what is refused, what is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

import kill_fix
from command import RIGHT, WRONG, project, rawlogits
from rawlogits import check as rawlogits_check
from rawlogits import fixing
from rawlogits.errors import InputError
from rawlogits.finding import Arrival, Repair
from rawlogits.static import repair
from rawlogits.static.repair.spots import Proposal, Spots

TWO = {
    "a.py": """\
        import torch
        import torch.nn.functional as F

        def f(x, y):
            return F.cross_entropy(torch.softmax(x, 1), y)

        def g(x, y):
            return F.cross_entropy(torch.softmax(x, 1), y)
        """,
}
ONE_LINE = (
    b"import torch\nimport torch.nn.functional as F\ndef f(x, y):\n    return F.cross_entropy(torch.softmax(x, 1), y)\n"
)
FIXED_LINE = ONE_LINE.replace(b"torch.softmax(x, 1)", b"x")
Mender = Callable[[Arrival, Spots], Proposal | None]


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture
def mends(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mender], None]:
    """Have another mender take activations out."""

    def take(mender: Mender) -> None:
        monkeypatch.setattr(repair, "_MENDERS", {**repair._MENDERS, Repair.TAKE_OUT: mender})

    return take


def taken_out(arrival: Arrival, spots: Spots, *doubts: str, new: str | None = None) -> Proposal | None:
    """The argument (or something else) in place of the call."""
    if arrival.applied is None:
        return None
    call, argument = (spots.at(place.path) for place in arrival.applied)
    nodes = [spot._places[place][0] for spot, place in zip((call, argument), arrival.applied, strict=True)]
    return Proposal([call.replace(nodes[0], argument.text(nodes[1]) if new is None else new)], "drop it", doubts)


# -- the command -----------------------------------------------------------------------------------------------------


def test_fix_changes_the_files_and_says_so(tmp_path: Path) -> None:
    folder = project(tmp_path, WRONG)
    done = rawlogits("check", "--fix", "--no-cache", cwd=folder)
    assert done.status == 0
    assert done.err == "1 fix applied to 1 file\n"
    assert done.last_line.startswith("no findings")
    assert b"        return self.fc(x)\n" in (folder / "net.py").read_bytes()
    again = rawlogits("check", "--fix", "--no-cache", cwd=folder)
    assert (again.status, again.err) == (0, "nothing fixed\n")


def test_diff_shows_it_and_changes_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path, WRONG)
    before = held(folder)
    done = rawlogits("check", "--diff", "--no-cache", cwd=folder)
    assert done.status == 1
    assert done.out.startswith("--- net.py\n+++ net.py\n@@ ")
    assert "\n-        return F.softmax(self.fc(x), dim=1)\n+        return self.fc(x)\n" in done.out
    assert done.err == "1 fix would be applied to 1 file\n"
    assert held(folder) == before


def test_a_patch_can_be_applied(tmp_path: Path) -> None:
    folder = project(tmp_path, {"a.py": ONE_LINE.rstrip(b"\n"), "b.py": ONE_LINE.replace(b"\n", b"\r\n")})
    diff = fixing.fix(root=folder, use_config=False).diff()
    assert "\\ No newline at end of file" in diff
    subprocess.run(["git", "apply", "-p0"], input=diff.encode(), cwd=folder, check=True)
    assert held(folder) == {"a.py": FIXED_LINE.rstrip(b"\n"), "b.py": FIXED_LINE.replace(b"\n", b"\r\n")}


def test_a_clean_project_is_not_touched(tmp_path: Path) -> None:
    folder = project(tmp_path, RIGHT)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert rawlogits("check", "--fix", "--unsafe-fixes", "--no-cache", cwd=folder).status == 0
    assert rawlogits("check", "--diff", "--no-cache", cwd=folder).out == ""
    assert {path.name: path.stat().st_mtime for path in folder.iterdir()} == dict.fromkeys(RIGHT, 1)


def test_unsafe_fixes_are_made_when_asked_for(tmp_path: Path, mends: Callable[[Mender], None]) -> None:
    mends(lambda arrival, spots: taken_out(arrival, spots, "callers may read it"))
    folder = project(tmp_path, {"a.py": ONE_LINE})
    done = rawlogits("check", "--fix", "--no-cache", cwd=folder)
    assert (done.status, done.err) == (1, "nothing fixed, 1 unsafe fix left (--unsafe-fixes)\n")
    assert "    write: drop it  (unsafe fix: callers may read it)\n" in done.out
    assert held(folder) == {"a.py": ONE_LINE}
    done = rawlogits("check", "--fix", "--unsafe-fixes", "--no-cache", cwd=folder)
    assert (done.status, done.err) == (0, "1 fix applied to 1 file\n")
    assert held(folder) == {"a.py": FIXED_LINE}


def test_the_fix_is_in_the_other_formats(tmp_path: Path, mends: Callable[[Mender], None]) -> None:
    mends(lambda arrival, spots: taken_out(arrival, spots, "callers may read it"))
    folder = project(tmp_path, {"a.py": ONE_LINE})
    report = json.loads(rawlogits("check", "--format", "json", "--show", "fixes", cwd=folder).out)
    assert report["findings"][0]["fix"] == {
        "applicability": "unsafe",
        "message": "drop it",
        "why": "callers may read it",
        "edits": [
            {"path": "a.py", "start_line": 4, "start_column": 28, "end_line": 4, "end_column": 47, "replacement": "x"}
        ],
    }
    log = json.loads(rawlogits("check", "--format", "sarif", "--show", "fixes", cwd=folder).out)
    (change,) = log["runs"][0]["results"][0]["fixes"][0]["artifactChanges"][0]["replacements"]
    region = {"startLine": 4, "startColumn": 28, "endLine": 4, "endColumn": 47}
    assert change == {"deletedRegion": region, "insertedContent": {"text": "x"}}
    assert (
        "unsafe fix: callers may read it" in rawlogits("check", "--format", "html", "--show", "fixes", cwd=folder).out
    )


def test_standard_input_is_fixed_to_standard_output(tmp_path: Path) -> None:
    folder = project(tmp_path, {"a.py": "x = 1\n", **WRONG})

    def piped(name: str, content: bytes, *more: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "rawlogits", "check", "--stdin-filename", name, "--no-cache", *more]
        return subprocess.run(command, input=content, cwd=folder, capture_output=True, check=False)

    done = piped("a.py", ONE_LINE.replace(b"\n", b"\r\n"), "--fix")
    assert (done.returncode, done.stdout) == (0, FIXED_LINE.replace(b"\n", b"\r\n"))
    assert b"1 fix applied to 1 file" in done.stderr
    assert (folder / "a.py").read_bytes() == b"x = 1\n"
    assert b"+    return F.cross_entropy(x, y)\n" in piped("a.py", ONE_LINE, "--diff").stdout
    train = (folder / "train.py").read_bytes()
    done = piped("train.py", train, "--fix")
    assert (done.returncode, done.stdout) == (1, train)
    assert b"it changes net.py, which is not among the files to check" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fix", "--diff"], "--fix and --diff exclude each other"),
        (["--fix", "--write-baseline", "b.json"], "--fix and --write-baseline exclude each other"),
        (["--diff", "--format", "json"], "--diff and --format exclude each other"),
        (["--unsafe-fixes"], "--unsafe-fixes wants --fix or --diff"),
    ],
)
def test_options_that_make_no_sense_together(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = rawlogits("check", *arguments, cwd=project(tmp_path, WRONG))
    assert done.status == 2
    assert message in done.err


def test_the_diff_is_coloured_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = rawlogits("check", "--diff", "--no-cache", cwd=project(tmp_path, {"a.py": ONE_LINE}))
    assert "\x1b[31m-    return F.cross_entropy(torch.softmax(x, 1), y)\x1b[0m\n" in done.out
    assert "\x1b[32m+    return F.cross_entropy(x, y)\x1b[0m\n" in done.out


def test_only_what_touches_changed_files_is_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    folder = project(tmp_path, {"a.py": ONE_LINE, "b.py": ONE_LINE})
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "work"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    (folder / "b.py").write_bytes(b"# changed\n" + ONE_LINE)
    done = rawlogits("check", "--fix", "--since", "HEAD", "--no-cache", cwd=folder)
    assert (done.status, done.err) == (0, "1 fix applied to 1 file\n")
    assert held(folder) == {"a.py": ONE_LINE, "b.py": b"# changed\n" + FIXED_LINE}


def test_the_cache_knows_what_is_edited_from_what_is_saved(tmp_path: Path) -> None:
    folder = project(tmp_path, WRONG)
    reports = [fixing.fix(root=folder, use_config=False, cache=folder / "cache") for _ in range(2)]
    plain = fixing.fix(root=folder, use_config=False)
    assert plain.changed
    assert [each.changed for each in reports] == [plain.changed] * 2
    assert [finding.place for finding in rawlogits_check([folder], root=folder, cache=folder / "cache").findings] == [
        plain.applied[0].finding.place
    ]


# -- documents -------------------------------------------------------------------------------------------------------


def test_a_notebook_is_fixed_in_its_cell(tmp_path: Path) -> None:
    setup = nbformat.v4.new_code_cell("%matplotlib inline\nimport torch\nimport torch.nn.functional as F")
    broken = nbformat.v4.new_code_cell("def f(:\n    pass")
    output = nbformat.v4.new_output("stream", text="tensor(0.1)\n")
    loss = nbformat.v4.new_code_cell("%%time\nloss = F.cross_entropy(torch.softmax(x, 1), y)", outputs=[output])
    text = nbformat.writes(nbformat.v4.new_notebook(cells=[setup, broken, loss], metadata={"kept": True}))
    folder = project(tmp_path, {"a.ipynb": text.encode()})
    done = rawlogits("check", "--fix", "--no-cache", cwd=folder)
    assert "1 fix applied to 1 file" in done.err
    assert (folder / "a.ipynb").read_text() == text.replace("torch.softmax(x, 1)", "x")


def test_markdown_is_fixed_in_its_fence(tmp_path: Path) -> None:
    page = "# Title\n\n1. A step:\n\n   ```python\n" + "".join(
        f"   {line}\n" for line in ONE_LINE.decode().splitlines()
    )
    page += "   ```\n\nThe end"
    folder = project(tmp_path, {"a.md": page.encode()})
    assert rawlogits("check", "--fix", "--markdown", "--no-cache", cwd=folder).status == 0
    assert (folder / "a.md").read_text() == page.replace("torch.softmax(x, 1)", "x")


def test_an_import_in_an_indented_fence(tmp_path: Path, mends: Callable[[Mender], None]) -> None:
    def importing(arrival: Arrival, spots: Spots) -> Proposal | None:
        found = taken_out(arrival, spots)
        return found and Proposal([*found.edits, *spots.at(arrival.place.path).importing("import os")], "", ())

    mends(importing)
    fence = "   ```python\n" + "".join(f"   {line}\n" for line in ONE_LINE.decode().splitlines()) + "   ```\n"
    folder = project(tmp_path, {"a.md": fence.encode()})
    (change,) = fixing.fix(root=folder, use_config=False, markdown=True).changed
    wanted = fence.replace("torch.softmax(x, 1)", "x").replace("as F\n", "as F\n   import os\n")
    assert change.new.decode() == wanted
    session = ">>> " + ONE_LINE.decode().splitlines()[1] + "\n>>> F.cross_entropy(F.softmax(x, 1), y)\n"
    (folder / "a.md").write_text(f"```python\n{session}```\n")
    report = fixing.fix(root=folder, use_config=False, markdown=True)
    assert report.changed == ()
    assert "is a session" in report.refused[0].reason


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("x(", "with it a.py does not parse"),
        ("torch.softmax(x, 1 + 0)", "with it double-softmax is still found at a.py:5"),
        ("F.cross_entropy(x.sigmoid(), y)", "with it wrong-activation is found at a.py:5"),
    ],
)
def test_a_fix_that_does_not_help_is_undone(
    tmp_path: Path, mends: Callable[[Mender], None], new: str, reason: str
) -> None:
    """The other one is kept."""
    mends(lambda arrival, spots: taken_out(arrival, spots, new=new if arrival.place.line == 5 else None))
    folder = project(tmp_path, TWO)
    report = fixing.fix(root=folder, use_config=False)
    assert [each.finding.place.line for each in report.applied] == [8]
    assert len(report.refused) == 1
    assert report.refused[0].reason.startswith(reason)
    before, (change,) = (folder / "a.py").read_bytes(), report.changed
    at = before.rindex(b"torch.softmax(x, 1)")
    assert change.new == before[:at] + b"x" + before[at + 19 :]


def test_a_fix_that_breaks_a_fence_is_undone(tmp_path: Path, mends: Callable[[Mender], None]) -> None:
    """A fence that does not parse would silence everything in it."""
    mends(lambda arrival, spots: taken_out(arrival, spots, new="x("))
    folder = project(tmp_path, {"a.md": b"```python\n" + ONE_LINE + b"```\n"})
    report = fixing.fix(root=folder, use_config=False, markdown=True)
    assert (report.applied, report.changed) == ((), ())
    assert report.refused[0].reason == "with it some code in a.md does not parse"


def test_a_file_that_was_not_given_is_not_changed(tmp_path: Path) -> None:
    folder = project(tmp_path, WRONG)
    done = rawlogits("check", "--fix", "train.py", "--no-cache", cwd=folder)
    assert "it changes net.py, which is not among the files to check\nnothing fixed, 1 not kept\n" in done.err
    assert b"softmax" in (folder / "net.py").read_bytes()


def test_overlapping_fixes_wait_for_each_other(tmp_path: Path, mends: Callable[[Mender], None]) -> None:
    mends(taken_out)
    nested = ONE_LINE.replace(b"torch.softmax(x, 1)", b"torch.softmax(torch.softmax(torch.softmax(x, 1), 1), 1)")
    report = fixing.fix(root=project(tmp_path, {"a.py": nested}), use_config=False)
    assert [each.new for each in report.changed] == [FIXED_LINE]
    assert len(report.applied) == 3


def test_it_ends_where_every_fix_brings_another_one(tmp_path: Path, mends: Callable[[Mender], None]) -> None:
    """At most ten rounds."""
    mends(lambda arrival, spots: taken_out(arrival, spots, new="x\n" + " " * 8))
    folder = project(tmp_path, {"a.py": ONE_LINE})
    (folder / "a.py").write_bytes(ONE_LINE.replace(b"x, 1)", b"torch.softmax(" * 20 + b"x" + b", 1)" * 21))
    report = fixing.fix(root=folder, use_config=False)
    assert len({applied.finding.place.line for applied in report.applied}) <= fixing.MOST_ROUNDS


def test_what_is_suppressed_ignored_or_known_is_not_fixed(tmp_path: Path) -> None:
    line = b"    return F.cross_entropy(torch.softmax(x, 1), y)"
    silent = ONE_LINE.replace(line, line + b"  # rawlogits: ignore[double-softmax]")
    folder = project(tmp_path, {"a.py": silent})
    assert rawlogits("check", "--fix", "--no-cache", cwd=folder).err == "nothing fixed\n"
    (folder / "a.py").write_bytes(ONE_LINE)
    assert rawlogits("check", "--fix", "--ignore", "RL101", "--no-cache", cwd=folder).err == "nothing fixed\n"
    rawlogits("check", "--write-baseline", "known.json", "--no-cache", cwd=folder)
    known = rawlogits("check", "--fix", "--baseline", "known.json", "--no-cache", cwd=folder)
    assert known.err == "nothing fixed\n"
    assert (folder / "a.py").read_bytes() == ONE_LINE


# -- writing ---------------------------------------------------------------------------------------------------------


def test_a_file_that_is_read_only_is_reported_and_the_others_are_written(tmp_path: Path) -> None:
    folder = project(tmp_path, {"a.py": ONE_LINE, "b.py": ONE_LINE})
    (folder / "a.py").chmod(0o444)
    done = rawlogits("check", "--fix", "--no-cache", cwd=folder)
    assert done.status == 1
    assert "not fixed: a.py:4:28: double-softmax: " in done.err
    assert "a.py is read-only\n1 fix applied to 1 file, 1 not kept\n" in done.err
    assert held(folder) == {"a.py": ONE_LINE, "b.py": FIXED_LINE}


def test_a_file_that_changed_after_the_check_is_left_alone(tmp_path: Path) -> None:
    folder = project(tmp_path, {"a.py": ONE_LINE})
    report = fixing.fix(root=folder, use_config=False)
    (folder / "a.py").write_bytes(b"# typed by hand\n" + ONE_LINE)
    written = report.write()
    assert (written.applied, written.changed) == ((), ())
    assert "has changed since it was read" in written.refused[0].reason
    assert [finding.place.line for finding in written.report.findings] == [5]
    assert (folder / "a.py").read_bytes() == b"# typed by hand\n" + ONE_LINE


def test_content_that_is_not_saved_is_not_written(tmp_path: Path) -> None:
    folder = project(tmp_path, {"a.py": b"x = 1\n"})
    report = fixing.fix(["a.py"], root=folder, use_config=False, overlay={"a.py": ONE_LINE})
    assert [each.new for each in report.changed] == [FIXED_LINE]
    with pytest.raises(InputError, match="not saved"):
        report.write()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ends processes as only POSIX can")
def test_killed_runs_lose_nothing() -> None:
    """A few; `python tests/kill_fix.py` kills 200."""
    assert kill_fix.run(6).total() == 6
