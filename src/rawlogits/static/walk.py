"""The walker: which files, which entry points, in which order; and what came of it.

A look at the bytes of every file finds those that name a loss (or write a logarithm of an activation, or the
like). They are parsed; their scripts run first, then every function that demands something and that nobody
called. Modules are pulled in as names need them.
"""

from __future__ import annotations

import ast
import bisect
import gc
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rawlogits.finding import Arrival, Place
from rawlogits.static import attributes, calls, expressions, imports, notebook, statements
from rawlogits.static import source as sources
from rawlogits.static.engine import Args, Engine
from rawlogits.static.heat import SCRIPT, Demands, Heat, named_modules
from rawlogits.static.names import Definition, Module, Part, Project
from rawlogits.static.record import Key, LossSite, Record, key_of
from rawlogits.static.source import Raw, Unreadable
from rawlogits.static.values import Class, Const, Ext, Func, Value
from rawlogits.table.lookup import Table
from rawlogits.table.row import Verb, spelling

Progress = Callable[[int, int, str], None]
_RECURSION = 12_000
_MOST_HEIRS = 16
MOST_STEPS = 40_000
"""Statements and expressions that a script may take."""
MOST_FUNCTION_STEPS = 15_000
"""And a function that nobody calls: its arguments are not known, so going deep tells little."""
MOST_CALLER_STEPS = 2_000
"""And one that demands nothing itself."""
MOST_CALLING_STEPS = 2_000_000
"""Steps of all entry points together after which no more such callers are run, and"""
MOST_DEMANDING_STEPS = 6_000_000
"""after which no function is."""
_OPEN = ("self(", "__call__", "NotImplementedError", "abstractmethod")
_STAR = re.compile(rb"from +[.\w]*?(\w*) +import +\*")
_IMPORT = re.compile(rb"\n(?:from ([.\w]+) import|import ([.\w]+))")


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read or parsed; with a `cell` only that one of the notebook."""

    path: str
    line: int | None
    message: str
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A loss whose scores could not be traced to their origin."""

    place: Place
    operator: str
    reason: str


@dataclass(slots=True)
class ScanResult:
    """What the static observer saw."""

    arrivals: list[Arrival] = field(default_factory=list)
    files_scanned: int = 0
    failures: list[Failure] = field(default_factory=list)
    losses_checked: int = 0
    losses_resolved: int = 0
    unresolved: list[Unresolved] = field(default_factory=list)
    suppressions: dict[str, dict[int, frozenset[str] | None]] = field(default_factory=dict)
    """By `Place.home`."""
    skipped: set[str] = field(default_factory=set)
    """Notebooks in other languages."""


class Entry(NamedTuple):
    """Where to begin: a function by its file, line and name, or a whole file as a script."""

    shown: str
    line: int = 0
    name: str = ""


class Head(NamedTuple):
    """A class by its file and name, with the words of its bases."""

    shown: str
    name: str
    bases: tuple[str, ...]


class _Parts:
    evaluate = staticmethod(expressions.evaluate)
    execute = staticmethod(statements.execute)
    call = staticmethod(calls.call)
    attribute = staticmethod(attributes.attribute)


