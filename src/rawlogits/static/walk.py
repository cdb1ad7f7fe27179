"""The walker: which files, which entry points, in which order; and what came of it.

A look at the bytes of every file finds those that name a loss (or write a logarithm of an activation, or the
like). They are parsed; their scripts run first, then every function that demands something and that nobody
called. Modules are pulled in as names need them.
"""

from __future__ import annotations

import ast
import gc
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from rawlogits.finding import Arrival, Place
from rawlogits.space import Space
from rawlogits.static import attributes, calls, expressions, imports, statements
from rawlogits.static import source as sources
from rawlogits.static.engine import MOST_FUNCTION_STEPS, MOST_STEPS, Args, Engine, LossSite
from rawlogits.static.names import Definition, Module, Part, Project, words_in
from rawlogits.static.source import Raw, Unreadable
from rawlogits.static.values import Class, Const, Ext, Func, Value
from rawlogits.table.lookup import Table
from rawlogits.table.row import Row, Verb, spelling

Progress = Callable[[int, int, str], None]
_RECURSION = 12_000
_CLASS = re.compile(r"^class +(\w+) *\(([^)]*)\)", re.MULTILINE)
_NAME = re.compile(r"\w+")
_FROM = re.compile(r"^[ \t]*from +([.\w]+) +import +(\([^)]*|[^\n]*)", re.MULTILINE)
_GLOBAL = re.compile(r"^(?!__)(\w+)[ \t]*(?::[^=\n]+)?=(?!=)[^\n]*(?:\n[ \t)\]}][^\n]*)*", re.MULTILINE)
"""A top-level assignment with the lines on which it goes on."""
_ATTRIBUTE = re.compile(r"^[ \t]+(self\.)?(\w+)[ \t]*(?::[^=\n]+)?=(?!=)[^\n]*", re.MULTILINE)
_MOST_GENERATIONS = 3
_MOST_HEIRS = 16
_DISTINCT = 3
"""A function name that is defined more often than this says nothing about who is called."""
_OPEN = frozenset({"self(", "__call__", "NotImplementedError", "abstractmethod"})
_JUDGING = frozenset({"eval(", "no_grad", "inference_mode"})
"""Words of code that reads a trained model's output."""
_GENERIC = frozenset({"forward", "call", "__init__", "__call__", "__getitem__", "__iter__", "__len__", "__post_init__"})
_IMPORT = re.compile(rb"^(?:from ([.\w]+) import|import ([.\w]+))", re.MULTILINE)
_SCRIPT = re.compile(rb"^(?:if\s+__name__\b|(?:with|for|while)\b|[A-Za-z_][\w.]*\()", re.MULTILINE)
"""A line that makes a file do something when it is run."""


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
        self.engine.writes_out = self.demands.writes_out
        self._own_held: dict[Module, set[str]] = {}
        self._by_base: dict[str, list[tuple[Module, str]]] | None = None

    def _fail(self, shown: str, error: Unreadable) -> None:
        self.failed[shown] = Failure(shown, error.line, str(error))

    # -- files ---------------------------------------------------------------------------------------------------

    def scan(self, files: Sequence[Path], progress: Progress | None) -> ScanResult:
        """Look at every file, run what demands something, collect."""
        wanted, importers = self._prefilter(files, progress)
        modules = [m for m in (self.project.load(raw.path, raw) for raw in wanted) if m is not None]
        self._heat(modules)
        pulled = self._pulled(modules, importers)
        if pulled:
            modules += pulled
            self._heat(modules)
        entries = list(self._entries(modules))
        limit, threshold = sys.getrecursionlimit(), gc.get_threshold()
        sys.setrecursionlimit(max(limit, _RECURSION))
        gc.set_threshold(100_000, 50, 100)  # trees live to the end: looking through them again and again finds nothing
        try:
            for number, (shown, entry) in enumerate(entries):
                if progress is not None:
                    progress(len(files) + number, len(files) + len(entries), shown)
                self._run(entry)
        finally:
            sys.setrecursionlimit(limit)
            gc.set_threshold(*threshold)
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
                if b"\0" in raw.data:
                    _ = raw.text
            except Unreadable as error:
                self._fail(sources.shown_path(path, self.root), error)
                continue
            found = sources.suppressions(raw)
            if found:
                self.result.suppressions[sources.shown_path(path, self.root)] = found
            if self.demands.asks(raw.data):
                wanted.append(raw)
            else:
                for match in _IMPORT.finditer(raw.data):
                    name = (match[1] or match[2]).rsplit(b".", 1)[-1].decode(errors="replace")
                    importers.setdefault(name, []).append(path)
        return wanted, importers

    def _pulled(self, modules: Sequence[Module], importers: dict[str, list[Path]]) -> list[Module]:
        """Scripts, and subclasses of loops that call what only a subclass has, that import a module which demands."""
        pulled: dict[Path, Module] = {}
        for module in modules:
            name = module.name if module.name != "__init__" else module.package.name
            names = {p.cls for p in module.parts if p.name and p.cls and _leaves_open(p)} & self.hot_classes
            pattern = re.compile("|".join(rf"\b{n}\b" for n in sorted(names)).encode()) if names else None
            for path in importers.get(name, ()):
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
        parts = [p for m in modules for p in m.parts]
        defined = Counter(p.name for p in parts if p.name not in _GENERIC)
        names = {f"{n}(" for n, times in defined.items() if times <= _DISTINCT} | {f"{p.cls}(" for p in parts if p.cls}
        callers: dict[str, list[Part]] = {}
        fresh: list[Part] = []
        for part in parts:
            words = part.words
            if not self.demands.losses.isdisjoint(words):
                fresh.append(part)
            for word in words & names:
                callers.setdefault(word, []).append(part)
        hot = set(self.demands.losses)
        self.engine.held = self._held(modules)
        for module, held in self.engine.held.items():
            fresh += (p for p in module.parts if not held.isdisjoint(p.words))
        self.held_by_class = self._held_by_class(modules)
        fresh += (p for p in parts if p.cls in self.held_by_class and not self.held_by_class[p.cls].isdisjoint(p.words))
        self.hot_classes: set[str] = set()
        while fresh:
            part = fresh.pop()
            self.hot_classes.add(part.cls)
            for word in (f"{part.name}(", f"{part.cls}("):
                if word in names and word not in hot:
                    hot.add(word)
                    fresh += callers.get(word, ())
        self.engine.hot = frozenset(hot)

    def _held(self, modules: Sequence[Module]) -> dict[Module, frozenset[str]]:
        """Module -> the global names that hold a loss in it, or that it imports from where they do."""
        for module in modules:
            if module not in self._own_held:
                self._own_held[module] = self.demands.held(module.source.text)
        own = {module: self._own_held[module] for module in modules}
        offered: dict[str, set[str]] = {}
        for module, names in own.items():
            if names:
                scope = module.name if module.name != "__init__" else module.package.name
                offered.setdefault(scope, set()).update(names)
        found = {}
        for module, names in own.items():
            text, every = module.source.text, set(names)
            for match in _FROM.finditer(text):
                given = offered.get(match[1].rpartition(".")[2])
                if given:
                    every |= given if match[2].startswith("*") else given.intersection(_NAME.findall(match[2]))
            for scope in offered.keys() & frozenset().union(*(p.words for p in module.parts)):
                every.update(name for name in offered[scope] if f"{scope}.{name}" in text)
            if every:
                found[module] = frozenset(every)
        return found

    def _held_by_class(self, modules: Sequence[Module]) -> dict[str, frozenset[str]]:
        """Class -> the attributes that hold a loss in it, in a base or in a subclass."""
        own: dict[str, set[str]] = {}
        for module in modules:
            for part in module.parts:
                if part.cls and not self.demands.losses.isdisjoint(part.words):
                    own.setdefault(part.cls, set()).update(self.demands.attributes(part))
        heads = [match for module in modules for match in _CLASS.finditer(module.source.text)]
        family = [(match[1], base) for match in heads for base in _NAME.findall(match[2])]
        inherited, left_open = dict(own), dict(own)
        for _ in range(_MOST_GENERATIONS):
            for cls, base in family:
                if base in inherited:
                    inherited[cls] = inherited.get(cls, set()) | inherited[base]
                if cls in left_open:
                    left_open[base] = left_open.get(base, set()) | left_open[cls]
        every = inherited.keys() | left_open.keys()
        held = {cls: frozenset(inherited.get(cls, set()) | left_open.get(cls, set())) for cls in every}
        return {cls: names for cls, names in held.items() if names}

    # -- entry points --------------------------------------------------------------------------------------------

    def _entries(self, modules: Sequence[Module]) -> Iterator[tuple[str, Callable[[], None]]]:
        """Scripts, then functions that no other one calls by name, then the rest."""
        found: list[tuple[Module, Definition]] = []
        for module in modules:
            units = module.units_at(p.line for p in module.parts if self._worth(p.words, module, p.cls))
            found += [(module, d) for d in module.definitions(u for u in units if u.name) if self._demanding(d, module)]
            if self._is_script(module):
                yield module.source.shown, partial(self._script, module)
        called = {word for _, d in found for word in d.words - {f"{d.node.name}("} if word.endswith("(")}
        found.sort(key=lambda pair: (f"{pair[1].node.name}(" in called, pair[1].node.name.startswith("_")))
        for module, definition in found:
            yield module.source.shown, partial(self._function, module, definition, modules)

    def _is_script(self, module: Module) -> bool:
        """Whether the module body itself does something that demands."""
        loose = [unit.node for unit in module.units if not unit.name and unit.node is not None]
        doing = [node for node in loose if not isinstance(node, (ast.Import, ast.ImportFrom))]
        words = frozenset().union(*(module.words(node) for node in doing))
        if self._worth(words, module) or not self.demands.activating.isdisjoint(words):
            return True
        return not self.demands.logarithms.isdisjoint(words) and self.demands.activates(module.source.text)

    def _worth(self, words: frozenset[str], module: Module, cls: str = "") -> bool:
        held = self.held_by_class.get(cls)
        if held is not None and not held.isdisjoint(words):
            return True
        return self.engine.demands(words, module) or self.demands.computes(words)

    def _demanding(self, definition: Definition, module: Module) -> bool:
        cls = definition.owner[-1].name if definition.owner else ""
        return not definition.nested and self._worth(definition.words, module, cls)

    def _run(self, entry: Callable[[], None]) -> None:
        engine = self.engine
        engine.steps = engine.call_depth = engine.expression_depth = 0
        engine.limit = MOST_STEPS
        engine.facts, engine.journal, engine.exits = [], [], []
        engine.stack, engine.callers = [], []
        try:
            entry()
        except RecursionError:
            engine.stack, engine.callers = [], []
        engine.forget_waiting()

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

    def _function(self, module: Module, definition: Definition, modules: Sequence[Module]) -> None:
        """A function that nobody called, over unknown arguments; a method on an object built with defaults."""
        if definition.node in self.engine.reached:
            return
        engine, frame = self.engine, module.frame
        engine.limit = MOST_FUNCTION_STEPS
        if not definition.owner:
            value: Value | None = imports.global_name(engine, module, definition.node.name)
            func = value if isinstance(value, Func) and value.node is definition.node else Func(definition.node, module)
            calls.run(engine, func, Args(open=True), definition.node, frame)
            return
        owner = self._class(module, definition.owner)
        for receiver in [owner, *self._heirs(owner, definition, modules)]:
            engine.steps, engine.limit = 0, MOST_FUNCTION_STEPS
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
        calls.run(engine, bound, Args(open=True), definition.node, owner.module.frame)

    def _class(self, module: Module, path: tuple[ast.ClassDef, ...]) -> Class:
        value = imports.global_name(self.engine, module, path[0].name)
        for node in path[1:]:
            found = attributes.class_attribute(self.engine, value, node.name) if isinstance(value, Class) else None
            value = self.engine.force(found[0]) if found is not None else None
        return value if isinstance(value, Class) and value.node is path[-1] else Class(path[-1], module)

    def _heirs(self, owner: Class, definition: Definition, modules: Sequence[Module]) -> list[Class]:
        """Subclasses in the project, when the method calls what its own class leaves to them."""
        if not any(_leaves_open(p) for p in owner.module.parts if p.cls == owner.name):
            return []
        heirs: list[Class] = []
        waiting, seen = [owner], {owner.name}
        while waiting and len(heirs) < _MOST_HEIRS:
            base = waiting.pop()
            for module, name in self._subclasses(modules).get(base.name, ()):
                value = imports.global_name(self.engine, module, name) if name not in seen else None
                if isinstance(value, Class) and owner in attributes.resolution(self.engine, value):
                    seen.add(name)
                    heirs.append(value)
                    waiting.append(value)
        return heirs

    def _subclasses(self, modules: Sequence[Module]) -> dict[str, list[tuple[Module, str]]]:
        """Last name of a base class -> the classes that name it."""
        if self._by_base is None:
            self._by_base = {}
            for module in modules:
                for match in _CLASS.finditer(module.source.text):
                    for base in _NAME.findall(match[2]):
                        self._by_base.setdefault(base, []).append((module, match[1]))
        return self._by_base

    def _unreached(self) -> None:
        """Losses that the code calls or builds and that no path brought a value to: found, and not resolved."""
        engine = self.engine
        for node, (owner, name) in engine.criteria.items():
            if node not in engine.called:
                engine.site(owner, node, name).reason = "no call of it is seen"
        for module in list(self.project.modules.values()):
            if module is None or not module.source.written:
                continue
            lines = (p.line for p in module.parts if not self.demands.losses.isdisjoint(p.words))
            for unit in module.units_at(lines):
                for call, name in self._loss_calls(module, module.node(unit)):
                    engine.site(module, call, name)

    def _loss_calls(self, module: Module, unit: ast.AST | None) -> Iterator[tuple[ast.Call, str]]:
        """Calls of losses, `cross_entropy(z, y)` and `CrossEntropyLoss()(z, y)`, and what is called."""
        for node in ast.walk(unit) if unit is not None else ():
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
        result.failures = sorted(self.failed.values(), key=lambda f: f.path)
        result.arrivals = _linked(self.engine.arrivals, self.engine.bases)
        self._unreached()
        sites = [site for site in self.engine.losses.values() if site.module.source.written]
        result.losses_checked = len(sites)
        result.losses_resolved = sum(site.resolved for site in sites)
        result.unresolved = sorted((_unresolved(s) for s in sites if not s.resolved), key=lambda u: u.place)
        return result


