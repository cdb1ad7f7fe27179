"""The cache: what a scan found, kept in a folder between runs of the command.

A file of it holds one scan of some paths with one table: a digest and, on the next line, JSON. Its name holds a
digest of the code that wrote it and of all that it was asked; one that is not whole is as good as none. Writing
replaces the file at once, so runs at the same time do not disturb each other.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from rawlogits.errors import InputError

_FORMAT = 1
"""Another number for another meaning of the files."""
_MOST_FILES = 16
"""Scans that are kept, the latest ones."""
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder was written by rawlogits; it may be deleted.\n"


class Cache:
    """A file in a folder, for what was found with these questions.

    `about` is whatever decides it: the paths, the table's own rows, the options.

    >>> Cache(Path("nowhere"), about=("src",)).read() is None
    True
    """

    def __init__(self, folder: Path, about: Collection[object]) -> None:
        self.folder = folder
        told = repr((_FORMAT, platform.python_version(), _package(), about))
        self._file = folder / f"{_digest(told.encode())}.json"

    def read(self) -> Any:
        """What was written last; None when there is nothing, or nothing whole."""
        try:
            told, _, content = self._file.read_bytes().partition(b"\n")
        except OSError:
            return None
        return json.loads(content) if content and told == _digest(content).encode() else None

    def write(self, found: Any) -> None:
        """Keep what JSON can hold. A folder that cannot be written is left as it is: the next run takes longer."""
        collecting = gc.isenabled()
        gc.disable()  # a great many small lists, all of which live until they are written
        try:
            text = json.dumps(found, separators=(",", ":"))
        finally:
            if collecting:
                gc.enable()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, content in (("CACHEDIR.TAG", _TAG), (".gitignore", "*\n")):
                if not (self.folder / name).exists():
                    (self.folder / name).write_text(content, encoding="utf-8")
            _replace(self._file, f"{_digest(text.encode())}\n{text}")
            for old in sorted(self.folder.glob("*.json"), key=_age)[:-_MOST_FILES]:
                old.unlink(missing_ok=True)
        except OSError:
            return


def clear(folder: Path) -> int:
    """Delete a cache; the number of scans that it held. A folder that rawlogits did not write raises InputError.

    >>> clear(Path("nowhere"))
    0
    """
    if not folder.exists():
        return 0
    if not (folder / "CACHEDIR.TAG").is_file():
        raise InputError(f"{folder} holds no CACHEDIR.TAG, so rawlogits did not write it; delete it by hand")
    scans = list(folder.glob("*.json"))
    for path in (*scans, *folder.glob("*.tmp"), folder / "CACHEDIR.TAG", folder / ".gitignore"):
        path.unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError as error:
        raise InputError(f"{folder} holds files that rawlogits did not write: {error.strerror}") from None
    return len(scans)


def _package() -> list[tuple[str, int, int]]:
    """Name, size and time of every file of this package: an edited rule or row must not find old answers."""
    top = Path(__file__).parent
    found = []
    for folder, _, names in os.walk(top):
        for name in names:
            if name.endswith(".py"):
                status = os.stat(os.path.join(folder, name))
                found.append((os.path.join(folder, name), status.st_size, status.st_mtime_ns))
    return sorted(found)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
