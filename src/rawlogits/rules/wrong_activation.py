"""RL103: an activation of the other family reaches a loss.

Four ways: sigmoid into a softmax loss, softmax into a sigmoid loss, log-sigmoid where log-softmax is wanted, and
one kind of probability where only the other is.
"""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import maker, mismatch, take_out, words
from rawlogits.space import Space

SOFTMAX = frozenset({Space.PROBS, Space.LOG_PROBS})
SIGMOID = frozenset({Space.SIGMOID, Space.LOG_SIGMOID})


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks where the value and the loss belong to different activations."""
    if arrival.verb != "loss" or arrival.got not in _foreign(arrival):
        return None
    if arrival.got in arrival.wants | arrival.harmless:
        return None
    return Verdict(
        message=mismatch(arrival),
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=_write(arrival),
    )


def _foreign(arrival: Arrival) -> frozenset[Space]:
    if arrival.activation is Space.PROBS:
        return SIGMOID
    if arrival.activation is Space.SIGMOID:
        return SOFTMAX
    if arrival.activation is None and Space.LOG_PROBS in arrival.wants:
        return frozenset({Space.LOG_SIGMOID})
    if arrival.activation is None and arrival.wants & {Space.PROBS, Space.SIGMOID}:
        return frozenset({Space.PROBS, Space.SIGMOID})
    return frozenset()


def _write(arrival: Arrival) -> str:
    if arrival.activation is None:
        wanted = "sigmoid" if Space.SIGMOID in arrival.wants else "softmax"
        return f"{'log-softmax' if Space.LOG_PROBS in arrival.wants else wanted} in place of {maker(arrival)}"
    if arrival.activation is Space.PROBS and not arrival.without:
        return f"{take_out(arrival)}; if several labels hold at once, a sigmoid loss on the logits"
    return take_out(arrival)


RULE = Rule(
    code="RL103",
    name="wrong-activation",
    severity=Severity.ERROR,
    says="sigmoid output reaches a softmax loss, or softmax output a sigmoid loss",
    judge=judge,
    repair=Repair.TAKE_OUT,
)
