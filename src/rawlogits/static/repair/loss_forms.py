"""A loss in another form: the one that applies the activation itself, or the one that wants it applied.

Two facts of the table tell them apart: a parameter such as `from_logits`, for which rows of the same names differ in
`when`, and the twin that a row names. What is written stays where it is: a call, a class, the name of a loss as text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rawlogits.finding import Arrival, Edit
from rawlogits.space import Space
from rawlogits.static.repair.counterparts import Word, word
from rawlogits.static.repair.loss_users import Users, last_name
from rawlogits.static.repair.readers_project import is_local
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Spots
from rawlogits.static.repair.taken_out_text import qualified, table, without_item
from rawlogits.table.row import Row, Verb, spelling


@dataclass(frozen=True)
class Form:
    """Edits that write a loss in its other form, the words for it, and what it may change."""

    edits: Sequence[Edit]
    says: str
    doubts: Sequence[str] = ()


def other_form(arrival: Arrival, spots: Spots, wanted: Space) -> Form | None:
    """The loss of an arrival as one that wants a space.

    None where the table knows no such form, and where the code does not show all that the loss is given.
    """
    spot = spots.at(arrival.place.path)
    node = spot.node(arrival.place, ast.expr)
    written = node is not None and any(_handed(spot, each, arrival) is not None for each in _parts(node))
    if arrival.built is not None and not written:
        spot = spots.at(arrival.built.path)
        node = spot.node(arrival.built, ast.expr)
    form = _form(spot, node, arrival, wanted) if node is not None and _agree(arrival, spots) else None
    if node is None or form is None:
        return None
    doubts = [*form.doubts, *_elsewhere(arrival, spot, node, spots), *_measured(arrival, spots)]
    return Form(form.edits, form.says, doubts)


def _form(spot: Spot, node: ast.expr, arrival: Arrival, wanted: Space) -> Form | None:
    handed = [(each, row) for each in _parts(node) if (row := _handed(spot, each, arrival)) is not None]
    if len(handed) > 1:
        handed = [(each, row) for each, row in handed if _named(each) == arrival.operator]
    if handed:
        return _as_object(spot, *handed[0], wanted) if len(handed) == 1 else None
    loss = node if arrival.built is not None else _called_with(spot, node)
    if loss is None:
        return None
    func = loss.func if isinstance(loss, ast.Call) else loss
    row = _row(spot, func, arrival)
    if row is None:
        return None
    return _switched(spot, loss, row, wanted) or _renamed(spot, loss, func, row, wanted)


def _parts(node: ast.expr) -> Sequence[ast.expr]:
    """The losses that are written in one argument: one for each output, or the only one."""
    if isinstance(node, ast.Dict):
        return node.values
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]


def _named(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else last_name(node)


def _handed(spot: Spot, node: ast.expr, arrival: Arrival) -> Row | None:
    """The row of a loss that is handed over uncalled, by its name as a text or as it is."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        named = (row for row in table().rows if any(each.rpartition(".")[2] == node.value for each in row.names))
        return next((row for row in named if _is_row_of(arrival, row)), None)
    return None if isinstance(node, ast.Call) else _row(spot, node, arrival)


def _row(spot: Spot, node: ast.expr, arrival: Arrival) -> Row | None:
    return next((row for row in table().named(qualified(spot, node)) if _is_row_of(arrival, row)), None)


def _called_with(spot: Spot, argument: ast.expr) -> ast.Call | None:
    """The call of a loss function, by its argument."""
    parent = spot.parents.get(argument)
    if isinstance(parent, ast.keyword):
        parent = spot.parents.get(parent)
    return parent if isinstance(parent, ast.Call) and parent.func is not argument else None


def _is_row_of(arrival: Arrival, row: Row) -> bool:
    return row.verb is Verb.LOSS and row.wants == arrival.wants and row.activation is arrival.activation


def _met(arrival: Arrival, spots: Spots) -> Iterator[Arrival]:
    """What else the same loss is given; one argument may hold several losses."""
    for other in spots.arrivals:
        same = other.verb == "loss" and other.operator == arrival.operator
        if same and (other.place == arrival.place or (other.built and other.built == arrival.built)):
            yield other


def _agree(arrival: Arrival, spots: Spots) -> bool:
    """Whether the loss is given values of one space only, as far as is known."""
    return all(other.got is arrival.got for other in _met(arrival, spots))


def _elsewhere(arrival: Arrival, spot: Spot, node: ast.expr, spots: Spots) -> Sequence[str]:
    """Where else the loss may be called, and with what, as far as that is not known."""
    users = Users(spots, [arrival, *_met(arrival, spots)])
    if arrival.built is not None and node is spot.node(arrival.built, ast.expr):
        users.held(spot, node)
    else:
        users.given(spot, node)
        users.told(spot, node)
    return [*users.doubts, *users.project.doubts()]


def _measured(arrival: Arrival, spots: Spots) -> Iterator[str]:
    """Metrics that stand beside the loss, and read what it reads: those of labels compare it with a number."""
    spot = spots.at(arrival.place.path)
    keyword = spot.parents.get(spot.node(arrival.place, ast.expr) or spot.tree)
    call = spot.parents.get(keyword) if isinstance(keyword, ast.keyword) else None
    if isinstance(call, ast.Call) and Space.SIGMOID in arrival.wants and arrival.got is Space.LOGITS:
        for each in call.keywords:
            if each.arg is not None and each.arg.endswith("metrics"):
                yield f"{spot.shown}:{each.value.lineno} gives metrics the logits, as it does now: set their threshold"


# -- a parameter that says what comes in -----------------------------------------------------------------------------


