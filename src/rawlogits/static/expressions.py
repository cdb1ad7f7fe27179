"""What expressions are worth."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from functools import partial

from rawlogits.static import attributes, datafiles, imports, operators, options
from rawlogits.static.calls import carries
from rawlogits.static.conditions import bool_value, compare, decide, truth
from rawlogits.static.engine import (
    DEEPEST_EXPRESSION,
    OPERATOR_STEPS,
    TOO_DEEP,
    TOO_LONG,
    Args,
    Engine,
    first_key,
    literal,
)
from rawlogits.static.values import (
    NONE,
    Bound,
    Built,
    Choice,
    Const,
    Deferred,
    Ext,
    Fact,
    Frame,
    Func,
    Map,
    Obj,
    Seq,
    Super,
    Tensor,
    Unknown,
    Value,
    join,
    waits,
)
from rawlogits.table.row import Verb

_FOLD: dict[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}
_MOST_TEXT = 10_000
_MOST_REPEATS = 12
_COMPARISONS = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}


def evaluate(engine: Engine, node: ast.expr, frame: Frame) -> Value:
    """The value of an expression."""
    if engine.spent():
        return TOO_LONG
    handler = _HANDLERS.get(type(node))
    if handler is None:
        return Unknown("computed")
    if engine.expression_depth > DEEPEST_EXPRESSION:
        return TOO_DEEP
    engine.expression_depth += 1
    try:
        return handler(engine, node, frame)
    finally:
        engine.expression_depth -= 1


def _constant(engine: Engine, node: ast.Constant, frame: Frame) -> Value:
    return Const(node.value)


def _name(engine: Engine, node: ast.Name, frame: Frame) -> Value:
    value = lookup(engine, node.id, frame)
    if isinstance(value, Choice):
        return engine.filtered(value) if engine.facts else value
    return engine.force(value) if isinstance(value, imports.Late) else value


def lookup(engine: Engine, name: str, frame: Frame) -> Value:
    """What a name means in a frame: local, of a function round it, global, or built in."""
    scope: Frame | None = frame
    while scope is not None:
        if name in scope.locals and name not in frame.globals:
            return scope.locals[name]
        scope = scope.outer
    found = imports.global_name(engine, frame.module, name)
    if found is not None:
        return found
    if name in _BUILTIN_NAMES:
        return Ext(f"builtins.{name}")
    if name in engine.table.frameworks:
        return Ext(name)  # its import was left out, or hides behind an `import *`
    return Unknown(f"attribute unknown {name}", f"{frame.module.source.shown}:{name}")


_BUILTIN_NAMES = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)


def _attribute(engine: Engine, node: ast.Attribute, frame: Frame) -> Value:
    value = engine.evaluate(node.value, frame)
    found = engine.attribute(value, node.attr, node, frame)
    if isinstance(found, (imports.Late, Choice)):
        found = engine.force(found)
    if isinstance(found, Bound) and isinstance(found.receiver, Tensor):
        return attributes.property_of(engine, found)
    return found


def _subscript(engine: Engine, node: ast.Subscript, frame: Frame) -> Value:
    return attributes.item(engine, engine.evaluate(node.value, frame), node.slice, node, frame)


def _call(engine: Engine, node: ast.Call, frame: Frame) -> Value:
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        return _super(engine, node, frame)
    args = arguments(engine, node, frame)
    if isinstance(node.func, ast.Attribute):
        receiver = engine.evaluate(node.func.value, frame)
        if any(row.verb is Verb.OP for row in engine.table.method(node.func.attr)):
            receiver = engine.glance(receiver, OPERATOR_STEPS)  # an operator demands something, so it is never put off
        name, func = node.func.attr, node.func
        if isinstance(receiver, Deferred) and any(carries(engine, value, 1) for value in args.every()):
            receiver = engine.force(receiver)  # a loss is handed over: `build().compile(loss=...)`
        if isinstance(receiver, Deferred) and receiver.waiting:
            return engine.then(
                receiver, lambda v: engine.call(engine.attribute(v, name, func, frame), args, node, frame)
            )
        return engine.call(engine.attribute(receiver, node.func.attr, node.func, frame), args, node, frame)
    return engine.call(engine.evaluate(node.func, frame), args, node, frame)


def arguments(engine: Engine, node: ast.Call, frame: Frame) -> Args:
    """The evaluated arguments of a call, `*` and `**` spread out where their content is known."""
    args = Args()
    for part in node.args:
        if isinstance(part, ast.Starred):
            spread = engine.force(engine.evaluate(part.value, frame))
            if isinstance(spread, Seq):
                args.values += spread.items
                args.nodes += [part] * len(spread.items)
                args.open |= spread.open
            else:
                args.open = True
        else:
            args.values.append(engine.evaluate(part, frame))
            args.nodes.append(part)
    for keyword in node.keywords:
        if keyword.arg is not None:
            args.keywords[keyword.arg] = engine.evaluate(keyword.value, frame)
            args.keyword_nodes[keyword.arg] = keyword.value
            continue
        spread = engine.force(engine.evaluate(keyword.value, frame))
        if isinstance(spread, Map):
            for key, value in spread.items.items():
                if isinstance(key, str):
                    args.keywords[key], args.keyword_nodes[key] = value, keyword.value
            args.open |= spread.open
        else:
            args.open = True
    return args


def _super(engine: Engine, node: ast.Call, frame: Frame) -> Value:
    scope: Frame | None = frame
    while scope is not None and (scope.func is None or scope.func.owner is None):
        scope = scope.outer
    if scope is None or scope.func is None or scope.func.owner is None:
        return Unknown("computed")
    receiver = scope.func.bound
    if receiver is None and scope.func.node.args.args:
        receiver = scope.locals.get(scope.func.node.args.args[0].arg)
    return Super(scope.func.owner, engine.force(receiver)) if receiver is not None else Unknown("computed")


def _binary(engine: Engine, node: ast.BinOp, frame: Frame) -> Value:
    left, right = engine.evaluate(node.left, frame), engine.evaluate(node.right, frame)
    return binary(engine, node.op, left, right, node, frame)


def binary(engine: Engine, op: ast.operator, left: Value, right: Value, node: ast.AST, frame: Frame) -> Value:
    """`left op right`."""
    if isinstance(op, ast.MatMult):
        left = right = Tensor(None, "matmul")  # a product is no probability whatever went in
    for one, other, swapped in ((left, right, False), (right, left, True)):
        if waits(one):
            half = partial(_half, engine, op, other, swapped, node, frame)
            return engine.defer(lambda v=one, h=half: engine.then(engine.force(v), h))  # type: ignore[misc]
        if isinstance(one, Choice):
            return engine.then(one, partial(_half, engine, op, other, swapped, node, frame))
    left, right = engine.force(left), engine.force(right)
    written = _written(engine, op, left, right, node, frame)
    if written is not None:
        return written
    found = operators.arithmetic(engine, op, left, right, node, frame)
    if found is not None:
        return found
    if isinstance(left, Seq) or isinstance(right, Seq):
        return _sequences(op, left, right)
    if isinstance(left, Map) and isinstance(right, Map) and isinstance(op, ast.BitOr):
        return Map({**left.items, **right.items}, left.open or right.open)
    return _folded(op, left, right)


def _written(engine: Engine, op: ast.operator, left: Value, right: Value, node: ast.AST, frame: Frame) -> Value | None:
    """What `__add__`, `__rmul__` give where the project writes them, or a program for what the table's rows built."""
    name = type(op).__name__.lower().replace("mult", "mul")
    for one, other, method in ((left, right, f"__{name}__"), (right, left, f"__r{name}__")):
        operator = _operator(engine, one, method)
        if operator is not None:
            where = ast.copy_location(ast.Constant(0), node)
            return engine.call(operator.bind(one), Args([other], [where]), node, frame)
    return None


