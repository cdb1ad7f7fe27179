"""RL403: exp(z) / sum(exp(z)) without the maximum taken off first."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import fused, when
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of a softmax written out by hand over known logits."""
    if arrival.verb != "naive" or arrival.operator != "softmax" or arrival.got is not Space.LOGITS:
        return None
    return Verdict(
        message=f"exp(z) / sum(exp(z)) without the maximum taken off: nan from z = 89 on in float32{when(arrival)}",
        wants="z - max(z)",
        got=arrival.got.value,
        write=fused(arrival, "softmax"),
    )


RULE = Rule(
    code="RL403",
    name="naive-softmax",
    severity=Severity.WARNING,
    says="exp(z) / sum(exp(z)) without the maximum taken off overflows",
    judge=judge,
    repair=Repair.WRITE_FUSED,
    numeric=True,
)
