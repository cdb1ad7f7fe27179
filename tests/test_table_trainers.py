"""The rows of trainers and loss libraries, run on the libraries themselves. Not a part of the default
suite: `pytest -m trainers`, in an environment with the extra `trainers`, which is large. What is not installed is
skipped, by its name.

A loss that activates is fed from every space: it has to see scores and nothing else, and what it gives for scores is
what it gives for their softmax where a switch turns its own softmax off.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from rawlogits.space import Space  # noqa: E402
from rawlogits.table.lookup import PROGRAMS  # noqa: E402
from rawlogits.table.row import Row, Verb, spelling  # noqa: E402
from rawlogits.table.torch import ROWS as OF_TORCH  # noqa: E402
from rawlogits.table.trainers import ALIASES, ROWS  # noqa: E402
from table_witness import resolve  # noqa: E402
from trainers_witness import (  # noqa: E402
    INSTALLED,
    LIBRARIES,
    OF_OLDER_VERSIONS,
    PLACES_OF_PROGRAMS,
    in_library,
    needs,
    quietly,
    raw_scores,
    same,
    turned,
)

pytestmark = [pytest.mark.trainers, pytest.mark.filterwarnings("ignore")]

if not INSTALLED:
    pytest.skip("no trainer is installed", allow_module_level=True)

OURS = (*ROWS, *(row for row in OF_TORCH if row.names[0].startswith("torchvision.")))
NO_NAME_OF_A_LIBRARY = "skorch.get_loss."
"""Rows that only a program calls: what skorch's classifiers do with the output."""


def title(row: Row, name: str) -> str:
    return ",".join((name, *(f"{key}={value}" for key, value in row.when.items())))


def cases(only: Callable[[Row], object] = bool) -> list[Any]:
    return [
        pytest.param(row, name, id=title(row, name), marks=needs(name))
        for row in OURS
        if only(row)
        for name in row.names
        if not name.startswith(NO_NAME_OF_A_LIBRARY)
    ]


# The names ------------------------------------------------------------------------------------------------------------


def definitions() -> Iterator[Any]:
    """Every public name that a program stands for, with its syntax."""
    for path in sorted(PROGRAMS.glob("*.py")):
        if path.stem.split(".")[0] not in LIBRARIES:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = (
                [target.id for target in node.targets if isinstance(target, ast.Name)]
                if isinstance(node, ast.Assign)
                else [node.name]
                if isinstance(node, (ast.FunctionDef, ast.ClassDef))
                else []
            )
            for name in names:
                if not name.startswith("_"):
                    full = f"{path.stem}.{name}"
                    yield pytest.param(full, node, id=full, marks=needs(full))


@pytest.mark.parametrize(("full", "node"), list(definitions()))
def test_what_a_program_stands_for_is_in_the_library(full: str, node: ast.stmt) -> None:
    assert in_library(full) is not None
    if isinstance(node, ast.ClassDef):
        own = {part.name for part in node.body if isinstance(part, ast.FunctionDef) and part.name[:1] != "_"}
        assert own <= set(dir(in_library(full)))


def functions(full: str, node: ast.stmt) -> Iterator[tuple[ast.FunctionDef, Any]]:
    found = in_library(full)
    if isinstance(node, ast.FunctionDef):
        yield node, found
    for part in node.body if isinstance(node, ast.ClassDef) else ():
        if isinstance(part, ast.FunctionDef) and hasattr(found, part.name):
            yield part, getattr(found, part.name)


@pytest.mark.parametrize(("full", "node"), list(definitions()))
def test_a_program_takes_the_parameters_of_the_library(full: str, node: ast.stmt) -> None:
    """In their order and, where a value is written out, with the library's own."""
    for written, found in functions(full, node):
        real = inspect.signature(found).parameters
        own = [one.arg for one in (*written.args.posonlyargs, *written.args.args)]
        assert own == list(real)[: len(own)]
        defaults = dict(zip(own[::-1], written.args.defaults[::-1], strict=False))
        for word, value in defaults.items():
            if isinstance(value, ast.Constant) and value.value is not None:
                assert real[word].default == value.value, word


@pytest.mark.parametrize(("row", "name"), cases())
def test_a_row_names_something_of_the_library(row: Row, name: str) -> None:
    assert callable(quietly(lambda: resolve(name)))


