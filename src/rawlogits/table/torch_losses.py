"""Losses and distributions of PyTorch: which space each reads, and which other spaces give the same function.

Losses that read no scores (MSELoss, TripletMarginLoss, ...) are no rows of verb loss; they stand in torch_ends.
"""

from __future__ import annotations

from typing import Any

from rawlogits.space import Space
from rawlogits.table.row import Row, Verb, spaces

_OTHERS = "probs log_probs sigmoid log_sigmoid"
_EVERYTHING = f"logits {_OTHERS}"
_LINEAR_TAIL = "ignore_index label_smoothing options"
_REDUCTION = "size_average reduce reduction"
_FEATURES = "reads features: the logits are made inside, so they are raw by construction"


def _words(*lists: str) -> tuple[str, ...]:
    return tuple(" ".join(lists).split())


def _loss(name: str, function: str, options: str, wants: str = "", harmless: str = "", **facts: Any) -> Row:
    """A loss as a module (built with `options`) and as a function (the same options after input and target)."""
    names = (f"torch.nn.{name}", f"torch.nn.functional.{function}", *facts.pop("more", ()))
    build = _words(options)
    demand = {"wants": spaces(wants), "harmless": spaces(harmless), "target": "target"}
    return Row(names=names, verb=Verb.LOSS, build=build, params=("input", "target", *build), **{**demand, **facts})


_CROSS_ENTROPY: dict[str, Any] = {"activation": Space.PROBS, "decodes": "torch.softmax"}
_WITH_LOGITS: dict[str, Any] = {"activation": Space.SIGMOID, "decodes": "torch.sigmoid"}
_NO_ACTIVATION = "compares scores with scores and applies no activation: any space is a choice, none a mistake"

_SOFTMAX_LOSSES = (
    _loss(
        "CrossEntropyLoss",
        "cross_entropy",
        "weight size_average ignore_index reduce reduction label_smoothing",
        wants="logits",
        harmless="log_probs",
        class_axis=1,
        **_CROSS_ENTROPY,
        why="log_softmax(log_softmax(z)) = log_softmax(z): log-probabilities give the same loss and gradient",
    ),
    Row(
        names=("torch.nn.LinearCrossEntropyLoss",),
        verb=Verb.LOSS,
        target="target",
        since="2.13",
        build=_words("in_features num_classes out_features bias device dtype reduction weight", _LINEAR_TAIL),
        wants=spaces("logits"),
        harmless=spaces(_OTHERS),
        decodes="torch.softmax",
        why=_FEATURES,
    ),
    Row(
        names=("torch.nn.functional.linear_cross_entropy",),
        verb=Verb.LOSS,
        target="target",
        since="2.13",
        params=_words("input linear_weight target linear_bias weight reduction", _LINEAR_TAIL),
        wants=spaces("logits"),
        harmless=spaces(_OTHERS),
        decodes="torch.softmax",
        why=_FEATURES,
    ),
    Row(
        names=("torch.nn.AdaptiveLogSoftmaxWithLoss",),
        verb=Verb.LOSS,
        arg="input_",
        target="target_",
        build=("in_features", "n_classes", "cutoffs", "div_value", "head_bias", "device", "dtype"),
        call=("input_", "target_"),
        wants=spaces("logits"),
        harmless=spaces(_OTHERS),
        why=_FEATURES,
    ),
)

_SIGMOID_LOSSES = (
    _loss(
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
        f"weight {_REDUCTION} pos_weight",
        wants="logits",
        **_WITH_LOGITS,
    ),
    _loss(
        "MultiLabelSoftMarginLoss",
        "multilabel_soft_margin_loss",
        f"weight {_REDUCTION}",
        wants="logits",
        **_WITH_LOGITS,
    ),
    _loss(
        "SoftMarginLoss",
        "soft_margin_loss",
        _REDUCTION,
        wants="logits",
        **_WITH_LOGITS,
        why="log(1 + exp(-y z)) with y in {-1, 1} is binary cross-entropy with logits",
    ),
    Row(
        names=("torchvision.ops.sigmoid_focal_loss",),
        verb=Verb.LOSS,
        arg="inputs",
        target="targets",
        params=("inputs", "targets", "alpha", "gamma", "reduction"),
        wants=spaces("logits"),
        **_WITH_LOGITS,
    ),
)

_PROBABILITY_LOSSES = (
    _loss(
        "BCELoss",
        "binary_cross_entropy",
        f"weight {_REDUCTION}",
        wants="sigmoid",
        harmless="probs",
        twin="torch.nn.BCEWithLogitsLoss",
        why="any probability will do: softmax over two classes and one column of it is a common way to get one",
    ),
)

_LOG_LOSSES = (
    _loss(
        "NLLLoss",
        "nll_loss",
        "weight size_average ignore_index reduce reduction",
        more=("torch.nn.NLLLoss2d",),
        wants="log_probs",
        harmless="log_sigmoid",
        class_axis=1,
        decodes="torch.exp",
        twin="torch.nn.CrossEntropyLoss",
        why="picks -input[target]: the log of any probability will do",
    ),
    Row(
        names=("torch.nn.CTCLoss", "torch.nn.functional.ctc_loss"),
        verb=Verb.LOSS,
        arg="log_probs",
        target="targets",
        build=("blank", "reduction", "zero_infinity"),
        call=("log_probs", "targets", "input_lengths", "target_lengths"),
        params=("log_probs", "targets", "input_lengths", "target_lengths", "blank", "reduction", "zero_infinity"),
        wants=spaces("log_probs"),
        harmless=spaces("log_sigmoid"),
        class_axis=-1,
        decodes="torch.exp",
        why="log_sigmoid gives the right value but not the right gradient, which presumes a sum of one",
    ),
)

