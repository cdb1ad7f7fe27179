"""Phrases that several rules use. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Iterable

from rawlogits.finding import Arrival
from rawlogits.space import Space


def words(spaces: Iterable[Space]) -> str:
    """The spaces in the words of configuration and JSON.

    >>> words({Space.SIGMOID, Space.PROBS})
    'probs or sigmoid'
    """
    return " or ".join(sorted(space.value for space in spaces))


def phrases(spaces: Iterable[Space]) -> str:
    """The spaces in the words of messages.

    >>> phrases({Space.LOGITS})
    'logits'
    """
    return " or ".join("logits" if space is Space.LOGITS else space.phrase for space in sorted(spaces))


def value(arrival: Arrival) -> str:
    """What arrived: "softmax probabilities", "scaled softmax probabilities"."""
    return f"scaled {arrival.got.phrase}" if arrival.scaled else arrival.got.phrase


def when(arrival: Arrival) -> str:
    """The condition, as in ", when args.model = 'mlp'", or nothing."""
    return f", when {arrival.when}" if arrival.when else ""


def mismatch(arrival: Arrival) -> str:
    """What the demand wants and what it got: "CrossEntropyLoss wants logits, got softmax probabilities"."""
    return f"{arrival.operator} wants {phrases(arrival.wants)}, got {value(arrival)}{when(arrival)}"


def maker(arrival: Arrival) -> str:
    """The name of what made the value, or of its kind."""
    return arrival.made_by or _MAKERS[arrival.got]


def take_out(arrival: Arrival) -> str:
    """The origin without its activation: as code where that is one line, else in words."""
    return arrival.without or f"take {maker(arrival)} out before {arrival.operator}"


def fused(arrival: Arrival, kind: str) -> str:
    """The fused form by its name in the table, else by its kind."""
    return f"{arrival.twin or kind} of the logits"


def logarithm(arrival: Arrival, activation: str) -> str:
    """What happens to the logarithm of an activation's small outputs."""
    low = (
        "gradient 0 below the guard" if arrival.guarded else f"-inf where {activation} underflows, nan in the gradient"
    )
    return f"{arrival.operator} of {value(arrival)}: {low}{when(arrival)}"


_MAKERS = {
    Space.LOGITS: "the layer",
    Space.PROBS: "softmax",
    Space.LOG_PROBS: "log-softmax",
    Space.SIGMOID: "sigmoid",
    Space.LOG_SIGMOID: "log-sigmoid",
}
