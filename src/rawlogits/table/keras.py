"""Keras and TensorFlow: activations and their logs, what keeps a space, what ends it. Strings only.

Layers that apply an activation of their choice, models and `compile` are programs (`programs/keras.*.py`). A private
name (`keras.layers._Sigmoid`) is what `activation="sigmoid"` builds: Keras has no public layer for it.
"""

from __future__ import annotations

from typing import Any

from rawlogits.space import Space
from rawlogits.table.keras_losses import LOSS_ALIASES, LOSSES, OPS, TF, B
from rawlogits.table.row import Row, Verb, spaces

A, K, MATH, NN = "keras.activations", "keras.layers", "tensorflow.math", "tensorflow.nn"


def _names(scopes: tuple[str, ...], word: str) -> tuple[str, ...]:
    return tuple(f"{scope}.{word}" for scope in scopes)


_NOT_TWICE = spaces("log_probs sigmoid log_sigmoid")
_HARMLESS = spaces("probs log_probs log_sigmoid")
_OF_KERAS: dict[str, Any] = {"verb": Verb.OP, "arg": "x", "params": ("x", "axis"), "call": ("x",)}
_OF_TENSORFLOW: dict[str, Any] = {"verb": Verb.OP, "arg": "logits", "params": ("logits", "axis", "name", "dim")}
_PER_SCORE: dict[str, Any] = {"verb": Verb.OP, "arg": "x", "params": ("x", "name"), "call": ("x",)}
_OVER_AXIS: dict[str, Any] = {"axis": "axis", "defaults": {"axis": -1}, "wants": spaces("logits")}

_SIGMOID: dict[str, Any] = {**_PER_SCORE, "gives": Space.SIGMOID, "wants": spaces("logits"), "harmless": _HARMLESS}
_LOG_SIGMOID: dict[str, Any] = {**_SIGMOID, "gives": Space.LOG_SIGMOID}

_ACTIVATIONS = (
    Row(
        names=(*_names((A, OPS, B, f"{OPS}.nn"), "softmax"), f"{K}.Softmax"),
        gives=Space.PROBS,
        harmless=_NOT_TWICE,
        build=("axis",),
        twin=f"{A}.log_softmax",
        **_OF_KERAS,
        **_OVER_AXIS,
        why="softmax of log-probabilities gives the probabilities back; of sigmoids it is a choice (attention)",
    ),
    Row(
        names=(f"{NN}.softmax",),
        gives=Space.PROBS,
        harmless=_NOT_TWICE,
        twin=f"{NN}.log_softmax",
        **_OF_TENSORFLOW,
        **_OVER_AXIS,
    ),
    Row(
        names=(*_names((A, OPS, f"{OPS}.nn"), "log_softmax"), f"{K}._LogSoftmax"),
        gives=Space.LOG_PROBS,
        harmless=_NOT_TWICE,
        **_OF_KERAS,
        **_OVER_AXIS,
        why="log_softmax is idempotent",
    ),
    Row(
        names=(f"{NN}.log_softmax",),
        gives=Space.LOG_PROBS,
        harmless=_NOT_TWICE,
        **_OF_TENSORFLOW,
        **_OVER_AXIS,
        why="log_softmax is idempotent",
    ),
    Row(
        names=(*_names((A, OPS, B, f"{OPS}.nn"), "sigmoid"), f"{K}._Sigmoid"),
        **_SIGMOID,
        twin=f"{A}.log_sigmoid",
    ),
    Row(names=_names((TF, MATH, NN), "sigmoid"), **_SIGMOID, twin=f"{MATH}.log_sigmoid"),
    Row(names=(*_names((A, OPS, f"{OPS}.nn"), "log_sigmoid"), f"{K}._LogSigmoid"), **_LOG_SIGMOID),
    Row(names=_names((MATH,), "log_sigmoid"), **_LOG_SIGMOID),
    Row(names=_names((TF,), "log_sigmoid"), **_LOG_SIGMOID, until="1"),
)

_EXP = {Space.LOG_PROBS: Space.PROBS, Space.LOG_SIGMOID: Space.SIGMOID}
_LOG = {after: before for before, after in _EXP.items()}
_MATH = (OPS, B, TF, MATH, f"{OPS}.numpy")

