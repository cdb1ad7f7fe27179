"""THRESHOLD: a comparison on the scale of the value that is compared.

0.5 of a sigmoid is 0 of its logits. For any other number, and for one that has a name, the activation is written round
the value: its number can still be read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from rawlogits.finding import Arrival
from rawlogits.space import Space
from rawlogits.static.repair.counterparts import Word
from rawlogits.static.repair.readers_names import binds, own
from rawlogits.static.repair.readers_project import is_local
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Proposal, Spots
from rawlogits.static.repair.taken_out_text import table
from rawlogits.table.row import Verb, spelling

_HALF = 0.5


def threshold(arrival: Arrival, spots: Spots) -> Proposal | None:
    """Edits that compare logits with 0, or their sigmoid with the number; a sigmoid with 0.5 in place of 0.

    None where the probabilities are those of a softmax: of how many classes, and over which axis, is another question.
    """
    spot = spots.at(arrival.place.path)
    compare = spot.node(arrival.place, ast.Compare)
    if compare is None or len(compare.ops) != 1 or arrival.constant is None or arrival.scaled:
        return None
    if arrival.got not in (Space.LOGITS, Space.SIGMOID):
        return None
    sides = [compare.left, compare.comparators[0]]
    written = [each for each in sides if _number(each) == arrival.constant]
    if arrival.got is Space.SIGMOID:
        return _moved(spot, written[0], "0.5") if len(written) == 1 and arrival.constant == 0 else None
    if "loss:probs" in arrival.also:
        return None
    if len(written) == 1 and arrival.constant == _HALF:
        return _moved(spot, written[0], "0")
    numbers = written or [each for each in sides if _is_named(spot, each, arrival.constant)]
    values = [each for each in sides if each not in numbers]
    return _activated(spot, values[0]) if len(numbers) == 1 and len(values) == 1 else None


def _number(node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _is_named(spot: Spot, node: ast.expr, constant: float) -> bool:
    """Whether a name stands for the number: it is imported, or its scope gives it this number and nothing else."""
    first = node
    while isinstance(first, ast.Attribute):
        first = first.value
    if isinstance(first, ast.Name) and first.id in spot.imported:
        return True
    given = list(_given(spot, node)) if isinstance(node, ast.Name) else []
    return bool(given) and all(value is not None and _number(value) == constant for value in given)


def _given(spot: Spot, name: ast.Name) -> Iterator[ast.expr | None]:
    """What the scope of a name puts into it; None for what is no expression."""
    functions = (each for each in spot.above(name) if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)))
    scope = next((each for each in functions if binds(each, name.id)), spot.tree)
    if not isinstance(scope, ast.Module):
        plain = [*scope.args.posonlyargs, *scope.args.args]
        late = len(plain) - len(scope.args.defaults)
        defaults = [*([None] * late), *scope.args.defaults, *scope.args.kw_defaults]
        every = zip([*plain, *scope.args.kwonlyargs], defaults, strict=True)
        yield from (default for each, default in every if each.arg == name.id)
    for node in own(scope):
        if isinstance(node, ast.Name) and node.id == name.id and isinstance(node.ctx, ast.Store):
            statement = spot.parents.get(node)
            yield statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None


def _moved(spot: Spot, number: ast.expr, text: str) -> Proposal:
    compare = spot.parents[number]
    return Proposal([spot.replace(number, text)], f"{text} in place of {spot.text(number)} in {spot.text(compare)}")


def _activated(spot: Spot, value: ast.expr) -> Proposal | None:
    head = _sigmoid(spot, value)
    if head is None:
        return None
    text = f"{head.text}({spot.text(value)})"
    return Proposal([*head.edits, spot.replace(value, text)], f"{text} in place of {spot.text(value)}")


def _sigmoid(spot: Spot, use: ast.AST) -> Word | None:
    """The sigmoid of the one framework that the file imports."""
    roots = {table().canonical(full).split(".")[0] for full in spot.imported.values()}
    found: dict[str, list[str]] = {}
    for row in table().rows:
        if row.verb is Verb.OP and row.gives is Space.SIGMOID:
            names = (name for name in row.names if spelling(name) == "function" and name.split(".")[0] in roots)
            found.setdefault(row.names[0].split(".")[0], []).extend(names)
    every = [sorted(names, key=lambda each: (each.count("."), len(each))) for names in found.values() if names]
    return _spelled(spot, use, every[0]) if len(every) == 1 else None


def _spelled(spot: Spot, use: ast.AST, names: Sequence[str]) -> Word | None:
    """The first name that the file can write as it is, in no more parts than the shortest one; else that, imported."""
    written = [spot.spelled(each, use) for each in names]
    ready = [pair for pair in written if not pair[1] and pair[0].count(".") <= names[0].count(".")]
    text, statement = (ready or written)[0]
    return None if is_local(spot, use, text.split(".")[0]) else Word(text, tuple(spot.importing(statement, use)))
