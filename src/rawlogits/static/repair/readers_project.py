"""The project round a repair: its files, and where a name that one of them defines is mentioned."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rawlogits.static import notebook
from rawlogits.static.once import once
from rawlogits.static.repair.readers_index import MOST_READ, Index, module_path
from rawlogits.static.repair.readers_names import COMPREHENSIONS, binds
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Spots
from rawlogits.static.repair.taken_out_text import imports, qualified, table, words
from rawlogits.static.source import Unreadable

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Project:
    """The Python files and notebooks below the root of a repair."""

    spots: Spots
    unread: set[str] = field(default_factory=set)
    """Files with a name that was looked for, which do not parse."""
    read: set[str] = field(default_factory=set)
    """Files that were read for this repair."""
    much: set[str] = field(default_factory=set)
    """Words that stand in more files than are read for one repair."""
    _named: dict[tuple[str, str], list[tuple[Spot, ast.AST]]] = field(default_factory=dict)
    _held: dict[tuple[str, str], list[Spot]] = field(default_factory=dict)

    @property
    def index(self) -> Index:
        """What all files hold, which the repairs of a run share."""
        if "" not in self.spots.shelf:
            self.spots.shelf[""] = Index(self.spots.root)
        found: Index = self.spots.shelf[""]
        return found

    def reading(self, files: Iterable[str], word: str, in_passing: bool = False) -> list[Spot]:
        """Files that may read what a word names; one that does not parse is a doubt but `in_passing`."""
        found = sorted({*files})
        new = [each for each in found if each not in self.read]
        if len(new) + len(self.read) > MOST_READ:
            self.much.add(word)
            found = [each for each in found if each in self.read]
        self.read.update(found)
        return [spot for shown in found if (spot := self._spot(shown, in_passing))]

    def importing(self, home: Spot, word: str, name: str) -> list[Spot]:
        """The files in which a word stands that may import what `home` defines, by itself or through another file."""
        near = {each for holder in self.holders(home, name) for each in self.index.reaching(holder.shown)}
        return self.reading(near.intersection(self.index.holding(word)), word, True)

    def naming(self, home: Spot, name: str) -> list[Spot]:
        """The files in which a name stands that may be the one that `home` defines, or a text."""
        near = {each for holder in self.holders(home, name) for each in self.index.reaching(holder.shown)}
        quoted = self.index.matching(name, rf"[\"'.:]{re.escape(name)}[\"']")
        return self.reading([*near.intersection(self.index.holding(name)), *quoted], name)

    def _spot(self, shown: str, in_passing: bool) -> Spot | None:
        spot = self.spots.at(shown)
        try:
            _ = spot.tree
        except Unreadable:
            if not in_passing:
                self.unread.add(shown)
            return None
        return spot

    def doubts(self) -> list[str]:
        """What keeps the search from being complete."""
        found = [f"{shown} does not parse, and may read the value" for shown in sorted(self.unread)]
        found += [f"{word} stands in more files than are searched for readers" for word in sorted(self.much)]
        return [*found, "the project has more files than are searched for readers"] if self.index.cut else found

    def count(self, pattern: str, *words: str) -> int:
        """How often a pattern stands in the files that hold one of some words."""
        return self.index.count(pattern, *words)

    # -- what a mention means ------------------------------------------------------------------------------------

    def mentions(self, home: Spot, name: str) -> list[tuple[Spot, ast.AST]]:
        """The expressions (and imports, and texts of `__all__`) that name what `home` defines at its top."""
        key = (home.shown, name)
        if key not in self._named:
            self._named[key] = list(self._all_mentions(home, name))
        return self._named[key]

    def _all_mentions(self, home: Spot, name: str) -> Iterator[tuple[Spot, ast.AST]]:
        apart = home.shown.endswith(notebook.NOTEBOOK)
        for spot in [home] if apart else self.naming(home, name):
            for node in words(spot.tree).get(name, ()):
                if isinstance(node, ast.ImportFrom):
                    if spot is not home and self.holds(home, spot, _scope(node), name):
                        yield spot, node
                        yield from self._aliased(spot, node, name)
                elif self.is_named(home, spot, node, name):
                    yield spot, node

    def is_named(self, home: Spot, spot: Spot, node: ast.AST, name: str) -> bool:
        """Whether an expression names what `home` defines at its top."""
        if isinstance(node, ast.Attribute):
            return node.attr == name and self.is_namespace(spot, node.value, home, name)
        if isinstance(node, ast.Name) and node.id != name:
            full = imports(spot).get(node.id, "")
            return _last(full) == name and self.holds(home, spot, _module(full), name)
        return isinstance(node, (ast.Constant, ast.Name)) and self._means(spot, node, home, name)

    def homes(self, spot: Spot, node: ast.expr) -> Iterator[tuple[Spot, str]]:
        """The files that may define at their top what an expression names, and under which name."""
        word = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        full = imports(spot).get(word, "") if isinstance(node, ast.Name) else qualified(spot, node)
        if not word or full.split(".")[0] in table().frameworks:
            return
        name = full.rpartition(".")[2] or word
        for home in self.defining(name):
            if name in defined(home.tree) and self.is_named(home, spot, node, name):
                yield home, name

    def defining(self, name: str) -> list[Spot]:
        """The files that may define a function or a class of that name."""
        return self.reading(self.index.matching(name, rf"\b(?:def|class)[ \t]+{re.escape(name)}\b"), name, True)

    def _aliased(self, spot: Spot, node: ast.ImportFrom, name: str) -> Iterator[tuple[Spot, ast.AST]]:
        others = {alias.asname for alias in node.names if alias.name == name and alias.asname not in (None, name)}
        for other in others:
            for each in words(spot.tree).get(other or "", ()):
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
                    yield spot, each

    def _means(self, spot: Spot, node: ast.Constant | ast.Name, home: Spot, name: str) -> bool:
        if isinstance(node, ast.Constant):
            scope, _, last = str(node.value).replace(":", ".").rpartition(".")
            return last == name and (not scope or self.holds(home, spot, scope, name))
        if node.id != name or not isinstance(node.ctx, ast.Load) or is_local(spot, node, name):
            return False
        if spot is home:
            return True
        if home.shown.endswith(notebook.NOTEBOOK):
            return False
        full = imports(spot).get(name)
        if full is not None:
            return _last(full) == name and self.holds(home, spot, _module(full), name)
        return any(self.holds(home, spot, each, name) for each in _stars(spot))

    def holds(self, home: Spot, importer: Spot, dotted: str, name: str) -> bool:
        """Whether a dotted name can be the file that defines a name, or one that imports the name from there."""
        return any(self.is_module(each, importer, dotted) for each in self.holders(home, name) if each is not importer)

    def holders(self, home: Spot, name: str) -> list[Spot]:
        """The files in which a name is what one of them defines, as far as others can import it."""
        key = (home.shown, name)
        if key not in self._held:
            found = self._held[key] = [home]
            at = 0
            while at < len(found) and not home.shown.endswith(notebook.NOTEBOOK):
                one, at = found[at], at + 1
                for spot in self._takers(one, name):
                    if spot not in found and any(self.is_module(one, spot, each) for each in _taken(spot, name)):
                        found.append(spot)
        return self._held[key]

    def _takers(self, home: Spot, name: str) -> list[Spot]:
        """The files that may import a name from a file, or everything."""
        near = (
            self.index.reaching(home.shown)
            .intersection(self.index.holding(name))
            .union(self.index.starring(home.shown))
        )
        found = self.reading((each for each in near if not each.endswith(notebook.NOTEBOOK)), name)
        return [each for each in found if _taken(each, name)]

    def is_module(self, home: Spot, importer: Spot, dotted: str) -> bool:
        """Whether a dotted name can be the module of a file, or a package that it lies in.

        Next to the file that imports it, or at the root, a module is found before any other of that name.
        """
        parts = [part for part in dotted.split(".") if part]
        path, folder = module_path(home.shown), importer.shown.split("/")[:-1]
        level = len(dotted) - len(dotted.lstrip("."))
        if level:
            above = folder[: len(folder) + 1 - level]
            return path[: len(above) + len(parts)] == [*above, *parts]
        for base in (folder, []):
            if "/".join([*base, *parts]) in self.index.modules:
                return path[: len(base) + len(parts)] == [*base, *parts]
        if parts[-len(path) :] == path:
            return True
        return any(path[:end][-len(parts) :] == parts for end in range(len(parts), len(path) + 1))

    def is_outside(self, full: str) -> bool:
        """Whether a dotted name belongs to a package that is not among the project's files."""
        first = full.split(".")[0]
        return bool(first) and first not in self.index.names

    def is_namespace(self, spot: Spot, node: ast.expr, home: Spot, name: str) -> bool:
        """Whether an expression is a module in which a name is what `home` defines."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return False
        root = imports(spot).get(node.id)
        return root is not None and self.holds(home, spot, ".".join([root, *reversed(parts)]), name)


def _scope(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def _last(full: str) -> str:
    return full.rpartition(".")[2]


def _module(full: str) -> str:
    """The module of an imported name: of `.net.Net` it is `.net`, of `.Net` it is `.`."""
    scope, dot, _ = full.rpartition(".")
    return f"{scope}{dot}" if not scope.strip(".") else scope


def _stars(spot: Spot) -> list[str]:
    return [_scope(each) for each in words(spot.tree).get("*", ()) if isinstance(each, ast.ImportFrom)]


def _taken(spot: Spot, name: str) -> list[str]:
    """The modules from which a file imports a name, or everything."""
    found = (each for each in words(spot.tree).get(name, ()) if isinstance(each, ast.ImportFrom))
    return [*(_scope(each) for each in found), *_stars(spot)]


def is_local(spot: Spot, node: ast.AST, name: str) -> bool:
    """Whether a function or a comprehension round a node binds the name for itself."""
    for above in spot.above(node):
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and binds(above, name):
            return True
        if isinstance(above, COMPREHENSIONS) and any(
            isinstance(each, ast.Name) and each.id == name for one in above.generators for each in ast.walk(one.target)
        ):
            return True
    return False


@once
def defined(tree: ast.Module) -> dict[str, ast.stmt]:
    """The functions and classes at the top of a file, by name."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {each.name: each for each in tree.body if isinstance(each, kinds)}


def functions(tree: ast.Module, name: str) -> list[Function]:
    """The functions of that name at the top of a file."""
    found = (each for each in tree.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return [each for each in found if each.name == name]


def methods(node: ast.ClassDef) -> dict[str, Function]:
    """The functions that a class defines itself."""
    return {each.name: each for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))}


def parameter(function: Function, call: ast.Call, value: ast.expr, bound: bool) -> ast.arg | None:
    """The parameter at which an argument of a call arrives; None where stars hide it."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    if bound:
        arguments = arguments[1:]
    for number, each in enumerate(call.args):
        if isinstance(each, ast.Starred):
            return None
        if each is value:
            return arguments[number] if number < len(arguments) else None
    for keyword in call.keywords:
        if keyword.value is value and keyword.arg:
            named = [*arguments, *function.args.kwonlyargs]
            return next((each for each in named if each.arg == keyword.arg), None)
    return None
