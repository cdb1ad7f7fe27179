"""The files of one repair, and what its mender proposes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rawlogits.finding import Edit
from rawlogits.static.repair.spot import Spot


@dataclass(eq=False)
class Spots:
    """The files that a repair touches, each read once."""

    root: Path
    _known: dict[str, Spot] = field(default_factory=dict)

    def at(self, shown: str) -> Spot:
        """The file that findings print as `shown`."""
        if shown not in self._known:
            self._known[shown] = Spot(self.root, shown)
        return self._known[shown]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a mender proposes: edits, the words for them, and why they may change what somebody else reads."""

    edits: Sequence[Edit]
    says: str
    doubts: Sequence[str] = ()