def _operator(engine: Engine, value: Value, method: str) -> Func | None:
    """The function that is the operator of a value; the rows of a dotted scope share the program's of that scope."""
    found: Value | None = None
    if isinstance(value, Obj):
        found, *_ = attributes.class_attribute(engine, value.cls, method) or (None,)
    elif isinstance(value, Built):
        found = imports.program(engine, f"{value.name.rpartition('.')[0]}.{method}")
    return found if isinstance(found, Func) else None


def _half(
    engine: Engine, op: ast.operator, other: Value, swapped: bool, node: ast.AST, frame: Frame, value: Value
) -> Value:
    left, right = (other, value) if swapped else (value, other)
    return binary(engine, op, left, right, node, frame)


def _folded(op: ast.operator, left: Value, right: Value) -> Value:
    path = datafiles.joined(op, left, right)
    if path is not None:
        return path
    one, other = literal(left), literal(right)
    fold = _FOLD.get(type(op))
    if one is ... or other is ... or fold is None:
        reason = next((v.reason for v in (left, right) if isinstance(v, Unknown)), "computed")
        keys = [first_key(v) or (repr(literal(v)) if literal(v) is not ... else "") for v in (left, right)]
        return Unknown(reason, f"({keys[0]} {type(op).__name__} {keys[1]})" if all(keys) else "")
    if isinstance(op, ast.Mult) and not all(isinstance(v, (int, float)) and abs(v) < 1e9 for v in (one, other)):
        return Unknown("computed")
    try:
        result = fold(one, other)
    except (TypeError, ValueError, ArithmeticError):
        return Unknown("computed")
    return Unknown("computed") if isinstance(result, str) and len(result) > _MOST_TEXT else Const(result)


