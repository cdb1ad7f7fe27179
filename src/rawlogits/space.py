"""The lattice of spaces: what kind of number a score is.

A value's claim is a *set* of spaces, because paths join. `NOTHING` (the empty set) is the value of a path that
is never taken, `UNKNOWN` is the top: any space at all. `join` is set union with `UNKNOWN` absorbing, so it is
commutative, associative and idempotent, which the property tests hold it to.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Space(StrEnum):
    """One kind of number. The value is the word that configuration, JSON and the docs use."""

    LOGITS = "logits"
    PROBS = "probs"
    LOG_PROBS = "log_probs"
    SIGMOID = "sigmoid"
    LOG_SIGMOID = "log_sigmoid"

    @property
    def phrase(self) -> str:
        """The words that a message uses.

        >>> Space.PROBS.phrase
        'softmax probabilities'
        """
        return _PHRASES[self]


_PHRASES = {
    Space.LOGITS: "raw logits",
    Space.PROBS: "softmax probabilities",
    Space.LOG_PROBS: "log-probabilities",
    Space.SIGMOID: "sigmoid probabilities",
    Space.LOG_SIGMOID: "log-sigmoid values",
}


@dataclass(frozen=True, slots=True)
class Spaces:
    """A set of spaces; `UNKNOWN` when `members` is None.

    >>> str(Spaces.of("logits") | Spaces.of("probs"))
    'logits or probs'
    """

    members: frozenset[Space] | None

    @classmethod
    def of(cls, *words: str) -> Spaces:
        """The set with these words; a word that is no space raises ValueError."""
        return cls(frozenset(Space(word) for word in words))

    def __or__(self, other: Spaces) -> Spaces:
        if self.members is None or other.members is None:
            return UNKNOWN
        return Spaces(self.members | other.members)

    def __contains__(self, space: Space) -> bool:
        return self.members is None or space in self.members

    def __le__(self, other: Spaces) -> bool:
        """Whether every space here is allowed there."""
        return other.members is None or (self.members is not None and self.members <= other.members)

    def __str__(self) -> str:
        if self.members is None:
            return "unknown"
        return " or ".join(sorted(self.members)) or "nothing"


UNKNOWN = Spaces(None)
NOTHING = Spaces(frozenset())


def join_axis(left: int | None, right: int | None) -> int | None:
    """The axis both sides agree on, else None (not known)."""
    return left if left == right else None
