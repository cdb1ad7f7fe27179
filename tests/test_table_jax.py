"""The rows of JAX are measured: the real operators run on random scores where JAX is installed."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rawlogits.space import Space
from rawlogits.table.jax import ALIASES, ROWS
from rawlogits.table.lookup import Table
from rawlogits.table.row import Row, Verb, spelling

KNOWN = {name for row in ROWS for name in row.names}
ROOTS = {name.split(".")[0] for name in KNOWN}
MISSING = {root for root in ROOTS if importlib.util.find_spec(root) is None}


# The shape of the rows, without JAX -----------------------------------------------------------------------------------


def test_no_row_is_written_twice() -> None:
    keys = Counter((n, row.arg, tuple(sorted(row.when.items()))) for row in ROWS for n in row.names)
    assert [key for key, count in keys.items() if count > 1] == []


def test_twins_and_decodes_have_rows() -> None:
    assert {word for row in ROWS for word in (row.twin, row.decodes) if word} <= KNOWN


def test_aliases_lead_to_known_scopes() -> None:
    table = Table.standard()
    for alias, name in ALIASES.items():
        assert name in table.modules or name in KNOWN or table.program(name) or name == "functools.partial", alias


def test_programs_do_not_hide_behind_rows() -> None:
    """A row wins over a program of the same name: no name has both."""
    table = Table.standard()
    assert [name for name in KNOWN if table.program(name)] == []


# Under JAX ------------------------------------------------------------------------------------------------------------

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402

CLOSE = 1e-6


def resolve(name: str) -> Any:
    """The object that a dotted name stands for."""
    root, *rest = name.split(".")
    value, path = importlib.import_module(root), root
    for part in rest:
        path = f"{path}.{part}"
        try:
            value = getattr(value, part)
        except AttributeError:
            value = importlib.import_module(path)
    return value


def cases(keep: Callable[[Row], object]) -> list[Any]:
    """One test case for every name of the rows that are kept."""
    found = []
    for row in ROWS:
        for name in row.names if keep(row) else ():
            root = name.split(".")[0]
            marks = [pytest.mark.skip(reason=f"{root} is not installed")] if root in MISSING else []
            title = ",".join((f"{name}({row.arg})", *(f"{key}={value}" for key, value in row.when.items())))
            found.append(pytest.param(row, name, id=title, marks=marks))
    return found


def scores(*shape: int, seed: int = 0) -> Any:
    return 3 * jax.random.normal(jax.random.PRNGKey(seed), shape or (6, 4))


def in_space(space: Space, z: Any) -> Any:
    """Scores as numbers of this space, over the last axis."""
    return {
        Space.LOGITS: lambda x: x,
        Space.PROBS: jax.nn.softmax,
        Space.LOG_PROBS: jax.nn.log_softmax,
        Space.SIGMOID: jax.nn.sigmoid,
        Space.LOG_SIGMOID: jax.nn.log_sigmoid,
    }[space](z)


def same(left: Any, right: Any) -> bool:
    return bool(jnp.allclose(left, right, atol=CLOSE))


def installed(keep: Callable[[Row], object] = bool) -> list[tuple[Row, str]]:
    return [(row, n) for row in ROWS if keep(row) for n in row.names if n.split(".")[0] not in MISSING]


def test_every_name_resolves() -> None:
    for _, name in installed():
        if name != "jax.Array.block_until_ready":  # of the array that runs, not of its abstract class
            assert resolve(name) is not None


def test_parameters_stand_in_this_order() -> None:
    """Where the operator says what its parameters are, those of the row up to its `arg` are the first of them."""
    for row, name in installed(lambda row: row.verb is not Verb.SOURCE or row.gives or row.marks == "sum"):
        real, kind = parameters(name), spelling(name)
        words = row.build if kind == "module" else row.params
        if kind == "method" or not words or not real or "args" in real:
            continue
        shared = [word for word in real if word in words]
        assert shared == [word for word in words if word in real], f"{name}: {real}"
        if kind == "module":
            assert not words or real[: len(shared)] == shared or "use_bias" in words, f"{name}: {real}"
        elif row.arg in real:
            assert words.index(row.arg) == real.index(row.arg), f"{name}: {real}"


def parameters(name: str) -> list[str]:
    try:
        return [word for word in inspect.signature(resolve(name)).parameters if word not in ("self", "parent", "name")]
    except (TypeError, ValueError, AttributeError, ModuleNotFoundError):
        return []


@pytest.mark.parametrize(("row", "name"), cases(lambda row: row.verb is Verb.OP and row.gives is not None))
def test_activations_give_what_they_say(row: Row, name: str) -> None:
    options = {"axis": -1} if row.axis and not row.defaults else {}
    assert row.gives is not None
    z = scores()
    assert same(resolve(name)(z, **options), in_space(row.gives, z))
    for harmless in row.harmless & {Space.LOG_PROBS} if row.axis else ():
        assert same(resolve(name)(in_space(harmless, z), **options), in_space(row.gives, z))


@pytest.mark.parametrize(("row", "name"), cases(lambda row: row.turns))
def test_logarithms_turn_one_space_into_another(row: Row, name: str) -> None:
    z = scores()
    for before, after in row.turns.items():
        got = resolve(name)(in_space(before, z))
        if after is Space.LOGITS and before is Space.PROBS:  # one class against the rest: other scores, raw as well
            assert float(got.min()) < 0 < float(got.max())
        else:
            assert same(got, in_space(after, z))


# Losses ---------------------------------------------------------------------------------------------------------------


def measured(row: Row, name: str) -> Callable[[Any], Any]:
    """The loss as a function of `arg` alone, with right labels, summed."""
    loss, last = resolve(name), name.rsplit(".", 1)[-1]
    y = jax.nn.one_hot(jnp.arange(6) % 4, 4, dtype=jnp.float64)
    given: dict[str, Any] = {"labels": y, "targets": y, "log_targets": jax.nn.log_softmax(scores(seed=1))}
    if "integer" in last or last.startswith("multiclass_"):
        given["labels"] = jnp.arange(6) % 4
    if "targets" in row.params and "kl" in last:
        given["targets"] = jax.nn.softmax(scores(seed=1))
    if row.arg in ("targets", "log_targets"):
        given["log_predictions"] = jax.nn.log_softmax(scores(seed=1))
    if last.startswith("ctc"):
        given |= {
            "logits": None,
            "logit_paddings": jnp.zeros((1, 6)),
            "labels": jnp.array([[1, 2]]),
            "label_paddings": jnp.zeros((1, 2)),
        }
    given = {word: value for word, value in given.items() if word in row.params and word != row.arg} | dict(row.when)

    def function(x: Any) -> Any:
        out = loss(**{row.arg: x[None] if last.startswith("ctc") else x}, **given)
        return jnp.sum(out[0] if isinstance(out, tuple) else out)

    return function


ACTIVE = [
    case
    for case in cases(lambda row: row.verb is Verb.LOSS and row.activation)
    if case.values[1] == case.values[0].names[0] and case.values[1].startswith("optax.")
]
"""Every loss of optax under its first name: the others are the same function."""


@pytest.mark.parametrize(("row", "name"), ACTIVE)
def test_losses_apply_the_activation_themselves(row: Row, name: str) -> None:
    """A softmax loss does not see a shift of all scores, a sigmoid loss is another function of probabilities."""
    loss, z = measured(row, name), scores()
    assert same(loss(z), loss(z + 2)) is (row.activation is Space.PROBS)
    assert row.activation is not None
    assert not same(loss(z), loss(in_space(row.activation, z)))


@pytest.mark.parametrize(("row", "name"), ACTIVE)
def test_log_probabilities_are_harmless_where_the_row_says_so(row: Row, name: str) -> None:
    loss, z = measured(row, name), scores()
    twice = lambda x: loss(jax.nn.log_softmax(x))  # noqa: E731
    equal = same(loss(z), twice(z)) and (
        row.names[0] == "optax.ctc_loss" or same(jax.grad(loss)(z), jax.grad(twice)(z))
    )
    assert equal is (Space.LOG_PROBS in row.harmless)


@pytest.mark.parametrize(("word", "gives"), [("softmax", Space.PROBS), ("sigmoid", Space.SIGMOID)])
def test_gradient_of_cross_entropy_is_the_difference(word: str, gives: Space) -> None:
    optax = pytest.importorskip("optax")
    loss = optax.softmax_cross_entropy if word == "softmax" else optax.sigmoid_binary_cross_entropy
    z, y = scores(), jax.nn.one_hot(jnp.arange(6) % 4, 4)
    assert same(jax.grad(lambda x: loss(x, y).sum())(z), in_space(gives, z) - y)


@pytest.mark.parametrize("name", ["kl_divergence", "convex_kl_divergence", "generalized_kl_divergence"])
def test_divergences_vanish_where_prediction_and_target_agree(name: str) -> None:
    loss, z = getattr(pytest.importorskip("optax.losses"), name, None), scores()
    if loss is None:
        pytest.skip(f"this optax has no {name}")
    assert same(loss(jax.nn.log_softmax(z), jax.nn.softmax(z)), 0)
    assert not same(loss(jax.nn.softmax(z), jax.nn.softmax(z)), 0)


def test_divergence_of_logged_targets() -> None:
    loss, z = pytest.importorskip("optax").losses.kl_divergence_with_log_targets, scores()
    assert same(loss(jax.nn.log_softmax(z), jax.nn.log_softmax(z)), 0)
    assert not same(loss(jax.nn.log_softmax(z), jax.nn.softmax(z)), 0)


@pytest.mark.parametrize(("row", "name"), cases(lambda row: row.when and row.activation is Space.PROBS))
def test_dice_without_its_activation_reads_probabilities(row: Row, name: str) -> None:
    flag = next(iter(row.when))
    inside, z = measured(row, name), scores()
    outside = measured(replace(row, when={flag: False}), name)
    assert row.activation is not None
    assert same(inside(z), outside(in_space(row.activation, z)))
    assert inspect.signature(resolve(name)).parameters[flag].default is row.defaults[flag]


@pytest.mark.parametrize(("row", "name"), cases(lambda row: row.verb is Verb.LOSS and row.axis))
def test_the_class_axis_is_the_last_unless_the_call_says_otherwise(row: Row, name: str) -> None:
    assert inspect.signature(resolve(name)).parameters[row.axis].default == row.class_axis == -1


def test_drawing_reads_logits() -> None:
    z, key = jnp.array([8.0, 0.0, 0.0, 0.0]), jax.random.PRNGKey(0)
    drawn = lambda x: float((jax.random.categorical(key, x, shape=(2000,)) == 0).mean())  # noqa: E731
    assert drawn(z) == drawn(jax.nn.log_softmax(z)) > 0.99
    assert drawn(jax.nn.softmax(z)) < 0.6


# What keeps a space, and layers ---------------------------------------------------------------------------------------

MORE: dict[str, tuple[Any, ...]] = {
    "reshape": ((-1,),),
    "repeat": (2,),
    "tile": (2,),
    "take": (jnp.array([0, 1]), 0),
    "take_along_axis": (jnp.zeros((6, 1), dtype=int), -1),
    "split": (2,),
    "array_split": (2,),
    "hsplit": (2,),
    "vsplit": (2,),
    "broadcast_to": ((2, 6, 4),),
    "expand_dims": (0,),
    "swapaxes": (0, 1),
    "moveaxis": (0, 1),
    "rollaxis": (1,),
    "resize": ((3, 4),),
    "roll": (1,),
    "clip": (0.0, 1.0),
    "astype": (jnp.float64,),
    "convert_element_type": (jnp.float64,),
    "permute_dims": ((1, 0),),
}
LAX_MORE: dict[str, tuple[Any, ...]] = {
    "reshape": ((24,),),
    "broadcast_in_dim": ((2, 6, 4), (1, 2)),
    "transpose": ((1, 0),),
    "squeeze": ((),),
    "expand_dims": ((0,),),
    "convert_element_type": (jnp.float64,),
    "rev": ((0,),),
    "slice": ((0, 0), (3, 4)),
    "dynamic_slice": ((0, 0), (3, 4)),
    "slice_in_dim": (1, 3),
    "index_in_dim": (1,),
    "dynamic_slice_in_dim": (1, 2),
    "dynamic_index_in_dim": (1,),
    "tile": ((2, 1),),
    "split": ((2, 4),),
    "collapse": (0, 2),
    "concatenate": (0,),
}
ELSEWHERE = frozenset(
    {"dsplit", "all_gather", "clamp", "with_sharding_constraint", "block_until_ready", "vectorize", "compress"}
)


def keeps_values(row: Row, name: str) -> bool:
    """Whether every number that comes out is one that went in."""
    scope, last = name.rsplit(".", 1)
    p = jax.nn.softmax(scores())
    given = [p, p[::-1]] if row.items else p
    out = resolve(name)(given, *(LAX_MORE if scope == "jax.lax" else MORE).get(last, ()))
    found = jnp.concatenate([jnp.ravel(part) for part in (out if isinstance(out, (list, tuple)) else [out])])
    return bool(jnp.isin(jnp.round(found, 3), jnp.round(p, 3)).all())


@pytest.mark.parametrize(
    ("row", "name"),
    cases(
        lambda row: (
            row.verb is Verb.KEEPS
            and not row.reduces
            and row.names[0].rsplit(".", 1)[0] in ("jax.numpy", "jax.lax")
            and row.names[0].rsplit(".", 1)[1] not in ELSEWHERE
        )
    ),
)
def test_what_keeps_a_space_keeps_the_numbers(row: Row, name: str) -> None:
    if "float" in name and not name.endswith("64"):
        return  # too coarse to compare
    assert keeps_values(row, name)


def test_compress_takes_its_numbers_second() -> None:
    p = jax.nn.softmax(scores())
    found = jnp.compress(jnp.array([True, False, True]), p, axis=0)
    assert bool((found == p[jnp.array([0, 2])]).all())


@pytest.mark.parametrize("lie", ["jax.numpy.square", "jax.numpy.log", "jax.numpy.cumsum", "jax.nn.silu"])
def test_a_lie_about_keeping_is_refused(lie: str) -> None:
    assert not keeps_values(Row(names=(lie,), verb=Verb.KEEPS), lie)


def test_a_mean_over_another_axis_keeps_a_distribution() -> None:
    p = jax.nn.softmax(scores(5, 6, 4))
    assert same(jnp.mean(p, axis=0).sum(-1), 1)
    assert same(jnp.mean(p, axis=-1), 0.25)


def affine(function: Callable[[Any], Any], x: Any) -> bool:
    return same(function(2 * x) - function(x), function(x) - function(0 * x))


def test_flax_layers_are_affine() -> None:
    nn = pytest.importorskip("flax.linen")
    key, image = jax.random.PRNGKey(0), scores(2, 8, 8, 3)
    for layer, x in (
        (nn.Dense(5), scores()),
        (nn.DenseGeneral(5), scores()),
        (nn.Conv(5, (3, 3)), image),
    ):
        params = layer.init(key, x)
        assert affine(lambda x, layer=layer, params=params: layer.apply(params, x), x)
        assert layer.apply(params, x).shape[-1] == 5
    embed = nn.Embed(10, 4)
    params = embed.init(key, jnp.array([1]))
    assert affine(lambda x: embed.apply(params, x, method="attend"), scores())


def test_nnx_layers_are_affine() -> None:
    nnx = pytest.importorskip("flax.nnx")
    linear, conv = nnx.Linear(4, 5, rngs=nnx.Rngs(0)), nnx.Conv(3, 5, (3, 3), rngs=nnx.Rngs(0))
    assert affine(linear, scores())
    assert affine(conv, scores(2, 8, 8, 3))
    assert linear(scores()).shape[-1] == conv(scores(2, 8, 8, 3)).shape[-1] == 5


def test_equinox_layers_are_affine() -> None:
    eqx = pytest.importorskip("equinox")
    key = jax.random.PRNGKey(0)
    assert affine(eqx.nn.Linear(4, 5, key=key), scores(4))
    assert affine(eqx.nn.Conv2d(3, 5, 3, key=key), scores(3, 8, 8))
    assert affine(eqx.nn.MLP(4, 3, 8, 0, key=key), scores(4))
    bare, last = (eqx.nn.MLP(4, 3, 8, 1, key=key, **end) for end in ({}, {"final_activation": jax.nn.sigmoid}))
    assert same(last(scores(4)), jax.nn.sigmoid(bare(scores(4))))


def test_haiku_layers_are_affine() -> None:
    hk = pytest.importorskip("haiku")
    key = jax.random.PRNGKey(0)
    for make, x in ((lambda: hk.Linear(5), scores()), (lambda: hk.Conv2D(5, 3), scores(2, 8, 8, 3))):
        network = hk.without_apply_rng(hk.transform(lambda x, make=make: make()(x)))
        params = network.init(key, x)
        assert affine(lambda x, network=network, params=params: network.apply(params, x), x)


# The programs ---------------------------------------------------------------------------------------------------------


def test_apply_returns_a_pair_when_state_may_change() -> None:
    """What `flax.linen.py` says of `mutable` and `method`."""
    nn = pytest.importorskip("flax.linen")

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.BatchNorm(use_running_average=False)(x)

        def twice(self, x: Any) -> Any:
            return 2 * x

    net, x = Net(), scores()
    variables = net.init(jax.random.PRNGKey(0), x)
    out, state = net.apply(variables, x, mutable=["batch_stats"])
    assert out.shape == x.shape
    assert "batch_stats" in state
    assert same(net.apply(variables, x, method=Net.twice), net.apply(variables, x, method="twice"))


def test_value_and_grad_returns_what_the_function_returns() -> None:
    out, grads = jax.value_and_grad(lambda x: (x.sum(), x), has_aux=True)(scores())
    assert [part.shape for part in out] == [(), (6, 4)]
    grads, aux = jax.grad(lambda x: (x.sum(), x), has_aux=True)(scores())
    assert grads.shape == aux.shape