def _sequences(op: ast.operator, left: Value, right: Value) -> Value:
    if isinstance(op, ast.Add) and isinstance(left, Seq) and isinstance(right, Seq):
        return Seq([*left.items, *right.items], left.open or right.open, left.frozen)
    if isinstance(op, ast.Add):
        known = left if isinstance(left, Seq) else right
        assert isinstance(known, Seq)
        return Seq(list(known.items), open=True)
    if isinstance(op, ast.Mult):
        seq, times = (left, right) if isinstance(left, Seq) else (right, left)
        count = literal(times)
        if isinstance(seq, Seq):
            if isinstance(count, int) and 0 <= count <= _MOST_REPEATS:
                return Seq(list(seq.items) * count, seq.open, seq.frozen)
            return Seq(list(seq.items), open=True)
    return Unknown("computed")


def _unary(engine: Engine, node: ast.UnaryOp, frame: Frame) -> Value:
    if isinstance(node.op, ast.Not):
        return bool_value(decide(engine, node, frame), "")
    value = engine.evaluate(node.operand, frame)
    if isinstance(node.op, ast.USub):
        return engine.then(value, lambda v: _minus(v, node, frame))
    return value if isinstance(node.op, ast.UAdd) else Unknown("computed")


def _minus(value: Value, node: ast.AST, frame: Frame) -> Value:
    if isinstance(value, Tensor):
        return operators.negated(value, node, frame)
    number = literal(value)
    return Const(-number) if isinstance(number, (int, float)) else Unknown("computed")


def _bool_op(engine: Engine, node: ast.BoolOp, frame: Frame) -> Value:
    """`a or b` as a value: the first that decides."""
    conjunction = isinstance(node.op, ast.And)
    value: Value = Unknown("computed")
    for index, part in enumerate(node.values):
        value = engine.evaluate(part, frame)
        if index == len(node.values) - 1:
            return value
        outcome = truth(engine, value, part, frame)
        if outcome.known is None:
            rest = (
                engine.evaluate(node.values[index + 1], frame) if index + 2 == len(node.values) else Unknown("computed")
            )
            stays, goes = (outcome.if_false, outcome.if_true) if conjunction else (outcome.if_true, outcome.if_false)
            return join(stays, value, goes, rest)
        if outcome.known is not conjunction:
            return value
    return value


def _compare(engine: Engine, node: ast.Compare, frame: Frame) -> Value:
    for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
        if type(op) in _COMPARISONS:
            _thresholds(engine, _COMPARISONS[type(op)], left, right, node, frame)
    if len(node.ops) != 1:
        return Unknown("computed")
    outcome = compare(engine, node, frame)
    fact: Fact | None = outcome.if_true[0] if len(outcome.if_true) == 1 else None
    return bool_value(outcome, f"{fact.key} {fact.op} {fact.const!r}" if fact is not None else "")


def _thresholds(engine: Engine, name: str, left: ast.expr, right: ast.expr, node: ast.AST, frame: Frame) -> None:
    for one, other in ((left, right), (right, left)):
        number = (
            literal(engine.evaluate(other, frame))
            if isinstance(other, (ast.Constant, ast.Name, ast.Attribute))
            else ...
        )
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            value = engine.evaluate(one, frame)
            if not (isinstance(value, Deferred) and value.waiting) or (0.05 < number < 0.95 or number == 0):
                value = engine.force(value)
                operators.threshold(engine, name, value, float(number), node, frame)


def _if_exp(engine: Engine, node: ast.IfExp, frame: Frame) -> Value:
    outcome = decide(engine, node.test, frame)
    if outcome.known is not None:
        return engine.evaluate(node.body if outcome.known else node.orelse, frame)
    outcomes = engine.fork(
        [
            (outcome.if_true, lambda: engine.evaluate(node.body, frame)),
            (outcome.if_false, lambda: engine.evaluate(node.orelse, frame)),
        ]
    )
    if len(outcomes) < 2:  # the path contradicts the test one way, or is itself impossible
        return outcomes[0][1] if outcomes else Unknown("branches differ")
    (facts, left), (others, right) = outcomes
    return join(facts, left, others, right)


