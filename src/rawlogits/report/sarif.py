"""SARIF 2.1.0, for code scanning and for editors; described in `pages/formats/sarif.md`."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from rawlogits import __version__
from rawlogits.finding import Applicability, Edit, Finding, Fix, Place, Severity, Step
from rawlogits.report import Report, View

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "rawlogits/v1"
"""The key of the fingerprint; its number goes up when the same finding would get another one."""
_PAGES = Path(__file__).parent.parent / "pages" / "rules"
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}
_LINE_NUMBER = re.compile(r":\d+(:\d+)?\b")
_LOOKS_LIKE_A_LINK = re.compile(r"\[(?=[^\[\]]*\]\()")


@dataclass(frozen=True, slots=True)
class RulePage:
    """The page of a rule; `sections` are its texts by heading."""

    code: str
    name: str
    text: str
    sections: dict[str, str]


@cache
def rule_pages() -> tuple[RulePage, ...]:
    """The pages of all rules, by code.

    >>> rule_pages()[0].name
    'double-softmax'
    """
    pages = (_rule_page(path.read_text(encoding="utf-8")) for path in _PAGES.glob("*.md"))
    return tuple(sorted(pages, key=lambda page: page.code))


def _rule_page(text: str) -> RulePage:
    head, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    name, code = head.split("\n", 1)[0].removeprefix("# ").rstrip("]").split(" [")
    sections = (part.partition("\n") for part in parts)
    return RulePage(code, name, text, {title.strip(): body.strip() for title, _, body in sections})


@dataclass(slots=True)
class Sources:
    """The lines of the files that a report names, as far as they can be read; each file is read once.

    The paths of a report are relative to `root`, the working directory by default.

    >>> Sources().lines(Place("no/such/file.py", 1, 1, 1, 2))
    []
    """

    root: Path | None = None
    _read: dict[str, Any] = field(default_factory=dict)

    def lines(self, place: Place) -> list[str]:
        """The lines of the place's file, of a notebook those of its cell; empty when they cannot be had."""
        if place.path not in self._read:
            path = (self.root or Path.cwd()) / place.path
            self._read[place.path] = _notebook(path) if place.cell is not None else _split(_text(path))
        found = self._read[place.path]
        lines: list[str] = found if place.cell is None else found.get(place.cell, [])
        return lines

    def line(self, place: Place) -> str:
        """The first line of the place, "" when it cannot be had."""
        lines = self.lines(place)
        return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        return data.decode(encoding, errors="replace")
    except (OSError, SyntaxError, ValueError, LookupError):
        return ""


