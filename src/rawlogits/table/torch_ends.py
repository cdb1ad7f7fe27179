"""Operators of PyTorch that end every space: what comes out is no score in one of the five spaces.

A product, a norm, a ReLU, a random tensor, a distance. Knowing them is what lets a loss count as resolved.
`torch.load` and the like are left out on purpose: what they return may well be probabilities.
"""

from __future__ import annotations

from typing import Any

from rawlogits.table.row import Row, Verb

T, F, M, N, S = "torch", "torch.nn.functional", "torch.Tensor", "torch.nn", "torch.special"


def each(scopes: tuple[str, ...], words: str) -> list[tuple[str, ...]]:
    """For every word its names in all scopes.

    >>> each(("torch", "torch.Tensor"), "relu tanh")[0]
    ('torch.relu', 'torch.Tensor.relu')
    """
    return [tuple(f"{scope}.{word}" for scope in scopes) for word in words.split()]


_ELEMENTWISE = """
    abs absolute acos acosh angle arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh bernoulli ceil
    conj conj_physical cos cosh deg2rad digamma erf erfc erfinv exp2 expm1 fix floor frac i0 lgamma log10 log1p log2
    logical_not mvlgamma neg negative rad2deg reciprocal relu round rsqrt sgn sign signbit sin sinc sinh sqrt square
    tan tanh trunc isfinite isinf isnan isneginf isposinf isreal hardshrink prelu"""
_ARITHMETIC = """
    add addcdiv addcmul arctan2 atan2 bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
    bitwise_xor copysign div divide float_power floor_divide fmax fmin fmod gcd heaviside hypot igamma igammac lcm
    ldexp lerp logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mul multiply nextafter polygamma
    pow remainder sub subtract true_divide where xlogy
    allclose eq equal ge greater greater_equal gt isclose le less less_equal lt ne not_equal"""
_REDUCTIONS = """
    all amax amin aminmax any bincount count_nonzero cummax cummin cumprod cumsum dist histc histogram
    logcumsumexp mode nanmedian nanquantile nansum norm numel prod quantile renorm std trace
    var argwhere diff msort nonzero unique unique_consecutive multinomial corrcoef cov frexp"""
_PRODUCTS = """
    addbmm addmm addmv addr baddbmm bmm cross dot ger inner kron matmul matrix_exp matrix_power mm mv outer smm
    sspaddmm vdot cholesky cholesky_inverse cholesky_solve det geqrf inverse logdet lu lu_solve orgqr ormqr pinverse
    qr slogdet svd triangular_solve istft stft"""
_PLACEMENT = """
    as_strided_scatter diag diag_embed diagflat diagonal_scatter index_add index_copy index_fill index_put index_reduce
    masked_scatter put scatter scatter_add scatter_reduce select_scatter slice_scatter tril triu"""
_TABLES = "arange eye full linspace logspace ones range zeros"
"""They write out numbers: an activation of them is a table, not the output of a model."""
_BOTH = " ".join((_ELEMENTWISE, _ARITHMETIC, _REDUCTIONS, _PRODUCTS, _PLACEMENT))

_FUNCTIONS = """
    bartlett_window binomial blackman_window block_diag bucketize cartesian_prod cdist chain_matmul
    combinations complex cosine_similarity cumulative_trapezoid einsum embedding embedding_bag empty empty_like
    empty_strided full_like gradient grid_sampler group_norm gru gru_cell hamming_window hann_window
    histogramdd imag instance_norm isin kaiser_window layer_norm lobpcg lstm lstm_cell lu_unpack
    meshgrid normal ones_like pairwise_distance pca_lowrank pdist poisson polar rand rand_like randint
    randint_like randn randn_like randperm real rms_norm rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell rsub
    scalar_tensor searchsorted sparse_coo_tensor sparse_csr_tensor std_mean svd_lowrank tensordot trapezoid trapz
    tril_indices triu_indices vander var_mean view_as_complex view_as_real zeros_like adaptive_avg_pool1d
    adaptive_max_pool1d avg_pool1d batch_norm celu celu_ max_pool1d max_pool2d max_pool3d constant_pad_nd rrelu
    rrelu_ selu selu_ threshold threshold_ cosine_embedding_loss margin_ranking_loss triplet_margin_loss abs_ acos_
    asin_ atan_ ceil_ cos_ erf_ exp2_ expm1_ fill_ floor_ frac_ log10_ log1p_ log2_ neg_ reciprocal_ relu_ round_
    rsqrt_ sin_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_ zero_"""

