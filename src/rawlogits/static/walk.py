"""The walker: which files, which entry points, in which order; and what came of it.

A look at the bytes of every file finds those that name a loss (or write a logarithm of an activation, or the
like). They are parsed; their scripts run first, then every function that demands something and that nobody
called. Modules are pulled in as names need them.
"""

from __future__ import annotations

import ast
import bisect
import gc
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rawlogits.finding import Arrival, Failure, Unresolved
from rawlogits.static import attributes, calls, expressions, imports, notebook, processes, statements
from rawlogits.static import source as sources
from rawlogits.static.engine import Args, Engine
from rawlogits.static.heat import MOST_CALLERS, Demands, Heat
from rawlogits.static.memory import Entry, Head, Memory, Warmth
from rawlogits.static.names import Definition, Module, Part, Project
from rawlogits.static.prefilter import Look, Prefilter, Progress, stem, used
from rawlogits.static.record import Key, LossSite, Record, key_of
from rawlogits.static.source import Unreadable
from rawlogits.static.values import Class, Const, Ext, Func, Value
from rawlogits.table.lookup import Table
from rawlogits.table.row import Verb, spelling

_RECURSION = 12_000
_SCANS = 8
_MOST_HEIRS = 16
_MOST_LOOKS = 64
"""Classes that name a base's last name, to see whether they mean it."""
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
_MOST_PULLS = 8
NOTHING: Mapping[Entry, Record] = MappingProxyType({})


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


class Forgotten(Exception):
    """What an earlier scan found does not fit: this one must begin anew."""


class Told(NamedTuple):
    """What a walker that ran in another process knows besides its records."""

    failed: Mapping[tuple[str, int | None], Failure]
    edges: Mapping[str, set[str]]
    probes: Mapping[str, str]
    searched: Mapping[str, set[str]]
    seen: Mapping[Path, str]


@dataclass(slots=True)
class Count:
    """How much of a scan is done."""

    done: int
    total: int
    progress: Progress | None

    def next(self, entry: Entry) -> None:
        if self.progress is not None:
            self.progress(self.done, self.total, entry.shown)
        self.done += 1


class _Parts:
    evaluate = staticmethod(expressions.evaluate)
    execute = staticmethod(statements.execute)
    call = staticmethod(calls.call)
    attribute = staticmethod(attributes.attribute)


