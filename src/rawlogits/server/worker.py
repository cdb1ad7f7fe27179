"""The thread that checks: edits soon after they were made, whole folders when nobody types; the latest state wins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rawlogits.errors import RawLogitsError
from rawlogits.finding import Finding
from rawlogits.server.project import Project

DEBOUNCE_S = 0.04
"""So long after the last edit it is checked."""
SETTLE_S = 0.5
"""And so long, or for as long as that took the last time, nothing happens before a whole folder is."""
_STACK = 64 * 1024 * 1024
"""Programs are interpreted recursively, and some systems give a thread half a megabyte."""


class Superseded(Exception):
    """What is being checked has changed meanwhile."""


@dataclass(frozen=True)
class Snapshot:
    """What the editor shows at one moment."""

    folders: tuple[Path, ...] = ()
    buffers: Mapping[Path, bytes] = field(default_factory=dict)
    versions: Mapping[Path, object] = field(default_factory=dict)
    """Of every buffer something that differs after each edit."""

    def owner(self, path: Path) -> tuple[Path, bool]:
        """The folder that a file belongs to, the innermost one, and whether it is one of the workspace."""
        around = [folder for folder in self.folders if path.is_relative_to(folder)]
        return (max(around, key=lambda folder: len(folder.parts)), True) if around else (path.parent, False)


@dataclass(frozen=True)
class Outcome:
    """What is known of a folder after a check."""

    folder: Path
    findings: tuple[Finding, ...]
    snapshot: Snapshot
    changed: frozenset[Path]
    """The files whose edits led to this check."""
    broken: frozenset[Path] = frozenset()
    """Open files that do not parse just now: what was said of them stands, in its old places."""
    problem: str = ""
    """Why nothing is checked: what is wrong with the configuration."""
    crash: str = ""
    """What went wrong inside rawlogits; the findings are the former ones."""


class Worker:
    """Checks what `submit` brings and hands each `Outcome` to `done`, on a thread of its own.

    `progress` hears of checks of whole folders: the folder, how many percent are done (100 at its end).
    """

    def __init__(self, done: Callable[[Outcome], None], progress: Callable[[Path, int], None]) -> None:
        self._done = done
        self._progress = progress
        self._news = threading.Condition()
        self._snapshot = Snapshot()
        self._serial = 0
        self._changed: set[Path] = set()
        self._forget = False
        self._submitted = 0.0
        self._stopped = False
        self._projects: dict[Path, Project] = {}
        self._took: dict[Path, float] = {}
        self._refused: set[Path] = set()
        """Folders that are not checked again before something changes."""
        size = threading.stack_size(_STACK)
        self._thread = threading.Thread(target=self._work, name="rawlogits-check", daemon=True)
        self._thread.start()
        threading.stack_size(size)

    def submit(self, snapshot: Snapshot, changed: Collection[Path], *, forget: bool = False) -> None:
        """This is how things stand now, and these files are not what they were.

        With `forget` files came or went, or anything else happened after which whole folders are to be checked.
        """
        with self._news:
            self._snapshot = snapshot
            self._changed.update(changed)
            self._forget |= forget
            self._serial += 1
            self._submitted = time.monotonic()
            self._news.notify()

    def stop(self) -> None:
        """End the thread; a check that is running is given up."""
        with self._news:
            self._stopped = True
            self._serial += 1
            self._news.notify()
        self._thread.join(timeout=2)

    def _work(self) -> None:
        while True:
            with self._news:
                task = self._task()
                if self._stopped:
                    return
                serial, snapshot = self._serial, self._snapshot
                if task is None:
                    changed, self._changed = frozenset(self._changed), set()
                    if self._forget:
                        for project in self._projects.values():
                            project.forget()
                    self._forget = False
                    self._refused.clear()
            try:
                if task is None:
                    self._follow(changed, snapshot, serial)
                else:
                    self._whole(task, snapshot, serial)
            except Superseded:
                with self._news:
                    self._changed.update(changed if task is None else ())

    def _task(self) -> Project | None:
        """Wait for what is to be done next: None for edits, else a folder to check as a whole."""
        while not self._stopped:
            now = time.monotonic()
            if self._changed or self._forget:
                due = self._submitted + DEBOUNCE_S
                if now >= due:
                    return None
            else:
                stale = self._stale()
                if stale is None:
                    self._news.wait()
                    continue
                took = self._took.get(stale.folder)
                due = 0.0 if took is None else self._submitted + max(SETTLE_S, took)
                if now >= due:
                    return stale
            self._news.wait(due - now)
        return None

    def _stale(self) -> Project | None:
        for project in self._arranged():
            if not project.settled and project.folder not in self._refused:
                return project
        return None

    def _arranged(self) -> list[Project]:
        """A project for each folder of the workspace, and for each other folder of which a file is open."""
        wanted = dict.fromkeys(self._snapshot.folders, False)
        for path in self._snapshot.buffers:
            folder, inside = self._snapshot.owner(path)
            if not inside:
                wanted[folder] = True
        kept = {folder: project for folder, project in self._projects.items() if wanted.get(folder) is project.loose}
        self._projects = {folder: kept.get(folder) or Project(folder, loose=loose) for folder, loose in wanted.items()}
        return list(self._projects.values())

    def _follow(self, changed: frozenset[Path], snapshot: Snapshot, serial: int) -> None:
        for project in self._arranged():
            own = frozenset(path for path in changed if snapshot.owner(path)[0] == project.folder)
            if own:
                buffers, watch = self._own(project, snapshot), self._watch(serial)
                self._attempt(project, snapshot, own, partial(project.after, own, buffers, watch))

    def _whole(self, project: Project, snapshot: Snapshot, serial: int) -> None:
        started, watch, percent = time.monotonic(), self._watch(serial), 0

        def progress(done: int, total: int, path: str) -> None:
            nonlocal percent
            watch(done, total, path)
            if percent < (percent := min(99, 100 * done // max(total, 1))):
                self._progress(project.folder, percent)

        self._progress(project.folder, 0)
        try:
            buffers = self._own(project, snapshot)
            self._attempt(project, snapshot, frozenset(), partial(project.whole, buffers, progress))
        finally:
            self._progress(project.folder, 100)
        self._took[project.folder] = time.monotonic() - started

    def _attempt(
        self, project: Project, snapshot: Snapshot, changed: frozenset[Path], check: Callable[[], None]
    ) -> None:
        problem = crash = ""
        try:
            check()
        except Superseded:
            raise
        except RawLogitsError as error:
            problem = str(error)
        except Exception as error:
            crash = f"{type(error).__name__}: {error}"
        if problem or crash:
            self._refused.add(project.folder)
        if problem:
            project.findings = ()
        self._done(Outcome(project.folder, project.findings, snapshot, changed, project.broken, problem, crash))

    def _own(self, project: Project, snapshot: Snapshot) -> dict[Path, bytes]:
        """The buffers that a project may see: its own, and a loose one nothing else."""
        if not project.loose:
            return dict(snapshot.buffers)
        return {path: data for path, data in snapshot.buffers.items() if snapshot.owner(path)[0] == project.folder}

    def _watch(self, serial: int) -> Callable[[int, int, str], None]:
        def watch(done: int, total: int, path: str) -> None:
            if self._serial != serial:
                raise Superseded

        return watch