_KL: dict[str, Any] = {"name": "KLDivLoss", "function": "kl_div", "options": f"{_REDUCTION} log_target"}
_KL_TARGET: dict[str, Any] = {**_KL, "arg": "target", "target": "", "defaults": {"log_target": False}}
_DIVERGENCES = (
    _loss(
        **_KL,
        wants="log_probs",
        harmless="log_sigmoid",
        decodes="torch.exp",
        why="target * (log(target) - input): the input is logged by the caller, the target is not",
    ),
    _loss(**_KL_TARGET, wants="probs sigmoid", when={"log_target": False}),
    _loss(**_KL_TARGET, wants="log_probs", harmless="log_sigmoid", when={"log_target": True}),
)

_ACCEPT_ANYTHING = (
    _loss(
        "MultiMarginLoss",
        "multi_margin_loss",
        f"p margin weight {_REDUCTION}",
        wants="logits",
        harmless=_OTHERS,
        why=_NO_ACTIVATION,
    ),
    _loss(
        "MultiLabelMarginLoss",
        "multilabel_margin_loss",
        _REDUCTION,
        wants="logits",
        harmless=_OTHERS,
        why=_NO_ACTIVATION,
    ),
    _loss(
        "HingeEmbeddingLoss",
        "hinge_embedding_loss",
        f"margin {_REDUCTION}",
        harmless=_EVERYTHING,
        why="reads a distance, not a score",
    ),
    Row(
        names=("torch.nn.GaussianNLLLoss", "torch.nn.functional.gaussian_nll_loss"),
        verb=Verb.LOSS,
        target="target",
        build=("full", "eps", "reduction"),
        call=("input", "target", "var"),
        params=("input", "target", "var", "full", "eps", "reduction"),
        harmless=spaces(_EVERYTHING),
        why="reads a mean",
    ),
    Row(
        names=("torch.nn.PoissonNLLLoss",),
        verb=Verb.LOSS,
        arg="log_input",
        target="target",
        build=("log_input", "full", "size_average", "eps", "reduce", "reduction"),
        call=("log_input", "target"),
        harmless=spaces(_EVERYTHING),
        why="reads a rate or its log",
    ),
    Row(
        names=("torch.nn.functional.poisson_nll_loss",),
        verb=Verb.LOSS,
        target="target",
        params=("input", "target", "log_input", "full", "size_average", "eps", "reduce", "reduction"),
        harmless=spaces(_EVERYTHING),
        why="reads a rate or its log",
    ),
)


def _distributions(words: str, lead: tuple[str, ...], tail: tuple[str, ...], *, binary: bool) -> tuple[Row, Row]:
    """What `probs=` and `logits=` want: two rows, since each class takes one of the two."""
    names = tuple(f"torch.distributions.{word}" for word in words.split())
    build = (*lead, "probs", "logits", *tail)
    common: dict[str, Any] = {"names": names, "verb": Verb.LOSS, "build": build, "call": ()}
    if binary:
        return (
            Row(arg="probs", wants=spaces("sigmoid"), harmless=spaces("probs"), **common),
            Row(arg="logits", wants=spaces("logits"), **_WITH_LOGITS, **common),
        )
    return (
        Row(
            arg="probs",
            wants=spaces("probs"),
            harmless=spaces("sigmoid"),
            class_axis=-1,
            **common,
            why="divides by the sum, so independent probabilities are only rescaled",
        ),
        Row(
            arg="logits",
            wants=spaces("logits"),
            harmless=spaces("log_probs log_sigmoid"),
            class_axis=-1,
            **_CROSS_ENTROPY,
            **common,
            why="the log of any weights will do: they are normalised inside",
        ),
    )


_DISTRIBUTIONS = (
    *_distributions(
        "Categorical OneHotCategorical OneHotCategoricalStraightThrough", (), ("validate_args",), binary=False
    ),
    *_distributions("Multinomial", ("total_count",), ("validate_args",), binary=False),
    *_distributions("RelaxedOneHotCategorical", ("temperature",), ("validate_args",), binary=False),
    *_distributions("Bernoulli Geometric", (), ("validate_args",), binary=True),
    *_distributions("ContinuousBernoulli", (), ("lims", "validate_args"), binary=True),
    *_distributions("Binomial NegativeBinomial", ("total_count",), ("validate_args",), binary=True),
    *_distributions("RelaxedBernoulli", ("temperature",), ("validate_args",), binary=True),
)

LOSSES: tuple[Row, ...] = (
    *_SOFTMAX_LOSSES,
    *_SIGMOID_LOSSES,
    *_PROBABILITY_LOSSES,
    *_LOG_LOSSES,
    *_DIVERGENCES,
    *_ACCEPT_ANYTHING,
    *_DISTRIBUTIONS,
)
