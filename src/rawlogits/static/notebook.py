"""Code inside other documents: the cells of a notebook, and the Python fences of a Markdown file, each as one module.

Every line of code keeps its place: what is no Python is blanked, and a `Layout` says which line of which cell a line
of the module is. Nothing is run, and a notebook is read as plain JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rawlogits.static import source as sources
from rawlogits.static.source import Layout, Raw, Source, Unreadable

NOTEBOOK = ".ipynb"
MARKDOWN = (".md", ".markdown")
_KEPT = frozenset("capture debug heat prun px memit mprun scalene snapshot time timeit unittest wandb".split())
"""Cell magics below which stands Python that runs in the notebook."""
_BARE = r"(?:autoreload|cat|cd|conda|cp|load_ext|ls|matplotlib|mkdir|mv|pip3?|rm) +[\w./~$-]"
"""Magics that are understood without their sign."""
_SUSPICIOUS = re.compile(rf"^\s*(?:[%!?,;/]|{_BARE})|\?\s*;?\s*$|=\s*[%!]", re.MULTILINE)
_LINE = re.compile(rf"\s*(?:[%!?,;/]|{_BARE})|[^#'\"]*\?\s*;?\s*$")
"""A line, where a statement may begin, that only IPython understands."""
_ASSIGNED = re.compile(r"([^=#'\"!%]+?)=\s*[%!]\s*[A-Za-z_(./{~$]")
_TIMED = re.compile(r"(\s*)(%time +)(?=[A-Za-z_(\[{*\"'])")
_OTHERS = re.compile(r"ir|julia.*|scala.*|spylon.*|xcpp.*|javascript|deno|bash|octave|matlab|gophernotes")
"""Kernels whose names tell their language: those of Python are called all kinds of things."""
_MARK = re.compile(r"\\.|\"\"\"|'''|[\"'#()\[\]{}]")
_IMPORT = re.compile(rb"(?:\"|\\n)((?:from +[.\w]+ +import|import +[.\w]+)[^\"\\\n]*)")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*(.*?)[ \t]*$")
_INFO = re.compile(r"(?:\{code-cell\}\s*|\{?\.?)([\w+-]*)")
_PYTHON = frozenset({"python", "python3", "py", "py3", "pycon", "ipython", "ipython3"})
_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)")


@dataclass(frozen=True, slots=True)
class _Block:
    """Some lines of code: the cell they stand in, the line that the first one is, and columns taken off its left."""

    lines: list[str]
    cell: int | None
    first: int
    indent: int = 0


def read(path: Path, worth: Callable[[bytes], bool] | None = None, named: bool = False) -> Raw:
    """The code at `path` as one module, whatever kind of document it is; `Unreadable` says why there is none.

    Of a notebook whose bytes are not `worth` it only the imports are read. One in another language has no code, and
    is `Unreadable` when it is `named`.
    """
    raw = sources.read(path)
    suffix = path.suffix.lower()
    if suffix == NOTEBOOK:
        return _notebook(raw, worth, named)
    return _assembled(raw, list(_fences(raw))) if suffix in MARKDOWN else raw


def without_broken(source: Source) -> Iterator[Unreadable]:
    """Blank the cells (or fences) of a source that do not parse; of cells it is said which, and why."""
    layout = source.layout
    if layout is None:
        return
    lines, old = source.text.split("\n"), False
    for start, end in zip(layout.starts, [*layout.starts[1:], len(lines) + 1], strict=True):
        text = "\n".join(lines[start - 2 : end - 2])
        try:
            sources.parse(text)
        except Unreadable as error:
            lines[start - 2 : end - 2] = [""] * (end - start)
            cell, line = layout.at(start + (error.line or 2) - 2)
            is_old = "Python 2" in str(error)
            if cell is not None and not (is_old and old):
                yield Unreadable(f"cell {cell}, line {line}: {error}", None, cell)
            old = old or is_old
    source.text = "\n".join(lines)


# -- notebooks -------------------------------------------------------------------------------------------------------


def _notebook(raw: Raw, worth: Callable[[bytes], bool] | None, named: bool) -> Raw:
    if not named and worth is not None and not worth(raw.data) and raw.data.lstrip()[:1] == b"{":
        return Raw(raw.path, b"\n".join(_IMPORT.findall(raw.data)))
    book = _json(raw.data)
    language = _language(book)
    if not language.lower().startswith(("python", "ipython", "sage", "xpython", "xeus-python")):
        if named:
            raise Unreadable(f"is a notebook in {language}; only Python is read")
        return Raw(raw.path, b"", skipped=True)
    return _assembled(raw, [block for number, cell in enumerate(_cells(book)) for block in _code(number, cell)])


def _json(data: bytes) -> dict[str, Any]:
    if not data.strip():
        raise Unreadable("is empty, not a notebook")
    try:
        book = json.loads(data)
    except json.JSONDecodeError as error:
        raise Unreadable(f"is not a notebook: its JSON ends in an error ({error.msg})", error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is not a notebook: {error}") from None
    if not isinstance(book, dict):
        raise Unreadable(f"is not a notebook: wants a JSON object with cells, got {type(book).__name__}")
    return book


def _language(book: dict[str, Any]) -> str:
    """The language as the notebook says it, "python" where it says nothing."""
    metadata = _mapping(book.get("metadata"))
    kernel, info = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    for said in (info.get("name"), kernel.get("language"), metadata.get("language")):
        if isinstance(said, str) and said:
            return said
    name = kernel.get("name")
    return name if isinstance(name, str) and _OTHERS.fullmatch(name) else "python"


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _cells(book: dict[str, Any]) -> list[Any]:
    """All cells in order, also those of the worksheets of format 3."""
    cells = book.get("cells")
    if cells is None:
        sheets = book.get("worksheets")
        sheets = [] if sheets is None else sheets
        if "nbformat" not in book and not sheets:
            raise Unreadable("is not a notebook: it has neither cells nor a format")
        cells = [c for sheet in sheets for c in _listed(sheet)] if isinstance(sheets, list) else sheets
    if not isinstance(cells, list):
        raise Unreadable(f"is not a notebook: its cells want a list, got {type(cells).__name__}")
    return cells


def _listed(sheet: object) -> list[Any]:
    cells = _mapping(sheet).get("cells")
    return cells if isinstance(cells, list) else []


def _code(number: int, cell: object) -> Iterator[_Block]:
    """The Python of a cell; nothing for text and for other languages."""
    cell = _mapping(cell)
    if cell.get("cell_type") != "code":
        return
    editor = _mapping(_mapping(cell.get("metadata")).get("vscode")).get("languageId")
    if (cell.get("language") or "python") != "python" or (editor or "python") != "python":
        return
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        raise Unreadable(f"is not a notebook: cell {number} wants text as its source, got {type(source).__name__}")
    lines = python(_plain(source))
    if any(line.strip() for line in lines):
        yield _Block(lines, number, 1)


def python(text: str) -> list[str]:
    """The lines of a cell in which everything that only IPython understands is blanked.

    >>> python("%%time\\n!pip install torch\\nnames = !ls\\nloss = f(x)")
    ['', '', 'names = get_ipython()', 'loss = f(x)']
    """
    lines = text.split("\n")
    if _SUSPICIOUS.search(text) is None:
        return lines
    for number, line in enumerate(lines):
        if line.startswith("%%"):
            name = re.match(r"%%(\w*)", line)
            if name is None or name[1] not in _KEPT:
                return [""] * len(lines)
            lines[number] = ""
        elif line.strip():
            break
    try:
        sources.parse("\n".join(lines))
    except Unreadable:
        return list(_statements(lines))
    return lines


def _statements(lines: Sequence[str]) -> Iterator[str]:
    """The lines, those changed on which a statement may begin but IPython reads something else."""
    quote, depth, shell, joined = "", 0, False, False
    for line in lines:
        if shell:
            shell = line.rstrip().endswith("\\")
            yield ""
            continue
        own = None if quote or depth or joined else _own(line)
        if own is not None:
            shell = line.rstrip().endswith("\\") and not _TIMED.match(line)
            yield own
            continue
        quote, depth = _after(line, quote, depth)
        joined = line.endswith("\\")
        yield line


def _own(line: str) -> str | None:
    """What to write for a line of IPython's own; None for one of Python."""
    timed = _TIMED.match(line)
    if timed is not None:
        return f"{timed[1]}None;{' ' * (len(timed[2]) - 5)}{line[timed.end() :]}"
    assigned = _ASSIGNED.match(line)
    if assigned is not None:
        return f"{assigned[1]}= get_ipython()"
    if _LINE.match(line) is None:
        return None
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass" if indent else ""