_LOGARITHMS = (
    *(
        Row(names=_names(scopes, "exp"), verb=Verb.OP, arg="x", params=("x", "name"), turns=_EXP, twin=twin)
        for scopes, twin in (((OPS, B, f"{OPS}.numpy"), f"{OPS}.softmax"), ((TF, MATH), f"{NN}.softmax"))
    ),
    Row(names=_names(_MATH, "log"), verb=Verb.OP, arg="x", params=("x", "name"), turns=_LOG),
)

_RAW = "affine in its input: a layer of this kind with activation=None; the programs build the others on it"
_LAYERS = (
    Row(
        names=("keras.src.layers.Dense",),
        verb=Verb.SOURCE,
        arg="inputs",
        build=("units", "activation"),
        call=("inputs", "training"),
        gives=Space.LOGITS,
        size="units",
        size_axis=-1,
        when={"activation": None},
        defaults={"activation": None},
        why=_RAW,
    ),
    *(
        Row(
            names=(f"keras.src.layers.{word}",),
            verb=Verb.SOURCE,
            arg="inputs",
            build=(size, "kernel_size", "activation"),
            call=("inputs",),
            gives=Space.LOGITS,
            when={"activation": None},
            defaults={"activation": None},
            why=_RAW,
        )
        for word, size in (("Conv2D", "filters"),)
    ),
)


def _keeps(
    scopes: tuple[str, ...], words: str, arg: str = "x", more: tuple[str, ...] = (), **facts: Any
) -> tuple[Row, ...]:
    """For every word a row that keeps `arg`, its first parameter."""
    return tuple(
        Row(names=_names(scopes, word), verb=Verb.KEEPS, arg=arg, params=(arg, *more), **facts)
        for word in words.split()
    )


def _layers(words: str, build: tuple[str, ...] = (), **facts: Any) -> tuple[Row, ...]:
    return _keeps((K,), words, "inputs", build=build, call=("inputs", "training"), **facts)


_KEEPS = (
    *_layers(
        "Dropout GaussianDropout AlphaDropout SpatialDropout1D SpatialDropout2D SpatialDropout3D",
        ("rate",),
        blends=True,
    ),
    *_layers("Identity ActivityRegularization Masking InputLayer"),
    *_layers("Flatten Reshape Permute Cropping1D Cropping2D Cropping3D RepeatVector", ("target_shape",), moves=True),
    *_layers("UpSampling1D UpSampling2D UpSampling3D Resizing", ("size",), blends=True),
    *_layers("Concatenate", ("axis",), items=True, moves=True),
    *_keeps((K,), "concatenate", "inputs", ("axis",), items=True, moves=True),
    *_keeps((A,), "linear"),
    *_keeps((OPS, f"{OPS}.core", B), "cast stop_gradient convert_to_tensor"),
    *_keeps((OPS, f"{OPS}.core", B), "convert_to_numpy", leaves=True),
    *_keeps((OPS, B), "copy identity flip"),
    *_keeps((OPS, B, f"{OPS}.numpy"), "clip", more=("x_min", "x_max"), guards=True),
    *_keeps(
        (OPS, B, f"{OPS}.numpy"),
        """
        reshape squeeze expand_dims transpose permute_dimensions flatten batch_flatten ravel take gather split
        swapaxes moveaxis tile repeat repeat_elements broadcast_to""",
        moves=True,
    ),
    *_keeps((OPS, B, f"{OPS}.numpy"), "concatenate stack", "xs", ("axis",), items=True, moves=True),
    *_keeps((TF,), "identity stop_gradient convert_to_tensor constant ensure_shape", "input"),
    *_keeps((TF,), "cast to_float to_double", "x", ("dtype",)),
    *_keeps((TF,), "clip_by_value", "t", ("clip_value_min", "clip_value_max"), guards=True),
    *_keeps((TF,), "maximum", "x", ("y",), guards=True),
    *_keeps(
        (TF,),
        "squeeze expand_dims tile gather gather_nd boolean_mask broadcast_to slice strided_slice split unstack reverse",
        "input",
        moves=True,
    ),
    *_keeps((TF,), "reshape", "tensor", ("shape",), moves=True),
    *_keeps((TF,), "transpose", "a", ("perm",), moves=True),
    *_keeps((TF,), "concat stack", "values", ("axis",), items=True, moves=True),
    *_keeps((NN,), "dropout", "x", blends=True),
    *_keeps((f"{TF}.layers",), "dropout", "inputs", blends=True),
    *_keeps((f"{TF}.layers",), "flatten", "inputs", moves=True),
    *_keeps((TF, MATH), "reduce_mean", "input_tensor", ("axis", "keepdims"), reduces="axis"),
    *_keeps((OPS, B, f"{OPS}.numpy"), "mean", "x", ("axis", "keepdims"), reduces="axis"),
    *_keeps((TF,), "function", "func"),
    *_keeps(("keras.utils",), "multi_gpu_model", "model", ("gpus",)),
    *_keeps(("keras.models",), "clone_model", "model"),
)

