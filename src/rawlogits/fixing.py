"""`fix`: check, make the fixes that findings bring, check again, until nothing is left to fix; then write, or not.

A fix is kept when every file still parses, the finding is gone and no new error or warning has come. Everything
happens in memory; `FixReport.write` is a step of its own.
"""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rawlogits import api, changes, edits, proving, static, writing
from rawlogits.api import PathLike, Progress
from rawlogits.config import Config
from rawlogits.errors import InputError
from rawlogits.files import discover
from rawlogits.finding import Applicability, Edit, Finding, Fix, Place, Severity
from rawlogits.report import Report
from rawlogits.rules import book

MOST_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Applied:
    """A fix that was made; the places are those of the files as its round found them."""

    finding: Finding
    fix: Fix
    proof: proving.Proof | None = None
    """What running the old and the new code came to, where a proof was asked for."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A fix that was not made, or not kept, and why."""

    finding: Finding
    fix: Fix
    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """What a file held, and what it holds with the fixes. `path` is the one that findings print."""

    path: str
    old: bytes
    new: bytes


@dataclass(frozen=True)
class FixReport:
    """What fixes do to a project. Nothing is written before `write`."""

    report: Report
    """What is found once the fixes are made."""
    applied: tuple[Applied, ...] = ()
    refused: tuple[Refused, ...] = ()
    changed: tuple[Changed, ...] = ()
    root: Path = field(default_factory=Path.cwd)
    saved: bool = True
    """Whether what was checked is what the disk holds."""
    again: Callable[[Mapping[str, bytes]], Report] | None = field(default=None, repr=False)
    """The same check of what the disk holds but for these files."""

    @property
    def unsafe(self) -> tuple[Finding, ...]:
        """The findings left that have an unsafe fix."""
        return tuple(each for each in self.report.findings if _has(each, Applicability.UNSAFE))

    def diff(self) -> str:
        """All changes as one unified diff, which `patch -p0` and `git apply -p0` read."""
        return "".join(line for each in self.changed for line in _diff(each))

    def content(self, path: PathLike, held: bytes) -> bytes:
        """What a file that held this is to hold."""
        return next((each.new for each in self.changed if each.path == _shown(path, self.root)), held)

    def write(self) -> FixReport:
        """Write the changed files, each fix as a whole; what could not be written is refused in what comes back.

        InputError where content was checked that the disk does not hold, while another run is writing, and where one
        that was killed has left a journal (`recover` takes it back).
        """
        if not self.changed:
            return self
        if not self.saved:
            raise InputError("content that is not saved is not written; take `changed`, and save it")
        groups = self._groups()
        reasons = writing.write(
            [[writing.Change(self.root / each.path, each.old, each.new) for each in group] for group in groups],
            self.root,
        )
        if not reasons:
            return self
        why = {each.path: reasons[number] for number in reasons for each in groups[number]}
        failed = [each for each in self.applied if each.fix.edits[0].path in why]
        refused = [Refused(each.finding, each.fix, why[each.fix.edits[0].path]) for each in failed]
        changed = tuple(each for each in self.changed if each.path not in why)
        return replace(
            self,
            report=self.report if self.again is None else self.again({}),
            applied=tuple(each for each in self.applied if each not in failed),
            refused=(*self.refused, *refused),
            changed=changed,
        )

    def _groups(self) -> list[list[Changed]]:
        """The changed files, those together that a fix, or fixes of the same files, reach."""
        group = {each.path: {each.path} for each in self.changed}
        for applied in self.applied:
            one = set().union(*(group.get(edit.path, set()) for edit in applied.fix.edits))
            group.update(dict.fromkeys(one, one))
        seen: set[str] = set()
        found = []
        for each in self.changed:
            if each.path not in seen:
                seen |= group[each.path]
                found.append([other for other in self.changed if other.path in group[each.path]])
        return found


def recover(root: PathLike | None = None) -> tuple[Path, ...]:
    """Take back what a killed run has left half written below `root`; the files that hold their old content again.

    >>> recover("nowhere")
    ()
    """
    return writing.recover(Path(os.path.abspath(root or Path.cwd())))


