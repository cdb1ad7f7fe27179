"""RL303: softmax, or a softmax loss, for targets of which several hold at once.

Two signals: the target was built multi-hot, and the output is thresholded label by label. The second alone says
nothing of two classes, where one of the two is above 0.5 and softmax is right. RL101 or RL103 may speak
of the same argument: taking the first softmax out does not make a softmax loss right for such targets.
"""

from __future__ import annotations

from rawlogits.finding import Arrival, Confidence, Rule, Severity, Verdict
from rawlogits.rules.wording import when
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks with one signal as likely, with both as certain."""
    multi_hot, threshold = "multi_hot" in arrival.marks, "threshold" in arrival.also
    if arrival.verb != "loss" or not (multi_hot or threshold) or not _softmax(arrival):
        return None
    if not multi_hot and arrival.size == 2:
        return None
    seen = "targets are multi-hot" if multi_hot else "the output is thresholded label by label"
    if multi_hot and threshold:
        seen += " and the output is thresholded label by label"
    asks = arrival.operator if arrival.activation is Space.PROBS else f"softmax before {arrival.operator}"
    return Verdict(
        message=f"{asks} wants one class per sample, but {seen}{when(arrival)}",
        wants="one class per sample",
        got="several labels per sample",
        write="a sigmoid loss on the logits, one unit a label",
        confidence=Confidence.CERTAIN if multi_hot and threshold and arrival.certain else Confidence.LIKELY,
    )


def _softmax(arrival: Arrival) -> bool:
    """Whether a softmax, the loss's own or one before it, makes the labels compete."""
    if arrival.activation is Space.PROBS:
        return arrival.got in (Space.LOGITS, Space.LOG_PROBS, Space.PROBS)
    wants_probabilities = bool(arrival.wants & {Space.PROBS, Space.SIGMOID})
    return arrival.activation is None and wants_probabilities and arrival.got is Space.PROBS


RULE = Rule(
    code="RL303",
    name="softmax-for-multilabel",
    severity=Severity.ERROR,
    says="softmax or a softmax loss for targets of which several hold at once",
    judge=judge,
)
