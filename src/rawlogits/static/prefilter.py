"""The first look: the bytes of every file tell whether it asks for more, before anything is parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from rawlogits.finding import Place
from rawlogits.static import notebook
from rawlogits.static import source as sources
from rawlogits.static.heat import Demands, named_modules
from rawlogits.static.source import Raw, Unreadable

Progress = Callable[[int, int, str], None]
_STAR = re.compile(rb"from +[.\w]*?(\w*) +import +\*")
_IMPORT = re.compile(rb"^[ \t]*(?:from\b[^\n(]*(?:\([^)]*)?|import\b[^\n]*)", re.MULTILINE)
_NAME = re.compile(rb"[A-Za-z_]\w*")
_USED = re.compile(rb"([A-Za-z_]\w*)\(|\b([A-Z]\w*)(?=\s*[,)])")
"""What is called, and what may be a base."""


class Look(NamedTuple):
    """What the bytes of a file say: whether it asks for more, and the last names of the modules that it imports."""

    kind: str
    imports: tuple[str, ...] = ()
    raw: Raw | None = None

    @property
    def digest(self) -> str:
        return sources.digest(repr((self.kind, self.imports)).encode())


class Prefilter:
    """Looks at files. `named` are those that were given by name; `fail` is told which cannot be read."""

    def __init__(
        self, root: Path, demands: Demands, named: Collection[Path], fail: Callable[[str, Unreadable], None]
    ) -> None:
        self.root, self.demands, self.named, self._fail = root, demands, named, fail
        self.looks: dict[str, str] = {}
        """Digests of what was seen, by the paths that are shown."""
        self.suppressions: dict[str, dict[int, frozenset[str] | None]] = {}
        """By `Place.home`."""
        self.skipped: set[str] = set()
        """Notebooks in other languages."""

    def sift(self, files: Sequence[Path], progress: Progress | None) -> tuple[list[Raw], dict[str, list[Path]]]:
        """The files to parse, and for each imported module's last name the other files that import it."""
        wanted: list[Raw] = []
        starred: list[Raw] = []
        importers: dict[str, list[Path]] = {}
        for number, path in enumerate(files):
            shown = sources.shown_path(path, self.root)
            if progress is not None:
                progress(number, 2 * len(files), shown)
            look = self.look(path)
            self.looks[shown] = look.digest
            if look.kind == "wanted" and look.raw is not None:
                wanted.append(look.raw)
            elif look.kind == "starred" and look.raw is not None:
                starred.append(look.raw)
            for name in look.imports:
                importers.setdefault(name, []).append(path)
        return [*wanted, *self._rooted(starred, files)], importers

    def look(self, path: Path) -> Look:
        """What the bytes of a file say about it. Comments that suppress findings are noted."""
        shown = sources.shown_path(path, self.root)
        try:
            raw = notebook.read(path, self.demands.mentions, path in self.named)
            if b"\0" in raw.data:
                _ = raw.text
        except Unreadable as error:
            self._fail(shown, error)
            return Look("unreadable")
        if raw.skipped:
            self.skipped.add(shown)
        for line, words in sources.suppressions(raw).items():
            cell, line = (None, line) if raw.layout is None else raw.layout.at(line)
            home = Place(shown, line, 1, line, 1, cell).home
            self.suppressions.setdefault(home, {})[line] = words
        asks = self.demands.asks(raw.data)
        if asks and self.demands.rooted(raw.data):
            return Look("wanted", (), raw)
        if asks and b"import *" in raw.data:
            return Look("starred", (), raw)
        names = [name.decode(errors="replace") for line in _IMPORT.findall(raw.data) for name in _NAME.findall(line)]
        if b"import_module(" in raw.data:
            names += named_modules(raw.data.decode(errors="replace"))
        return Look("other", tuple(dict.fromkeys(names)), raw)

    def _rooted(self, starred: list[Raw], files: Sequence[Path]) -> list[Raw]:
        """The files that have operators by `import *`, straight from a framework's user or over several files."""
        found: list[Raw] = []
        names = {match[1].decode() for raw in starred for match in _STAR.finditer(raw.data)}
        roots = {stem(path) for path in files if stem(path) in names and self._is_rooted(path)}
        while True:
            more = [raw for raw in starred if not roots.isdisjoint(m[1].decode() for m in _STAR.finditer(raw.data))]
            if not more:
                return found
            found += more
            starred = [raw for raw in starred if raw not in more]
            roots |= {stem(raw.path) for raw in more}

    def _is_rooted(self, path: Path) -> bool:
        try:
            return self.demands.rooted(notebook.read(path).data)
        except Unreadable:
            return False


def used(path: Path) -> frozenset[str]:
    """The names that a file calls, and those that it may inherit from."""
    data = notebook.read(path).data
    return frozenset(name.decode(errors="replace") for pair in _USED.findall(data) for name in pair)


def stem(path: Path) -> str:
    """The last part of the name by which a file is imported."""
    return path.stem if path.stem != "__init__" else path.parent.name
