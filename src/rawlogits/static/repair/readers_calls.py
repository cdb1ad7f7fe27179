"""What a call of the project calls: a function, a method of the class round it, or the constructor of a class."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rawlogits.static.repair.readers_names import binds, own
from rawlogits.static.repair.readers_project import (
    Function,
    Project,
    defined,
    functions,
    is_local,
    methods,
    parameter,
)
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import full_name, imports, qualified, words


@dataclass(eq=False)
class Calls:
    """Which of the project's functions and classes calls name."""

    project: Project

    def owner(self, spot: Spot, node: ast.expr) -> ast.ClassDef | None:
        """The class round a `self` (or `super()`)."""
        is_super = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
        if not is_super and not (isinstance(node, ast.Name) and node.id in ("self", "cls")):
            return None
        return next((each for each in spot.above(node) if isinstance(each, ast.ClassDef)), None)

    def belongs(self, spot: Spot, node: ast.expr, family: Sequence[ast.ClassDef]) -> bool | None:
        """Whether an expression is an object (or a class) of a family; None where that cannot be seen."""
        owner = self.owner(spot, node)
        if owner is not None:
            return any(owner is each for each in family)
        if isinstance(node, ast.Call):
            return self._makes(spot, node.func, family)
        if isinstance(node, ast.Name) and node.id in imports(spot) and not is_local(spot, node, node.id):
            return self._makes(spot, node, family)
        if not isinstance(node, ast.Name):
            return False if qualified(spot, node) else None
        found = {self.belongs(spot, each, family) if each else None for each in self._values(spot, node)}
        return found.pop() if len(found) == 1 else self._makes(spot, node, family) if not found else None

    def _makes(self, spot: Spot, node: ast.expr, family: Sequence[ast.ClassDef]) -> bool | None:
        """Whether what an expression names is a class of a family; something from outside makes other objects."""
        for home, name in self.project.homes(spot, node):
            found = defined(home.tree)[name]
            return any(found is each for each in family) if isinstance(found, ast.ClassDef) else None
        return False if self.project.is_outside(full_name(spot, node)) else None

    def _values(self, spot: Spot, name: ast.Name) -> list[ast.expr | None]:
        """What the function round a name (or else the file) puts into it; None where that is no plain value."""
        inside = [each for each in spot.above(name) if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]
        scope = next((each for each in inside if binds(each, name.id)), spot.tree)
        found: list[ast.expr | None] = []
        for node in own(scope):
            if isinstance(node, ast.Name) and node.id == name.id and isinstance(node.ctx, ast.Store):
                found.append(_bound_to(spot, node))
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
            found += [None for each in given if each.arg == name.id]
        return found

    def called(self, spot: Spot, call: ast.Call) -> tuple[Spot, Function, bool] | None:
        """The project's function or method that a call names, and whether it comes with its object.

        None for a method that other classes of the project define again, and for one that a class inherits.
        """
        func = call.func
        if isinstance(func, ast.Attribute) and (owner := self.owner(spot, func.value)):
            found = methods(owner).get(func.attr) if isinstance(func.value, ast.Name) else None
            heirs = self.family(spot, owner) if found is not None else []
            if found is None or sum(func.attr in methods(each) for _, each in heirs) > 1:
                return self._inherited(spot, owner, func) if isinstance(func.value, ast.Call) else None
            return spot, found, True
        if isinstance(func, ast.Name):
            for node in self._nested(spot, func):
                return spot, node, False
        for home, name in self.project.homes(spot, func):
            for function in functions(home.tree, name):
                return home, function, False
        return None

    def _inherited(self, spot: Spot, cls: ast.ClassDef, func: ast.Attribute) -> tuple[Spot, Function, bool] | None:
        """The method of the first class above that has one of the name which `super()` is asked for."""
        found = [(home, methods(each)[func.attr]) for home, each in self.bases(spot, cls) if func.attr in methods(each)]
        return (*found[0], True) if found else None

    def _nested(self, spot: Spot, name: ast.Name) -> Iterator[Function]:
        """The function of that name in a function round the call."""
        for above in spot.above(name):
            for node in (
                getattr(above, "body", ()) if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)) else ()
            ):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name.id:
                    yield node

    def only_call(self, spot: Spot, function: Function) -> bool:
        """Whether a function is mentioned once, but for imports and its definition."""
        if isinstance(spot.parents.get(function), ast.ClassDef):
            return self.project.count(rf"\.{function.name}\b", function.name) == 1
        found = [each for _, each in self.project.mentions(spot, function.name)]
        return sum(not isinstance(each, ast.ImportFrom) for each in found) == 1

    def family(self, spot: Spot, cls: ast.ClassDef) -> list[tuple[Spot, ast.ClassDef]]:
        """A class and those that are made from it."""
        found, at = [(spot, cls)], 0
        while at < len(found):
            home, one = found[at]
            at += 1
            for where, node in self.project.mentions(home, one.name):
                parent = where.parents.get(node)
                is_heir = isinstance(parent, ast.ClassDef) and node in parent.bases
                if isinstance(parent, ast.ClassDef) and is_heir and not any(parent is each for _, each in found):
                    found.append((where, parent))
        return found

    def bases(self, spot: Spot, cls: ast.ClassDef) -> list[tuple[Spot, ast.ClassDef]]:
        """The classes of the project that a class is made from."""
        found: list[tuple[Spot, ast.ClassDef]] = []
        for base in cls.bases:
            for home, name in self.project.homes(spot, base):
                node = defined(home.tree)[name]
                if isinstance(node, ast.ClassDef) and node is not cls:
                    found += [(home, node), *self.bases(home, node)]
        return found

    def same_everywhere(self, spot: Spot, function: Function, argument: ast.arg, value: ast.expr) -> bool:
        """Whether every call of a function is given the same expression for a parameter."""
        if isinstance(spot.parents.get(function), ast.ClassDef):
            return False
        words = ast.unparse(value)
        for where, node in self.project.mentions(spot, function.name):
            call = where.parents.get(node)
            if isinstance(call, ast.Call) and call.func is node:
                given = (each for each in [*call.args, *(k.value for k in call.keywords)] if ast.unparse(each) == words)
                if not any(parameter(function, call, each, False) is argument for each in given):
                    return False
        return True

    def constructor(self, spot: Spot, call: ast.Call) -> tuple[Spot, Function, bool] | None:
        """The `__init__` of the project's class that a call names."""
        for home, name in self.project.homes(spot, call.func):
            node = defined(home.tree)[name]
            if isinstance(node, ast.ClassDef) and "__init__" in methods(node):
                return home, methods(node)["__init__"], True
        return None

    def attributes(
        self, name: str, family: Sequence[tuple[Spot, ast.ClassDef]]
    ) -> Iterator[tuple[Spot, ast.Attribute]]:
        """Every `.name` in the project but those of `self` in the files of other classes."""
        pattern = rf"(?<!\bself)(?<!\bcls)\s*\.\s*{re.escape(name)}\b"
        own = [spot.shown for spot, _ in family]
        for spot in self.project.reading([*self.project.index.matching(name, pattern), *own], f".{name}"):
            for node in words(spot.tree).get(name, ()):
                if isinstance(node, ast.Attribute):
                    yield spot, node

    def own(self, spot: Spot, cls: ast.ClassDef, name: str) -> tuple[int, int, int]:
        """How often the classes of a family store and read `self.name`, and how often `.name` of others is read."""
        kin = [*self.family(spot, cls), *self.bases(spot, cls)]
        family = [each for _, each in kin]
        stores = loads = others = 0
        for where, node in self.attributes(name, kin):
            owner = self.owner(where, node.value)
            if owner is None:
                others += not qualified(where, node)
            elif owner in family:
                stores += isinstance(node.ctx, ast.Store)
                loads += isinstance(node.ctx, ast.Load)
        return stores, loads, others


def _bound_to(spot: Spot, name: ast.Name) -> ast.expr | None:
    """The expression that an assignment puts into a name, by itself or at the same place of a row."""
    parent = spot.parents.get(name)
    if isinstance(parent, ast.Assign):
        return parent.value
    if isinstance(parent, (ast.Tuple, ast.List)) and isinstance(outer := spot.parents.get(parent), ast.Assign):
        values = outer.value.elts if isinstance(outer.value, (ast.Tuple, ast.List)) else []
        if len(values) == len(parent.elts):
            return values[parent.elts.index(name)]
    return None
