"""RL404: log(sum(exp(z))) without the maximum taken off first."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import fused, when
from rawlogits.space import Space


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of a log-sum-exp written out by hand over known logits."""
    if arrival.verb != "naive" or arrival.operator != "logsumexp" or arrival.got is not Space.LOGITS:
        return None
    return Verdict(
        message=f"log(sum(exp(z))) without the maximum taken off: inf from z = 89 on in float32{when(arrival)}",
        wants="z - max(z)",
        got=arrival.got.value,
        write=fused(arrival, "logsumexp"),
    )


RULE = Rule(
    code="RL404",
    name="naive-logsumexp",
    severity=Severity.WARNING,
    says="log(sum(exp(z))) without the maximum taken off overflows",
    judge=judge,
    repair=Repair.WRITE_FUSED,
    numeric=True,
)