def fix(
    paths: Sequence[PathLike] | PathLike = (".",),
    *,
    unsafe: bool = False,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    config: Path | Config | None = None,
    use_config: bool = True,
    root: PathLike | None = None,
    baseline: PathLike | None = None,
    since: str | None = None,
    overlay: Mapping[str, str | bytes] | None = None,
    markdown: bool = False,
    cache: PathLike | None = None,
    progress: Progress | None = None,
    jobs: int | None = 1,
    prove: Callable[[str], object] | None = None,
) -> FixReport:
    """Make the safe fixes of what `api.check` finds with the same options; with `unsafe` the others as well.

    Only files below `paths` are changed, with an `overlay` only those in it. With `prove`, code of the project is run
    to prove each fix (see `proving`), and `prove` is told what, before it is. Raises what `api.check` raises, and with
    `prove` InputError without PyTorch.

    >>> fix(["src"]).changed  # doctest: +SKIP
    ()
    """
    paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    base = Path(os.path.abspath(root or Path.cwd()))
    settings = config if isinstance(config, Config) else api.configuration(paths, base, config, use_config)
    given = {path: data if isinstance(data, bytes) else data.encode() for path, data in (overlay or {}).items()}
    common = {"baseline": baseline, "markdown": markdown, "cache": cache, "progress": progress, "jobs": jobs}
    task = _Task(paths, base, settings, given, tuple(select), tuple(ignore), since, common)
    prover = proving.Prover(base, task.allowed, starting=prove) if prove else None
    report = task.found({})
    plain = FixReport(report, root=base, saved=not given, again=task.found)
    applicable = (Applicability.SAFE, Applicability.UNSAFE) if unsafe else (Applicability.SAFE,)
    if not any(_has(finding, *applicable) for finding in report.findings):
        return plain
    bench = _Bench(task, task.wanted(applicable), prover)
    bench.run(report)
    now = {path: data for path, data in bench.now.items() if bench.applied and data != bench.old[path]}
    return replace(
        plain,
        report=task.found(now) if now else report,
        applied=tuple(bench.applied),
        refused=tuple(bench.refused),
        changed=tuple(Changed(path, bench.old[path], data) for path, data in sorted(now.items())),
    )


@dataclass(frozen=True)
class _Task:
    """What to check, and with which options."""

    paths: Sequence[PathLike]
    root: Path
    settings: Config
    given: Mapping[str, bytes]
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    since: str | None
    common: Mapping[str, Any]

    def found(self, files: Mapping[str, bytes]) -> Report:
        """What the user is told when some files hold this."""
        chosen = {"select": self.select, "ignore": self.ignore, "config": self.settings, "since": self.since}
        return self._check(files, {**chosen, "fixable": lambda finding: True})

    def everything(self, files: Mapping[str, bytes]) -> Report:
        """What any rule says of it: none of this may come with a fix."""
        chosen = {"select": ("ALL", *(self.select or self.settings.select))}
        settings = replace(self.settings, select=(), ignore=())
        return self._check(files, {**chosen, "config": settings, "fixable": self.told})

    def _check(self, files: Mapping[str, bytes], chosen: Mapping[str, Any]) -> Report:
        return api.check(self.paths, root=self.root, overlay={**self.given, **files}, **self.common, **chosen)

    def wanted(self, applicable: Collection[Applicability]) -> Callable[[Finding], bool]:
        """Whether a finding is one that the user is told of, and has a fix that may be made."""
        return lambda finding: _has(finding, *applicable) and self.told(finding)

    def told(self, finding: Finding) -> bool:
        """Whether the user is told of a finding."""
        places = (finding.place, *(step.place for step in finding.trace))
        near = self._touched is None or self._touched.touch(self.root / place.path for place in places)
        return near and finding.code in self._codes

    @cached_property
    def _codes(self) -> set[str]:
        rules = book.select(self.select or self.settings.select, (*self.ignore, *self.settings.ignore))
        return {rule.code for rule in rules}

    @cached_property
    def _touched(self) -> changes.Changes | None:
        if self.since is None:
            return None
        folders = [self.root, *(self.root / path for path in self.paths if (self.root / path).is_dir())]
        return changes.since(self.since, folders).with_files(self.root / path for path in self.given)

    @cached_property
    def held(self) -> dict[str, bytes]:
        """The content given, by the paths that findings print."""
        return {_shown(path, self.root): data for path, data in self.given.items()}

    @cached_property
    def allowed(self) -> Collection[str]:
        """The files that may be changed: those to check. What else they import belongs to others."""
        if self.given:
            return self.held.keys()
        base, exclude, markdown = self.settings.folder, self.settings.exclude, self.common["markdown"]
        files = discover(self.paths, root=self.root, exclude=exclude, exclude_base=base, markdown=markdown)
        return frozenset(_shown(file, self.root) for file in files)


