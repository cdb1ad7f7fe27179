"""One file of Python: its text, its tree, its suppressions, and places in it.

Nothing is imported or run. A file that cannot be read or parsed raises `Unreadable`, whose message says what is
wrong with the file and, when known, on which line.
"""

from __future__ import annotations

import ast
import bisect
import codecs
import gc
import hashlib
import io
import os
import re
import tokenize
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from rawlogits.errors import InputError
from rawlogits.finding import Place

_SUPPRESSION = re.compile(
    r"#\s*(?:rawlogits:\s*ignore(?:\[(?P<names>[^\]\n]*)\])?|noqa:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))"
)
_OURS = re.compile(rb"noqa:[^\n]*\bRL[0-9]")
_PYTHON_2 = re.compile(
    r"^\s*(?:print\s+[\"'\w%]|except\s+[\w.]+\s*,\s*\w+\s*:|raise\s+[\w.]+\s*,|exec\s+[\"'\w])|\b[uU][rR][\"']|`\w+`|<>",
    re.MULTILINE,
)


class Unreadable(InputError):
    """A file that cannot be read or parsed; `line` is None where no line is to blame.

    With a `cell` only that cell of a notebook is meant.
    """

    def __init__(self, message: str, line: int | None = None, cell: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.cell = cell


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the lines of a module stand that was put together out of cells or fences."""

    starts: tuple[int, ...]
    """The module's line on which each block begins."""
    blocks: tuple[tuple[int | None, int, int], ...]
    """For each the cell, the line in it (or in the file), and the columns that were taken off its left."""

    def at(self, line: int) -> tuple[int | None, int]:
        """The cell and the line in it that a line of the module is.

        >>> Layout((2, 5), ((0, 1, 0), (3, 1, 0))).at(6)
        (3, 2)
        """
        if not self.starts:
            return None, line
        index = max(0, bisect.bisect_right(self.starts, line) - 1)
        cell, first, _ = self.blocks[index]
        return cell, max(1, line - self.starts[index] + first)

    def indent(self, line: int) -> int:
        """The columns that were taken off the left of a line of the module."""
        index = bisect.bisect_right(self.starts, line) - 1
        return self.blocks[index][2] if index >= 0 else 0


@dataclass(slots=True, eq=False)
class Source:
    """The text of a file, every line of it ending in \\n. `shown` is the path that messages print."""

    path: Path
    shown: str
    text: str
    written: bool = True
    """False for the programs of the table, whose lines are not the user's."""
    layout: Layout | None = None
    _lines: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The lines as `ast` counts them."""
        if not self._lines:
            self._lines = self.text.split("\n")
        return self._lines

    def place(self, node: ast.AST) -> Place:
        """Where a node stands; columns are turned from UTF-8 bytes to characters."""
        line, column, end_line, end_column = self.span(node)
        if self.layout is None:
            return Place(self.shown, line, column, end_line, end_column)
        column, end_column = column + self.layout.indent(line), end_column + self.layout.indent(end_line)
        cell, first = self.layout.at(line)
        return Place(self.shown, first, column, first + end_line - line, end_column, cell)

    def span(self, node: ast.AST) -> tuple[int, int, int, int]:
        """The line and column of a node's first character and of the one behind its last, in `lines`."""
        line, end_line = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]
        start, end = node.col_offset, node.end_col_offset or node.col_offset  # type: ignore[attr-defined]
        return line, self._column(line, start), end_line, self._column(end_line, end)

    def _column(self, line: int, offset: int) -> int:
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return (offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))) + 1

    def words(self, node: ast.AST) -> str:
        """The node as it is written, on one line and at most 80 characters."""
        line, column, end_line, end_column = self.span(node)
        whole = line == end_line
        text = self.lines[line - 1][column - 1 : end_column - 1] if whole else ast.unparse(node)
        text = " ".join(text.split())
        return text if len(text) <= 80 else text[:77] + "..."


