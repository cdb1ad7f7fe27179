"""Runs every literate repair: pages in tests/fixes say what a project is before and after its fixes.

A section is a case as in tests/literate.py. A fence whose info ends in `after` holds a file as it is to be once every
fix was made; a file without one stays. Prose of a section says more, each on a line of its own:

    Unsafe: the reason       some fix is unsafe, and its message names the reason; all others are safe
    No fix.                  nothing is changed

`# expect` and `# origin` stand only in the text of the page; what findings are left is expected in the `after`. Where
a fence says `run`, torch runs the project before and after. Of the names that the script leaves, `out` must be the
same, or be the old one once an activation is applied to the new, and `same` must be the same.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import runpy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import literate
import rawlogits
from rawlogits import edits, fixing
from rawlogits.finding import Applicability, Finding
from test_cases_agree import own_world

PAGES = sorted((Path(__file__).parent / "fixes").glob("*.md"))
MOST_ROUNDS = 10
_AFTER = re.compile(r"(`{3,})(\w+)(?:\s+(\S+))?\s+after\s*$")
_MARK = re.compile(r"[ \t]*#[ \t]*(?:expect:.*|origin\b(?!:).*)$", re.MULTILINE)
_UNSAFE = re.compile(r"Unsafe:\s*(.+?)\s*$", re.MULTILINE)
_NO_FIX = re.compile(r"^No fix\.\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Repair:
    """A case, the files as they are to be (with their expectations), and whether its fixes are safe."""

    page: str
    case: literate.Case
    after: Mapping[str, str]
    left: frozenset[tuple[str, int, str]]
    unsafe: tuple[str, ...]
    nothing: bool

    @property
    def before(self) -> dict[str, str]:
        return {file.name: _MARK.sub("", file.text) for file in self.case.files}


def repairs(text: str, page: str = "page") -> list[Repair]:
    """The repairs of one page."""
    return [_repair(case, sections[case.title], page) for case, sections in _cases(text, page)]


def _cases(text: str, page: str) -> Iterator[tuple[literate.Case, dict[str, tuple[str, dict[str, str]]]]]:
    sections, rest = _without_after(text, page)
    for case in literate.parse(rest, page):
        yield case, sections


def _without_after(text: str, page: str) -> tuple[dict[str, tuple[str, dict[str, str]]], str]:
    """By title the prose and the `after` fences, and the page with these fences blanked."""
    title, sections, rest = "", {"": ("", {})}, []
    name, mark, body = "", "", []
    inside = ""
    for line in text.splitlines():
        after = None if inside or mark else _AFTER.match(line)
        if mark:
            if line.strip() == mark:
                assert name not in sections[title][1], f"{page}: two fences of {title!r} say {name!r} after"
                sections[title][1][name] = "".join(f"{each}\n" for each in body)
                mark = ""
            else:
                body.append(line)
            rest.append("")
            continue
        if after:
            mark, name, body = after[1], after[3] or literate.DEFAULT_FILE, []
            rest.append("")
            continue
        rest.append(line)
        fence = re.match(r"(`{3,})", line)
        if inside:
            inside = "" if line.strip() == inside else inside
        elif fence:
            inside = fence[1]
        elif line.startswith("## "):
            title = line[3:].strip()
            sections[title] = ("", {})
        else:
            sections[title] = (f"{sections[title][0]}{line}\n", sections[title][1])
    assert not mark, f"{page}: the last fence is not closed"
    return sections, "\n".join(rest)


def _repair(case: literate.Case, section: tuple[str, dict[str, str]], page: str) -> Repair:
    prose, after = section
    names = {file.name for file in case.files}
    assert set(after) <= names, f"{page}: {case.title!r} has no file {set(after) - names}"
    nothing = bool(_NO_FIX.search(prose))
    assert bool(after) != nothing, f"{page}: {case.title!r} wants a fence that says `after`, or the prose `No fix.`"
    fences = "".join(f"```python {name}\n{text}```\n" for name, text in after.items() if name.endswith(".py"))
    left = {each for one in literate.parse(fences) for each in one.expectations}
    left |= {each for each in case.expectations if each.path not in after and nothing}
    return Repair(
        page,
        case,
        {name: _MARK.sub("", text) for name, text in after.items()},
        frozenset((each.path, each.line, each.rule) for each in left),
        tuple(_UNSAFE.findall(prose)),
        nothing,
    )


REPAIRS = [each for page in PAGES for each in repairs(page.read_text(encoding="utf-8"), page.name)]


def _id(repair: Repair) -> str:
    return f"{repair.page.removesuffix('.md')}: {repair.case.title}"


def check(root: Path, files: Mapping[str, bytes]) -> list[Finding]:
    """The findings in a project, some of whose files hold something else than the disk."""
    report = rawlogits.check(
        [root], select=["ALL"], root=root, use_config=False, overlay=files, fixable=lambda finding: True
    )
    assert not report.failures
    return list(report.findings)


def found(findings: list[Finding]) -> set[tuple[str, int, str]]:
    return {(each.place.path, each.place.line, each.rule) for each in findings}


def mend(root: Path, files: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[Finding]]:
    """The files with all fixes made, and the findings whose fixes these are."""
    now, done = dict(files), []
    for _ in range(MOST_ROUNDS):
        taken: list[Finding] = []
        for finding in check(root, now):
            made = [edit for each in taken if each.fix for edit in each.fix.edits]
            if finding.fix and finding.fix.edits and not edits.overlap(finding.fix.edits, made):
                taken.append(finding)
        if not taken:
            return now, done
        for path, changes in edits.by_file(edit for each in taken if each.fix for edit in each.fix.edits).items():
            now[path] = edits.apply(path, now[path], changes)
        done += taken
    raise AssertionError(f"after {MOST_ROUNDS} rounds there is still something to fix")


@pytest.mark.parametrize("repair", REPAIRS, ids=_id)
def test_repair(repair: Repair, tmp_path: Path) -> None:
    """The findings are as expected, the fixes make the files that the page shows, and nothing is left to fix."""
    files = {name: text.encode() for name, text in repair.before.items()}
    lay_out(tmp_path, files)
    before = check(tmp_path, {})
    assert found(before) == {(each.path, each.line, each.rule) for each in repair.case.expectations}
    after, done = mend(tmp_path, files)
    wanted = {**repair.before, **repair.after}
    for name in files:
        assert after[name].decode() == wanted[name], f"{name} after {[each.fix.message for each in done if each.fix]}"
        if name.endswith(".py"):
            ast.parse(after[name])
    doubts = [each.fix.why for each in done if each.fix and each.fix.applicability is Applicability.UNSAFE]
    assert bool(doubts) == bool(repair.unsafe), f"unsafe: {doubts}"
    for reason in repair.unsafe:
        assert any(reason in message for message in doubts), f"no unsafe fix says {reason!r}: {doubts}"
    assert found(check(tmp_path, after)) == repair.left
    again, nothing = mend(tmp_path, after)
    assert (again, nothing) == (after, [])
    assert_kept(tmp_path, files, after, unsafe=bool(doubts))


def assert_kept(root: Path, files: Mapping[str, bytes], after: Mapping[str, bytes], *, unsafe: bool) -> None:
    """The command makes the same of it, and refuses none of the fixes; the unsafe ones only when it is asked to."""
    report = fixing.fix([root], select=["ALL"], root=root, use_config=False, unsafe=unsafe)
    assert not report.refused, [(each.finding.rule, each.reason) for each in report.refused]
    assert {**files, **{each.path: each.new for each in report.changed}} == after
    if unsafe:
        safe = fixing.fix([root], select=["ALL"], root=root, use_config=False)
        assert all(each.fix.applicability is Applicability.SAFE for each in safe.applied)


def lay_out(root: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


RUNNABLE = [each for each in REPAIRS if each.after and any(file.run for file in each.case.files)]


@pytest.mark.parametrize("repair", RUNNABLE, ids=_id)
def test_torch_computes_the_same(repair: Repair, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    main = next(file.name for file in repair.case.files if file.run)
    old = run(tmp_path / "old", repair.before, main)
    new = run(tmp_path / "new", {**repair.before, **repair.after}, main)
    assert "out" in old or "same" in old, f"{repair.page}: {repair.case.title!r} leaves neither `out` nor `same`"
    if "same" in old:
        torch.testing.assert_close(new["same"], old["same"], rtol=1e-4, atol=1e-5)
    if "out" in old:
        candidates = {"unchanged": lambda z: z, "sigmoid": torch.sigmoid, "exp": torch.exp}
        for axis in range(old["out"].dim()):
            candidates[f"softmax over {axis}"] = lambda z, axis=axis: torch.softmax(z, axis)
            candidates[f"log_softmax over {axis}"] = lambda z, axis=axis: torch.log_softmax(z, axis)
        agree = [name for name, each in candidates.items() if torch.allclose(each(new["out"]), old["out"], atol=1e-5)]
        assert agree, f"{old['out']} is no activation of {new['out']}"


def run(folder: Path, files: Mapping[str, str], main: str) -> dict[str, Any]:
    """The names that a script leaves, run from a fixed seed."""
    import torch

    lay_out(folder, {name: text.encode() for name, text in files.items()})
    with own_world(folder, main), contextlib.redirect_stdout(io.StringIO()):
        torch.manual_seed(0)
        if "/" in main:
            return runpy.run_module(main.removesuffix(".py").replace("/", "."), run_name="__main__", alter_sys=True)
        return runpy.run_path(str(folder / main), run_name="__main__")


def test_a_page_says_before_and_after() -> None:
    page = """\
## One
Unsafe: others read it
```python a.py
f(z.softmax(1))  # expect: double-softmax
```
```python a.py after
f(z)
```
## Two
No fix.
```python
f(p)  # expect: double-softmax
```
"""
    one, two = repairs(page)
    assert (one.before, dict(one.after)) == ({"a.py": "f(z.softmax(1))\n"}, {"a.py": "f(z)\n"})
    assert (one.unsafe, one.left, one.nothing) == (("others read it",), frozenset(), False)
    assert one.case.expectations[0].source == 4
    assert (two.nothing, dict(two.after), two.left) == (True, {}, {("main.py", 1, "double-softmax")})
