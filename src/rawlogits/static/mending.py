"""The fixes of findings, worked out when somebody is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rawlogits.finding import Arrival, Finding
from rawlogits.static import notebook
from rawlogits.static import source as sources
from rawlogits.static.source import Unreadable
from rawlogits.static.walk import Walker


def mended(
    findings: Sequence[Finding],
    root: Path,
    overlay: Mapping[Path, bytes],
    arrivals: Sequence[Arrival],
    fixable: Callable[[Finding], bool],
) -> tuple[Finding, ...]:
    """The findings, with edits wherever the code shows how to write what their rule proposes.

    The others keep the words that say what to write. `arrivals` are all of the scan; edits are worked out only for
    what is `fixable`.
    """
    if not any(finding.repair and finding.arrival for finding in findings):
        return tuple(findings)
    shelf: dict[str, Any] = {}

    def mend(finding: Finding) -> Finding:
        if finding.arrival is None or finding.repair is None or not fixable(finding):
            return finding
        from rawlogits.static.repair import propose

        try:
            found = propose(finding.arrival, finding.repair, root, arrivals, shelf)
        except Exception:
            if Walker.strict:
                raise
            found = None  # a mistake in a mender costs the edits of this finding, and nothing else
        return replace(finding, fix=found or finding.fix)

    token = sources.OVERLAY.set(overlay)
    try:
        return tuple(mend(finding) for finding in findings)
    finally:
        sources.OVERLAY.reset(token)


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