def _split(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", text) if text else []


def _notebook(path: Path) -> dict[int, list[str]]:
    try:
        cells = json.loads(path.read_bytes())["cells"]
        sources = [cell["source"] for cell in cells]
        return {n: _split(each if isinstance(each, str) else "".join(each)) for n, each in enumerate(sources)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def render(report: Report, view: View, *, root: Path | None = None) -> str:
    """The report as a SARIF log with one run; colour is ignored.

    `root` is where the lines for the fingerprints are read, the working directory by default.
    """
    pages = rule_pages()
    index = {page.code: number for number, page in enumerate(pages)}
    prints = _fingerprints(report.findings, Sources(root))
    run = {
        "tool": {
            "driver": {
                "name": "rawlogits",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(page) for page in pages],
                "notifications": [_notice(name, text) for name, text in _NOTICES.items()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, view)],
        "results": [
            _result(finding, index.get(finding.code), fingerprint)
            for finding, fingerprint in zip(report.findings, prints, strict=True)
        ],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(page: RulePage) -> dict[str, Any]:
    """The page in full, and its first section as the description; `text` may hold no Markdown, `markdown` does."""
    what = page.sections.get("What it does", page.name)
    return {
        "id": page.code,
        "name": page.name,
        "shortDescription": {"text": _plain(re.split(r"(?<=\.)\s", what)[0])},
        "fullDescription": {"text": _plain(what)},
        "help": {"text": page.text, "markdown": page.text},
    }


def _plain(markdown: str) -> str:
    return " ".join(markdown.replace("`", "").split())


_NOTICES = {
    "not-read": "A file could not be read or parsed.",
    "not-resolved": "A loss whose argument could not be traced to its origin.",
    "unused-suppression": "A comment that silences nothing.",
}


def _notice(name: str, text: str) -> dict[str, Any]:
    return {"id": name, "shortDescription": {"text": text}}


def _invocation(report: Report, view: View) -> dict[str, Any]:
    summary = report.summary
    return {
        "executionSuccessful": report.exit_status != 2,
        "exitCode": report.exit_status,
        "toolExecutionNotifications": list(_notifications(report, view)),
        "properties": {
            "filesScanned": summary.files_scanned,
            "filesFailed": summary.files_failed,
            "lossesChecked": summary.losses_checked,
            "lossesResolved": summary.losses_resolved,
            "lossesUnresolved": summary.losses_unresolved,
            "findingsKnown": summary.findings_known,
            "findingsUnchanged": summary.findings_unchanged,
            "baselineGone": summary.baseline_gone,
            "elapsedSeconds": round(summary.elapsed_s, 3),
        },
    }


def _notifications(report: Report, view: View) -> Iterator[dict[str, Any]]:
    for failure in report.failures:
        where = _line(failure.path, failure.line, failure.cell)
        text = _in_cell(failure.cell, failure.line, failure.message)
        yield _notification("not-read", "warning", text, where)
    for loss in report.unresolved if "unresolved" in view.show else ():
        text = _in_cell(loss.place.cell, loss.place.line, f"{loss.operator}: {loss.reason}")
        yield _notification("not-resolved", "note", text, _physical(loss.place))
    for unused in report.unused_suppressions if "suppressions" in view.show else ():
        words = f"unused suppression of {', '.join(unused.rules) or 'all rules'}"
        text = f"{words} ({unused.hint})" if unused.hint else words
        text = _in_cell(unused.cell, unused.line, text)
        yield _notification("unused-suppression", "note", text, _line(unused.path, unused.line, unused.cell))


def _notification(name: str, level: str, text: str, where: dict[str, Any]) -> dict[str, Any]:
    return {
        "descriptor": {"id": name, "index": list(_NOTICES).index(name)},
        "level": level,
        "message": {"text": _literal(text)},
        "locations": [{"physicalLocation": where}],
    }


def _result(finding: Finding, index: int | None, fingerprint: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVEL[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(finding.place)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
        "properties": {"confidence": str(finding.confidence), "wants": finding.wants, "got": finding.got},
    }
    if index is not None:
        result["ruleIndex"] = index
    if finding.trace:
        steps = [{"location": _location(step.place, step.text)} for step in finding.trace]
        result["codeFlows"] = [{"threadFlows": [{"locations": _weighed(steps)}]}]
        result["relatedLocations"] = [
            {"id": number, **_location(step.place, step.text)} for number, step in enumerate(_before(finding), start=1)
        ]
    fix = finding.fix
    if fix is not None and fix.edits and fix.applicability is not Applicability.SHOWN and not _in_notebook(fix):
        result["fixes"] = [_fix(fix)]
    return result


def _message(finding: Finding) -> str:
    """What is wrong, a link to the origin, and what to write."""
    text = _literal(finding.message)
    if _before(finding):
        text += ", [from here](1)"
    text = _in_cell(finding.place.cell, finding.place.line, text)
    return text if finding.fix is None else f"{text}\nwrite: {_literal(finding.fix.message)}"


def _in_cell(cell: int | None, line: int | None, text: str) -> str:
    if cell is None:
        return text
    return f"cell {cell}: {text}" if line is None else f"cell {cell}, line {line}: {text}"


def _literal(text: str) -> str:
    r"""Text in which `[0](x)` is no link.

    >>> print(_literal("self.layers[0](x)"))
    self.layers\[0](x)
    """
    return _LOOKS_LIKE_A_LINK.sub(r"\\[", text)


def _before(finding: Finding) -> tuple[Step, ...]:
    return finding.trace[:-1]


def _weighed(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = len(steps) - 1
    return [{**step, "importance": "essential" if n in (0, last) else "important"} for n, step in enumerate(steps)]


def _location(place: Place, text: str = "") -> dict[str, Any]:
    location: dict[str, Any] = {"physicalLocation": _physical(place)}
    if place.cell is not None:
        name = f"cell {place.cell}, line {place.line}"
        location["logicalLocations"] = [{"name": name, "fullyQualifiedName": f"{place.path}: {name}"}]
    if text:
        location["message"] = {"text": _literal(text)}
    return location


def _physical(place: Place) -> dict[str, Any]:
    """Where in the file. A line of a cell is no line of the notebook's file, so there it is the file's first."""
    if place.cell is not None:
        return _artifact(place.path) | {"region": {"startLine": 1}}
    return _artifact(place.path) | {"region": _region(place)}


def _line(path: str, line: int | None, cell: int | None) -> dict[str, Any]:
    """A line of a file as far as it is known."""
    first = line if cell is None else 1
    return _artifact(path) | ({} if first is None else {"region": {"startLine": first}})


def _artifact(path: str) -> dict[str, Any]:
    """Relative to %SRCROOT% when the path is, else a file: address.

    >>> _artifact("my nets/a.py")
    {'artifactLocation': {'uri': 'my%20nets/a.py', 'uriBaseId': '%SRCROOT%'}}
    """
    if PurePosixPath(path).is_absolute():
        return {"artifactLocation": {"uri": "file://" + quote(path, errors="surrogateescape")}}
    if PureWindowsPath(path).is_absolute():
        return {"artifactLocation": {"uri": "file:///" + quote(path.replace("\\", "/"), "/:")}}
    uri = quote(path, errors="surrogateescape")
    return {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}}


def _region(span: Place | Edit) -> dict[str, int]:
    line, column = (span.line, span.column) if isinstance(span, Place) else (span.start_line, span.start_column)
    return {"startLine": line, "startColumn": column, "endLine": span.end_line, "endColumn": span.end_column}


def _in_notebook(fix: Fix) -> bool:
    return any(edit.path.endswith(".ipynb") for edit in fix.edits)


def _fix(fix: Fix) -> dict[str, Any]:
    changes: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        changes.setdefault(edit.path, []).append(edit)
    return {
        "description": {"text": _literal(f"{fix.message} ({fix.note})")},
        "artifactChanges": [
            {
                **_artifact(path),
                "replacements": [
                    {"deletedRegion": _region(edit), "insertedContent": {"text": edit.replacement}} for edit in edits
                ],
            }
            for path, edits in changes.items()
        ],
    }


def _fingerprints(findings: tuple[Finding, ...], sources: Sources) -> Iterator[str]:
    """A hash of rule, paths and the texts of the finding's and the origin's line; the second of two twins ends in `:2`.

    Where a line cannot be read, the words of the finding stand for it, without the line numbers in them.
    """
    twins: Counter[str] = Counter()
    for finding in findings:
        origin = finding.trace[0] if finding.trace else Step(finding.place, "")
        words = [finding.code, finding.place.path, origin.place.path]
        words.append(sources.line(finding.place) or _LINE_NUMBER.sub("", finding.message))
        words.append(sources.line(origin.place) or _LINE_NUMBER.sub("", origin.text))
        text = "\0".join(" ".join(word.split()) for word in words)
        digest = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]
        twins[digest] += 1
        yield f"{digest}:{twins[digest]}"
