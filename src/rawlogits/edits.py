"""Edits of files as bytes: what a file holds once some spans of its text are written anew.

A position is a line and a column, both from 1, the column in characters; an end is exclusive. Only `\\r\\n`, `\\r` and
`\\n` end a line. What no edit touches keeps its bytes: encoding, byte order mark, line ends, the last line's missing
end.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from rawlogits.errors import InputError
from rawlogits.finding import Edit

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.)(?: |$)")
_BOM = "\ufeff"
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()

Spot = tuple[int, int]


class EditError(InputError):
    """Edits that cannot be made: they overlap, lie outside the text, or their words have no bytes in its encoding."""


def by_file(edits: Iterable[Edit]) -> dict[str, list[Edit]]:
    """The edits of each file, by the path that they name.

    >>> list(by_file([Edit("a.py", 1, 1, 1, 2, "x"), Edit("b.py", 1, 1, 1, 2, "x")]))
    ['a.py', 'b.py']
    """
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.path, []).append(edit)
    return found


def overlap(some: Iterable[Edit], others: Iterable[Edit]) -> bool:
    """Whether two sets of edits cannot be made together: they share text, or both write at one point.

    >>> overlap([Edit("a.py", 1, 1, 1, 5, "")], [Edit("a.py", 1, 4, 1, 9, "")])
    True
    >>> overlap([Edit("a.py", 1, 1, 1, 5, "")], [Edit("a.py", 1, 5, 1, 9, "")])
    False
    """
    taken: dict[tuple[str, int | None], list[tuple[Spot, Spot]]] = {}
    for edit in others:
        taken.setdefault((edit.path, edit.cell), []).append(_span(edit))
    return any(_meet(_span(edit), span) for edit in some for span in taken.get((edit.path, edit.cell), ()))


def _span(edit: Edit) -> tuple[Spot, Spot]:
    return (edit.start_line, edit.start_column), (edit.end_line, edit.end_column)


def _meet(one: tuple[Spot, Spot], other: tuple[Spot, Spot]) -> bool:
    return one[0] == other[0] or (one[0] < other[1] and other[0] < one[1])


def apply(path: str, data: bytes, edits: Sequence[Edit]) -> bytes:
    """The new bytes of the file at `path`, whose edits these are.

    `EditError` where they overlap or do not fit the file. Notebooks need nbformat: pip install 'rawlogits[notebook]'.

    >>> apply("a.py", b"\\xef\\xbb\\xbfa = 1\\r\\nb = 2", [Edit("a.py", 2, 5, 2, 6, "3")])
    b'\\xef\\xbb\\xbfa = 1\\r\\nb = 3'
    """
    suffix = PurePath(path).suffix.lower()
    if suffix == ".ipynb":
        return _in_notebook(path, data, edits)
    text, encoding = _decoded(path, data)
    if suffix in (".md", ".markdown"):
        _check_sessions(path, text, edits)
    head = _BOM if text.startswith(_BOM) else ""
    try:
        return (head + rewritten(text.removeprefix(head), edits)).encode(encoding)
    except UnicodeEncodeError as error:
        letters = error.object[error.start : error.end]
        raise EditError(f"{path} is saved as {encoding}, which has no {letters!r}") from None


def _decoded(path: str, data: bytes) -> tuple[str, str]:
    """The text with its mark, and the encoding that gives the same bytes back."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise EditError(f"{path} cannot be decoded: {error}") from None
    if text.encode(encoding) != data:
        raise EditError(f"{path} is saved as {encoding} in a way that cannot be written again byte for byte")
    return text, encoding


def _check_sessions(path: str, text: str, edits: Sequence[Edit]) -> None:
    """Refuse edits of several lines behind a prompt: each line would need one."""
    lines = _LINE.findall(text)
    for edit in edits:
        behind = _PROMPT.match("".join(lines[edit.start_line - 1 : edit.start_line]))
        if behind and (edit.start_line != edit.end_line or "\n" in edit.replacement):
            raise EditError(f"{path}:{edit.start_line} is a session; fixes of several lines are not made in one")


