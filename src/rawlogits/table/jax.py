"""JAX and what is built on it: jax.numpy, jax.nn, optax, Flax, Equinox, Haiku, distrax and numpyro. Strings only.

Losses and distributions stand in jax_losses. Modules and transformations that call what they are given (`apply`,
`vmap`, `value_and_grad`, `Sequential`) are programs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rawlogits.space import Space
from rawlogits.table.jax_losses import LOSSES
from rawlogits.table.row import Row, Verb, spaces

J, P, L, X = "jax.nn", "jax.numpy", "jax.lax", "jax.scipy.special"
LINEN, NNX, EQX, HK = "flax.linen", "flax.nnx", "equinox.nn", "haiku"
A = "jax.Array"
_NN = (J, LINEN, NNX)

LOG_SOFTMAX = f"{J}.log_softmax"
LOG_SIGMOID = f"{J}.log_sigmoid"


def _names(scopes: Iterable[str], word: str) -> tuple[str, ...]:
    return tuple(f"{scope}.{word}" for scope in scopes)


_PER_SCORE: dict[str, Any] = {"verb": Verb.OP, "arg": "x", "params": ("x",), "wants": spaces("logits")}
_OVER_AXIS: dict[str, Any] = {**_PER_SCORE, "params": ("x", "axis", "where"), "axis": "axis"}
_NOT_TWICE = spaces("log_probs sigmoid log_sigmoid")


def _activation(word: str, gives: Space, harmless: str, twin: str = "") -> list[Row]:
    """softmax or log_softmax: jax.nn normalises the last axis unless told otherwise, jax.scipy all numbers."""
    facts: dict[str, Any] = {**_OVER_AXIS, "gives": gives, "harmless": spaces(harmless), "twin": twin}
    return [
        Row(names=_names(_NN, word), defaults={"axis": -1}, **facts),
        Row(names=(f"{X}.{word}",), **facts),
    ]


_ACTIVATIONS = (
    *_activation("softmax", Space.PROBS, "log_probs sigmoid log_sigmoid", LOG_SOFTMAX),
    *_activation("log_softmax", Space.LOG_PROBS, "log_probs sigmoid log_sigmoid"),
    Row(
        names=(*_names(_NN, "sigmoid"), f"{X}.expit", f"{L}.logistic"),
        gives=Space.SIGMOID,
        harmless=spaces("probs log_probs log_sigmoid"),
        twin=LOG_SIGMOID,
        **_PER_SCORE,
    ),
    Row(
        names=_names(_NN, "log_sigmoid"),
        gives=Space.LOG_SIGMOID,
        harmless=spaces("probs log_probs log_sigmoid"),
        **_PER_SCORE,
    ),
)

_EXP = {Space.LOG_PROBS: Space.PROBS, Space.LOG_SIGMOID: Space.SIGMOID}
_LOG = {after: before for before, after in _EXP.items()}

_LOGARITHMS = (
    Row(names=(f"{P}.exp", f"{L}.exp"), verb=Verb.OP, arg="x", params=("x",), turns=_EXP, twin=f"{J}.softmax"),
    Row(names=(f"{P}.log", f"{L}.log"), verb=Verb.OP, arg="x", params=("x",), turns=_LOG),
    Row(
        names=(f"{X}.logit",),
        verb=Verb.OP,
        arg="x",
        params=("x",),
        turns={Space.SIGMOID: Space.LOGITS, Space.PROBS: Space.LOGITS},
    ),
)


def _scores(names: tuple[str, ...], build: str, call: str = "inputs rng", size: str = "", **facts: Any) -> Row:
    """A parametrised layer: affine in its input, so its output is raw. Channels come last, but for Equinox."""
    return Row(
        names=names,
        verb=Verb.SOURCE,
        gives=Space.LOGITS,
        arg=call.split()[0],
        build=tuple(build.split()),
        call=tuple(call.split()),
        size=size,
        size_axis=-1 if size else None,
        **facts,
    )


_LINEN_CONV = "features kernel_size strides padding input_dilation kernel_dilation feature_group_count use_bias"
_NNX_CONV = "in_features out_features kernel_size strides padding input_dilation kernel_dilation feature_group_count"
_EQX_CONV = "in_channels out_channels kernel_size stride padding"
_EQX_TRANSPOSED = "in_channels out_channels kernel_size stride output_padding padding"
_HK_CONV = "output_channels kernel_shape stride rate padding with_bias w_init b_init data_format mask"
_HK_TRANSPOSED = "output_channels kernel_shape stride output_shape padding with_bias"


def _dimensions(scope: str, pattern: str) -> tuple[str, ...]:
    return tuple(f"{scope}.{pattern.format(d)}" for d in "123")


_LAYERS = (
    _scores((f"{LINEN}.Dense",), "features use_bias dtype param_dtype precision", "inputs", "features"),
    _scores((f"{LINEN}.DenseGeneral",), "features axis batch_dims use_bias", "inputs"),
    _scores((f"{LINEN}.Einsum",), "shape einsum_str use_bias", "inputs einsum_str"),
    _scores(_names((LINEN,), "Conv"), _LINEN_CONV, "inputs", "features"),
    _scores((f"{LINEN}.ConvLocal",), _LINEN_CONV, "inputs", "features"),
    _scores((f"{LINEN}.ConvTranspose",), "features kernel_size strides padding kernel_dilation", "inputs", "features"),
    _scores((f"{NNX}.Linear",), "in_features out_features use_bias dtype", "inputs", "out_features"),
    _scores((f"{NNX}.LinearGeneral",), "in_features out_features axis batch_axis use_bias", "inputs"),
    _scores((f"{NNX}.Einsum",), "einsum_str kernel_shape bias_shape", "inputs einsum_str"),
    _scores((f"{NNX}.LoRALinear",), "in_features out_features lora_rank", "x", "out_features"),
    _scores((f"{NNX}.Conv", f"{NNX}.ConvTranspose"), _NNX_CONV, "inputs", "out_features"),
    _scores((f"{EQX}.Linear",), "in_features out_features use_bias dtype key", "x key", "out_features"),
    _scores(_dimensions(EQX, "Conv{}d"), _EQX_CONV, "x key"),
    _scores(_dimensions(EQX, "ConvTranspose{}d"), _EQX_TRANSPOSED, "x key"),
    _scores((f"{EQX}.Conv", f"{EQX}.ConvTranspose"), f"num_spatial_dims {_EQX_CONV}", "x key"),
    _scores((f"{HK}.Linear",), "output_size with_bias w_init b_init name", "inputs precision", "output_size"),
    _scores(_dimensions(HK, "Conv{}D"), _HK_CONV, "inputs precision"),
    _scores(_dimensions(HK, "Conv{}DTranspose"), _HK_TRANSPOSED, "inputs"),
    Row(
        names=_names((f"{LINEN}.Embed", f"{NNX}.Embed"), "attend"),
        verb=Verb.SOURCE,
        gives=Space.LOGITS,
        arg="query",
        params=("query",),
        why="the product with the table of embeddings: an affine map, as the last layer of a language model",
    ),
)


def _keeps(scopes: tuple[str, ...], words: str, arg: str = "x", more: str = "", **facts: Any) -> list[Row]:
    """For every word a row that keeps `arg`, its first parameter; modules are built with `build`."""
    given: dict[str, Any] = {"params": (arg, *more.split()), "call": (arg,), **facts}
    return [Row(names=_names(scopes, word), verb=Verb.KEEPS, arg=arg, **given) for word in words.split()]


_ELEMENTS = (
    *_keeps((P,), "array asarray copy astype", arg="a"),
    *_keeps((P,), "float32 float64 float16 bfloat16 nan_to_num positive", arg="x"),
    *_keeps((P,), "flip fliplr flipud roll", arg="m"),
    *_keeps((P,), "clip", arg="arr", more="min max", guards=True),
    *_keeps((L,), "clamp", arg="x", params=("min", "x", "max"), guards=True),
    *_keeps((L,), "stop_gradient", arg="x"),
    *_keeps((L,), "convert_element_type", arg="operand", more="new_dtype"),
    *_keeps((A,), "astype block_until_ready", arg="x"),
    *_keeps(("jax",), "device_get device_put block_until_ready", arg="x"),
    *_keeps(("flax.jax_utils",), "replicate unreplicate", arg="tree"),
    *_keeps(("flax.training.common_utils",), "shard", arg="xs", moves=True),
)

_SHAPES = (
    *_keeps(
        (P,),
        """
        reshape ravel squeeze expand_dims transpose permute_dims matrix_transpose swapaxes moveaxis rollaxis repeat tile
        take take_along_axis split array_split hsplit vsplit dsplit unstack broadcast_to rot90 diagonal
        resize""",
        arg="a",
        moves=True,
    ),
    *_keeps((P,), "atleast_1d atleast_2d atleast_3d", arg="x", moves=True),
    *_keeps((P,), "concatenate concat stack hstack vstack dstack column_stack", arg="arrays", items=True, moves=True),
    *_keeps(
        (L,), "reshape broadcast_in_dim transpose squeeze expand_dims rev slice dynamic_slice", "operand", moves=True
    ),
    *_keeps((L,), "all_gather", arg="x", moves=True),
    *_keeps(
        (L,),
        "slice_in_dim index_in_dim dynamic_slice_in_dim dynamic_index_in_dim tile split collapse",
        "operand",
        moves=True,
    ),
    *_keeps((P,), "compress", arg="a", params=("condition", "a"), moves=True),
    *_keeps((L,), "concatenate", arg="operands", more="dimension", items=True, moves=True),
    *_keeps((HK,), "Flatten", arg="inputs", build=("preserve_dims", "name"), moves=True),
    *_keeps((HK,), "Reshape", arg="inputs", build=("output_shape", "preserve_dims", "name"), moves=True),
)

_BLENDS = (
    *_keeps((P,), "mean nanmean", arg="a", more="axis dtype out keepdims", reduces="axis"),
    *_keeps((LINEN,), "Dropout", arg="inputs", build=("rate", "broadcast_dims", "deterministic"), blends=True),
    *_keeps((NNX,), "Dropout", arg="inputs", build=("rate", "broadcast_dims", "deterministic"), blends=True),
    *_keeps((EQX,), "Dropout", arg="x", build=("p", "inference"), blends=True),
    *_keeps((HK,), "dropout", arg="x", params=("rng", "rate", "x"), blends=True),
    *_keeps((J,), "identity", arg="x"),
    *_keeps((EQX,), "Identity", arg="x", build=()),
    *_keeps((NNX,), "identity", arg="x"),
)

_WRAPPERS = (  # what computes the same as the function, class or model that it is given
    *_keeps(("jax",), "jit checkpoint remat named_call make_jaxpr custom_jvp custom_vjp", arg="fun"),
    *_keeps(("jax", "jax.experimental.shard_map"), "shard_map", arg="f"),
    *_keeps((LINEN,), "jit remat checkpoint", arg="target"),
    *_keeps((NNX,), "jit remat", arg="f"),
    *_keeps((NNX,), "clone view", arg="node"),
    *_keeps(("jax.lax",), "with_sharding_constraint", arg="x", params=("x", "shardings")),
    *_keeps((LINEN,), "with_logical_constraint", arg="x"),
    *_keeps(("equinox",), "filter_jit filter_checkpoint filter_closure_convert", arg="fun"),
    *_keeps(("equinox",), "apply_updates", arg="model", more="updates"),
    *_keeps(("optax",), "apply_updates", arg="params", more="updates"),
    *_keeps(("optax", "optax.losses"), "smooth_labels", arg="labels", more="alpha", blends=True),
    *_keeps(("equinox",), "tree_inference", arg="pytree", more="value"),
    *_keeps((EQX,), "inference_mode", arg="pytree", more="value"),
    *_keeps((EQX,), "Shared", arg="pytree", build=("pytree", "where", "get"), call=()),
    *_keeps((HK,), "remat", arg="func"),
    *_keeps((HK,), "to_module", arg="f"),
    *_keeps((P,), "vectorize", arg="pyfunc"),
)


def _ends(scopes: tuple[str, ...], words: str, why: str = "", marks: str = "", **facts: Any) -> list[Row]:
    given = {"params": ("x",), "arg": "x", **facts}
    return [Row(names=_names(scopes, word), verb=Verb.SOURCE, why=why, marks=marks, **given) for word in words.split()]


_NN_ENDS = """
    celu elu gelu glu hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu one_hot relu relu6 selu silu soft_sign
    softplus standardize swish tanh dot_product_attention"""
_NN_MORE = "log1mexp logmeanexp mish sparse_plus sparse_sigmoid squareplus scaled_dot_general scaled_matmul"
_NUMPY_ENDS = """
    abs absolute acos acosh add all amax amin angle any append arccos arccosh arcsin arcsinh arctan arctan2 arctanh
    argpartition argwhere around average bincount ceil choose convolve correlate cos cosh
    count_nonzero cov cross cumprod cumsum cumulative_sum diag diagflat diff digitize divide dot einsum equal exp2 expm1
    fabs floor floor_divide fmax fmin fmod full_like gradient greater greater_equal heaviside histogram hypot identity
    inner interp invert isclose isfinite isin isinf isnan kron less less_equal log10 log1p log2 logaddexp logaddexp2
    logical_and logical_not logical_or logical_xor matmul matvec max maximum median min minimum mod multiply nanmax
    nanmedian nanmin nanstd nansum nanvar negative nonzero not_equal ones_like outer pad partition percentile pow power
    prod ptp quantile rad2deg reciprocal remainder rint round searchsorted select sign sin sinh sort sqrt square std
    subtract tan tanh tensordot trace trapezoid tril triu true_divide trunc unique var vdot vecdot vecmat where
    zeros_like empty empty_like allclose array_equal"""
_LAX_ENDS = """
    abs add conv conv_general_dilated conv_transpose cumsum div dot dot_general eq erf expm1 ge gt le
    log1p lt max min mul ne neg pow reduce reduce_window rsqrt select sign sqrt square sub tanh"""
_SPECIAL_ENDS = "digamma entr erf erfc erfinv gammaln log_ndtr ndtr ndtri polygamma xlog1py xlogy kl_div rel_entr"
_RANDOM_ENDS = "normal uniform randint truncated_normal gumbel laplace permutation choice multivariate_normal"
_LINEN_ENDS = """
    BatchNorm GroupNorm InstanceNorm LayerNorm RMSNorm PReLU Embed MultiHeadAttention
    MultiHeadDotProductAttention SelfAttention"""
_POOLS = "avg_pool max_pool"
_NNX_ENDS = "BatchNorm GroupNorm InstanceNorm LayerNorm RMSNorm PReLU Embed MultiHeadAttention"
_EQX_ENDS = """
    AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
    AvgPool1d AvgPool2d AvgPool3d MaxPool1d MaxPool2d MaxPool3d GroupNorm LayerNorm RMSNorm PReLU Embedding
    MultiheadAttention GRUCell"""
_HK_ENDS = """
    AvgPool MaxPool BatchNorm GroupNorm InstanceNorm LayerNorm RMSNorm Embed MultiHeadAttention DepthwiseConv1D
    DepthwiseConv2D DepthwiseConv3D Bias"""
_OF_SUM = ("a", "axis", "dtype", "out", "keepdims")
_DISTANCES = "l2_loss squared_error huber_loss log_cosh cosine_similarity cosine_distance ntxent"

_ENDS = (
    *_ends(_NN, _NN_ENDS),
    *_ends((J,), _NN_MORE),
    *_ends((P,), _NUMPY_ENDS),
    *_ends((P, "numpy"), "argmax argmin", marks="order", arg="a", params=("a", "axis"), axis="axis"),
    *_ends((P, "numpy"), "argsort", marks="order", arg="a", params=("a", "axis"), axis="axis", defaults={"axis": -1}),
    *_ends((L,), "argmax argmin", marks="order", arg="operand", params=("operand", "axis"), axis="axis"),
    *_ends(
        (L,),
        "top_k",
        marks="sorted",
        arg="operand",
        params=("operand", "k", "axis"),
        axis="axis",
        defaults={"axis": -1},
    ),
    *_ends((P,), "arange eye full linspace logspace ones zeros", marks="constant"),
    *_ends((P,), "sum", marks="sum", arg="a", params=_OF_SUM, axis="axis", twin=f"{J}.logsumexp"),
    *_ends((L,), _LAX_ENDS),
    *_ends((X,), _SPECIAL_ENDS),
    *_ends(
        (*_NN, X), "logsumexp", arg="a", params=("a", "axis", "b", "keepdims"), axis="axis", defaults={"axis": None}
    ),
    *_ends(("jax.random",), _RANDOM_ENDS),
    *_ends(("jax.numpy.linalg",), "norm inv det slogdet solve cholesky qr svd eigh pinv matrix_power"),
    *_ends((LINEN, NNX), _POOLS),
    *_ends((LINEN,), _LINEN_ENDS),
    *_ends((NNX,), _NNX_ENDS),
    *_ends((EQX,), _EQX_ENDS),
    *_ends((HK,), f"{_HK_ENDS} avg_pool max_pool one_hot"),
    *_ends(("optax", "optax.losses"), _DISTANCES),
    *_ends(("optax.losses",), "triplet_margin_loss"),
    *_ends(("flax.training.common_utils",), "onehot"),
)

ROWS: tuple[Row, ...] = (
    *LOSSES,
    *_ACTIVATIONS,
    *_LOGARITHMS,
    *_LAYERS,
    *_ELEMENTS,
    *_SHAPES,
    *_BLENDS,
    *_WRAPPERS,
    *_ENDS,
)

ALIASES: dict[str, str] = {
    "jax.experimental.pjit.pjit": "jax.jit",
    "jax.experimental.stax": "jax.example_libraries.stax",
    "jax.tree.map": "jax.tree_util.tree_map",
    "jax.tree_map": "jax.tree_util.tree_map",
    "jax.tree_util.Partial": "functools.partial",
    "optax.loss": "optax.losses",
    "flax.linen.activation": LINEN,
    "flax.linen.linear": LINEN,
    "flax.linen.module": LINEN,
    "flax.linen.combinators": LINEN,
    "flax.experimental.nnx": NNX,
    "flax.nnx.cached_partial": "functools.partial",
    "equinox.Partial": "functools.partial",
    "flax.nnx.nn.linear": NNX,
    "flax.nnx.nn.activations": NNX,
    "numpyro.distributions.discrete": "numpyro.distributions",
}
"""Dotted prefixes that other spellings use, and the prefix under which the table knows them; the longest wins."""
