"""RL502: log-softmax into a softmax loss: the same loss and gradient, computed twice."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules import wrong_axis
from rawlogits.rules.wording import maker, take_out, when, words
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks unless the axes differ: then the second log-softmax is another function, and RL302 speaks."""
    if arrival.verb != "loss" or arrival.activation is not Space.PROBS or arrival.got is not Space.LOG_PROBS:
        return None
    if wrong_axis.judge(arrival) is not None:
        return None
    return Verdict(
        message=f"{arrival.operator} applies log-softmax itself: {maker(arrival)} changes nothing{when(arrival)}",
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=take_out(arrival),
    )


RULE = Rule(
    code="RL502",
    name="redundant-log-softmax",
    severity=Severity.ADVICE,
    says="log-softmax into a loss that applies it itself: the same loss, wasted work",
    judge=judge,
    repair=Repair.TAKE_OUT,
    default=False,
)
