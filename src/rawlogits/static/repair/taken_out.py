"""TAKE_OUT: the value without the activation that made it.

Where the activation is called its argument stays; where it was built as a part of a model the part goes, or `Identity`
takes its place. Whoever reads the value is followed: see `readers`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rawlogits.finding import Arrival, Edit
from rawlogits.space import Space
from rawlogits.static.repair.readers import Readers, demands
from rawlogits.static.repair.readers_calls import Calls
from rawlogits.static.repair.readers_names import Value, reads
from rawlogits.static.repair.readers_project import Project
from rawlogits.static.repair.readers_ranks import Activation, scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Proposal, Spots
from rawlogits.static.repair.taken_out_parts import Part, take_part
from rawlogits.static.repair.taken_out_text import (
    collide,
    names_in,
    qualified,
    table,
    unwrapped,
    without_imports,
    without_statement,
)
from rawlogits.table.row import Row, Verb, spelling

_MAKERS = {
    Space.PROBS: re.compile(r"softmax(2d)?", re.IGNORECASE),
    Space.LOG_PROBS: re.compile(r"log_?softmax", re.IGNORECASE),
    Space.SIGMOID: re.compile(r"sigmoid|expit", re.IGNORECASE),
    Space.LOG_SIGMOID: re.compile(r"log_?sigmoid", re.IGNORECASE),
}
"""What each space is made by when taking it out leaves the scores themselves: no softmin, no softmax with noise."""


def take_out(arrival: Arrival, spots: Spots) -> Proposal | None:
    """Edits that take out what made the value, and give it back to whoever reads it as it was.

    None for code that is nested deeper than can be followed.
    """
    return taken_out(arrival, spots)


def taken_out(arrival: Arrival, spots: Spots, pairs: Sequence[Arrival] = ()) -> Proposal | None:
    """The same; `pairs` are losses that want the value as it is, and will want it without its activation."""
    try:
        return _proposal(arrival, spots, pairs)
    except RecursionError:
        return None


def _proposal(arrival: Arrival, spots: Spots, pairs: Sequence[Arrival]) -> Proposal | None:
    pattern = _MAKERS.get(arrival.got)
    if pattern is None or not pattern.fullmatch(arrival.made_by) or arrival.scaled or arrival.guarded:
        return None
    spot = spots.at(arrival.trace[0].place.path)
    taken = _applied(arrival, spots) or _built(arrival, spot, spots)
    if taken is None:
        return None
    met = [*demands(arrival, spots.arrivals), *pairs]
    arguments = [each.place for each in met if each.verb == "loss"]
    operations = [each.place for each in met if each.verb != "loss"]
    readers = Readers(spots, taken.activation, arguments, operations, taken.parts)
    for value in taken.values:
        readers.start(value)
    for spot, node in taken.objects:
        readers.objects.object(spot, node, ((), False, taken.mixed), None)
    edits = [*taken.edits, *readers.edits()]
    doubts = [*taken.doubts, *readers.doubts]
    unseen = bool(readers.given) and arrival.place not in readers.reached
    if collide(edits) or (unseen and arrival.verb != "loss"):
        return None
    if unseen:
        doubts.append(f"{arrival.place.home}:{arrival.place.line} is reached in a way that is not followed")
    edits += _imports(spots, taken, edits)
    doubts += readers.project.doubts()
    says = f"{taken.says}; {readers.summary}" if readers.summary else taken.says
    return Proposal(edits, says, doubts)


@dataclass
class Taken:
    """What a repair takes out, and where the value that changes with it comes from."""

    edits: list[Edit]
    says: str
    activation: Activation
    values: Sequence[Value] = ()
    objects: Sequence[tuple[Spot, ast.expr]] = ()
    doubts: Sequence[str] = ()
    mixed: bool = False
    dropped: Sequence[tuple[Spot, ast.AST]] = ()
    """Expressions that go: what they named may not need its import any more."""
    parts: str = ""
    """What happens to a part of a model; see `Readers.parts`."""


def _imports(spots: Spots, taken: Taken, edits: Sequence[Edit]) -> list[Edit]:
    names: dict[str, set[str]] = {}
    for spot, node in taken.dropped:
        names.setdefault(spot.shown, set()).update(names_in(node))
    return [edit for shown, each in names.items() for edit in without_imports(spots.at(shown), each, edits)]


# -- the activation is called where it is seen -----------------------------------------------------------------------


def _applied(arrival: Arrival, spots: Spots) -> Taken | None:
    """The call that applied the activation, and its argument in place of it."""
    if arrival.applied is None:
        return None
    spot = spots.at(arrival.applied[0].path)
    outer = spot.node(arrival.applied[0], ast.Call)
    inner = spot.node(arrival.applied[1], ast.expr)
    if outer is None or inner is None or spot.parents.get(inner) not in (outer, outer.func, *outer.keywords):
        return None
    origin = spots.at(arrival.trace[0].place.path)
    made = origin.node(arrival.trace[0].place, ast.expr)
    if made is None:
        return None
    extra: list[Edit] = []
    dropped: list[tuple[Spot, ast.AST]] = [(spot, outer.func)]
    if made is not outer and made is not outer.func:
        gone = only_built(origin, made, spot, outer, spots)
        if gone is None:
            return None
        extra = gone
        dropped = [(origin, made)] if gone else []
    row = maker_row(origin, made, arrival)
    if row is None or not _is_plain(made if made is not outer else outer, row, inner):
        return None
    activation = activation_of(origin, made, row, arrival)
    if isinstance(outer.func, ast.Attribute) and outer.func.value is inner and outer.func.attr.endswith("_"):
        return None
    edits, says = _call_out(spot, outer, inner)
    return Taken([*edits, *extra], says, activation, [Value(spot, outer)], dropped=dropped)


def _call_out(spot: Spot, outer: ast.Call, inner: ast.expr) -> tuple[list[Edit], str]:
    statement = spot.statement(outer)
    text = " ".join(spot.text(inner).split())
    if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is outer:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if len(targets) == 1 and ast.unparse(targets[0]) == ast.unparse(inner) and isinstance(inner, ast.Name):
            return without_statement(spot, statement), f"take out {spot.source.words(statement)}"
    if isinstance(statement, ast.Return) and statement.value is outer:
        return unwrapped(spot, outer, inner), f"return {text}"
    if isinstance(statement, ast.Assign) and statement.value is outer:
        return unwrapped(spot, outer, inner), f"{ast.unparse(statement).split(' = ')[0]} = {text}"
    return unwrapped(spot, outer, inner), f"{text} in place of {spot.source.words(outer)}"


def only_built(origin: Spot, made: ast.expr, spot: Spot, outer: ast.Call, spots: Spots) -> list[Edit] | None:
    """The edits that take out where the activation was built; none where it is used elsewhere too.

    None where the name under which it is called may hold something else.
    """
    binding = origin.parents.get(made)
    if not isinstance(binding, ast.Assign) or len(binding.targets) != 1 or binding.value is not made:
        return None
    target, func = binding.targets[0], outer.func
    if isinstance(target, ast.Attribute) and isinstance(func, ast.Attribute) and target.attr == func.attr:
        calls = Calls(Project(spots))
        owner = calls.owner(origin, target.value)
        if owner is None or calls.owner(spot, func.value) is None:
            return None
        stores, loads, others = calls.own(origin, owner, target.attr)
        if stores != 1:
            return None
        pattern = rf"[\"'.]{re.escape(target.attr)}[\"'.]|\bchildren\(\)|\b_modules\b"
        named = Project(spots).count(pattern, target.attr, "children", "_modules")
        return without_statement(origin, binding) if loads == 1 and not others and not named else []
    if isinstance(target, ast.Name) and isinstance(func, ast.Name) and target.id == func.id and origin is spot:
        scope = scope_of(origin, binding)
        found = reads(scope, target.id, binding)
        if func not in (*found.pure, *found.inner):
            return None
        alone = len(found.pure) + len(found.inner) + len(found.mixed) == 1 and not isinstance(scope, ast.Module)
        return without_statement(origin, binding) if alone else []
    return None


def _is_plain(call: ast.expr, row: Row, inner: ast.expr) -> bool:
    """Whether a call is given nothing but the value and the axis: a cast on the way would be lost, too."""
    if not isinstance(call, ast.Call):
        return True
    known = {row.arg, row.axis, "dim", "axis", "inplace", "_stacklevel", "name"}
    return all(each.arg in known or each.value is inner for each in call.keywords)


def maker_row(spot: Spot, made: ast.expr, arrival: Arrival) -> Row | None:
    """The row of the table for what made the value: by its name, else by that of a method."""
    func = made.func if isinstance(made, ast.Call) else made
    rows: Sequence[Row] = table().named(qualified(spot, func))
    if not rows and isinstance(func, ast.Attribute):
        rows = table().method(func.attr)
    if not rows and isinstance(func, ast.Call):
        return maker_row(spot, func, arrival)
    return next((row for row in rows if row.verb is Verb.OP and row.gives is arrival.got), None)


def activation_of(spot: Spot, made: ast.expr, row: Row | None, arrival: Arrival) -> Activation:
    """What to write at a reader: a function of the same framework that the table names for the space."""
    if row is None:
        return _unwritten(arrival)
    functions = [name for name in row.names if spelling(name) == "function" and not name.endswith("_")]
    root = row.names[0].split(".")[0]
    name = min((each for each in functions if each.split(".")[0] == root), key=_length, default="")
    axis = _axis(made, row, arrival)
    return Activation(name if axis is not None or not row.axis else "", axis, row.axis)


def _unwritten(arrival: Arrival) -> Activation:
    """An activation that no reader can be given back in so many words."""
    over = arrival.got in (Space.PROBS, Space.LOG_PROBS)
    return Activation("", arrival.axis, "axis" if over else "")


def _axis(made: ast.expr, row: Row, arrival: Arrival) -> int | None:
    """The axis of an activation as it is written, or as the operator or the value's rank fixes it."""
    if isinstance(made, ast.Call):
        named = [each.value for each in made.keywords if each.arg == row.axis]
        given = named or [each for each in made.args if isinstance(each, (ast.Constant, ast.UnaryOp))]
        if given:
            try:
                axis = ast.literal_eval(given[0])
            except ValueError:
                return None
            return axis if isinstance(axis, int) else None
    default = row.defaults.get(row.axis)
    if isinstance(default, int):
        return default
    return 1 if arrival.rank in (2, 4) else None


