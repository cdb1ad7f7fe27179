"""The table of PyTorch, held to the framework: every name resolves, every operator does what its row says."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rawlogits.space import Space
from rawlogits.table.lookup import Table
from rawlogits.table.row import Row, Verb, spelling
from rawlogits.table.torch import ALIASES, ROWS
from table_witness import NO_WITNESS, cases, in_space, lies_in, random_scores, reason_to_skip, resolve

# Shape: what can be seen without running anything.


def test_names_are_unique_for_an_argument_and_a_condition() -> None:
    keys = Counter((n, row.arg, tuple(sorted(row.when.items()))) for row in ROWS for n in row.names)
    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.names[0]}({row.arg})") for row in ROWS])
def test_every_name_resolves(row: Row) -> None:
    for name in row.names:
        if not reason_to_skip(row, name) or name in NO_WITNESS:
            assert resolve(name) is not None


def test_twins_and_decodes_resolve() -> None:
    mentioned = {word for row in ROWS for word in (row.twin, row.decodes) if word}
    assert mentioned
    known = {name for row in ROWS for name in row.names}
    for word in mentioned:
        assert callable(resolve(word))
        assert word in known, f"{word} is named as a twin or a decoder but has no row"


def test_aliases_lead_to_where_the_framework_keeps_the_same_object() -> None:
    known = {name for row in ROWS for name in row.names}
    for name in sorted(known):
        if reason_to_skip(Row(names=(name,), verb=Verb.SOURCE), name):
            continue
        home = getattr(resolve(name), "__module__", None)
        if home and home in ALIASES and spelling(name) != "method":
            assert f"{ALIASES[home]}.{name.rsplit('.', 1)[-1]}" in known


def test_every_layer_and_every_function_is_known() -> None:
    programs = {
        "Module",
        "Sequential",
        "ModuleList",
        "ModuleDict",
        "ParameterList",
        "ParameterDict",
        "DataParallel",
        "Container",
    }
    helpers = {
        "assert_int_or_pair",
        "boolean_dispatch",
        "handle_torch_function",
        "has_torch_function",
        "has_torch_function_unary",
        "has_torch_function_variadic",
        "grad",
        "native_channel_shuffle",
        "scaled_mm",
        "scaled_grouped_mm",
        "grouped_mm",
    }
    known = {name for row in ROWS for name in row.names}
    layers = {name for name, value in vars(nn).items() if inspect.isclass(value) and issubclass(value, nn.Module)}
    assert {name for name in layers - programs if f"torch.nn.{name}" not in known} == set()
    functions = {
        name
        for name, value in vars(functional).items()
        if callable(value)
        and not name.startswith("_")
        and name[0].islower()
        and not name.endswith("_with_indices")
        and getattr(value, "__module__", "") != "typing"
    }
    assert {name for name in functions - helpers if f"torch.nn.functional.{name}" not in known} == set()


def parameters(value: Any) -> list[str]:
    """Names of the parameters from the signature, else from the first line of the docs; [] where there is neither."""
    try:
        found = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        line = re.search(r"\w+\(([^)]*)\)\s*->", inspect.getdoc(value) or "")
        words = [word.split("=")[0].strip(" *") for word in line[1].split(",")] if line else []
        return [word for word in words if word.isidentifier() and word != "self"]
    return [p.name for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name != "self"]


@pytest.mark.parametrize(
    ("row", "name"),
    cases(Verb.OP, Verb.KEEPS, Verb.LOSS, Verb.SOURCE, only=lambda row: row.verb is not Verb.SOURCE or row.gives),
)
def test_parameters_stand_in_their_real_order(row: Row, name: str) -> None:
    value, kind = resolve(name), spelling(name)
    if not callable(value) or name in ("torch.autograd.Variable", "torch.Tensor.T", "torch.Tensor.H"):
        return
    if kind == "module":
        real = parameters(value)
        if real and issubclass(value, nn.Module):
            assert list(row.build) == (real if row.verb is Verb.LOSS else real[: len(row.build)])
            if row.arg in row.call:
                assert list(row.call) == parameters(value.forward)[: len(row.call)]
        return
    real = parameters(value)
    if kind == "method":
        real = [row.arg, *(p for p in real if p != row.arg)]
    real = ["dim" if word == "axis" else word for word in real]  # torch accepts both
    if real and len(real) >= len(row.params):
        assert list(row.params) == (real if row.verb is Verb.LOSS else real[: len(row.params)])


# Witness: what only the running operator can say.


def run(row: Row, name: str, x: Any, **options: Any) -> Any:
    """Calls the operator on `x` in the way that its spelling asks for."""
    value = resolve(name)
    match spelling(name):
        case "module" if row.arg in row.build:
            return value(x, **options)
        case "module" if row.build or not issubclass(value, Tensor):
            return value(**options)(x)
        case "method":
            found = getattr(x, name.rsplit(".", 1)[-1])
            return found(**options) if callable(found) else found
    return value(x, **options)


def gives_what_it_claims(row: Row, name: str) -> bool:
    """Whether the output of an op on random scores lies in `gives`, on every axis that can be asked for."""
    for z in random_scores():
        if row.class_axis is not None and z.dim() < abs(row.class_axis):
            continue
        if name.startswith("torch.sparse") or "distributions.utils" in name:
            axes: tuple[int, ...] = (z.dim() - 1,)
        else:
            axes = (0, 1, -1) if row.axis else (row.class_axis if row.class_axis is not None else -1,)
        for axis in axes:
            given = z.to_sparse() if name.startswith("torch.sparse") else z.clone()
            out = run(row, name, given, **({row.axis: axis} if row.axis else {}), **row.when)
            if row.gives is None or not lies_in(row.gives, out.to_dense() if out.is_sparse else out, axis):
                return False
            if name.endswith("_") and not torch.equal(out, given):
                return False
    return True


@pytest.mark.parametrize(("row", "name"), cases(Verb.OP, only=lambda row: row.gives))
def test_an_activation_gives_its_space(row: Row, name: str) -> None:
    assert gives_what_it_claims(row, name)


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("torch.sigmoid", "probs"),
        ("torch.softmax", "sigmoid"),
        ("torch.log_softmax", "log_sigmoid"),
        ("torch.nn.functional.logsigmoid", "log_probs"),
        ("torch.softmax", "log_probs"),
        ("torch.sigmoid", "logits"),
    ],
)
def test_a_planted_lie_about_an_activation_is_refused(name: str, lie: str) -> None:
    over: dict[str, Any] = {"axis": "dim", "params": ("input", "dim")} if "softmax" in name else {}
    assert not gives_what_it_claims(Row(names=(name,), verb=Verb.OP, gives=Space(lie), **over), name)


@pytest.mark.parametrize(("row", "name"), cases(Verb.OP, only=lambda row: row.turns))
def test_a_logarithm_turns_each_space_as_it_says(row: Row, name: str) -> None:
    for z in random_scores():
        for before, after in row.turns.items():
            out = run(row, name, in_space(before, z, -1), **row.when)
            assert lies_in(after, out, -1), f"{before} became no {after}"


@pytest.mark.parametrize(("row", "name"), cases(Verb.OP, only=lambda row: row.gives in (Space.PROBS, Space.LOG_PROBS)))
def test_log_probabilities_into_softmax_are_harmless(row: Row, name: str) -> None:
    assert Space.LOG_PROBS in row.harmless
    if name.startswith("torch.sparse"):
        return
    z = next(iter(random_scores())).reshape(2, 3, 2, 2)
    axis = row.class_axis if row.class_axis is not None else -1
    options = {row.axis: axis} if row.axis else dict(row.when)
    torch.testing.assert_close(run(row, name, z.log_softmax(axis), **options), run(row, name, z, **options))


LAYERS: dict[str, dict[str, Any]] = {
    "Linear": {"in_features": 6, "out_features": 3},
    "LazyLinear": {"out_features": 3},
    "Bilinear": {"in1_features": 6, "in2_features": 6, "out_features": 3},
    "Conv": {"in_channels": 4, "out_channels": 3, "kernel_size": 1},
    "LazyConv": {"out_channels": 3, "kernel_size": 1},
}


@pytest.mark.parametrize(("row", "name"), cases(Verb.SOURCE, only=lambda row: row.gives))
def test_a_layer_gives_raw_scores(row: Row, name: str) -> None:
    """Affine in its input (so no activation hides in it), of both signs, and of the length it says."""
    torch.manual_seed(0)
    last = name.rsplit(".", 1)[-1]
    rank = 2 + int(last[-2]) if last.lower().endswith("d") and last[-2].isdigit() else 3
    x = torch.randn((5, 4, 6, 6, 6)[:rank], dtype=torch.float64)
    layer: Any
    if spelling(name) == "module":
        build = LAYERS[re.sub(r"(Transpose)?\dd$", "", last)]
        layer = resolve(name)(**build, dtype=torch.float64)
    else:
        weight = {"linear": (3, 6), "bilinear": (3, 6, 6), "conv_tbc": (1, 6, 3)}.get(last)
        shape = weight or ((4, 3) if "transpose" in last else (3, 4)) + (1,) * (rank - 2)
        bias = torch.randn(3, dtype=torch.float64)
        layer = lambda *inputs: resolve(name)(*inputs, torch.randn(shape, dtype=torch.float64), bias)  # noqa: E731
    rest = (torch.ones_like(x),) if "ilinear" in name else ()

    def output(given: Tensor) -> Tensor:
        torch.manual_seed(1)
        return layer(given, *rest)  # type: ignore[no-any-return]

    out = output(x)
    torch.testing.assert_close(output(2 * x) - out, out - output(0 * x))
    assert lies_in(Space.LOGITS, out.detach(), -1)
    if row.size_axis is not None:
        assert row.size in row.build
        assert out.shape[row.size_axis] == 3


def half(x: Tensor) -> Tensor:
    return torch.zeros(x.shape, dtype=torch.bool).index_fill(0, torch.tensor([0]), True)


def first(x: Tensor) -> float:
    return float(x.flatten()[0])


# What each operator takes after its input; a trailing underscore is no part of the key.
ARGUMENTS: dict[str, Callable[[Tensor], tuple[Any, ...]]] = {
    "to": lambda x: (torch.float64,),
    "type": lambda x: (torch.float64,),
    "type_as": lambda x: (x,),
    "masked_fill": lambda x: (half(x), first(x)),
    "fill_diagonal": lambda x: (first(x),),
    "clamp": lambda x: (1e-30,),
    "clip": lambda x: (1e-30,),
    "clamp_min": lambda x: (1e-30,),
    "clamp_max": lambda x: (1.0,),
    "roll": lambda x: (1,),
    "flip": lambda x: ((0,),),
    "reshape": lambda x: ((2, -1),),
    "unsqueeze": lambda x: (0,),
    "permute": lambda x: (tuple(reversed(range(x.dim()))),),
    **dict.fromkeys(("transpose", "swapaxes", "swapdims", "movedim", "moveaxis"), lambda x: (0, 1)),
    "broadcast_to": lambda x: ((3, *x.shape),),
    "repeat_interleave": lambda x: (2,),
    "tile": lambda x: ((2,),),
    "narrow": lambda x: (0, 0, 1),
    "select": lambda x: (0, 0),
    "index_select": lambda x: (1, torch.tensor([0, 2])),
    "gather": lambda x: (1, torch.zeros_like(x, dtype=torch.long)),
    "take": lambda x: (torch.tensor([0, 3]),),
    "take_along_dim": lambda x: (x.argmax(1, keepdim=True), 1),
    "masked_select": lambda x: (half(x),),
    **dict.fromkeys(("chunk", "tensor_split", "hsplit", "vsplit", "dsplit", "unsafe_chunk"), lambda x: (2,)),
    **dict.fromkeys(("split", "unsafe_split"), lambda x: (1,)),
    "split_with_sizes": lambda x: ([1, x.shape[0] - 1],),
    **dict.fromkeys(("unflatten", "Unflatten"), lambda x: (1, (2, 2))),
    "as_strided": lambda x: ((2,), (1,)),
    "view": lambda x: (2, -1),
    **dict.fromkeys(("view_as", "reshape_as", "expand_as"), lambda x: (x,)),
    "expand": lambda x: (3, *(-1 for _ in x.shape)),
    "repeat": lambda x: (2, *(1 for _ in x.shape)),
    "unfold": lambda x: (1, 2, 1),
    "pack_padded_sequence": lambda x: ([x.shape[0]] * x.shape[1],),
    **dict.fromkeys(
        ("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle"),
        lambda x: (2,),
    ),
    **dict.fromkeys(
        (
            "interpolate",
            "upsample",
            "upsample_bilinear",
            "upsample_nearest",
            "Upsample",
            "UpsamplingBilinear2d",
            "UpsamplingNearest2d",
        ),
        lambda x: (None, 2),
    ),
    **{
        f"{kind}dropout{rank}": lambda x: (0.5, False)
        for kind in ("", "alpha_", "feature_alpha_")
        for rank in ("", "1d", "2d", "3d")
    },
}
RANKS: dict[str, tuple[int, ...]] = {
    "t": (2,),
    "T": (2,),
    "H": (2,),
    "dsplit": (3, 4),
    "fill_diagonal": (2,),
    "pixel_shuffle": (4,),
    "pixel_unshuffle": (4,),
    "PixelShuffle": (4,),
    "PixelUnshuffle": (4,),
    "channel_shuffle": (3, 4),
    "ChannelShuffle": (3, 4),
    "pack_padded_sequence": (3,),
    "pad_packed_sequence": (3,),
    "interpolate": (3, 4),
    "upsample": (3, 4),
    "upsample_nearest": (3, 4),
    "Upsample": (3, 4),
    "upsample_bilinear": (4,),
    "UpsamplingBilinear2d": (4,),
    "UpsamplingNearest2d": (4,),
    "dropout1d": (3,),
    "Dropout1d": (3,),
    "dropout2d": (4,),
    "Dropout2d": (4,),
    "dropout3d": (4,),
    "Dropout3d": (4,),
}
BEFORE: dict[str, Callable[[Tensor], Any]] = {
    "item": lambda x: x.flatten()[0],
    "coalesce": lambda x: x.to_sparse(),
    "to_dense": lambda x: x.to_sparse(),
    "dequantize": lambda x: torch.quantize_per_tensor(x.float(), 1e-3, 0, torch.qint32),
    "from_numpy": lambda x: x.numpy(),
    "Tensor": lambda x: x.tolist(),
    "FloatTensor": lambda x: x.tolist(),
    "DoubleTensor": lambda x: x.tolist(),
    "HalfTensor": lambda x: x.tolist(),
    "BFloat16Tensor": lambda x: x.tolist(),
    "pad_packed_sequence": lambda x: nn.utils.rnn.pack_padded_sequence(x, [x.shape[0]] * x.shape[1]),
}
COARSE = {"half": 1e-3, "HalfTensor": 1e-3, "bfloat16": 1e-2, "BFloat16Tensor": 1e-2, "dequantize": 1e-3}


def wraps_a_module(row: Row) -> bool:
    return row.arg in ("model", "module", "obj", "func", "mod", "root") and row.short != "asarray"


def numbers(out: Any) -> Tensor:
    """Every score in a result, whatever it is packed in."""
    if isinstance(out, nn.utils.rnn.PackedSequence):
        return numbers(out.data)
    if isinstance(out, tuple | list) and out and isinstance(out[0], Tensor):
        return torch.cat([numbers(part) for part in out if part.is_floating_point()])
    tensor = torch.as_tensor(out)
    tensor = tensor.to_dense() if tensor.is_sparse else tensor.dequantize() if tensor.is_quantized else tensor
    return tensor.detach().double().flatten()


def keeps_values(row: Row, name: str) -> bool:
    """Whether what comes out is made of the numbers that went in, with the rank and the lengths that the row says."""
    last = name.rsplit(".", 1)[-1]
    for z in random_scores():
        if z.dim() not in RANKS.get(last.rstrip("_"), (2, 3, 4)):
            continue
        p = z.softmax(1)
        given = [p, p.flip(0)] if row.items else BEFORE.get(last, torch.clone)(p)
        arguments = dict(row.when) or ARGUMENTS.get(last.rstrip("_"), lambda x: ())(p)
        out = called(row, name, given, arguments)
        if last.lower().startswith(("interpolate", "upsampl")):
            if not lies_in(Space.PROBS, out, 1):
                return False
        elif torch.cdist(numbers(out)[:, None], numbers(given)[:, None]).min(1).values.max() > COARSE.get(last, 1e-6):
            return False
        if last.endswith("_") and not torch.equal(out, given):
            return False
        if isinstance(out, Tensor) and isinstance(given, Tensor):
            if not row.moves and out.shape[:2] != given.shape[:2] and last != "item":
                return False
            sizes = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], tuple) else arguments
            if row.ranks is not None and out.dim() != (len(sizes) if row.ranks == -1 else row.ranks):
                return False
    return True


def called(row: Row, name: str, given: Any, arguments: Any) -> Any:
    value, last = resolve(name), name.rsplit(".", 1)[-1]
    options = arguments if isinstance(arguments, dict) else {}
    positional = () if options else arguments
    match spelling(name):
        case "method":
            found = getattr(given, last)
            return found(*positional, **options) if callable(found) else found
        case "module" if last in ("T", "H"):
            return getattr(given, last)
        case "module" if row.arg not in row.build:
            return value(*positional, **options).eval()(given)
    return value(given, *positional, **options)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("row", "name"), cases(Verb.KEEPS, only=lambda row: not wraps_a_module(row)))
def test_what_keeps_a_space_makes_no_new_numbers(row: Row, name: str) -> None:
    if row.reduces:
        for z in random_scores():
            out = run(row, name, z.softmax(1), **{row.reduces: 0})
            assert lies_in(Space.PROBS, out, 0)
            assert not lies_in(Space.PROBS, run(row, name, z.softmax(1), **{row.reduces: 1}), 0)
        return
    assert keeps_values(row, name)


@pytest.mark.parametrize("lie", ["torch.relu", "torch.neg", "torch.log", "torch.square"])
def test_a_planted_lie_about_keeping_is_refused(lie: str) -> None:
    row = Row(names=(lie,), verb=Verb.KEEPS)
    assert keeps_values(row, lie) == (lie == "torch.relu"), "relu of probabilities is the identity, the others are not"


def test_moves_and_ranks_are_refused_when_wrong() -> None:
    assert not keeps_values(Row(names=("torch.ravel",), verb=Verb.KEEPS), "torch.ravel")
    assert not keeps_values(Row(names=("torch.ravel",), verb=Verb.KEEPS, moves=True, ranks=2), "torch.ravel")


@pytest.mark.parametrize(("row", "name"), cases(Verb.KEEPS, only=lambda row: row.guards))
def test_a_guard_keeps_the_log_finite(row: Row, name: str) -> None:
    p = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    last = name.rsplit(".", 1)[-1]
    arguments = (p == 0, 1e-6) if "fill" in last else () if "probs" in last else (1e-6,)
    assert bool(called(row, name, p, arguments).log().isfinite().all())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("row", "name"), cases(Verb.KEEPS, only=wraps_a_module))
def test_a_wrapper_round_a_module_adds_no_activation(row: Row, name: str) -> None:
    """A linear layer in the wrapping is still affine in its input and of both signs."""
    torch.manual_seed(0)
    net: Any = nn.Linear(4, 4) if "nn.utils" in name else nn.Sequential(nn.Linear(4, 4))
    net.eval()
    x = torch.randn(32, 4)
    options: dict[str, Any] = {}
    last = name.rsplit(".", 1)[-1]
    if last.startswith("remove_"):
        net = resolve(f"torch.nn.utils.{last.removeprefix('remove_')}")(net)
    if last in ("freeze", "optimize_for_inference"):
        net = torch.jit.script(net)
    if last in ("trace", "compile"):
        options = {"example_inputs": x} if last == "trace" else {"backend": "eager"}
    wrapped = resolve(name)(net, **options)
    with torch.no_grad():
        out = wrapped(x)
        drift = (wrapped(2 * x) - 2 * out + wrapped(0 * x)).abs().max()
    assert drift < (0.2 if last == "quantize_dynamic" else 1e-4)
    assert lies_in(Space.LOGITS, out, -1)


def test_what_orders_numbers_says_along_which_axis() -> None:
    rows = [row for row in Table.standard().rows if row.marks in ("order", "sorted")]
    assert {row.names[0].split(".")[0] for row in rows} >= {"torch", "tensorflow", "keras", "jax"}
    assert [row.names[0] for row in rows if row.axis not in row.params] == []


@pytest.mark.parametrize("name", ["dropout", "clamp", "mean", "interpolate"])
def test_what_changes_numbers_within_their_space_is_not_exact(name: str) -> None:
    rows = [row for row in Table.standard().rows if row.verb is Verb.KEEPS and row.short == name]
    assert rows
    assert not any(row.exact for row in rows)


@pytest.mark.parametrize("name", ["detach", "view", "permute", "numpy"])
def test_what_moves_or_wraps_numbers_is_exact(name: str) -> None:
    assert all(row.exact for row in Table.standard().method(name))
    assert [row.leaves for row in Table.standard().method(name)] == [name == "numpy"]
