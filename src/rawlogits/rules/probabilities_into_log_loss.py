"""RL201: probabilities where log-probabilities are wanted."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import maker, mismatch, words
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of a loss that applies nothing itself, wants log-probabilities and gets probabilities."""
    if arrival.verb != "loss" or arrival.activation is not None or Space.LOG_PROBS not in arrival.wants:
        return None
    if arrival.got not in (Space.PROBS, Space.SIGMOID) or arrival.got in arrival.wants | arrival.harmless:
        return None
    return Verdict(
        message=mismatch(arrival),
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=f"log-softmax in place of {maker(arrival)}",
    )


RULE = Rule(
    code="RL201",
    name="probabilities-into-log-loss",
    severity=Severity.ERROR,
    says="probabilities reach a loss that wants log-probabilities",
    judge=judge,
    repair=Repair.LOGARITHMIC,
)
