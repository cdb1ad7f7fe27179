"""The fixes of findings, worked out when somebody is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rawlogits.finding import Finding, Fix
from rawlogits.static import notebook
from rawlogits.static import source as sources
from rawlogits.static.source import Unreadable


def mended(findings: Sequence[Finding], root: Path, overlay: Mapping[Path, bytes]) -> tuple[Finding, ...]:
    """The findings, with edits wherever the code shows how to write what their rule proposes.

    The others keep the words that say what to write.
    """
    if not any(finding.repair and finding.arrival for finding in findings):
        return tuple(findings)
    from rawlogits.static.repair import propose

    token = sources.OVERLAY.set(overlay)
    try:
        return tuple(
            _mended(finding, propose(finding.arrival, finding.repair, root))
            if finding.arrival and finding.repair
            else finding
            for finding in findings
        )
    finally:
        sources.OVERLAY.reset(token)


def _mended(finding: Finding, fix: Fix | None) -> Finding:
    return finding if fix is None else replace(finding, fix=fix)


def broken_blocks(path: Path, data: bytes) -> int:
    """How many of the modules in a file, of its cells or of its fences do not parse."""
    token = sources.OVERLAY.set({path: data})
    try:
        source = sources.load(notebook.read(path), path.name)
    except Unreadable:
        return 1
    finally:
        sources.OVERLAY.reset(token)
    if source.layout is None or not source.layout.starts:
        return int(not _parses(source.text))
    lines, starts = source.text.split("\n"), source.layout.starts
    ends = [*starts[1:], len(lines) + 1]
    return sum(not _parses("\n".join(lines[start - 2 : end - 2])) for start, end in zip(starts, ends, strict=True))


def _parses(text: str) -> bool:
    try:
        sources.parse(text)
    except Unreadable:
        return False
    return True
