"""Modules of the project and what their names mean, without importing anything.

A module's names are bound by its top-level statements; which statements bind (or touch) a name is known after
one look, and only those run when the name is asked for.
"""

from __future__ import annotations

import ast
import bisect
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rawlogits.static import notebook
from rawlogits.static import source as sources
from rawlogits.static.bodies import parsed_class
from rawlogits.static.source import Source, Unreadable
from rawlogits.static.values import Frame, Value

_WORD = re.compile(r"[A-Za-z_]\w*\(?")


_PART = re.compile(r"^(?:([ \t]*)(?:async +)?def +(\w+)|class +(\w+)|([A-Za-z_@]))", re.MULTILINE)
_OUTERMOST = 1_000
"""Deeper than any line is indented."""
_HEAD = re.compile(r"^(?:(@)|(?:async +)?def +(\w+)|class +(\w+)|([^\s#)\]}@]))", re.MULTILINE)


@dataclass(slots=True, eq=False)
class Definition:
    """A function with a name of its own, wherever in the module it stands."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    owner: tuple[ast.ClassDef, ...]
    """The classes round it, outermost first; empty for a plain function."""
    module: Module

    @property
    def words(self) -> frozenset[str]:
        """The words of its lines."""
        return self.module.words(self.node)


@dataclass(eq=False)
class Part:
    """The text from one `def` or `class` line to the next."""

    name: str
    """The function's name; "" for the head of a class or of the module."""
    line: int
    cls: str
    """The class round it."""
    text: str = ""
    at: int = 0
    """Where in the module's text it begins."""

    @cached_property
    def words(self) -> frozenset[str]:
        return words_in(self.text)


@dataclass(slots=True, eq=False)
class Unit:
    """One top-level statement. A function or a class is parsed when first needed: most never are."""

    line: int
    name: str = ""
    """What a function or class is called; "" for any other statement."""
    text: str = ""
    node: ast.stmt | None = None
    done: bool = False


