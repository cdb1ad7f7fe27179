"""What the table's operators do to values, and what becomes of a space under arithmetic.

This file knows the four verbs of a row and no operator by name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rawlogits.finding import Arrival, Place, Step
from rawlogits.space import Space
from rawlogits.static.conditions import describe, refuted
from rawlogits.static.engine import OPERATOR_STEPS, TOO_LONG, Args, Engine, literal, tensors
from rawlogits.static.names import Module
from rawlogits.static.record import LossSite
from rawlogits.static.values import (
    MISSING,
    NONE,
    Alternative,
    Const,
    Deferred,
    Facts,
    Frame,
    Seq,
    Tensor,
    Trace,
    Unknown,
    Value,
    alternatives,
    basis_of,
)
from rawlogits.table.arithmetic import Effect, outlasts_mean, with_number
from rawlogits.table.row import Row, Verb

_SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_LONGEST_TRACE = 6


@dataclass(slots=True)
class Bindings:
    """Parameters of a row's operator with the values and the expressions that a call gives them."""

    values: dict[str, Value]
    nodes: dict[str, ast.AST]
    open: bool = False
    called: str = ""
    """The name under which the code calls the operator."""

    @classmethod
    def of(cls, params: Sequence[str], args: Args, built: dict[str, Value] | None = None, called: str = "") -> Bindings:
        values: dict[str, Value] = dict(built or {})
        nodes: dict[str, ast.AST] = {}
        for name, value, node in zip(params, args.values, args.nodes, strict=False):
            values[name], nodes[name] = value, node
        values.update(args.keywords)
        nodes.update(args.keyword_nodes)
        return cls(values, nodes, args.open, called.rsplit(".", 1)[-1].lstrip("_"))


@dataclass(frozen=True, slots=True)
class Demand:
    """What a value meets: a loss that reads it, or an operator that is applied to it."""

    verb: str
    row: Row
    called: str
    axis: int | None
    made: Trace
    marks: frozenset[str] = frozenset()


# -- rows --------------------------------------------------------------------------------------------------------


def apply(engine: Engine, rows: Sequence[Row], given: Bindings, made: Trace, node: ast.AST, frame: Frame) -> Value:
    """The result of an operator that these rows describe; demands are reported on the way.

    made: the station at which a value that this operator makes begins.
    """
    result: Value | None = None
    for row in rows:
        if not _holds(engine, row, given):
            continue
        outcome = _VERBS[row.verb](engine, row, given, made, node, frame)
        if outcome is not None and (result is None or row.verb is not Verb.LOSS):
            result = outcome
    return Unknown("computed") if result is None else result


def _holds(engine: Engine, row: Row, given: Bindings) -> bool:
    """Whether the row's `when` is met; a value that is not known meets nothing."""
    for name, wanted in row.when.items():
        value = given.values.get(name)
        actual = row.defaults.get(name) if value is None else literal(engine.force(value))
        if value is not None and actual is ...:
            return False
        if actual != wanted:
            return False
    return True


def _source(engine: Engine, row: Row, given: Bindings, made: Trace, node: ast.AST, frame: Frame) -> Value:
    size = literal(engine.force(given.values[row.size])) if row.size in given.values else None
    before = given.values.get(row.arg) if row.gives else None
    if isinstance(before, Deferred) and before.waiting:
        before = None
    ahead = engine.force(before) if before is not None else None
    arg = engine.force(given.values.get(row.arg, NONE)) if row.marks == "sum" else NONE
    if isinstance(arg, Tensor) and arg.form == "exp":
        return Tensor(None, row.short, made, form="sum of exp", root=arg.root)
    return Tensor(
        row.gives,
        row.short,
        made,
        rank=row.ranks if row.ranks is not None else ahead.rank if isinstance(ahead, (Tensor, Unknown)) else None,
        size=size if isinstance(size, int) else None,
        size_axis=row.size_axis,
        marks=frozenset({row.marks}) if row.marks else frozenset(),
    )


