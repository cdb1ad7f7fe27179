"""The project round a repair: its files, and where a name that one of them defines is mentioned."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rawlogits.static import notebook
from rawlogits.static import source as sources
from rawlogits.static.once import once
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Spots
from rawlogits.static.repair.taken_out_text import imports, qualified, table, words
from rawlogits.static.source import Unreadable

MOST_FILES = 4000
"""Files of a project that are searched for readers."""
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist", "venv", "env"})
_PACKAGED = ("setup.py", "setup.cfg", "pyproject.toml")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Project:
    """The Python files and notebooks below the root of a repair."""

    spots: Spots
    cut: bool = False
    """Whether there are more files than are searched."""
    unread: set[str] = field(default_factory=set)
    """Files with a name that was looked for, which do not parse."""
    _texts: dict[str, bytes] = field(default_factory=dict)
    _mentions: dict[str, list[Spot]] = field(default_factory=dict)
    _named: dict[tuple[str, str], list[tuple[Spot, ast.AST]]] = field(default_factory=dict)

    def texts(self) -> dict[str, bytes]:
        """What each file holds, by the path that findings print."""
        if not self._texts:
            for path in self._paths():
                try:
                    self._texts[sources.shown_path(path, self.spots.root)] = sources.read(path).data
                except Unreadable:
                    continue
        return self._texts

    def _paths(self) -> Iterator[Path]:
        count = 0
        for place, folders, files in os.walk(self.spots.root):
            folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in _SKIPPED)
            for file in sorted(files):
                if file.endswith((".py", notebook.NOTEBOOK)):
                    count += 1
                    if count > MOST_FILES:
                        self.cut = True
                        return
                    yield Path(place, file)

    def mentioning(self, word: str) -> list[Spot]:
        """The files in whose text a word stands."""
        if word not in self._mentions:
            pattern = re.compile(rf"\b{re.escape(word)}\b".encode())
            self._mentions[word] = [
                spot for shown, data in self.texts().items() if pattern.search(data) and (spot := self._spot(shown))
            ]
        return self._mentions[word]

    def _spot(self, shown: str) -> Spot | None:
        spot = self.spots.at(shown)
        try:
            _ = spot.tree
        except Unreadable:
            self.unread.add(shown)
            return None
        return spot

    def count(self, pattern: str) -> int:
        """How often a pattern stands in the project's text."""
        compiled = re.compile(pattern.encode())
        return sum(len(compiled.findall(data)) for data in self.texts().values())

    @property
    def packaged(self) -> bool:
        """Whether the project is made to be installed, so that others may import what it exports."""
        return any(os.path.isfile(self.spots.root / each) for each in _PACKAGED)

    # -- what a mention means ------------------------------------------------------------------------------------

    def mentions(self, home: Spot, name: str) -> list[tuple[Spot, ast.AST]]:
        """The expressions (and imports, and texts of `__all__`) that name what `home` defines at its top."""
        key = (home.shown, name)
        if key not in self._named:
            self._named[key] = list(self._all_mentions(home, name))
        return self._named[key]

    def _all_mentions(self, home: Spot, name: str) -> Iterator[tuple[Spot, ast.AST]]:
        apart = home.shown.endswith(notebook.NOTEBOOK)
        for spot in [home] if apart else self.mentioning(name):
            for node in words(spot.tree).get(name, ()):
                if isinstance(node, ast.ImportFrom):
                    if spot is not home and is_module(home, spot, _scope(node)):
                        yield spot, node
                        yield from self._aliased(spot, node, name)
                elif self.is_named(home, spot, node, name):
                    yield spot, node

    def is_named(self, home: Spot, spot: Spot, node: ast.AST, name: str) -> bool:
        """Whether an expression names what `home` defines at its top."""
        if isinstance(node, ast.Attribute):
            return node.attr == name and self._is_module(spot, node.value, home)
        if isinstance(node, ast.Name) and node.id != name:
            full = imports(spot).get(node.id, "")
            return full.rpartition(".")[2] == name and is_module(home, spot, full.rpartition(".")[0] or full)
        return isinstance(node, (ast.Constant, ast.Name)) and self._means(spot, node, home, name)

    def homes(self, spot: Spot, node: ast.expr) -> Iterator[tuple[Spot, str]]:
        """The files that may define at their top what an expression names, and under which name."""
        word = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        full = imports(spot).get(word, "") if isinstance(node, ast.Name) else qualified(spot, node)
        if not word or full.split(".")[0] in table().frameworks:
            return
        name = full.rpartition(".")[2] or word
        for home in self.mentioning(name):
            if name in defined(home.tree) and self.is_named(home, spot, node, name):
                yield home, name

    def _aliased(self, spot: Spot, node: ast.ImportFrom, name: str) -> Iterator[tuple[Spot, ast.AST]]:
        others = {alias.asname for alias in node.names if alias.name == name and alias.asname not in (None, name)}
        for other in others:
            for each in words(spot.tree).get(other or "", ()):
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
                    yield spot, each

    def _means(self, spot: Spot, node: ast.Constant | ast.Name, home: Spot, name: str) -> bool:
        if isinstance(node, ast.Constant):
            return bool(node.value == name)
        if node.id != name or not isinstance(node.ctx, ast.Load) or is_local(spot, node, name):
            return False
        if spot is home:
            return True
        if home.shown.endswith(notebook.NOTEBOOK):
            return False
        full = imports(spot).get(name)
        if full is not None:
            return is_module(home, spot, full.rpartition(".")[0] or full) and full.rpartition(".")[2] == name
        stars = (each for each in words(spot.tree).get("*", ()) if isinstance(each, ast.ImportFrom))
        return any(is_module(home, spot, _scope(each)) for each in stars)

    def _is_module(self, spot: Spot, node: ast.expr, home: Spot) -> bool:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return False
        root = imports(spot).get(node.id)
        return root is not None and is_module(home, spot, ".".join([root, *reversed(parts)]))


def _scope(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def is_module(home: Spot, importer: Spot, dotted: str) -> bool:
    """Whether a dotted name can be the module of a file, or a package that it lies in."""
    parts = [part for part in dotted.split(".") if part]
    folder, _, file = home.shown.rpartition("/")
    path = [*(folder.split("/") if folder else []), file.removesuffix(".py")]
    if path[-1] == "__init__":
        path.pop()
    if not parts:
        return importer.shown.rpartition("/")[0] == folder
    if parts[-len(path) :] == path:
        return True
    return any(path[:end][-len(parts) :] == parts for end in range(len(parts), len(path) + 1))


def is_local(spot: Spot, node: ast.AST, name: str) -> bool:
    """Whether a function round a node binds the name for itself."""
    for above in spot.above(node):
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            arguments = above.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            if any(each is not None and each.arg == name for each in named):
                return True
            if isinstance(above, ast.Lambda):
                continue
            for each in ast.walk(above):
                if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store):
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