@dataclass(eq=False)
class Module:
    """A module: its source, its top-level statements, its names and the values that some of them already have."""

    name: str
    source: Source
    project: Project
    globals: dict[str, Value] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    """Names that no `import *` brings."""

    @cached_property
    def frame(self) -> Frame:
        return Frame(self, self.globals)

    @cached_property
    def units(self) -> list[Unit]:
        """The top-level statements in order, cut out of the text by its unindented lines.

        Where the cut goes through a string, a part does not parse; then the whole text is parsed instead.
        """
        text = self.source.text
        units, plain, at, line = [], [], 0, 1
        for start, end, name in _cuts(text):
            plain.append(text[at:start])
            line += text.count("\n", at, start)
            units.append(Unit(line, name, text[start:end]))
            lines = text.count("\n", start, end)
            plain.append("\n" * lines)
            at, line = end, line + lines
        plain.append(text[at:])
        begun = [unit.line for unit in units]
        try:
            rest = sources.parse("".join(plain))
        except Unreadable:
            return self._whole()
        if any(_holds(node, begun) for node in rest):  # the cut is text inside a string
            return self._whole()
        units += [Unit(node.lineno, node=node) for node in rest]
        units.sort(key=lambda unit: unit.line)
        return units

    def _whole(self) -> list[Unit]:
        try:
            body = sources.parse(self.source.text)
        except Unreadable as error:
            self.project.failed(self.source.shown, error)
            return []
        return [Unit(node.lineno, getattr(node, "name", ""), node=node) for node in body]

    def node(self, unit: Unit) -> ast.stmt | None:
        """The statement of a unit, parsed now if it was not; None when the file does not parse."""
        if unit.node is None:
            try:
                unit.node = parsed_class(unit.text, unit.line)
                if unit.node is None:
                    unit.node = sources.parse("\n" * (unit.line - 1) + unit.text)[0]
            except (Unreadable, IndexError):
                whole = self._whole()
                self.units = whole
                self.__dict__.pop("bindings", None)
                found = [u.node for u in whole if u.name == unit.name]
                unit.node = found[-1] if found else ast.Pass()
                return found[-1] if found else None
        return unit.node

    def units_at(self, lines: Iterable[int]) -> list[Unit]:
        """The units in which these lines lie."""
        starts = [unit.line for unit in self.units]
        return [self.units[i] for i in sorted({bisect.bisect_right(starts, line) - 1 for line in lines}) if i >= 0]

    def mentions(self, name: str) -> bool:
        """Whether it is worth asking for the bindings of a name: the text of a module not cut yet must hold it."""
        return "bindings" in self.__dict__ or name in self.source.text

    @cached_property
    def bindings(self) -> dict[str, list[Unit]]:
        """Name -> the units that bind it or change what it is bound to, in order."""
        found: dict[str, list[Unit]] = {}
        for unit in self.units:
            for name in [unit.name] if unit.name else dict.fromkeys(bound_names(unit.node)) if unit.node else ():
                found.setdefault(name, []).append(unit)
        return found

    @cached_property
    def stars(self) -> list[ast.ImportFrom]:
        """The `from x import *` statements."""
        if "import *" not in self.source.text:
            return []
        plain = (unit.node for unit in self.units if not unit.name and unit.node is not None)
        nodes = (n for s in plain for n in _flat(s) if isinstance(n, ast.ImportFrom))
        return [n for n in nodes if n.names[0].name == "*"]

    @cached_property
    def parts(self) -> list[Part]:
        """The text cut at every `def`, every `class` and what follows them, without parsing it: who names what."""
        text, found = self.source.text, [Part("", 1, "")]
        line, at, cls, level = 1, 0, "", _OUTERMOST
        for match in _PART.finditer(text):
            indent, function, name, _ = match.groups()
            if function and len(indent or "") > level:
                continue  # a function within the function that is being read
            level = len(indent or "") if function else _OUTERMOST
            if not function and not name and not found[-1].name and not found[-1].cls:
                continue
            found[-1].text = text[at : match.start()]
            line += text.count("\n", at, match.start())
            at = match.start()
            cls = name or (cls if indent or not function else "")
            found.append(Part(function or "", line, cls if function or name else "", at=at))
        found[-1].text = text[at:]
        return found

    @cached_property
    def part_starts(self) -> list[int]:
        """Where the parts begin."""
        return [part.at for part in self.parts]

    def definitions(self, units: Iterable[Unit]) -> list[Definition]:
        """Every function and method in some units, without those within functions."""
        nodes = [node for unit in units if (node := self.node(unit)) is not None]
        return list(self._definitions(nodes, ()))

    def _definitions(self, body: list[ast.stmt], owner: tuple[ast.ClassDef, ...]) -> Iterator[Definition]:
        for statement in body:
            for node in _flat(statement):
                if isinstance(node, ast.ClassDef):
                    yield from self._definitions(node.body, (*owner, node))
                elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield Definition(node, owner, self)

    def words(self, node: ast.AST) -> frozenset[str]:
        """Every identifier-like word in the lines of a node; one that is called also as `word(`."""
        return words_in("\n".join(self.source.lines[node.lineno - 1 : node.end_lineno]))  # type: ignore[attr-defined]

    @cached_property
    def package(self) -> Path:
        """The folder that relative imports start from."""
        return self.source.path.parent

    @cached_property
    def added_paths(self) -> list[Path]:
        """Folders that literal `sys.path` edits add."""
        text = self.source.text
        found = []
        for call in re.findall(r"sys\.path\.(?:append|insert)\(([^\n]*)", text):
            literal = "/".join(re.findall(r"[\"']([^\"'\n]+)[\"']", call))
            if not literal:
                continue
            found += [
                Path(os.path.normpath(self.package / literal)),
                Path(os.path.normpath(self.project.root / literal)),
            ]
        return found


def _holds(node: ast.stmt, lines: list[int]) -> bool:
    """Whether one of these lines lies behind the first one of a statement."""
    end = node.end_lineno or node.lineno
    if end == node.lineno:
        return False
    after = bisect.bisect_right(lines, node.lineno)
    return after < len(lines) and lines[after] <= end


def words_in(text: str) -> frozenset[str]:
    """The words of a text.

    >>> sorted(words_in("loss = criterion(out)"))
    ['criterion', 'criterion(', 'loss', 'out']
    """
    found = set(map(sys.intern, _WORD.findall(text)))  # few words, met again and again
    return frozenset(found | {word[:-1] for word in found if word.endswith("(")})


