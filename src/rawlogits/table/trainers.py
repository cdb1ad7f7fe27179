"""Trainers and loss libraries on top of PyTorch: which losses they bring, and what those read. Strings only.

What a trainer *does* (call a module, hand its output to a loss) stands in `programs/`. Every fact here was read in
the source of the library named in `why`. Metrics are no rows: torchmetrics and ignite accept scores of any kind.
"""

from __future__ import annotations

from typing import Any

from rawlogits.space import Space
from rawlogits.table.row import Row, Verb, spaces

_EVERYTHING = spaces("logits probs log_probs sigmoid log_sigmoid")
_SOFTMAX: dict[str, Any] = {
    "wants": spaces("logits"),
    "harmless": spaces("log_probs"),
    "activation": Space.PROBS,
    "class_axis": 1,
    "decodes": "torch.softmax",
}
"""A loss that applies softmax itself: softmax of log-probabilities gives the probabilities back."""
_SIGMOID: dict[str, Any] = {
    "wants": spaces("logits"),
    "activation": Space.SIGMOID,
    "decodes": "torch.sigmoid",
}
_PROBS = {"wants": spaces("probs"), "harmless": spaces("sigmoid")}
_UNITS = {"wants": spaces("sigmoid"), "harmless": spaces("probs")}
_ANYTHING = {"harmless": _EVERYTHING}


def _loss(names: str, build: str, call: str, demand: dict[str, Any], why: str, **facts: Any) -> Row:
    """A loss that is built with `build` and called with `call`, of which the first is read and the second is true."""
    arguments = tuple(call.split())
    given = {"build": tuple(build.split()), "call": arguments, "params": arguments, **demand, **facts}
    return Row(
        names=tuple(names.split()), verb=Verb.LOSS, arg=arguments[0], target=(*arguments, "")[1], why=why, **given
    )


# -- segmentation_models_pytorch and pytorch_toolbelt ------------------------------------------------------------------

_SMP = "segmentation_models_pytorch.losses"
_TOOLBELT = "pytorch_toolbelt.losses"
_MODES = ("binary", "multilabel", "multiclass")


def _by_mode(names: str, build: str, why: str) -> tuple[Row, ...]:
    """The overlap losses: `from_logits` says whether they activate, `mode` with what."""
    return tuple(
        _loss(
            names,
            build,
            "y_pred y_true",
            {True: _SOFTMAX, False: _PROBS}[raw] if mode == "multiclass" else {True: _SIGMOID, False: _UNITS}[raw],
            why,
            when={"mode": mode, "from_logits": raw},
            defaults={"from_logits": True},
        )
        for mode in _MODES
        for raw in (True, False)
    )