def _op(engine: Engine, row: Row, given: Bindings, made: Trace, node: ast.AST, frame: Frame) -> Value:
    arg = given.values.get(row.arg)
    if arg is None:
        return Unknown("computed")
    arg = engine.glance(arg, OPERATOR_STEPS)
    if isinstance(arg, Deferred) and row.gives is not None:
        arg = TOO_LONG
    axis = literal(engine.force(given.values[row.axis])) if row.axis in given.values else row.defaults.get(row.axis)
    axis = axis if isinstance(axis, int) and not isinstance(axis, bool) else row.class_axis
    if not any("constant" in t.marks or (t.mixed and row.turns) for t in tensors(arg)):
        meet(engine, Demand("op", row, given.called or row.short, axis, made), arg, node, node, frame)
    if row.turns.get(Space.PROBS) is Space.LOG_PROBS and isinstance(arg, Tensor) and arg.form == "sum of exp":
        naive(engine, "logsumexp", arg, node, frame)
    undone = _undone(given.nodes.get(row.arg), node, frame)
    return engine.then(arg, lambda v: _changed(row, v, axis, made, undone))


def _undone(inner: ast.AST | None, node: ast.AST, frame: Frame) -> tuple[Module, ast.AST, ast.AST] | None:
    return (frame.module, node, inner) if inner is not None and frame.module.source.written else None


def _changed(
    row: Row, value: Value, axis: int | None, made: Trace, undone: tuple[Module, ast.AST, ast.AST] | None
) -> Value:
    """One alternative after an op."""
    before = (
        value if isinstance(value, Tensor) else Tensor(None, rank=value.rank if isinstance(value, Unknown) else None)
    )
    if "constant" in before.marks:
        return Tensor(None, row.short, made)  # a table of numbers, not the output of a model
    if row.gives is not None:
        basis = basis_of(before)
        return Tensor(row.gives, row.short, made, axis, before.rank, marks=before.marks, basis=basis, undone=undone)
    if not isinstance(value, Tensor):
        return value if isinstance(value, Unknown) else Unknown("computed")
    after = row.turns.get(value.space) if value.space is not None else None
    if after is not None:
        return value.but(space=after, form="", root=None)
    exponentiates = row.turns.get(Space.LOG_PROBS) is Space.PROBS
    form, root = ("exp", value) if exponentiates and value.space is Space.LOGITS else ("", None)
    return Tensor(None, row.short, made, rank=value.rank, form=form, root=root)


def _keeps(engine: Engine, row: Row, given: Bindings, made: Trace, node: ast.AST, frame: Frame) -> Value:
    arg = given.values.get(row.arg)
    if arg is None:
        return Unknown("computed")
    if row.items:
        return engine.then(arg, lambda v: _united(engine, v, row))
    reduced = literal(engine.force(given.values[row.reduces])) if row.reduces in given.values else ...
    rank = _rank_after(row, node)
    return engine.then(arg, lambda v: _kept(row, v, reduced, rank, made))


def _rank_after(row: Row, node: ast.AST) -> int | None:
    """The rank that the operator fixes; -1 in the row: as many as the sizes that the call writes out."""
    if row.ranks != -1:
        return row.ranks
    sizes = node.args if isinstance(node, ast.Call) else []
    if len(sizes) == 1 and isinstance(sizes[0], (ast.Tuple, ast.List)):
        sizes = sizes[0].elts
    spelled = len(sizes) > 1 and not any(isinstance(size, ast.Starred) for size in sizes)
    return len(sizes) if spelled else None


def _kept(row: Row, value: Value, reduced: object, rank: int | None, made: Trace) -> Value:
    if isinstance(value, Unknown) and row.moves:
        return replace(value, rank=rank)
    if not isinstance(value, Tensor):
        return value
    if row.reduces:
        return _averaged(row, value, reduced, made)
    if row.moves:
        value = value.but(axis=None, rank=rank, size=None, size_axis=None, form="", root=None)
    return value.but(guarded=True) if row.guards else value


def _averaged(row: Row, value: Tensor, reduced: object, made: Trace) -> Value:
    if not outlasts_mean(value.space, value.axis, reduced, value.rank):
        return Tensor(None, row.short, made)
    return value.but(rank=None, axis=None, size=None, size_axis=None, mixed=value.space is not Space.LOGITS)


def _united(engine: Engine, value: Value, row: Row) -> Value:
    """cat and stack: the space that all items have."""
    if not isinstance(value, Seq):
        return value if isinstance(value, (Tensor, Unknown)) else Unknown("computed")
    items = [engine.force(item) for item in value.items]
    if not items:
        return Unknown("computed")
    for item in items:
        if not isinstance(item, Tensor):
            return item if isinstance(item, Unknown) else Unknown("branches differ")
    spaces = {item.space for item in items if isinstance(item, Tensor)}
    first = items[0]
    assert isinstance(first, Tensor)
    plain = first.but(axis=None, rank=None, size=None, size_axis=None, form="", root=None)
    return plain if len(spaces) == 1 else plain.but(space=None)


