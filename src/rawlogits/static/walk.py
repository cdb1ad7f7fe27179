"""The walker: which files, which entry points, in which order; and what came of it.

A look at the bytes of every file finds those that name a loss (or write a logarithm of an activation, or the
like). They are parsed; their scripts run first, then every function that demands something and that nobody
called. Modules are pulled in as names need them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rawlogits.finding import Arrival, Place
from rawlogits.static import attributes, calls, expressions, imports, statements
from rawlogits.static import source as sources
from rawlogits.static.engine import Args, Engine, LossSite
from rawlogits.static.names import Definition, Module, Project
from rawlogits.static.source import Raw, Unreadable
from rawlogits.static.values import Class, Const, Func, Obj, Value
from rawlogits.table.lookup import Table
from rawlogits.table.row import Verb

Progress = Callable[[int, int, str], None]
_RECURSION = 12_000
_GENERIC = frozenset({"forward", "call", "__init__", "__call__", "__getitem__", "__iter__", "__len__", "__post_init__"})
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import\b|import[ \t]+([.\w]+))", re.MULTILINE)
_SCRIPT = re.compile(rb"^(?:if\s+__name__\b|[A-Za-z_][\w.]*\(|(?:for|while|with)\b)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read or parsed."""

    path: str
    line: int | None
    message: str


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


class _Parts:
    evaluate = staticmethod(expressions.evaluate)
    execute = staticmethod(statements.execute)
    call = staticmethod(calls.call)
    attribute = staticmethod(attributes.attribute)