_OVERLAP = "mode classes log_loss from_logits smooth"
_OVERLAP_WHY = "forward: if from_logits, log_softmax(dim=1).exp() for multiclass, else logsigmoid().exp()"
_SEGMENTATION = (
    *_by_mode(
        f"{_SMP}.DiceLoss {_TOOLBELT}.DiceLoss",
        f"{_OVERLAP} ignore_index eps class_weights",
        f"smp losses/dice.py, {_OVERLAP_WHY}",
    ),
    *_by_mode(
        f"{_SMP}.JaccardLoss",
        f"{_OVERLAP} ignore_index eps class_weights",
        f"smp losses/jaccard.py, {_OVERLAP_WHY}",
    ),
    *_by_mode(f"{_TOOLBELT}.JaccardLoss", f"{_OVERLAP} eps", f"pytorch_toolbelt losses/jaccard.py, {_OVERLAP_WHY}"),
    *_by_mode(
        f"{_SMP}.TverskyLoss",
        f"{_OVERLAP} ignore_index eps alpha beta gamma class_weights",
        "smp losses/tversky.py: a DiceLoss with another score",
    ),
    _loss(
        f"{_SMP}.FocalLoss",
        "mode alpha gamma ignore_index from_logits eps reduction normalized reduced_threshold class_weights",
        "y_pred y_true",
        _SIGMOID,
        "smp losses/focal.py: focal_loss_with_logits, class by class, in every mode",
        when={"from_logits": True},
        defaults={"from_logits": True},
    ),
    _loss(
        f"{_SMP}.LovaszLoss",
        "mode per_image ignore_index from_logits",
        "y_pred y_true",
        _SOFTMAX,
        "smp losses/lovasz.py: y_pred.softmax(dim=1) for multiclass, whatever from_logits says",
        when={"mode": "multiclass"},
    ),
    _loss(
        f"{_SMP}.SoftBCEWithLogitsLoss",
        "weight ignore_index reduction smooth_factor pos_weight",
        "y_pred y_true",
        _SIGMOID,
        "smp losses/soft_bce.py: F.binary_cross_entropy_with_logits",
    ),
    _loss(
        f"{_SMP}.SoftCrossEntropyLoss",
        "reduction smooth_factor ignore_index dim",
        "y_pred y_true",
        _SOFTMAX,
        "smp losses/soft_ce.py: F.log_softmax(y_pred, dim=1)",
    ),
    _loss(
        f"{_TOOLBELT}.SoftBCEWithLogitsLoss",
        "weight ignore_index reduction smooth_factor pos_weight",
        "input target",
        _SIGMOID,
        "pytorch_toolbelt losses/soft_bce.py: F.binary_cross_entropy_with_logits",
    ),
    _loss(
        f"{_TOOLBELT}.SoftCrossEntropyLoss",
        "reduction smooth_factor ignore_index dim",
        "input target",
        _SOFTMAX,
        "pytorch_toolbelt losses/soft_ce.py: F.log_softmax(input, dim=1)",
    ),
    _loss(
        f"{_TOOLBELT}.BalancedBCEWithLogitsLoss",
        "gamma reduction ignore_index",
        "output target",
        _SIGMOID,
        "pytorch_toolbelt losses/balanced_bce.py: logsigmoid(logits)",
    ),
    _loss(
        f"{_TOOLBELT}.QualityFocalLoss",
        "beta reduction",
        "predictions targets",
        _SIGMOID,
        "pytorch_toolbelt losses/quality_focal_loss.py: F.binary_cross_entropy_with_logits",
    ),
    _loss(
        f"{_TOOLBELT}.BinaryFocalLoss",
        "alpha gamma ignore_index reduction normalized reduced_threshold activation softmax_dim class_weights",
        "inputs targets",
        _SIGMOID,
        "pytorch_toolbelt losses/functional.py: torch.sigmoid unless activation is softmax",
        when={"activation": "sigmoid"},
        defaults={"activation": "sigmoid"},
    ),
    _loss(
        f"{_TOOLBELT}.CrossEntropyFocalLoss",
        "gamma reduction normalized reduced_threshold ignore_index class_weights",
        "inputs targets",
        _SOFTMAX,
        "pytorch_toolbelt losses/functional.py: softmax_focal_loss_with_logits",
    ),
)

# -- MONAI -------------------------------------------------------------------------------------------------------------

_MONAI = "monai.losses"
_FLAGS = "include_background to_onehot_y sigmoid softmax other_act"
_MONAI_TAIL = "reduction smooth_nr smooth_dr batch"
_DICE = f"{_FLAGS} squared_pred jaccard {_MONAI_TAIL}"
_OFF = {"sigmoid": False, "softmax": False}
_CHANNELS = {**_SOFTMAX, "class_axis": None}
"""Softmax over the channels; one channel alone MONAI leaves as it is, or reads by binary cross-entropy."""


def _by_flag(words: str, build: str, why: str, *, rest: dict[str, Any] = _ANYTHING) -> tuple[Row, ...]:
    """MONAI's losses activate as `sigmoid=` or `softmax=` say; `rest` is what they read when neither does."""
    names = " ".join(f"{_MONAI}.{word}" for word in words.split())
    common: dict[str, Any] = {"names": names, "build": build, "call": "input target", "why": why, "defaults": _OFF}
    return (
        _loss(**common, demand=_CHANNELS, when={"softmax": True, "sigmoid": False}),
        _loss(**common, demand=_SIGMOID, when={"sigmoid": True, "softmax": False}),
        _loss(**common, demand=rest, when=_OFF),
    )


