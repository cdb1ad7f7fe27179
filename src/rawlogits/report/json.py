"""The format for programs: stable, versioned, described in `pages/formats/json.md`."""

from __future__ import annotations

import json
from typing import Any

from rawlogits.finding import Edit, Finding, Fix, Place, Step
from rawlogits.report import Report, Summary, View

VERSION = 1
"""Raised only when a key changes its meaning or goes away; keys may be added."""


def render(report: Report, view: View) -> str:
    """The report as one JSON object; colour is ignored."""
    summary = report.summary
    document: dict[str, Any] = {
        "version": VERSION,
        "summary": {
            "files_scanned": summary.files_scanned,
            "files_failed": summary.files_failed,
            "losses_checked": summary.losses_checked,
            "losses_resolved": summary.losses_resolved,
            "losses_unresolved": summary.losses_unresolved,
            "elapsed_s": round(summary.elapsed_s, 3),
            **_compared(summary),
        },
        "findings": [_finding(finding) for finding in report.findings],
        "failures": [
            {"path": each.path, **_cell(each.cell), "line": each.line, "message": each.message}
            for each in report.failures
        ],
    }
    if "unresolved" in view.show:
        document["unresolved"] = [
            {**_start(loss.place), "operator": loss.operator, "reason": loss.reason} for loss in report.unresolved
        ]
    if "suppressions" in view.show:
        document["unused_suppressions"] = [
            {
                "path": unused.path,
                **_cell(unused.cell),
                "line": unused.line,
                "rules": list(unused.rules),
                **({"hint": unused.hint} if unused.hint else {}),
            }
            for unused in report.unused_suppressions
        ]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _compared(summary: Summary) -> dict[str, int]:
    """What a baseline and a revision have left out; nothing where neither was given or nothing was."""
    counts = {
        "findings_known": summary.findings_known,
        "findings_unchanged": summary.findings_unchanged,
        "baseline_gone": summary.baseline_gone,
    }
    return {name: count for name, count in counts.items() if count}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "code": finding.code,
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "message": finding.message,
        "wants": finding.wants,
        "got": finding.got,
        **_start(finding.place),
        "end_line": finding.place.end_line,
        "end_column": finding.place.end_column,
        "trace": [_step(step) for step in finding.trace],
        "fix": None if finding.fix is None else _fix(finding.fix),
    }


def _start(place: Place) -> dict[str, Any]:
    return {"path": place.path, **_cell(place.cell), "line": place.line, "column": place.column}


def _cell(cell: int | None) -> dict[str, int]:
    return {} if cell is None else {"cell": cell}


def _step(step: Step) -> dict[str, Any]:
    return {**_start(step.place), "text": step.text}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": str(fix.applicability),
        "message": fix.message,
        **({"why": fix.why} if fix.why else {}),
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {
        "path": edit.path,
        **_cell(edit.cell),
        "start_line": edit.start_line,
        "start_column": edit.start_column,
        "end_line": edit.end_line,
        "end_column": edit.end_column,
        "replacement": edit.replacement,
    }
