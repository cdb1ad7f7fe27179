"""The format for people: one block a finding, then what was not read, then what was and was not traced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rawlogits.finding import Confidence, Finding, Place, Severity
from rawlogits.report import Report, Summary, View

_CODES = {"bold": "1", "dim": "2", "error": "1;31", "warning": "1;33", "advice": "1;36", "fix": "32"}


def render(report: Report, view: View) -> str:
    """The report as text; escape sequences for colour only when `view.color`."""
    blocks = [_finding(finding, view) for finding in report.findings]
    if "unresolved" in view.show:
        blocks.extend(_unresolved(report, view))
    if "suppressions" in view.show:
        for unused in report.unused_suppressions:
            rules = ", ".join(unused.rules) or "all rules"
            hint = f" ({unused.hint})" if unused.hint else ""
            cell = "" if unused.cell is None else f"cell {unused.cell}:"
            blocks.append(f"{unused.path}:{cell}{unused.line}: unused suppression of {rules}{hint}")
    for failure in report.failures:
        where = failure.path if failure.line is None else f"{failure.path}:{failure.line}"
        blocks.append(f"{_paint('not read', 'warning', view)}: {where}: {failure.message}")
    blocks.append(_last_line(report, view))
    return "\n".join(blocks) + "\n"


def _finding(finding: Finding, view: View) -> str:
    label = f"{finding.code}, likely" if finding.confidence is Confidence.LIKELY else finding.code
    head = (
        f"{_paint(_at(finding.place), 'bold', view)}: {_paint(finding.severity, finding.severity, view)}: "
        f"{_paint(finding.rule, 'bold', view)} [{label}]: {finding.message}"
    )
    width = max((len(_at(step.place)) for step in finding.trace), default=0)
    lines = [head]
    lines += [f"    {_paint(_at(step.place).ljust(width), 'dim', view)}  {step.text}" for step in finding.trace]
    if finding.fix is not None:
        note = f"  ({finding.fix.note})" if finding.fix.note else ""
        lines.append(f"    {_paint('write:', 'fix', view)} {finding.fix.message}{note}")
    return "\n".join(lines)


def _unresolved(report: Report, view: View) -> Iterator[str]:
    if not report.unresolved:
        return
    width = max(len(_at(loss.place)) for loss in report.unresolved)
    yield _paint("not resolved:", "bold", view)
    for loss in report.unresolved:
        yield f"    {_paint(_at(loss.place).ljust(width), 'dim', view)}  {loss.operator}: {loss.reason}"
    reasons = Counter(loss.reason for loss in report.unresolved)
    digits = len(f"{max(reasons.values()):,}")
    yield _paint("by reason:", "bold", view)
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        yield f"    {count:>{digits},}  {reason}"


def _last_line(report: Report, view: View) -> str:
    parts = [_findings(report, view), _losses(report.summary, view), _files(report.summary)]
    return " · ".join(parts)


def _findings(report: Report, view: View) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    words = [
        _paint(count(counts[severity], severity, plural), severity, view)
        for severity, plural in (
            (Severity.ERROR, "errors"),
            (Severity.WARNING, "warnings"),
            (Severity.ADVICE, "advice"),
        )
        if counts[severity]
    ]
    summary = report.summary
    left_out = ((summary.findings_known, "known"), (summary.findings_unchanged, "in files that have not changed"))
    more = ", ".join(f"{number:,} {why}" for number, why in left_out if number)
    return (", ".join(words) or "no findings") + (f" ({more})" if more else "")


def _losses(summary: Summary, view: View) -> str:
    if not summary.losses_checked:
        return "no losses found"
    hint = "" if "unresolved" in view.show or not summary.losses_unresolved else " (--show unresolved)"
    checked = count(summary.losses_checked, "loss", "losses")
    traced = f"{summary.losses_resolved:,} traced to the origin"
    return f"{checked} checked: {traced}, {summary.losses_unresolved:,} not resolved{hint}"


def _files(summary: Summary) -> str:
    failed = f" ({summary.files_failed:,} not read)" if summary.files_failed else ""
    return f"{count(summary.files_scanned, 'file', 'files')}{failed}, {summary.elapsed_s:.1f} s"


def count(number: int, one: str, many: str) -> str:
    """A number with its noun and a thousands separator.

    >>> count(1, "file", "files"), count(2912, "file", "files")
    ('1 file', '2,912 files')
    """
    return f"{number:,} {one if number == 1 else many}"


def _at(place: Place) -> str:
    return f"{place.home}:{place.line}:{place.column}"


def _paint(text: str, style: str, view: View) -> str:
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if view.color else text