_KEPT = ("axis", "keepdims")
_MARKED = (
    *(
        Row(
            verb=Verb.SOURCE,
            names=_names(scopes, word),
            arg=arg,
            params=(arg, *_KEPT),
            axis="axis",
            marks="sum",
            twin=twin,
        )
        for scopes, word, arg, twin in (
            ((TF, MATH), "reduce_sum", "input_tensor", f"{TF}.reduce_logsumexp"),
            ((OPS, B, f"{OPS}.numpy"), "sum", "x", f"{OPS}.logsumexp"),
        )
    ),
    *(
        Row(
            verb=Verb.SOURCE,
            names=_names(scopes, word),
            arg=arg,
            params=(arg, *_KEPT),
            axis="axis",
            defaults={"axis": None},
        )
        for scopes, word, arg in (((TF, MATH), "reduce_logsumexp", "input_tensor"), ((OPS, B), "logsumexp", "x"))
    ),
)

_ENDING_LAYERS = """
    BatchNormalization LayerNormalization GroupNormalization UnitNormalization SpectralNormalization Normalization
    Rescaling Embedding MaxPooling1D MaxPooling2D MaxPooling3D MaxPool1D MaxPool2D MaxPool3D AveragePooling1D
    AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPool1D
    GlobalMaxPool2D GlobalAvgPool1D GlobalAvgPool2D Add Subtract Multiply Average Maximum Minimum Dot ReLU LeakyReLU
    PReLU ELU ThresholdedReLU LSTM GRU SimpleRNN CuDNNLSTM CuDNNGRU ConvLSTM1D ConvLSTM2D ConvLSTM3D RNN Bidirectional
    Attention AdditiveAttention MultiHeadAttention GroupQueryAttention GaussianNoise ZeroPadding1D ZeroPadding2D
    ZeroPadding3D CategoryEncoding StringLookup IntegerLookup TextVectorization Discretization RandomFlip
    RandomRotation RandomZoom RandomCrop RandomContrast RandomTranslation"""
_ENDING_MERGES = "add subtract multiply average maximum minimum dot"
_ENDING_ACTIVATIONS = """
    relu relu6 elu selu gelu silu swish tanh softplus softsign exponential hard_sigmoid mish leaky_relu celu glu
    hard_swish hard_silu hard_tanh log_softplus squareplus sparse_plus"""
_ENDING_MATH = """
    abs square sqrt sin cos tanh max min any all prod std var matmul dot einsum add subtract multiply
    divide power pow one_hot equal greater less greater_equal less_equal not_equal where zeros ones
    zeros_like ones_like arange round sign batch_dot l2_normalize in_top_k maximum minimum normalize norm eye
    logical_and logical_or not_equal"""
_ENDING_TENSORFLOW = """
    abs square sqrt sin cos tanh reduce_max reduce_min reduce_any reduce_all reduce_prod reduce_std
    reduce_variance matmul tensordot einsum add subtract multiply divide pow one_hot equal greater
    less greater_equal less_equal not_equal where zeros ones zeros_like ones_like range round sign minimum eye
    logical_and logical_or norm scalar_mul placeholder Variable get_variable"""
_ENDING_NN = """
    relu relu6 elu selu gelu silu swish tanh softplus softsign leaky_relu crelu conv1d conv2d conv3d conv2d_transpose
    depthwise_conv2d max_pool max_pool2d avg_pool avg_pool2d bias_add xw_plus_b batch_normalization l2_normalize
    embedding_lookup lrn local_response_normalization moments l2_loss in_top_k"""