def _length(name: str) -> tuple[int, int]:
    return name.count("."), len(name)


# -- the activation is a part of a model -----------------------------------------------------------------------------


def _built(arrival: Arrival, spot: Spot, spots: Spots) -> Taken | None:
    """The part of a model that is the activation taken out, or `Identity` in its place."""
    made = spot.node(arrival.trace[0].place, ast.expr)
    if made is None:
        return None
    part: Part | None = take_part(spot, made, arrival, spots)
    if part is None:
        return None
    row = maker_row(spot, made, arrival)
    values = [Value(spot, each, (), False, part.mixed) for each in part.values]
    if arrival.applied is not None and not part.values and not part.objects:
        outer = spots.at(arrival.applied[0].path)
        call = outer.node(arrival.applied[0], ast.Call)
        values = [Value(outer, call, (), False, True)] if call is not None else []
    doubts = list(part.doubts)
    if not values and not part.objects and not doubts:
        doubts.append(f"{spot.shown}:{made.lineno} makes a part of a model that is not followed")
    return Taken(
        list(part.edits),
        part.says,
        activation_of(spot, made, row, arrival) if part.plain else _unwritten(arrival),
        values,
        [(spot, each) for each in part.objects],
        doubts,
        part.mixed,
        [(spot, made)],
        "replaced" if part.replaced else "gone",
    )