_METHODS = """
    abs_ absolute_ acos_ acosh_ add_ addbmm_ addcdiv_ addcmul_ addmm_ addmv_ addr_ arctan2_ asin_ asinh_ atan2_
    atan_ atanh_ baddbmm_ bernoulli_ cauchy_ ceil_ copy_ copysign_ cos_ cosh_ cumprod_ cumsum_ digamma_ div_ divide_
    erf_ erfc_ erfinv_ exp2_ expm1_ exponential_ fill_ float_power_ floor_ floor_divide_ fmod_ frac_ geometric_
    hypot_ index_add_ index_copy_ index_fill_ index_put_ index_reduce_ lerp_ lgamma_ log10_ log1p_ log2_ log_normal_
    masked_scatter_ mul_ multiply_ neg_ negative_ normal_ pow_ put_ random_ reciprocal_ relu_ remainder_ renorm_
    round_ rsqrt_ scatter_ scatter_add_ scatter_reduce_ sgn_ sign_ sin_ sinh_ sqrt_ square_ sub_ subtract_ tan_
    tanh_ tril_ triu_ true_divide_ trunc_ uniform_ xlogy_ zero_ bool byte char int long short new_empty new_full
    new_ones new_tensor new_zeros data_ptr dim element_size nelement ndimension size stride sum_to_size"""

_LAYERS = """
    AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
    AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d
    MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d BatchNorm1d BatchNorm2d BatchNorm3d CrossMapLRN2d
    GroupNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d LayerNorm LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d
    LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d LocalResponseNorm RMSNorm SyncBatchNorm CELU ELU GELU
    GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU Mish PReLU RReLU ReLU ReLU6 SELU SiLU Softplus
    Softshrink Softsign Tanh Tanhshrink Threshold Embedding EmbeddingBag GRU GRUCell LSTM LSTMCell
    MultiheadAttention RNN RNNBase RNNCell RNNCellBase Transformer TransformerDecoder TransformerDecoderLayer
    TransformerEncoder TransformerEncoderLayer CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d
    ConstantPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d
    ZeroPad1d ZeroPad2d ZeroPad3d Fold Unfold CosineSimilarity PairwiseDistance CosineEmbeddingLoss HuberLoss L1Loss
    MSELoss MarginRankingLoss SmoothL1Loss TripletMarginLoss TripletMarginWithDistanceLoss"""

_FUNCTIONAL = """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d fractional_max_pool2d fractional_max_pool3d lp_pool1d
    lp_pool2d lp_pool3d max_pool1d max_pool2d max_pool3d max_unpool1d max_unpool2d max_unpool3d batch_norm
    group_norm instance_norm layer_norm local_response_norm normalize rms_norm celu celu_ elu elu_ gelu glu
    hardshrink hardsigmoid hardswish hardtanh hardtanh_ leaky_relu leaky_relu_ mish prelu relu relu6 relu_ rrelu
    rrelu_ selu selu_ silu softplus softshrink softsign tanh tanhshrink threshold threshold_ affine_grid embedding
    embedding_bag fold grid_sample multi_head_attention_forward one_hot pad scaled_dot_product_attention unfold
    cosine_similarity pairwise_distance pdist cosine_embedding_loss huber_loss l1_loss margin_ranking_loss mse_loss
    smooth_l1_loss triplet_margin_loss triplet_margin_with_distance_loss"""

_SPECIAL = """
    bessel_j0 bessel_j1 digamma entr erf erfc erfcx erfinv exp2 expm1 gammainc gammaincc gammaln i0 i0e i1 i1e log1p
    log_ndtr multigammaln ndtr ndtri polygamma psi round sinc xlog1py xlogy zeta"""

_LINALG = """
    cholesky cond cross det diagonal eig eigh eigvals eigvalsh inv lstsq lu matmul matrix_exp matrix_norm matrix_power
    matrix_rank multi_dot norm pinv qr slogdet solve svd svdvals tensorinv tensorsolve vecdot vector_norm"""

_FFT = """
    fft fft2 fftfreq fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft irfft2 irfftn rfft rfft2 rfftfreq
    rfftn"""


def _ends(scopes: tuple[str, ...], words: str, **facts: Any) -> list[Row]:
    return [Row(names=names, verb=Verb.SOURCE, **facts) for names in each(scopes, words)]


_ALONG: dict[str, Any] = {"axis": "dim", "params": ("input", "dim")}
_ALONG_LAST: dict[str, Any] = {"axis": "dim", "params": ("input", "dim"), "defaults": {"dim": -1}}
_OF_K: dict[str, Any] = {"axis": "dim", "params": ("input", "k", "dim"), "defaults": {"dim": -1}}


ENDS: tuple[Row, ...] = (
    *_ends((T, M), _BOTH),
    *_ends((T, M), "argmax argmin", marks="order", **_ALONG),
    *_ends((T, M), "argsort", marks="order", **_ALONG_LAST),
    *_ends((T, M), "max min median", marks="sorted", **_ALONG),
    *_ends((T, M), "sort", marks="sorted", **_ALONG_LAST),
    *_ends((T, M), "topk kthvalue", marks="sorted", **_OF_K),
    *_ends((T,), _FUNCTIONS),
    *_ends((T,), _TABLES, marks="constant"),
    *_ends((M,), _METHODS),
    *_ends((N,), _LAYERS),
    *_ends((F,), _FUNCTIONAL),
    *_ends((S,), _SPECIAL),
    *_ends(("torch.linalg",), _LINALG),
    *_ends(("torch.fft",), _FFT),
    *_ends((F,), "gumbel_softmax", why="a random sample on the simplex, not the distribution that the scores describe"),
)
