"""What a fused operator is written from: the call of an activation, and the edits of one function."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from rawlogits.finding import Arrival, Edit
from rawlogits.static.repair.counterparts import Word
from rawlogits.static.repair.logarithmic import built_form, function_form, log_form, negative, unneeded
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Proposal, Spots
from rawlogits.static.repair.taken_out import activation_of, maker_row, only_built
from rawlogits.static.repair.taken_out_text import collide
from rawlogits.table.row import Row


@dataclass
class Fused:
    """What a repair in one function changes."""

    spot: Spot
    edits: list[Edit]
    says: str
    doubts: list[str] = field(default_factory=list)
    dropped: list[tuple[Spot, ast.AST]] = field(default_factory=list)

    def proposal(self, spots: Spots) -> Proposal | None:
        """The edits with those of the imports."""
        if collide(self.edits):
            return None
        return Proposal([*self.edits, *unneeded(spots, self.dropped, self.edits)], self.says, self.doubts)


@dataclass(frozen=True)
class Applied:
    """The call of an activation, its argument, and how its log form is called there."""

    arrival: Arrival
    spots: Spots
    spot: Spot
    outer: ast.Call
    inner: ast.expr
    origin: Spot
    made: ast.expr
    row: Row

    @property
    def is_seen(self) -> bool:
        """Whether the call itself says which activation it is."""
        return self.made is self.outer or self.made is self.outer.func

    def form(self, minus: bool = False, name: str = "", stays: bool = False) -> Word | None:
        """The log form in place of the call: of the same scores, or of a name that holds them, or of minus these."""
        scores = name and (f"-{name}" if minus else name)
        scores = scores or (negative(self.spot, self.inner) if minus else "")
        if self.is_seen:
            return log_form(self.spot, self.outer, self.inner, self.row, scores, stays)
        if only_built(self.origin, self.made, self.spot, self.outer, self.spots) is None:
            return None
        activation = activation_of(self.origin, self.made, self.row, self.arrival)
        return function_form(self.spot, self.outer, self.inner, self.row, activation, scores)

    def alone(self) -> Word | None:
        """The log form where the activation was built, when nothing else applies it."""
        if self.is_seen or not only_built(self.origin, self.made, self.spot, self.outer, self.spots):
            return None
        return built_form(self.origin, self.made, self.row)


def applied_in(arrival: Arrival, spots: Spots) -> Applied | None:
    """The call that applied the activation of an arrival."""
    if arrival.applied is None:
        return None
    spot, origin = spots.at(arrival.applied[0].path), spots.at(arrival.trace[0].place.path)
    outer, inner = spot.node(arrival.applied[0], ast.Call), spot.node(arrival.applied[1], ast.expr)
    made = origin.node(arrival.trace[0].place, ast.expr)
    row = maker_row(origin, made, arrival) if made is not None else None
    if outer is None or inner is None or made is None or row is None or not row.twin:
        return None
    return Applied(arrival, spots, spot, outer, inner, origin, made, row)
