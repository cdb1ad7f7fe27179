"""FUSE: the logarithm and the activation below it as the one operator that computes both.

Where the activation is seen, only the code round the logarithm changes, and whoever reads the probabilities keeps them.
Where it lies in another function its log form is written there, and the logarithm goes (see `logarithmic`), but only
where everybody who reads the probabilities is seen: nothing is wrong with them.
"""

from __future__ import annotations

import ast

from rawlogits.finding import Arrival
from rawlogits.space import Space
from rawlogits.static.repair.counterparts import Word, in_place, text_with
from rawlogits.static.repair.fused_named import named
from rawlogits.static.repair.fused_parts import Applied, Fused, applied_in
from rawlogits.static.repair.logarithmic import in_logs, logs_of, says
from rawlogits.static.repair.logs import Log, is_moved, log_at
from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Proposal, Spots


def fuse(arrival: Arrival, spots: Spots) -> Proposal | None:
    """Edits that write the fused operator; None where the scores cannot be named where the logarithm is taken."""
    if arrival.scaled:
        return None
    spot = spots.at(arrival.place.path)
    log = log_at(spot, spot.node(arrival.place, ast.Call), arrival.got)
    if log is None or (log.complement and arrival.got is not Space.SIGMOID):
        return None
    try:
        local = _local(arrival, spots, log)
        if local is not None:
            return local.proposal(spots)
        if _is_near(arrival, spots, log) or any(each.complement for each in logs_of(arrival, spots)):
            return None
        far = in_logs(arrival, spots)
        return None if far is None or set(far.doubts).difference(log.doubts) else far
    except RecursionError:
        return None


def _is_near(arrival: Arrival, spots: Spots, log: Log) -> bool:
    """Whether the activation is applied in the function in which the logarithm is taken."""
    if arrival.applied is None or arrival.applied[0].home != arrival.place.home:
        return False
    outer = log.spot.node(arrival.applied[0], ast.Call)
    return outer is not None and scope_of(log.spot, outer) is scope_of(log.spot, log.node)


def _local(arrival: Arrival, spots: Spots, log: Log) -> Fused | None:
    applied = applied_in(arrival, spots)
    if applied is None or applied.spot is not log.spot:
        return None
    if is_moved(log.spot, log.core, applied.outer):
        return _direct(applied, log)
    if isinstance(log.leaf, ast.Name):
        return named(applied, log, log.leaf)
    return None


def _direct(applied: Applied, log: Log) -> Fused | None:
    spot = log.spot
    built = None if log.complement else applied.alone()
    form = Word(spot.text(applied.outer)) if built is not None else applied.form(log.complement)
    if form is None:
        return None
    text = text_with(spot, log.core, [(applied.outer, form.text)])
    edits = [*form.edits, *in_place(spot, log.node, log.core, text)]
    dropped: list[tuple[Spot, ast.AST]] = [(spot, log.func), (spot, applied.outer.func)]
    if built is None:
        return Fused(spot, edits, says(spot, text, log.node), log.doubts, dropped)
    edits += [*built.edits, applied.origin.replace(applied.made, built.text)]
    words = f"{says(applied.origin, built.text, applied.made)}, {says(spot, text, log.node)}"
    return Fused(spot, edits, words, log.doubts, dropped)
