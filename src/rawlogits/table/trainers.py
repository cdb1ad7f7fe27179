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
_EITHER = {"wants": spaces("probs sigmoid")}
"""Numbers between 0 and 1, of softmax or of sigmoid as the task may be."""
_ANYTHING = {"harmless": _EVERYTHING}
_LAST = {**_SOFTMAX, "class_axis": -1}
_OVER_DIM = {**_SOFTMAX, "axis": "dim"}


def _loss(names: str, build: str, call: str, demand: dict[str, Any], why: str, **facts: Any) -> Row:
    """A loss that is built with `build` and called with `call`, of which the first is read and the second is true."""
    arguments = tuple(call.split())
    given = {"build": tuple(build.split()), "call": arguments, "params": arguments, **demand, **facts}
    return Row(
        names=tuple(names.split()), verb=Verb.LOSS, arg=arguments[0], target=(*arguments, "")[1], why=why, **given
    )


# -- segmentation_models_pytorch and pytorch_toolbelt ------------------------------------------------------------------

_SMP = "segmentation_models_pytorch.losses"
_SMP_UTILS = "segmentation_models_pytorch.utils.losses"
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
_FOCAL = "mode alpha gamma ignore_index from_logits eps reduction normalized reduced_threshold class_weights"
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
        _FOCAL,
        "y_pred y_true",
        _SIGMOID,
        "smp losses/focal.py: focal_loss_with_logits, class by class, in every mode",
        when={"from_logits": True},
        defaults={"from_logits": True},
    ),
    *(
        _loss(
            f"{_SMP}.FocalLoss",
            _FOCAL,
            "y_pred y_true",
            _PROBS if mode == "multiclass" else _UNITS,
            "smp losses/focal.py: torch.log(y_pred) for multiclass, else the logit of y_pred",
            when={"from_logits": False, "mode": mode},
        )
        for mode in _MODES
    ),
    *(
        _loss(
            f"{_SMP}.LovaszLoss",
            "mode per_image ignore_index from_logits",
            "y_pred y_true",
            _SOFTMAX if mode == "multiclass" else _ANYTHING,
            "smp losses/lovasz.py: softmax(dim=1) for multiclass, else a hinge; from_logits is not read",
            when={"mode": mode},
        )
        for mode in _MODES
    ),
    _loss(f"{_SMP}.MCCLoss", "eps", "y_pred y_true", _UNITS, "smp losses/mcc.py: products of y_pred and 1 - y_pred"),
    *(
        _loss(
            f"{_SMP_UTILS}.{word}",
            build,
            "y_pr y_gt",
            demand,
            "smp 0.3 utils/losses.py: base.modules.Activation of this name comes first",
            when={"activation": activation},
            defaults={"activation": None},
        )
        for word, build in (
            ("DiceLoss", "eps beta activation ignore_channels"),
            ("JaccardLoss", "eps activation ignore_channels"),
        )
        for activation, demand in ((None, _EITHER), ("sigmoid", _SIGMOID), ("softmax2d", _SOFTMAX))
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
        _OVER_DIM,
        "smp losses/soft_ce.py: F.log_softmax(y_pred, dim=self.dim)",
        defaults={"dim": 1},
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
        _OVER_DIM,
        "pytorch_toolbelt losses/soft_ce.py: F.log_softmax(input, dim=self.dim)",
        defaults={"dim": 1},
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
        {**_SOFTMAX, "harmless": frozenset()},
        "pytorch_toolbelt losses/functional.py: binary cross-entropy of the scores, times a power of their softmax",
    ),
    _loss(
        f"{_TOOLBELT}.LovaszLoss",
        "per_image ignore",
        "logits target",
        _PROBS,
        "pytorch_toolbelt losses/lovasz.py: _lovasz_softmax(probas), though the parameter is named logits",
    ),
    _loss(
        f"{_TOOLBELT}.BinaryLovaszLoss",
        "per_image ignore_index",
        "logits target",
        _ANYTHING,
        "pytorch_toolbelt losses/lovasz.py: a hinge of the scores",
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


_MIXED = {**_CHANNELS, "harmless": frozenset()}
"""A part of the loss reads the scores as they are, so that no other space gives the same loss."""


def _by_flag(
    words: str, build: str, why: str, *, rest: dict[str, Any] | None = None, softmax: dict[str, Any] = _CHANNELS
) -> tuple[Row, ...]:
    """MONAI's losses activate as `sigmoid=` or `softmax=` say; `rest` is what they read when neither does.

    Left out, it is probabilities of either kind, unless `other_act=` is given: that is not looked into.
    """
    names = " ".join(f"{_MONAI}.{word}" for word in words.split())
    common: dict[str, Any] = {"names": names, "build": build, "call": "input target", "why": why}
    neither = {**_OFF, "other_act": None} if rest is None else _OFF
    return (
        _loss(**common, demand=softmax, when={"softmax": True, "sigmoid": False}, defaults=_OFF),
        _loss(**common, demand=_SIGMOID, when={"sigmoid": True, "softmax": False}, defaults=_OFF),
        _loss(**common, demand=rest or _EITHER, when=neither, defaults=neither),
    )


_MEDICAL = (
    *_by_flag(
        "DiceLoss",
        f"{_DICE} weight soft_label ignore_index",
        "MONAI losses/dice.py: sigmoid and softmax flags; without them the caller activates, in whatever way",
    ),
    *_by_flag("MaskedDiceLoss", f"{_DICE} weight soft_label", "MONAI losses/dice.py, as DiceLoss"),
    *_by_flag("GeneralizedDiceLoss", f"{_FLAGS} w_type {_MONAI_TAIL} soft_label", "MONAI losses/dice.py, as DiceLoss"),
    *_by_flag(
        "TverskyLoss",
        f"{_FLAGS} alpha beta {_MONAI_TAIL} soft_label ignore_index",
        "MONAI losses/tversky.py: sigmoid and softmax flags, as DiceLoss",
    ),
    *_by_flag(
        "HausdorffDTLoss LogHausdorffDTLoss",
        f"alpha {_FLAGS} reduction batch",
        "MONAI losses/hausdorff_loss.py: sigmoid and softmax flags, as DiceLoss",
    ),
    *_by_flag(
        "SoftclDiceLoss",
        f"iter_ smooth_nr smooth_dr smooth {_FLAGS} reduction",
        "MONAI losses/cldice.py: sigmoid and softmax flags, as DiceLoss",
        rest=_ANYTHING,
    ),
    *_by_flag(
        "SoftDiceclDiceLoss",
        f"iter_ alpha smooth_nr smooth_dr smooth {_FLAGS} reduction",
        "MONAI losses/cldice.py: sigmoid and softmax flags, as DiceLoss",
        rest=_ANYTHING,
    ),
    *_by_flag(
        "DiceCELoss",
        f"{_DICE} weight lambda_dice lambda_ce label_smoothing",
        "MONAI losses/dice.py: the flags are the Dice part's, the other part is cross_entropy(input) in any case",
        rest=_MIXED,
    ),
    *_by_flag(
        "DiceFocalLoss",
        f"{_DICE} gamma weight lambda_dice lambda_focal alpha",
        "MONAI losses/dice.py: the flags are the Dice part's; FocalLoss reads the original logits in any case",
        rest=_SIGMOID,
        softmax=_MIXED,
    ),
    *_by_flag(
        "GeneralizedDiceFocalLoss",
        f"{_FLAGS} w_type {_MONAI_TAIL} gamma weight lambda_gdl lambda_focal",
        "MONAI losses/dice.py: as DiceFocalLoss",
        rest=_SIGMOID,
        softmax=_MIXED,
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
    _loss(
        f"{_MONAI}.GeneralizedWassersteinDiceLoss",
        "dist_matrix weighting_mode reduction smooth_nr smooth_dr",
        "input target",
        _SOFTMAX,
        "MONAI losses/dice.py: F.softmax(flat_input, dim=1)",
    ),
    _loss(
        f"{_MONAI}.NACLLoss",
        "classes dim kernel_size kernel_ops distance_type alpha sigma",
        "inputs targets",
        {**_SOFTMAX, "harmless": frozenset()},
        "MONAI losses/nacl_loss.py: cross_entropy, and the distance of the logits to those of the neighbours",
    ),
)


def _net(words: str, build: str, size: str = "out_channels") -> Row:
    return Row(
        names=tuple(f"monai.networks.nets.{word}" for word in words.split()),
        verb=Verb.SOURCE,
        gives=Space.LOGITS,
        arg="x",
        build=tuple(build.split()),
        call=("x",),
        size=size,
        size_axis=1,
        why="MONAI networks/nets: the last layer is a convolution or linear, without activation (not so HighResNet)",
    )


_NETS = (
    _net("UNet Unet AttentionUnet DynUNet", "spatial_dims in_channels out_channels"),
    _net("BasicUNet BasicUnet Basicunet", "spatial_dims in_channels out_channels features"),
    _net("SegResNet", "spatial_dims init_filters in_channels out_channels"),
    _net("UNETR SwinUNETR", "in_channels out_channels", size=""),
    _net("VNet", "spatial_dims in_channels out_channels"),
    _net("DenseNet121 DenseNet169 DenseNet201 DenseNet264", "spatial_dims in_channels out_channels"),
    _net("EfficientNetBN", "model_name pretrained progress spatial_dims in_channels num_classes", size="num_classes"),
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
        _LAST,
        "timm loss/cross_entropy.py: F.log_softmax(x, dim=-1)",
    ),
    _loss(
        "timm.loss.SoftTargetCrossEntropy",
        "",
        "x target",
        _LAST,
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
        _LAST,
        "timm loss/asymmetric_loss.py: nn.LogSoftmax(dim=-1)",
    ),
    _loss(
        "timm.loss.JsdCrossEntropy",
        "num_splits alpha smoothing",
        "output target",
        {**_SOFTMAX, "class_axis": None},
        "timm loss/jsd.py: cross-entropy of the first split, F.softmax of every split",
    ),
    _loss(
        "timm.loss.PolyCrossEntropy",
        "epsilon smoothing reduction",
        "x target",
        _LAST,
        "timm loss/poly_loss.py: F.log_softmax(x, dim=-1)",
    ),
    _loss(
        "timm.loss.PolyBinaryCrossEntropy",
        "epsilon gamma alpha smoothing reduction",
        "x target",
        _SIGMOID,
        "timm loss/poly_loss.py: binary_cross_entropy_with_logits and torch.sigmoid(x)",
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
        "fastai.losses.LabelSmoothingCrossEntropy",
        "eps weight reduction",
        "output target",
        _SOFTMAX,
        "fastai losses.py: F.log_softmax(output, dim=1)",
    ),
    _loss(
        "fastai.losses.FocalLoss", "gamma weight reduction", "inp targ", _SOFTMAX, "fastai losses.py: F.cross_entropy"
    ),
    _loss(
        "fastai.losses.DiceLoss",
        "axis smooth reduction square_in_union",
        "pred targ",
        {**_SOFTMAX, "axis": "axis"},
        "fastai losses.py: activation is F.softmax(x, dim=self.axis)",
        defaults={"axis": 1},
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
        twin="fastai.losses.BCEWithLogitsLossFlat",
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

_OTHERS = (
    _loss(
        "fvcore.nn.sigmoid_focal_loss fvcore.nn.sigmoid_focal_loss_jit fvcore.nn.sigmoid_focal_loss_star",
        "",
        "inputs targets",
        _SIGMOID,
        "fvcore nn/focal_loss.py: torch.sigmoid and binary_cross_entropy_with_logits",
        params=("inputs", "targets", "alpha", "gamma", "reduction"),
    ),
    _loss(
        "allennlp.nn.util.sequence_cross_entropy_with_logits",
        "",
        "logits targets",
        _LAST,
        "allennlp nn/util.py: log_softmax over the last axis",
        params=("logits", "targets", "weights", "average", "label_smoothing", "gamma", "alpha"),
    ),
)

ROWS: tuple[Row, ...] = (*_SEGMENTATION, *_MEDICAL, *_NETS, *_VISION, *_TRAINERS, *_OTHERS)

_LIGHTNING = "lightning.pytorch"
_FASTAI_STARS = """
    fastai.basics fastai.learner fastai.torch_basics fastai.layers fastai.basic_train
    fastai.vision fastai.vision.all fastai.vision.learner fastai.vision.basics
    fastai.text fastai.text.all fastai.tabular fastai.tabular.all"""
_FASTAI_LOSSES = """
    CrossEntropyLossFlat FocalLossFlat FocalLoss LabelSmoothingCrossEntropy LabelSmoothingCrossEntropyFlat
    BCEWithLogitsLossFlat BCELossFlat DiceLoss"""
_FASTAI_ONE = {"CrossEntropyFlat": "CrossEntropyLossFlat", "BCEWithLogitsFlat": "BCEWithLogitsLossFlat"}
"""What fastai 1 called them."""
_FASTAI_LEARNERS = "Learner vision_learner cnn_learner unet_learner"
_DICE_CLASSES = "DiceLoss MaskedDiceLoss GeneralizedDiceLoss DiceCELoss DiceFocalLoss GeneralizedDiceFocalLoss".split()
_SMP_PLAIN = "CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss"
_NET_FILES = "unet basic_unet attentionunet dynunet segresnet unetr swin_unetr vnet densenet efficientnet"

ALIASES: dict[str, str] = {
    "pytorch_lightning": _LIGHTNING,
    **{f"lightning.{word}": f"{_LIGHTNING}.{word}" for word in ("LightningModule", "Trainer")},
    **{f"{_LIGHTNING}.{file}": _LIGHTNING for file in ("core", "core.module", "core.lightning", "trainer")},
    f"{_LIGHTNING}.trainer.trainer": _LIGHTNING,
    "lightning_fabric": "lightning.fabric",
    "lightning.Fabric": "lightning.fabric.Fabric",
    "lightning.fabric.fabric": "lightning.fabric",
    "accelerate.accelerator": "accelerate",
    **{f"transformers.{file}": "transformers" for file in ("trainer", "trainer_seq2seq", "models.auto.modeling_auto")},
    "skorch.classifier": "skorch",
    "skorch.net": "skorch",
    **{
        f"{scope}.{word}": f"fastai.losses.{word}" for scope in _FASTAI_STARS.split() for word in _FASTAI_LOSSES.split()
    },
    **{f"{scope}.{old}": f"fastai.losses.{new}" for scope in _FASTAI_STARS.split() for old, new in _FASTAI_ONE.items()},
    **{
        f"{scope}.{word}": f"fastai.learner.{word}"
        for scope in _FASTAI_STARS.split()
        for word in _FASTAI_LEARNERS.split()
        if scope != "fastai.learner"
    },
    **{f"catalyst.runners{file}": "catalyst.dl" for file in ("", ".runner", ".supervised")},
    **{
        f"{_SMP}.{file}": _SMP
        for file in ("dice", "jaccard", "focal", "lovasz", "tversky", "soft_bce", "soft_ce", "mcc")
    },
    **{f"{_SMP_UTILS}.{word}": f"torch.nn.{word}" for word in _SMP_PLAIN.split()},
    **{
        f"{_TOOLBELT}.{file}": _TOOLBELT
        for file in ("dice", "jaccard", "focal", "soft_bce", "soft_ce", "balanced_bce", "quality_focal_loss", "lovasz")
    },
    **{f"{_MONAI}.dice.{word}": f"{_MONAI}.{word}" for word in _DICE_CLASSES},
    f"{_MONAI}.focal_loss.FocalLoss": f"{_MONAI}.FocalLoss",
    f"{_MONAI}.tversky.TverskyLoss": f"{_MONAI}.TverskyLoss",
    f"{_MONAI}.Dice": f"{_MONAI}.DiceLoss",
    f"{_MONAI}.dice_ce": f"{_MONAI}.DiceCELoss",
    f"{_MONAI}.dice_focal": f"{_MONAI}.DiceFocalLoss",
    f"{_MONAI}.generalized_dice": f"{_MONAI}.GeneralizedDiceLoss",
    **{f"monai.networks.nets.{file}": "monai.networks.nets" for file in _NET_FILES.split()},
    **{f"monai.inferers.{file}": "monai.inferers" for file in ("inferer", "utils")},
    "monai.engines.trainer": "monai.engines",
    **{f"kornia.losses.{file}": "kornia.losses" for file in ("focal", "dice", "tversky", "lovasz_softmax")},
    **{
        f"timm.loss.{file}": "timm.loss"
        for file in ("cross_entropy", "binary_cross_entropy", "asymmetric_loss", "jsd", "poly_loss")
    },
    **{f"timm.{path}.create_model": "timm.create_model" for path in ("models", "models.factory", "models._factory")},
    "fvcore.nn.focal_loss": "fvcore.nn",
}
"""Dotted prefixes that other spellings use, and the prefix under which the table knows them; the longest wins."""
