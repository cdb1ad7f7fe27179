"""From what a rule proposes to edits of the code: `propose` asks the mender of each kind of repair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rawlogits.finding import Applicability, Arrival, Fix, Repair
from rawlogits.static.repair.fused import fuse, write_fused
from rawlogits.static.repair.losses import fused_loss, fused_pair, logarithmic, threshold
from rawlogits.static.repair.spots import Proposal, Shelf, Spots
from rawlogits.static.repair.taken_out import take_out
from rawlogits.static.source import Unreadable

_MENDERS: Mapping[Repair, Callable[[Arrival, Spots], Proposal | None]] = {
    Repair.TAKE_OUT: take_out,
    Repair.LOGARITHMIC: logarithmic,
    Repair.FUSE: fuse,
    Repair.WRITE_FUSED: write_fused,
    Repair.FUSED_LOSS: fused_loss,
    Repair.FUSED_PAIR: fused_pair,
    Repair.THRESHOLD: threshold,
}


def propose(arrival: Arrival, repair: Repair, root: Path, shelf: Shelf | None = None) -> Fix | None:
    """The edits that carry a repair out; None where the code does not show how.

    A fix is safe where every value that is read elsewhere stays what it was; else `why` lists what may not.
    What is read for one repair lies on the `shelf` for the next.
    """
    try:
        found = _MENDERS[repair](arrival, Spots(root, {} if shelf is None else shelf))
    except Unreadable:
        return None
    if found is None or not found.edits:
        return None
    doubts = "; ".join(found.doubts)
    return Fix(
        Applicability.UNSAFE if doubts else Applicability.SAFE,
        found.says,
        tuple(found.edits),
        doubts,
    )