def _shown(path: PathLike, root: Path) -> str:
    """A path as findings print it."""
    return static.shown_path(Path(os.path.abspath(root / path)), root)


def _has(finding: Finding, *applicable: Applicability) -> bool:
    return finding.fix is not None and bool(finding.fix.edits) and finding.fix.applicability in applicable


# -- the rounds ------------------------------------------------------------------------------------------------------


class _Bench:
    """Files under repair: what they held, what they hold now, and which fixes made the difference."""

    def __init__(self, task: _Task, wanted: Callable[[Finding], bool], prover: proving.Prover | None = None) -> None:
        self.task, self.wanted, self.prover = task, wanted, prover
        self.old: dict[str, bytes] = {}
        self.now: dict[str, bytes] = {}
        self.applied: list[Applied] = []
        self.refused: list[Refused] = []
        self._hopeless: list[Finding] = []

    def run(self, found: Report) -> None:
        """Round after round, until no fix is left that can be made. After each the refused ones are tried again."""
        report = self._pinned(found)
        rounds = 0
        while rounds < MOST_ROUNDS and (taken := self._taken(report)):
            kept, after, report = self._kept(report, [], taken, self.now, report)
            if not kept:
                continue
            self.refused, self._hopeless = [], []  # what stood in their way may be gone
            self.applied += [Applied(each, each.fix, self._proof(each)) for each in kept if each.fix]
            self.now, rounds = after, rounds + 1
            report = self._pinned(report)

    def _pinned(self, report: Report) -> Report:
        """A check of files none of which can change meanwhile: those that fixes touch are read before it."""
        while self._pin(report):
            report = self.task.everything(self.now)
        return report

    def _pin(self, report: Report) -> bool:
        fixes = [each.fix for each in report.findings if each.fix and self.wanted(each)]
        new = {edit.path for fix in fixes if not self._barred(fix) for edit in fix.edits} - self.now.keys()
        for path in new:
            data = self.task.held.get(path)
            self.old[path] = self.now[path] = (self.task.root / path).read_bytes() if data is None else data
        return bool(new)

    def _taken(self, report: Report) -> list[Finding]:
        """The findings whose fixes are tried in this round: of two that overlap the first one."""
        taken: list[Finding] = []
        made: list[Edit] = []
        for finding in report.findings:
            if finding.fix is None or not self.wanted(finding) or self._is_hopeless(finding):
                continue
            reason = self._barred(finding.fix)
            if reason:
                self._refuse(finding, reason)
            elif not edits.overlap(finding.fix.edits, made):
                taken.append(finding)
                made += finding.fix.edits
        return taken

    def _barred(self, fix: Fix) -> str:
        others = sorted({edit.path for edit in fix.edits}.difference(self.task.allowed))
        return f"it changes {', '.join(others)}, which is not among the files to check" if others else ""

    def _refuse(self, finding: Finding, reason: str) -> None:
        self._hopeless.append(finding)
        if finding.fix is not None:
            self.refused.append(Refused(finding, finding.fix, reason))

    def _is_hopeless(self, finding: Finding) -> bool:
        return any(_same(finding, each) for each in self._hopeless)

    def _kept(
        self, before: Report, kept: list[Finding], taken: list[Finding], now: dict[str, bytes], report: Report
    ) -> tuple[list[Finding], dict[str, bytes], Report]:
        """Of fixes for the same text those that can be made together, on top of those kept; halves where not all can.

        With them the files as they are then, and what is found in them.
        """
        both = [*kept, *taken]
        try:
            after = self._edited(both)
            found = self.task.everything(after)
            reason = self._wrong(before, found, both, after) or self._disproved(taken)
        except edits.EditError as error:
            reason = str(error)
        if not reason:
            return both, after, found
        if len(taken) == 1:
            self._refuse(taken[0], reason)
            return kept, now, report
        middle = len(taken) // 2
        first = self._kept(before, kept, taken[:middle], now, report)
        return self._kept(before, first[0], taken[middle:], *first[1:])

    def _disproved(self, taken: Sequence[Finding]) -> str:
        """Which proof of these fixes fails, in words; "" when none does, or none is asked for."""
        proofs = (self._proof(each) for each in taken)
        return next((f"its proof failed: {each.words}" for each in proofs if each and each.is_failed), "")

    def _proof(self, finding: Finding) -> proving.Proof | None:
        """What running one fix alone on the files of this round comes to. The prover remembers it."""
        if self.prover is None or finding.fix is None:
            return None
        changed = {edit.path for edit in finding.fix.edits}
        after = self._edited([finding])
        old = {**self.task.held, **self.now}
        new = {**old, **{path: after[path] for path in changed}}
        return self.prover.prove(finding, old, new)

    def _edited(self, findings: Sequence[Finding]) -> dict[str, bytes]:
        after = dict(self.now)
        for path, made in edits.by_file(edit for each in findings if each.fix for edit in each.fix.edits).items():
            after[path] = edits.apply(path, after[path], made)
        return after

    def _wrong(self, before: Report, after: Report, fixed: Sequence[Finding], files: Mapping[str, bytes]) -> str:
        """What speaks against fixes after which this is found, "" when nothing does."""
        unread = {(each.path, each.cell) for each in before.failures}
        for failure in after.failures:
            if (failure.path, failure.cell) not in unread:
                return f"with it {failure.path} {failure.message}"
        for path, data in files.items():
            if data != self.now[path] and self._broken(path, data) > self._broken(path, self.now[path]):
                return f"with it some code in {path} does not parse"
        return _unlike(before.findings, after.findings, fixed)

    def _broken(self, path: str, data: bytes) -> int:
        return static.broken_blocks(self.task.root / path, data)


