"""RL302: normalised over another axis than the loss reads as classes.

Only at a loss: two normalisations over different axes, one after the other, are Sinkhorn's algorithm.
"""

from __future__ import annotations

from rawlogits.finding import Arrival, Confidence, Rule, Severity, Verdict
from rawlogits.rules.wording import value, when
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks only of the right space; the wrong one belongs to RL101 to RL203."""
    if arrival.verb != "loss" or arrival.got not in arrival.wants | arrival.harmless or arrival.axis is None:
        return None
    if arrival.got not in (Space.PROBS, Space.LOG_PROBS):
        return None
    if arrival.class_axis is None and arrival.got not in arrival.wants:
        return None
    confidence = _evidence(arrival.axis, arrival.class_axis, arrival.rank)
    if confidence is None:
        return None
    wanted = "another axis than the batch's" if arrival.class_axis is None else f"axis {arrival.class_axis}"
    return Verdict(
        message=f"{arrival.operator} wants {wanted} normalised, got {value(arrival)} over axis {arrival.axis}"
        f"{when(arrival)}",
        wants=wanted,
        got=f"axis {arrival.axis}",
        write=f"normalise over {'the class axis' if arrival.class_axis is None else wanted}",
        confidence=confidence if arrival.certain else Confidence.LIKELY,
    )


def _evidence(axis: int, class_axis: int | None, rank: int | None) -> Confidence | None:
    """How sure it is that the axes differ; None where they agree or cannot be compared."""
    if rank is not None and rank < 2:
        return None
    if class_axis is None:
        # (batch, classes) is the common reading of a matrix, and no more than that.
        return Confidence.LIKELY if rank == 2 and axis % rank == 0 else None
    if rank is not None:
        return Confidence.CERTAIN if axis % rank != class_axis % rank else None
    if axis == class_axis or (axis < 0) != (class_axis < 0):
        return None
    # Over axis 0 the value may be a single unbatched sample, whose only axis is the classes.
    return Confidence.LIKELY if axis == 0 else Confidence.CERTAIN


RULE = Rule(
    code="RL302",
    name="wrong-axis",
    severity=Severity.ERROR,
    says="normalised over the batch, or over another axis than the loss's classes",
    judge=judge,
)
