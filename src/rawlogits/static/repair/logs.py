"""A logarithm of an activation as the code writes it: what it is taken of, and what lies between."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from rawlogits.finding import Place
from rawlogits.space import Space
from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import qualified, table
from rawlogits.table.row import Row

_TINY = 1e-6
"""A guard up to this size keeps a logarithm finite and bounds nothing else: the fused form needs none."""


@dataclass
class Log:
    """One logarithm, or what one may be taken of.

    `core` is what it is taken of once guards are gone, `leaf` what `core` only moves about.
    """

    spot: Spot
    node: ast.expr
    core: ast.expr
    leaf: ast.expr
    layers: list[ast.expr] = field(default_factory=list)
    """The expressions from the logarithm down to `core`, which go."""
    complement: bool = False
    """Whether it is taken of one minus the value."""
    doubts: list[str] = field(default_factory=list)

    @property
    def func(self) -> ast.expr:
        """What is called for the logarithm."""
        return self.node.func if isinstance(self.node, ast.Call) else self.node

    @property
    def places(self) -> list[Place]:
        """Where what goes stands."""
        return [self.spot.source.place(each) for each in self.layers]


def rows_of(spot: Spot, call: ast.Call) -> tuple[Row, ...]:
    """The rows of the table for what is called: by its name, else by that of a method."""
    rows = table().named(qualified(spot, call.func))
    if not rows and isinstance(call.func, ast.Attribute) and not qualified(spot, call.func):
        rows = table().method(call.func.attr)
    return rows


def operand(spot: Spot, call: ast.Call, row: Row) -> ast.expr | None:
    """The argument of an operator that its row speaks of; the receiver of a method."""
    if isinstance(call.func, ast.Attribute) and not qualified(spot, call.func):
        return call.func.value
    named = [each.value for each in call.keywords if each.arg == row.arg]
    if named:
        return named[0]
    return call.args[0] if call.args and not isinstance(call.args[0], ast.Starred) else None


def log_at(spot: Spot, node: ast.expr | None, got: Space) -> Log | None:
    """The natural logarithm that an expression is; None where it is none, or not written in a way that is known."""
    if not isinstance(node, ast.Call) or _is_in_place(node):
        return None
    row = next((each for each in rows_of(spot, node) if each.turns.get(got) is not None), None)
    core = operand(spot, node, row) if row is not None else None
    if core is None or len(node.args) + len(node.keywords) > 1:
        return None
    layers: list[ast.expr] = [node]
    if isinstance(node.func, ast.Attribute) and node.func.value is core:
        layers.append(node.func)
    found = peeled(spot, core)
    return Log(spot, node, found.core, found.leaf, [*layers, *found.layers], found.complement, found.doubts)


def peeled(spot: Spot, node: ast.expr) -> Log:
    """An expression without its guards, and without the one minus before it."""
    found = Log(spot, node, node, node)
    while _peel(found):
        pass
    found.leaf = leaf_of(spot, found.core)
    return found


def _is_in_place(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name.endswith("_")


def _peel(log: Log) -> bool:
    """Take one guard, or the one minus, off the core."""
    core = log.core
    if isinstance(core, ast.BinOp) and isinstance(core.op, ast.Add):
        for side, other in ((core.left, core.right), (core.right, core.left)):
            if _is_number(other):
                _guarded(log, other)
                log.layers.append(core)
                log.core = side
                return True
    if isinstance(core, ast.BinOp) and isinstance(core.op, ast.Sub) and _is_one(core.left) and not log.complement:
        log.layers.append(core)
        log.core, log.complement = core.right, True
        return True
    return _clamp(log)


def _clamp(log: Log) -> bool:
    """Take a clamp off the core: what only bounds the numbers, from below by a guard."""
    core = log.core
    if not isinstance(core, ast.Call) or _is_in_place(core):
        return False
    row = next((each for each in rows_of(log.spot, core) if each.guards and _bounds(each)), None)
    inner = operand(log.spot, core, row) if row is not None else None
    if row is None or inner is None:
        return False
    for each in (*core.args, *(keyword.value for keyword in core.keywords)):
        if each is not inner:
            _guarded(log, each)
    log.layers.append(core)
    if isinstance(core.func, ast.Attribute) and core.func.value is inner:
        log.layers.append(core.func)
    log.core = inner
    return True


def _bounds(row: Row) -> bool:
    """Whether a guard is a clamp: it has a bound among its parameters."""
    return any("min" in each or "max" in each for each in row.params)


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, (ast.Constant, ast.Name, ast.Attribute))


def _guarded(log: Log, bound: ast.expr) -> None:
    """A guard that bounds more than the rounding does is missed when it goes."""
    value = _value(log.spot, bound)
    if value is None or not (abs(value) <= _TINY or abs(1 - value) <= _TINY):
        place = log.spot.source.place(bound)
        log.doubts.append(f"{place.home}:{place.line} bounds the probabilities by {log.spot.source.words(bound)}")


def _value(spot: Spot, node: ast.expr) -> float | None:
    """The number that an expression is, where it is written out or is a constant of its function or file."""
    found: ast.expr | None = node
    if isinstance(node, ast.Name):
        found = _constant(spot, node)
    if found is None:
        return None
    try:
        value = eval_number(found)
    except ValueError:
        return None
    return value


def eval_number(node: ast.expr) -> float:
    """A number that is written out, as in `1 - 1e-7`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return eval_number(node.left) - eval_number(node.right)
    value = ast.literal_eval(node)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("no number")
    return float(value)


def _constant(spot: Spot, name: ast.Name) -> ast.expr | None:
    scope = scope_of(spot, name)
    stored = [
        each
        for each in ast.walk(spot.tree)
        if isinstance(each, ast.Name) and each.id == name.id and isinstance(each.ctx, ast.Store)
    ]
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)) and not stored:
        arguments = [*scope.args.posonlyargs, *scope.args.args]
        defaults = dict(zip(reversed([each.arg for each in arguments]), reversed(scope.args.defaults), strict=False))
        return defaults.get(name.id)
    binding = spot.parents.get(stored[0]) if len(stored) == 1 else None
    return binding.value if isinstance(binding, ast.Assign) else None


def leaf_of(spot: Spot, node: ast.expr) -> ast.expr:
    """What an expression only moves about, or picks from: `p` of `p[:, 1].view(-1)`."""
    while True:
        inner = _moved(spot, node)
        if inner is None:
            return node
        node = inner


def is_moved(spot: Spot, outer: ast.expr, inner: ast.expr) -> bool:
    """Whether an expression holds numbers of another one inside it, and nothing else."""
    node: ast.expr | None = outer
    while node is not None and node is not inner:
        node = _moved(spot, node)
    return node is inner


def _moved(spot: Spot, node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.Subscript):
        return node.value
    if isinstance(node, ast.Attribute):
        return node.value if any(_holds(row) for row in table().method(node.attr)[:1]) else None
    if not isinstance(node, ast.Call) or _is_in_place(node):
        return None
    row = next((each for each in rows_of(spot, node)[:1] if _holds(each)), None)
    return operand(spot, node, row) if row is not None else None


def _holds(row: Row) -> bool:
    """Whether an operator gives the numbers that it is given, perhaps in other places."""
    return row.exact and not (row.items or row.leaves)