def lines(path: str, data: bytes) -> list[str]:
    """The lines of a file with their ends, for a diff.

    >>> lines("a.py", b"a\\r\\nb")
    ['a\\r\\n', 'b']
    """
    return list(_LINE.findall(_decoded(path, data)[0]))


def rewritten(text: str, edits: Sequence[Edit]) -> str:
    """The text with its edits, the last one made first; line ends in what they write become those of the text.

    >>> rewritten("a\\r\\nb\\r\\n", [Edit("", 2, 1, 2, 2, "c\\nd")])
    'a\\r\\nc\\r\\nd\\r\\n'
    """
    lines = _LINE.findall(text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    spans = sorted(
        (_offset(lines, starts, start), _offset(lines, starts, end), number, edit)
        for number, edit in enumerate(edits)
        for start, end in [_span(edit)]
    )
    for (_, before, _, one), (after, _, _, other) in itertools.pairwise(spans):
        if after < before:
            raise EditError(f"edits overlap: {_at(one)} and {_at(other)}")
    for start, end, _, edit in reversed(spans):
        if end < start:
            raise EditError(f"an edit ends before it begins: {_at(edit)}")
        text = text[:start] + _written(edit, lines, text) + text[end:]
    return text


def _at(edit: Edit) -> str:
    return f"{edit.path}:{edit.start_line}:{edit.start_column}-{edit.end_line}:{edit.end_column}"


def _offset(lines: Sequence[str], starts: Sequence[int], spot: Spot) -> int:
    """The characters before a position; the one behind the last line is the end of the text."""
    line, column = spot
    if line == len(lines) + 1 and column == 1:
        return starts[-1]
    width = len(lines[line - 1].rstrip("\r\n")) if 1 <= line <= len(lines) else -1
    if not 1 <= column <= width + 1:
        raise EditError(f"there is no line {line} with a column {column}")
    return starts[line - 1] + column - 1


def _written(edit: Edit, lines: Sequence[str], text: str) -> str:
    """What an edit writes, with the line ends that stand round it."""
    new = edit.replacement.replace("\r\n", "\n").replace("\r", "\n")
    if edit.start_line == len(lines) + 1 and lines and not lines[-1].endswith(("\r", "\n")):
        new = "\n" + new.removesuffix("\n")
    if "\n" not in new:
        return new
    near = (*lines[max(0, edit.start_line - 2) : edit.start_line][::-1], *lines[:1])
    ends = (line[len(line.rstrip("\r\n")) :] for line in near)
    return new.replace("\n", next((end for end in ends if end), "\n"))


# -- notebooks -------------------------------------------------------------------------------------------------------


def _in_notebook(path: str, data: bytes, edits: Sequence[Edit]) -> bytes:
    """The notebook with the sources of some cells written anew; every other byte of its JSON stays."""
    nbformat = _nbformat(path)
    try:
        text = data.decode()
        sources = list(_sources(text, text.startswith(_BOM)))
    except (UnicodeDecodeError, ValueError, KeyError) as error:
        raise EditError(f"{path} is not a notebook that can be written again: {error}") from None
    cells: dict[int, list[Edit]] = {}
    for edit in edits:
        if edit.cell is None or not 0 <= edit.cell < len(sources) or sources[edit.cell] is None:
            raise EditError(f"{path} has no cell {edit.cell} with a source")
        cells.setdefault(edit.cell, []).append(edit)
    escaped = text.isascii() and "\\u" in text
    wanted: dict[int, str] = {}
    for number in sorted(cells, reverse=True):
        start, end = sources[number] or (0, 0)
        old = json.loads(text[start:end])
        wanted[number] = rewritten("".join(old), cells[number])
        new = _Source(text[start:end], old, escaped).holding(wanted[number])
        text = text[:start] + new + text[end:]
    written = text.encode()
    _same_but(nbformat, path, data, written, wanted)
    return written


def _nbformat(path: str) -> Any:
    try:
        import nbformat
    except ImportError:
        raise EditError(f"{path} is a notebook, and nbformat is missing: pip install 'rawlogits[notebook]'") from None
    return nbformat


def _same_but(nbformat: Any, path: str, old: bytes, new: bytes, wanted: Mapping[int, str]) -> None:
    """Refuse a notebook in which nbformat sees anything else changed than these sources."""
    try:
        before, after = (nbformat.reads(data.decode("utf-8-sig"), nbformat.NO_CONVERT) for data in (old, new))
    except Exception as error:
        raise EditError(f"{path} is no notebook that nbformat reads: {error}") from None
    for number, cell in enumerate(_cells_of(before)):
        if number in wanted:
            cell["source" if "source" in cell else "input"] = wanted[number]
    if before != after:
        raise EditError(f"{path} would change in more than the sources of its cells")


def _cells_of(book: Any) -> list[Any]:
    return list(book["cells"] if "cells" in book else [c for sheet in book["worksheets"] for c in sheet["cells"]])


class _Source:
    """A source in JSON, one text or a list of lines, as it is written."""

    def __init__(self, written: str, value: str | list[str], escaped: bool) -> None:
        self.written, self.value, self.escaped = written, value, escaped

    def holding(self, text: str) -> str:
        """The same with another text; lines that stay are written as they were."""
        if isinstance(self.value, str):
            return self._quoted(text)
        lines = re.findall(r"[^\n]*\n|[^\n]+", text)
        spans = list(_items(self.written, 0))
        known = {line: self.written[start:end] for line, (start, end) in zip(self.value, spans, strict=True)}
        if not spans:
            return json.dumps(lines, ensure_ascii=self.escaped)
        head, tail = self.written[: spans[0][0]], self.written[spans[-1][1] :]
        between = self.written[spans[0][1] : spans[1][0]] if len(spans) > 1 else f",{head[1:] or ' '}"
        return head + between.join(known.get(line) or self._quoted(line) for line in lines) + tail

    def _quoted(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self.escaped)


def _sources(text: str, at: int) -> Iterator[tuple[int, int] | None]:
    """Where the source of each cell stands, in the order of all cells; None for one without."""
    book = _members(text, at)
    if "cells" in book:
        lists = [book["cells"]]
    else:
        lists = [_members(text, start)["cells"] for start, _ in _items(text, book["worksheets"][0])]
    for start, _ in lists:
        for cell, _ in _items(text, start):
            members = _members(text, cell)
            yield members.get("source", members.get("input"))


def _members(text: str, at: int) -> dict[str, tuple[int, int]]:
    """Where the values of a JSON object stand that begins at a position, by key."""
    found: dict[str, tuple[int, int]] = {}
    for start, end in _items(text, at, "{}"):
        key = json.loads(text[start:end])
        start = _skip(text, _skip(text, end) + 1)
        found[key] = start, _value_end(text, start)
    return found


def _items(text: str, at: int, brackets: str = "[]") -> Iterator[tuple[int, int]]:
    """Where the items of a JSON list (or the keys of an object) stand that begins at a position."""
    at = _skip(text, at)
    if text[at : at + 1] != brackets[0]:
        raise ValueError(f"wants {brackets[0]} at character {at:,} of its JSON")
    at = _skip(text, at + 1)
    while text[at : at + 1] != brackets[1]:
        end = _value_end(text, at)
        yield at, end
        at = _skip(text, end)
        if text[at : at + 1] == ":":
            at = _skip(text, _value_end(text, _skip(text, at + 1)))
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)


def _value_end(text: str, at: int) -> int:
    return int(_DECODER.raw_decode(text, at)[1])


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
