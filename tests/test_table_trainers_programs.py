"""What the programs of the table say of trainers and of the networks that libraries build, seen on the libraries.

What a trainer calls is looked at by a model and a loss that remember what they were given. Run as the rows are, see
`test_table_trainers.py`: `pytest -m trainers`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from rawlogits.space import Space  # noqa: E402
from rawlogits.table.trainers import ROWS  # noqa: E402
from table_witness import resolve  # noqa: E402
from trainers_witness import INSTALLED, in_library, names_in, needs, raw_scores, same, turned  # noqa: E402

pytestmark = [pytest.mark.trainers, pytest.mark.filterwarnings("ignore")]
if not INSTALLED:
    pytest.skip("no trainer is installed", allow_module_level=True)

# Networks of the other libraries --------------------------------------------------------------------------------------


LAST = {"_EndsInFc": "fc", "_EndsInClassifier": "classifier", "_Dense": "classifier", "_EndsInHead": "head",
        "_EndsInHeads": "heads", "_Squeeze": "classifier"}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "last"),
    [
        pytest.param(name, last, id=name, marks=needs("torchvision"))
        for base, last in LAST.items()
        for name in names_in("torchvision.models")
        if name in names_in("torchvision.models", f"{base}.")
    ],
)
def test_a_classifier_of_torchvision_ends_in_a_layer_of_this_name(name: str, last: str) -> None:
    with contextlib.nullcontext() if name.startswith("regnet") else torch.device("meta"):
        made = resolve(f"torchvision.models.{name}")(num_classes=7)
    layers = [layer for layer in getattr(made, last).modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    assert getattr(layers[-1], "out_features", getattr(layers[-1], "out_channels", 0)) == 7
    assert not [layer for layer in made.modules() if isinstance(layer, (nn.Softmax, nn.LogSoftmax)) and layer in layers]


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_a_classifier_of_torchvision_gives_raw_scores(name: str) -> None:
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    made = getattr(models, name)(num_classes=7)
    out = made(torch.randn(2, 3, 96, 96))
    assert out.shape == (2, 7)
    assert not same(out.sum(1), torch.ones(2))


TIMM = {"resnet18": "fc", "efficientnet_b0": "classifier", "vit_tiny_patch16_224": "head", "convnext_atto": "head.fc",
        "densenet121": "classifier", "legacy_xception": "fc", "pnasnet5large": "last_linear"}  # fmt: skip


@pytest.mark.parametrize(("name", "last"), TIMM.items())
def test_a_classifier_of_timm_ends_in_a_layer_of_this_name(name: str, last: str) -> None:
    timm = pytest.importorskip("timm")
    if name not in timm.list_models():
        pytest.skip(f"this timm has no {name}")
    with torch.device("meta"):
        made, whole = timm.create_model(name, num_classes=7), timm.create_model(name)
    assert made.get_classifier() is made.get_submodule(last)
    assert made.get_classifier().out_features == 7
    assert whole.get_classifier().out_features == 1000


def test_a_classifier_of_timm_gives_raw_scores_or_features() -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    x = torch.randn(2, 3, 64, 64)
    raw_scores(timm.create_model("resnet18", num_classes=7)(x), classes=7)
    assert timm.create_model("resnet18", num_classes=0)(x).shape == (2, 512)
    assert isinstance(timm.create_model("resnet18", features_only=True)(x), list)
    made = timm.create_model("resnet18")
    made.reset_classifier(5)
    raw_scores(made(x), classes=5)


SMP = pytest.param("segmentation_models_pytorch", marks=needs("segmentation_models_pytorch"))


@pytest.mark.parametrize("library", [SMP])
@pytest.mark.parametrize("word", names_in("segmentation_models_pytorch"))
def test_a_segmentation_model_gives_raw_scores_unless_it_is_given_an_activation(library: str, word: str) -> None:
    smp = pytest.importorskip(library)
    encoder = {"encoder_name": "tu-vit_tiny_patch16_224" if word == "DPT" else "resnet18", "encoder_weights": None}
    size = {"DPT": 224, "PAN": 256}.get(word, 64)
    torch.manual_seed(0)
    made = getattr(smp, word)(classes=3, **encoder).eval()
    x = torch.randn(1, 3, size, size)
    raw_scores(made(x), classes=3)


@pytest.mark.parametrize(
    ("activation", "space"), [(None, None), ("sigmoid", "sigmoid"), ("softmax2d", "probs"), (nn.Sigmoid, "sigmoid")]
)
def test_a_segmentation_model_applies_the_activation_that_it_is_given(activation: Any, space: str | None) -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    torch.manual_seed(0)
    raw = smp.Unet("resnet18", encoder_weights=None, classes=3).eval()
    made = smp.Unet("resnet18", encoder_weights=None, classes=3, activation=activation).eval()
    made.load_state_dict(raw.state_dict())
    x = torch.randn(1, 3, 64, 64)
    assert same(made(x), turned(Space(space), raw(x)) if space else raw(x))


@pytest.mark.parametrize(("activation", "space"), [(None, None), ("softmax2d", "probs")])
def test_a_second_head_of_a_segmentation_model_has_an_activation_of_its_own(activation: Any, space: str | None) -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    torch.manual_seed(0)
    options = {"encoder_weights": None, "classes": 3}
    raw = smp.Unet("resnet18", **options, aux_params={"classes": 5}).eval()
    made = smp.Unet("resnet18", **options, aux_params={"classes": 5, "activation": activation}).eval()
    made.load_state_dict(raw.state_dict())
    x = torch.randn(2, 3, 64, 64)
    (masks, scores), (same_masks, found) = raw(x), made(x)
    raw_scores(scores, classes=5)
    assert same(same_masks, masks)
    assert same(found, turned(Space(space), scores) if space else scores)


# Trainers: what they call ---------------------------------------------------------------------------------------------


class Remembers(nn.Module):
    """A linear model, or a loss, that keeps what it was given and what it gave."""

    def __init__(self, end: nn.Module | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.end = end or nn.Identity()
        self.gave: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.gave = self.end(self.layer(x))
        return self.gave


class Criterion(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.given: list[Tensor] = []

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        self.given.append(scores.detach().clone())
        return functional.cross_entropy(scores, labels)


def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])


def loader() -> list[tuple[Tensor, Tensor]]:
    return [batch()]


def dataset() -> Any:
    return torch.utils.data.TensorDataset(*batch())


def test_ignite_gives_the_loss_what_the_model_gives_through_its_transform() -> None:
    engine = pytest.importorskip("ignite.engine")
    for transform in (lambda out: out, lambda out: out * 2):
        model, criterion = Remembers(nn.Softmax(dim=1)), Criterion()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        trainer = engine.create_supervised_trainer(model, optimizer, criterion, model_transform=transform)
        trainer.run(loader(), max_epochs=1)
        assert model.gave is not None
        assert same(criterion.given[0], transform(model.gave))


@pytest.mark.parametrize("word", names_in("ignite.engine", "supervised"))
def test_the_steps_of_ignite_take_model_and_loss_in_one_order(word: str) -> None:
    pytest.importorskip("ignite.engine")
    found = inspect.signature(resolve(f"ignite.engine.{word}")).parameters
    assert list(found)[:3] == ["model", "optimizer", "loss_fn"]
    assert "model_transform" in found


def test_accelerate_hands_everything_back() -> None:
    accelerator = pytest.importorskip("accelerate").Accelerator(cpu=True)
    model, x = Remembers(nn.Softmax(dim=1)), batch()[0]
    alone = accelerator.prepare(model)
    both, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert same(alone(x), model(x))
    assert same(accelerator.unwrap_model(both)(x), model(x))
    assert hasattr(optimizer, "step")
    for hand_on in (accelerator.gather, accelerator.gather_for_metrics, accelerator.pad_across_processes):
        assert same(hand_on(model(x)), model(x))
    accelerator.backward(functional.cross_entropy(model(x), batch()[1]))
    assert model.layer.weight.grad is not None


@pytest.mark.parametrize("library", ["lightning.pytorch", "pytorch_lightning"])
def test_lightning_calls_the_steps_in_their_modes(library: str) -> None:
    pl = pytest.importorskip(library)
    seen: list[tuple[str, bool]] = []

    class Plan(pl.LightningModule):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = Remembers()

        def forward(self, x: Tensor) -> Any:
            return self.net(x)

        def training_step(self, batch: Any, index: int) -> Tensor:
            seen.append(("training_step", self.training))
            return functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch: Any, index: int) -> None:
            seen.append(("validation_step", self.training))

        def test_step(self, batch: Any, index: int) -> None:
            seen.append(("test_step", self.training))

        def predict_step(self, batch: Any, index: int) -> Any:
            seen.append(("predict_step", self.training))
            return self(batch[0])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer, plan = pl.Trainer(max_epochs=1, accelerator="cpu", num_sanity_val_steps=0, **quiet), Plan()
    data = torch.utils.data.DataLoader(dataset(), batch_size=5)
    trainer.fit(plan, data, data)
    trainer.test(plan, data, verbose=False)
    out = trainer.predict(plan, data)
    assert seen == [("training_step", True), *((f"{word}_step", False) for word in ("validation", "test", "predict"))]
    assert same(out[0], plan.net(batch()[0]))


def test_fabric_hands_back_what_it_is_given() -> None:
    fabric = pytest.importorskip("lightning.fabric").Fabric(accelerator="cpu")
    model, (x, _) = Remembers(nn.Softmax(dim=1)), batch()
    both, _ = fabric.setup(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert same(both(x), model(x))
    assert same(fabric.setup_module(Remembers().requires_grad_())(x), torch.zeros(5, 3)) is False
    assert same(fabric.to_device(x), x)
    assert fabric.launch(lambda given, word: (given is fabric, word), 7) == (True, 7)
    data = torch.utils.data.DataLoader(dataset())
    assert len(fabric.setup_dataloaders(data)) == 5
    assert len(fabric.setup_dataloaders(data, data)) == 2


def test_skorch_takes_the_logarithm_itself_for_its_default_criterion() -> None:
    skorch = pytest.importorskip("skorch")
    net = skorch.NeuralNetClassifier(Remembers, module__end=nn.Softmax(dim=1)).initialize()
    x, y = batch()
    p = net.infer(x)
    assert same(p.sum(1), torch.ones(5))
    assert net.get_loss(p, y).item() == pytest.approx(functional.nll_loss(p.log(), y).item(), rel=1e-5)
    other = skorch.NeuralNetClassifier(Remembers, criterion=nn.CrossEntropyLoss).initialize()
    z = other.infer(x)
    assert other.get_loss(z, y).item() == pytest.approx(functional.cross_entropy(z, y).item())


def test_skorch_gives_the_binary_criterion_scores() -> None:
    skorch = pytest.importorskip("skorch")
    net = skorch.NeuralNetBinaryClassifier(nn.Linear, module__in_features=4, module__out_features=1).initialize()
    x, y = batch()
    z = net.infer(x)
    assert isinstance(net.criterion_, nn.BCEWithLogitsLoss)
    expected = functional.binary_cross_entropy_with_logits(z, (y > 0).float())
    assert bool(z.min() < 0)
    assert net.get_loss(z, (y > 0).float()).item() == pytest.approx(expected.item())


def test_fastai_gives_the_loss_what_the_model_gives() -> None:
    learner = pytest.importorskip("fastai.learner")
    pytest.importorskip("fastai.callback.progress")
    data = pytest.importorskip("fastai.data.core")
    make = pytest.importorskip("fastai.data.load").DataLoader
    rows = list(zip(*batch(), strict=True))
    loaders = data.DataLoaders(make(rows, bs=5), make(rows, bs=5))
    model, criterion = Remembers(nn.Softmax(dim=1)), Criterion()
    learn = learner.Learner(loaders, model, loss_func=criterion)
    with learn.no_bar(), learn.no_logging():
        learn.fit(1, lr=0.0)
    assert same(criterion.given[0], model(batch()[0]))


def test_monai_gives_the_loss_what_the_network_gives() -> None:
    engines = pytest.importorskip("monai.engines")
    model, criterion, (x, y) = Remembers(nn.Softmax(dim=1)), Criterion(), batch()
    trainer = engines.SupervisedTrainer(
        device=torch.device("cpu"), max_epochs=1, train_data_loader=[{"image": x, "label": y}], network=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.0), loss_function=criterion,
    )  # fmt: skip
    trainer.run()
    assert same(criterion.given[0], model(x))


def test_the_inferers_of_monai_return_what_the_network_returns() -> None:
    inferers = pytest.importorskip("monai.inferers")
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Conv2d(1, 3, 1), nn.Softmax(dim=1)), torch.randn(1, 1, 16, 16)
    assert same(inferers.sliding_window_inference(x, (8, 8), 2, net), net(x))
    assert same(inferers.SlidingWindowInferer((8, 8))(x, net), net(x))
    assert same(inferers.SimpleInferer()(x, net), net(x))


def test_the_losses_of_monai_that_hold_a_loss_call_it() -> None:
    losses = pytest.importorskip("monai.losses")
    torch.manual_seed(3)
    z = 2 * torch.randn(2, 3, 8, 8)
    hot = functional.one_hot(torch.randint(0, 3, (2, 8, 8)), 3).movedim(-1, 1).float()
    whole, plain = losses.DeepSupervisionLoss(losses.DiceLoss(softmax=True)), losses.DiceLoss(softmax=True)
    assert same(whole(z, hot), plain(z, hot))
    assert same(losses.MaskedLoss(losses.DiceLoss, softmax=True)(z, hot), plain(z, hot))
    assert same(losses.MaskedLoss(plain)(z, hot), plain(z, hot))


def test_catalyst_gives_the_loss_what_the_model_gives() -> None:
    dl = pytest.importorskip("catalyst.dl", exc_type=ImportError)
    if not hasattr(pytest.importorskip("accelerate.state").DistributedType, "TPU"):
        pytest.skip("this catalyst does not run with this accelerate")
    model, criterion = Remembers(nn.Softmax(dim=1)), Criterion()
    data = {"train": torch.utils.data.DataLoader(dataset(), batch_size=5)}
    dl.SupervisedRunner().train(
        model=model, criterion=criterion, optimizer=torch.optim.SGD(model.parameters(), lr=0.0), loaders=data,
        num_epochs=1,
    )  # fmt: skip
    assert same(criterion.given[0], model(batch()[0]))


def test_a_metric_takes_scores_and_probabilities_alike() -> None:
    """Why no metric of torchmetrics is a row: nothing that it is given can be wrong."""
    metrics = pytest.importorskip("torchmetrics.functional.classification")
    torch.manual_seed(0)
    z, y = 3 * torch.randn(50, 4), torch.randint(0, 4, (50,))
    assert same(metrics.multiclass_accuracy(z, y, 4), metrics.multiclass_accuracy(z.softmax(1), y, 4))
    assert same(metrics.multiclass_auroc(z, y, 4), metrics.multiclass_auroc(z.softmax(1), y, 4))
    assert not [row for row in ROWS if row.names[0].startswith("torchmetrics.")]


# Transformers ---------------------------------------------------------------------------------------------------------


@cache
def bert(problem: str | None = None) -> Any:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.BertConfig(vocab_size=32, num_labels=3, problem_type=problem, **small)
    return transformers.BertForSequenceClassification(config).eval()


IDS = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [2, 4, 8]]
PROBLEMS: dict[str, tuple[Any, Callable[[Tensor, Tensor], Tensor]]] = {
    "single_label_classification": (
        [0, 1, 2, 0],
        lambda z, y: functional.nll_loss(z.softmax(1).log(), y),
    ),
    "multi_label_classification": (
        [[1.0, 0, 1], [0, 1.0, 0], [1, 1, 1.0], [0, 0, 0.0]],
        lambda z, y: -(y * z.sigmoid().log() + (1 - y) * (1 - z.sigmoid()).log()).mean(),
    ),
    "regression": ([[0.5, 1, 2]] * 4, lambda z, y: ((z - y) ** 2).mean()),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_model_of_transformers_applies_the_activation_in_its_loss_and_returns_raw_logits(problem: str) -> None:
    labels, reference = PROBLEMS[problem]
    ids, y = torch.tensor(IDS), torch.tensor(labels)
    model = bert(problem)
    out, alone = model(input_ids=ids, labels=y), model(input_ids=ids)
    assert same(out.loss, reference(out.logits, y))
    assert same(out.logits, alone.logits)
    hidden = model.bert(input_ids=ids).pooler_output
    assert same(out.logits, model.classifier(hidden))


def test_places_in_an_output_of_transformers_count_the_loss() -> None:
    ids, y = torch.tensor(IDS), torch.tensor([0, 1, 2, 0])
    with_labels, without = bert()(input_ids=ids, labels=y), bert()(input_ids=ids)
    assert same(with_labels[0], with_labels.loss)
    assert same(with_labels[1], with_labels.logits)
    assert same(without[0], without.logits)
    assert same(without["logits"], without.logits)


def heads(pattern: str) -> list[str]:
    return [name for name in names_in("transformers", "_Head") if pattern in name and not name.startswith("Auto")]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=needs("transformers")) for name in [*heads("Classification"), *heads("CausalLM")]],
)
def test_a_head_of_transformers_ends_in_a_layer_without_activation(name: str) -> None:
    found = in_library(f"transformers.{name}")
    with torch.device("meta"):
        made = found(found.config_class())
    ends = ("Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid")
    assert not [layer for layer in list(made.children())[-1].modules() if type(layer).__name__ in ends]


def test_a_trainer_of_transformers_computes_the_loss_of_the_outputs(tmp_path: Any) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    seen: list[Tensor] = []

    def mine(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Any:
        seen.append(outputs["logits"].detach())
        return functional.cross_entropy(outputs["logits"], labels)

    rows = [{"input_ids": ids, "labels": 1} for ids in IDS]
    plan = transformers.TrainingArguments(str(tmp_path), max_steps=1, report_to=[], use_cpu=True, disable_tqdm=True)
    trainer = transformers.Trainer(model=bert(), args=plan, train_dataset=rows, compute_loss_func=mine)
    trainer.train()
    raw_scores(seen[0], classes=3)
