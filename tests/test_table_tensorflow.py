"""TensorFlow's own rows, run on TensorFlow. Not a part of the default suite: `pytest -m tensorflow`, in an environment
with the extra `tensorflow`, which is large.
"""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from rawlogits.space import Space
from rawlogits.table.keras import ROWS
from rawlogits.table.row import Row, Verb

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")

OWN = [(row, name) for row in ROWS for name in row.names if name.startswith("tensorflow.")]


def cases(*verbs: Verb, only: Any = lambda row: True) -> list[Any]:
    return [pytest.param(row, name, id=name) for row, name in OWN if row.verb in verbs and only(row)]


def resolve(name: str) -> Any:
    """The object of a name, in today's TensorFlow or in its compat.v1; the test is skipped without it."""
    for root in (tf, tf.compat.v1):
        found: Any = root
        for part in name.split(".")[1:]:
            found = getattr(found, part, None)
        if found is not None:
            return found
    return pytest.skip(f"{name} is not in TensorFlow {tf.__version__}")


def scores(seed: int = 0) -> tuple[Any, Any]:
    """Raw scores of 4 rows and 3 columns, and one-hot labels."""
    drawn = numpy.random.default_rng(seed)
    return drawn.normal(size=(4, 3)), numpy.eye(3)[drawn.integers(0, 3, 4)]


def in_space(space: Space, z: Any) -> Any:
    made = {
        Space.LOGITS: lambda x: x,
        Space.PROBS: tf.nn.softmax,
        Space.LOG_PROBS: tf.nn.log_softmax,
        Space.SIGMOID: tf.nn.sigmoid,
        Space.LOG_SIGMOID: tf.math.log_sigmoid,
    }
    return made[space](tf.constant(z))


@pytest.mark.parametrize(("row", "name"), cases(Verb.OP, only=lambda row: row.gives))
def test_an_activation_gives_its_space(row: Row, name: str) -> None:
    z, _ = scores()
    assert row.gives is not None
    assert resolve(name)(tf.constant(z)).numpy() == pytest.approx(in_space(row.gives, z).numpy(), rel=1e-9)


@pytest.mark.parametrize(("row", "name"), cases(Verb.OP, only=lambda row: row.turns))
def test_what_turns_a_space_turns_it(row: Row, name: str) -> None:
    z, _ = scores()
    for before, after in row.turns.items():
        turned = resolve(name)(in_space(before, z)).numpy()
        assert turned == pytest.approx(in_space(after, z).numpy(), rel=1e-9)


@pytest.mark.parametrize(("row", "name"), cases(Verb.LOSS, only=lambda row: row.activation))
def test_a_fused_loss_is_the_cross_entropy_of_the_scores(row: Row, name: str) -> None:
    for seed in range(5):
        z, labels = scores(seed)
        assert row.target is not None
        target = labels.argmax(-1) if "sparse" in name else labels
        more = {"pos_weight": 1.0} if "weighted" in name else {}
        found = numpy.mean(resolve(name)(**{row.target: target, row.arg: tf.constant(z)}, **more))
        if row.activation is Space.SIGMOID:
            expected = (numpy.logaddexp(0, z) - labels * z).mean()
        else:
            expected = (numpy.log(numpy.exp(z).sum(-1)) - (labels * z).sum(-1)).mean()
        assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("row", "name"), cases(Verb.LOSS, only=lambda row: row.activation))
def test_it_is_another_function_of_what_it_applies_itself(row: Row, name: str) -> None:
    z, labels = scores()
    target = labels.argmax(-1) if "sparse" in name else labels
    more = {"pos_weight": 1.0} if "weighted" in name else {}
    loss = resolve(name)
    assert row.target is not None
    assert row.activation is not None
    raw = numpy.mean(loss(**{row.target: target, row.arg: tf.constant(z)}, **more))
    twice = numpy.mean(loss(**{row.target: target, row.arg: in_space(row.activation, z)}, **more))
    assert twice != pytest.approx(raw, rel=1e-2)


def test_log_loss_wants_probabilities_of_labels() -> None:
    z, labels = scores()
    loss = tf.compat.v1.losses.log_loss
    expected = (numpy.logaddexp(0, z) - labels * z).mean()
    assert loss(labels, in_space(Space.SIGMOID, z)).numpy() == pytest.approx(expected, rel=1e-4)


MORE: dict[str, tuple[Any, ...]] = {
    "reshape": ([-1],), "expand_dims": (0,), "tile": ([2, 1],), "gather": ([0, 1],), "gather_nd": ([[0, 0]],),
    "slice": ([0, 0], [2, 2]), "cast": ("float64",), "saturate_cast": ("float64",), "broadcast_to": ([2, 4, 3],),
    "repeat": (2,), "split": (2,), "unstack": (), "boolean_mask": ([True, False, True, False],), "reverse": ([0],),
    "roll": (1, 0), "ensure_shape": ((4, 3),), "strided_slice": ([0, 0], [2, 2]), "concat": (0,),
}  # fmt: skip
ELSEWHERE = frozenset(
    "function clip_by_value batch_gather sparse_to_dense where map_fn py_function numpy_function".split()
)


@pytest.mark.parametrize(("row", "name"), cases(Verb.KEEPS, only=lambda row: not row.reduces and not row.guards))
def test_what_keeps_a_space_keeps_the_numbers(row: Row, name: str) -> None:
    """Every number that comes out is one that went in."""
    last = name.rsplit(".", 1)[-1]
    if last in ELSEWHERE or name.count(".") > 1:
        pytest.skip("takes more than a tensor")
    p = in_space(Space.PROBS, scores()[0])
    out = resolve(name)([p, p] if row.items else p, *MORE.get(last, ()))
    found = numpy.concatenate([numpy.ravel(part) for part in (out if isinstance(out, (list, tuple)) else [out])])
    assert numpy.isin(found.astype("float64").round(6), p.numpy().round(6)).all()
