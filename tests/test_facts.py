"""Facts of a path, and the values that branches leave: which can hold together, and what joining them keeps.

What can hold together is compared with brute force: some object of a small domain passes all the tests.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawlogits.space import Space
from rawlogits.static.values import (
    MOST_OBJECTS,
    MOST_VALUES,
    NONE,
    SILENT,
    Alternative,
    Choice,
    Const,
    Ext,
    Fact,
    Facts,
    Tensor,
    Unknown,
    Value,
    alternatives,
    choose,
    consistent,
    join,
    same,
)

INTEGERS = range(-1, 4)
WORDS = ("", "a", "b")


class Other:
    """An object that equals nothing else."""


DOMAIN: list[object] = [*(n / 2 for n in range(-6, 12)), *WORDS, "another", None, True, False, Other()]
"""A witness for every set of facts below that has one: all constants, what lies between and beyond, and strangers."""

signs = st.sampled_from([">", ">=", "<", "<="])
orders = st.builds(Fact, st.just("k"), signs, st.sampled_from(INTEGERS), st.booleans())
equalities = st.builds(Fact, st.just("k"), st.just("=="), st.sampled_from([*INTEGERS, *WORDS]), st.booleans())
memberships = st.builds(
    Fact,
    st.just("k"),
    st.just("in"),
    st.lists(st.sampled_from([*INTEGERS, *WORDS]), min_size=1, max_size=3, unique=True).map(tuple),
    st.booleans(),
)
singletons = st.builds(Fact, st.just("k"), st.sampled_from(["is", "true"]), st.none(), st.booleans())
tests = st.one_of(orders, equalities, memberships, singletons)
facts = st.lists(tests, max_size=4).map(tuple)


def passes(value: object, fact: Fact) -> bool:
    """Whether a program in which the tested value is this one gets past the test with this outcome."""
    ask: dict[str, Callable[[Any, Any], object]] = {
        "==": lambda value, const: value == const and not isinstance(value, bool),
        "is": lambda value, const: value is const,
        "in": lambda value, const: value in const and not isinstance(value, bool),
        ">": operator.gt,
        ">=": operator.ge,
        "<": operator.lt,
        "<=": operator.le,
        "true": lambda value, _: bool(value),
    }
    try:
        return bool(ask[fact.op](value, fact.const)) is fact.truth
    except TypeError:
        return False


def witness(group: Iterable[Fact]) -> bool:
    group = tuple(group)
    return any(all(passes(value, fact) for fact in group) for value in DOMAIN)


@given(facts)
def test_what_can_hold_is_consistent(group: Facts) -> None:
    """No path that a program can take is given up."""
    if witness(group):
        assert consistent(group)


@given(st.lists(st.one_of(equalities, memberships, singletons), max_size=4).map(tuple))
def test_equalities_agree_with_brute_force(group: Facts) -> None:
    assert consistent(group) is witness(group)


@given(st.lists(orders, max_size=3), equalities.filter(lambda fact: fact.truth))
def test_orders_of_a_known_value_agree_with_brute_force(group: list[Fact], known: Fact) -> None:
    assert consistent((*group, known)) is witness((*group, known))


@given(st.permutations(range(4)), st.lists(tests, min_size=4, max_size=4))
def test_order_of_facts_does_not_matter(order: list[int], group: list[Fact]) -> None:
    assert consistent(tuple(group[i] for i in order)) is consistent(tuple(group))


@given(facts, facts)
def test_the_path_counts_like_the_facts(group: Facts, path: Facts) -> None:
    if group and consistent(path):
        assert consistent(group, path) is consistent(group + path)


@given(facts, facts)
def test_keys_are_independent(group: Facts, others: Facts) -> None:
    elsewhere = tuple(fact._replace(key="other") for fact in others)
    assert consistent(group + elsewhere) is (consistent(group) and consistent(elsewhere))


@given(facts)
def test_fewer_facts_are_never_less_consistent(group: Facts) -> None:
    if consistent(group):
        assert all(consistent(part) for part in itertools.combinations(group, max(0, len(group) - 1)))


@given(tests)
def test_a_test_has_one_outcome(fact: Fact) -> None:
    assert not consistent((fact, fact.negated()))
    assert fact.negated().negated() == fact


@pytest.mark.parametrize(
    ("one", "other", "possible"),
    [
        (("==", "mlp", True), ("==", "cnn", True), False),
        (("==", "mlp", True), ("==", "cnn", False), True),
        (("==", "mlp", False), ("==", "cnn", False), True),
        (("in", ("mlp", "cnn"), True), ("==", "rnn", True), False),
        (("in", ("mlp", "cnn"), True), ("==", "cnn", True), True),
        (("==", 1, True), (">", 1, True), False),
        (("==", 2, True), (">", 1, True), True),
        (("is", None, True), ("==", "mlp", True), False),
        (("is", None, True), ("true", None, True), False),
        (("is", None, False), ("true", None, False), True),
        (("==", 1, True), ("==", True, True), False),
    ],
)
def test_pairs(one: tuple[str, object, bool], other: tuple[str, object, bool], possible: bool) -> None:
    """Two tests of one value, as elif chains and flags write them."""
    assert consistent((Fact("k", *one), Fact("k", *other))) is possible
    assert consistent((Fact("k", *other),), (Fact("k", *one),)) is possible


# --- values that branches leave

SOFTMAX, LOGITS = Tensor(Space.PROBS, "softmax"), Tensor(Space.LOGITS, "Linear")
values: st.SearchStrategy[Value] = st.one_of(
    st.sampled_from([1, 2, True, "a", 1.0, None]).map(Const),
    st.sampled_from([SOFTMAX, LOGITS, Unknown("too deep"), Unknown("parameter", "f:x"), Ext("torch.nn.ReLU"), NONE]),
)
options = st.lists(st.builds(Alternative, facts, values), max_size=6)


def unordered(value: Value) -> set[tuple[frozenset[Fact], Value]]:
    return {(frozenset(facts), inner) for facts, inner in alternatives(value)}


@given(options, st.randoms(use_true_random=False))
def test_choose_does_not_depend_on_the_order(several: list[Alternative], random: object) -> None:
    shuffled = list(several)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert unordered(choose(shuffled)) == unordered(choose(several))


@given(options)
def test_choose_is_idempotent(several: list[Alternative]) -> None:
    chosen = choose(several)
    assert unordered(choose(several + several)) == unordered(chosen)
    assert unordered(choose(alternatives(chosen))) == unordered(chosen)


@given(options)
def test_choose_keeps_every_value_once(several: list[Alternative]) -> None:
    left = [inner for _, inner in alternatives(choose(several))]
    assert not any(same(a, b) for a, b in itertools.combinations(left, 2))
    assert all(any(same(value, inner) for inner in left) for _, value in several)


@given(values, facts, facts)
def test_join_of_equal_values_is_the_value(value: Value, one: Facts, other: Facts) -> None:
    assert join(one, value, other, value) == value


@given(values, facts, values, facts)
def test_join_is_commutative(left: Value, one: Facts, right: Value, other: Facts) -> None:
    assert unordered(join(one, left, other, right)) == unordered(join(other, right, one, left))


@given(values, values)
def test_same_is_symmetric(left: Value, right: Value) -> None:
    assert same(left, right) is same(right, left)
    assert same(left, left)


def test_a_choice_remembers_what_selects_each_value() -> None:
    softmax = Fact("args.act", "==", "softmax", True)
    joined = join((softmax,), SOFTMAX, (softmax.negated(),), LOGITS)
    assert joined == Choice((Alternative((softmax,), SOFTMAX), Alternative((softmax.negated(),), LOGITS)))


def test_a_choice_between_programs_is_a_dispatch() -> None:
    """Which layer is built is a program that some user runs; which number came out is not."""
    flag = Fact("flag", "true", None, True)
    joined = join((flag,), Ext("torch.nn.Softmax"), (flag.negated(),), NONE)
    assert [fact.dispatch for facts, _ in alternatives(joined) for fact in facts] == [True, True]


@pytest.mark.parametrize("count", [MOST_VALUES, MOST_VALUES + 1])
def test_too_many_numbers_are_unknown(count: int) -> None:
    chosen = choose(Alternative((Fact("k", "==", n, True),), Const(n)) for n in range(count))
    assert (chosen == SILENT) is (count > MOST_VALUES)


@pytest.mark.parametrize("count", [MOST_OBJECTS, MOST_OBJECTS + 1])
def test_more_programs_than_numbers_are_kept_apart(count: int) -> None:
    chosen = choose(Alternative((Fact("k", "==", n, True),), Ext(f"models.net{n}")) for n in range(count))
    assert (chosen == SILENT) is (count > MOST_OBJECTS)


def test_no_alternative_at_all_is_unknown() -> None:
    assert choose([]) == SILENT
