"""RL203: raw logits or logarithms where probabilities are wanted."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import maker, mismatch, words
from rawlogits.space import Space

PROBABILITIES = frozenset({Space.PROBS, Space.SIGMOID})


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of a loss that applies nothing itself, wants probabilities and gets anything else."""
    if arrival.verb != "loss" or arrival.activation is not None or Space.LOG_PROBS in arrival.wants:
        return None
    if not arrival.wants & PROBABILITIES or arrival.got in PROBABILITIES | arrival.wants | arrival.harmless:
        return None
    return Verdict(
        message=mismatch(arrival),
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=_write(arrival),
    )


def _write(arrival: Arrival) -> str:
    activation = "sigmoid" if Space.SIGMOID in arrival.wants else "softmax"
    if arrival.got is not Space.LOGITS:
        return f"{activation} in place of {maker(arrival)}"
    if arrival.twin:
        return f"{arrival.twin}, which takes logits, or {activation} before {arrival.operator}"
    return f"{activation} before {arrival.operator}"


RULE = Rule(
    code="RL203",
    name="logits-into-probability-loss",
    severity=Severity.ERROR,
    says="raw logits or log-probabilities reach a loss that wants probabilities",
    judge=judge,
    repair=Repair.FUSED_LOSS,
)
