"""RL301: softmax, or a softmax loss, over an axis of length one: the result is constant."""

from __future__ import annotations

from rawlogits.finding import Arrival, Rule, Severity, Verdict
from rawlogits.rules.wording import when
from rawlogits.space import Space

SOFTMAX = (Space.PROBS, Space.LOG_PROBS)


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of a softmax over one unit where it is applied; at a loss only if the loss is the first to apply it."""
    if arrival.size != 1:
        return None
    if arrival.verb == "op" and arrival.activation in SOFTMAX:
        constant = 1 if arrival.activation is Space.PROBS else 0
    elif arrival.verb == "loss" and arrival.activation is Space.PROBS and arrival.got is Space.LOGITS:
        constant = 0
    else:
        return None
    return Verdict(
        message=f"{arrival.operator} over a single unit is always {constant}, its gradient 0{when(arrival)}",
        wants="an axis of at least 2",
        got="an axis of 1",
        write="sigmoid (or a sigmoid loss) for one unit, softmax from two units on",
    )


RULE = Rule(
    code="RL301",
    name="one-unit-softmax",
    severity=Severity.ERROR,
    says="softmax or a softmax loss over an axis of length one: the result is constant",
    judge=judge,
)