def _switched(spot: Spot, loss: ast.expr, row: Row, wanted: Space) -> Form | None:
    """The same loss with another value for the parameter that tells what it reads."""
    found = _option(row, wanted)
    if found is None or not isinstance(loss, ast.Call):
        return None
    key, value = found
    if any(isinstance(each, ast.Starred) for each in loss.args) or any(each.arg is None for each in loss.keywords):
        return None
    kind = spelling(qualified(spot, loss.func))
    params = row.build if kind == "module" else row.params
    given = {params[number]: each for number, each in enumerate(loss.args) if number < len(params)}
    if key in given:
        return _constant(spot, given[key], key, value)
    items: list[ast.expr | ast.keyword] = [*loss.args, *loss.keywords]
    named = next((each for each in loss.keywords if each.arg == key), None)
    if named is not None and row.defaults.get(key) is not value:
        return _constant(spot, named.value, key, value)
    if named is not None:
        at = items.index(named)
        before, after = items[at - 1] if at else None, items[at + 1] if at + 1 < len(items) else None
        return Form(without_item(spot, named, before, after), f"take {spot.text(named)} out")
    return _added(spot, loss, items, f"{key}={value}")


def _option(row: Row, wanted: Space) -> tuple[str, bool] | None:
    """The one parameter in which a row of the same loss that wants a space differs, and its value there."""
    for other in table().named(row.names[0]):
        news = {key: value for key, value in other.when.items() if row.when.get(key, row.defaults.get(key)) != value}
        if wanted in other.wants and len(news) == 1:
            ((key, value),) = news.items()
            return (key, value) if isinstance(value, bool) else None
    return None


def _constant(spot: Spot, node: ast.expr, key: str, value: bool) -> Form | None:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, bool):
        return None
    return Form([spot.replace(node, str(value))], f"{key}={value}")


def _added(spot: Spot, call: ast.Call, items: Sequence[ast.expr | ast.keyword], text: str) -> Form:
    """One more argument behind the others."""
    first, start, last, end = spot.source.span(items[-1] if items else call)
    del first, start
    if items:
        return Form([spot.edit((last, end, last, end), f", {text}")], f"add {text}")
    return Form([spot.edit((last, end - 1, last, end - 1), text)], f"add {text}")


# -- a loss that is handed over by its name --------------------------------------------------------------------------


def _as_object(spot: Spot, node: ast.expr, row: Row | None, wanted: Space) -> Form | None:
    """The loss as an object that is told what it reads, in place of a text, a function or a class."""
    name = next((each for each in row.names if spelling(each) == "module"), "") if row is not None else ""
    option = _option(row, wanted) if row is not None else None
    if not name or option is None:
        return None
    own = qualified(spot, node) if not isinstance(node, ast.Constant) else ""
    head = Word(spot.text(node)) if spelling(own) == "module" and own else _spelled(spot, name, node)
    if head is None:
        return None
    text = f"{head.text}({option[0]}={option[1]})"
    return Form([*head.edits, spot.replace(node, text)], f"{text} in place of {spot.text(node)}")


def _spelled(spot: Spot, name: str, use: ast.AST) -> Word | None:
    """How the file writes a class of a package that it imports from, under whatever name the package goes there."""
    parts = name.split(".")
    tails = [".".join(parts[number:]) for number in range(len(parts))]
    for local, full in spot.imported.items():
        for tail in (tail for tail in tails if table().canonical(f"{full}.{tail}") == name):
            if not is_local(spot, use, local):
                return Word(f"{local}.{tail}")
        if table().canonical(full) == name and not is_local(spot, use, local):
            return Word(local)
    for full in spot.imported.values():
        known = table().canonical(full)
        if known.split(".")[0] == parts[0] and full.endswith(known) and not is_local(spot, use, parts[-1]):
            scope = full.removesuffix(known) + name.rpartition(".")[0]
            return Word(parts[-1], tuple(spot.importing(f"from {scope} import {parts[-1]}", use)))
    return None


# -- a twin of another name ------------------------------------------------------------------------------------------


def _renamed(spot: Spot, loss: ast.expr, func: ast.expr, row: Row, wanted: Space) -> Form | None:
    """The loss under the name of its twin, with the same arguments."""
    other = _twin(row, wanted)
    head = word(spot, func, row, other.names[0]) if other is not None else None
    if other is None or head is None or not head.same:
        return None
    if isinstance(loss, ast.Call) and not _takes(other, row, loss, spelling(qualified(spot, func)) == "module"):
        return None
    edits = [*head.edits, spot.replace(func, head.text)]
    return Form(edits, f"{head.text} in place of {spot.text(func)}", _losing(other))


def _twin(row: Row, wanted: Space) -> Row | None:
    """The loss of which one is the fused form of the other."""
    named = table().named(row.twin) if row.twin else ()
    others = (other for other in table().rows if other.verb is Verb.LOSS and other.twin in row.names)
    return next((other for other in (*named, *others) if wanted in other.wants), None)


def _takes(other: Row, row: Row, call: ast.Call, built: bool) -> bool:
    """Whether the twin takes the arguments of a call as they stand."""
    mine, theirs = (row.build, other.build) if built else (row.params, other.params)
    plain = all(each.arg is not None for each in call.keywords) and not any(
        isinstance(each, ast.Starred) for each in call.args
    )
    named = all(each.arg in theirs for each in call.keywords)
    return plain and named and mine[: len(call.args)] == theirs[: len(call.args)]


def _losing(other: Row) -> list[str]:
    """What is worse about a loss that reads probabilities."""
    if other.wants.isdisjoint((Space.PROBS, Space.SIGMOID)):
        return []
    return [f"{other.short} of probabilities is less exact than the loss that applies the activation itself"]
