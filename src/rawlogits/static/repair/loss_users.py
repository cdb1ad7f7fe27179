"""Who else uses a loss: before its form is changed, every call of it has to be one that the check has followed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from rawlogits.finding import Arrival
from rawlogits.static.repair.readers_calls import Calls
from rawlogits.static.repair.readers_names import Reads, binds, is_shared, own, reads
from rawlogits.static.repair.readers_project import Function, Project, parameter
from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Spots

MOST_STEPS = 300
"""Expressions that are followed for one repair."""
_QUIET = frozenset({"print", "repr", "str", "isinstance", "type", "id", "callable", "hasattr"})
"""Functions that call nothing and keep nothing."""
_OF_OBJECTS = frozenset({"forward", "__call__", "call"})
"""Methods that are called by calling an object."""


class Users:
    """Follows a loss to its calls, and what they give it to where that comes from."""

    def __init__(self, spots: Spots, met: Sequence[Arrival]) -> None:
        self.doubts: list[str] = []
        self.project = Project(spots)
        self._calls = Calls(self.project)
        self._places = {each.place for each in met}
        self._steps = {step.place for each in met for step in each.trace} | self._places
        self._seen: set[tuple[str, ast.AST]] = set()

    def _doubt(self, spot: Spot, node: ast.AST, words: str) -> None:
        place = spot.source.place(node)
        text = f"{place.home}:{place.line} {words}"
        if text not in self.doubts:
            self.doubts.append(text)

    # -- the loss ------------------------------------------------------------------------------------------------

    def held(self, spot: Spot, node: ast.expr) -> None:
        """Follow an expression that is the loss."""
        if (spot.shown, node) in self._seen:
            return
        if len(self._seen) > MOST_STEPS:
            self._doubt(spot, node, "is one of too many uses of the loss to follow")
            return
        self._seen.add((spot.shown, node))
        round_it = [node, *(each for each in spot.above(node) if isinstance(each, ast.expr))]
        if any(spot.source.place(each) in self._places for each in round_it):
            self.told(spot, node)
            return
        parent = spot.parents[node]
        parent = spot.parents[parent] if isinstance(parent, ast.keyword) else parent
        outer = spot.parents.get(parent)
        if isinstance(parent, ast.Call):
            self._called(spot, parent) if parent.func is node else self._passed(spot, parent, node)
        elif isinstance(parent, ast.Attribute):
            if isinstance(outer, ast.Call) and outer.func is parent:
                self.held(spot, outer)
        elif isinstance(parent, (ast.IfExp, ast.BoolOp)):
            self.held(spot, parent)
        elif isinstance(parent, (ast.Assign, ast.AnnAssign)):
            for target in parent.targets if isinstance(parent, ast.Assign) else [parent.target]:
                self._bound(spot, parent, target)
        elif isinstance(parent, ast.Tuple) and isinstance(outer, ast.Assign):
            for target in outer.targets:
                if isinstance(target, ast.Tuple) and len(target.elts) == len(parent.elts):
                    target = target.elts[parent.elts.index(node)]
                self._bound(spot, outer, target)
        elif isinstance(parent, ast.Return):
            self._returned(spot, parent)
        elif not isinstance(parent, (ast.Expr, ast.If, ast.Compare)):
            self._doubt(spot, node, "keeps the loss where it is not followed")

    def _called(self, spot: Spot, call: ast.Call) -> None:
        values = [*call.args, *(each.value for each in call.keywords)]
        if not values:
            self.held(spot, call)
            return
        known = [each for each in values if spot.source.place(each) in self._places]
        for each in known:
            self.given(spot, each)
        if not known and not any(self._came(spot, each) for each in values):
            self._doubt(spot, call, f"may give {last_name(call.func)} something else")

    def _passed(self, spot: Spot, call: ast.Call, node: ast.expr) -> None:
        if isinstance(call.func, ast.Name) and call.func.id in _QUIET:
            return
        found = self._calls.called(spot, call) or self._calls.constructor(spot, call)
        argument = parameter(found[1], call, node, found[2]) if found is not None else None
        if found is None or argument is None:
            self._doubt(spot, call, f"passes the loss to {last_name(call.func)}()")
            return
        self._read(found[0], reads(found[1], argument.arg, argument))

    def _read(self, spot: Spot, found: Reads) -> None:
        for each in (*found.pure, *found.mixed, *found.inner):
            self.held(spot, each)

    def _bound(self, spot: Spot, statement: ast.stmt, target: ast.expr) -> None:
        scope = scope_of(spot, statement)
        owner = self._calls.owner(spot, target.value) if isinstance(target, ast.Attribute) else None
        if isinstance(target, ast.Attribute) and owner is not None:
            self._attribute(spot, owner, target.attr)
        elif not isinstance(target, ast.Name) or is_shared(scope, target.id):
            self._doubt(spot, target, f"keeps the loss in {spot.text(target)}")
        elif isinstance(scope, ast.ClassDef):
            self._attribute(spot, scope, target.id)
        else:
            self._read(spot, reads(scope, target.id, statement))
            if isinstance(scope, ast.Module):
                self._named(spot, target.id)

    def _named(self, spot: Spot, name: str) -> None:
        for where, each in self.project.mentions(spot, name):
            if isinstance(each, (ast.Name, ast.Attribute)) and isinstance(each.ctx, ast.Load):
                self.held(where, each)

    def _attribute(self, spot: Spot, cls: ast.ClassDef, name: str) -> None:
        for where, each in self._attributes(spot, cls, name):
            self.held(where, each)

    def _attributes(self, spot: Spot, cls: ast.ClassDef, name: str) -> Iterator[tuple[Spot, ast.Attribute]]:
        """Where an attribute of the objects of a class is read, as far as it may be theirs."""
        kin = [*self._calls.family(spot, cls), *self._calls.bases(spot, cls)]
        classes = [each for _, each in kin]
        for where, node in self._calls.attributes(name, kin):
            theirs = isinstance(node.ctx, ast.Load) and self._calls.belongs(where, node.value, classes) is not False
            if theirs:
                yield where, node

    def _returned(self, spot: Spot, node: ast.Return) -> None:
        function = spot.function(node)
        if not isinstance(function, Function) or not isinstance(spot.parents.get(function), ast.Module):
            self._doubt(spot, node, "hands the loss out")
            return
        for where, call in self._callers(function, self._mentions(spot, function)):
            self.held(where, call)

    # -- what it is given ----------------------------------------------------------------------------------------

    def told(self, spot: Spot, node: ast.expr) -> None:
        """Follow the model that is told of the loss in a call: `model.compile(loss=...)`."""
        call = next((each for each in spot.above(node) if isinstance(each, ast.Call)), None)
        if call is not None and isinstance(call.func, ast.Attribute):
            self.given(spot, call.func.value)

    def given(self, spot: Spot, node: ast.expr) -> None:
        """Follow an argument of the loss to the other calls of the function that it is an argument of."""
        root = node
        while isinstance(root, (ast.Attribute, ast.Subscript, ast.Call)):
            root = root.func if isinstance(root, ast.Call) else root.value
        function = spot.function(node)
        if not isinstance(root, ast.Name) or not isinstance(function, Function) or (spot.shown, root) in self._seen:
            return
        self._seen.add((spot.shown, root))
        every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        argument = next((each for each in every if each.arg == root.id and each.arg not in ("self", "cls")), None)
        if argument is None:
            return
        found = reads(function, argument.arg, argument)
        if root in (*found.pure, *found.mixed):
            self._from_callers(spot, function, argument)

    def _from_callers(self, spot: Spot, function: Function, argument: ast.arg) -> None:
        cls = spot.parents.get(function)
        if isinstance(cls, ast.ClassDef) and function.name in _OF_OBJECTS:
            for where, each in self.project.mentions(spot, cls.name):
                call = where.parents.get(each)
                if isinstance(call, ast.Call) and call.func is each:
                    self.held(where, call)
            return
        mentions = self._mentions(spot, function)
        for where, call in self._callers(function, mentions) if len(mentions) > 1 else _calls_of(mentions):
            values = [*call.args, *(each.value for each in call.keywords)]
            bound = isinstance(cls, ast.ClassDef)
            value = next((each for each in values if parameter(function, call, each, bound) is argument), None)
            if value is not None and len(mentions) == 1:
                self.given(where, value)
            elif value is None or not self._came(where, value):
                self._doubt(where, call, f"may give {function.name} something else")

    def _mentions(self, spot: Spot, function: Function) -> list[tuple[Spot, ast.expr]]:
        """Where a function is named, but for imports."""
        cls = spot.parents.get(function)
        if isinstance(cls, ast.ClassDef):
            return list(self._attributes(spot, cls, function.name))
        if not isinstance(cls, ast.Module):
            own = (each for each in ast.walk(spot.tree) if isinstance(each, ast.Name) and each.id == function.name)
            return [(spot, each) for each in own]
        named = self.project.mentions(spot, function.name)
        return [(where, each) for where, each in named if isinstance(each, (ast.Name, ast.Attribute))]

    def _callers(
        self, function: Function, mentions: Sequence[tuple[Spot, ast.expr]]
    ) -> Iterator[tuple[Spot, ast.Call]]:
        """The calls of a function; where it is handed on is a doubt."""
        calls = list(_calls_of(mentions))
        called = {call.func for _, call in calls}
        for where, each in mentions:
            if each not in called:
                self._doubt(where, each, f"hands {function.name} on")
        yield from calls

    def _came(self, spot: Spot, node: ast.expr) -> bool:
        """Whether a value is one that is known to reach the loss."""
        while spot.source.place(node) not in self._steps:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                node = node.func.value
            elif isinstance(node, ast.Subscript):
                node = node.value
            else:
                break
        if spot.source.place(node) in self._steps:
            return True
        if not isinstance(node, ast.Name):
            return False
        functions = (each for each in spot.above(node) if isinstance(each, Function))
        scope = next((each for each in functions if binds(each, node.id)), spot.tree)
        held = [each for each in own(scope) if isinstance(each, ast.Assign) and _binds_only(each, node.id)]
        stores = [each for each in own(scope) if isinstance(each, ast.Name) and each.id == node.id]
        stores = [each for each in stores if isinstance(each.ctx, ast.Store)]
        plain = bool(held) and len(held) == len(stores) and not any(_reads(each.value, node.id) for each in held)
        return plain and all(self._came(spot, each.value) for each in held)


def _calls_of(mentions: Iterable[tuple[Spot, ast.expr]]) -> Iterator[tuple[Spot, ast.Call]]:
    for where, each in mentions:
        call = where.parents.get(each)
        if isinstance(call, ast.Call) and call.func is each:
            yield where, call


def _binds_only(node: ast.Assign, name: str) -> bool:
    return len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name


def _reads(node: ast.expr, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def last_name(func: ast.expr) -> str:
    """`loss` of `self.loss`; "it" where there is no name."""
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else "it"