def _loss(engine: Engine, row: Row, given: Bindings, made: Trace, node: ast.AST, frame: Frame) -> Value | None:
    arg = given.values.get(row.arg)
    if arg is None:
        if row.arg == row.params[0] or given.open:
            site = engine.site(frame.module, node, given.called or row.short)
            site.reason = site.reason or "value from a container by a computed key"
        return None
    demanded = given.nodes.get(row.arg, node)
    target = given.values.get(row.target) if row.target else None
    marks = (
        frozenset(m for a in alternatives(engine.force(target)) if isinstance(a.value, Tensor) for m in a.value.marks)
        if target is not None
        else frozenset()
    )
    demand = Demand("loss", row, given.called or row.short, row.class_axis, made, marks)
    meet(engine, demand, engine.force(arg), demanded, node, frame)
    return Tensor(None, row.short, None)


_VERBS: dict[Verb, Callable[..., Value | None]] = {
    Verb.SOURCE: _source,
    Verb.OP: _op,
    Verb.KEEPS: _keeps,
    Verb.LOSS: _loss,
}


# -- demands -----------------------------------------------------------------------------------------------------


def meet(engine: Engine, demand: Demand, value: Value, demanded: ast.AST, node: ast.AST, frame: Frame) -> None:
    """A value meets a row's demand: note whether its origin is known, and report the arrival.

    Alternatives are taken program by program (what dispatch facts tell apart); inside one program branches that
    bring different spaces are not known, and nothing is reported.
    """
    if not frame.module.source.written:
        demanded, frame = _shown_at(engine, demand, demanded, frame)
        node = demanded
    counted = demand.verb == "loss" and demand.row.arg not in demand.row.build  # a distribution is no loss
    site = engine.site(frame.module, _anchor(node, demanded, frame), demand.called) if counted else None
    programs: dict[frozenset[object], list[Alternative]] = {}
    for alternative in alternatives(value):
        if alternative.value != NONE:
            key = frozenset((f.key, f.op, f.const, f.truth) for f in alternative.facts if f.dispatch)
            programs.setdefault(key, []).append(alternative)
    for members in programs.values():
        members = [m._replace(value=_constant(m.value)) for m in members]
        found = [m.value for m in members if isinstance(m.value, Tensor)]
        if len(found) < len(members) or len({t.space for t in found}) > 1:
            _unresolved(site, members)
            continue
        if any(f.key.startswith(MISSING) for m in members for f in (*m.facts, *engine.facts)):
            _unresolved(site, members)
            continue
        if site is not None:
            site.resolved = True
        for member, tensor in zip(members, found, strict=False):
            if tensor.space is not None:
                facts = tuple(f for f in member.facts if f not in engine.facts)
                _arrive(engine, demand, tensor, facts, demanded, frame)


def _constant(value: Value) -> Value:
    """A number that the code writes out has its origin where it stands, and no space."""
    return Tensor(None, "constant") if _number(value) is not None else value


def _anchor(node: ast.AST, demanded: ast.AST, frame: Frame) -> ast.AST:
    return node if hasattr(node, "lineno") else demanded


def _shown_at(engine: Engine, demand: Demand, demanded: ast.AST, frame: Frame) -> tuple[ast.AST, Frame]:
    """A demand inside a program of the table is shown where the user's code built it, else where it called it."""
    made = demand.made
    if demand.verb == "op" and made.kind == "built" and made.module.source.written:
        return made.node, made.module.frame
    node, caller = outermost(engine, demanded, frame)
    if isinstance(node, ast.Call) and caller is not frame:
        named = (each for each in node.args if isinstance(each, ast.Constant) and each.value in engine.table.losses)
        node = next((k.value for k in node.keywords if k.arg in engine.table.criteria), next(named, node))
    return node, caller


def outermost(engine: Engine, node: ast.AST, frame: Frame) -> tuple[ast.AST, Frame]:
    """The user's call that led to a place in a program of the table; that place itself where no one called."""
    for called, caller in reversed(engine.callers):
        if caller.module.source.written:
            return called, caller
    return node, frame


