"""The lattice of spaces: `|` joins paths, `<=` says what is allowed where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawlogits.space import NOTHING, UNKNOWN, Space, Spaces, join_axis

spaces = st.none() | st.frozensets(st.sampled_from(Space))
claims = spaces.map(Spaces)
axes = st.none() | st.integers(-2, 2)


@given(claims, claims)
def test_join_is_commutative(a: Spaces, b: Spaces) -> None:
    assert a | b == b | a


@given(claims, claims, claims)
def test_join_is_associative(a: Spaces, b: Spaces, c: Spaces) -> None:
    assert (a | b) | c == a | (b | c)


@given(claims)
def test_join_is_idempotent(a: Spaces) -> None:
    assert a | a == a


@given(claims)
def test_unknown_absorbs_and_nothing_is_neutral(a: Spaces) -> None:
    assert a | UNKNOWN == UNKNOWN
    assert a | NOTHING == a


@given(claims, claims)
def test_order_is_that_of_the_join(a: Spaces, b: Spaces) -> None:
    assert (a <= b) == (a | b == b)


@given(claims, claims, claims)
def test_join_is_the_least_that_allows_both(a: Spaces, b: Spaces, c: Spaces) -> None:
    assert a <= a | b
    assert b <= a | b
    assert (a | b <= c) == (a <= c and b <= c)


@given(claims, claims, claims)
def test_order_is_partial(a: Spaces, b: Spaces, c: Spaces) -> None:
    assert a <= a
    assert a == b or not (a <= b and b <= a)
    assert a <= c or not (a <= b and b <= c)


@given(claims)
def test_nothing_is_below_and_unknown_above(a: Spaces) -> None:
    assert NOTHING <= a <= UNKNOWN


@given(claims, claims, st.sampled_from(Space))
def test_a_join_holds_what_either_side_holds(a: Spaces, b: Spaces, space: Space) -> None:
    assert (space in a | b) == (space in a or space in b)


@given(claims, st.sampled_from(Space))
def test_in_is_the_order_of_single_spaces(a: Spaces, space: Space) -> None:
    assert (space in a) == (Spaces.of(space) <= a)


@given(claims, claims)
def test_equal_claims_have_equal_hashes(a: Spaces, b: Spaces) -> None:
    assert a != b or hash(a) == hash(b)


@given(axes, axes)
def test_axes_agree_or_are_not_known(a: int | None, b: int | None) -> None:
    assert join_axis(a, b) == join_axis(b, a)
    assert join_axis(a, a) == a
    assert join_axis(a, b) in ((a,) if a == b else (None,))


def test_words() -> None:
    assert str(UNKNOWN) == "unknown"
    assert str(NOTHING) == "nothing"
    assert str(Spaces.of("probs", "logits")) == "logits or probs"
    assert [space.phrase for space in Space] == [
        "raw logits",
        "softmax probabilities",
        "log-probabilities",
        "sigmoid probabilities",
        "log-sigmoid values",
    ]
    with pytest.raises(ValueError, match="'softmax' is not a valid Space"):
        Spaces.of("softmax")
