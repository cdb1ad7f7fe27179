"""Findings that are known: written to a file once, and left out of later runs.

An entry holds the rule's code, the path, and a fingerprint of what is written on the line of the finding and on the
line where the value is made. So a finding whose lines move is still known, and one whose line changes is new.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rawlogits.errors import InputError
from rawlogits.finding import Finding, Place, Rule

VERSION = 1
Lines = Callable[[Place], str]
"""What is written on the first line of a place."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One finding that is known. `path` is relative to the folder of the baseline."""

    path: str
    code: str
    fingerprint: str


def entries(findings: Sequence[Finding], *, folder: Path, root: Path, lines: Lines) -> list[Entry]:
    """The entry of each finding, in their order; `root` is what the paths of the findings are relative to.

    The second of two findings that read the same gets a fingerprint that ends in `-2`, and so on.
    """

    def inside(path: str) -> str:
        try:
            return os.path.relpath(root / path, folder).replace(os.sep, "/")
        except ValueError:  # another drive
            return path

    twins: Counter[Entry] = Counter()
    found = []
    for finding in findings:
        origin = finding.trace[0].place if finding.trace else finding.place
        words = [inside(origin.path), *(" ".join(lines(place).split()) for place in (finding.place, origin))]
        digest = hashlib.sha256("\0".join(words).encode(errors="backslashreplace")).hexdigest()[:16]
        entry = Entry(inside(finding.place.path), finding.code, digest)
        twins[entry] += 1
        twin = f"-{twins[entry]}" if twins[entry] > 1 else ""
        found.append(Entry(entry.path, entry.code, digest + twin))
    return found


@dataclass(frozen=True, slots=True)
class Baseline:
    """The findings that a file lists."""

    folder: Path
    entries: frozenset[Entry]

    def compare(
        self, findings: Sequence[Finding], *, root: Path, lines: Lines, read: Iterable[Path], ran: Iterable[Rule]
    ) -> tuple[tuple[Finding, ...], int]:
        """The findings that are new, and the number of entries that this run should have found and did not.

        `read` are the files that were read and `ran` the rules that ran: of other files and rules nothing is said.
        """
        found = entries(findings, folder=self.folder, root=root, lines=lines)
        codes, files = {rule.code for rule in ran}, set(read)
        missing = [entry for entry in self.entries.difference(found) if entry.code in codes]
        where = [Path(os.path.abspath(self.folder / entry.path)) for entry in missing]
        new = tuple(f for f, entry in zip(findings, found, strict=True) if entry not in self.entries)
        return new, sum(path in files or not path.exists() for path in where)


def read(file: Path) -> Baseline:
    """What a baseline lists; InputError says why it cannot be read, and how to write it."""
    anew = f"`rawlogits check --write-baseline {file}`"
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no such baseline: {str(file)!r}; write it with {anew}") from None
    except OSError as error:
        raise InputError(f"baseline {file}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"baseline {file}: is not JSON ({error}); write it anew with {anew}") from None
    version = document.get("version") if isinstance(document, dict) else None
    if version is not None and version != VERSION:
        raise InputError(f"baseline {file}: is of version {version!r}, wanted {VERSION}; write it anew with {anew}")
    try:
        listed = frozenset(_entry(each) for each in document["findings"])
    except (KeyError, TypeError):
        listed = None
    if version is None or listed is None:
        wanted = f'{{"version": {VERSION}, "findings": [{{"path", "code", "fingerprint"}}, ...]}}'
        raise InputError(f"baseline {file}: wants {wanted}; write it anew with {anew}")
    return Baseline(Path(os.path.abspath(file)).parent, listed)


def _entry(words: Any) -> Entry:
    entry = Entry(words["path"], words["code"], words["fingerprint"])
    if not all(isinstance(word, str) for word in asdict(entry).values()):
        raise TypeError
    return entry


def write(file: Path, entries: Iterable[Entry]) -> None:
    """Write a baseline: sorted, one entry a line."""
    lines = ",\n    ".join(json.dumps(asdict(entry)) for entry in sorted(entries))
    inner = f"\n    {lines}\n  " if lines else ""
    text = f'{{\n  "version": {VERSION},\n  "findings": [{inner}]\n}}\n'
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"baseline {file}: cannot be written: {error.strerror or error}") from None


def line_of(text: str, place: Place) -> str:
    """The first line of a place in the text of its file; of a notebook, in the cell; "" where there is none.

    >>> line_of("x = 1\\ny = 2\\n", Place("a.py", 2, 1, 2, 6))
    'y = 2'
    """
    try:
        if place.cell is not None:
            book = json.loads(text)
            cells = (
                book["cells"] if "cells" in book else [cell for sheet in book["worksheets"] for cell in sheet["cells"]]
            )
            cell = cells[place.cell]
            source = cell["source"] if "source" in cell else cell["input"]
            text = source if isinstance(source, str) else "".join(source)
        return re.split(r"\r\n|\r|\n", text)[place.line - 1]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
