"""Losses of optax and jaxopt, and the distributions and policies of distrax, rlax, numpyro
and TensorFlow Probability's JAX side."""

from __future__ import annotations

from typing import Any

from rawlogits.space import Space
from rawlogits.table.row import Row, Verb, spaces

_ANYTHING = spaces("logits probs log_probs sigmoid log_sigmoid")
_SOFTMAX: dict[str, Any] = {"activation": Space.PROBS, "decodes": "jax.nn.softmax"}
_SIGMOID: dict[str, Any] = {"activation": Space.SIGMOID, "decodes": "jax.nn.sigmoid"}
_IDEMPOTENT = "log_softmax(log_softmax(z)) = log_softmax(z): log-probabilities give the same loss and gradient"


_IN_LOSSES = frozenset(
    "binary_dice_loss dice_loss generalized_kl_divergence kl_divergence_with_log_targets "
    "multiclass_generalized_dice_loss multiclass_hinge_loss multiclass_perceptron_loss multiclass_sparsemax_loss "
    "perceptron_loss poly_loss_cross_entropy ranking_softmax_loss sparsemax_loss".split()
)
"""What optax offers under `optax.losses` alone."""


def _optax(words: str) -> tuple[str, ...]:
    """`optax.x` first, where there is one: the spelling that most code uses."""
    spelled = [f"{scope}.{word}" for word in words.split() for scope in ("optax", "optax.losses")]
    return tuple(n for n in spelled if not (n.count(".") == 1 and n.removeprefix("optax.") in _IN_LOSSES))


def _loss(words: str, params: str, arg: str, wants: str, harmless: str = "", **facts: Any) -> Row:
    return Row(
        names=_optax(words),
        verb=Verb.LOSS,
        params=tuple(params.split()),
        arg=arg,
        wants=spaces(wants),
        harmless=spaces(harmless),
        **facts,
    )


_LAST: dict[str, Any] = {"axis": "axis", "class_axis": -1}
_OVER_AXIS: dict[str, Any] = {**_LAST, **_SOFTMAX}

_SOFTMAX_LOSSES = (
    _loss(
        "softmax_cross_entropy softmax_cross_entropy_with_integer_labels",
        "logits labels axis where",
        "logits",
        "logits",
        "log_probs",
        target="labels",
        why=_IDEMPOTENT,
        **_OVER_AXIS,
    ),
    _loss(
        "safe_softmax_cross_entropy",
        "logits labels",
        "logits",
        "logits",
        "log_probs",
        target="labels",
        class_axis=-1,
        why=_IDEMPOTENT,
        **_SOFTMAX,
    ),
    _loss(
        "poly_loss_cross_entropy",
        "logits labels epsilon axis where",
        "logits",
        "logits",
        "log_probs",
        target="labels",
        why=_IDEMPOTENT,
        **_OVER_AXIS,
    ),
    _loss(
        "ctc_loss ctc_loss_with_forward_probs",
        "logits logit_paddings labels label_paddings blank_id log_epsilon",
        "logits",
        "logits",
        "log_probs",
        target="labels",
        class_axis=-1,
        why="applies log_softmax itself, unlike torch's",
        **_SOFTMAX,
    ),
    _loss(
        "ranking_softmax_loss",
        "logits labels where weights reduce_fn",
        "logits",
        "logits",
        "log_probs",
        target="labels",
        class_axis=-1,
        since="0.2.5",
        **_SOFTMAX,
    ),
    Row(
        names=("jaxopt.loss.multiclass_logistic_loss",),
        verb=Verb.LOSS,
        params=("label", "logits"),
        arg="logits",
        target="label",
        wants=spaces("logits"),
        harmless=spaces("log_probs"),
        **_SOFTMAX,
    ),
)

_DICE = "predictions targets class_weights smooth alpha beta apply_softmax reduction ignore_background axis"
_GENERALIZED = "predictions targets smooth apply_softmax ignore_background"
_BINARY_DICE = "predictions targets smooth apply_sigmoid"


def _dice(words: str, params: str, flag: str, given: bool, wants: str, harmless: str, **facts: Any) -> Row:
    return _loss(
        words,
        params,
        "predictions",
        wants,
        harmless,
        target="targets",
        when={flag: given},
        defaults={flag: True},
        since="0.2.5",
        **facts,
    )


