"""What the files of a project hold, read once for all repairs of a run: their texts, and which words stand where."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rawlogits.static import notebook
from rawlogits.static import source as sources
from rawlogits.static.source import Unreadable

MOST_FILES = 4000
"""Files of a project that are searched for readers."""
MOST_READ = 150
"""Files that are read for one repair."""
MOST_SETTINGS = 200_000
"""Bytes of a settings file that is searched for names."""
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})
_SETTINGS = (".yaml", ".yml", ".json", ".toml", ".cfg", ".ini")
_PACKAGED = ("setup.py", "setup.cfg", "pyproject.toml")
_STAR = re.compile(rb"from[ \t]+[.\w]*?(\w*)[ \t]+import[ \t]*\*")
_WORD = re.compile(rb"\w")
_SPACED = bytes(each if each > 127 or _WORD.match(bytes([each])) else 32 for each in range(256))
"""What stands between words is a space."""


@dataclass(eq=False)
class Index:
    """The Python files and notebooks below a root, by the path that findings print."""

    root: Path
    cut: bool = False
    """Whether there are more files than are searched."""
    _counts: dict[str, int] = field(default_factory=dict)
    _matching: dict[str, list[str]] = field(default_factory=dict)
    _reaching: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def texts(self) -> dict[str, bytes]:
        """What each file holds; of a notebook its code."""
        found: dict[str, bytes] = {}
        for path in self._walked((".py", notebook.NOTEBOOK)):
            shown = sources.shown_path(path, self.root)
            try:
                found[shown] = _code(path, shown)
            except Unreadable:
                continue
        return found

    @cached_property
    def _holding(self) -> dict[bytes, list[str]]:
        found: dict[bytes, list[str]] = {}
        for shown, data in self.texts.items():
            for word in set(data.translate(_SPACED).split()):
                found.setdefault(word, []).append(shown)
        return found

    def holding(self, word: str) -> list[str]:
        """The files in whose text a word stands."""
        return self._holding.get(word.encode(), [])

    def matching(self, word: str, pattern: str) -> list[str]:
        """The files in whose text a word stands, and a pattern, too."""
        key = f"{word} {pattern}"
        if key not in self._matching:
            compiled = re.compile(pattern.encode())
            self._matching[key] = [each for each in self.holding(word) if compiled.search(self.texts[each])]
        return self._matching[key]

    def reaching(self, shown: str) -> frozenset[str]:
        """The files that may import what a file defines: they name its module or a package round it, or a dot."""
        if shown not in self._reaching:
            parts, top = module_path(shown), shown.split("/")[0]
            found = {each for part in parts for each in self.holding(part)} if parts else {*self.texts}
            dotted = self.matching("import", r"from[ \t]+\.+[ \t]*import")
            beside = (each for each in dotted if each.split("/")[0] == top or "/" not in shown)
            self._reaching[shown] = frozenset({shown, *found, *beside})
        return self._reaching[shown]

    def starring(self, shown: str) -> list[str]:
        """The files that may import everything from a file."""
        parts = {*module_path(shown), ""}
        near = self.reaching(shown)
        return [each for each, modules in self._starred.items() if each in near and not parts.isdisjoint(modules)]

    @cached_property
    def _starred(self) -> dict[str, set[str]]:
        """The files that import everything from somewhere, and the last parts of the modules from which they do."""
        files = self.matching("import", _STAR.pattern.decode())
        return {each: {found.decode() for found in _STAR.findall(self.texts[each])} for each in files}

    def count(self, pattern: str, *words: str) -> int:
        """How often a pattern stands in the files that hold one of some words (in all, where none are given)."""
        if pattern not in self._counts:
            compiled = re.compile(pattern.encode())
            within = {shown for word in words for shown in self.holding(word)} if words else self.texts
            self._counts[pattern] = sum(len(compiled.findall(self.texts[shown])) for shown in within)
        return self._counts[pattern]

    @cached_property
    def modules(self) -> frozenset[str]:
        """The paths of all files without their endings, and of all packages."""
        return frozenset("/".join(module_path(each)) for each in self.texts if not each.endswith(notebook.NOTEBOOK))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all modules and of the folders in which they lie."""
        return frozenset(part for each in self.modules for part in each.split("/"))

    @cached_property
    def packaged(self) -> bool:
        """Whether the project is made to be installed, so that others may import what it exports."""
        return any((self.root / each).is_file() for each in _PACKAGED)

    @cached_property
    def settings(self) -> dict[str, bytes]:
        """What the settings files hold that are not too long."""
        found = {}
        for path in self._walked(_SETTINGS):
            try:
                if path.stat().st_size <= MOST_SETTINGS:
                    found[sources.shown_path(path, self.root)] = path.read_bytes()
            except OSError:
                continue
        return found

    def _walked(self, endings: tuple[str, ...]) -> Iterator[Path]:
        count = 0
        for place, folders, files in os.walk(self.root):
            folders[:] = sorted(each for each in folders if not _is_skipped(Path(place), each))
            for file in sorted(files):
                if file.endswith(endings):
                    count += 1
                    if count > MOST_FILES:
                        self.cut = self.cut or endings != _SETTINGS
                        return
                    yield Path(place, file)


def module_path(shown: str) -> list[str]:
    """The parts of a file's dotted name; a package is its folder."""
    path = shown.removesuffix(".py").split("/")
    return path[:-1] if path[-1] == "__init__" else path


def _code(path: Path, shown: str) -> bytes:
    read = sources.read(path)
    if not shown.endswith(notebook.NOTEBOOK):
        return read.data
    return sources.load(notebook.read(path), shown).text.encode()


def _is_skipped(place: Path, folder: str) -> bool:
    """Whether a folder holds no code of the project: hidden, installed, or made."""
    if folder.startswith(".") or folder in _SKIPPED:
        return True
    if folder in ("build", "dist"):
        return not any((place / folder).glob("*.py"))
    return folder in ("env", "venv", "virtualenv") and (place / folder / "pyvenv.cfg").exists()
