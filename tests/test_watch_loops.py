"""`watch` in the loops that people train with: the same finding in each, and nothing left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.overrides import _get_current_function_mode_stack  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from rawlogits.training import watch  # noqa: E402

X, Y = torch.randn(32, 6, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 3


def net() -> Any:
    return nn.Sequential(nn.Linear(6, 3), nn.Softmax(dim=1))


def batches() -> Any:
    return DataLoader(TensorDataset(X, Y), batch_size=8)


def assert_found(seen: watch, module: str = "1") -> None:
    (finding,) = seen.report.findings
    assert (seen.report.verdict, finding.rule, finding.module) == ("PROVED", "double-softmax", module)
    assert Path(finding.path).name == Path(__file__).name
    assert not _get_current_function_mode_stack()
    assert not hasattr(torch.Tensor.backward, "__wrapped__")


# -- PyTorch alone ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpointed_model(reentrant: bool) -> None:
    model = net()
    with watch(model, on="record") as seen:
        F.cross_entropy(checkpoint(model, X.clone().requires_grad_(), use_reentrant=reentrant), Y).backward()
    assert_found(seen)


def test_mixed_precision() -> None:
    model = net()
    with watch(model, on="record") as seen:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(X), Y)
        loss.backward()
    assert_found(seen)


def test_a_compiled_model() -> None:
    model = torch.compile(net(), backend="eager")
    with watch(model, on="record") as seen:
        F.cross_entropy(model(X), Y).backward()
    assert_found(seen, "_orig_mod.1")


def test_accumulated_gradients() -> None:
    model = net()
    with watch(model, on="record", steps=2) as seen:
        for x, y in batches():
            (F.cross_entropy(model(x), y) / 4).backward()
    assert_found(seen)


def test_several_losses_of_which_one_is_wrong() -> None:
    model, other = net(), nn.Linear(6, 3)
    with watch(model, on="record") as seen:
        (F.cross_entropy(model(X), Y) + F.cross_entropy(other(X), Y)).backward()
    assert_found(seen)
    assert seen.report.coverage == "2 losses checked, chain complete"


def test_functional_gradients() -> None:
    model = net()

    def loss(parameters: Any) -> Any:
        return F.cross_entropy(torch.func.functional_call(model, parameters, (X,)), Y)

    with watch(model, on="record") as seen:
        torch.func.grad(loss)(dict(model.named_parameters()))
    assert_found(seen)


# -- trainers --------------------------------------------------------------------------------------------------------


@pytest.mark.trainers
def test_lightning(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def training_step(self, batch: Any, index: int) -> Any:
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    module = Module()
    with watch(module, on="record") as seen:
        options = {**dict.fromkeys(quiet, False), "accelerator": "cpu", "default_root_dir": tmp_path}
        lightning.Trainer(max_epochs=1, **options).fit(module, batches())
    assert_found(seen, "net.1")


@pytest.mark.trainers
def test_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def forward(self, x: Any, labels: Any) -> Any:
            output = self.net(x)
            return {"loss": F.cross_entropy(output, labels), "logits": output}

    model, data = Model(), [{"x": x, "labels": y} for x, y in zip(X, Y, strict=True)]
    options = {"report_to": [], "use_cpu": True, "save_strategy": "no", "disable_tqdm": True}
    with watch(model, on="record") as seen:
        given = transformers.TrainingArguments(str(tmp_path), max_steps=2, **options)
        transformers.Trainer(model, given, train_dataset=data).train()
    assert_found(seen, "net.1")


@pytest.mark.trainers
def test_accelerate() -> None:
    accelerate = pytest.importorskip("accelerate")
    accelerator, model = accelerate.Accelerator(cpu=True), net()
    model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1), batches())
    with watch(model, on="record") as seen:
        for x, y in loader:
            optimizer.zero_grad()
            accelerator.backward(F.cross_entropy(model(x), y))
            optimizer.step()
    assert_found(seen)


@pytest.mark.trainers
def test_ignite() -> None:
    engine, model = pytest.importorskip("ignite.engine"), net()
    trainer = engine.create_supervised_trainer(model, torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss())
    with watch(model, on="record") as seen:
        trainer.run(batches(), max_epochs=1)
    assert_found(seen)


@pytest.mark.trainers
def test_skorch() -> None:
    skorch = pytest.importorskip("skorch")
    trainer = skorch.NeuralNetClassifier(
        net(), criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0, train_split=None
    )
    with watch(on="record") as seen:
        trainer.fit(X.numpy(), Y.numpy())
    assert_found(seen, "")
