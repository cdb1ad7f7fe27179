"""What a run found, and the formats that print it.

A format is one module here with `render(report, view) -> str`; `formats` discovers it, and the command line
offers it under the module's name. Its page is `pages/formats/<name>.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rawlogits.finding import Failure, Finding, Severity, Unresolved

SHOW = ("fixes", "suppressions", "unresolved")
"""The lists that may be shown on top of the findings."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of one run; time in seconds.

    `files_scanned` are those of the given files that were read, `files_failed` all that were not, imported ones too.
    `losses_resolved` + `losses_unresolved` = `losses_checked`.
    """

    files_scanned: int = 0
    files_failed: int = 0
    losses_checked: int = 0
    losses_resolved: int = 0
    losses_unresolved: int = 0
    elapsed_s: float = 0.0
    findings_known: int = 0
    """Left out, since the baseline lists them."""
    findings_unchanged: int = 0
    """Left out, since they touch no file that has changed."""
    baseline_gone: int = 0
    """Entries of the baseline that are no longer found, though their file was read and their rule ran."""


@dataclass(frozen=True, slots=True, order=True)
class UnusedSuppression:
    """A comment that silences nothing. `rules` is empty for one that would silence every rule."""

    path: str
    line: int
    rules: tuple[str, ...]
    hint: str = ""
    """What was probably meant by a name that is no rule."""
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one run; findings are sorted by place.

    >>> Report().exit_status
    0
    """

    findings: tuple[Finding, ...] = ()
    summary: Summary = Summary()
    failures: tuple[Failure, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    unused_suppressions: tuple[UnusedSuppression, ...] = ()

    @property
    def exit_status(self) -> int:
        """0: nothing at warning or above, 1: findings, 2: no file could be read."""
        if self.failures and not self.summary.files_scanned:
            return 2
        return int(any(finding.severity is not Severity.ADVICE for finding in self.findings))


@dataclass(frozen=True, slots=True)
class View:
    """How to show a report: in colour or not, and which lists on top of the findings."""

    color: bool = False
    show: frozenset[str] = frozenset()
    """Among `SHOW`."""