def _unresolved(site: LossSite | None, members: list[Alternative]) -> None:
    if site is not None and not site.resolved:
        unknown = next((m.value for m in members if isinstance(m.value, Unknown)), None)
        if unknown is not None:
            site.reason = site.reason or unknown.reason
        elif all(isinstance(m.value, Tensor) for m in members):
            site.reason = site.reason or "branches differ"
        else:
            site.reason = site.reason or "value from a container by a computed key"


def _arrive(engine: Engine, demand: Demand, tensor: Tensor, facts: Facts, demanded: ast.AST, frame: Frame) -> None:
    verb, row = demand.verb, demand.row
    assert tensor.space is not None
    if refuted(engine, (*engine.facts, *facts)):
        return
    source = frame.module.source
    last = Step(source.place(demanded), _reaches(demand))
    trace = (*steps(tensor.trace), last)
    engine.record.bases.append(basis_of(tensor))
    sized = tensor.size if _is_axis(tensor, demand.axis, verb) else None
    engine.record.arrivals.append(
        Arrival(
            verb=verb,
            operator=demand.called,
            got=tensor.space,
            place=source.place(demanded),
            trace=trace,
            wants=row.wants,
            harmless=row.harmless,
            activation=row.activation if verb == "loss" else row.gives,
            certain=not any(f.assumed for f in (*engine.facts, *facts)),
            when=describe(facts),
            made_by=tensor.made_by,
            axis=tensor.axis,
            class_axis=demand.axis,
            rank=tensor.rank,
            size=sized,
            guarded=tensor.guarded,
            scaled=tensor.scaled,
            marks=demand.marks,
            applied=_applied(tensor),
            built=_built_at(demand, frame),
            without=_without(tensor),
            twin=row.twin,
            test_file=is_test(source.shown),
        )
    )


def _is_axis(tensor: Tensor, axis: int | None, verb: str) -> bool:
    """Whether the length that is known is that of the axis that the demand reads."""
    if tensor.size is None or tensor.size_axis is None or axis is None:
        return False
    if axis == tensor.size_axis:
        return True
    if tensor.rank is not None:
        return axis % tensor.rank == tensor.size_axis % tensor.rank
    return verb == "loss" and axis == 1 and tensor.size_axis == -1


def _reaches(demand: Demand) -> str:
    if demand.verb != "loss" or demand.made.kind != "built":
        return f"reaches {demand.called}"
    place = demand.made.module.source.place(demand.made.node)
    return f"reaches {demand.called}, built at {place.home}:{place.line}"


def steps(trace: Trace | None) -> tuple[Step, ...]:
    """The stations of a value, oldest first, at most six: where it was made and what handed it on last."""
    stations: list[Trace] = []
    while trace is not None:
        stations.append(trace)
        trace = trace.earlier
    stations.reverse()
    shown = [s for s in stations if s.module.source.written]
    if len(shown) > _LONGEST_TRACE:
        shown = [shown[0], shown[1], *shown[-(_LONGEST_TRACE - 2) :]]
    found: list[Step] = []
    for station in shown:
        place = station.module.source.place(station.node)
        words = station.module.source.words(station.node)
        text = words if station.kind == "through" else f"{'built' if station.kind == 'built' else 'made'} here: {words}"
        if not found or found[-1].place != place:
            found.append(Step(place, text))
    return tuple(found)


def _applied(tensor: Tensor) -> tuple[Place, Place] | None:
    if tensor.undone is None:
        return None
    module, outer, inner = tensor.undone
    return module.source.place(outer), module.source.place(inner)


def _built_at(demand: Demand, frame: Frame) -> Place | None:
    made = demand.made
    return made.module.source.place(made.node) if made.kind == "built" and made.module.source.written else None


def _without(tensor: Tensor) -> str:
    """The line that applies the activation, with the activation taken out."""
    if tensor.undone is None:
        return ""
    module, outer, inner = tensor.undone
    first, start, last, end = module.source.span(outer)
    kept_first, kept_start, kept_last, kept_end = module.source.span(inner)
    if not first == last == kept_first == kept_last:
        return ""
    line = module.source.lines[first - 1]
    result = (line[: start - 1] + line[kept_start - 1 : kept_end - 1] + line[end - 1 :]).split("  #")[0].strip()
    left, _, right = result.partition(" = ")
    return "" if left == right else result


