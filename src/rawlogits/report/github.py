"""Annotations for GitHub Actions: one workflow command a finding; described in `pages/formats/github.md`."""

from __future__ import annotations

from dataclasses import replace

from rawlogits.finding import Confidence, Finding, Place, Severity
from rawlogits.report import Report, View, text

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "notice"}


def render(report: Report, view: View) -> str:
    """The report as workflow commands, and a plain summary as the last line; colour is ignored."""
    lines = [_finding(finding) for finding in report.findings]
    if "unresolved" in view.show:
        for loss in report.unresolved:
            message = _in_cell(loss.place.cell, loss.place.line, f"{loss.operator}: {loss.reason}")
            lines.append(_command("notice", _where(loss.place), "not resolved", message))
    if "suppressions" in view.show:
        for unused in report.unused_suppressions:
            message = f"silences nothing: {', '.join(unused.rules) or 'all rules'}"
            message += f" ({unused.hint})" if unused.hint else ""
            where = _line(unused.path, unused.line, unused.cell)
            lines.append(_command("notice", where, "unused suppression", _in_cell(unused.cell, unused.line, message)))
    for failure in report.failures:
        where = _line(failure.path, failure.line, failure.cell)
        lines.append(_command("warning", where, "not read", _in_cell(failure.cell, failure.line, failure.message)))
    return "\n".join([*lines, _summary(report, view)]) + "\n"


def _summary(report: Report, view: View) -> str:
    """The last line of the format for people."""
    return text.render(report, replace(view, color=False)).splitlines()[-1]


def _finding(finding: Finding) -> str:
    likely = ", likely" if finding.confidence is Confidence.LIKELY else ""
    lines = [_in_cell(finding.place.cell, finding.place.line, finding.message)]
    lines += [f"{step.place.home}:{step.place.line}: {step.text}" for step in finding.trace]
    if finding.fix is not None:
        lines.append(f"write: {finding.fix.message}")
    title = f"{finding.rule} [{finding.code}{likely}]"
    return _command(_COMMAND[finding.severity], _where(finding.place), title, "\n".join(lines))


def _where(place: Place) -> dict[str, str | int]:
    """What GitHub can mark: columns only within one line, and of a notebook nothing but the file."""
    if place.cell is not None:
        return {"file": place.path}
    if place.line != place.end_line:
        return {"file": place.path, "line": place.line, "endLine": place.end_line}
    columns = {"col": place.column, "endLine": place.end_line, "endColumn": place.end_column}
    return {"file": place.path, "line": place.line, **columns}


def _line(path: str, line: int | None, cell: int | None) -> dict[str, str | int]:
    return {"file": path} if line is None or cell is not None else {"file": path, "line": line}


def _in_cell(cell: int | None, line: int | None, message: str) -> str:
    if cell is None:
        return message
    return f"cell {cell}: {message}" if line is None else f"cell {cell}, line {line}: {message}"


def _command(name: str, where: dict[str, str | int], title: str, message: str) -> str:
    """One command, escaped so that nothing in it can begin another.

    >>> _command("error", {"file": "a,b.py", "line": 3}, "x: y", "50 %\\nof it")
    '::error file=a%2Cb.py,line=3,title=x%3A y::50 %25%0Aof it'
    """
    properties = {**where, "title": title}
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(message)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
