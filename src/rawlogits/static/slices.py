"""`__init__` in slices: the statements that belong together, so that only those run which set what is asked for.

Two statements belong together when one binds a local name that the other reads or binds, or when both set the same
attribute; what reads an attribute of several setters goes with them. Any other attribute is run for when it is read.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rawlogits.static.effects import Effects, Reach, effects_in, names_of, reach, reach_of
from rawlogits.static.engine import Engine
from rawlogits.static.names import bound_names, words_in
from rawlogits.static.values import Class, Ext, Func, Value

Run = Callable[[Sequence[ast.stmt]], bool]
"""Runs statements of a call that has begun; whether the path goes on after them."""
_WHOLE = (ast.Return, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)
"""A body with one of these in it is not cut."""


class Slice(NamedTuple):
    """Statements that belong together, and what each of them does to the object."""

    body: tuple[ast.stmt, ...]
    reaches: tuple[Reach, ...]
    hot: bool
    """Whether it names a loss, or calls what does."""

    def may_set(self, engine: Engine, name: str) -> bool:
        """Whether running it may give the object an attribute of this name."""
        return any(reach.may_set(engine, name) for reach in self.reaches)


class _Statement(NamedTuple):
    """What a statement does by itself."""

    node: ast.stmt
    effects: Effects
    changes: frozenset[str]
    """Attributes that it sets, or whose values it changes."""
    binds: frozenset[str]
    reads: frozenset[str]
    guard: bool
    """Whether it may leave the function."""
    hot: bool
    """Whether it names a loss, or calls what does."""


@dataclass(slots=True, eq=False)
class Begun:
    """A call of an `__init__` that runs slice by slice, as attributes of its object are asked for."""

    func: Func
    order: Sequence[Class | Ext]
    given: Sequence[Value]
    """What the call passes."""
    run: Run
    left: list[Slice] | None = None
    """The slices that have not run yet, once somebody asked for one."""

    def supply(self, engine: Engine, name: str) -> None:
        """Run what may set an attribute."""
        if self.left != [] and reach(engine, self.order, self.func).may_set(engine, name):
            self._run([s for s in self._left(engine) if s.may_set(engine, name)])

    def begin(self, engine: Engine) -> None:
        """Run what names a loss, or calls what does."""
        self._run([s for s in self._left(engine) if s.hot])

    def finish(self, engine: Engine) -> None:
        """Run all that has not run yet."""
        self._run(list(self._left(engine)))

    def _left(self, engine: Engine) -> list[Slice]:
        if self.left is None:
            self.left = list(slices(engine, self.order, self.func))
        return self.left

    def _run(self, some: Sequence[Slice]) -> None:
        if not some or self.left is None:
            return
        self.left = [s for s in self.left if s not in some]
        body = {id(node): node for s in some for node in s.body}
        if not self.run(sorted(body.values(), key=lambda node: (node.lineno, node.col_offset))):
            self.left = []


def slices(engine: Engine, order: Sequence[Class | Ext], func: Func) -> list[Slice]:
    """The body of a method of an object with these classes, in slices that may run in any order."""
    key = (func.node, *names_of(order))
    known: list[Slice] | None = engine.slices.get(key)
    if known is None:
        known = engine.slices[key] = _slices(engine, order, func)
    return known


def _slices(engine: Engine, order: Sequence[Class | Ext], func: Func) -> list[Slice]:
    statements: list[_Statement] | None
    if func.node not in engine.statements:
        engine.statements[func.node] = _statements(engine, func)
    statements = engine.statements[func.node]
    if statements is None:
        whole = reach(engine, order, func)
        return [Slice(tuple(body(func)), (whole,), whole.hot)]
    reaches = [reach_of(engine, order, func, s.effects, s.hot) for s in statements]
    guards = [i for i, s in enumerate(statements) if s.guard]
    found = []
    for group in _together(statements, reaches):
        read = frozenset().union(*(statements[i].reads for i in group))
        inside = sorted({*group, *(g for g in guards if not read.isdisjoint(statements[g].reads))})
        some = tuple(reaches[i] for i in inside)
        found.append(Slice(tuple(statements[i].node for i in inside), some, any(reach.hot for reach in some)))
    return found


def body(func: Func) -> list[ast.stmt]:
    """The statements of a function that is no lambda."""
    assert not isinstance(func.node, ast.Lambda)
    return func.node.body


def defaults(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[tuple[str, ast.expr]]:
    """Each parameter that has a default, and the default."""
    spec = node.args
    names = [a.arg for a in [*spec.posonlyargs, *spec.args]]
    yield from zip(names[len(names) - len(spec.defaults) :], spec.defaults, strict=False)
    yield from ((a.arg, d) for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=False) if d is not None)


def _demands(engine: Engine, func: Func, node: ast.stmt | ast.expr) -> bool:
    words = words_in(_text(func, node))
    return engine.demands(words, func.module) or engine.writes_out(words)


def _text(func: Func, node: ast.stmt | ast.expr) -> str:
    return "\n".join(func.module.source.lines[node.lineno - 1 : node.end_lineno])


def _statements(engine: Engine, func: Func) -> list[_Statement] | None:
    """The statements of a body; None where it cannot be cut."""
    params = [*func.node.args.posonlyargs, *func.node.args.args]
    own = params[0].arg if params else ""
    words = engine.words_of(func)
    naming = engine.demands(words, func.module) or engine.writes_out(words)
    given = {name for name, default in defaults(func.node) if naming and _demands(engine, func, default)}
    found: list[_Statement] = []
    for node in body(func):
        uses = _uses(node, own)
        if not own or uses is None:
            return None
        effects = effects_in(_text(func, node), own)
        binds = frozenset(uses.binds.union(bound_names(node)) - {own})
        hot = naming and (_demands(engine, func, node) or not given.isdisjoint(uses.reads))
        changes = effects.sets.union(uses.changes)
        found.append(_Statement(node, effects, changes, binds, frozenset(uses.reads - {own}), uses.raises, hot))
    return found


@dataclass(slots=True)
class _Uses:
    """Names that a statement reads, those that it binds by `:=`, attributes whose values it changes."""

    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    raises: bool = False


def _uses(statement: ast.stmt, own: str) -> _Uses | None:
    """What a statement does to names; None where the body that holds it must stay whole.

    It changes what it does not bind in `self.layers.append(x)`, `self.body.fc = x`, `fill(self.net)`.
    """
    found = _Uses()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            found.reads.add(node.id)
            continue
        if isinstance(node, _WHOLE):
            return None
        if isinstance(node, ast.NamedExpr):
            found.binds.add(node.target.id)
        elif isinstance(node, (ast.Raise, ast.Assert)):
            found.raises = True
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found.changes.update(_attributes([node.value.func, *node.value.args], own))
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            found.changes.update(_attributes([node.value], own))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            found.reads.update(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
            continue
        waiting += ast.iter_child_nodes(node)
    return found


def _attributes(nodes: Iterable[ast.AST], own: str) -> Iterator[str]:
    """The attributes of the object with which chains of attributes and items begin."""
    for node in nodes:
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == own:
                yield node.attr
            node = node.value


def _together(statements: Sequence[_Statement], reaches: Sequence[Reach]) -> list[list[int]]:
    """The numbers of the statements that belong together."""
    leader = list(range(len(statements)))

    def first(i: int) -> int:
        while leader[i] != i:
            leader[i] = i = leader[leader[i]]
        return i

    for members in _ties(statements, reaches):
        for i in members[1:]:
            leader[first(i)] = first(members[0])
    groups: dict[int, list[int]] = {}
    for i in range(len(statements)):
        groups.setdefault(first(i), []).append(i)
    return list(groups.values())


def _ties(statements: Sequence[_Statement], reaches: Sequence[Reach]) -> Iterator[list[int]]:
    """For each name and attribute that ties statements: which."""
    for name in set().union(*(s.binds for s in statements)):
        yield [i for i, s in enumerate(statements) if name in s.binds or name in s.reads]
    for name in set().union(*(s.changes for s in statements)):
        setting = [i for i, s in enumerate(statements) if name in s.changes or name in reaches[i].sets]
        if len(setting) > 1:
            yield [*setting, *(i for i, s in enumerate(statements) if name in s.effects.reads)]