def _ends(scopes: tuple[str, ...], words: str, **facts: Any) -> tuple[Row, ...]:
    return tuple(
        Row(names=_names(scopes, word), verb=Verb.SOURCE, **{"arg": "x", **facts}) for word in sorted({*words.split()})
    )


_ENDS = (
    *_ends((K,), _ENDING_LAYERS, call=("x",)),
    *_ends((K,), _ENDING_MERGES),
    *_ends((A,), _ENDING_ACTIVATIONS),
    *_ends((OPS, B), _ENDING_MATH),
    *_ends((TF, MATH), _ENDING_TENSORFLOW),
    *_ends((NN,), _ENDING_NN),
    *_ends((OPS, B), "argmax argmin", marks="order", params=("x", "axis"), axis="axis"),
    *_ends((OPS,), "argsort", marks="order", params=("x", "axis"), axis="axis", defaults={"axis": -1}),
    *_ends(
        (TF, MATH),
        "argmax argmin",
        marks="order",
        arg="input",
        params=("input", "axis"),
        axis="axis",
        defaults={"axis": 0},
    ),
    *_ends(
        (TF,),
        "argsort",
        marks="order",
        arg="values",
        params=("values", "axis"),
        axis="axis",
        defaults={"axis": -1},
    ),
    *_ends((OPS,), "top_k", marks="sorted", params=("x", "k", "axis"), axis="axis", defaults={"axis": -1}),
    *_ends(
        (NN, MATH),
        "top_k",
        marks="sorted",
        arg="input",
        params=("input", "k", "axis"),
        axis="axis",
        defaults={"axis": -1},
    ),
)

ROWS: tuple[Row, ...] = (*LOSSES, *_ACTIVATIONS, *_LOGARITHMS, *_LAYERS, *_KEEPS, *_MARKED, *_ENDS)

_LAYER_FILES = """
    core convolutional normalization pooling recurrent embeddings merge merging advanced_activations activation noise
    wrappers local cudnn_recurrent dense_attention attention reshaping regularization rnn base_layer"""
_MODEL_HOMES = """
    keras keras.engine keras.engine.training keras.engine.sequential keras.engine.functional keras.training"""
_BODY_FILES = """
    vgg16 vgg19 resnet resnet50 resnet_v2 inception_v3 inception_resnet_v2 xception mobilenet mobilenet_v2 mobilenet_v3
    densenet nasnet efficientnet efficientnet_v2 convnext"""

ALIASES: dict[str, str] = {
    "tensorflow.keras": "keras",
    "tensorflow.python.keras": "keras",
    "tensorflow.contrib.keras": "keras",
    "tf_keras": "keras",
    "keras.api": "keras",
    "keras._tf_keras.keras": "keras",
    "tensorflow.compat.v1": TF,
    "tensorflow.compat.v2": TF,
    "tensorflow.layers.Dense": f"{K}.Dense",
    **{f"{home}.{word}": f"keras.models.{word}" for home in _MODEL_HOMES.split() for word in ("Model", "Sequential")},
    **{f"{K}.{file}": K for file in _LAYER_FILES.split()},
    **{
        f"{home}.{word}": f"{K}.{word}"
        for home in ("keras", "keras.engine")
        for word in ("Input", "Layer", "InputSpec")
    },
    **{f"keras.engine.{file}": K for file in ("base_layer", "topology", "input_layer")},
    "keras.engine.topology.Model": "keras.models.Model",
    "keras.models.Input": f"{K}.Input",
    "keras.Loss": "keras.losses.Loss",
    **{f"{K}.{kind}.{word}": f"{K}.{word}" for kind in ("experimental", "preprocessing") for word in ("Rescaling",)},
    **{f"keras.applications.{file}": "keras.applications" for file in _BODY_FILES.split()},
    **{f"{K}.Convolution{d}D": f"{K}.Conv{d}D" for d in "123"},
    f"{TF}.log": f"{MATH}.log",
    f"{TF}.contrib.layers.flatten": f"{TF}.layers.flatten",
    f"{TF}.contrib.layers.softmax": f"{NN}.softmax",
    **LOSS_ALIASES,
}
"""Dotted prefixes that other spellings use, and the prefix under which the table knows them; the longest wins."""
