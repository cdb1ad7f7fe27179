"""Where a local name is read after it was bound: which reads see a binding, and whether they see others too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rawlogits.static.repair.spot import Spot

Path = tuple[int | str, ...]
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module | ast.ClassDef
_State = frozenset[ast.AST | None]
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_TRIES = (ast.Try, ast.TryStar)
_COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, *_TRIES, ast.With, ast.AsyncWith, ast.Match, *_DEFINITIONS)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


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
            (found.pure if seen <= {binding} and not flow.outside else found.mixed).append(node)
    bindings = flow.bindings | ({binding} if isinstance(binding, ast.arg) else set())
    if binding in bindings:
        (found.inner if len(bindings) == 1 and not flow.outside else found.mixed).extend(flow.inner)
    return found


def is_shared(scope: Scope, name: str) -> bool:
    """Whether what a function binds under a name is read outside of it: `global` or `nonlocal`."""
    return isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)) and _declares(scope, name)


def _declares(node: ast.AST, name: str) -> bool:
    return any(isinstance(each, (ast.Global, ast.Nonlocal)) and name in each.names for each in own(node))


def own(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function or class, without the insides of others in it."""
    todo = list(getattr(node, "body", ())) if not isinstance(node, ast.Lambda) else [node.body]
    while todo:
        each = todo.pop()
        yield each
        if not isinstance(each, (*_DEFINITIONS, ast.Lambda)):
            todo += ast.iter_child_nodes(each)


def binds(node: ast.AST, name: str) -> bool:
    """Whether a function or class has a name of its own: an argument, or something that it binds."""
    arguments = getattr(node, "args", None)
    if isinstance(arguments, ast.arguments) and any(each.arg == name for each in _arguments(arguments)):
        return True
    return not _declares(node, name) and any(_stores(each, name) for each in own(node))


def _arguments(node: ast.arguments) -> list[ast.arg]:
    stars = [each for each in (node.vararg, node.kwarg) if each is not None]
    return [*node.posonlyargs, *node.args, *node.kwonlyargs, *stars]


def _stores(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, ast.Store)
    if isinstance(node, (*_DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return node.name == name
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return any((alias.asname or alias.name.split(".")[0]) == name for alias in node.names)
    return False


class _Flow:
    """Follows one name through statements; the state is the set of bindings that may hold."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: dict[ast.Name, _State] = {}
        self.inner: list[ast.Name] = []
        self.bindings: set[ast.AST] = set()
        self.outside = False
        """Whether a function inside binds the name for this scope, at any time."""
        self.leaps: list[_State] = []
        self.made: list[set[ast.AST]] = []

    def block(self, body: Sequence[ast.stmt], state: _State) -> _State:
        for statement in body:
            state = self.statement(statement, state)
        return state

    def statement(self, node: ast.stmt, state: _State) -> _State:
        if isinstance(node, _DEFINITIONS):
            self._inside(node)
            return self._bound(node) if node.name == self.name else state
        if isinstance(node, ast.If):
            state = self.expression(node.test, state)
            return self.block(node.body, state) | self.block(node.orelse, state)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            return self._loop(node, state)
        if isinstance(node, _TRIES):
            return self._try(node, state)
        if isinstance(node, ast.Match):
            state = self.expression(node.subject, state)
            return state.union(*(self._case(case, node, state) for case in node.cases))
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                state = self.expression(item.context_expr, state)
                state = self._target(item.optional_vars, node, state)
            return self.block(node.body, state)
        if isinstance(node, (ast.Continue, ast.Break)):
            self.leaps.append(state)
            return frozenset()
        return self._plain(node, state)

    def _try(self, node: ast.Try | ast.TryStar, state: _State) -> _State:
        self.made.append(set())
        whole = self.block(node.body, state)
        caught = state | self.made[-1]
        left = [self.block(handler.body, caught) for handler in node.handlers]
        left.append(self.block(node.orelse, whole))
        after = state.union(*left)
        if not node.finalbody:
            self._passed_on(self.made.pop())
            return frozenset().union(*left)
        last = self.block(node.finalbody, after | self.made[-1])
        self._passed_on(self.made.pop())
        return last

    def _passed_on(self, made: set[ast.AST]) -> None:
        if self.made:
            self.made[-1] |= made

    def _case(self, case: ast.match_case, binding: ast.AST, state: _State) -> _State:
        if any(_stores(each, self.name) or getattr(each, "rest", "") == self.name for each in ast.walk(case.pattern)):
            state = self._bound(binding)
        if case.guard is not None:
            state = self.expression(case.guard, state)
        return self.block(case.body, state)

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
            return self._bound(node) if bound else state
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
            return self._bound(binding) if target.id == self.name else state
        if isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                state = self._target(each, binding, state)
            return state
        if isinstance(target, ast.Starred):
            return self._target(target.value, binding, state)
        return self.expression(target, state)

    def _bound(self, binding: ast.AST) -> _State:
        self.bindings.add(binding)
        if self.made:
            self.made[-1].add(binding)
        return frozenset({binding})

    def expression(self, node: ast.AST, state: _State) -> _State:
        if isinstance(node, ast.Lambda):
            self._inside(node)
            return state
        if isinstance(node, COMPREHENSIONS) and any(
            _stores(each, self.name) for one in node.generators for each in ast.walk(one.target)
        ):
            return self.expression(node.generators[0].iter, state)
        if isinstance(node, ast.Name):
            if node.id == self.name and isinstance(node.ctx, ast.Load):
                self.seen[node] = self.seen.get(node, frozenset()) | state
            return state
        if isinstance(node, ast.stmt) and isinstance(node, _COMPOUND):
            return self.statement(node, state)
        for child in ast.iter_child_nodes(node):
            state = self.expression(child, state)
        if isinstance(node, ast.NamedExpr) and node.target.id == self.name:
            return self._bound(node)
        return state

    def _inside(self, node: ast.AST) -> None:
        """The reads in a function or class inside, where the name is the one of this scope."""
        if not isinstance(node, ast.ClassDef) and binds(node, self.name):
            return
        for each in own(node):
            if isinstance(each, (*_DEFINITIONS, ast.Lambda)):
                self._inside(each)
            elif isinstance(each, ast.Name) and each.id == self.name and not self._is_comprehended(each, node):
                if isinstance(each.ctx, ast.Load):
                    self.inner.append(each)
                elif not isinstance(node, ast.ClassDef):
                    self.outside = True
        outer = [*getattr(node, "decorator_list", ()), *getattr(node, "bases", ())]
        arguments = getattr(node, "args", None)
        if isinstance(arguments, ast.arguments):
            outer += [each for each in (*arguments.defaults, *arguments.kw_defaults) if each is not None]
        self.inner += [each for one in outer for each in ast.walk(one) if _is(each, self.name)]  # type: ignore[misc]

    def _is_comprehended(self, name: ast.Name, scope: ast.AST) -> bool:
        """Whether a comprehension round a mention binds it."""
        for each in own(scope):
            if isinstance(each, COMPREHENSIONS) and any(name is one for one in ast.walk(each)):
                first = each.generators[0].iter
                targets = (one for comp in each.generators for one in ast.walk(comp.target))
                if any(_stores(one, self.name) for one in targets) and not any(name is one for one in ast.walk(first)):
                    return True
        return False


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