@pytest.mark.parametrize(
    ("alias", "full"),
    [pytest.param(*pair, id=pair[0], marks=needs(pair[0])) for pair in ALIASES.items() if pair[0].count(".") > 1],
)
def test_another_spelling_is_the_same_object(alias: str, full: str) -> None:
    """Versions move their files about: a spelling that this one lacks says nothing, one that it has must agree."""
    try:
        found = quietly(lambda: resolve(alias))
    except (ImportError, AttributeError):
        pytest.skip("a spelling of another version")
    if inspect.ismodule(found):
        offered = {row.short for row in OURS if row.names[0].startswith(f"{full}.")}
        shared = [word for word in offered if hasattr(found, word)]
        assert all(getattr(found, word) is resolve(f"{full}.{word}") for word in shared)
    else:
        there = resolve(PLACES_OF_PROGRAMS.get(full, full))
        assert found is there or issubclass(found, there)


# The parameters -------------------------------------------------------------------------------------------------------


WORD = inspect.Parameter.POSITIONAL_OR_KEYWORD


def words_of(found: Any) -> dict[str, inspect.Parameter]:
    """The parameters, of a compiled function by its schema."""
    if isinstance(found, torch.jit.ScriptFunction):
        return dict.fromkeys((one.name for one in found.schema.arguments), inspect.Parameter("_", WORD))
    return {word: one for word, one in inspect.signature(found).parameters.items() if word != "self"}


def called(found: Any) -> Any:
    """What runs when a built loss is called."""
    return found.forward if found.__call__ is nn.Module.__call__ else found.__call__


@pytest.mark.parametrize(("row", "name"), cases(lambda row: row.verb is Verb.LOSS))
def test_a_loss_is_called_with_the_parameters_of_its_row(row: Row, name: str) -> None:
    found = resolve(name)
    real = words_of(called(found) if spelling(name) == "module" else found)
    written = list(row.call if spelling(name) == "module" else row.params)
    gathered = any(one.kind is one.VAR_POSITIONAL for one in real.values()) or "axis" in row.build
    assert gathered or list(real)[: len(written)] == written


@pytest.mark.parametrize(("row", "name"), cases(lambda row: row.build))
def test_a_loss_is_built_with_the_parameters_of_its_row(row: Row, name: str) -> None:
    if spelling(name) != "module":
        pytest.skip("a function")
    real = words_of(resolve(name).__init__)
    written = [word for word in row.build if f"{name}.{word}" not in OF_OLDER_VERSIONS]
    if any(one.kind is one.VAR_POSITIONAL for one in real.values()):
        own = {word for word, one in real.items() if one.kind is one.KEYWORD_ONLY}
        assert own & set(written) or "kwargs" in real
    elif not name.startswith("fastai."):
        assert list(real)[: len(written)] == written
    assert all(real[word].default == value for word, value in row.defaults.items() if word in real)


# What a loss computes -------------------------------------------------------------------------------------------------