def _sequence(engine: Engine, node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Value:
    args = arguments(engine, ast.Call(ast.Constant(0), node.elts, []), frame)
    return Seq(args.values, args.open, frozen=isinstance(node, ast.Tuple))


def _dict(engine: Engine, node: ast.Dict, frame: Frame) -> Value:
    result = Map({})
    for key, value in zip(node.keys, node.values, strict=False):
        if key is None:
            spread = engine.force(engine.evaluate(value, frame))
            if not isinstance(spread, Map) or spread.open:
                options.open_up(engine, result.items, f"{frame.module.source.shown}:{node.lineno}")
                result.open = True
            if isinstance(spread, Map):
                result.items.update(spread.items)
            continue
        place = literal(engine.force(engine.evaluate(key, frame)))
        new = engine.evaluate(value, frame)
        if place is not ... and attributes.hashable(place):
            result.items[place] = new
        else:
            result.items[attributes.COMPUTED] = new
            result.open = True
    return result


def _comprehension(engine: Engine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, frame: Frame) -> Value:
    inner = Frame(frame.module, {}, frame, frame.func, start=frame.start)
    items, exact = _generated(engine, node.generators, inner, lambda: engine.evaluate(node.elt, inner))
    return Seq(items, open=not exact)


def _dict_comprehension(engine: Engine, node: ast.DictComp, frame: Frame) -> Value:
    inner = Frame(frame.module, {}, frame, frame.func, start=frame.start)
    result = Map({})

    def add() -> Value:
        place = literal(engine.force(engine.evaluate(node.key, inner)))
        key = place if place is not ... and attributes.hashable(place) else attributes.COMPUTED
        result.items[key] = engine.evaluate(node.value, inner)
        result.open |= key == attributes.COMPUTED
        return NONE

    _, exact = _generated(engine, node.generators, inner, add)
    result.open |= not exact
    return result


def _generated(
    engine: Engine, generators: list[ast.comprehension], frame: Frame, element: Callable[[], Value]
) -> tuple[list[Value], bool]:
    """The elements of a comprehension, and whether these are all."""
    if not generators:
        return [element()], True
    first, *rest = generators
    sources, exact = attributes.iterated(engine, engine.evaluate(first.iter, frame), first.iter, frame)
    found: list[Value] = []
    for source in sources:
        bind_target(engine, first.target, source, frame)
        outcomes = [decide(engine, test, frame).known for test in first.ifs]
        if False in outcomes:
            continue
        exact = exact and None not in outcomes
        items, inner_exact = _generated(engine, rest, frame, element)
        found += items
        exact = exact and inner_exact
    return found, exact


def bind_target(engine: Engine, target: ast.expr, value: Value, frame: Frame) -> None:
    """Bind the target of a comprehension or a walrus."""
    if isinstance(target, ast.Name):
        frame.locals[target.id] = value
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element, part in zip(target.elts, attributes.unpacked(engine, value, target.elts), strict=False):
            bind_target(engine, element.value if isinstance(element, ast.Starred) else element, part, frame)


def _lambda(engine: Engine, node: ast.Lambda, frame: Frame) -> Value:
    return Func(node, frame.module, frame)


def _walrus(engine: Engine, node: ast.NamedExpr, frame: Frame) -> Value:
    value = engine.evaluate(node.value, frame)
    frame.locals[node.target.id] = value
    return value


def _joined_string(engine: Engine, node: ast.JoinedStr, frame: Frame) -> Value:
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue) and (part.format_spec is not None or part.conversion not in (-1, 115)):
            return Unknown("computed")
        value = literal(
            engine.force(engine.evaluate(part.value if isinstance(part, ast.FormattedValue) else part, frame))
        )
        if value is ...:
            return Unknown("computed")
        parts.append(str(value))
    return Const("".join(parts))


def _await(engine: Engine, node: ast.Await, frame: Frame) -> Value:
    return engine.evaluate(node.value, frame)


def _yield(engine: Engine, node: ast.Yield, frame: Frame) -> Value:
    value = NONE if node.value is None else engine.evaluate(node.value, frame)
    frame.yields.append(value)
    return Unknown("computed")


def _yield_from(engine: Engine, node: ast.YieldFrom, frame: Frame) -> Value:
    frame.yields += attributes.iterated(engine, engine.evaluate(node.value, frame), node, frame)[0]
    return Unknown("computed")


def inplace_target(engine: Engine, node: ast.Call, frame: Frame) -> ast.expr | None:
    """What an in-place operator changes: the receiver of `x.sigmoid_()`, the argument of a function spelled so."""
    called = node.func
    if not isinstance(called, ast.Attribute) or not called.attr.endswith("_") or called.attr.endswith("__"):
        return None
    rows = engine.table.method(called.attr)
    if not any(row.verb in (Verb.OP, Verb.SOURCE) for row in rows):
        return None
    function = node.args and isinstance(engine.evaluate(called.value, frame), Ext)
    target = node.args[0] if function else called.value
    return target if isinstance(target, (ast.Name, ast.Attribute)) else None


_HANDLERS: dict[type[ast.expr], Callable[..., Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _bool_op,
    ast.Compare: _compare,
    ast.IfExp: _if_exp,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dict,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
    ast.Lambda: _lambda,
    ast.NamedExpr: _walrus,
    ast.JoinedStr: _joined_string,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
}
