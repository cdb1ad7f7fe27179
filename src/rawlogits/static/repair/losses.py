"""Under way."""

from __future__ import annotations

from rawlogits.finding import Arrival
from rawlogits.static.repair.spots import Proposal, Spots


def fused_loss(arrival: Arrival, spots: Spots) -> Proposal | None:
    return None


def fused_pair(arrival: Arrival, spots: Spots) -> Proposal | None:
    return None


def logarithmic(arrival: Arrival, spots: Spots) -> Proposal | None:
    return None


def threshold(arrival: Arrival, spots: Spots) -> Proposal | None:
    return None