@dataclass(frozen=True)
class Raw:
    """The bytes of a file before anyone decides to parse it; of a document the code in it, as UTF-8."""

    path: Path
    data: bytes
    layout: Layout | None = None
    skipped: bool = False
    """A notebook in another language."""

    @cached_property
    def text(self) -> str:
        """Decoded as Python would: a BOM or an encoding declaration decides, else UTF-8."""
        if self.layout is not None:
            return self.data.decode()
        if self.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise Unreadable("is UTF-16 (so its byte order mark says), which Python does not read; save it as UTF-8")
        if b"\0" in self.data[:4096]:
            raise Unreadable("contains null bytes: this is a binary file, not Python source")
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(self.data).readline)
        except SyntaxError as error:
            raise Unreadable(f"{error.msg}; declare the encoding in which the file is saved", 1) from None
        try:
            return self.data.decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            reason = getattr(error, "reason", str(error))
            line = self.data[: getattr(error, "start", 0)].count(b"\n") + 1
            raise Unreadable(f"is not {encoding} text ({reason}); declare its encoding on line 1", line) from None


OVERLAY: ContextVar[Mapping[Path, bytes]] = ContextVar("overlay", default=MappingProxyType({}))
"""Files that are not taken from the disk: what an editor holds and has not saved."""


SEEN: ContextVar[dict[Path, str] | None] = ContextVar("seen", default=None)
"""The digest of each file that is read, where somebody wants to know."""


def digest(data: bytes) -> str:
    """What tells one content from any other."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read(path: Path) -> Raw:
    """The bytes at `path`; `Unreadable` says why there are none."""
    overlaid = OVERLAY.get().get(path)
    if overlaid is not None:
        return Raw(path, overlaid)
    try:
        with open(path, "rb") as file:
            raw = Raw(path, file.read())
        seen = SEEN.get()
        if seen is not None and path not in seen:
            seen[path] = digest(raw.data)
        return raw
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from None


def load(raw: Raw, shown: str) -> Source:
    """The text of a file with its line ends made equal; `Unreadable` when it is no text."""
    text = raw.text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Source(raw.path, shown, text.removeprefix("\ufeff"), layout=raw.layout)


def parse(text: str) -> list[ast.stmt]:
    """The statements of a text; `Unreadable` when Python 3 cannot parse it."""
    collecting = gc.isenabled()
    gc.disable()  # parsing allocates a great many objects that all live: a quarter of its time is collection
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except SyntaxError as error:
        raise Unreadable(_syntax_message(error, text), error.lineno) from None
    except (RecursionError, MemoryError):
        raise Unreadable("is nested too deeply for Python's own parser") from None
    except ValueError as error:
        raise Unreadable(f"is not Python source: {error}") from None
    finally:
        if collecting:
            gc.enable()


def _syntax_message(error: SyntaxError, text: str) -> str:
    line = text.splitlines()[error.lineno - 1] if error.lineno and error.lineno <= text.count("\n") + 1 and text else ""
    if "Missing parentheses in call to" in (error.msg or "") or _PYTHON_2.search(line):
        return f"looks like Python 2 ({error.msg}); only Python 3 is read"
    return f"does not parse: {error.msg}"


def suppressions(raw: Raw) -> dict[int, frozenset[str] | None]:
    """Line -> names and codes that are ignored there; None means all of them.

    >>> suppressions(Raw(Path("a.py"), b"x = 1  # rawlogits: ignore[double-softmax]"))
    {1: frozenset({'double-softmax'})}
    >>> suppressions(Raw(Path("a.py"), b"x = 1  # noqa: E501  # rawlogits: ignore[log-of-softmax]"))
    {1: frozenset({'log-of-softmax'})}
    """
    if b"rawlogits:" not in raw.data and not (b"noqa:" in raw.data and _OURS.search(raw.data)):
        return {}
    found: dict[int, frozenset[str] | None] = {}
    try:
        text = raw.text
    except Unreadable:
        return {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        for match in _SUPPRESSION.finditer(line):
            names = match["names"] if match["codes"] is None else match["codes"]
            words = None if names is None else frozenset(re.split(r"[,\s]+", names.strip())) - {""}
            if match["codes"] is None or any(word.startswith("RL") for word in words or ()):
                earlier = found.get(number, frozenset())
                found[number] = None if words is None or earlier is None else earlier | words
    return found


def shown_path(path: Path, root: Path) -> str:
    """The path that messages print: relative to `root` when below it, with forward slashes."""
    text = os.path.abspath(path)
    base = os.path.abspath(root)
    if text == base or text.startswith(base.rstrip(os.sep) + os.sep):
        text = os.path.relpath(text, base)
    return text.replace(os.sep, "/")


def full_path(shown: str, root: Path) -> Path:
    """The path that is shown as `shown`."""
    return Path(os.path.abspath(os.path.join(root, shown)))
