"""What a call of the project calls: a function, a method of the class round it, or the constructor of a class."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from rawlogits.static.repair.readers_project import Function, Project, defined, functions, methods, parameter
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import qualified, words


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

    def called(self, spot: Spot, call: ast.Call) -> tuple[Spot, Function, bool] | None:
        """The project's function or method that a call names, and whether it comes with its object."""
        func = call.func
        if isinstance(func, ast.Attribute) and (owner := self.owner(spot, func.value)):
            found = methods(owner).get(func.attr)
            return (spot, found, True) if found is not None else None
        if isinstance(func, ast.Name):
            for node in self._nested(spot, func):
                return spot, node, False
        for home, name in self.project.homes(spot, func):
            for function in functions(home.tree, name):
                return home, function, False
        return None

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
            return self.project.count(rf"\.{function.name}\b") == 1
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
        words = ast.unparse(value)
        for where, node in self.project.mentions(spot, function.name):
            call = where.parents.get(node)
            if isinstance(call, ast.Call) and call.func is node:
                given = (each for each in [*call.args, *(k.value for k in call.keywords)] if ast.unparse(each) == words)
                if not any(parameter(function, call, each, False) is argument for each in given):
                    return False
        return not isinstance(spot.parents.get(function), ast.ClassDef)

    def constructor(self, spot: Spot, call: ast.Call) -> tuple[Spot, Function, bool] | None:
        """The `__init__` of the project's class that a call names."""
        for home, name in self.project.homes(spot, call.func):
            node = defined(home.tree)[name]
            if isinstance(node, ast.ClassDef) and "__init__" in methods(node):
                return home, methods(node)["__init__"], True
        return None

    def attributes(self, name: str) -> Iterator[tuple[Spot, ast.Attribute]]:
        """Every `.name` in the project."""
        for spot in self.project.mentioning(name):
            for node in words(spot.tree).get(name, ()):
                if isinstance(node, ast.Attribute):
                    yield spot, node

    def own(self, spot: Spot, cls: ast.ClassDef, name: str) -> tuple[int, int, int]:
        """How often the classes of a family store and read `self.name`, and how often `.name` of others is read."""
        family = [each for _, each in (*self.family(spot, cls), *self.bases(spot, cls))]
        stores = loads = others = 0
        for where, node in self.attributes(name):
            owner = self.owner(where, node.value)
            if owner is None:
                others += not qualified(where, node)
            elif owner in family:
                stores += isinstance(node.ctx, ast.Store)
                loads += isinstance(node.ctx, ast.Load)
        return stores, loads, others
