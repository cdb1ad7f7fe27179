"""RL104: an activation applied to what is activated already, outside a loss."""

from __future__ import annotations

from rawlogits.finding import Arrival, Repair, Rule, Severity, Verdict
from rawlogits.rules.wording import maker, mismatch, value, words


def judge(arrival: Arrival) -> Verdict | None:
    """Speaks of an operator that wants something else than it gets."""
    if arrival.verb != "op" or not arrival.wants or arrival.got in arrival.wants | arrival.harmless:
        return None
    return Verdict(
        message=mismatch(arrival),
        wants=words(arrival.wants),
        got=arrival.got.value,
        write=_write(arrival),
    )


def _write(arrival: Arrival) -> str:
    if arrival.got is arrival.activation:
        return f"leave this {arrival.operator} out: its input holds {value(arrival)} already"
    return f"keep one of {maker(arrival)} and {arrival.operator}"


RULE = Rule(
    code="RL104",
    name="double-activation",
    severity=Severity.ERROR,
    says="an activation is applied to a value that is activated already",
    judge=judge,
    repair=Repair.TAKE_OUT,
)