_MEDICAL = (
    *_by_flag(
        "DiceLoss MaskedDiceLoss",
        f"{_DICE} weight soft_label ignore_index",
        "MONAI losses/dice.py: sigmoid and softmax flags; without them the caller has activated, in whatever way",
    ),
    *_by_flag("GeneralizedDiceLoss", f"{_FLAGS} w_type {_MONAI_TAIL} soft_label", "MONAI losses/dice.py, as DiceLoss"),
    *_by_flag(
        "TverskyLoss",
        f"{_FLAGS} alpha beta {_MONAI_TAIL} soft_label ignore_index",
        "MONAI losses/tversky.py: sigmoid and softmax flags, as DiceLoss",
    ),
    *_by_flag(
        "DiceCELoss",
        f"{_DICE} weight lambda_dice lambda_ce label_smoothing",
        "MONAI losses/dice.py: the flags are the Dice part's, the other part is cross_entropy(input) in any case",
        rest=_CHANNELS,
    ),
    *_by_flag(
        "DiceFocalLoss",
        f"{_DICE} gamma weight lambda_dice lambda_focal alpha",
        "MONAI losses/dice.py: the flags are the Dice part's; FocalLoss reads the original logits in any case",
        rest=_SIGMOID,
    ),
    *_by_flag(
        "GeneralizedDiceFocalLoss",
        f"{_FLAGS} w_type {_MONAI_TAIL} gamma weight lambda_gdl lambda_focal",
        "MONAI losses/dice.py: as DiceFocalLoss",
        rest=_SIGMOID,
    ),
    *(
        _loss(
            f"{_MONAI}.FocalLoss",
            "include_background to_onehot_y gamma alpha weight reduction use_softmax ignore_index",
            "input target",
            demand,
            "MONAI losses/focal_loss.py: softmax_focal_loss or sigmoid_focal_loss of the original logits",
            when={"use_softmax": flag},
            defaults={"use_softmax": False},
        )
        for flag, demand in ((True, _CHANNELS), (False, _SIGMOID))
    ),
)

# -- kornia and timm ---------------------------------------------------------------------------------------------------


def _kornia(function: str, module: str, build: str, demand: dict[str, Any], why: str) -> Row:
    names = f"kornia.losses.{module} kornia.losses.{function}"
    params = ("pred", "target", *build.split())
    return _loss(names, build, "pred target", demand, f"kornia losses/{why}", params=params)


_VISION = (
    _kornia(
        "focal_loss",
        "FocalLoss",
        "alpha gamma reduction weight ignore_index",
        _SOFTMAX,
        "focal.py: pred.log_softmax(1)",
    ),
    _kornia(
        "binary_focal_loss_with_logits",
        "BinaryFocalLossWithLogits",
        "alpha gamma reduction pos_weight weight ignore_index",
        _SIGMOID,
        "focal.py: logsigmoid(pred)",
    ),
    _kornia("dice_loss", "DiceLoss", "average eps weight ignore_index", _SOFTMAX, "dice.py: F.softmax(pred, dim=1)"),
    _kornia("tversky_loss", "TverskyLoss", "alpha beta eps ignore_index", _SOFTMAX, "tversky.py: softmax inside"),
    _kornia(
        "lovasz_softmax_loss", "LovaszSoftmaxLoss", "weight", _SOFTMAX, "lovasz_softmax.py: pred_flatten.softmax(1)"
    ),
    _loss(
        "timm.loss.LabelSmoothingCrossEntropy",
        "smoothing",
        "x target",
        {**_SOFTMAX, "class_axis": -1},
        "timm loss/cross_entropy.py: F.log_softmax(x, dim=-1)",
    ),
    _loss(
        "timm.loss.SoftTargetCrossEntropy",
        "",
        "x target",
        {**_SOFTMAX, "class_axis": -1},
        "timm loss/cross_entropy.py: F.log_softmax(x, dim=-1)",
    ),
    _loss(
        "timm.loss.BinaryCrossEntropy",
        "smoothing target_threshold weight reduction sum_classes pos_weight smooth_dense",
        "x target",
        _SIGMOID,
        "timm loss/binary_cross_entropy.py: F.binary_cross_entropy_with_logits",
    ),
    _loss(
        "timm.loss.AsymmetricLossMultiLabel",
        "gamma_neg gamma_pos clip eps disable_torch_grad_focal_loss smoothing reduction weight pos_weight",
        "x y",
        _SIGMOID,
        "timm loss/asymmetric_loss.py: torch.sigmoid(x)",
    ),
    _loss(
        "timm.loss.AsymmetricLossSingleLabel",
        "gamma_pos gamma_neg eps reduction",
        "inputs target reduction",
        {**_SOFTMAX, "class_axis": -1},
        "timm loss/asymmetric_loss.py: nn.LogSoftmax(dim=-1)",
    ),
)

# -- fastai and skorch -------------------------------------------------------------------------------------------------