class _Demands:
    """What the bytes and the words of code say about whether it can demand anything."""

    def __init__(self, table: Table) -> None:
        def named(keep: Callable[[Row], bool]) -> frozenset[str]:
            return frozenset(n.rsplit(".", 1)[-1] for row in table.rows if keep(row) for n in row.names)

        self.losses = table.words([Verb.LOSS])
        self.activations = named(lambda row: row.verb is Verb.OP and row.gives is not None)
        self.activating = frozenset(f"{word}(" for word in self.activations)
        self.logarithms = named(lambda row: row.turns.get(Space.PROBS) is Space.LOG_PROBS)
        self.exponentials = named(lambda row: row.turns.get(Space.LOG_PROBS) is Space.PROBS)
        self._losses: dict[bytes, list[bytes]] = {}
        for word in sorted(_shortest(self.losses)):
            self._losses.setdefault(word[-5:].encode(), []).append(word.encode())
        self._active = [word.encode() for word in sorted(_shortest(self.activations))]
        self._top = re.compile(
            rb"^(?!from|import|def|class)[A-Za-z_][^\n]*(?:" + b"|".join(self._active) + rb")", re.MULTILINE
        )
        words = "|".join(sorted(self.losses))
        self._alias = re.compile(rf"\b(?:{words}) as (\w+)")
        self._logarithm = re.compile(rb"\.(?:" + "|".join(sorted(self.logarithms)).encode() + rb")\(")
        self._quotient = re.compile(rb"/ *\(?[\w.]*sum\(|\.sum\(|log\([\w.]*sum\(")

    def asks(self, data: bytes) -> bool:
        """Whether a file names a loss, or writes an operator that has a better form."""
        for ending, words in self._losses.items():  # most files hold no word with such an ending
            if ending in data and any(word in data for word in words):
                return True
        runs = self._logarithm.search(data) or self._top.search(data) or _SCRIPT.search(data)
        if runs and any(word in data for word in self._active):
            return True
        return b"exp(" in data and b"sum(" in data and self._quotient.search(data) is not None and b"nn." in data

    def held(self, text: str) -> set[str]:
        """Global names that a module binds to something with a loss in it: `LOSSES = {"ce": nn.CrossEntropyLoss()}`."""
        found = {match[1] for match in _GLOBAL.finditer(text) if not self.losses.isdisjoint(words_in(match[0]))}
        return found.union(self._alias.findall(text))

    def attributes(self, part: Part) -> set[str]:
        """Attributes that a method (or a class body, without `self`) binds to something with a loss in it."""
        found = (m for m in _ATTRIBUTE.finditer(part.text) if bool(m[1]) is bool(part.name))
        return {match[2] for match in found if not self.losses.isdisjoint(words_in(match[0]))}

    def activates(self, text: str) -> bool:
        """Whether a text names an activation."""
        return any(word.decode() in text for word in self._active)

    def writes_out(self, words: frozenset[str]) -> bool:
        """Whether a function takes a logarithm of an activation, or writes softmax out by hand."""
        if not self.exponentials.isdisjoint(words) and "sum(" in words:
            return True
        return not self.activations.isdisjoint(words) and not self.logarithms.isdisjoint(words)

    def computes(self, words: frozenset[str]) -> bool:
        """The same, or activates what it got from a trained model."""
        return self.writes_out(words) or not (self.activations.isdisjoint(words) or _JUDGING.isdisjoint(words))