class Walker:
    """One scan. `strict`: a mistake of the walker itself ends it, as tests want it."""

    strict = False

    def __init__(self, root: Path, table: Table, named: Collection[Path] = ()) -> None:
        self.result = ScanResult()
        self.failed: dict[tuple[str, int | None], Failure] = {}
        self.named = frozenset(named)
        """Files that were given by name, not found below a folder."""
        self.table = table
        self.project = Project(root, table.frameworks, self._fail)
        self.engine = Engine(self.project, table, _Parts())
        self.root = root
        self.demands = Demands(table)
        self.heat = Heat(self.demands)
        self.engine.writes_out = self.demands.writes_out
        self.heads: list[Head] = []
        """Every class with bases that may be a subclass of one with an entry point."""
        self._definitions: dict[Entry, Definition] = {}
        self._by_base: dict[str, list[Head]] | None = None

    def _fail(self, shown: str, error: Unreadable) -> None:
        self.failed[shown, error.cell] = Failure(shown, error.line, str(error), error.cell)

    # -- files ---------------------------------------------------------------------------------------------------

    def scan(self, files: Sequence[Path], progress: Progress | None) -> ScanResult:
        """Look at every file, run what demands something, collect."""
        limit, threshold, collecting = sys.getrecursionlimit(), gc.get_threshold(), gc.isenabled()
        sys.setrecursionlimit(max(limit, _RECURSION))
        gc.disable()  # trees live to the end: looking through them again and again finds nothing
        try:
            entries = self._prepared(files, progress)
            gc.freeze()
            if collecting:
                gc.enable()
                gc.set_threshold(100_000, 50, 100)
            for number, entry in enumerate(entries):
                if progress is not None:
                    progress(len(files) + number, len(files) + len(entries), entry.shown)
                self.engine.before.add(self._run(entry))
            return self._collected(len(files))
        finally:
            sys.setrecursionlimit(limit)
            gc.unfreeze()
            gc.set_threshold(*threshold)
            if collecting:
                gc.enable()

    def _prepared(self, files: Sequence[Path], progress: Progress | None) -> list[Entry]:
        """The entry points of the files that are worth it."""
        wanted, importers = self._prefilter(files, progress)
        modules = [m for m in (self.project.load(raw.path, raw) for raw in wanted) if m is not None]
        self.heat.spread(modules)
        pulled = self._pulled(modules, importers)
        if pulled:
            modules += pulled
            self.heat.spread(pulled, asking=False)
        self.engine.hot = self.heat.hot
        self.engine.held = {module.source.shown: words for module, words in self.heat.held.items()}
        self.heads = [Head(module.source.shown, name, tuple(bases)) for module, name, bases in self.heat.heads]
        return list(self._entries(modules))

    def _prefilter(self, files: Sequence[Path], progress: Progress | None) -> tuple[list[Raw], dict[str, list[Path]]]:
        """The files to parse, and for each imported module's last name the other files that import it."""
        wanted: list[Raw] = []
        starred: list[Raw] = []
        importers: dict[str, list[Path]] = {}
        for number, path in enumerate(files):
            if progress is not None:
                progress(number, 2 * len(files), sources.shown_path(path, self.root))
            try:
                raw = notebook.read(path, self.demands.mentions, path in self.named)
                if b"\0" in raw.data:
                    _ = raw.text
            except Unreadable as error:
                self._fail(sources.shown_path(path, self.root), error)
                continue
            if raw.skipped:
                self.result.skipped.add(sources.shown_path(path, self.root))
            for line, words in sources.suppressions(raw).items():
                cell, line = (None, line) if raw.layout is None else raw.layout.at(line)
                home = Place(sources.shown_path(path, self.root), line, 1, line, 1, cell).home
                self.result.suppressions.setdefault(home, {})[line] = words
            asks = self.demands.asks(raw.data)
            if asks and self.demands.rooted(raw.data):
                wanted.append(raw)
            elif asks and b"import *" in raw.data:
                starred.append(raw)
            else:
                for match in _IMPORT.finditer(b"\n" + raw.data):
                    name = (match[1] or match[2]).rsplit(b".", 1)[-1].decode(errors="replace")
                    importers.setdefault(name, []).append(path)
                for name in named_modules(raw.data.decode(errors="replace")) if b"import_module(" in raw.data else ():
                    importers.setdefault(name, []).append(path)
        return [*wanted, *self._rooted(starred, files)], importers

    def _rooted(self, starred: list[Raw], files: Sequence[Path]) -> list[Raw]:
        """The files that have operators by `import *`, straight from a framework's user or over several files."""
        found: list[Raw] = []
        names = {match[1].decode() for raw in starred for match in _STAR.finditer(raw.data)}
        roots = {_stem(path) for path in files if _stem(path) in names and self._is_rooted(path)}
        while True:
            more = [raw for raw in starred if not roots.isdisjoint(m[1].decode() for m in _STAR.finditer(raw.data))]
            if not more:
                return found
            found += more
            starred = [raw for raw in starred if raw not in more]
            roots |= {_stem(raw.path) for raw in more}

    def _is_rooted(self, path: Path) -> bool:
        try:
            return self.demands.rooted(notebook.read(path).data)
        except Unreadable:
            return False

    def _pulled(self, modules: Sequence[Module], importers: dict[str, list[Path]]) -> list[Module]:
        """Scripts, and subclasses of loops that call what only a subclass has, that import a module which demands."""
        wanted: dict[Path, set[bytes]] = {}
        for module in modules:
            name = module.name if module.name != "__init__" else module.package.name
            if name not in importers:
                continue
            open_ = {p.cls for p in module.parts if p.name and p.cls in self.heat.classes and p.cls and _leaves_open(p)}
            for path in importers[name]:
                wanted.setdefault(path, set()).update(cls.encode() for cls in open_)
        pulled: list[Module | None] = []
        for path, classes in wanted.items():
            raw = notebook.read(path)
            if SCRIPT.search(b"\n" + raw.data) or any(cls in raw.data for cls in classes):
                pulled.append(self.project.load(path, raw))
        return [module for module in pulled if module is not None]

    # -- entry points --------------------------------------------------------------------------------------------

    def _entries(self, modules: Sequence[Module]) -> Iterator[Entry]:
        """Scripts, then functions that no other one calls by name, then the rest."""
        found: list[Definition] = []
        for module in modules:
            lines = [part.line for part in self.heat.worth(module)]
            units = (unit for unit in module.units_at(lines) if unit.name)
            found += [d for d in module.definitions(units) if self._demanding(d, module, lines)]
            if self._is_script(module):
                yield Entry(module.source.shown)
        called = {word for d in found for word in d.words - {f"{d.node.name}("} if word.endswith("(")}
        found.sort(key=lambda d: (f"{d.node.name}(" in called, d.node.name.startswith("_")))
        for definition in found:
            entry = Entry(definition.module.source.shown, definition.node.lineno, definition.node.name)
            self._definitions[entry] = definition
            yield entry

    def _definition(self, entry: Entry, module: Module) -> Definition | None:
        known = self._definitions.get(entry)
        if known is None:
            found = module.definitions(module.units_at([entry.line]))
            known = next((d for d in found if (d.node.lineno, d.node.name) == (entry.line, entry.name)), None)
        return known

    def _is_script(self, module: Module) -> bool:
        """Whether the module body itself does something that demands; a notebook always may."""
        if module.source.path.suffix == notebook.NOTEBOOK:
            return True
        loose = [unit.node for unit in module.units if not unit.name and unit.node is not None]
        doing = [node for node in loose if not isinstance(node, (ast.Import, ast.ImportFrom))]
        words = frozenset().union(*(module.words(node) for node in doing))
        if self._worth(words, module) or not self.demands.activating.isdisjoint(words):
            return True
        return not self.demands.logarithms.isdisjoint(words) and self.demands.activates(module.source.text)

    def _worth(self, words: frozenset[str], module: Module, cls: str = "") -> bool:
        held = self.heat.held_by_class.get(cls)
        if held is not None and not held.isdisjoint(words):
            return True
        return self.engine.demands(words, module) or self.demands.computes(words)

    def _demanding(self, definition: Definition, module: Module, lines: Sequence[int]) -> bool:
        """Whether a function is an entry point; `lines` are those of the parts worth running, in order."""
        node = definition.node
        first = bisect.bisect_left(lines, min([node.lineno, *(d.lineno for d in node.decorator_list)]))
        if first == len(lines) or lines[first] > (node.end_lineno or node.lineno):
            return False
        cls = definition.owner[-1].name if definition.owner else ""
        return self._worth(definition.words, module, cls)

    def _run(self, entry: Entry) -> Record:
        """Run one entry point. What goes wrong inside is said of its file, and the others are still run."""
        engine = self.engine
        engine.steps = engine.call_depth = engine.expression_depth = 0
        engine.limit = MOST_STEPS
        engine.facts, engine.journal, engine.exits = [], [], []
        engine.stack, engine.callers = [], []
        engine.tests, engine.settled = {}, {}
        engine.record = Record()
        try:
            self._enter(entry)
        except RecursionError:
            pass
        except Exception as error:
            if self.strict:
                raise
            message = f"is not checked to its end, by a mistake in rawlogits ({error!r}): please report it"
            self.failed.setdefault((entry.shown, None), Failure(entry.shown, None, message))
        engine.forget_waiting()
        engine.record.steps = engine.steps
        return engine.record

    def _enter(self, entry: Entry) -> None:
        module = self.project.load(sources.full_path(entry.shown, self.root))
        if module is None:
            return
        self.engine.record.modules.add(entry.shown)
        definition = self._definition(entry, module) if entry.line else None
        if definition is not None:
            self._function(module, definition)
        elif not entry.line:
            self._script(module)

    def _script(self, module: Module) -> None:
        """A module body from top to bottom, as `python file.py` would run it."""
        module.globals["__name__"] = Const("__main__")
        frame = module.frame
        for unit in module.units:
            if unit.done:
                continue
            statement = module.node(unit)
            unit.done = True
            if statement is not None and not self.engine.execute([statement], frame):
                return

    def _function(self, module: Module, definition: Definition) -> None:
        """A function that nobody called, over unknown arguments; a method on an object built with defaults."""
        reached = self.engine.reached(module, definition.node)
        if reached and not definition.owner:
            return
        engine, frame = self.engine, module.frame
        engine.limit = self._share(definition)
        if not engine.limit:
            return
        if not definition.owner:
            value: Value | None = imports.global_name(engine, module, definition.node.name)
            func = value if isinstance(value, Func) and value.node is definition.node else Func(definition.node, module)
            self._read(calls.run(engine, func, Args(open=True), definition.node, frame), definition)
            return
        owner = self._class(module, definition.owner)
        receivers = [*([] if reached else [owner]), *self._heirs(owner)]
        for receiver in receivers:
            reached = engine.reached(module, definition.node)
            if engine.steps < engine.limit and key_of(receiver.module, receiver.node) not in reached:
                self._method(receiver, owner, definition)

    def _share(self, definition: Definition) -> int:
        """The steps that a function may take: one that only calls what demands is worth less, and all have an end."""
        words, cls = definition.words, definition.owner[-1].name if definition.owner else ""
        held = self.heat.held_by_class.get(cls, self.demands.losses)
        if self.demands.losses.isdisjoint(words) and held.isdisjoint(words) and not self.demands.computes(words):
            return max(0, min(MOST_CALLER_STEPS, MOST_CALLING_STEPS - self.engine.before.steps))
        return max(0, min(MOST_FUNCTION_STEPS, MOST_DEMANDING_STEPS - self.engine.before.steps))

    def _method(self, cls: Class, owner: Class, definition: Definition) -> None:
        engine = self.engine
        obj = calls.instantiate(engine, cls, Args(), cls.node, cls.module.frame)
        found = attributes.class_attribute(engine, cls, definition.node.name)
        func = found[0] if found is not None and found[1].node is owner.node else None
        if not isinstance(func, Func) or func.node is not definition.node:
            func = Func(definition.node, owner.module, owner.closure, owner)
        kind = {"static": None, "class": cls}.get(func.kind, obj)
        bound = func if kind is None else func.bind(kind)
        self._read(calls.run(engine, bound, Args(open=True), definition.node, owner.module.frame), definition)

    def _read(self, result: Value, definition: Definition) -> None:
        """What a function gives that computes by hand may hold the computation, still to be done."""
        if self.demands.writes_out(definition.words):
            self.engine.force(result)

    def _class(self, module: Module, path: tuple[ast.ClassDef, ...]) -> Class:
        value = imports.global_name(self.engine, module, path[0].name)
        for node in path[1:]:
            found = attributes.class_attribute(self.engine, value, node.name) if isinstance(value, Class) else None
            value = self.engine.force(found[0]) if found is not None else None
        return value if isinstance(value, Class) and value.node is path[-1] else Class(path[-1], module)

    def _heirs(self, owner: Class) -> list[Class]:
        """Subclasses in the project, when the method calls what its own class leaves to them."""
        if not any(_leaves_open(p) for p in owner.module.parts if p.cls == owner.name):
            return []
        heirs: list[Class] = []
        waiting, seen = [owner], {owner.name}
        while waiting and len(heirs) < _MOST_HEIRS:
            base = waiting.pop()
            for head in self._subclasses().get(base.name, ()):
                module = self.project.load(sources.full_path(head.shown, self.root)) if head.name not in seen else None
                value = imports.global_name(self.engine, module, head.name) if module is not None else None
                if isinstance(value, Class) and owner in attributes.resolution(self.engine, value):
                    seen.add(head.name)
                    heirs.append(value)
                    waiting.append(value)
        return heirs

    def _subclasses(self) -> dict[str, list[Head]]:
        """Last name of a base class -> the classes that name it."""
        if self._by_base is None:
            self._by_base = {}
            for head in self.heads:
                for base in head.bases:
                    self._by_base.setdefault(base, []).append(head)
        return self._by_base

    def _unreached(self, module: Module) -> dict[Key, LossSite]:
        """The losses that a module's code calls, whether or not a path brings a value to them."""
        places = self.heat.losses_in(module)
        lines = [module.source.text.count("\n", 0, at) + 1 for at in places]
        return {
            key_of(module, call): LossSite(module.source.place(call), name)
            for unit in module.units_at(lines)
            for call, name in self._loss_calls(module, module.node(unit), lines)
        }

    def _loss_calls(self, module: Module, unit: ast.AST | None, lines: Sequence[int]) -> Iterator[tuple[ast.Call, str]]:
        """Calls of losses, `cross_entropy(z, y)` and `CrossEntropyLoss()(z, y)`, and what is called."""
        for node in _nodes_on(unit, lines) if unit is not None else ():
            if not isinstance(node, ast.Call):
                continue
            built = isinstance(node.func, ast.Call)
            name = self._outside_name(module, node.func.func if isinstance(node.func, ast.Call) else node.func)
            rows = [row for row in self.table.named(name) if row.verb is Verb.LOSS and row.arg not in row.build]
            if rows and built is (spelling(name) == "module"):
                yield node, name.rpartition(".")[2]

    def _outside_name(self, module: Module, node: ast.expr) -> str:
        """The qualified name of `F.cross_entropy` or `CrossEntropyLoss` in a module; "" for anything else."""
        last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if last not in self.demands.losses:
            return ""
        root = node.value if isinstance(node, ast.Attribute) else node
        found = imports.global_name(self.engine, module, root.id) if isinstance(root, ast.Name) else None
        if not isinstance(found, Ext):
            return ""
        return self.table.canonical(found.name if root is node else f"{found.name}.{last}")

    # -- results -------------------------------------------------------------------------------------------------

    def _collected(self, files: int) -> ScanResult:
        result = self.result
        result.files_scanned = files
        result.failures = sorted(self.failed.values(), key=lambda f: (f.path, -1 if f.cell is None else f.cell))
        met = self.engine.before
        result.arrivals = met.linked()
        sites = dict(met.losses)
        for key, site in met.uncalled():
            sites.setdefault(key, site).reason = "no call of it is seen"
        for module in list(self.project.modules.values()):
            if module is not None and module.source.written:
                sites = self._unreached(module) | sites
        result.losses_checked = len(sites)
        result.losses_resolved = sum(site.resolved for site in sites.values())
        result.unresolved = sorted((_unresolved(s) for s in sites.values() if not s.resolved), key=lambda u: u.place)
        return result


