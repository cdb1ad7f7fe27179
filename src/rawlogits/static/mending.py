"""The fixes of findings, worked out when somebody is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rawlogits.finding import Finding, Fix
from rawlogits.static import source as sources


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
