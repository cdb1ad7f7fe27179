"""Where a local name is read after it was bound: which reads see a binding, and whether they see others too."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from rawlogits.static.repair.spot import Spot

Path = tuple[int | str, ...]
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module | ast.ClassDef
_State = frozenset[ast.AST | None]
_COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With, ast.AsyncWith)


@dataclass(frozen=True, eq=False)
class Value:
    """An expression that holds the changed value: itself, or at a `path` of positions and keys."""

    spot: Spot
    node: ast.expr
    path: Path = ()
    moved: bool = False
    """Its axes may stand elsewhere than where the activation ran."""
    mixed: bool = False
    """On some paths it holds something else."""


@dataclass
class Reads:
    """The reads of one name that a binding reaches."""

    pure: list[ast.Name] = field(default_factory=list)
    """Reads that see this binding and no other."""
    mixed: list[ast.Name] = field(default_factory=list)
    """Reads that see another binding on some path."""
    inner: list[ast.Name] = field(default_factory=list)
    """Reads in functions inside the scope, which may run at any time."""


def reads(scope: Scope, name: str, binding: ast.AST) -> Reads:
    """The reads of a name that see what `binding` (a statement, or an argument) put into it."""
    flow = _Flow(name)
    if isinstance(scope, ast.Lambda):
        flow.expression(scope.body, frozenset({binding}))
    else:
        start: _State = frozenset({binding}) if isinstance(binding, ast.arg) else frozenset({None})
        flow.block(scope.body, start)
    found = Reads()
    for node, seen in flow.seen.items():
        if binding in seen:
            (found.pure if seen <= {binding} else found.mixed).append(node)
    bindings = flow.bindings | ({binding} if isinstance(binding, ast.arg) else set())
    if binding in bindings:
        (found.inner if len(bindings) == 1 else found.mixed).extend(flow.inner)
    return found


class _Flow:
    """Follows one name through statements; the state is the set of bindings that may hold."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: dict[ast.Name, _State] = {}
        self.inner: list[ast.Name] = []
        self.bindings: set[ast.AST] = set()
        self.leaps: list[_State] = []

    def block(self, body: Sequence[ast.stmt], state: _State) -> _State:
        for statement in body:
            state = self.statement(statement, state)
        return state

    def statement(self, node: ast.stmt, state: _State) -> _State:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._inside(node)
            return self._bound(node, state) if node.name == self.name else state
        if isinstance(node, ast.If):
            state = self.expression(node.test, state)
            return self.block(node.body, state) | self.block(node.orelse, state)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            return self._loop(node, state)
        if isinstance(node, ast.Try):
            after = state | self.block(node.body, state)
            for handler in node.handlers:
                after |= self.block(handler.body, after)
            return self.block(node.finalbody, after | self.block(node.orelse, after))
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                state = self.expression(item.context_expr, state)
                state = self._target(item.optional_vars, node, state)
            return self.block(node.body, state)
        if isinstance(node, (ast.Continue, ast.Break)):
            self.leaps.append(state)
            return frozenset()
        return self._plain(node, state)

    def _plain(self, node: ast.stmt, state: _State) -> _State:
        if isinstance(node, (ast.Return, ast.Raise)):
            for child in ast.iter_child_nodes(node):
                state = self.expression(child, state)
            return frozenset()
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if node.value is None:
                return state
            state = self.expression(node.value, state)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == self.name:
                self.seen[node.target] = self.seen.get(node.target, frozenset()) | state
            for target in targets:
                state = self._target(target, node, state)
            return state
        if isinstance(node, ast.Delete) and any(_is(target, self.name) for target in node.targets):
            return frozenset()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound = any((alias.asname or alias.name.split(".")[0]) == self.name for alias in node.names)
            return self._bound(node, state) if bound else state
        return self.expression(node, state)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, state: _State) -> _State:
        outer, self.leaps = self.leaps, []
        for _ in range(2):
            if isinstance(node, ast.While):
                state = self.expression(node.test, state)
                inside = state
            else:
                state = self.expression(node.iter, state)
                inside = self._target(node.target, node, state)
            state = state.union(self.block(node.body, inside), *self.leaps)
        self.leaps = outer
        return state | self.block(node.orelse, state)

    def _target(self, target: ast.AST | None, binding: ast.AST, state: _State) -> _State:
        if target is None:
            return state
        if isinstance(target, ast.Name):
            return self._bound(binding, state) if target.id == self.name else state
        if isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                state = self._target(each, binding, state)
            return state
        if isinstance(target, ast.Starred):
            return self._target(target.value, binding, state)
        return self.expression(target, state)

    def _bound(self, binding: ast.AST, state: _State) -> _State:
        self.bindings.add(binding)
        return frozenset({binding})

    def expression(self, node: ast.AST, state: _State) -> _State:
        if isinstance(node, ast.Lambda):
            self._inside(node)
            return state
        if isinstance(node, ast.Name):
            if node.id == self.name and isinstance(node.ctx, ast.Load):
                self.seen[node] = self.seen.get(node, frozenset()) | state
            return state
        if isinstance(node, ast.stmt) and isinstance(node, _COMPOUND):
            return self.statement(node, state)
        for child in ast.iter_child_nodes(node):
            state = self.expression(child, state)
        if isinstance(node, ast.NamedExpr) and node.target.id == self.name:
            return self._bound(node, state)
        return state

    def _inside(self, node: ast.AST) -> None:
        own = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        if self.name not in own:
            names = [each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id == self.name]
            self.inner += [each for each in names if isinstance(each.ctx, ast.Load)]


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