class Walker:
    """One scan."""

    def __init__(self, root: Path, table: Table) -> None:
        self.result = ScanResult()
        self.failed: dict[str, Failure] = {}
        self.table = table
        self.project = Project(root, table.frameworks, self._fail)
        self.engine = Engine(self.project, table, _Parts())
        self.root = root
        self.demands = _Demands(table)

    def _fail(self, shown: str, error: Unreadable) -> None:
        self.failed[shown] = Failure(shown, error.line, str(error))

    # -- files ---------------------------------------------------------------------------------------------------

    def scan(self, files: Sequence[Path], progress: Progress | None) -> ScanResult:
        """Look at every file, run what demands something, collect."""
        wanted, importers = self._prefilter(files, progress)
        modules = [m for m in (self.project.load(raw.path, raw) for raw in wanted) if m is not None]
        self._heat(modules)
        modules += self._pulled(modules, importers)
        self._heat(modules)
        entries = list(self._entries(modules))
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _RECURSION))
        try:
            for number, (shown, entry) in enumerate(entries):
                if progress is not None:
                    progress(len(files) + number, len(files) + len(entries), shown)
                self._run(entry)
        finally:
            sys.setrecursionlimit(limit)
        return self._collected(len(files))

    def _prefilter(self, files: Sequence[Path], progress: Progress | None) -> tuple[list[Raw], dict[str, list[Path]]]:
        """The files to parse, and for each imported module's last name the other files that import it."""
        wanted: list[Raw] = []
        importers: dict[str, list[Path]] = {}
        for number, path in enumerate(files):
            if progress is not None:
                progress(number, 2 * len(files), sources.shown_path(path, self.root))
            try:
                raw = sources.read(path)
                if b"\0" in raw.data[:4096]:
                    _ = raw.text
            except Unreadable as error:
                self._fail(sources.shown_path(path, self.root), error)
                continue
            found = sources.suppressions(raw)
            if found:
                self.result.suppressions[sources.shown_path(path, self.root)] = found
            if self.demands.asks(raw.data):
                wanted.append(raw)
            elif b"import" in raw.data:
                for match in _IMPORT.finditer(raw.data):
                    name = (match[1] or match[2]).rsplit(b".", 1)[-1].decode(errors="replace")
                    importers.setdefault(name, []).append(path)
        return wanted, importers

    def _pulled(self, modules: Sequence[Module], importers: dict[str, list[Path]]) -> list[Module]:
        """Scripts, and subclasses of loops that call what only a subclass has, that import a module which demands."""
        pulled: dict[Path, Module] = {}
        for module in modules:
            names = {module.name} if module.name != "__init__" else {module.package.name}
            open_classes = {n.name for n in _open_classes(module)}
            pattern = re.compile("|".join(rf"\b{n}\b" for n in sorted(open_classes)).encode()) if open_classes else None
            for path in {p for name in names for p in importers.get(name, ())}:
                if path in pulled:
                    continue
                raw = sources.read(path)
                if _SCRIPT.search(raw.data) or (pattern is not None and pattern.search(raw.data)):
                    loaded = self.project.load(path, raw)
                    if loaded is not None:
                        pulled[path] = loaded
        return list(pulled.values())

    def _heat(self, modules: Sequence[Module]) -> None:
        """Words that make a function worth running: losses, and calls of functions that are worth it themselves."""
        hot = set(self.demands.losses)
        waiting = [(d, d.node.name) for m in modules for d in m.definitions]
        waiting_classes = [(m.words(c), c.name) for m in modules for c in _classes(m)]
        changed = True
        while changed:
            changed = False
            for definition, name in waiting:
                if name not in _GENERIC and f"{name}(" not in hot and not hot.isdisjoint(definition.words):
                    hot.add(f"{name}(")
                    changed = True
            for words, name in waiting_classes:
                if f"{name}(" not in hot and not hot.isdisjoint(words):
                    hot.add(f"{name}(")
                    changed = True
        self.engine.hot = frozenset(hot)

    # -- entry points --------------------------------------------------------------------------------------------

    def _entries(self, modules: Sequence[Module]) -> Iterator[tuple[str, Callable[[], None]]]:
        """Scripts, then functions that no other one calls by name, then the rest."""
        for module in modules:
            body = [s for s in module.source.tree.body if not isinstance(s, (ast.FunctionDef, ast.ClassDef))]
            if any(not self.engine.hot.isdisjoint(module.words(s)) or self.demands.computes(module.words(s)) for s in body):
                yield module.source.shown, lambda m=module: self._script(m)
        found = [(m, d) for m in modules for d in m.definitions if self._demanding(d)]
        called = {word for _, d in found for word in d.words - {f"{d.node.name}("} if word.endswith("(")}
        found.sort(key=lambda pair: (f"{pair[1].node.name}(" in called, not is_public(pair[1])))
        for module, definition in found:
            yield module.source.shown, lambda m=module, d=definition: self._function(m, d, modules)

    def _demanding(self, definition: Definition) -> bool:
        if definition.nested:
            return False
        return not self.engine.hot.isdisjoint(definition.words) or self.demands.computes(definition.words)

    def _run(self, entry: Callable[[], None]) -> None:
        engine = self.engine
        engine.steps = engine.call_depth = engine.expression_depth = 0
        engine.facts, engine.journal, engine.exits = [], [], []
        engine.stack, engine.callers = [], []
        try:
            entry()
        except RecursionError:
            engine.stack, engine.callers = [], []

    def _script(self, module: Module) -> None:
        """A module body from top to bottom, as `python file.py` would run it."""
        module.globals["__name__"] = Const("__main__")
        frame = module.frame
        for index, statement in enumerate(module.source.tree.body):
            if index not in module.done:
                module.done.add(index)
                self.engine.execute([statement], frame)

    def _function(self, module: Module, definition: Definition, modules: Sequence[Module]) -> None:
        """A function that nobody called, over unknown arguments; a method on an object built with defaults."""
        if definition.node in self.engine.reached:
            return
        engine, frame = self.engine, module.frame
        if not definition.owner:
            value: Value | None = imports.global_name(engine, module, definition.node.name)
            func = value if isinstance(value, Func) and value.node is definition.node else Func(definition.node, module)
            engine.force(calls.run(engine, func, Args(), definition.node, frame))
            return
        owner = self._class(module, definition.owner)
        for receiver in [owner, *self._heirs(owner, definition, modules)]:
            engine.steps = 0
            self._method(receiver, owner, definition)

    def _method(self, cls: Class, owner: Class, definition: Definition) -> None:
        engine = self.engine
        obj = calls.instantiate(engine, cls, Args(), cls.node, cls.module.frame)
        found = attributes.class_attribute(engine, cls, definition.node.name)
        func = found[0] if found is not None and found[1].node is owner.node else None
        if not isinstance(func, Func) or func.node is not definition.node:
            func = Func(definition.node, owner.module, owner.closure, owner)
        kind = {"static": None, "class": cls}.get(func.kind, obj)
        bound = func if kind is None else func.bind(kind)
        engine.force(calls.run(engine, bound, Args(), definition.node, owner.module.frame))

    def _class(self, module: Module, path: tuple[ast.ClassDef, ...]) -> Class:
        value = imports.global_name(self.engine, module, path[0].name)
        for node in path[1:]:
            found = attributes.class_attribute(self.engine, value, node.name) if isinstance(value, Class) else None
            value = self.engine.force(found[0]) if found is not None else None
        return value if isinstance(value, Class) and value.node is path[-1] else Class(path[-1], module)

    def _heirs(self, owner: Class, definition: Definition, modules: Sequence[Module]) -> list[Class]:
        """Subclasses in the project, when the method calls what its own class leaves to them."""
        if owner.node not in set(_open_classes(owner.module)):
            return []
        heirs = []
        for module in modules:
            for node in _classes(module):
                if any(_last_name(base) == owner.name for base in node.bases) or self._inherits(module, node, owner):
                    value = imports.global_name(self.engine, module, node.name)
                    if isinstance(value, Class) and owner in attributes.resolution(self.engine, value) and value is not owner:
                        heirs.append(value)
        return heirs[:16]

    def _inherits(self, module: Module, node: ast.ClassDef, owner: Class) -> bool:
        return False

    # -- results -------------------------------------------------------------------------------------------------

    def _collected(self, files: int) -> ScanResult:
        result = self.result
        result.files_scanned = files
        result.failures = sorted(self.failed.values(), key=lambda f: f.path)
        result.arrivals = _linked(self.engine.arrivals, self.engine.bases)
        sites = [site for site in self.engine.losses.values() if site.module.source.written]
        result.losses_checked = len(sites)
        result.losses_resolved = sum(site.resolved for site in sites)
        result.unresolved = sorted((_unresolved(s) for s in sites if not s.resolved), key=lambda u: u.place)
        return result


