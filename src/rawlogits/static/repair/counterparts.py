"""The counterpart that the table names for an operator, in the spelling of the file that is to call it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rawlogits.finding import Edit
from rawlogits.space import Space
from rawlogits.static.repair.readers_project import is_local
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import qualified, table, unwrapped
from rawlogits.table.row import Row, Verb, spelling


@dataclass(frozen=True)
class Word:
    """What to write for a function or a class, and the edits that import it."""

    text: str
    edits: tuple[Edit, ...] = ()
    same: bool = True
    """Whether it is called just as what it replaces: with the same arguments, on the same receiver."""


def sibling(name: str, twin: str) -> str:
    """The name of the twin in the scope of another one, as a function where that is one; "" when there is none.

    >>> sibling("torch.softmax", "torch.nn.functional.log_softmax")
    'torch.log_softmax'
    >>> sibling("torch.nn.Softmax", "torch.nn.functional.log_softmax")
    'torch.nn.LogSoftmax'
    """
    scope, kind = name.rpartition(".")[0], spelling(name)
    names = (each for row in table().named(twin) for each in row.names)
    found = (each for each in names if each.rpartition(".")[0] == scope and spelling(each) == kind)
    return next((each for each in found if not _is_private(each)), "")


def word(spot: Spot, func: ast.expr, row: Row, twin: str, stays: bool = False) -> Word | None:
    """What stands in place of `func`, an operator of `row`, to call its twin.

    A name that was imported by itself is imported anew: in place of the old one, unless that `stays` or has other uses.
    """
    name = qualified(spot, func)
    last = func.attr if isinstance(func, ast.Attribute) else name.rpartition(".")[2]
    if last.endswith("_"):
        return None
    if not name:
        method = next((each for each in row.names if spelling(each) == "method" and each.endswith(f".{last}")), "")
        name = method
    other = sibling(name, twin) if name else ""
    if isinstance(func, ast.Attribute) and other:
        return Word(renamed(spot, func, other.rpartition(".")[2]))
    if isinstance(func, ast.Name) and other:
        return _bare(spot, func, other, stays)
    if spelling(name or twin) == "module":
        return None
    return function(spot, func, twin)


def renamed(spot: Spot, node: ast.Attribute, last: str) -> str:
    """The text of an attribute with another last word: brackets round what it is an attribute of stay."""
    return spot.text(node)[: -len(node.attr)] + last


def _function(spot: Spot, at: ast.AST, name: str) -> Word | None:
    spelled, statement = spot.spelled(name, at)
    if is_local(spot, at, spelled.split(".")[0]):
        return None
    return Word(spelled, tuple(spot.importing(statement, at)), False)


def function(spot: Spot, at: ast.AST, twin: str, beside: Iterable[str] = ()) -> Word | None:
    """A twin as a function: the shortest that the file can write as it is, first those beside what is written there.

    Else the name that the table gives, with the import that it needs.
    """
    root = twin.split(".")[0]
    every = (each for row in table().named(twin) for each in row.names if spelling(each) == "function")
    others = [each for each in every if each.split(".")[0] == root and not _is_private(each)]
    for names in ([each for each in beside if each], others):
        written = (spot.spelled(each, at) for each in names)
        ready = [spelled for spelled, statement in written if not statement]
        for spelled in sorted(ready, key=lambda each: (each.count("."), len(each))):
            if not is_local(spot, at, spelled.split(".")[0]):
                return Word(spelled, (), False)
    return _function(spot, at, twin)


def _is_private(name: str) -> bool:
    return name.rpartition(".")[2].startswith("_")


def _bare(spot: Spot, func: ast.Name, name: str, stays: bool) -> Word | None:
    """A name that is imported by itself: beside the old one, or in its place."""
    spelled, statement = spot.spelled(name, func)
    if not statement and "." not in spelled:
        return None if is_local(spot, func, spelled) else Word(spelled)
    last = name.rpartition(".")[2]
    taken = any(isinstance(each, ast.Name) and each.id == last for each in ast.walk(spot.tree))
    found = next(((node, alias) for node, alias in _aliases(spot) if (alias.asname or alias.name) == func.id), None)
    if taken or found is None:
        return None if statement or is_local(spot, func, spelled.split(".")[0]) else Word(spelled)
    alias = found[1]
    if f", {last}" in spot.added:
        return Word(last)
    spot.added.append(f", {last}")
    uses = [each for each in ast.walk(spot.tree) if isinstance(each, ast.Name) and each.id == func.id]
    texts = (each.value for each in ast.walk(spot.tree) if isinstance(each, ast.Constant))
    offered = spot.shown.endswith("__init__.py") or any(each == func.id for each in texts)
    if len(uses) == 1 and not (stays or alias.asname or offered):
        return Word(last, (spot.replace(alias, last),))
    first, start, line, end = spot.source.span(alias)
    del first, start
    return Word(last, (spot.edit((line, end, line, end), f", {last}"),))


def _aliases(spot: Spot) -> list[tuple[ast.ImportFrom, ast.alias]]:
    return [(node, alias) for node in spot.tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]


def text_with(spot: Spot, node: ast.AST, changes: Sequence[tuple[ast.AST, str]]) -> str:
    """The text of a node with other texts for some nodes inside it."""
    starts = [0, *itertools.accumulate(len(line) + 1 for line in spot.source.lines)]

    def span(each: ast.AST) -> tuple[int, int]:
        first, start, last, end = spot.source.span(each)
        return starts[first - 1] + start - 1, starts[last - 1] + end - 1

    begin, stop = span(node)
    text, shift = spot.source.text, 0
    found = []
    for at, until, new in sorted((*span(each), new) for each, new in changes):
        found.append(text[begin + shift : at])
        found.append(new)
        shift = until - begin
    return "".join([*found, text[begin + shift : stop]])


def in_place(spot: Spot, outer: ast.expr, inner: ast.expr, text: str) -> list[Edit]:
    """Write a text that stands for `inner` in place of the expression round it; comments between move above."""
    first, *rest = text.split("\n")
    shift = _indent(spot, inner) - _indent(spot, outer)
    if rest and 0 < shift <= min(len(each) - len(each.lstrip()) for each in rest if each.strip()):
        text = "\n".join([first, *(each[shift:] for each in rest)])
    return [*unwrapped(spot, outer, inner)[:-1], spot.replace(outer, text)]


def _indent(spot: Spot, node: ast.expr) -> int:
    line = spot.source.lines[node.lineno - 1]
    return len(line) - len(line.lstrip())


def fits(text: str) -> bool:
    """Whether a text is one expression."""
    try:
        ast.parse(f"({text})", mode="eval")
    except SyntaxError:
        return False
    return True


def package(spot: Spot, node: ast.AST) -> str:
    """The package that the first name in an expression is imported from, as the file says it."""
    names = (spot.imported.get(each.id, "") for each in ast.walk(node) if isinstance(each, ast.Name))
    return next((each.split(".")[0] for each in names if each), "")


def exponential(twin: str, first: str = "") -> str:
    """The function that turns log-probabilities back into probabilities: of a package, else of the twin's framework."""
    rows = [row for row in table().rows if row.verb is Verb.OP and row.turns.get(Space.LOG_PROBS) is Space.PROBS]
    for root in (first, twin.split(".")[0]):
        names = (each for row in rows for each in row.names if spelling(each) == "function")
        found = next((each for each in names if each.split(".")[0] == root), "")
        if found:
            return found
    return ""


def named_layer(spot: Spot, func: ast.expr, twin: str) -> Word | None:
    """The layer that is told its activation by name, for a twin without its own: `Activation("log_softmax")`."""
    full = f"{qualified(spot, func).rpartition('.')[0]}.Activation"
    if table().program(full) is None:
        return None
    if isinstance(func, ast.Attribute):
        head: Word | None = Word(renamed(spot, func, "Activation"))
    else:
        head = _bare(spot, func, full, False) if isinstance(func, ast.Name) else None
    return head and Word(f'{head.text}("{twin.rpartition(".")[2]}")', head.edits)
