"""Reads literate cases: Markdown in which every section with python fences is one small project.

The info string of a fence names its file, `python models/net.py` (else `main.py`); the word `run` after the name
marks the script that runs the project. The end of a line says what is expected of it:

    loss = criterion(out, y)  # expect: double-softmax, wrong-axis (likely)
    return out.softmax(1)  # origin

Knows no checker: the result is plain data, with the lines of the Markdown for error messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FILE = "main.py"
CONFIDENCES = ("certain", "likely")
_FENCE = re.compile(r"(`{3,})\s*(.*?)\s*$")
_EXPECT = re.compile(r"#\s*expect:([^#]*)")
_ORIGIN = re.compile(r"#\s*origin\b(?!:)")
_ITEM = re.compile(r"([a-z]+(?:-[a-z]+)*)(?:\s*\(([a-z]+)\))?")


class CaseError(ValueError):
    """The Markdown is not well formed; the message starts with file and line."""


@dataclass(frozen=True, slots=True)
class File:
    """One fence. `first` is the line of the Markdown on which its text begins."""

    name: str
    text: str
    first: int
    run: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Expectation:
    """A finding that must be there; `source` is its line in the Markdown."""

    path: str
    line: int
    rule: str
    confidence: str
    source: int


@dataclass(frozen=True, slots=True)
class Case:
    """One project: its files, and what is expected of them. Origins are pairs of path and line."""

    title: str
    line: int
    files: tuple[File, ...]
    expectations: tuple[Expectation, ...]
    origins: frozenset[tuple[str, int]]

    def write(self, folder: Path) -> None:
        """Lay the files out below a folder."""
        for file in self.files:
            path = folder / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")


def parse(text: str, source: str = "case") -> list[Case]:
    """The cases of one Markdown text, in order; sections without a python fence are none.

    >>> cases = parse("## One\\n```python\\nf(p)  # expect: double-softmax\\n```\\n")
    >>> [(case.title, case.expectations[0].rule) for case in cases]
    [('One', 'double-softmax')]
    """
    cases: list[Case] = []
    for title, line, files in _sections(text, source):
        if files:
            cases.append(_case(title, line, files, source))
    titles = [case.title for case in cases]
    for case in cases:
        if titles.count(case.title) > 1:
            raise CaseError(f"{source}:{case.line}: the title {case.title!r} is used {titles.count(case.title)} times")
    return cases


def _sections(text: str, source: str) -> Iterator[tuple[str, int, list[File]]]:
    title, line, files = "", 1, []
    fence: tuple[str, str, int] | None = None
    body: list[str] = []
    for number, content in enumerate(text.splitlines(), 1):
        match = _FENCE.fullmatch(content)
        if fence is not None:
            if content.strip() == fence[0]:
                files += _file(fence[1], body, fence[2] + 1, source)
                fence, body = None, []
            else:
                body.append(content)
        elif match is not None:
            fence = (match[1], match[2], number)
        elif content.startswith("## "):
            yield title, line, files
            title, line, files = content[3:].strip(), number, []
    if fence is not None:
        raise CaseError(f"{source}:{fence[2]}: this fence is not closed")
    yield title, line, files


def _file(info: str, body: list[str], first: int, source: str) -> list[File]:
    """The file of a fence: of a python one always, of another one where it is named."""
    language, *rest = info.split() or [""]
    name, *marks = rest or [DEFAULT_FILE]
    if language != "python" and not rest:
        return []
    if name.startswith("/") or ".." in Path(name).parts:
        raise CaseError(f"{source}:{first - 1}: {name!r} is not a path inside the project")
    if set(marks) - {"run"}:
        raise CaseError(f"{source}:{first - 1}: after the file's name only 'run' may stand, got {' '.join(marks)!r}")
    return [File(name, "".join(f"{line}\n" for line in body), first, "run" in marks)]


def _case(title: str, line: int, files: list[File], source: str) -> Case:
    names = [file.name for file in files]
    for file in files:
        if names.count(file.name) > 1:
            raise CaseError(f"{source}:{file.first - 1}: two fences of {title!r} are named {file.name!r}")
    expectations = [each for file in files for each in _expectations(file, source)]
    origins = frozenset(
        (file.name, number)
        for file in files
        for number, content in enumerate(file.text.splitlines(), 1)
        if _ORIGIN.search(content)
    )
    return Case(title, line, tuple(files), tuple(sorted(expectations)), origins)


def _expectations(file: File, source: str) -> Iterator[Expectation]:
    for number, content in enumerate(file.text.splitlines(), 1):
        for match in _EXPECT.finditer(content):
            for item in match[1].split(","):
                found = _ITEM.fullmatch(item.strip())
                confidence = (found[2] or "certain") if found else ""
                if found is None or confidence not in CONFIDENCES:
                    at = f"{source}:{file.first + number - 1}"
                    raise CaseError(f"{at}: wants 'rule-name' or 'rule-name (likely)', got {item.strip()!r}")
                yield Expectation(file.name, number, found[1], confidence, file.first + number - 1)
