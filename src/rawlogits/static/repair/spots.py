"""The files of one repair, and what its mender proposes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rawlogits.finding import Arrival, Edit
from rawlogits.static.repair.spot import Spot

Shelf = dict[str, Any]
"""Files that an earlier repair has read, by path; under "" what all of them hold (`readers_index.Index`)."""


@dataclass(eq=False)
class Spots:
    """The files that a repair touches, each read once."""

    root: Path
    shelf: Shelf = field(default_factory=dict)
    arrivals: Sequence[Arrival] = ()
    """What else the check found: other demands that values meet on their way."""
    _known: dict[str, Spot] = field(default_factory=dict)

    def at(self, shown: str) -> Spot:
        """The file that findings print as `shown`."""
        if shown not in self._known:
            spot = self._known[shown] = copy(self.shelf.get(shown) or Spot(self.root, shown))
            spot.added = []
            self.shelf[shown] = spot
        return self._known[shown]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a mender proposes: edits, the words for them, and why they may change what somebody else reads."""

    edits: Sequence[Edit]
    says: str
    doubts: Sequence[str] = ()
