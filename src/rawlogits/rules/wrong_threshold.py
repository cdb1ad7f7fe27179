"""RL304: a probability threshold on raw logits, or 0 on probabilities."""

from __future__ import annotations

import math

from rawlogits.finding import Arrival, Confidence, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import value, when
from rawlogits.space import Space

LOWEST, HIGHEST = 0.05, 0.95
"""Between these a constant is taken for a probability."""
ABOVE = (">", "gt", "greater")
"""The comparisons with 0 that are judged: the others are how code asserts that probabilities are valid."""


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of logits only where the same output feeds a loss that takes logits."""
    if arrival.verb != "compare" or arrival.constant is None:
        return None
    if arrival.got is Space.LOGITS:
        trained = arrival.also & {"loss:sigmoid", "loss:probs"}
        return _verdict(arrival, "probabilities") if trained and LOWEST < arrival.constant < HIGHEST else None
    if arrival.got not in (Space.SIGMOID, Space.PROBS) or arrival.constant != 0 or arrival.operator not in ABOVE:
        return None
    return _verdict(arrival, "logits")


def _verdict(arrival: Arrival, wanted: str) -> Verdict:
    # `p > 0` also masks the zeros of a softmax, before a logarithm say.
    doubtful = arrival.got is Space.PROBS or not arrival.certain
    return Verdict(
        message=f"{arrival.operator} {arrival.constant:g} wants {wanted}, got {value(arrival)}{when(arrival)}",
        wants=wanted,
        got=arrival.got.value,
        write=_write(arrival),
        confidence=Confidence.LIKELY if doubtful else Confidence.CERTAIN,
    )


def _write(arrival: Arrival) -> str:
    if arrival.got is not Space.LOGITS or arrival.constant is None:
        return f"{arrival.operator} 0.5"
    if "loss:sigmoid" not in arrival.also:
        return "softmax before the comparison"
    logit = math.log(arrival.constant / (1 - arrival.constant))
    return f"{arrival.operator} {logit:.4g}, the logit of {arrival.constant:g}, or sigmoid before the comparison"


RULE = Rule(
    code="RL304",
    name="wrong-threshold",
    severity=Severity.ERROR,
    says="a probability threshold on raw logits, or 0 on probabilities",
    judge=judge,
    repair=Repair.THRESHOLD,
)
