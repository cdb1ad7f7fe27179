"""What operators without a row do to a space: + - * / with a number, and the mean. Every observer asks here."""

from __future__ import annotations

from enum import StrEnum

from rawlogits.space import Space

SMALL = 1e-2
"""A constant up to this size that is added to a probability is a guard of the logarithm, not a shift."""


class Effect(StrEnum):
    """What becomes of a value."""

    SAME = "same"
    SCALED = "scaled"
    GUARDED = "guarded"
    SHIFTED = "shifted"
    """Other scores, as raw as before."""
    ENDED = "ended"


def with_number(operator: str, space: Space | None, number: float, *, first: bool) -> Effect:
    """`value * number`, or `number * value` where the value is not `first`; the operator is one of + - * /.

    >>> [str(with_number(*given, first=True)) for given in (("/", Space.PROBS, 2), ("+", Space.PROBS, 1e-8))]
    ['scaled', 'guarded']
    """
    if operator in "*/" and number > 0 and (operator == "*" or first):
        return Effect.SAME if number == 1 else Effect.SCALED
    if operator == "+" or (operator == "-" and first):
        if space is Space.LOGITS:
            return Effect.SHIFTED
        if operator == "+" and space in (Space.PROBS, Space.SIGMOID) and 0 <= number <= SMALL:
            return Effect.GUARDED
    if operator == "-" and not first and number == 1 and space is Space.SIGMOID:
        return Effect.SAME
    return Effect.ENDED


def outlasts_mean(space: Space | None, axis: int | None, over: object, rank: int | None) -> bool:
    """Whether a value is of its space still once it is averaged over an axis.

    A mean keeps a distribution unless it runs over the axis that the distribution is normalised over: that would be a
    constant, so axes that are written differently are taken to differ where the rank is not known.

    >>> outlasts_mean(Space.PROBS, 1, 0, None), outlasts_mean(Space.PROBS, -1, 1, 2)
    (True, False)
    """
    if not isinstance(over, int) or isinstance(over, bool):
        return False
    if axis is not None and rank is not None:
        axis, over = axis % rank, over % rank
    return space in (Space.SIGMOID, Space.LOGITS) or (axis is not None and axis != over)
