"""RL102: sigmoid output reaches a loss that applies sigmoid itself."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import mismatch, take_out, words
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of sigmoid and log-sigmoid output at a sigmoid loss."""
    if arrival.verb != "loss" or arrival.activation is not Space.SIGMOID:
        return None
    if arrival.got not in (Space.SIGMOID, Space.LOG_SIGMOID) or arrival.got in arrival.wants | arrival.harmless:
        return None
    return Verdict(
        message=mismatch(arrival),
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=take_out(arrival),
    )


RULE = Rule(
    code="RL102",
    name="double-sigmoid",
    severity=Severity.ERROR,
    says="sigmoid output reaches a loss that applies sigmoid itself",
    judge=judge,
    repair=Repair.TAKE_OUT,
)