PLAIN: dict[str, dict[str, Any]] = {
    "timm.loss.LabelSmoothingCrossEntropy": {"smoothing": 0.0},
    "timm.loss.SoftTargetCrossEntropy": {},
    "timm.loss.BinaryCrossEntropy": {"smoothing": 0.0},
    "timm.loss.AsymmetricLossMultiLabel": {"gamma_neg": 0, "gamma_pos": 0, "clip": 0},
    "timm.loss.AsymmetricLossSingleLabel": {"gamma_neg": 0, "gamma_pos": 0, "eps": 0.0},
    "timm.loss.PolyCrossEntropy": {"epsilon": 0.0, "smoothing": 0.0},
    "timm.loss.PolyBinaryCrossEntropy": {"epsilon": 0.0, "smoothing": 0.0, "gamma": 0.0},
    "monai.losses.FocalLoss": {"gamma": 0.0},
    "kornia.losses.FocalLoss": {"alpha": None, "gamma": 0.0, "reduction": "mean"},
    "kornia.losses.BinaryFocalLossWithLogits": {"alpha": None, "gamma": 0.0, "reduction": "mean"},
    "fastai.losses.CrossEntropyLossFlat": {"axis": 1},
    "fastai.losses.FocalLossFlat": {"axis": 1, "gamma": 0.0},
    "fastai.losses.LabelSmoothingCrossEntropyFlat": {"axis": 1, "eps": 0.0},
    "fastai.losses.LabelSmoothingCrossEntropy": {"eps": 0.0},
    "fastai.losses.FocalLoss": {"gamma": 0.0},
    "fastai.losses.BCEWithLogitsLossFlat": {},
    "segmentation_models_pytorch.losses.FocalLoss": {"mode": "multilabel", "gamma": 0.0},
    "segmentation_models_pytorch.losses.SoftBCEWithLogitsLoss": {},
    "segmentation_models_pytorch.losses.SoftCrossEntropyLoss": {"smooth_factor": 0.0},
    "pytorch_toolbelt.losses.SoftBCEWithLogitsLoss": {},
    "pytorch_toolbelt.losses.SoftCrossEntropyLoss": {"smooth_factor": 0.0},
    "pytorch_toolbelt.losses.BinaryFocalLoss": {"alpha": None, "gamma": 0.0},
    "pytorch_toolbelt.losses.BalancedBCEWithLogitsLoss": {"gamma": 0.0},
    "pytorch_toolbelt.losses.QualityFocalLoss": {"beta": 0.0},
    "fvcore.nn.sigmoid_focal_loss_jit": {"alpha": -1, "gamma": 0.0},
    "torchvision.ops.sigmoid_focal_loss": {"alpha": -1, "gamma": 0.0},
    "fvcore.nn.sigmoid_focal_loss": {"alpha": -1, "gamma": 0.0},
    "kornia.losses.focal_loss": {"alpha": None, "gamma": 0.0, "reduction": "mean"},
    "kornia.losses.binary_focal_loss_with_logits": {"alpha": None, "gamma": 0.0, "reduction": "mean"},
}
"""Built or called so, a loss is the plain cross-entropy of its kind, up to the number of items."""
BUILT: dict[str, dict[str, Any]] = {
    "fastai.losses.CrossEntropyLossFlat": {"axis": 1},
    "fastai.losses.FocalLossFlat": {"axis": 1},
    "fastai.losses.LabelSmoothingCrossEntropyFlat": {"axis": 1},
    "segmentation_models_pytorch.losses.FocalLoss": {"mode": "multilabel"},
    "segmentation_models_pytorch.losses.SoftCrossEntropyLoss": {"smooth_factor": 0.1},
    "monai.losses.NACLLoss": {"classes": 3, "dim": 2},
    "monai.losses.GeneralizedWassersteinDiceLoss": {"dist_matrix": 1 - torch.eye(3)},
    "timm.loss.JsdCrossEntropy": {"num_splits": 2},
    "kornia.losses.TverskyLoss": {"alpha": 0.5, "beta": 0.5},
    "kornia.losses.tversky_loss": {"alpha": 0.5, "beta": 0.5},
    "kornia.losses.FocalLoss": {"alpha": 0.5},
    "kornia.losses.BinaryFocalLossWithLogits": {"alpha": 0.5},
    "kornia.losses.focal_loss": {"alpha": 0.5},
}
HOT = (
    "segmentation_models_pytorch.utils.",
    "monai.losses.",
    "timm.loss.SoftTarget",
    "fastai.losses.BCE",
    "fvcore.",
    "torchvision.",
)
"""These take labels as wide as the scores; the others the number of the class."""


def drawn(seed: int, row: Row, name: str) -> tuple[Tensor, Tensor]:
    """Scores in three classes on axis 1, and labels as this loss takes them."""
    torch.manual_seed(seed)
    flat = row.class_axis == -1 or name.startswith("timm.")
    z = 2 * torch.randn((6, 3) if flat else (2, 3, 8, 8))
    number = torch.randint(0, 3, (6,) if flat else (2, 8, 8))
    hot = functional.one_hot(number, 3).movedim(-1, 1).float()
    wide = name.startswith(HOT) or row.activation is Space.SIGMOID or row.when.get("mode") in ("multilabel", "binary")
    narrow = "Wasserstein" in name or "NACL" in name
    if "Wasserstein" in name:
        number = number.unsqueeze(1)
    if row.when.get("mode") == "binary" or row.short in ("BinaryLovaszLoss", "MCCLoss"):
        return z[:, :1], hot[:, :1]
    return z, hot if wide and not narrow else number


def loss(row: Row, name: str, **options: Any) -> Callable[[Tensor, Tensor], Tensor]:
    found = resolve(name)
    given = {**BUILT.get(name, {}), **{key: value for key, value in row.when.items() if value is not None}, **options}
    if spelling(name) == "module":
        built = found(**given)
        return lambda x, y: torch.as_tensor(built(x, y)).float().sum()
    return lambda x, y: found(x, y, **given).sum()


READS_MORE = {"CrossEntropyFocalLoss", "DiceCELoss", "DiceFocalLoss", "GeneralizedDiceFocalLoss", "NACLLoss"}
"""Sums of two losses that read the scores in two ways; they are taken apart further down."""
ACTIVATES = [case for case in cases(lambda row: row.activation is not None) if case.values[0].short not in READS_MORE]


