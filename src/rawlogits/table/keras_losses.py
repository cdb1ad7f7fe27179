"""Losses of Keras and TensorFlow: which space each reads, and which other spaces give the same function.

Keras losses take the labels first. One loss reads probabilities or logits as its `from_logits` says, so it has two
rows; a string in `compile` names the function with `from_logits=False`. Losses that read no scores are no rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rawlogits.space import Space
from rawlogits.table.row import Row, Verb, spaces

L, B, OPS, M, TF = "keras.losses", "keras.backend", "keras.ops", "keras.metrics", "tensorflow"

_RESCALED = (
    "divides by the sum over the classes, so independent probabilities are only rescaled. Softmax output with "
    "from_logits=True is repaired by Keras' TensorFlow backend alone, and only where the loss still sees the "
    "activation itself; under JAX and torch it is another function"
)
_ANY_PROBABILITY = "any probability will do: softmax over two classes and one column of it is a common way to get one"
_ACCEPTS = spaces("logits probs log_probs sigmoid log_sigmoid")
_OPTIONS = "label_smoothing axis reduction name dtype"

SOFTMAX: dict[str, Any] = {"activation": Space.PROBS, "decodes": "keras.ops.softmax"}
SIGMOID: dict[str, Any] = {"activation": Space.SIGMOID, "decodes": "keras.ops.sigmoid"}
_READS_PROBABILITIES: dict[str, Any] = {"wants": spaces("probs"), "harmless": spaces("sigmoid"), "why": _RESCALED}
_READS_A_PROBABILITY: dict[str, Any] = {
    "wants": spaces("sigmoid"),
    "harmless": spaces("probs"),
    "why": _ANY_PROBABILITY,
}
_CLASSES: dict[str, Any] = {"class_axis": -1}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _either(
    names: Iterable[str], params: str, *, build: str = "", arg: str = "y_pred", target: str = "y_true", many: bool
) -> list[Row]:
    """The rows of a loss with `from_logits`: what it reads without it, and with it."""
    common: dict[str, Any] = {
        "names": tuple(names),
        "verb": Verb.LOSS,
        "arg": arg,
        "target": target,
        "params": (target, arg, *_words(params)),
        "build": _words(build),
        "call": (target, arg, "sample_weight"),
        "defaults": {"from_logits": False},
        **(_CLASSES if many else {}),
    }
    plain = _READS_PROBABILITIES if many else _READS_A_PROBABILITY
    twin: dict[str, Any] = {"twin": f"{common['names'][0].rsplit('.', 1)[-1]}(from_logits=True)"} if many else {}
    logits = (
        {"harmless": spaces("log_probs"), **SOFTMAX, "why": "log-softmax is idempotent"}
        if many
        else {**SIGMOID, "why": ""}
    )
    return [
        Row(when={"from_logits": False}, **common, **plain, **twin),
        Row(when={"from_logits": True}, wants=spaces("logits"), **common, **logits),
    ]


_FROM_LOGITS = (
    *_either(
        (f"{L}.CategoricalCrossentropy", f"{L}.categorical_crossentropy"),
        f"from_logits {_OPTIONS}",
        build=f"from_logits {_OPTIONS}",
        many=True,
    ),
    *_either(
        (f"{L}.SparseCategoricalCrossentropy", f"{L}.sparse_categorical_crossentropy"),
        "from_logits ignore_class axis",
        build="from_logits ignore_class reduction axis name dtype",
        many=True,
    ),
    *_either(
        (f"{L}.CategoricalFocalCrossentropy", f"{L}.categorical_focal_crossentropy"),
        f"alpha gamma from_logits {_OPTIONS}",
        build=f"alpha gamma from_logits {_OPTIONS}",
        many=True,
    ),
    *_either(
        (f"{L}.BinaryCrossentropy", f"{L}.binary_crossentropy"),
        f"from_logits {_OPTIONS}",
        build=f"from_logits {_OPTIONS}",
        many=False,
    ),
    *_either(
        (f"{L}.BinaryFocalCrossentropy", f"{L}.binary_focal_crossentropy"),
        f"apply_class_balancing alpha gamma from_logits {_OPTIONS}",
        build=f"apply_class_balancing alpha gamma from_logits {_OPTIONS}",
        many=False,
    ),
    *(
        row
        for scope in (OPS, B)
        for row in (
            *_either(
                (f"{scope}.categorical_crossentropy",), "from_logits axis", arg="output", target="target", many=True
            ),
            *_either(
                (f"{scope}.sparse_categorical_crossentropy",),
                "from_logits axis",
                arg="output",
                target="target",
                many=True,
            ),
            *_either((f"{scope}.binary_crossentropy",), "from_logits", arg="output", target="target", many=False),
        )
    ),
)

_DIVERGENCE: dict[str, Any] = {
    "names": (f"{L}.KLDivergence", f"{L}.kl_divergence"),
    "verb": Verb.LOSS,
    "params": ("y_true", "y_pred"),
    "build": ("reduction", "name", "dtype"),
    "call": ("y_true", "y_pred", "sample_weight"),
    "wants": spaces("probs sigmoid"),
}
_DIVERGENCES = (
    Row(arg="y_pred", target="y_true", why="y_true * log(y_true / y_pred): both are probabilities", **_DIVERGENCE),
    Row(arg="y_true", **_DIVERGENCE),
)

_NO_SCORE = (
    Row(
        names=(f"{L}.Poisson",),
        verb=Verb.LOSS,
        arg="y_pred",
        target="y_true",
        build=("reduction", "name", "dtype"),
        call=("y_true", "y_pred", "sample_weight"),
        harmless=_ACCEPTS,
        why="reads a rate",
    ),
    Row(
        names=(f"{L}.Hinge", f"{L}.SquaredHinge", f"{L}.CategoricalHinge"),
        verb=Verb.LOSS,
        arg="y_pred",
        target="y_true",
        build=("reduction", "name", "dtype"),
        call=("y_true", "y_pred", "sample_weight"),
        wants=spaces("logits"),
        harmless=spaces("probs log_probs sigmoid log_sigmoid"),
        why="compares scores with scores and applies no activation: any space is a choice, none a mistake",
    ),
)


def _fused(word: str, params: str, target: str, scope: str = f"{TF}.nn", **facts: Any) -> Row:
    return Row(
        names=(f"{scope}.{word}",),
        verb=Verb.LOSS,
        arg="logits",
        target=target,
        params=_words(params),
        wants=spaces("logits"),
        **facts,
    )


_SOFTMAX_FUSED: dict[str, Any] = {
    "harmless": spaces("log_probs"),
    "class_axis": -1,
    "activation": Space.PROBS,
    "decodes": "tensorflow.nn.softmax",
}
_SIGMOID_FUSED: dict[str, Any] = {"activation": Space.SIGMOID, "decodes": "tensorflow.nn.sigmoid"}
_V1 = f"{TF}.losses"

_TENSORFLOW = (
    _fused("softmax_cross_entropy_with_logits", "labels logits axis name", "labels", **_SOFTMAX_FUSED),
    _fused("softmax_cross_entropy_with_logits_v2", "labels logits axis name", "labels", **_SOFTMAX_FUSED),
    _fused("sparse_softmax_cross_entropy_with_logits", "labels logits name", "labels", **_SOFTMAX_FUSED),
    _fused("sigmoid_cross_entropy_with_logits", "labels logits name", "labels", **_SIGMOID_FUSED),
    _fused("weighted_cross_entropy_with_logits", "labels logits pos_weight name", "labels", **_SIGMOID_FUSED),
    _fused("softmax_cross_entropy", "onehot_labels logits weights", "onehot_labels", _V1, **_SOFTMAX_FUSED),
    _fused("sparse_softmax_cross_entropy", "labels logits weights", "labels", _V1, **_SOFTMAX_FUSED),
    _fused("sigmoid_cross_entropy", "multi_class_labels logits weights", "multi_class_labels", _V1, **_SIGMOID_FUSED),
    Row(
        names=(f"{_V1}.log_loss",),
        verb=Verb.LOSS,
        arg="predictions",
        target="labels",
        params=_words("labels predictions weights epsilon scope"),
        **_READS_A_PROBABILITY,
    ),
)

LOSSES: tuple[Row, ...] = (*_FROM_LOGITS, *_DIVERGENCES, *_NO_SCORE, *_TENSORFLOW)

_SHORT = {
    "KLD": "kl_divergence",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "BCE": "binary_crossentropy",
    "bce": "binary_crossentropy",
}
_SCORED = sorted({name.rsplit(".", 1)[-1] for row in LOSSES for name in row.names if name.startswith(f"{L}.")})
_V1_WORDS = ("softmax_cross_entropy", "sparse_softmax_cross_entropy", "sigmoid_cross_entropy", "log_loss")

LOSS_ALIASES: dict[str, str] = {
    **{f"{L}.{short}": f"{L}.{full}" for short, full in _SHORT.items()},
    **{f"{M}.{word}": f"{L}.{word}" for word in (*_SCORED, *_SHORT) if word[0].islower()},
    **{f"{TF}.losses.{word}": f"{L}.{word}" for word in (*_SCORED, *_SHORT, "Loss")},
    **{f"{TF}.contrib.losses.{word}": f"{_V1}.{word}" for word in _V1_WORDS},
    "keras.objectives": L,
}
