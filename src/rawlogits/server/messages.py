"""Findings in the words of the protocol: diagnostics, hovers, code actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types
from pygls import uris

from rawlogits import api
from rawlogits.finding import Applicability, Confidence, Finding, Place, Severity
from rawlogits.server import text as texts
from rawlogits.server.documents import Documents

SOURCE = "rawlogits"
_SEVERITY = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.ADVICE: types.DiagnosticSeverity.Information,
}
_WASTED = "redundant-log-softmax"
"""The rule whose origin could be left out without a change of the result."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A diagnostic and the finding behind it; `place` is where the diagnostic stands."""

    diagnostic: types.Diagnostic
    finding: Finding
    place: Place
    folder: Path


def path_of(uri: str) -> Path | None:
    """The file at an address; None for what is no file (an untitled buffer, a version of the past)."""
    found = uris.to_fs_path(uri)
    return Path(found) if found else None


def uri_of(path: Path) -> str:
    """The address of a file that the client has not named."""
    return uris.from_fs_path(str(path)) or path.as_uri()


@dataclass(slots=True)
class Wording:
    """Writes messages for one client: what is open in it, and what it can show."""

    documents: Documents
    related: bool = True
    """Whether it shows the places that a diagnostic relates to; else they are told in words."""
    tags: bool = True
    markdown: bool = True
    versioned: bool = True
    """Whether edits may name the version that they are meant for."""

    def diagnostics(self, folder: Path, findings: Sequence[Finding]) -> dict[str, list[Shown]]:
        """By address: each finding at its demand, and a hint at its origin where that lies in another text."""
        found: dict[str, list[Shown]] = {}
        for finding in findings:
            for place in _stands(finding):
                location = self.location(folder, place)
                shown = self._diagnostic(folder, finding, place, location.range)
                found.setdefault(location.uri, []).append(Shown(shown, finding, place, folder))
        return found

    def location(self, folder: Path, place: Place) -> types.Location:
        """Where a place is; of a cell that is not open the beginning of its notebook."""
        path = folder / place.path
        uri, lines = self.documents.shown(path, place.cell)
        if uri is None and place.cell is not None:
            return types.Location(uri_of(path), types.Range(types.Position(0, 0), types.Position(0, 0)))
        units = self.documents.units
        start = texts.spot(lines, place.line, place.column, units)
        end = texts.spot(lines, place.end_line, place.end_column, units)
        return types.Location(uri or uri_of(path), types.Range(types.Position(*start), types.Position(*end)))

    def _diagnostic(self, folder: Path, finding: Finding, place: Place, where: types.Range) -> types.Diagnostic:
        at_origin = place is not finding.place
        unnecessary = self.tags and finding.rule == _WASTED and _within(finding.trace[0].place, place)
        return types.Diagnostic(
            range=where,
            message="\n".join(self._lines(finding, at_origin)),
            severity=types.DiagnosticSeverity.Hint if at_origin else _SEVERITY[finding.severity],
            code=finding.code,
            source=SOURCE,
            tags=[types.DiagnosticTag.Unnecessary] if unnecessary else None,
            related_information=list(self._related(folder, finding, at_origin)) if self.related else None,
            data={"rule": finding.rule},
        )

    def _lines(self, finding: Finding, at_origin: bool) -> Iterator[str]:
        """What is wrong, where it comes from, what to write."""
        likely = " (likely)" if finding.confidence is Confidence.LIKELY else ""
        if at_origin:
            yield f"{finding.rule}{likely}: from here to {_at(finding.place)}: {finding.message}"
        else:
            yield f"{finding.rule}{likely}: {finding.message}"
            steps = finding.trace if not self.related else finding.trace[:1]
            yield from (f"{_at(step.place)}: {step.text}" for step in steps)
        if finding.fix is not None:
            yield f"write: {finding.fix.message}"

    def _related(self, folder: Path, finding: Finding, at_origin: bool) -> Iterator[types.DiagnosticRelatedInformation]:
        """The steps from the origin to the demand, those in other files too."""
        for step in finding.trace:
            where = "" if step.place.cell is None else f"cell {step.place.cell}: "
            yield types.DiagnosticRelatedInformation(self.location(folder, step.place), f"{where}{step.text}")
        if at_origin:
            yield types.DiagnosticRelatedInformation(self.location(folder, finding.place), finding.message)

    def hover(self, shown: Sequence[Shown], at: types.Position) -> types.Hover | None:
        """The pages of the rules of the diagnostics at a position."""
        here = [each for each in shown if _spans(each.diagnostic.range, at)]
        if not here:
            return None
        pages = [api.page(rule) for rule in dict.fromkeys(each.finding.rule for each in here)]
        kind = types.MarkupKind.Markdown if self.markdown else types.MarkupKind.PlainText
        return types.Hover(types.MarkupContent(kind, "\n---\n\n".join(pages)), here[0].diagnostic.range)

    def actions(self, uri: str, shown: Sequence[Shown], span: types.Range) -> list[types.CodeAction]:
        """What can be done about the diagnostics in a range: a fix, where there are edits of one, and a comment."""
        here = [each for each in shown if _overlap(each.diagnostic.range, span)]
        fixes = [action for each in here if (action := self._fix(each)) is not None]
        silences: dict[str, types.CodeAction] = {}
        for each in here:
            action = self._silence(uri, each)
            if action is not None:
                silences.setdefault(each.finding.rule, action)
        return [*fixes, *silences.values()]

    def _fix(self, shown: Shown) -> types.CodeAction | None:
        fix = shown.finding.fix
        if fix is None or not fix.edits:
            return None
        edits: dict[str, list[types.TextEdit]] = {}
        for edit in fix.edits:
            place = Place(edit.path, edit.start_line, edit.start_column, edit.end_line, edit.end_column, edit.cell)
            if place.cell is not None and self.documents.shown(shown.folder / place.path, place.cell)[0] is None:
                return None
            location = self.location(shown.folder, place)
            edits.setdefault(location.uri, []).append(types.TextEdit(location.range, edit.replacement))
        return types.CodeAction(
            title=fix.message if fix.applicability is Applicability.SAFE else f"{fix.message} ({fix.note})",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[shown.diagnostic],
            is_preferred=fix.applicability is Applicability.SAFE,
            edit=self._edit(edits),
        )

    def _silence(self, uri: str, shown: Shown) -> types.CodeAction | None:
        document = self.documents.texts.get(uri)
        if document is None:
            return None
        span, lines = shown.diagnostic.range, document.lines
        written = texts.with_suppression(lines, span.start.line, span.end.line, shown.finding.rule)
        if written is None:
            return None
        line, start, end, new = written
        ends = [types.Position(line, texts.units_before(lines[line], at, self.documents.units)) for at in (start, end)]
        return types.CodeAction(
            title=f"Ignore {shown.finding.rule} here",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[shown.diagnostic],
            edit=self._edit({uri: [types.TextEdit(types.Range(*ends), new)]}),
        )

    def _edit(self, edits: Mapping[str, list[types.TextEdit]]) -> types.WorkspaceEdit:
        if not self.versioned:
            return types.WorkspaceEdit(changes=edits)
        changes = [
            types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri, self._version(uri)), listed)
            for uri, listed in edits.items()
        ]
        return types.WorkspaceEdit(document_changes=changes)

    def _version(self, uri: str) -> int | None:
        document = self.documents.texts.get(uri)
        return document.version if document is not None else None


def _stands(finding: Finding) -> Iterator[Place]:
    """The places that get a diagnostic."""
    yield finding.place
    if finding.trace and finding.trace[0].place.home != finding.place.home:
        yield finding.trace[0].place


def _at(place: Place) -> str:
    return f"{place.home}:{place.line}"


def _within(inner: Place, outer: Place) -> bool:
    start, end = (inner.line, inner.column), (inner.end_line, inner.end_column)
    inside = (outer.line, outer.column) <= start and end <= (outer.end_line, outer.end_column)
    return inner.home == outer.home and inside


def _spans(span: types.Range, at: types.Position) -> bool:
    return bool(span.start <= at <= span.end)


def _overlap(left: types.Range, right: types.Range) -> bool:
    return bool(left.start <= right.end and right.start <= left.end)