@pytest.mark.parametrize(("row", "name"), ACTIVATES)
def test_a_loss_that_activates_reads_scores_and_nothing_else(row: Row, name: str) -> None:
    computed = loss(row, name)
    for seed in range(3):
        z, y = drawn(seed, row, name)
        assert row.activation is not None
        of_scores = computed(z, y)
        assert of_scores.isfinite()
        assert not same(computed(turned(row.activation, z), y), of_scores)
        if row.activation is Space.PROBS:
            shift = torch.randn_like(z[:, :1])
            assert same(computed(z + shift, y), of_scores)
            assert same(computed(z.log_softmax(1), y), of_scores) == (Space.LOG_PROBS in row.harmless)


@pytest.mark.parametrize(("row", "name"), [case for case in ACTIVATES if case.values[1] in PLAIN])
def test_a_loss_is_the_cross_entropy_of_its_own_activation(row: Row, name: str) -> None:
    """Against softmax or sigmoid and a logarithm written out."""
    options = {key: value for key, value in PLAIN[name].items() if key not in row.when}
    computed = loss(row, name, **options)
    scales = []
    for seed in range(4):
        z, y = drawn(seed, row, name)
        hot = y if y.shape == z.shape else functional.one_hot(y, 3).movedim(-1, 1).float()
        p = turned(row.activation or Space.PROBS, z)
        terms = hot * p.log() if row.activation is Space.PROBS else hot * p.log() + (1 - hot) * (1 - p).log()
        scales.append(computed(z, y) / -terms.mean())
    assert scales[0] > 0
    assert torch.stack(scales) == pytest.approx(scales[0].item(), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        pytest.param(name, lie, marks=needs(name))
        for name, lie in (
            ("timm.loss.SoftTargetCrossEntropy", Space.SIGMOID),
            ("monai.losses.FocalLoss", Space.SIGMOID),
            ("fastai.losses.BCEWithLogitsLossFlat", Space.PROBS),
            ("torchvision.ops.sigmoid_focal_loss", Space.PROBS),
        )
    ],
)
def test_a_planted_lie_about_an_activation_is_refused(name: str, lie: Space) -> None:
    planted = replace(next(row for row in OURS if name in row.names), activation=lie)
    with pytest.raises(AssertionError):
        test_a_loss_is_the_cross_entropy_of_its_own_activation(planted, name)


@pytest.mark.parametrize(("row", "name"), cases(lambda row: row.twin))
def test_a_twin_gives_for_scores_what_the_loss_gives_for_their_sigmoid(row: Row, name: str) -> None:
    z, y = 2 * torch.randn(6, 3), torch.randint(0, 2, (6, 3)).float()
    assert same(resolve(row.twin)()(z, y), resolve(name)()(z.sigmoid(), y))


SWITCHED = [
    case
    for case in ACTIVATES
    if any(row.names == case.values[0].names and row.activation is None and row.wants for row in OURS)
    and {"from_logits", "softmax", "activation"} & set(case.values[0].when)
]


@pytest.mark.parametrize(("row", "name"), SWITCHED)
def test_a_switch_turns_the_activation_of_a_loss_off(row: Row, name: str) -> None:
    """With the switch the loss of scores, without it the loss of their softmax or sigmoid: one number."""
    off = (
        {"from_logits": False}
        if "from_logits" in row.when
        else {key: False if value is True else value for key, value in row.when.items()}
    )
    if "activation" in off:
        off["activation"] = None
    for seed in range(3):
        z, y = drawn(seed, row, name)
        assert row.activation is not None
        without = loss(row, name, **off)(turned(row.activation, z), y)
        assert loss(row, name)(z, y) == pytest.approx(without.item(), rel=1e-3, abs=1e-4)


UNITS_IN = [
    case
    for case in cases(lambda row: row.verb is Verb.LOSS and row.activation is None and row.wants)
    if case.values[0].short not in READS_MORE
]


@pytest.mark.parametrize(("row", "name"), UNITS_IN)
def test_a_loss_that_wants_probabilities_applies_nothing(row: Row, name: str) -> None:
    """It is another function of the scores than of their probabilities."""
    z, y = drawn(0, row, name)
    computed = loss(row, name)
    inside = computed(turned(Space.PROBS if Space.PROBS in row.wants else Space.SIGMOID, z), y)
    assert inside.isfinite()
    try:
        outside = computed(z, y)
    except (RuntimeError, ValueError):
        return
    assert not same(inside, outside)


@pytest.mark.parametrize(
    ("row", "name"), cases(lambda row: row.verb is Verb.LOSS and row.harmless | row.wants == frozenset(Space))
)
def test_a_loss_of_anything_is_finite_on_everything(row: Row, name: str) -> None:
    z, y = drawn(0, row, name)
    computed = loss(row, name)
    for x in (z, z.softmax(1), z.log_softmax(1), z.sigmoid(), functional.logsigmoid(z)):
        assert computed(x.contiguous(), y.contiguous()).isfinite()