_FLAT = "weight ignore_index reduction axis"
_TRAINERS = (
    _loss(
        "fastai.losses.CrossEntropyLossFlat fastai.losses.FocalLossFlat fastai.losses.LabelSmoothingCrossEntropyFlat",
        _FLAT,
        "inp targ",
        {**_SOFTMAX, "class_axis": None},
        "fastai losses.py: nn.CrossEntropyLoss, F.cross_entropy and F.log_softmax, over the axis given as axis=",
    ),
    _loss(
        "fastai.losses.BCEWithLogitsLossFlat",
        "weight reduction pos_weight axis floatify thresh",
        "inp targ",
        _SIGMOID,
        "fastai losses.py: nn.BCEWithLogitsLoss of the flattened input",
    ),
    _loss(
        "fastai.losses.BCELossFlat",
        "axis floatify weight reduction",
        "inp targ",
        _UNITS,
        "fastai losses.py: nn.BCELoss of the flattened input",
    ),
    _loss(
        "skorch.get_loss.NeuralNetClassifier",
        "",
        "y_pred y_true",
        _PROBS,
        "skorch classifier.py, get_loss: for NLLLoss, its default, it takes torch.log(y_pred + eps) itself",
    ),
    _loss(
        "skorch.get_loss.NeuralNetBinaryClassifier",
        "",
        "y_pred y_true",
        _SIGMOID,
        "skorch classifier.py: the default criterion is BCEWithLogitsLoss, infer gives it the module's output",
    ),
)

ROWS: tuple[Row, ...] = (*_SEGMENTATION, *_MEDICAL, *_VISION, *_TRAINERS)

_LIGHTNING = "lightning.pytorch"
_FASTAI_STARS = """
    fastai.basics fastai.learner fastai.torch_basics fastai.layers fastai.vision.all fastai.vision.learner
    fastai.text.all fastai.tabular.all fastai.vision.basics"""
_FASTAI_LOSSES = "CrossEntropyLossFlat FocalLossFlat LabelSmoothingCrossEntropyFlat BCEWithLogitsLossFlat BCELossFlat"
_DICE_CLASSES = "DiceLoss MaskedDiceLoss GeneralizedDiceLoss DiceCELoss DiceFocalLoss GeneralizedDiceFocalLoss".split()

ALIASES: dict[str, str] = {
    "pytorch_lightning": _LIGHTNING,
    **{f"lightning.{word}": f"{_LIGHTNING}.{word}" for word in ("LightningModule", "Trainer")},
    **{f"{_LIGHTNING}.{file}": _LIGHTNING for file in ("core", "core.module", "core.lightning", "trainer")},
    f"{_LIGHTNING}.trainer.trainer": _LIGHTNING,
    "lightning_fabric": "lightning.fabric",
    "lightning.Fabric": "lightning.fabric.Fabric",
    "lightning.fabric.fabric": "lightning.fabric",
    **{f"transformers.{file}": "transformers" for file in ("trainer", "trainer_seq2seq", "models.auto.modeling_auto")},
    "skorch.classifier": "skorch",
    "skorch.net": "skorch",
    **{
        f"{scope}.{word}": f"fastai.losses.{word}" for scope in _FASTAI_STARS.split() for word in _FASTAI_LOSSES.split()
    },
    **{f"{scope}.Learner": "fastai.learner.Learner" for scope in _FASTAI_STARS.split() if scope != "fastai.learner"},
    **{f"catalyst.runners{file}": "catalyst.dl" for file in ("", ".runner", ".supervised")},
    **{f"{_SMP}.{file}": _SMP for file in ("dice", "jaccard", "focal", "lovasz", "tversky", "soft_bce", "soft_ce")},
    **{
        f"{_TOOLBELT}.{file}": _TOOLBELT
        for file in ("dice", "jaccard", "focal", "soft_bce", "soft_ce", "balanced_bce", "quality_focal_loss")
    },
    **{f"{_MONAI}.dice.{word}": f"{_MONAI}.{word}" for word in _DICE_CLASSES},
    f"{_MONAI}.focal_loss.FocalLoss": f"{_MONAI}.FocalLoss",
    f"{_MONAI}.tversky.TverskyLoss": f"{_MONAI}.TverskyLoss",
    **{f"kornia.losses.{file}": "kornia.losses" for file in ("focal", "dice", "tversky", "lovasz_softmax")},
    **{f"timm.loss.{file}": "timm.loss" for file in ("cross_entropy", "binary_cross_entropy", "asymmetric_loss")},
}
"""Dotted prefixes that other spellings use, and the prefix under which the table knows them; the longest wins."""
