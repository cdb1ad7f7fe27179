"""RL501: sigmoid and then a loss on probabilities, where one fused loss does both."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import maker, when, words
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks only where the table names a fused loss, which leaves the distributions out."""
    if arrival.verb != "loss" or arrival.activation is not None or not arrival.twin:
        return None
    if arrival.got is not Space.SIGMOID or Space.SIGMOID not in arrival.wants:
        return None
    twin = arrival.twin.rsplit(".", 1)[-1]
    return Verdict(
        message=f"{maker(arrival)} and {arrival.operator} saturate, {twin} of logits does not{when(arrival)}",
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=f"{arrival.twin} of the logits, without {maker(arrival)}",
    )


RULE = Rule(
    code="RL501",
    name="sigmoid-then-bce",
    severity=Severity.ADVICE,
    says="right, but the fused loss on logits stays exact where this saturates",
    judge=judge,
    repair=Repair.FUSED_PAIR,
)
