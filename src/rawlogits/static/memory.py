"""What an earlier scan found, entry point by entry point, so that after an edit only the touched ones run again.

A record is as good as new when none of the files that were read for it has changed. Which functions are entry
points is worked out anew when an edit changes what they are told by: the words of a file that say what demands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rawlogits.finding import Arrival, Place, Step
from rawlogits.space import Space
from rawlogits.static.names import kind_of
from rawlogits.static.record import Key, LossSite, Record
from rawlogits.static.source import digest, full_path, shown_path

Data = Any
"""What JSON can hold."""


class Entry(NamedTuple):
    """Where to begin: a function by its file, the number of the part in which it lies, its name and its line there.

    An edit before it does not change it. A number below 0 stands for a whole file as a script.
    """

    shown: str
    number: int = -1
    name: str = ""
    line: int = 0


class Head(NamedTuple):
    """A class by its file and name, with the words of its bases."""

    shown: str
    name: str
    bases: tuple[str, ...]


class Warmth(NamedTuple):
    """What tells the entry points: the words of `heat.Heat`, by the paths that are shown."""

    hot: frozenset[str]
    held: dict[str, frozenset[str]]
    held_by_class: dict[str, frozenset[str]]
    heads: list[Head]

    @property
    def words(self) -> frozenset[str]:
        """All of them, and what is called in them as it is bound."""
        holding = [word for words in (*self.held.values(), *self.held_by_class.values()) for word in words]
        return self.hot.union(self.held_by_class, holding, (word.rstrip("(") for word in holding))


@dataclass(slots=True)
class Memory:
    """All of a scan that the next one can use."""

    files: list[str] = field(default_factory=list)
    """The files that were scanned, in order."""
    digests: dict[str, str] = field(default_factory=dict)
    """Every file that was read, and what tells its content from any other."""
    probes: dict[str, str] = field(default_factory=dict)
    looks: dict[str, str] = field(default_factory=dict)
    """Scanned file -> what the first look at it said."""
    signatures: dict[str, str] = field(default_factory=dict)
    """File whose words are in `warmth` -> a digest of these words."""
    warmth: Warmth = field(default_factory=lambda: Warmth(frozenset(), {}, {}, []))
    asking: list[str] = field(default_factory=list)
    pulling: list[str] = field(default_factory=list)
    """Names of what demands something: a file that imports one and calls it, or inherits from it, is looked at."""
    uses: dict[str, list[str]] = field(default_factory=dict)
    """File that may do so -> those that it uses."""
    edges: dict[str, set[str]] = field(default_factory=dict)
    searched: dict[str, set[str]] = field(default_factory=dict)
    records: dict[Entry, Record] = field(default_factory=dict)
    calls: dict[str, dict[Key, LossSite]] = field(default_factory=dict)
    """File that names losses -> the calls of them that its code holds."""
    failures: list[tuple[str, int | None, str, int | None]] = field(default_factory=list)
    suppressions: dict[str, dict[int, frozenset[str] | None]] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    packed: dict[Entry, Data] = field(default_factory=dict)
    """Records as they were loaded, with"""
    names: list[str] = field(default_factory=list)
    """the paths that they name by number."""
    changed: frozenset[str] = frozenset()
    """Files whose content is another one now, or that are gone."""

    def closure(self, names: Iterable[str]) -> set[str]:
        """Some files with all that they read."""
        return _reached(names, self.edges)

    def stale(self, entries: Sequence[Entry]) -> set[Entry]:
        """Those entries that must run: a file that they read has changed, or their script gives others its names."""
        touched = self._readers(self.changed)
        found = {e for e in entries if e not in self.records or not touched.isdisjoint(self._read(e))}
        scripts = {entry.shown: entry for entry in entries if entry.number < 0}
        needed = self.closure(name for entry in found for name in self._read(entry))
        return found | {scripts[name] for name in needed & scripts.keys()}

    def _readers(self, names: Iterable[str]) -> set[str]:
        """Some files with all that read them."""
        readers: dict[str, list[str]] = {}
        for name, read in self.edges.items():
            for each in read:
                readers.setdefault(each, []).append(name)
        return _reached(names, readers)

    def _read(self, entry: Entry) -> set[str]:
        record = self.records.get(entry)
        return {entry.shown} if record is None else record.modules | {entry.shown}

    def holds(self, texts: Mapping[str, bytes]) -> bool:
        """Whether changed files hold the same of the names that were looked for as before."""
        return all(
            (name.encode() in data) is (shown in files)
            for name, files in self.searched.items()
            for shown, data in texts.items()
        )


def _reached(names: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges.get(name, ())
    return found


def recall(
    data: Data, files: Sequence[Path], root: Path, overlay: Mapping[Path, bytes] = MappingProxyType({})
) -> tuple[Memory | None, dict[Path, str]]:
    """The memory in `data`, if there is one that helps with these files, and the digests of the files read to tell.

    Its `changed` names the files that are others now.
    """
    memory = load(data) if data is not None else None
    if memory is None or any(kind_of(path) != kind for path, kind in memory.probes.items()):
        return None, {}
    seen: dict[Path, str] = {}
    changed: dict[str, bytes] = {}
    for path in dict.fromkeys([*files, *(full_path(shown, root) for shown in memory.digests)]):
        shown, data = shown_path(path, root), overlay.get(path, _content(path))
        if data is not None:
            seen[path] = digest(data)
        if seen.get(path) != memory.digests.get(shown):
            changed[shown] = data or b""
    memory.changed = frozenset(changed)
    return (memory if memory.holds(changed) else None), seen


def _content(path: Path) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


# -- as plain data -----------------------------------------------------------------------------------------------


class _Paths:
    """Paths by number: the same few hundred occur everywhere."""

    def __init__(self, known: Sequence[str] = ()) -> None:
        self.names = list(known)
        self.numbers = {name: number for number, name in enumerate(self.names)}

    def number(self, name: str) -> int:
        if name not in self.numbers:
            self.numbers[name] = len(self.names)
            self.names.append(name)
        return self.numbers[name]


def _decode_spaces(data: Data) -> frozenset[Space]:
    return frozenset(map(Space, data))


_DECODE: dict[str, Callable[[Data], object]] = {
    "got": Space,
    "activation": lambda data: None if data is None else Space(data),
    "wants": _decode_spaces,
    "harmless": _decode_spaces,
    "marks": frozenset,
    "also": frozenset,
}


def dump(memory: Memory) -> Data:
    """A memory as lists, dicts, strings and numbers."""
    paths = _Paths(memory.names)

    def place(value: Place) -> Data:
        return [paths.number(value.path), value.line, value.column, value.end_line, value.end_column, value.cell]

    def key(value: Key | None) -> Data:
        return None if value is None else [paths.number(value[0]), *value[1:]]

    def arrival(value: Arrival) -> Data:
        found: list[Data] = []
        for each in fields(Arrival):
            item = getattr(value, each.name)
            if isinstance(item, Place):
                item = place(item)
            elif each.name == "applied":
                item = None if item is None else [place(where) for where in item]
            elif each.name == "trace":
                item = [[place(step.place), step.text] for step in item]
            found.append(sorted(item) if isinstance(item, frozenset) else item)
        return found

    def sites(value: Mapping[Key, LossSite]) -> Data:
        return [[key(k), place(s.place), s.operator, s.resolved, s.reason] for k, s in value.items()]

    def record(value: Record) -> Data:
        return [
            [arrival(each) for each in value.arrivals],
            [key(each) for each in value.bases],
            sites(value.losses),
            sites(value.criteria),
            [key(each) for each in sorted(value.called)],
            [[key(k), [key(r) for r in receivers]] for k, receivers in value.reached.items()],
            [[key(k), [key(r) for r in receivers]] for k, receivers in value.asked.items()],
            [paths.number(each) for each in sorted(value.modules)],
            value.steps,
        ]

    warmth = memory.warmth
    return {
        "files": memory.files,
        "digests": memory.digests,
        "probes": memory.probes,
        "looks": memory.looks,
        "signatures": memory.signatures,
        "hot": sorted(warmth.hot),
        "held": {name: sorted(words) for name, words in warmth.held.items()},
        "held_by_class": {name: sorted(words) for name, words in warmth.held_by_class.items()},
        "heads": [list(head) for head in warmth.heads],
        "asking": memory.asking,
        "pulling": memory.pulling,
        "uses": memory.uses,
        "edges": [[paths.number(a), [paths.number(b) for b in sorted(bs)]] for a, bs in memory.edges.items()],
        "searched": {name: sorted(files) for name, files in memory.searched.items()},
        "records": [
            [[paths.number(entry.shown), *entry[1:]], memory.packed.get(entry) or record(found)]
            for entry, found in memory.records.items()
        ],
        "calls": {name: sites(found) for name, found in memory.calls.items()},
        "failures": memory.failures,
        "suppressions": {
            home: [[line, None if words is None else sorted(words)] for line, words in lines.items()]
            for home, lines in memory.suppressions.items()
        },
        "skipped": sorted(memory.skipped),
        "paths": paths.names,
    }


def load(data: Data) -> Memory:
    """The memory that was dumped; anything else raises KeyError, ValueError, TypeError, IndexError or the like."""
    names: list[str] = data["paths"]

    def place(value: Data) -> Place:
        return Place(names[value[0]], *value[1:])

    def key(value: Data) -> Key:
        return names[value[0]], value[1], value[2]

    def maybe(value: Data) -> Key | None:
        return None if value is None else key(value)

    def arrival(value: Data) -> Arrival:
        found: dict[str, Any] = {}
        for each, item in zip(fields(Arrival), value, strict=True):
            if each.name in ("place", "built") and item is not None:
                item = place(item)
            elif each.name == "applied" and item is not None:
                item = tuple(place(where) for where in item)
            elif each.name == "trace":
                item = tuple(Step(place(where), text) for where, text in item)
            elif each.name in _DECODE:
                item = _DECODE[each.name](item)
            found[each.name] = item
        return Arrival(**found)

    def sites(value: Data) -> dict[Key, LossSite]:
        return {key(k): LossSite(place(p), operator, resolved, reason) for k, p, operator, resolved, reason in value}

    def record(value: Data) -> Record:
        arrivals, bases, losses, criteria, called, reached, asked, modules, steps = value
        return Record(
            [arrival(each) for each in arrivals],
            [maybe(each) for each in bases],
            sites(losses),
            sites(criteria),
            {key(each) for each in called},
            {key(k): {maybe(r) for r in receivers} for k, receivers in reached},
            {key(k): frozenset(maybe(r) for r in receivers) for k, receivers in asked},
            {names[each] for each in modules},
            steps,
        )

    entries = [(Entry(names[entry[0]], *entry[1:]), found) for entry, found in data["records"]]
    return Memory(
        files=data["files"],
        digests=data["digests"],
        probes=data["probes"],
        looks=data["looks"],
        signatures=data["signatures"],
        warmth=Warmth(
            frozenset(data["hot"]),
            {name: frozenset(words) for name, words in data["held"].items()},
            {name: frozenset(words) for name, words in data["held_by_class"].items()},
            [Head(shown, name, tuple(bases)) for shown, name, bases in data["heads"]],
        ),
        asking=data["asking"],
        pulling=list(data["pulling"]),
        uses={shown: list(names) for shown, names in data["uses"].items()},
        edges={names[a]: {names[b] for b in bs} for a, bs in data["edges"]},
        searched={name: set(files) for name, files in data["searched"].items()},
        records={entry: record(found) for entry, found in entries},
        packed=dict(entries),
        names=names,
        calls={name: sites(found) for name, found in data["calls"].items()},
        failures=[(path, line, message, cell) for path, line, message, cell in data["failures"]],
        suppressions={
            home: {line: None if words is None else frozenset(words) for line, words in lines}
            for home, lines in data["suppressions"].items()
        },
        skipped=set(data["skipped"]),
    )