def is_test(path: str) -> bool:
    """Whether a file holds tests by its name: test_*.py, *_test.py, conftest.py."""
    name = path.rsplit("/", 1)[-1]
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


# -- arithmetic --------------------------------------------------------------------------------------------------


def arithmetic(
    engine: Engine, op: ast.operator, left: Value, right: Value, node: ast.AST, frame: Frame
) -> Value | None:
    """What + - * / of tensors and numbers gives; None when no tensor takes part."""
    if not isinstance(left, Tensor) and not isinstance(right, Tensor):
        return None
    made = Trace(None, frame.module, node, "made")
    ended = Tensor(None, type(op).__name__.lower(), made)
    number = _number(right) if isinstance(left, Tensor) else _number(left)
    tensor = left if isinstance(left, Tensor) else right
    assert isinstance(tensor, Tensor)
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return _two(engine, op, left, right, ended, made, node, frame)
    if number is None:
        return ended
    sign = _SIGNS.get(type(op))
    effect = with_number(sign, tensor.space, number, first=tensor is left) if sign else Effect.ENDED
    if effect is Effect.SCALED:
        return tensor.but(scaled=True, form="" if tensor.form != "exp" else "exp")
    if effect is Effect.SHIFTED:
        return tensor.but(form="", root=None)
    if effect is Effect.GUARDED:
        return tensor.but(guarded=True)
    return tensor if effect is Effect.SAME else ended


def _number(value: Value) -> float | None:
    constant = value.value if isinstance(value, Const) else None
    return float(constant) if isinstance(constant, (int, float)) and not isinstance(constant, bool) else None


def _two(
    engine: Engine,
    op: ast.operator,
    left: Tensor,
    right: Tensor,
    ended: Tensor,
    made: Trace,
    node: ast.AST,
    frame: Frame,
) -> Value:
    if isinstance(op, ast.Add) and left.space is right.space is Space.LOGITS:
        return left.but(form="", root=None, size=left.size if left.size == right.size else None)
    if isinstance(op, ast.Div) and left.form == "exp" and right.form == "sum of exp" and left.root == right.root:
        naive(engine, "softmax", left, node, frame)
        return Tensor(Space.PROBS, "exp / sum(exp)", made)
    return ended


def negated(tensor: Tensor, node: ast.AST, frame: Frame) -> Tensor:
    """-x: scores stay scores, everything else ends."""
    return (
        tensor.but(form="")
        if tensor.space is Space.LOGITS
        else Tensor(None, "neg", Trace(None, frame.module, node, "made"))
    )


def naive(engine: Engine, operator: str, tensor: Tensor, node: ast.AST, frame: Frame) -> None:
    """Report a fused operator that the code writes out by hand on raw logits."""
    root = tensor.root
    if not isinstance(root, Tensor) or root.space is None or not frame.module.source.written:
        return
    place = frame.module.source.place(node)
    engine.record.bases.append(None)
    engine.record.arrivals.append(
        Arrival(
            verb="naive",
            operator=operator,
            got=root.space,
            place=place,
            trace=(*steps(root.trace), Step(place, f"{operator} written out: {frame.module.source.words(node)}")),
            made_by=root.made_by,
            test_file=is_test(place.path),
        )
    )


def threshold(engine: Engine, operator: str, value: Value, constant: float, node: ast.AST, frame: Frame) -> None:
    """Report the comparison of a tensor of known space with a number."""
    found = [a.value for a in alternatives(value)]
    if not frame.module.source.written or not all(isinstance(v, Tensor) and v.space is not None for v in found):
        return
    if len({v.space for v in found if isinstance(v, Tensor)}) > 1:
        return
    place: Place = frame.module.source.place(node)
    for tensor in found:
        assert isinstance(tensor, Tensor)
        assert tensor.space is not None
        engine.record.bases.append(basis_of(tensor))
        engine.record.arrivals.append(
            Arrival(
                verb="compare",
                operator=operator,
                got=tensor.space,
                place=place,
                trace=(*steps(tensor.trace), Step(place, f"compared with {constant:g}")),
                made_by=tensor.made_by,
                constant=constant,
                scaled=tensor.scaled,
                axis=tensor.axis,
                test_file=is_test(place.path),
            )
        )
