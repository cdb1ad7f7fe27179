"""Text as editors count it: lines, positions in code units, edits, and the bytes that a buffer would have on the disk.

A protocol position is a line from 0 and a number of code units; a `Place` counts lines and characters from 1. What
lies outside of a text is moved to its nearest end: clients are not always right, and a server outlives them.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from typing import Literal

Units = Literal["utf-8", "utf-16", "utf-32"]
Spot = tuple[int, int]
"""Line from 0, code units from 0."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SUPPRESSION = re.compile(r"#\s*rawlogits:\s*ignore(?P<list>\[(?P<names>[^\]\n]*)\])?")


def lines_of(text: str) -> list[str]:
    """The lines with their ends. Only these three ends count: a form feed or U+2028 ends no line.

    >>> lines_of("a\\x0cb\\r\\nc")
    ['a\\x0cb\\r\\n', 'c']
    """
    return _LINE.findall(text)


def units_before(line: str, column: int, units: Units) -> int:
    """The code units of the first `column` characters of a line.

    >>> [units_before("é🙂x", 2, units) for units in ("utf-8", "utf-16", "utf-32")]
    [6, 3, 2]
    """
    before = line[:column]
    if units == "utf-32" or before.isascii():
        return len(before)
    if units == "utf-8":
        return len(before.encode(errors="surrogatepass"))
    return len(before) + sum(char > "\uffff" for char in before)


def column_at(line: str, character: int, units: Units) -> int:
    """The characters before a number of code units; one that points into a character means its beginning.

    >>> column_at("é🙂x", 3, "utf-16")
    2
    """
    body = line.rstrip("\r\n")
    if units == "utf-32" or body.isascii():
        return min(character, len(body))
    for column in range(len(body)):
        if units_before(body, column + 1, units) > character:
            return column
    return len(body)


def changed(text: str, start: Spot, end: Spot, new: str, units: Units) -> str:
    """The text with a range replaced.

    >>> changed("one\\ntwo\\n", (0, 3), (1, 1), "-", "utf-16")
    'one-wo\\n'
    """
    lines = lines_of(text)
    first, last = sorted((_offset(lines, start, units), _offset(lines, end, units)))
    return text[:first] + new + text[last:]


def _offset(lines: Sequence[str], spot: Spot, units: Units) -> int:
    line, character = spot
    before = sum(map(len, lines[:line]))
    return before if line >= len(lines) else before + column_at(lines[line], character, units)


def spot(lines: Sequence[str], line: int, column: int, units: Units) -> Spot:
    """The protocol position of a place's line and column."""
    if line > len(lines):
        return len(lines), 0
    return line - 1, units_before(lines[line - 1].rstrip("\r\n"), column - 1, units)


def as_saved(text: str) -> bytes:
    """The bytes of a buffer in the encoding that its first lines declare, UTF-8 where they declare none.

    >>> as_saved("# coding: latin-1\\né")
    b'# coding: latin-1\\n\\xe9'
    """
    data = text.encode(errors="replace")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        return data
    return data if encoding in ("utf-8", "utf-8-sig") else text.encode(encoding, errors="replace")


def from_disk(data: bytes) -> str:
    """The text that an editor shows of a file: decoded as it declares, without a mark of its encoding."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        encoding = "utf-8"
    return data.decode(encoding, errors="replace").removeprefix("\ufeff")


def with_suppression(lines: Sequence[str], first: int, last: int, rule: str) -> tuple[int, int, int, str] | None:
    """What to write so that `rule` is silent on one of these lines (from 0): line, from and to which column, and text.

    A comment that names rules gets one more; before any other comment ours is put in front. None where no comment
    can stand: inside a string, or before a line that goes on behind a backslash.

    >>> with_suppression(["loss = f(x)\\n"], 0, 0, "double-softmax")
    (0, 11, 11, '  # rawlogits: ignore[double-softmax]')
    """
    comments, closed = _comments(lines)
    for number in range(first, min(last, len(lines) - 1) + 1):
        line = lines[number].rstrip("\r\n")
        if number in comments:
            column = comments[number]
            ours = _SUPPRESSION.search(line, column)
            if ours is None:
                return number, column, column, f"# rawlogits: ignore[{rule}]  "
            if ours["list"]:
                at = ours.end("names")
                return number, at, at, f", {rule}" if ours["names"].strip() else rule
        elif number not in closed:
            end = len(line.rstrip())
            return number, end, len(line), f"  # rawlogits: ignore[{rule}]"
    return None


def _comments(lines: Sequence[str]) -> tuple[dict[int, int], set[int]]:
    """Where comments begin, by line; and the lines at whose end none can stand."""
    comments: dict[int, int] = {}
    closed = {number for number, line in enumerate(lines) if line.rstrip("\r\n").endswith("\\")}
    text = "".join(line.rstrip("\r\n") + "\n" for line in lines)
    starts: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            line, column = token.start[0] - 1, token.start[1]
            name = tokenize.tok_name[token.type]
            if token.type == tokenize.COMMENT:
                comments[line] = column
            elif name == "FSTRING_START":
                starts.append(line)
            elif name == "FSTRING_END":
                closed.update(range(starts.pop(), token.end[0] - 1))
            elif token.type == tokenize.STRING:
                closed.update(range(line, token.end[0] - 1))
    except (tokenize.TokenError, SyntaxError, IndexError):
        pass  # what came before the error is known
    return comments, closed