# -- findings before and after ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines on which a place may be once edits of its file are made."""

    home: str
    first: int
    last: int

    def hold(self, place: Place) -> bool:
        return self.home == place.home and self.first <= place.line <= self.last


def _lines(place: Place, made: Sequence[Edit]) -> _Lines:
    shift = spread = 0
    at = (place.line, place.column)
    for edit in made:
        if (edit.path, edit.cell) != (place.path, place.cell):
            continue
        gained = edit.replacement.count("\n") - (edit.end_line - edit.start_line)
        start, end = (edit.start_line, edit.start_column), (edit.end_line, edit.end_column)
        if end <= at:
            shift += gained
        elif start <= at:
            shift += edit.start_line - place.line
            spread = edit.replacement.count("\n")
    return _Lines(place.home, place.line + shift, place.line + shift + spread)


def _edits(findings: Sequence[Finding]) -> list[Edit]:
    return [edit for each in findings if each.fix for edit in each.fix.edits]


def _unlike(before: Sequence[Finding], after: Sequence[Finding], fixed: Sequence[Finding]) -> str:
    """Which finding is still there though it was fixed, or is new, in words; "" when all is well."""
    made = _edits(fixed)
    gone = Counter(id(each) for each in fixed)
    left = [(each, _lines(each.place, made)) for each in before if not gone[id(each)]]
    for finding in after:
        known = next((pair for pair in left if pair[0].code == finding.code and pair[1].hold(finding.place)), None)
        if known is not None:
            left.remove(known)
            continue
        where = f"{finding.place.home}:{finding.place.line}"
        if any(each.code == finding.code and _lines(each.place, made).hold(finding.place) for each in fixed):
            return f"with it {finding.rule} is still found at {where}"
        if finding.severity is not Severity.ADVICE:
            return f"with it {finding.rule} is found at {where}"
    return ""


def _same(one: Finding, other: Finding) -> bool:
    """Whether two findings are one: the same rule, on the same line, with the same words."""
    return (one.code, one.place.home, one.place.line, one.message) == (
        other.code,
        other.place.home,
        other.place.line,
        other.message,
    )


# -- diff ------------------------------------------------------------------------------------------------------------


def _diff(change: Changed) -> Iterator[str]:
    old, new = (edits.lines(change.path, data) for data in (change.old, change.new))
    for line in difflib.unified_diff(old, new, change.path, change.path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
