"""LOGARITHMIC: the log form of the activation that made a value, so that the loss gets the logarithms it wants.

What reads the probabilities gets `exp` round them, and a logarithm that is taken of them already goes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rawlogits.finding import Arrival, Edit, Place
from rawlogits.space import Space
from rawlogits.static.repair.counterparts import (
    Word,
    exponential,
    fits,
    function,
    named_layer,
    package,
    text_with,
    word,
)
from rawlogits.static.repair.logs import Log, leaf_of, log_at, rows_of
from rawlogits.static.repair.readers import Readers
from rawlogits.static.repair.readers_names import Value
from rawlogits.static.repair.readers_ranks import Activation
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Proposal, Spots
from rawlogits.static.repair.taken_out import activation_of, maker_row, only_built
from rawlogits.static.repair.taken_out_parts import take_part
from rawlogits.static.repair.taken_out_text import collide, names_in, qualified, table, unwrapped, without_imports
from rawlogits.table.row import Row, Verb, spelling


def logarithmic(arrival: Arrival, spots: Spots) -> Proposal | None:
    """Edits that give the loss the logarithms of the probabilities that it gets now.

    None for a sigmoid, which has another log form than the loss wants, and for what was scaled or bounded on its way.
    """
    if arrival.got is not Space.PROBS or arrival.guarded or arrival.scaled:
        return None
    try:
        return in_logs(arrival, spots)
    except RecursionError:
        return None


@dataclass(frozen=True)
class Changed:
    """Edits that write the log form, and where the value that changes with it comes from."""

    edits: Sequence[Edit]
    says: str
    values: Sequence[Value] = ()
    objects: Sequence[tuple[Spot, ast.expr]] = ()
    doubts: Sequence[str] = ()
    mixed: bool = False
    dropped: Sequence[tuple[Spot, ast.AST]] = ()


def in_logs(arrival: Arrival, spots: Spots) -> Proposal | None:
    """The log form where the value is made; None where what wants it is reached in a way that is not followed."""
    origin = spots.at(arrival.trace[0].place.path)
    made = origin.node(arrival.trace[0].place, ast.expr)
    row = (maker_row(origin, made, arrival) or _row_of_option(origin, made, arrival)) if made is not None else None
    if made is None or row is None or not row.twin:
        return None
    changed = _called(arrival, spots, origin, made, row) or _part(arrival, spots, origin, made, row)
    if changed is None:
        return None
    logs = [each for each in logs_of(arrival, spots) if not each.complement]
    right = _right(arrival, spots.arrivals)
    losses = [*right, *(each.place for each in _met(arrival, spots.arrivals) if each.verb == "loss")]
    operations = [each.place for each in _met(arrival, spots.arrivals) if each.verb != "loss"]
    operations += [place for log in logs for place in log.places]
    back = Activation(exponential(row.twin, package(origin, made)), None, "")
    readers = Readers(spots, back, losses, operations)
    for value in changed.values:
        readers.start(value)
    for spot, node in changed.objects:
        readers.objects.object(spot, node, ((), False, changed.mixed), None)
    met = [log for log in logs if readers.reached.intersection(log.places)]
    if not _reached(arrival, readers, met):
        return None
    given = _given_back(spots, back, [each for each in right if each in readers.reached])
    return _proposal(spots, changed, readers, met, given) if given is not None else None


def _given_back(spots: Spots, back: Activation, places: Sequence[Place]) -> list[Edit] | None:
    """Edits that give losses which are right as they are the probabilities that they get now."""
    edits: list[Edit] = []
    for place in places:
        spot = spots.at(place.path)
        node = spot.node(place, ast.expr)
        head = function(spot, node, back.name) if node is not None else None
        if node is None or head is None:
            return None
        edits += [*head.edits, spot.replace(node, back.call(spot.text(node), head.text))]
    return edits


def _reached(arrival: Arrival, readers: Readers, met: Sequence[Log]) -> bool:
    if arrival.verb == "loss":
        spot = readers.spots.at(arrival.place.path)
        if _is_computed(spot, spot.node(arrival.place, ast.expr)):
            return False
        return arrival.place in readers.reached or not readers.given
    return any(log.spot.source.place(log.node) == arrival.place for log in met)


def _is_computed(spot: Spot, node: ast.expr | None) -> bool:
    """Whether what the loss is given is computed from the value: an average of logarithms is another number."""
    leaf = node and leaf_of(spot, node)
    keeps = isinstance(leaf, ast.Call) and any(row.verb is Verb.KEEPS for row in rows_of(spot, leaf))
    return keeps or isinstance(leaf, (ast.BinOp, ast.UnaryOp))


def _proposal(
    spots: Spots, changed: Changed, readers: Readers, logs: Sequence[Log], given: Sequence[Edit]
) -> Proposal | None:
    edits = [*changed.edits, *readers.edits(), *given]
    doubts = [*changed.doubts, *readers.doubts, *(doubt for log in logs for doubt in log.doubts)]
    dropped = [*changed.dropped]
    for log in logs:
        edits += unwrapped(log.spot, log.node, log.core)
        dropped += [(log.spot, log.func)]
    edits += unneeded(spots, dropped, edits)
    if collide(edits):
        return None
    doubts += readers.project.doubts()
    again = [f"what is right as it is gets {readers.activation.name}"] if given else []
    words = "; ".join([changed.says, *again, *filter(None, [readers.summary])])
    return Proposal(edits, words, doubts)


def unneeded(spots: Spots, dropped: Iterable[tuple[Spot, ast.AST]], edits: Sequence[Edit]) -> list[Edit]:
    """Edits that take out the imports which nothing needs once expressions are gone."""
    names: dict[str, set[str]] = {}
    for spot, node in dropped:
        names.setdefault(spot.shown, set()).update(names_in(node))
    found = [edit for shown, each in names.items() for edit in without_imports(spots.at(shown), each, edits)]
    return [each for each in found if not collide([*edits, each])]


# -- who wants logarithms --------------------------------------------------------------------------------------------


def _met(arrival: Arrival, others: Sequence[Arrival]) -> list[Arrival]:
    """The arrivals whose demand is met once the value is the logarithm of what it was."""
    origin = arrival.trace[0].place
    same = [each for each in others if each.trace[0].place == origin and Space.LOG_PROBS in each.wants | each.harmless]
    wrong = [each for each in same if each.got not in each.wants | each.harmless]
    return [arrival, *wrong] if arrival.verb == "loss" else wrong


def _right(arrival: Arrival, others: Sequence[Arrival]) -> list[Place]:
    """The arguments of losses that want the value as it is, and not its logarithm."""
    origin = arrival.trace[0].place
    same = [each for each in others if each.trace[0].place == origin and each.verb == "loss"]
    right = (each for each in same if each.got in each.wants | each.harmless)
    found = (each.place for each in right if Space.LOG_PROBS not in each.wants | each.harmless)
    return [place for place in dict.fromkeys(found) if place != arrival.place]


def logs_of(arrival: Arrival, spots: Spots) -> Iterable[Log]:
    """The logarithms that are taken of the same value."""
    origin = arrival.trace[0].place
    seen: set[Place] = set()
    for each in (arrival, *spots.arrivals):
        if each.verb == "op" and each.trace[0].place == origin and not each.scaled and each.place not in seen:
            seen.add(each.place)
            if any(other.place == each.place and other.trace[0].place != origin for other in spots.arrivals):
                continue
            spot = spots.at(each.place.path)
            log = log_at(spot, spot.node(each.place, ast.Call), each.got)
            if log is not None:
                yield log


# -- the log form ----------------------------------------------------------------------------------------------------


def _called(arrival: Arrival, spots: Spots, origin: Spot, made: ast.expr, row: Row) -> Changed | None:
    """The activation is called where it is seen."""
    if arrival.applied is None:
        return None
    spot = spots.at(arrival.applied[0].path)
    outer, inner = spot.node(arrival.applied[0], ast.Call), spot.node(arrival.applied[1], ast.expr)
    if outer is None or inner is None:
        return None
    value = [Value(spot, outer)]
    if made is outer or made is outer.func:
        form = log_form(spot, outer, inner, row)
        if form is None:
            return None
        edits = [*form.edits, spot.replace(outer, form.text)]
        return Changed(edits, says(spot, form.text, outer), value, dropped=[(spot, outer.func)])
    alone = only_built(origin, made, spot, outer, spots)
    if alone:
        form = built_form(origin, made, row)
        if form is None:
            return None
        edits = [*form.edits, origin.replace(made, form.text)]
        return Changed(edits, says(origin, form.text, made), value, dropped=[(origin, made)])
    form = function_form(spot, outer, inner, row, activation_of(origin, made, row, arrival)) if alone == [] else None
    if form is None:
        return None
    return Changed([*form.edits, spot.replace(outer, form.text)], says(spot, form.text, outer), value)


def says(spot: Spot, text: str, node: ast.AST) -> str:
    """What is written in place of what."""
    return f"{' '.join(text.split())} in place of {spot.source.words(node)}"


def log_form(
    spot: Spot, outer: ast.Call, inner: ast.expr, row: Row, scores: str = "", stays: bool = False
) -> Word | None:
    """The call of an activation as that of its log form, of the same scores or of others; the call itself may stay."""
    func = outer.func
    form = built_form(spot, func, row) if isinstance(func, ast.Call) else word(spot, func, row, row.twin, stays)
    if form is None:
        return None
    receives = isinstance(func, ast.Attribute) and func.value is inner
    if form.same and receives:
        head = f"{scores}.{form.text.rpartition('.')[2]}" if scores else form.text
        text = text_with(spot, outer, [(func, head)])
    elif form.same:
        text = text_with(spot, outer, [(func, form.text), *([(inner, scores)] if scores else [])])
    elif len(outer.args) + len(outer.keywords) == (0 if receives else 1):
        text = f"{form.text}({scores or spot.text(inner)})"
    else:
        return None
    return Word(text, form.edits, form.same) if fits(text) else None


def negative(spot: Spot, inner: ast.expr) -> str:
    """The text of the scores with the other sign."""
    text = spot.text(inner)
    plain = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant)
    return f"-{text}" if isinstance(inner, plain) else f"-({text})"


def built_form(spot: Spot, made: ast.expr, row: Row) -> Word | None:
    """The log form of an activation that is built as a module."""
    func = made.func if isinstance(made, ast.Call) else made
    form = word(spot, func, row, row.twin)
    if form is None and isinstance(made, ast.Call) and not (made.args or made.keywords):
        return named_layer(spot, func, row.twin)
    if form is None or not form.same:
        return None
    if not row.axis and row.class_axis is not None:
        axis = next((each.axis for each in table().named(row.twin) if each.axis), "")
        if not axis or not isinstance(made, ast.Call) or made.args or made.keywords:
            return None
        return Word(f"{form.text}({axis}={row.class_axis})", form.edits)
    if not isinstance(made, ast.Call):
        return form
    text = text_with(spot, made, [(func, form.text)])
    return Word(text, form.edits) if fits(text) else None


def function_form(
    spot: Spot, outer: ast.Call, inner: ast.expr, row: Row, activation: Activation, scores: str = ""
) -> Word | None:
    """The log form as a function, called where a module is applied that others apply, too."""
    found = next((each for each in row.names if spelling(each) == "function"), "")
    if not found or (activation.keyword and activation.axis is None):
        return None
    head = function(spot, outer, row.twin)
    if head is None:
        return None
    form = Activation(row.twin, activation.axis, activation.keyword).call(scores or spot.text(inner), head.text)
    return Word(form, head.edits, False)


# -- a part of a model -----------------------------------------------------------------------------------------------


def _part(arrival: Arrival, spots: Spots, origin: Spot, made: ast.expr, row: Row) -> Changed | None:
    """The activation is a part of a model: the part is written in its log form, in its place."""
    part = take_part(origin, made, arrival, spots)
    if part is None:
        return None
    form = _written(origin, made, row)
    if form is None:
        return None
    node, text, edits = form
    doubts = list(part.doubts)
    values = [Value(origin, each, (), False, part.mixed) for each in part.values]
    if arrival.applied is not None and not part.values and not part.objects:
        outer = spots.at(arrival.applied[0].path)
        call = outer.node(arrival.applied[0], ast.Call)
        values = [Value(outer, call, (), False, True)] if call is not None else []
    if not values and not part.objects and not doubts:
        doubts.append(f"{origin.shown}:{made.lineno} makes a part of a model that is not followed")
    return Changed(
        [*edits, origin.replace(node, text)],
        says(origin, text, node),
        values,
        [(origin, each) for each in part.objects],
        doubts,
        part.mixed,
        [(origin, node)],
    )


def _layer(spot: Spot, made: ast.expr) -> ast.expr:
    """What is built at an expression: the layer, where that is called at once."""
    outer = spot.parents.get(made)
    if isinstance(outer, ast.Call) and outer.func is made:
        made = outer
    return made.func if isinstance(made, ast.Call) and isinstance(made.func, ast.Call) else made


def _row_of_option(spot: Spot, made: ast.expr, arrival: Arrival) -> Row | None:
    """The row of the activation that a layer is told by its name."""
    layer = _layer(spot, made)
    if not isinstance(layer, ast.Call):
        return None
    root = qualified(spot, layer.func).split(".")[0]
    rows = (row for row in table().rows if row.gives is arrival.got and row.twin)
    of_root = (row for row in rows if any(name.split(".")[0] == root for name in row.names))
    return next((row for row in of_root if _option(layer, row) is not None), None)


def _written(spot: Spot, made: ast.expr, row: Row) -> tuple[ast.expr, str, Sequence[Edit]] | None:
    """What of a part says which activation it is, and what to write there."""
    layer = _layer(spot, made)
    if isinstance(layer, ast.Call):
        option = _option(layer, row)
        if option is not None:
            if isinstance(option, ast.Constant):
                return option, _quoted(spot, option, row), ()
            form = word(spot, option, row, row.twin)
            return (option, form.text, form.edits) if form is not None and form.same else None
    form = built_form(spot, layer, row)
    return (layer, form.text, form.edits) if form is not None else None


def _option(layer: ast.Call, row: Row) -> ast.expr | None:
    """The argument of a layer that is the name of the activation, or the activation itself."""
    names = {each.rpartition(".")[2] for each in row.names}
    given = [each.value for each in layer.keywords if each.arg == "activation"] or layer.args[:2]
    for each in given:
        last = each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", getattr(each, "value", None))
        if isinstance(each, (ast.Constant, ast.Name, ast.Attribute)) and last in names:
            return each
    return None


def _quoted(spot: Spot, option: ast.Constant, row: Row) -> str:
    text = spot.text(option)
    return f"{text[0]}{row.twin.rpartition('.')[2]}{text[-1]}"
