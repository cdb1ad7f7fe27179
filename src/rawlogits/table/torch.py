"""PyTorch: activations and their logs, layers that end in raw scores, and what keeps a space. Strings only.

Losses and distributions stand in torch_losses, operators that end every space in torch_ends.
"""

from __future__ import annotations

from typing import Any

from rawlogits.space import Space
from rawlogits.table.row import Row, Verb, spaces
from rawlogits.table.torch_ends import ENDS, F, M, N, S, T, each
from rawlogits.table.torch_losses import LOSSES

LOG_SOFTMAX = f"{F}.log_softmax"
LOG_SIGMOID = f"{F}.logsigmoid"


def _names(scopes: tuple[str, ...], word: str) -> tuple[str, ...]:
    return each(scopes, word)[0]


_SPARSE, _MASKED, _UTILS = "torch.sparse", "torch.masked", "torch.distributions.utils"

_OVER_AXIS: dict[str, Any] = {
    "verb": Verb.OP,
    "params": ("input", "dim"),
    "build": ("dim",),
    "call": ("input",),
    "axis": "dim",
    "wants": spaces("logits"),
}
_PER_SCORE: dict[str, Any] = {"verb": Verb.OP, "call": ("input",), "wants": spaces("logits")}
_NOT_TWICE = spaces("log_probs sigmoid log_sigmoid")

_ACTIVATIONS = (
    Row(
        names=(*_names((F, T, S, M, _SPARSE, _MASKED), "softmax"), f"{N}.Softmax"),
        gives=Space.PROBS,
        harmless=_NOT_TWICE,
        twin=LOG_SOFTMAX,
        **_OVER_AXIS,
        why="softmax of log-probabilities gives the probabilities back; of sigmoids it is a choice (attention)",
    ),
    Row(
        names=(f"{N}.Softmax2d",),
        verb=Verb.OP,
        call=("input",),
        gives=Space.PROBS,
        wants=spaces("logits"),
        harmless=_NOT_TWICE,
        class_axis=-3,
        twin=LOG_SOFTMAX,
        why="always over the channels",
    ),
    Row(
        names=(*_names((F, _MASKED), "softmin"), f"{N}.Softmin"),
        gives=Space.PROBS,
        harmless=_NOT_TWICE,
        **_OVER_AXIS,
        why="softmax of the negated scores: as much a distribution as softmax itself",
    ),
    Row(
        names=(*_names((F, T, S, M, _SPARSE, _MASKED), "log_softmax"), f"{N}.LogSoftmax"),
        gives=Space.LOG_PROBS,
        harmless=_NOT_TWICE,
        **_OVER_AXIS,
        why="log_softmax is idempotent",
    ),
    Row(
        names=(
            f"{T}.sigmoid",
            f"{F}.sigmoid",
            f"{S}.expit",
            f"{M}.sigmoid",
            f"{T}.sigmoid_",
            f"{M}.sigmoid_",
            f"{N}.Sigmoid",
        ),
        gives=Space.SIGMOID,
        harmless=spaces("probs log_probs log_sigmoid"),
        twin=LOG_SIGMOID,
        **_PER_SCORE,
    ),
    Row(
        names=(LOG_SIGMOID, f"{N}.LogSigmoid"),
        gives=Space.LOG_SIGMOID,
        harmless=spaces("probs log_probs log_sigmoid"),
        **_PER_SCORE,
    ),
)

_EXP = {Space.LOG_PROBS: Space.PROBS, Space.LOG_SIGMOID: Space.SIGMOID}
_LOG = {after: before for before, after in _EXP.items()}
_LOGIT = {Space.SIGMOID: Space.LOGITS, Space.PROBS: Space.LOGITS}
_BINARY: dict[str, Any] = {"params": ("logits", "is_binary"), "arg": "logits", "defaults": {"is_binary": False}}
_FROM_PROBS: dict[str, Any] = {"params": ("probs", "is_binary"), "arg": "probs", "defaults": {"is_binary": False}}