def _cuts(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of each top-level function and class, decorators included."""
    start, name = -1, ""
    for match in _HEAD.finditer(text):
        decorator, function, cls, other = match.groups()
        if start >= 0 and (name or other):
            if name:
                yield start, match.start(), name
            start, name = -1, ""
        if decorator and start < 0:
            start = match.start()
        elif function or cls:
            start = match.start() if start < 0 else start
            name = function or cls
    if start >= 0 and name:
        yield start, len(text), name


def _flat(statement: ast.stmt) -> Iterator[ast.stmt]:
    """A statement and those in its branches, without entering functions and classes."""
    yield statement
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    if isinstance(statement, ast.If) and _only_for_types(statement.test):
        return
    for block in ("body", "orelse", "finalbody"):
        for inner in getattr(statement, block, ()):
            yield from _flat(inner)
    for handler in getattr(statement, "handlers", ()):
        for inner in handler.body:
            yield from _flat(inner)
    for case in getattr(statement, "cases", ()):
        for inner in case.body:
            yield from _flat(inner)


def _only_for_types(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement binds, or whose objects it changes."""
    for node in _flat(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield alias.asname or (alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name)
        elif isinstance(node, ast.Expr):
            yield from _touched(node.value)
        else:
            for target in _targets(node):
                yield from _root_names(target)


def _targets(node: ast.stmt) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign):
        yield from node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        yield node.target
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        yield from (item.optional_vars for item in node.items if item.optional_vars is not None)


def _root_names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from _root_names(element)
    elif isinstance(target, (ast.Attribute, ast.Subscript, ast.Starred)):
        yield from _root_names(target.value)


def _touched(expression: ast.expr) -> Iterator[str]:
    """The name whose object `parser.add_argument(...)` or `REGISTRY.update(...)` changes."""
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
        yield from _root_names(expression.func.value)


def kind_of(path: str) -> str:
    """What an import finds at a path: "package", "module", "folder" or "" for nothing."""
    if os.path.isfile(os.path.join(path, "__init__.py")):
        return "package"
    if os.path.isfile(path + ".py"):
        return "module"
    return "folder" if os.path.isdir(path) else ""


class Project:
    """The files that can be reached: finds, reads and keeps modules by path.

    root: the folder that paths are shown relative to and above which no import is looked for.
    """

    def __init__(self, root: Path, external: frozenset[str], failed: Callable[[str, Unreadable], None]) -> None:
        self.root = root
        self.external = external
        self.failed = failed
        self.modules: dict[Path, Module | None] = {}
        self.edges: dict[str, set[str]] = {}
        """File -> the files that it was seen to import, by the paths that are shown."""
        self.probes: dict[str, str] = {}
        """Path without a suffix -> what was found there: "package", "module", "folder" or "" for nothing."""
        self._found: dict[tuple[str, str], Path | None] = {}

    def load(self, path: Path, raw: sources.Raw | None = None) -> Module | None:
        """The module at `path`, parsed once; None (and reported) when it cannot be."""
        if path not in self.modules:
            shown = sources.shown_path(path, self.root)
            if not path.suffix:  # a folder without __init__: a namespace
                self.modules[path] = Module(path.name, Source(path / "__init__.py", shown, ""), self)
                return self.modules[path]
            try:
                source = sources.load(raw or notebook.read(path), shown)
                for error in notebook.without_broken(source):
                    self.failed(shown, error)
                self.modules[path] = Module(path.stem, source, self)
            except Unreadable as error:
                self.failed(shown, error)
                self.modules[path] = None
        return self.modules[path]

    def follow(self, path: Path, importer: Module) -> Module | None:
        """The module at `path`, and remember who reads it."""
        self.edges.setdefault(importer.source.shown, set()).add(sources.shown_path(path, self.root))
        return self.load(path)

    def find(self, dotted: str, importer: Module) -> Path | None:
        """The file of the absolute import `dotted`, as seen from `importer`; None when it lies outside."""
        key = (str(importer.package), dotted)
        if key not in self._found:
            top = dotted.split(".")[0]
            outside = top in self.external and not self._is_own(top, importer)
            self._found[key] = None if outside else self._search(dotted, importer)
        return self._found[key]

    def _is_own(self, top: str, importer: Module) -> bool:
        """Whether the project has a package or a file of a framework's name where Python looks first.

        So it is in the framework's own repository, and next to a script; inside a package it takes a relative import.
        """
        root = str(self.root)
        places = (place for place in (root, os.path.join(root, "src"), str(importer.package)) if place.startswith(root))
        return any(
            self._kind(place) != "package" and self._kind(os.path.join(place, top)) in ("package", "module")
            for place in places
        )

    def _search(self, dotted: str, importer: Module) -> Path | None:
        parts = dotted.split(".")
        folder, places = importer.package, []
        stop = os.path.abspath(self.root)
        while True:
            places += [folder, folder / "src"]
            if str(folder) == stop or folder.parent == folder or not str(folder).startswith(stop):
                break
            folder = folder.parent
        for place in [*places, *importer.added_paths]:
            found = self.below(place, parts)
            if found is not None:
                return found
        return None

    def below(self, folder: Path, parts: list[str]) -> Path | None:
        """`parts` under `folder`: a module, a package's `__init__`, or a bare folder (a namespace)."""
        path = os.path.join(folder, *parts)
        kind = self._kind(path)
        if kind == "package":
            return Path(path, "__init__.py")
        if kind == "module":
            return Path(path + ".py")
        return Path(path) if kind == "folder" and parts else None

    def _kind(self, path: str) -> str:
        if path not in self.probes:
            self.probes[path] = kind_of(path)
        return self.probes[path]

    def relative(self, importer: Module, level: int, dotted: str) -> Path | None:
        """The file of `from ..dotted import` in `importer`."""
        folder = importer.package
        for _ in range(level - 1):
            folder = folder.parent
        parts = [part for part in dotted.split(".") if part]
        found = self.below(folder, parts)
        return folder if found is None and not parts and self._kind(str(folder)) == "folder" else found
