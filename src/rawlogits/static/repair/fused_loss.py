"""FUSED_LOSS: the loss that takes the logits which it gets. FUSED_PAIR: the activation goes with it.

What is compared with a probability, of the same logits, is compared on their scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rawlogits.finding import Arrival, Place
from rawlogits.space import Space
from rawlogits.static.repair.loss_forms import Form, other_form
from rawlogits.static.repair.spots import Proposal, Spots
from rawlogits.static.repair.taken_out import taken_out
from rawlogits.static.repair.taken_out_text import collide
from rawlogits.static.repair.threshold import threshold


def fused_loss(arrival: Arrival, spots: Spots) -> Proposal | None:
    """Edits that make the loss one that applies the activation itself; None for what gets anything but logits."""
    if arrival.verb != "loss" or arrival.got is not Space.LOGITS:
        return None
    form = other_form(arrival, spots, Space.LOGITS)
    if form is None:
        return None
    moved = [found for each in _compared(arrival, spots) if (found := threshold(each, spots)) is not None]
    doubts = [*form.doubts, *(doubt for each in moved for doubt in each.doubts), *_open(arrival)]
    says = "; ".join([form.says, *(each.says for each in moved)])
    edits = [*form.edits, *(edit for each in moved for edit in each.edits)]
    return None if collide(edits) else Proposal(edits, says, doubts)


def _compared(arrival: Arrival, spots: Spots) -> Iterator[Arrival]:
    """The comparisons of the same logits with a probability: wrong once the loss takes logits, as they are now."""
    seen: set[Place] = set()
    for other in spots.arrivals:
        same = other.verb == "compare" and other.got is Space.LOGITS and other.trace[0].place == arrival.trace[0].place
        if same and other.place not in seen:
            seen.add(other.place)
            yield other


def _open(arrival: Arrival) -> list[str]:
    """What is not known of a loss that gets several values."""
    return [] if arrival.certain else ["what else the loss is given is not known"]


def fused_pair(arrival: Arrival, spots: Spots) -> Proposal | None:
    """Edits that take the activation out and make each loss that read it one which applies it itself."""
    if arrival.verb != "loss" or not arrival.twin or arrival.got not in arrival.wants:
        return None
    pairs = list(_pairs(arrival, spots.arrivals))
    if not _are_alone(pairs, spots.arrivals):
        return None
    forms: list[Form] = []
    for each in pairs:
        form = other_form(each, spots, Space.LOGITS)
        if form is None:
            return None
        forms.append(form)
    taken = taken_out(arrival, spots, pairs)
    if taken is None:
        return None
    edits = list(dict.fromkeys([*taken.edits, *(edit for form in forms for edit in form.edits)]))
    doubts = [*taken.doubts, *(doubt for form in forms for doubt in form.doubts), *_open(arrival)]
    says = "; ".join(dict.fromkeys([taken.says, *(form.says for form in forms)]))
    return None if collide(edits) else Proposal(edits, says, list(dict.fromkeys(doubts)))


def _pairs(arrival: Arrival, others: Sequence[Arrival]) -> Iterator[Arrival]:
    """The losses that read the same activated value and have a fused form, each once."""
    seen: set[Place] = set()
    for other in (arrival, *others):
        same = other.verb == "loss" and other.got is arrival.got and other.got in other.wants and other.twin
        if same and other.trace[0].place == arrival.trace[0].place and other.place not in seen:
            seen.add(other.place)
            yield other


def _are_alone(pairs: Sequence[Arrival], others: Sequence[Arrival]) -> bool:
    """Whether the losses get nothing but this value: what another model gives them stays activated."""
    origin = pairs[0].trace[0].place
    places = {each.place for each in pairs}
    built = {each.built for each in pairs if each.built is not None}
    met = (each for each in others if each.verb == "loss" and (each.place in places or each.built in built))
    return all(each.trace[0].place == origin for each in met)


def without_fusion(arrival: Arrival, spots: Spots) -> Proposal | None:
    """Behind TAKE_OUT: the activation stays, and the loss becomes the one that wants it applied."""
    if arrival.verb != "loss" or arrival.guarded or arrival.scaled:
        return None
    form = other_form(arrival, spots, arrival.got)
    if form is None:
        return None
    says = f"{form.says}: the model keeps giving what it gives"
    return Proposal(form.edits, says, [*form.doubts, *_open(arrival)])