def _shortest(words: Iterable[str]) -> set[str]:
    """Words of which no other one is a part."""
    every = set(words)
    return {w for w in every if not any(o != w and o in w for o in every)}


def _leaves_open(part: Part) -> bool:
    """Whether a method calls what its own class may leave to a subclass."""
    return not _OPEN.isdisjoint(part.words)


def _linked(arrivals: Sequence[Arrival], bases: Sequence[ast.AST | None]) -> list[Arrival]:
    """Each arrival with the other demands that values of the same raw scores meet."""
    met: dict[ast.AST, set[str]] = {}
    for arrival, basis in zip(arrivals, bases, strict=False):
        if basis is not None:
            kind = _kind(arrival)
            if kind:
                met.setdefault(basis, set()).add(kind)
    return [
        replace(arrival, also=frozenset(met.get(basis, ()))) if basis is not None else arrival
        for arrival, basis in zip(arrivals, bases, strict=False)
    ]


def _kind(arrival: Arrival) -> str:
    if arrival.verb == "loss" and arrival.activation is not None:
        return f"loss:{arrival.activation}"
    per_label = arrival.got is Space.PROBS and arrival.axis is not None
    if arrival.verb == "compare" and per_label and arrival.constant is not None and 0.05 < arrival.constant < 0.95:
        return "threshold"
    return ""


def _unresolved(site: LossSite) -> Unresolved:
    return Unresolved(site.module.source.place(site.node), site.operator, site.reason or "no path reaches it")


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
