"""Under way."""

from __future__ import annotations

from rawlogits.finding import Arrival
from rawlogits.static.repair.spots import Proposal, Spots


def fuse(arrival: Arrival, spots: Spots) -> Proposal | None:
    return None


def write_fused(arrival: Arrival, spots: Spots) -> Proposal | None:
    return None
