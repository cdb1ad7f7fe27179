"""From what a rule proposes to edits of the code: `propose` asks the mender of each kind of repair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rawlogits.finding import Applicability, Arrival, Fix, Repair
from rawlogits.static.repair.fused import fuse
from rawlogits.static.repair.fused_loss import fused_loss, fused_pair, without_fusion
from rawlogits.static.repair.logarithmic import logarithmic
from rawlogits.static.repair.spots import Proposal, Shelf, Spots
from rawlogits.static.repair.taken_out import take_out
from rawlogits.static.repair.threshold import threshold
from rawlogits.static.repair.written_out import write_fused
from rawlogits.static.source import Unreadable

Mender = Callable[[Arrival, Spots], Proposal | None]
_MENDERS: Mapping[Repair, Mender] = {
    Repair.TAKE_OUT: take_out,
    Repair.LOGARITHMIC: logarithmic,
    Repair.FUSE: fuse,
    Repair.WRITE_FUSED: write_fused,
    Repair.FUSED_LOSS: fused_loss,
    Repair.FUSED_PAIR: fused_pair,
    Repair.THRESHOLD: threshold,
}
_SECOND: Mapping[Repair, Mender] = {Repair.TAKE_OUT: without_fusion}
"""What is written where the first choice cannot be, or only that is safe."""


def propose(
    arrival: Arrival, repair: Repair, root: Path, arrivals: Sequence[Arrival] = (), shelf: Shelf | None = None
) -> Fix | None:
    """The edits that carry a repair out; None where the code does not show how.

    A fix is safe where every value that is read elsewhere stays what it was; else `why` lists what may not.
    `arrivals` are all that the check saw. What is read for one repair lies on the `shelf` for the next.
    """
    shelf = {} if shelf is None else shelf
    found = _found(_MENDERS[repair], arrival, Spots(root, shelf, arrivals))
    if repair in _SECOND and (found is None or not found.edits or found.doubts):
        other = _found(_SECOND[repair], arrival, Spots(root, shelf, arrivals))
        found = other if other is not None and (found is None or not other.doubts) else found
    if found is None or not found.edits:
        return None
    doubts = "; ".join(found.doubts)
    return Fix(
        Applicability.UNSAFE if doubts else Applicability.SAFE,
        found.says,
        tuple(found.edits),
        doubts,
    )


def _found(mender: Mender, arrival: Arrival, spots: Spots) -> Proposal | None:
    try:
        return mender(arrival, spots)
    except Unreadable:
        return None
