"""RL202: raw logits where log-probabilities are wanted."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import mismatch, words
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of a loss that applies nothing itself, wants log-probabilities and gets logits."""
    if arrival.verb != "loss" or arrival.activation is not None or Space.LOG_PROBS not in arrival.wants:
        return None
    if arrival.got is not Space.LOGITS or arrival.got in arrival.wants | arrival.harmless:
        return None
    return Verdict(
        message=mismatch(arrival),
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=_write(arrival),
    )


def _write(arrival: Arrival) -> str:
    other = f", or {arrival.twin}, which takes logits" if arrival.twin else ""
    return f"log-softmax before {arrival.operator}{other}"


RULE = Rule(
    code="RL202",
    name="logits-into-log-loss",
    severity=Severity.ERROR,
    says="raw logits reach a loss that wants log-probabilities",
    judge=judge,
    repair=Repair.FUSED_LOSS,
)