# MONAI: sums of two losses --------------------------------------------------------------------------------------------


def monai() -> tuple[Any, Tensor, Tensor]:
    torch.manual_seed(3)
    z = 2 * torch.randn(2, 3, 8, 8)
    hot = functional.one_hot(torch.randint(0, 3, (2, 8, 8)), 3).movedim(-1, 1).float()
    return pytest.importorskip("monai.losses"), z, hot


def test_dice_ce_is_a_dice_of_what_the_flag_says_and_a_cross_entropy_of_the_scores() -> None:
    losses, z, hot = monai()
    dice, entropy = losses.DiceLoss(), functional.cross_entropy(z, hot)
    assert same(losses.DiceCELoss(softmax=True)(z, hot), dice(z.softmax(1), hot) + entropy)
    assert same(losses.DiceCELoss()(z, hot), dice(z, hot) + entropy)


@pytest.mark.parametrize("word", ["DiceFocalLoss", "GeneralizedDiceFocalLoss"])
def test_dice_focal_is_a_dice_of_what_the_flag_says_and_a_focal_loss_of_the_scores(word: str) -> None:
    losses, z, hot = monai()
    both, dice = getattr(losses, word), getattr(losses, word.replace("Focal", ""))()
    focal = losses.FocalLoss()(z, hot)
    assert same(both(softmax=True)(z, hot), dice(z.softmax(1), hot) + focal)
    assert same(both(sigmoid=True)(z, hot), dice(z.sigmoid(), hot) + focal)


def test_the_focal_loss_of_toolbelt_weighs_a_binary_cross_entropy_by_softmax() -> None:
    toolbelt, (z, y) = pytest.importorskip("pytorch_toolbelt.losses"), (2 * torch.randn(6, 3), torch.arange(6) % 3)
    hot, p = functional.one_hot(y, 3).float(), z.softmax(1)
    weights = ((1 - hot) * p + hot * (1 - p)) ** 2
    terms = weights * functional.binary_cross_entropy_with_logits(z, hot, reduction="none")
    assert same(toolbelt.CrossEntropyFocalLoss()(z, y), terms.sum(1).mean())


def test_nacl_is_a_cross_entropy_and_a_distance_of_the_scores() -> None:
    losses, z, hot = monai()
    whole, plain = losses.NACLLoss(3, 2, alpha=0.1), losses.NACLLoss(3, 2, alpha=0.0)
    labels = hot.argmax(1)
    assert same(plain(z, labels), functional.cross_entropy(z, labels))
    assert not same(whole(z.log_softmax(1), labels), whole(z, labels))


UNETS = ("UNet", "Unet", "AttentionUnet")
DENSE = ("DenseNet121", "DenseNet169", "DenseNet201", "DenseNet264")
SMALL: dict[str, dict[str, Any]] = {
    **{word: {"spatial_dims": 2, "out_channels": 3, "channels": (4, 8), "strides": (2,)} for word in UNETS},
    "DynUNet": {
        "spatial_dims": 2, "out_channels": 3, "kernel_size": (3, 3, 3), "strides": (1, 2, 2),
        "upsample_kernel_size": (2, 2),
    },
    **{key: {"spatial_dims": 2, "out_channels": 3} for key in ("BasicUNet", "BasicUnet", "Basicunet")},
    "SegResNet": {"spatial_dims": 2, "out_channels": 3},
    "UNETR": {"spatial_dims": 2, "out_channels": 3, "img_size": 32, "hidden_size": 24, "mlp_dim": 24, "num_heads": 2},
    "SwinUNETR": {"spatial_dims": 2, "out_channels": 3, "feature_size": 12},
    "VNet": {"spatial_dims": 2, "out_channels": 3},
    **{word: {"spatial_dims": 2, "out_channels": 3} for word in DENSE},
    "EfficientNetBN": {"model_name": "efficientnet-b0", "pretrained": False, "spatial_dims": 2, "num_classes": 3},
}  # fmt: skip


@pytest.mark.parametrize(("row", "name"), cases(lambda row: row.names[0].startswith("monai.networks")))
def test_a_network_of_monai_gives_raw_scores(row: Row, name: str) -> None:
    torch.manual_seed(0)
    made = resolve(name)(in_channels=1, **SMALL[name.rsplit(".", 1)[-1]])
    real = list(words_of(resolve(name).__init__))
    assert real[: len(row.build)] == list(row.build)
    raw_scores(made.eval()(torch.randn(2, 1, *[32 if name.endswith(".UNETR") else 64] * 2)), classes=3)