_DICES = (
    _dice("dice_loss", _DICE, "apply_softmax", True, "logits", "log_probs", **_SOFTMAX),
    _dice("dice_loss", _DICE, "apply_softmax", False, "probs sigmoid", ""),
    _dice("multiclass_generalized_dice_loss", _GENERALIZED, "apply_softmax", True, "logits", "log_probs", **_SOFTMAX),
    _dice("multiclass_generalized_dice_loss", _GENERALIZED, "apply_softmax", False, "probs sigmoid", ""),
    _dice("binary_dice_loss", _BINARY_DICE, "apply_sigmoid", True, "logits", "", **_SIGMOID),
    _dice("binary_dice_loss", _BINARY_DICE, "apply_sigmoid", False, "sigmoid", "probs"),
)

_SIGMOID_LOSSES = (
    _loss("sigmoid_binary_cross_entropy", "logits labels", "logits", "logits", target="labels", **_SIGMOID),
    _loss("sigmoid_focal_loss", "logits labels alpha gamma", "logits", "logits", target="labels", **_SIGMOID),
    Row(
        names=("jaxopt.loss.binary_logistic_loss",),
        verb=Verb.LOSS,
        params=("label", "logit"),
        arg="logit",
        target="label",
        wants=spaces("logits"),
        **_SIGMOID,
    ),
)

_KL = "kl_divergence convex_kl_divergence generalized_kl_divergence"
_DIVERGENCES = (
    _loss(
        _KL,
        "log_predictions targets axis where",
        "log_predictions",
        "log_probs",
        "log_sigmoid",
        target="targets",
        decodes="jax.numpy.exp",
        why="targets * (log(targets) - log_predictions): the predictions are logged by the caller, the targets not",
        **_LAST,
    ),
    _loss(_KL, "log_predictions targets axis where", "targets", "probs sigmoid", **_LAST),
    _loss(
        "kl_divergence_with_log_targets",
        "log_predictions log_targets axis where",
        "log_predictions",
        "log_probs",
        "log_sigmoid",
        target="log_targets",
        decodes="jax.numpy.exp",
        **_LAST,
    ),
    _loss(
        "kl_divergence_with_log_targets",
        "log_predictions log_targets axis where",
        "log_targets",
        "log_probs",
        "log_sigmoid",
        **_LAST,
    ),
)

_ACCEPT_ANYTHING = (
    Row(
        names=_optax("hinge_loss perceptron_loss"),
        verb=Verb.LOSS,
        params=("predictor_outputs", "targets"),
        arg="predictor_outputs",
        target="targets",
        harmless=_ANYTHING,
        why="compares scores with a margin and applies no activation",
    ),
    Row(
        names=_optax("multiclass_hinge_loss multiclass_perceptron_loss multiclass_sparsemax_loss"),
        verb=Verb.LOSS,
        params=("scores", "labels"),
        arg="scores",
        target="labels",
        harmless=_ANYTHING,
        why="compares scores with scores",
    ),
    Row(
        names=_optax("sparsemax_loss"),
        verb=Verb.LOSS,
        params=("logits", "labels"),
        arg="logits",
        target="labels",
        harmless=_ANYTHING,
        why="projects the scores on an interval and applies no sigmoid",
    ),
)

_DISTRAX, _NUMPYRO = "distrax", "numpyro.distributions"
_TFP = ("tensorflow_probability.substrates.jax.distributions",)


def _distributions(scopes: tuple[str, ...], words: str, build: str, *, binary: bool) -> tuple[Row, Row]:
    """What `probs=` and `logits=` want. distrax and TensorFlow Probability take logits first, numpyro probs."""
    names = tuple(f"{scope}.{word}" for scope in scopes for word in words.split())
    common: dict[str, Any] = {"names": names, "verb": Verb.LOSS, "build": tuple(build.split()), "call": ()}
    if binary:
        return (
            Row(arg="probs", wants=spaces("sigmoid"), harmless=spaces("probs"), **common),
            Row(arg="logits", wants=spaces("logits"), **_SIGMOID, **common),
        )
    return (
        Row(arg="probs", wants=spaces("probs"), harmless=spaces("sigmoid"), class_axis=-1, **common),
        Row(
            arg="logits",
            wants=spaces("logits"),
            harmless=spaces("log_probs log_sigmoid"),
            class_axis=-1,
            **_SOFTMAX,
            **common,
            why="the log of any weights will do: they are normalised inside",
        ),
    )