def _stem(path: Path) -> str:
    """The last part of the name by which a file is imported."""
    return path.stem if path.stem != "__init__" else path.parent.name


def _nodes_on(node: ast.AST, lines: Sequence[int]) -> Iterator[ast.AST]:
    """The nodes of a tree, without the statements in which none of these lines lies."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            first = bisect.bisect_left(lines, node.lineno)
            if first == len(lines) or lines[first] > (node.end_lineno or node.lineno):
                continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _leaves_open(part: Part) -> bool:
    """Whether a method calls what its own class may leave to a subclass."""
    return any(word in part.text for word in _OPEN)


def _unresolved(site: LossSite) -> Unresolved:
    return Unresolved(site.place, site.operator, site.reason or "no path reaches it")


def scan(
    paths: Sequence[Path],
    *,
    root: Path,
    table: Table,
    progress: Progress | None = None,
    overlay: Mapping[Path, bytes] = MappingProxyType({}),
    named: Collection[Path] = (),
) -> ScanResult:
    """Scan files; paths in the result are relative to `root`. What `overlay` holds is not read from the disk.

    Of the `named` ones it is said when they hold no Python.
    """
    token = sources.OVERLAY.set(overlay)
    try:
        return Walker(root, table, named).scan(paths, progress)
    finally:
        sources.OVERLAY.reset(token)
