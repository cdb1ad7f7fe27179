"""One folder of the workspace: what is known to be wrong in it, kept true from edit to edit.

An edit can change only what programs make of it that execute the edited file, and those import it, over however many
files. So after an edit the file, its importers and all that these need are checked, and what is known of all others
stays. Where that would be too many files the nearest are taken, and a check of the whole folder has to follow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from rawlogits import api
from rawlogits.config import Config
from rawlogits.files import MARKDOWN, SKIPPED, SUFFIXES, discover, matcher
from rawlogits.finding import Finding
from rawlogits.report import Report
from rawlogits.server.imports import Graph

MOST_FILES = 60
"""Files that are checked at once after an edit: a second of work at worst, a tenth of it as a rule."""
MOST_FIXES = 50
"""Findings whose edits are worked out in a check of everything, and"""
FIXES_AT_ONCE = 1
"""in one after an edit: each costs tens of milliseconds."""
Progress = Callable[[int, int, str], None]
Buffers = Mapping[Path, bytes]


def files_of(finding: Finding) -> frozenset[str]:
    """The paths through which a finding leads."""
    return frozenset((finding.place.path, *(step.place.path for step in finding.trace)))


class Project:
    """The findings below a folder. A `loose` one knows only the files that are open.

    `after` follows an edit, `whole` checks everything; both raise what `api.check` raises, and what `progress` raises
    to end a check that is no longer wanted leaves everything as it was.
    """

    def __init__(self, folder: Path, *, loose: bool = False) -> None:
        self.folder = folder
        self.loose = loose
        self.findings: tuple[Finding, ...] = ()
        self.settled = False
        """Whether a check of the whole folder would say nothing new, as far as we know."""
        self.broken: frozenset[Path] = frozenset()
        """Open files that did not parse when they were last looked at."""
        self._listed: dict[Path, None] | None = None
        self._graph = Graph(folder)

    def after(self, changed: Collection[Path], buffers: Buffers, progress: Progress) -> None:
        """Take in an edit of some files. While one of them does not parse, what was said of it stands."""
        settings = self._settings()
        before = self._graph.importers(changed)
        files = self._known(changed, buffers, settings)
        self._graph.update(changed, buffers)
        reach = list(dict.fromkeys([*before, *self._graph.importers(changed)]))
        wanted, exact = self._wanted(changed, reach, files)
        there = [path for path in wanted if path in buffers or path.is_file()]
        report = self._check(there, settings, buffers, progress, FIXES_AT_ONCE)
        near, checked, stands = self._shown(reach), self._shown(wanted), self._broken(report, buffers)

        def replaced(finding: Finding) -> bool:
            through = files_of(finding)
            return bool(through & near) and (exact or through <= checked) and not through & stands

        new = [finding for finding in report.findings if files_of(finding) & near]
        self.findings = _once([*new, *(finding for finding in self.findings if not replaced(finding))])
        self.settled = self.settled and exact

    def whole(self, buffers: Buffers, progress: Progress) -> None:
        """Check the whole folder."""
        settings = self._settings()
        self._listed = None
        files = self._known((), buffers, settings)
        self._graph.update(files, buffers)
        new = [path for path in files if path not in (self._listed or ())]
        paths = [self.folder, *new] if self._listed else new
        report = self._check(paths, settings, buffers, progress, MOST_FIXES)
        stands = self._broken(report, buffers)
        self.findings = _once([*report.findings, *(old for old in self.findings if files_of(old) & stands)])
        self.settled = True

    def forget(self) -> None:
        """Nothing is known any more: files came or went, or the configuration is another one."""
        self._listed, self.settled = None, False

    def _known(self, changed: Iterable[Path], buffers: Buffers, settings: Config) -> tuple[Path, ...]:
        """The files of the project, those that exist only in the editor among them."""
        listed = self._listed
        if listed is None or any(path not in listed for path in changed):
            base, exclude = settings.folder, settings.exclude
            found: tuple[Path, ...] = ()
            if not self.loose:
                found = discover([self.folder], root=self.folder, exclude=exclude, exclude_base=base)
            listed = self._listed = dict.fromkeys(found)
        excluded = matcher(settings.exclude, settings.folder or self.folder) if settings.exclude else lambda path: False
        new = [
            path
            for path in buffers
            if path not in listed and self._is_code(path) and (self.loose or not excluded(path))
        ]
        files = tuple(dict.fromkeys([*listed, *new]))
        if files != self._graph.files:
            self._graph.set_files(files, buffers)
        return files

    def _is_code(self, path: Path) -> bool:
        """Whether a file that only the editor knows, or only it can know to be code, belongs here."""
        if self.loose:
            return True
        suffix = path.suffix.lower()
        inside = path.is_relative_to(self.folder) and SKIPPED.isdisjoint(path.relative_to(self.folder).parts)
        return inside and (suffix in MARKDOWN or (suffix in SUFFIXES and not path.exists()))

    def _wanted(self, changed: Iterable[Path], reach: Sequence[Path], files: Sequence[Path]) -> tuple[list[Path], bool]:
        """The files to check after an edit, and whether they are all that it can matter to."""
        known = set(files)
        everything = [path for path in self._graph.needs(reach) if path in known]
        if len(everything) <= MOST_FILES:
            return everything, True
        shown = self._shown(changed)
        met = {self.folder / path for finding in self.findings if (ways := files_of(finding)) & shown for path in ways}
        near = [path for path in dict.fromkeys([*changed, *sorted(met)]) if path in known]
        wanted = dict.fromkeys(self._graph.needs(near)[:MOST_FILES])
        for path in reach:
            if len(wanted) >= MOST_FILES:
                break
            wanted.update(dict.fromkeys(self._graph.needs([path])[: MOST_FILES - len(wanted)]))
        return [path for path in wanted if path in known], False

    def _settings(self) -> Config:
        return api.configuration(["."], self.folder, None, True)

    def _check(
        self, paths: Sequence[Path], settings: Config, buffers: Buffers, progress: Progress, most_fixes: int
    ) -> Report:
        if not paths:
            return Report()
        overlay = {str(path): data for path, data in buffers.items()}
        left = iter(range(most_fixes))
        fixable = lambda finding: next(left, None) is not None  # noqa: E731
        return api.check(paths, root=self.folder, config=settings, overlay=overlay, progress=progress, fixable=fixable)

    def _broken(self, report: Report, buffers: Buffers) -> frozenset[str]:
        """The reach of open files that do not parse just now."""
        failed = {failure.path for failure in report.failures if failure.cell is None}
        self.broken = frozenset(path for path in buffers if not failed.isdisjoint(self._shown([path])))
        return self._shown(self._graph.importers(sorted(self.broken)))

    def _shown(self, paths: Iterable[Path]) -> frozenset[str]:
        """Paths as findings name them."""
        folder = self.folder
        return frozenset(
            (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix() for path in paths
        )


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One for a rule, a place and an origin, the first one; in order of places."""
    found: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        origin = finding.trace[0].place if finding.trace else finding.place
        found.setdefault((finding.place, finding.code, origin), finding)
    return tuple(sorted(found.values(), key=_order))


def _order(finding: Finding) -> tuple[str, int, int, int, str]:
    place = finding.place
    return place.path, -1 if place.cell is None else place.cell, place.line, place.column, finding.code
