"""Files written anew, several of them as one: all hold the new content, or all what they held before.

A file is replaced at once by a finished one beside it. Before the first is, a journal is written that holds what the
files of a group held; `recover` puts that back where a run was killed between two of them. A file that does not hold
what the edits were made for, that may not be written, or whose folder may not, is left alone, and its group with it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rawlogits.errors import InputError

JOURNAL = ".rawlogits-fix-journal"
_TEMPORARY = re.compile(r"\.rawlogits-[0-9a-f]{16}\.tmp")


class Unwritable(InputError):
    """A file that may not be written, or that has changed since it was read."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a file held when it was read, and what it is to hold."""

    path: Path
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    """A change of a file that is no link, and the name of the finished file beside it."""

    target: Path
    temporary: Path
    old: bytes | None
    """None where nobody will need it."""
    new: str
    """The digest of what the file is to hold."""


def write(groups: Sequence[Sequence[Change]], folder: Path) -> dict[int, str]:
    """Write the changes, each group as a whole; by the number of a group that was left alone, why.

    The journal stands in `folder`; a group of several files has to lie below it. Links stay, what they lead to is
    written; modes are kept. InputError where another run is writing, or one that was killed has left a journal.
    """
    refused: dict[int, str] = {}
    plans: dict[int, list[tuple[Change, _Part]]] = {}
    for number, group in enumerate(groups):
        try:
            plans[number] = _planned(group, folder)
        except (Unwritable, OSError) as error:
            refused[number] = _reason(error)
    if not plans:
        return refused
    with _journal(folder / JOURNAL, [[part for _, part in plan] for plan in plans.values()], folder):
        for number, plan in plans.items():
            try:
                _make(plan)
            except (Unwritable, OSError) as error:
                refused[number] = _reason(error)
    return refused


def recover(folder: Path) -> tuple[Path, ...]:
    """Put back what a run that was killed has left half done; the files that hold their old content again.

    InputError while another run is writing.

    >>> recover(Path("nowhere"))
    ()
    """
    path = folder / JOURNAL
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return ()
    with os.fdopen(handle, "rb") as file:
        if not _locked(file):
            raise InputError(f"another run is writing fixes here ({path}); wait until it is done")
        restored = [each for group in _read(file.read(), folder) for each in _settle(group)]
        _remove(path, file)
    return tuple(restored)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'} cannot be written: {error.strerror or error}"
    return str(error)


# -- one group -------------------------------------------------------------------------------------------------------


def _planned(group: Sequence[Change], folder: Path) -> list[tuple[Change, _Part]]:
    plan: dict[Path, tuple[Change, _Part]] = {}
    for change in group:
        target = Path(os.path.realpath(change.path))
        if target in plan:
            if plan[target][0].new != change.new:
                raise Unwritable(f"{change.path} and {plan[target][0].path} are one file, with different fixes")
            continue
        _check_open(change, target)
        temporary = target.parent / f".rawlogits-{secrets.token_hex(8)}.tmp"
        plan[target] = change, _Part(target, temporary, change.old, _digest(change.new))
    if len(plan) > 1:
        for target, (change, _) in plan.items():
            if not target.is_relative_to(os.path.realpath(folder)):
                raise Unwritable(f"{change.path} lies outside of {folder}; run from a folder that holds all of the fix")
    return list(plan.values())


def _check_open(change: Change, target: Path) -> None:
    """Raise where the owner of a file does not want it written: also for a user who is allowed everything."""
    for path, what in ((target, change.path), (target.parent, f"the folder of {change.path}")):
        if not os.stat(path).st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
            raise Unwritable(f"{what} is read-only")
    _check_same(change, target)


def _check_same(change: Change, target: Path) -> None:
    if target.read_bytes() != change.old:
        raise Unwritable(f"{change.path} has changed since it was read; run again")