_LOGARITHMS = (
    Row(
        names=(f"{T}.exp", f"{M}.exp", f"{T}.exp_", f"{M}.exp_"),
        verb=Verb.OP,
        turns=_EXP,
        twin=f"{T}.softmax",
        why="the twin is what exp(z) / sum(exp(z)) writes out",
    ),
    Row(
        names=(f"{T}.log", f"{M}.log", f"{T}.log_", f"{M}.log_"),
        verb=Verb.OP,
        turns=_LOG,
        why="no twin here: what replaces the log of an activation is the twin of that activation",
    ),
    Row(
        names=(f"{T}.logit", f"{S}.logit", f"{M}.logit", f"{T}.logit_", f"{M}.logit_"),
        verb=Verb.OP,
        params=("input", "eps"),
        turns=_LOGIT,
    ),
    Row(
        names=(f"{_UTILS}.logits_to_probs",),
        verb=Verb.OP,
        gives=Space.PROBS,
        wants=spaces("logits"),
        harmless=_NOT_TWICE,
        when={"is_binary": False},
        **_BINARY,
    ),
    Row(
        names=(f"{_UTILS}.logits_to_probs",),
        verb=Verb.OP,
        gives=Space.SIGMOID,
        wants=spaces("logits"),
        harmless=spaces("probs log_probs log_sigmoid"),
        when={"is_binary": True},
        **_BINARY,
    ),
    Row(
        names=(f"{_UTILS}.probs_to_logits",),
        verb=Verb.OP,
        turns=_LOG,
        when={"is_binary": False},
        **_FROM_PROBS,
        why="clamps, then takes the log",
    ),
    Row(names=(f"{_UTILS}.probs_to_logits",), verb=Verb.OP, turns=_LOGIT, when={"is_binary": True}, **_FROM_PROBS),
)

_CONV = ("kernel_size", "stride", "padding")
_CONV_TAIL = ("dilation", "groups", "bias", "padding_mode", "device", "dtype")
_TRANSPOSED_TAIL = ("output_padding", "groups", "bias", "dilation", "padding_mode", "device", "dtype")


def _scores(names: tuple[str, ...], build: tuple[str, ...], size: str, axis: int, **facts: Any) -> Row:
    """A parametrised layer: affine in its input, so its output is raw."""
    return Row(
        names=names,
        verb=Verb.SOURCE,
        gives=Space.LOGITS,
        build=build,
        size=size,
        size_axis=axis,
        **{"call": ("input",), **facts},
    )


