"""Spans of text that a repair takes out: an expression round another one, a statement, an item, an import."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence

from rawlogits.finding import Edit
from rawlogits.static.once import once
from rawlogits.static.repair.spot import Spot
from rawlogits.table.lookup import Table

_LOOSE = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.Await)
_ALWAYS = (ast.NamedExpr, ast.Yield, ast.YieldFrom)
_TIGHT = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Attribute, ast.Starred, ast.Await)
_DOTTED = re.compile(r"[\w.]+[.:](\w+)")
Span = tuple[int, int, int, int]


def table() -> Table:
    """The shipped table."""
    return Table.standard()


def qualified(spot: Spot, node: ast.AST) -> str:
    """The name that the table knows for a dotted expression, by the imports of its file; "" when there is none."""
    full = full_name(spot, node)
    return table().canonical(full) if full else ""


def full_name(spot: Spot, node: ast.AST) -> str:
    """A dotted expression with what the imports of its file make of its first word; "" when they make nothing."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    root = imports(spot).get(node.id, "")
    return ".".join([root, *reversed(parts)]) if root else ""


def imports(spot: Spot) -> dict[str, str]:
    """Local name -> what an import anywhere in the file binds to it; relative imports begin with their dots."""
    return spot.imported


@once
def words(tree: ast.Module) -> dict[str, list[ast.AST]]:
    """Word -> the names, attributes, imports from modules (under what they import) and texts that are or end in it."""
    found: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.setdefault(node.id, []).append(node)
        elif isinstance(node, ast.Attribute):
            found.setdefault(node.attr, []).append(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            dotted = _DOTTED.fullmatch(node.value)
            found.setdefault(dotted[1] if dotted else node.value, []).append(node)
        elif isinstance(node, ast.ImportFrom):
            for name in dict.fromkeys(alias.name for alias in node.names):
                found.setdefault(name, []).append(node)
    return found


def unwrapped(spot: Spot, outer: ast.expr, inner: ast.expr) -> list[Edit]:
    """Write only `inner` in place of the expression round it; comments between them move above the statement."""
    text = _moved_left(spot, outer, inner)
    parent = spot.parents.get(outer)
    tight = isinstance(parent, _TIGHT) or (isinstance(parent, (ast.Subscript, ast.Call)) and _heads(parent) is outer)
    if isinstance(inner, _ALWAYS) or (isinstance(inner, _LOOSE) and tight) or not _stands_alone(text):
        text = f"({text})"
    edits = [spot.replace(outer, text)]
    comments = _comments(spot, outer, inner)
    if comments:
        line = spot.statement(outer).lineno
        content = spot.source.lines[line - 1]
        indent = content[: len(content) - len(content.lstrip())]
        edits.insert(0, spot.edit((line, 1, line, 1), "".join(f"{indent}{each}\n" for each in comments)))
    return edits


def _moved_left(spot: Spot, outer: ast.expr, inner: ast.expr) -> str:
    """The text of an expression, its further lines as far left as the expression that it replaces begins."""
    first, *rest = spot.text(inner).split("\n")
    strings = (each for each in ast.walk(inner) if isinstance(each, (ast.Constant, ast.JoinedStr)))
    if not rest or any(each.lineno != each.end_lineno for each in strings):
        return "\n".join([first, *rest])
    shift = _indent(spot, inner) - _indent(spot, outer)
    if shift <= 0 or any(each.strip() and len(each) - len(each.lstrip()) < shift for each in rest):
        return "\n".join([first, *rest])
    return "\n".join([first, *(each[shift:] for each in rest)])


def _indent(spot: Spot, node: ast.expr) -> int:
    line = spot.source.lines[node.lineno - 1]
    return len(line) - len(line.lstrip())


def _heads(parent: ast.Subscript | ast.Call) -> ast.expr:
    return parent.value if isinstance(parent, ast.Subscript) else parent.func


def _stands_alone(text: str) -> bool:
    if "\n" not in text:
        return True
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return len(ast.parse(text).body) == 1


def _comments(spot: Spot, outer: ast.expr, inner: ast.expr) -> list[str]:
    """The comments in what is left of an expression once the inner one is taken out."""
    first, start, last, _ = spot.source.span(outer)
    if first == last:
        return []
    kept_first, kept_start, kept_last, kept_end = spot.source.span(inner)
    found = []
    for line in range(first, last):
        content = spot.source.lines[line - 1]
        for at, each in enumerate(content, 1):
            if each != "#" or (line, at) < (first, start):
                continue
            if (kept_first, kept_start) <= (line, at) < (kept_last, kept_end) or _in_string(content[: at - 1]):
                continue
            found.append(content[at - 1 :].rstrip())
            break
    return found


def _in_string(head: str) -> bool:
    return (head.count('"') - head.count('\\"')) % 2 == 1 or (head.count("'") - head.count("\\'")) % 2 == 1


def block(spot: Spot, statement: ast.stmt) -> list[ast.stmt]:
    """The statements among which one stands."""
    for name in ("body", "orelse", "finalbody"):
        found = getattr(spot.parents.get(statement, spot.tree), name, None)
        if isinstance(found, list) and statement in found:
            return found
    return [statement]


def without_statement(spot: Spot, statement: ast.stmt, gone: Sequence[ast.stmt] = ()) -> list[Edit]:
    """Take a statement out; `pass` stands where its block would be empty."""
    others = [each for each in block(spot, statement) if each is not statement and each not in gone]
    first, start, last, end = spot.source.span(statement)
    lines = spot.source.lines
    before, after = lines[first - 1][: start - 1], lines[last - 1][end - 1 :].strip()
    if not others or before.strip() or (after and not after.startswith("#")):
        return [spot.replace(statement, "pass")]
    return [spot.edit(_whole_lines(spot, first, last), "")]


def _whole_lines(spot: Spot, first: int, last: int) -> Span:
    """The span of whole lines, with the end of the line before them where they end the file or a cell."""
    lines, layout = spot.source.lines, spot.source.layout
    ends = last + 1 >= len(lines) or (layout is not None and layout.at(last + 1)[0] != layout.at(last)[0])
    if not ends:
        return first, 1, last + 1, 1
    same = first > 1 and (layout is None or layout.at(first - 1)[0] == layout.at(first)[0])
    if not same:
        return first, 1, last, len(lines[last - 1]) + 1
    return first - 1, len(lines[first - 2]) + 1, last, len(lines[last - 1]) + 1


def without_item(spot: Spot, item: ast.AST, before: ast.AST | None, after: ast.AST | None) -> list[Edit]:
    """Take an item out of its row with its comma, and its lines where it has them for itself; comment lines stay."""
    first, start, last, end = spot.source.span(item)
    lines = spot.source.lines
    tail = re.match(r"\s*,", lines[last - 1][end - 1 :])
    if not lines[first - 1][: start - 1].strip():
        rest = lines[last - 1][end - 1 + (len(tail[0]) if tail else 0) :].strip()
        if not rest or rest.startswith("#"):
            return [spot.edit((first, 1, last + 1, 1), "")]
    if after is not None:
        following = spot.source.span(after)
        if following[0] == last:
            return [spot.edit((first, start, following[0], following[1]), "")]
    if before is not None:
        previous = spot.source.span(before)
        if previous[2] == first:
            return [spot.edit((previous[2], previous[3], last, end), "")]
    if tail:
        end += len(tail[0])
    return [spot.edit((first, start, last, end), "")]


def without_imports(spot: Spot, names: set[str], edits: Sequence[Edit]) -> list[Edit]:
    """Take out the imports of names that occur nowhere else in the file once the edits are made."""
    if spot.source.layout is not None or spot.shown.endswith("__init__.py"):
        return []
    left = _remaining(spot, edits)
    found: list[Edit] = []
    for name in sorted(names):
        if len(re.findall(rf"(?<![\w]){re.escape(name)}(?!\w)", left)) == 1:
            found += _without_import(spot, name)
    return found


def _without_import(spot: Spot, name: str) -> Iterator[Edit]:
    for node in spot.tree.body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for number, alias in enumerate(node.names):
            if (alias.asname or alias.name) != name:
                continue
            if len(node.names) == 1 and node is spot.tree.body[0] and node.lineno == 1 and len(spot.tree.body) > 1:
                yield _first_line(spot, node)
            elif len(node.names) == 1:
                yield from without_statement(spot, node)
            else:
                before = node.names[number - 1] if number else None
                after = node.names[number + 1] if number + 1 < len(node.names) else None
                yield from without_item(spot, alias, before, after)


def _first_line(spot: Spot, node: ast.stmt) -> Edit:
    """A statement that begins a file goes with the empty lines behind it."""
    last = node.end_lineno or node.lineno
    while last < len(spot.source.lines) - 1 and not spot.source.lines[last].strip():
        last += 1
    return spot.edit((1, 1, last + 1, 1), "")


def _remaining(spot: Spot, edits: Sequence[Edit]) -> str:
    """The text of a file without comments, with its edits made."""
    lines = list(spot.source.lines)
    mine = [each for each in edits if each.path == spot.shown]
    for edit in sorted(mine, key=lambda each: (each.start_line, each.start_column), reverse=True):
        head = lines[edit.start_line - 1][: edit.start_column - 1]
        tail = lines[edit.end_line - 1][edit.end_column - 1 :] if edit.end_line <= len(lines) else ""
        lines[edit.start_line - 1 : edit.end_line] = (head + edit.replacement + tail).split("\n")
    return "\n".join(lines)


def names_in(node: ast.AST) -> set[str]:
    """The names that an expression reads."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def collide(edits: Sequence[Edit]) -> bool:
    """Whether two edits want the same text, or write at the same point."""
    spans = sorted(
        ((each.path, each.cell or 0), (each.start_line, each.start_column), (each.end_line, each.end_column))
        for each in edits
    )
    return any(one[0] == two[0] and (two[1] < one[2] or one[1] == two[1]) for one, two in itertools.pairwise(spans))
