"""RL101: softmax probabilities reach a loss that applies softmax itself."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import mismatch, take_out, words
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of probabilities at a softmax loss, scaled ones too."""
    if arrival.verb != "loss" or arrival.activation is not Space.PROBS or arrival.got is not Space.PROBS:
        return None
    if arrival.got in arrival.wants | arrival.harmless:
        return None
    return Verdict(
        message=mismatch(arrival),
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=take_out(arrival),
    )


RULE = Rule(
    code="RL101",
    name="double-softmax",
    severity=Severity.ERROR,
    says="softmax probabilities reach a loss that applies softmax itself",
    judge=judge,
    repair=Repair.TAKE_OUT,
)