def _convolutions(kind: str, functions: str, tail: tuple[str, ...], call: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    for d in "123":
        spelled = (f"{N}.{kind}{d}d", *_names((F, T), f"{functions}{d}d"))
        build = ("out_channels", *_CONV, *tail)
        rows.append(
            _scores(spelled, ("in_channels", *build), "out_channels", 1, params=("input", "weight", "bias"), call=call)
        )
        rows.append(_scores((f"{N}.Lazy{kind}{d}d",), build, "out_channels", 1, call=call))
    return rows


_LAYERS = (
    _scores(
        (f"{N}.Linear", f"{F}.linear"),
        ("in_features", "out_features", "bias", "device", "dtype"),
        "out_features",
        -1,
        params=("input", "weight", "bias"),
    ),
    _scores((f"{N}.LazyLinear",), ("out_features", "bias", "device", "dtype"), "out_features", -1),
    _scores(
        (f"{N}.Bilinear", f"{F}.bilinear", f"{T}.bilinear"),
        ("in1_features", "in2_features", "out_features", "bias", "device", "dtype"),
        "out_features",
        -1,
        arg="input1",
        params=("input1", "input2", "weight", "bias"),
        call=("input1", "input2"),
    ),
    *_convolutions("Conv", "conv", _CONV_TAIL, ("input",)),
    *_convolutions("ConvTranspose", "conv_transpose", _TRANSPOSED_TAIL, ("input", "output_size")),
    Row(
        names=(f"{F}.conv_tbc", f"{T}.conv_tbc"),
        verb=Verb.SOURCE,
        gives=Space.LOGITS,
        params=("input", "weight", "bias", "pad"),
    ),
)


def _keeps(
    scopes: tuple[str, ...], words: str, arg: str = "input", more: tuple[str, ...] = (), **facts: Any
) -> list[Row]:
    """For every word a row that keeps `arg`, its first parameter; modules are built with `build`."""
    return [
        Row(names=names, verb=Verb.KEEPS, arg=arg, params=(arg, *more), **{"call": (arg,), **facts})
        for names in each(scopes, words)
    ]


_FLATTEN_ONE: dict[str, Any] = {"when": {"start_dim": 1, "end_dim": -1}, "ranks": 2}


def _flatten(scopes: tuple[str, ...], word: str, start: int) -> list[Row]:
    """Any flatten moves axes; the common flatten(1) also fixes the rank. The last row that holds is the result."""
    spans = ("start_dim", "end_dim")
    return [
        row
        for facts in ({}, _FLATTEN_ONE)
        for row in _keeps(
            scopes, word, more=spans, build=spans, moves=True, defaults={"start_dim": start, "end_dim": -1}, **facts
        )
    ]


_ELEMENTS = (  # same numbers, same places
    *_keeps((T, M), "clone detach detach_ positive resolve_conj resolve_neg"),
    *_keeps(
        (M,),
        """
        contiguous requires_grad_ float double half bfloat16 to type type_as cpu cuda xpu pin_memory
        share_memory_ coalesce to_dense to_sparse dequantize data""",
    ),
    *_keeps((M,), "numpy tolist item", leaves=True),
    *_keeps((T, M), "nan_to_num nan_to_num_"),
    *_keeps((T, M), "masked_fill", guards=True, why="a fill may be what replaces the zeros before a log"),
    *_keeps((M,), "masked_fill_", guards=True, why="a fill may be what replaces the zeros before a log"),
    *_keeps((M,), "fill_diagonal_", blends=True),
    *_keeps((T, M), "clamp clip clamp_ clip_", more=("min", "max"), guards=True),
    *_keeps((T, M), "clamp_min clamp_min_", more=("min",), guards=True),
    *_keeps((T, M), "clamp_max clamp_max_", more=("max",), blends=True),
    *_keeps((_UTILS,), "clamp_probs", arg="probs", guards=True),
    *_keeps((T, M), "roll flip fliplr flipud"),
)

_SHAPES = (  # same numbers, other places
    *_keeps(
        (T, M),
        """
        squeeze unsqueeze permute transpose t swapaxes swapdims movedim moveaxis broadcast_to
        repeat_interleave tile narrow select index_select gather take take_along_dim masked_select chunk
        split_with_sizes tensor_split hsplit vsplit dsplit unsafe_chunk unbind rot90 unflatten as_strided diagonal
        adjoint""",
        moves=True,
    ),
    *_keeps(
        (M,),
        """
        view_as reshape_as squeeze_ unsqueeze_ transpose_ t_ swapaxes_ swapdims_ expand_as unfold
        T mT H mH""",
        moves=True,
    ),
    *_keeps((T,), "reshape", moves=True),
    *_keeps((M,), "reshape view expand repeat", moves=True, ranks=-1),
    *_keeps((T, M), "ravel", moves=True, ranks=1),
    *_keeps((T, M), "split unsafe_split", arg="tensor", moves=True),
    *_keeps((T,), "atleast_1d atleast_2d atleast_3d", moves=True),
    *_flatten((T, M), "flatten", 0),
    *_flatten((N,), "Flatten", 1),
    *_keeps((N,), "Unflatten", build=("dim", "unflattened_size"), moves=True),
    *_keeps((F, T), "pixel_shuffle pixel_unshuffle channel_shuffle", moves=True),
    *_keeps((N,), "PixelShuffle", build=("upscale_factor",), moves=True),
    *_keeps((N,), "PixelUnshuffle", build=("downscale_factor",), moves=True),
    *_keeps((N,), "ChannelShuffle", build=("groups",), moves=True),
    *_keeps((T,), "cat concat concatenate stack", arg="tensors", more=("dim",), items=True, moves=True),
    *_keeps((T,), "hstack vstack dstack column_stack row_stack", arg="tensors", items=True, moves=True),
    *_keeps(("torch.nn.utils.rnn",), "pad_sequence", arg="sequences", items=True, moves=True),
    *_keeps(("torch.nn.utils.rnn",), "pack_padded_sequence", moves=True),
    *_keeps(("torch.nn.utils.rnn",), "pad_packed_sequence", arg="sequence", moves=True),
    *_keeps(("einops",), "rearrange repeat", arg="tensor", more=("pattern",), moves=True),
    *_keeps(("einops.layers.torch",), "Rearrange", build=("pattern",), moves=True),
)

_MIXED: dict[str, Any] = {"blends": True}
_BLENDS = (  # averages of neighbours, or some numbers left out: no longer exact, still the same kind
    *_keeps((T, M), "mean", more=("dim", "keepdim"), reduces="dim"),
    *_keeps((T, M), "nanmean", more=("dim", "keepdim"), reduces="dim"),
    *_keeps((F,), "interpolate upsample", more=("size", "scale_factor", "mode"), **_MIXED),
    *_keeps((F,), "upsample_bilinear upsample_nearest", more=("size", "scale_factor"), **_MIXED),
    *_keeps(
        (N,), "Upsample", build=("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor"), **_MIXED
    ),
    *_keeps((N,), "UpsamplingBilinear2d UpsamplingNearest2d", build=("size", "scale_factor"), **_MIXED),
    *_keeps((F,), "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout", **_MIXED),
    *_keeps((T,), "dropout dropout_", **_MIXED),
    *_keeps(
        (N,),
        "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout",
        build=("p", "inplace"),
        **_MIXED,
    ),
)

_VALUES = (  # the same value in another wrapping
    *_keeps((N,), "Identity"),
    *_keeps(("torch.ao.quantization",), "QuantStub DeQuantStub", arg="x", build=("qconfig",)),
    *_keeps(("torch.autograd",), "Variable", arg="data", build=("data", "requires_grad"), call=()),
    *_keeps((N,), "Parameter Buffer", arg="data", build=("data",), call=()),
    *_keeps((T,), "tensor as_tensor", arg="data"),
    *_keeps((T,), "Tensor FloatTensor DoubleTensor HalfTensor BFloat16Tensor", arg="data", build=("data",), call=()),
    *_keeps((T,), "asarray", arg="obj"),
    *_keeps((T,), "from_numpy", arg="ndarray"),
    *_keeps(("copy",), "copy deepcopy", arg="x"),
)

_WRAPPERS = (  # a module that computes what the given one computes
    *_keeps((T,), "compile", arg="model"),
    *_keeps(("torch.jit",), "script", arg="obj"),
    *_keeps(("torch.jit",), "trace", arg="func"),
    *_keeps(("torch.jit",), "freeze optimize_for_inference", arg="mod"),
    *_keeps(("torch.fx",), "symbolic_trace", arg="root"),
    *_keeps(("torch.nn.utils",), "weight_norm spectral_norm remove_weight_norm remove_spectral_norm", arg="module"),
    *_keeps(("torch.nn.utils.parametrizations",), "weight_norm spectral_norm orthogonal", arg="module"),
    *_keeps(("torch.nn.SyncBatchNorm",), "convert_sync_batchnorm", arg="module"),
    *_keeps(("torch.ao.quantization",), "prepare prepare_qat quantize_dynamic fuse_modules", arg="model"),
    *_keeps(("torch.ao.quantization",), "convert", arg="module"),
    *_keeps(("torch.optim.swa_utils",), "AveragedModel", arg="model", build=("model", "device"), call=()),
)

_MARKED = (
    Row(
        names=_names((T, M), "sum"),
        verb=Verb.SOURCE,
        params=("input", "dim", "keepdim"),
        axis="dim",
        marks="sum",
        twin=f"{T}.logsumexp",
        why="marked so that exp(z) / sum(exp(z)) and log(sum(exp(z))) can be seen; the twin is the latter",
    ),
    Row(names=_names((T, S, M), "logsumexp"), verb=Verb.SOURCE, params=("input", "dim", "keepdim"), axis="dim"),
    Row(
        names=(
            "sklearn.preprocessing.MultiLabelBinarizer.fit_transform",
            "sklearn.preprocessing.MultiLabelBinarizer.transform",
        ),
        verb=Verb.SOURCE,
        marks="multi_hot",
    ),
)

ROWS: tuple[Row, ...] = (
    *LOSSES,
    *_ACTIVATIONS,
    *_LOGARITHMS,
    *_LAYERS,
    *_ELEMENTS,
    *_SHAPES,
    *_BLENDS,
    *_VALUES,
    *_WRAPPERS,
    *_MARKED,
    *ENDS,
)

_MODULE_FILES = """
    activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold instancenorm linear loss
    module normalization padding pixelshuffle pooling rnn sparse transformer upsampling"""
_DISTRIBUTION_FILES = """
    bernoulli binomial categorical continuous_bernoulli distribution geometric multinomial negative_binomial
    one_hot_categorical relaxed_bernoulli relaxed_categorical"""
_NATIVE_LOSSES = "binary_cross_entropy_with_logits ctc_loss hinge_embedding_loss kl_div poisson_nll_loss"
_STAR_IMPORTS = "fastai.basics fastai.imports fastai.text.all fastai.tabular.all fastai.torch_basics fastai.vision.all"

ALIASES: dict[str, str] = {
    "torch.nn.modules": N,
    **{f"torch.nn.modules.{file}": N for file in _MODULE_FILES.split()},
    **{f"torch.distributions.{file}": "torch.distributions" for file in _DISTRIBUTION_FILES.split()},
    **{f"torch.{word}": f"{F}.{word}" for word in _NATIVE_LOSSES.split()},
    **{
        f"{scope}.{short}": full
        for scope in _STAR_IMPORTS.split()
        for short, full in (("torch", T), ("nn", N), ("F", F), ("Tensor", M))
    },
    f"{F}.nll_loss2d": f"{F}.nll_loss",
    "torch.functional": T,
    "torch._C._nn": F,
    "torch._C._VariableFunctions": T,
    "torch._tensor.Tensor": M,
    "torch.tensor.Tensor": M,
    "torch.autograd.variable": "torch.autograd",
    "torch.nn.parameter": N,
    "torch.nn.parallel.DataParallel": f"{N}.DataParallel",
    "torch.nn.parallel.data_parallel.DataParallel": f"{N}.DataParallel",
    "torch.nn.parallel.distributed": "torch.nn.parallel",
    "torch.nn.parallel.DistributedDataParallel": f"{N}.DataParallel",
    "torch.nn.utils.weight_norm.weight_norm": "torch.nn.utils.weight_norm",
    "torch.nn.utils.spectral_norm.spectral_norm": "torch.nn.utils.spectral_norm",
    "torch.quantization": "torch.ao.quantization",
    "torchvision.ops.focal_loss": "torchvision.ops",
    "einops.einops": "einops",
}
"""Dotted prefixes that other spellings use, and the prefix under which the table knows them; the longest wins."""
