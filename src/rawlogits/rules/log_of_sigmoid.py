"""RL402: the logarithm of one pure sigmoid, for which a fused form exists."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import logarithm
from rawlogits.space import Space

LOGARITHMS = ("log", "log2", "log10")


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks as advice where a clamp or an epsilon keeps the logarithm finite."""
    if arrival.verb != "op" or arrival.operator not in LOGARITHMS or arrival.activation is not None:
        return None
    if arrival.got is not Space.SIGMOID:
        return None
    return Verdict(
        message=logarithm(arrival, "sigmoid"),
        wants=Space.LOGITS.value,
        got=arrival.got.value,
        # The twin of a logarithm is log-softmax, whatever it is taken of.
        write="log-sigmoid of the logits",
        severity=Severity.ADVICE if arrival.guarded else None,
    )


RULE = Rule(
    code="RL402",
    name="log-of-sigmoid",
    severity=Severity.WARNING,
    says="log(sigmoid(z)): -inf and nan gradients where the fused form is exact",
    judge=judge,
    repair=Repair.FUSE,
    numeric=True,
)
