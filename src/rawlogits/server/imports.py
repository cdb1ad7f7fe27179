"""Which files of a project import which: read off their text, for knowing what an edit may change.

It may say too much and costs only time then. Too little (a name computed at run time, a plug-in) is made up for by
the check of the whole project that follows every edit sooner or later.
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

_STATEMENT = re.compile(
    rb"(?:^|[\"';:]|\\n)[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*|(?:[^\n\\\"#;]|\\\r?\n)*)"
    rb"|import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)
_CALLED = re.compile(rb"import_module\(\s*f?[\"']([.\w]+)")
_WORD = re.compile(rb"[\w.]+")
Parts = tuple[str, ...]
Target = tuple[int, Parts]
"""How many leading dots, and the names."""


def imported(data: bytes) -> frozenset[Target]:
    """What a file (or the JSON of a notebook) imports, also within functions.

    >>> sorted(imported(b"import a.b as c\\nfrom ..d import (\\n    e,\\n)"))
    [(0, ('a', 'b')), (2, ('d',)), (2, ('d', 'e'))]
    """
    found: set[Target] = set()
    for origin, names, plain in _STATEMENT.findall(data):
        if origin:
            level = len(origin) - len(origin.lstrip(b"."))
            base = tuple(origin[level:].decode(errors="replace").split(".")) if origin[level:] else ()
            found.add((level, base))
            found.update((level, (*base, word)) for word in _names(names))
        else:
            found.update((0, tuple(word.split("."))) for word in _names(plain))
    found.update((0, tuple(name.decode(errors="replace").strip(".").split("."))) for name in _CALLED.findall(data))
    return frozenset((level, parts) for level, parts in found if (level or parts) and all(parts))


def _names(text: bytes) -> Iterator[str]:
    """`a as b, c` -> a, c."""
    for item in text.split(b","):
        word = _WORD.search(re.sub(rb"#[^\n]*", b"", item))
        if word is not None:
            yield word[0].decode(errors="replace")


class Graph:
    """The imports between the files below `root`; `set_files` first.

    >>> graph = Graph(Path("/p"))
    >>> graph.set_files([Path("/p/a.py"), Path("/p/b.py")], {Path("/p/a.py"): b"import b", Path("/p/b.py"): b""})
    >>> [path.name for path in graph.importers([Path("/p/b.py")])]
    ['b.py', 'a.py']
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: tuple[Path, ...] = ()
        self._stamps: dict[Path, object] = {}
        self._targets: dict[Path, frozenset[Target]] = {}
        self._modules: dict[Parts, Path] = {}
        self._by_last: dict[str, list[Parts]] = {}
        self._forward: dict[Path, frozenset[Path]] = {}
        self._importers: dict[Path, set[Path]] = {}

    def set_files(self, files: Iterable[Path], buffers: Mapping[Path, bytes]) -> None:
        """These are all files now; those whose content may have changed are read again."""
        files = tuple(files)
        same = files == self.files
        self.files = files
        changed = [path for path in files if self._read(path, buffers)]
        if same:
            self._connect(changed)
            return
        for gone in self._targets.keys() - set(files):
            del self._targets[gone], self._stamps[gone]
        self._modules = {key: path for path in files for key in self._keys(path)}
        self._by_last = {}
        for key in self._modules:
            self._by_last.setdefault(key[-1], []).append(key)
        self._forward, self._importers = {}, {}
        self._connect(files)

    def update(self, paths: Iterable[Path], buffers: Mapping[Path, bytes]) -> None:
        """The content of these files may have changed."""
        self._connect([path for path in paths if path in self._targets and self._read(path, buffers)])

    def importers(self, paths: Iterable[Path]) -> list[Path]:
        """These files, those that import them, those that import those, ...: the nearest first."""
        return self._spread(paths, lambda path: sorted(self._importers.get(path, ())))

    def needs(self, paths: Iterable[Path]) -> list[Path]:
        """These files, those that they import, those that those import, ...: the nearest first."""
        return self._spread(paths, lambda path: sorted(self._forward.get(path, ())))

    @staticmethod
    def _spread(paths: Iterable[Path], near: Callable[[Path], Collection[Path]]) -> list[Path]:
        found = dict.fromkeys(paths)
        waiting = deque(found)
        while waiting:
            for path in near(waiting.popleft()):
                if path not in found:
                    found[path] = None
                    waiting.append(path)
        return list(found)

    def _read(self, path: Path, buffers: Mapping[Path, bytes]) -> bool:
        """Whether a file imports something else than when it was read last."""
        data = buffers.get(path)
        stamp: object = data
        if data is None:
            try:
                status = os.stat(path)
                stamp = (status.st_mtime_ns, status.st_size)
            except OSError:
                stamp, data = None, b""
        if path in self._stamps and self._stamps[path] == stamp:
            return False
        self._stamps[path] = stamp
        before, self._targets[path] = self._targets.get(path), imported(_content(path) if data is None else data)
        return before != self._targets[path]

    def _connect(self, paths: Iterable[Path]) -> None:
        for path in paths:
            for needed in self._forward.get(path, ()):
                self._importers[needed].discard(path)
            found = {found for target in self._targets[path] for found in self._resolve(path, *target)} - {path}
            self._forward[path] = frozenset(found)
            for needed in found:
                self._importers.setdefault(needed, set()).add(path)

    def _keys(self, path: Path) -> Iterator[Parts]:
        if path.suffix not in (".py", ".pyw"):
            return
        parts = self._parts(path.parent)
        if path.stem != "__init__":
            yield (*parts, path.stem)
        elif parts:
            yield parts

    def _parts(self, folder: Path) -> Parts:
        return folder.relative_to(self.root).parts if folder.is_relative_to(self.root) else ()

    def _resolve(self, importer: Path, level: int, parts: Parts) -> Iterator[Path]:
        """The files that an import may mean: the nearest where a search upwards finds one, else all that end so."""
        package = self._parts(importer.parent)
        if level:
            key = (*package[: max(0, len(package) - level + 1)], *parts)
            if key in self._modules:
                yield self._modules[key]
            return
        for size in range(len(package), -1, -1):
            for base in (package[:size], (*package[:size], "src")):
                if (*base, *parts) in self._modules:
                    yield self._modules[*base, *parts]
                    return
        if parts[0] not in sys.stdlib_module_names:
            for key in self._by_last.get(parts[-1], ()):
                if key[-len(parts) :] == parts:
                    yield self._modules[key]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