class Walker:
    """One scan. `strict`: a mistake of the walker itself ends it, as tests want it."""

    strict = False
    scans = 0
    """In this process."""

    def __init__(self, root: Path, table: Table, named: Collection[Path] = ()) -> None:
        self.result = ScanResult()
        self.failed: dict[tuple[str, int | None], Failure] = {}
        self.table = table
        self.project = Project(root, table.frameworks, self._fail)
        self.engine = Engine(self.project, table, _Parts())
        self.root = root
        self.demands = Demands(table)
        self.heat = Heat(self.demands)
        self.prefilter = Prefilter(root, self.demands, frozenset(named), self._fail)
        self.result.suppressions, self.result.skipped = self.prefilter.suppressions, self.prefilter.skipped
        self.engine.writes_out = self.demands.writes_out
        self.memory = Memory()
        """What the next scan may use of this one."""
        self._before = Memory()
        """And what this one uses of an earlier one."""
        self._definitions: dict[Entry, Definition] = {}
        self._by_base: dict[str, list[Head]] | None = None
        self._uses: dict[Path, frozenset[str]] = {}
        self._count = Count(0, 0, None)

    def _fail(self, shown: str, error: Unreadable) -> None:
        self.failed[shown, error.cell] = Failure(shown, error.line, str(error), error.cell)

    # -- files ---------------------------------------------------------------------------------------------------

    def scan(
        self, files: Sequence[Path], progress: Progress | None, before: Memory | None = None, jobs: int = 1
    ) -> ScanResult:
        """Look at every file, run what demands something, collect. `before`: what an earlier scan found."""
        Walker.scans += 1
        if Walker.scans % _SCANS == 0:  # what is frozen below no threshold counts: a server would grow all day
            gc.collect()
        limit, threshold, collecting = sys.getrecursionlimit(), gc.get_threshold(), gc.isenabled()
        sys.setrecursionlimit(max(limit, _RECURSION))
        gc.disable()  # trees live to the end: looking through them again and again finds nothing
        try:
            self.memory.files = [sources.shown_path(path, self.root) for path in files]
            entries = None if before is None else self._recalled(before, files)
            if entries is None:
                entries = self._prepared(files, progress)
                if before is not None and before.warmth == self.memory.warmth:
                    self._before = before
            stale = self._before.stale(entries)
            gc.freeze()
            if collecting:
                gc.enable()
                gc.set_threshold(100_000, 50, 100)
            self._count = Count(len(files), len(files) + len(entries), progress)
            scripts = list(takewhile(lambda entry: entry.number < 0, entries))
            self._take(scripts, stale)
            functions = entries[len(scripts) :]
            self._take(functions, stale, self._ahead([entry for entry in functions if entry in stale], jobs))
            return self._collected(len(files))
        finally:
            sys.setrecursionlimit(limit)
            gc.unfreeze()
            gc.set_threshold(*threshold)
            if collecting:
                gc.enable()

    def _take(self, entries: Sequence[Entry], stale: Set[Entry], ahead: Mapping[Entry, Record] = NOTHING) -> None:
        """Put down what each meets: as another process or an earlier scan has it, or by running it."""
        for entry in entries:
            record = ahead.get(entry)
            if record is None:
                self._count.next(entry)
            if entry not in stale:
                record = self._remembered(entry)
            elif record is None or not self._fits(record):
                record = self._run(entry)
            self.memory.records[entry] = record
            self.engine.before.add(record)

    def _ahead(self, entries: Sequence[Entry], jobs: int) -> dict[Entry, Record]:
        """What entry points meet when they run in several processes, where there are enough of them for that."""
        jobs = min(jobs, len(entries) // processes.WORTH)
        found: dict[Entry, Record] = {}
        for came in processes.spread(entries, jobs, self._run_next, self._telling) if jobs > 1 else ():
            if isinstance(came, processes.Share):
                self._learn(came.told)
                found |= came.records
            else:
                self._count.next(came)
        return found

    def _run_next(self, entry: Entry) -> Record:
        record = self._run(entry)
        self.engine.before.add(record)
        return record

    def _telling(self) -> Told:
        project = self.project
        return Told(self.failed, project.edges, project.probes, self.engine.searched, sources.SEEN.get() or {})

    def _learn(self, told: Told) -> None:
        self.failed.update(told.failed)
        self.project.probes.update(told.probes)
        for mine, theirs in ((self.project.edges, told.edges), (self.engine.searched, told.searched)):
            for name, files in theirs.items():
                mine.setdefault(name, set()).update(files)
        seen = sources.SEEN.get()
        if seen is not None:
            seen.update(told.seen)

    # -- what an earlier scan found ------------------------------------------------------------------------------

    def _recalled(self, before: Memory, files: Sequence[Path]) -> list[Entry] | None:
        """The entry points of an earlier scan, when what has changed since does not tell others."""
        if before.files != self.memory.files or any(path in before.changed for path, *_ in before.failures):
            return None
        changed = [path for path, shown in zip(files, before.files, strict=True) if shown in before.changed]
        self._warm(before.warmth)
        telling = before.warmth.words | self.demands.telling
        for path in changed:
            shown = sources.shown_path(path, self.root)
            if self.prefilter.look(path).digest != before.looks.get(shown):
                return None
            if shown in before.uses and before.uses[shown] != sorted(used(path).intersection(before.pulling)):
                return None
            module = self.project.load(path) if shown in before.signatures else None
            if module is not None and (
                self.heat.signature(module, telling) != before.signatures[shown]
                or self._is_script(module) is not (Entry(shown) in before.records)
            ):
                return None
        memory = self.memory
        memory.looks, memory.signatures = dict(before.looks), dict(before.signatures)
        memory.asking, memory.pulling, memory.uses = before.asking, before.pulling, before.uses
        self._before = before
        asking = before.changed.intersection(memory.asking)
        self.heat.ask(self.project.load(sources.full_path(shown, self.root)) for shown in asking)
        for home, lines in before.suppressions.items():
            if home.partition(":cell ")[0] not in before.changed:
                self.result.suppressions[home] = lines
        self.result.skipped.update(before.skipped - before.changed)
        return list(before.records)

    def _remembered(self, entry: Entry) -> Record:
        """What an entry point met in an earlier scan, if others have reached no more and no less of it than then."""
        record = self._before.records[entry]
        if not self._fits(record):
            raise Forgotten
        self.memory.packed[entry] = self._before.packed[entry]
        return record

    def _fits(self, record: Record) -> bool:
        """Whether a record met elsewhere is what would be met here: nobody reached more or less of it before."""
        met = self.engine.before
        if met.steps + record.steps > MOST_CALLING_STEPS - MOST_STEPS:
            return False  # what is left of the steps decides what runs
        return all(met.reached.get(key, set()) == receivers for key, receivers in record.asked.items())

    def _warm(self, warmth: Warmth) -> None:
        self.memory.warmth = warmth
        self.engine.hot, self.engine.held = warmth.hot, warmth.held
        self.heat.hot, self.heat.held_by_class = warmth.hot, warmth.held_by_class

    def _prepared(self, files: Sequence[Path], progress: Progress | None) -> list[Entry]:
        """The entry points of the files that are worth it."""
        wanted, importers = self.prefilter.sift(files, progress)
        self.memory.looks = self.prefilter.looks
        modules = [m for m in (self.project.load(raw.path, raw) for raw in wanted) if m is not None]
        self.memory.asking = [sources.shown_path(raw.path, self.root) for raw in wanted]
        self.heat.spread(modules)
        for _ in range(_MOST_PULLS):
            pulled = self._pulled(modules, importers)
            if not pulled:
                break
            modules += pulled
            self.heat.spread(pulled, asking=False)
        self.memory.pulling = sorted({name for module in modules for name in self.heat.names_in(module)})
        self.memory.uses = {
            sources.shown_path(path, self.root): sorted(used.intersection(self.memory.pulling))
            for path, used in self._uses.items()
        }
        held = {module.source.shown: words for module, words in self.heat.held.items()}
        heads = [Head(module.source.shown, name, tuple(bases)) for module, name, bases in self.heat.heads]
        self._warm(Warmth(self.heat.hot, held, self.heat.held_by_class, heads))
        if sources.SEEN.get() is not None:
            telling = self.memory.warmth.words | self.demands.telling
            self.memory.signatures = {m.source.shown: self.heat.signature(m, telling) for m in modules}
        return list(self._entries(modules))

    def _pulled(self, modules: Sequence[Module], importers: dict[str, list[Path]]) -> list[Module]:
        """Files that call, or inherit from, what demands something: they name no loss themselves."""
        taken, wanted = {module.source.path for module in modules}, dict[Path, None]()
        for module in modules:
            names = self.heat.names_in(module)
            importing = importers.get(stem(module.source.path), ()) if names else ()
            for name, distance in names.items():
                near = dict.fromkeys([*importers.get(name, ()), *importing])
                using = [path for path in near if name in self._used(path)]
                if distance == 0 or len(using) <= MOST_CALLERS:
                    wanted.update((path, None) for path in using if path not in taken)
        return [module for module in map(self.project.load, wanted) if module is not None]

    def _used(self, path: Path) -> frozenset[str]:
        if path not in self._uses:
            self._uses[path] = used(path)
        return self._uses[path]

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
            module, line = definition.module, definition.node.lineno
            number = bisect.bisect_right([part.line for part in module.parts], line) - 1
            entry = Entry(module.source.shown, number, definition.node.name, line - module.parts[number].line)
            self._definitions[entry] = definition
            yield entry

    def _definition(self, entry: Entry, module: Module) -> Definition | None:
        known = self._definitions.get(entry)
        if known is None and entry.number < len(module.parts):
            line = module.parts[entry.number].line + entry.line
            found = module.definitions(module.units_at([line]))
            known = next((d for d in found if (d.node.lineno, d.node.name) == (line, entry.name)), None)
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
        if entry.number < 0:
            self._script(module)
        elif (definition := self._definition(entry, module)) is not None:
            self._function(module, definition)

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
        waiting, seen, looked = [owner], {owner.name}, 0
        while waiting:
            base = waiting.pop()
            for head in self._subclasses().get(base.name, ()):
                if len(heirs) == _MOST_HEIRS or looked == _MOST_LOOKS:
                    return heirs
                looked += 1
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
            for head in self.memory.warmth.heads:
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

    def _calls_in(self, shown: str) -> dict[Key, LossSite]:
        """The same for a file, as an earlier scan read it off unless it has changed."""
        found = self._before.calls.get(shown)
        if found is None or not self._before.changed.isdisjoint(self._before.closure([shown])):
            module = self.project.load(sources.full_path(shown, self.root))
            found = self._unreached(module) if module is not None else {}
        self.memory.calls[shown] = found
        return {key: replace(site) for key, site in found.items()}

    # -- results -------------------------------------------------------------------------------------------------

    def _collected(self, files: int) -> ScanResult:
        result = self.result
        self.engine.steps = 0
        result.files_scanned = files
        met = self.engine.before
        result.arrivals = met.linked()
        sites = {key: replace(site, reason="no call of it is seen") for key, site in met.uncalled()} | met.losses
        for shown in self.memory.asking:
            sites = self._calls_in(shown) | sites
        result.losses_checked = len(sites)
        result.losses_resolved = sum(site.resolved for site in sites.values())
        result.unresolved = sorted((_unresolved(s) for s in sites.values() if not s.resolved), key=lambda u: u.place)
        self._memorise()
        result.failures = sorted(self.failed.values(), key=lambda f: (f.path, -1 if f.cell is None else f.cell))
        return result

    def _memorise(self) -> None:
        """Put down what the next scan may use, with what of the one before still holds."""
        memory, before, project = self.memory, self._before, self.project
        memory.edges = {name: set(read) for name, read in before.edges.items() if name not in before.changed}
        for name, read in project.edges.items():
            memory.edges.setdefault(name, set()).update(read)
        memory.probes = before.probes | project.probes
        memory.names = before.names
        memory.searched = {
            name: before.searched.get(name, set()) | self.engine.searched.get(name, set())
            for name in before.searched.keys() | self.engine.searched.keys()
        }
        modules = {name for record in memory.records.values() for name in record.modules}
        read = memory.closure({*memory.asking, *memory.signatures, *modules})
        for failure in before.failures:
            known = memory.looks.get(failure[0]) == Look("unreadable").digest or failure[0] in read
            if known and failure[0] not in before.changed:
                self.failed.setdefault((failure[0], failure[3]), Failure(*failure))
        memory.failures = [(f.path, f.line, f.message, f.cell) for f in self.failed.values()]
        memory.suppressions, memory.skipped = self.result.suppressions, self.result.skipped
        seen = sources.SEEN.get() or {}
        memory.digests = {sources.shown_path(path, self.root): found for path, found in seen.items()}


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
    before: Memory | None = None,
    seen: dict[Path, str] | None = None,
    jobs: int = 1,
) -> tuple[ScanResult, Memory]:
    """Scan files; paths in the result are relative to `root`. What `overlay` holds is not read from the disk.

    Of the `named` ones it is said when they hold no Python. `before` is what an earlier scan found; with `seen`, the
    digests of files that were read already, what the next one may use is complete. So many processes share the work,
    where there is enough of it; what is found is the same.
    """
    tokens = sources.OVERLAY.set(overlay), sources.SEEN.set(seen)
    try:
        walker = Walker(root, table, named)
        try:
            return walker.scan(paths, progress, before, jobs), walker.memory
        except Forgotten:
            walker = Walker(root, table, named)
            return walker.scan(paths, progress, None, jobs), walker.memory
    finally:
        sources.OVERLAY.reset(tokens[0])
        sources.SEEN.reset(tokens[1])