def _after(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The quotes that are open behind a line, "" for none, and the brackets."""
    for mark in _MARK.finditer(line):
        sign = mark[0]
        if sign[0] == "\\":
            continue
        if quote:
            if sign == quote or (len(quote) == 1 and sign == quote * 3):
                quote = ""
        elif sign[0] in "\"'":
            quote = sign
        elif sign == "#":
            break
        else:
            depth = max(0, depth + (1 if sign in "([{" else -1))
    return (quote if len(quote) == 3 or line.endswith("\\") else ""), depth


# -- Markdown --------------------------------------------------------------------------------------------------------


def _fences(raw: Raw) -> Iterator[_Block]:
    """The Python fences of a Markdown file, prompts taken off."""
    opened: tuple[str, str] | None = None
    body: list[str] = []
    for number, line in enumerate(_plain(raw.text.removeprefix("\ufeff")).split("\n"), 1):
        match = _FENCE.match(line)
        if opened is None:
            if match is not None and not (match[1][0] == "`" and "`" in match[2]):
                opened, body = (match[1], match[2]), []
        elif match is not None and not match[2] and match[1].startswith(opened[0]):
            if _is_python(opened[1]):
                yield _fence(body, number - len(body))
            opened = None
        else:
            body.append(line)


def _is_python(info: str) -> bool:
    language = _INFO.match(info)
    return language is not None and language[1].lower() in _PYTHON


def _fence(body: list[str], first: int) -> _Block:
    """The code of a fence: without its indentation, and of a session only what follows the prompts."""
    left = min((len(line) - len(line.lstrip()) for line in body if line.strip()), default=0)
    lines = [line[left:] for line in body]
    if any(line.startswith(">>>") for line in lines):
        return _Block([line[4:] if _PROMPT.match(line) else "" for line in lines], None, first, left + 4)
    return _Block(python("\n".join(lines)), None, first, left)


# -- both ------------------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ")


def _assembled(raw: Raw, blocks: Sequence[_Block]) -> Raw:
    """The module that the blocks make, with an empty line before each; in Markdown every line keeps its number."""
    lines: list[str] = []
    starts: list[int] = []
    for block in blocks:
        lines += [""] * (block.first - 1 - len(lines) if block.cell is None else 0)
        if block.cell is not None:
            lines.append("if True:" if block.lines and _indented(block.lines) else "")
        starts.append(len(lines) + 1)
        lines += block.lines
    text = "\n".join([*lines, ""])
    layout = Layout(tuple(starts), tuple((block.cell, block.first, block.indent) for block in blocks))
    return Raw(raw.path, text.encode(errors="replace"), layout)


def _indented(lines: Sequence[str]) -> bool:
    """Whether the code of a cell begins with an indented line, which IPython allows."""
    code = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    return code[:1] in (" ", "\t")
