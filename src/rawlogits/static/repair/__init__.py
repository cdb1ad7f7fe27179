"""From what a rule proposes to edits of the code: `propose` asks the mender of each kind of repair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rawlogits.finding import Applicability, Arrival, Fix, Repair
from rawlogits.static.repair.fused import fuse
from rawlogits.static.repair.logarithmic import logarithmic
from rawlogits.static.repair.spots import Proposal, Shelf, Spots
from rawlogits.static.repair.taken_out import take_out
from rawlogits.static.repair.written_out import write_fused
from rawlogits.static.source import Unreadable

_MENDERS: Mapping[Repair, Callable[[Arrival, Spots], Proposal | None]] = {
    Repair.TAKE_OUT: take_out,
    Repair.LOGARITHMIC: logarithmic,
    Repair.FUSE: fuse,
    Repair.WRITE_FUSED: write_fused,
}
"""By kind; a repair of another kind is said in words and not written."""


def propose(
    arrival: Arrival, repair: Repair, root: Path, arrivals: Sequence[Arrival] = (), shelf: Shelf | None = None
) -> Fix | None:
    """The edits that carry a repair out; None where the code does not show how.

    A fix is safe where every value that is read elsewhere stays what it was; else `why` lists what may not.
    `arrivals` are all that the check saw. What is read for one repair lies on the `shelf` for the next.
    """
    mender = _MENDERS.get(repair)
    if mender is None:
        return None
    try:
        found = mender(arrival, Spots(root, {} if shelf is None else shelf, arrivals))
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