class _Demands:
    """What the bytes and the words of code say about whether it can demand anything."""

    def __init__(self, table: Table) -> None:
        def named(keep: Callable[..., bool]) -> frozenset[str]:
            return frozenset(n.rsplit(".", 1)[-1] for row in table.rows if keep(row) for n in row.names)

        self.losses = table.words([Verb.LOSS])
        self.activations = named(lambda row: row.verb is Verb.OP and row.gives is not None)
        self.turning = named(lambda row: row.verb is Verb.OP and bool(row.turns))
        self.sums = named(lambda row: row.marks == "sum")
        self._loss = re.compile(rb"\b(?:" + "|".join(sorted(self.losses)).encode() + rb")\b")
        self._activation = re.compile("|".join(sorted(self.activations)).encode())
        self._turn = re.compile(rb"\.(?:" + "|".join(sorted(self.turning)).encode() + rb")\(")

    def asks(self, data: bytes) -> bool:
        """Whether a file names a loss, or writes an operator that has a better form."""
        if self._loss.search(data):
            return True
        return self._turn.search(data) is not None and self._activation.search(data) is not None

    def computes(self, words: frozenset[str]) -> bool:
        """Whether a function takes a logarithm or the like of an activation, or activates what a call returned."""
        active = not self.activations.isdisjoint(words)
        turning = not self.turning.isdisjoint(words)
        return (active and turning) or (turning and not self.sums.isdisjoint(words)) or (active and "eval(" in words)


def is_public(definition: Definition) -> bool:
    """Whether a function's name does not start with an underscore."""
    return not definition.node.name.startswith("_")


def _classes(module: Module) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(ast.Module(_top(module.source.tree.body), [])) if isinstance(node, ast.ClassDef))


def _top(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return [s for s in body if isinstance(s, (ast.ClassDef, ast.If, ast.Try))]


def _open_classes(module: Module) -> list[ast.ClassDef]:
    """Classes whose methods call something on themselves that the class does not define."""
    found = []
    for node in _classes(module):
        defined = {s.name for s in node.body if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef))}
        words = module.words(node)
        calls_self = "self(" in words or "__call__" in words
        if (calls_self and not defined & {"forward", "__call__"}) or "NotImplementedError" in words or "abstractmethod" in words:
            found.append(node)
    return found


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _linked(arrivals: Sequence[Arrival], bases: Sequence[ast.AST | None]) -> list[Arrival]:
    """Each arrival with the other demands that values of the same raw scores meet."""
    met: dict[ast.AST, set[str]] = {}
    for arrival, basis in zip(arrivals, bases):
        if basis is not None:
            kind = _kind(arrival)
            if kind:
                met.setdefault(basis, set()).add(kind)
    return [
        replace(arrival, also=frozenset(met.get(basis, ()))) if basis is not None else arrival
        for arrival, basis in zip(arrivals, bases)
    ]


def _kind(arrival: Arrival) -> str:
    if arrival.verb == "loss" and arrival.activation is not None:
        return f"loss:{arrival.activation}"
    if arrival.verb == "compare" and arrival.constant is not None and 0.05 < arrival.constant < 0.95:
        return "threshold"
    return ""


def _unresolved(site: LossSite) -> Unresolved:
    return Unresolved(site.module.source.place(site.node), site.operator, site.reason or "argument is a parameter no one binds")


def scan(
    paths: Sequence[Path],
    *,
    root: Path,
    table: Table,
    files: object = None,
    progress: Progress | None = None,
    jobs: int = 1,
) -> ScanResult:
    """Scan Python files; paths in the result are relative to `root`."""
    return Walker(root, table).scan(paths, progress)


__all__ = ["Failure", "Obj", "ScanResult", "Unresolved", "Walker", "scan"]
