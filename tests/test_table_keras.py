"""The table of Keras and TensorFlow: its shape, its totality, and what real Keras says where it is installed.

Keras runs on torch here (KERAS_BACKEND=torch), so every softmax row is measured on a backend that repairs nothing.
TensorFlow's own rows need TensorFlow and are skipped without it.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections import Counter
from typing import Any

import pytest

from rawlogits.finding import Arrival, Place, Step
from rawlogits.rules import book
from rawlogits.space import Space
from rawlogits.table.keras import ALIASES, ROWS
from rawlogits.table.lookup import Table
from rawlogits.table.row import Row, Verb, spelling

os.environ.setdefault("KERAS_BACKEND", "torch")

LOSSES = [row for row in ROWS if row.verb is Verb.LOSS]
DEMANDS = [row for row in ROWS if row.verb in (Verb.LOSS, Verb.OP) and (row.wants or row.harmless)]
PLACE = Place("train.py", 1, 1, 1, 2)


def title(row: Row) -> str:
    return f"{row.names[0]}({row.arg}){dict(row.when) or ''}"


def test_names_are_unique_for_an_argument_and_a_condition() -> None:
    keys = Counter((n, row.arg, tuple(sorted(row.when.items()))) for row in ROWS for n in row.names)
    assert [key for key, count in keys.items() if count > 1] == []


def test_rows_of_one_name_share_their_parameters() -> None:
    """A call is bound once for all rows of a name."""
    seen: dict[str, Row] = {}
    for row in ROWS:
        for name in row.names:
            first = seen.setdefault(name, row)
            assert (first.params, first.build, first.call) == (row.params, row.build, row.call), name


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        ("tensorflow.keras.losses.BinaryCrossentropy", "keras.losses.BinaryCrossentropy"),
        ("tensorflow.losses.BinaryCrossentropy", "keras.losses.BinaryCrossentropy"),
        ("tensorflow.compat.v1.losses.softmax_cross_entropy", "tensorflow.losses.softmax_cross_entropy"),
        ("tensorflow.compat.v1.nn.softmax", "tensorflow.nn.softmax"),
        ("tensorflow.python.keras.backend.sigmoid", "keras.backend.sigmoid"),
        ("tf_keras.Sequential", "keras.models.Sequential"),
        ("keras.layers.core.Dense", "keras.layers.Dense"),
        ("keras.objectives.categorical_crossentropy", "keras.losses.categorical_crossentropy"),
        ("keras.metrics.binary_crossentropy", "keras.losses.binary_crossentropy"),
        ("tensorflow.keras.applications.vgg16.VGG16", "keras.applications.VGG16"),
        ("keras.Model", "keras.models.Model"),
    ],
)
def test_other_spellings_lead_to_one_name(spelled: str, canonical: str) -> None:
    table = Table.standard()
    assert table.canonical(spelled) == canonical
    assert table.named(canonical) or table.program(canonical)


def test_aliases_end_in_the_table() -> None:
    table = Table.standard()
    scopes = table.modules | {"tensorflow", "keras"}
    for name in ALIASES:
        full = table.canonical(name)
        assert table.named(full) or table.program(full) or any(s == full or s.startswith(f"{full}.") for s in scopes), (
            name
        )


@pytest.mark.parametrize("row", DEMANDS, ids=title)
def test_every_space_at_every_demand_has_one_owner(row: Row) -> None:
    rules = [each for each in book.rules() if each.code.startswith(("RL1", "RL2"))]
    for space in Space:
        arrival = Arrival(
            verb="loss" if row.verb is Verb.LOSS else "op",
            operator=row.short,
            got=space,
            place=PLACE,
            trace=(Step(PLACE, "made here"),),
            wants=row.wants,
            harmless=row.harmless,
            activation=row.activation if row.verb is Verb.LOSS else row.gives,
            class_axis=row.class_axis,
            twin=row.twin,
        )
        accepted = [word for word, spaces in (("right", row.wants), ("harmless", row.harmless)) if space in spaces]
        owners = accepted + [finding.code for finding in book.judge(arrival, rules)]
        assert len(owners) == 1, (space, owners)


# Witness: what only the running framework can say.


def keras() -> Any:
    try:
        return importlib.import_module("keras")
    except ImportError as error:
        pytest.skip(f"needs keras with a backend: {error}")


def resolve(name: str) -> Any:
    """The object of a dotted name of Keras 3; None where Keras 3 left it out (older spellings)."""
    keras()
    found: Any = None
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        break
    return found


def named(*verbs: Verb, only: Any = lambda row: True) -> list[Any]:
    found = [(row, n) for row in ROWS if row.verb in verbs and only(row) for n in row.names if n.startswith("keras.")]
    return [pytest.param(row, name, id=f"{name}{dict(row.when) or ''}") for row, name in found]


def scores(seed: int = 0) -> Any:
    """Random scores of 4 rows and 3 columns, and the labels as a distribution."""
    import numpy

    drawn = numpy.random.default_rng(seed)
    return drawn.normal(size=(4, 3)).astype("float32"), numpy.eye(3, dtype="float32")[drawn.integers(0, 3, 4)]


def lies_in(space: Space, values: Any) -> bool:
    """Whether numbers have the form that a space says; raw scores have both signs."""
    import numpy

    if space in (Space.LOG_PROBS, Space.LOG_SIGMOID):
        return lies_in(Space.PROBS if space is Space.LOG_PROBS else Space.SIGMOID, numpy.exp(values))
    inside = bool(((values >= 0) & (values <= 1)).all())
    sums = bool(numpy.allclose(values.sum(-1), 1, atol=1e-5))
    return {Space.PROBS: inside and sums, Space.SIGMOID: inside and not sums, Space.LOGITS: not inside}[space]


@pytest.mark.parametrize(("row", "name"), named(Verb.OP, only=lambda row: row.gives))
def test_an_activation_gives_its_space(row: Row, name: str) -> None:
    value = resolve(name)
    if value is None:
        pytest.skip("not in this Keras")
    z, _ = scores()
    out = value()(z) if spelling(name) == "module" else value(keras().ops.convert_to_tensor(z))
    assert row.gives is not None
    assert lies_in(row.gives, keras().ops.convert_to_numpy(out))


@pytest.mark.parametrize(("row", "name"), named(Verb.LOSS))
def test_a_loss_has_its_parameters_in_order(row: Row, name: str) -> None:
    value = resolve(name)
    if value is None:
        pytest.skip("not in this Keras")
    real = [p for p in inspect.signature(value).parameters if p != "self"]
    stated = row.build if spelling(name) == "module" else row.params
    shared = [word for word in stated if word in real]
    assert [word for word in real if word in shared] == shared
    assert real[: len(stated)] == list(stated)[: len(real)]


def in_space(space: Space, z: Any) -> Any:
    ops = keras().ops
    made = {
        Space.LOGITS: lambda x: x,
        Space.PROBS: ops.softmax,
        Space.LOG_PROBS: ops.log_softmax,
        Space.SIGMOID: ops.sigmoid,
        Space.LOG_SIGMOID: ops.log_sigmoid,
    }
    return made[space](ops.convert_to_tensor(z))


def loss_of(row: Row, name: str, given: Any, labels: Any) -> float:
    value, options = resolve(name), dict(row.when)
    if "sparse" in name.lower():
        labels = labels.argmax(-1)
    if "BinaryFocal" in name or "binary_focal" in name or "CategoricalFocal" in name or "categorical_focal" in name:
        options |= {"gamma": 0.0, "alpha": 1.0}
    target = keras().ops.convert_to_tensor(labels)
    out = value(**options)(target, given) if spelling(name) == "module" else value(target, given, **options)
    return float(keras().ops.convert_to_numpy(out).mean())


def oracle(row: Row, name: str, z: Any, labels: Any) -> float:
    """The cross-entropy of scores, from its formula."""
    import numpy

    x = z.astype("float64")
    if "binary" in name.lower():
        return float((numpy.logaddexp(0, x) - labels * x).mean())
    return float((numpy.log(numpy.exp(x).sum(-1)) - (labels * x).sum(-1)).mean())


CROSS_ENTROPIES = named(Verb.LOSS, only=lambda row: "from_logits" in row.when)


@pytest.mark.parametrize(("row", "name"), CROSS_ENTROPIES)
def test_a_loss_is_the_cross_entropy_in_the_space_that_it_wants(row: Row, name: str) -> None:
    if resolve(name) is None:
        pytest.skip("not in this Keras")
    for seed in range(5):
        z, labels = scores(seed)
        (wanted,) = row.wants
        assert loss_of(row, name, in_space(wanted, z), labels) == pytest.approx(oracle(row, name, z, labels), rel=1e-3)


@pytest.mark.parametrize(("row", "name"), named(Verb.LOSS, only=lambda row: row.when and row.activation))
def test_a_loss_is_another_function_of_what_it_applies_itself(row: Row, name: str) -> None:
    if resolve(name) is None:
        pytest.skip("not in this Keras")
    assert row.activation is not None
    z, labels = scores()
    assert loss_of(row, name, in_space(row.activation, z), labels) != pytest.approx(
        oracle(row, name, z, labels), rel=1e-2
    )


@pytest.mark.parametrize(
    ("row", "name"), named(Verb.LOSS, only=lambda row: row.when and Space.LOG_PROBS in row.harmless)
)
def test_log_probabilities_are_harmless_where_softmax_is_applied(row: Row, name: str) -> None:
    if resolve(name) is None:
        pytest.skip("not in this Keras")
    z, labels = scores()
    given = in_space(Space.LOG_PROBS, z)
    assert loss_of(row, name, given, labels) == pytest.approx(oracle(row, name, z, labels), rel=1e-4)


def test_a_string_names_the_function_without_from_logits() -> None:
    z, labels = scores()
    found = keras().losses.get("categorical_crossentropy")
    given = in_space(Space.PROBS, z)
    value = float(keras().ops.convert_to_numpy(found(keras().ops.convert_to_tensor(labels), given)).mean())
    assert value == pytest.approx(oracle(LOSSES[0], "categorical", z, labels), rel=1e-3)


def test_a_layer_without_activation_is_affine() -> None:
    layer = keras().layers.Dense(3)
    z, _ = scores()
    once, twice, none = (keras().ops.convert_to_numpy(layer(x)) for x in (z, 2 * z, 0 * z))
    assert once * 2 - none == pytest.approx(twice, abs=1e-5)
    assert lies_in(Space.LOGITS, once)


@pytest.mark.parametrize("row", [row for row in LOSSES if row.names[0].startswith("tensorflow.nn.")], ids=title)
def test_the_fused_functions_of_tensorflow(row: Row) -> None:
    tf = pytest.importorskip("tensorflow")
    name = row.names[0]
    value = getattr(tf.nn, name.rsplit(".", 1)[-1], None)
    if value is None:
        pytest.skip("not in this TensorFlow")
    z, labels = scores()
    given = {"labels": labels.argmax(-1) if "sparse" in name else labels, "logits": z}
    out = value(**given, **({"pos_weight": 1.0} if "weighted" in name else {})).numpy().mean()
    assert out == pytest.approx(oracle(row, "binary" if row.activation is Space.SIGMOID else "", z, labels), rel=1e-4)
