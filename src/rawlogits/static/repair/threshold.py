"""THRESHOLD: a comparison on the scale of the value that is compared.

0.5 of a sigmoid is 0 of its logits. For any other number, and for one that has a name, the activation is written round
the value: its number can still be read.
"""

from __future__ import annotations

import ast

from rawlogits.finding import Arrival
from rawlogits.space import Space
from rawlogits.static.repair.counterparts import Word, function
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
    numbers = [each for each in sides if _number(each) == arrival.constant]
    if arrival.got is Space.SIGMOID:
        return _moved(spot, numbers[0], "0.5") if len(numbers) == 1 and arrival.constant == 0 else None
    if "loss:probs" in arrival.also:
        return None
    if len(numbers) == 1 and arrival.constant == _HALF:
        return _moved(spot, numbers[0], "0")
    values = [each for each in sides if each not in numbers]
    return _activated(spot, values[0]) if len(numbers) == 1 and len(values) == 1 else None


def _number(node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


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
    rows = [row for row in table().rows if row.verb is Verb.OP and row.gives is Space.SIGMOID]
    names = [name for row in rows for name in row.names if spelling(name) == "function" and name.split(".")[0] in roots]
    found = {name.split(".")[0]: name for name in sorted(names, key=lambda each: (-each.count("."), -len(each)))}
    return function(spot, use, next(iter(found.values()))) if len(found) == 1 else None