def _of_logits(words: str, lead: str, *, binary: bool) -> Row:
    """numpyro's classes for one of the two: CategoricalLogits(logits)."""
    facts = _SIGMOID if binary else {**_SOFTMAX, "class_axis": -1}
    return Row(
        names=tuple(f"{_NUMPYRO}.{word}" for word in words.split()),
        verb=Verb.LOSS,
        build=("logits", *lead.split(), "validate_args"),
        call=(),
        arg="logits",
        wants=spaces("logits"),
        harmless=spaces("" if binary else "log_probs log_sigmoid"),
        **facts,
    )


def _of_probs(words: str, lead: str, *, binary: bool) -> Row:
    return Row(
        names=tuple(f"{_NUMPYRO}.{word}" for word in words.split()),
        verb=Verb.LOSS,
        build=("probs", *lead.split(), "validate_args"),
        call=(),
        arg="probs",
        wants=spaces("sigmoid" if binary else "probs"),
        harmless=spaces("probs" if binary else "sigmoid"),
        class_axis=None if binary else -1,
    )


_DISTRIBUTIONS = (
    *_distributions((_DISTRAX, *_TFP), "Categorical OneHotCategorical", "logits probs dtype", binary=False),
    *_distributions((_DISTRAX, *_TFP), "Bernoulli", "logits probs dtype", binary=True),
    *_distributions((_NUMPYRO,), "Categorical", "probs logits validate_args", binary=False),
    *_distributions((_NUMPYRO,), "Bernoulli Geometric", "probs logits validate_args", binary=True),
    *_distributions((_NUMPYRO,), "Multinomial", "total_count probs logits total_count_max", binary=False),
    *_distributions((_NUMPYRO,), "Binomial", "total_count probs logits validate_args", binary=True),
    _of_logits("CategoricalLogits", "", binary=False),
    _of_probs("CategoricalProbs", "", binary=False),
    _of_logits("BernoulliLogits GeometricLogits", "", binary=True),
    _of_probs("BernoulliProbs GeometricProbs", "", binary=True),
)


def _rlax(words: str, params: str, arg: str, target: str = "") -> Row:
    return Row(
        names=tuple(f"rlax.{word}" for word in words.split()),
        verb=Verb.LOSS,
        params=tuple(params.split()),
        arg=arg,
        target=target,
        wants=spaces("logits"),
        harmless=spaces("log_probs log_sigmoid"),
        class_axis=-1,
        **_SOFTMAX,
        why="rlax policy_gradients.py and distributions.py: distrax.Categorical(logits) or softmax inside",
    )


_POLICIES = (
    Row(
        names=(f"{_DISTRAX}.Softmax",),
        verb=Verb.LOSS,
        build=("logits", "temperature", "dtype"),
        call=(),
        arg="logits",
        wants=spaces("logits"),
        harmless=spaces("log_probs log_sigmoid"),
        class_axis=-1,
        **_SOFTMAX,
    ),
    _rlax("policy_gradient_loss", "logits_t a_t adv_t w_t use_stop_gradient", "logits_t"),
    _rlax("entropy_loss", "logits_t w_t use_stop_gradient", "logits_t"),
    _rlax("qpg_loss", "logits_t q_t use_stop_gradient", "logits_t"),
    _rlax("rm_loss rpg_loss", "logits_t q_t use_stop_gradient", "logits_t"),
    _rlax("categorical_cross_entropy", "labels logits", "logits", "labels"),
)

_SAMPLERS = (
    Row(
        names=("jax.random.categorical",),
        verb=Verb.LOSS,
        params=("key", "logits", "axis", "shape"),
        arg="logits",
        wants=spaces("logits"),
        harmless=spaces("log_probs log_sigmoid"),
        **_OVER_AXIS,
        why="draws by softmax(logits): the log of any weights will do, the weights themselves draw almost evenly",
    ),
)

LOSSES: tuple[Row, ...] = (
    *_SOFTMAX_LOSSES,
    *_DICES,
    *_SIGMOID_LOSSES,
    *_DIVERGENCES,
    *_ACCEPT_ANYTHING,
    *_DISTRIBUTIONS,
    *_POLICIES,
    *_SAMPLERS,
)