def _make(plan: Sequence[tuple[Change, _Part]]) -> None:
    """Write a group; on any error everything is as it was."""
    try:
        for change, part in plan:
            _write_beside(part, change.new)
        for change, part in plan:
            _check_same(change, part.target)
            os.replace(part.temporary, part.target)
    except BaseException:
        try:
            _settle([part for _, part in plan])
        except OSError as error:
            raise InputError(f"a fix is half written ({_reason(error)}); make room, then run --fix again") from error
        raise
    for folder in {part.target.parent for _, part in plan}:
        _sync(folder)


def _write_beside(part: _Part, data: bytes) -> None:
    """A finished file beside the one that it is to replace, with its mode and, where that is allowed, its owner."""
    status = os.stat(part.target)
    handle = os.open(part.temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        if hasattr(os, "fchown"):
            with contextlib.suppress(OSError):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
        os.chmod(part.temporary, stat.S_IMODE(status.st_mode))
        os.fsync(file.fileno())


def _settle(group: Sequence[_Part]) -> list[Path]:
    """A group that was begun: it stays when all of it was written, else what was goes back to what it held."""
    for part in group:
        part.temporary.unlink(missing_ok=True)
    done = [part for part in group if _holds(part)]
    if len(done) == len(group):
        return []
    for part in done:
        if part.old is not None:
            _write_beside(part, part.old)
            os.replace(part.temporary, part.target)
            _sync(part.target.parent)
    return [part.target for part in done if part.old is not None]


def _holds(part: _Part) -> bool:
    """Whether a file holds what it was to hold."""
    try:
        return _digest(part.target.read_bytes()) == part.new
    except OSError:
        return False


def _sync(folder: Path) -> None:
    """Have the names in a folder written to the disk, where the system can."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


# -- the journal -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _journal(path: Path, groups: Sequence[Sequence[_Part]], folder: Path) -> Iterator[None]:
    """A journal of the groups, kept as long as they may be half written, also past an error.

    Where none can be written only groups of one file are; a finished file may then be left beside one.
    """
    text = json.dumps([_entries(group, folder) for group in groups], separators=(",", ":"))
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(f"another run is writing fixes here, or one was killed ({path}); run --fix again") from None
    except OSError as error:
        if any(len(group) > 1 for group in groups):
            raise InputError(f"no fix is written: {path} cannot be: {error.strerror or error}") from None
        yield
        return
    with os.fdopen(handle, "wb") as file:
        if not _locked(file) or not path.exists():
            raise InputError(f"another run is writing fixes here ({path}); wait until it is done")
        file.write(f"{_digest(text.encode())}\n{text}".encode())
        file.flush()
        os.fsync(file.fileno())
        _sync(folder)
        yield
        _remove(path, file)


def _entries(group: Sequence[_Part], folder: Path) -> list[list[str | None]]:
    """The parts of a group below the folder of the journal, by paths relative to it."""
    top, several = os.path.realpath(folder), len(group) > 1
    return [
        [
            os.path.relpath(part.target, top),
            part.temporary.name,
            base64.b64encode(part.old).decode() if several and part.old is not None else None,
            part.new,
        ]
        for part in group
        if part.target.is_relative_to(top)
    ]


def _read(data: bytes, folder: Path) -> list[list[_Part]]:
    """The groups of a journal; of one that was not finished, when nothing was begun yet, none.

    Whoever can put a journal into a folder can write there: it reaches no file outside.
    """
    told, _, text = data.partition(b"\n")
    if told != _digest(text).encode():
        return []
    top = Path(os.path.realpath(folder))
    groups = []
    for entries in json.loads(text):
        group = []
        for shown, temporary, old, new in entries:
            target = Path(os.path.realpath(top / shown))
            if not target.is_relative_to(top) or not _TEMPORARY.fullmatch(temporary):
                raise InputError(f"{folder / JOURNAL} names {shown!r}, which is not below {folder}; delete it by hand")
            group.append(_Part(target, target.parent / temporary, None if old is None else base64.b64decode(old), new))
        groups.append(group)
    return groups


def _locked(file: IO[bytes]) -> bool:
    """Take the lock of a file that lives as long as this process does; False when another one has it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(path: Path, file: IO[bytes]) -> None:
    if sys.platform == "win32":  # which deletes no open file
        file.close()
    path.unlink(missing_ok=True)
