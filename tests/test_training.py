"""`verify`: a model and its loss are run, and what reached the loss is judged. Real models, real losses."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.overrides import _get_current_function_mode_stack  # noqa: E402

from rawlogits.errors import InputError, StepError, StepWarning  # noqa: E402
from rawlogits.training import StepReport, verify, watch  # noqa: E402

X, Y = torch.randn(8, 6, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3
HERE = Path(__file__)


class Net(nn.Module):
    """Scores of three classes; with `last` on top of them."""

    def __init__(self, last: Any = None) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(8, 3)
        self.last = last

    def forward(self, x: Any) -> Any:
        scores = self.head(self.body(x))
        return scores if self.last is None else self.last(scores)


def line_of(words: str) -> int:
    """The one line of this file that ends in these words."""
    (found,) = (n for n, line in enumerate(HERE.read_text().splitlines(), 1) if line.endswith(words))
    return found


def rules(report: StepReport) -> list[str]:
    return [finding.rule for finding in report.findings]


# -- what is found ---------------------------------------------------------------------------------------------------


def test_a_module_that_ends_in_softmax() -> None:
    report = verify(Net(nn.Softmax(dim=1)), nn.CrossEntropyLoss(), (X, Y), root=HERE.parent)
    (finding,) = report.findings
    assert (report.verdict, report.coverage) == ("PROVED", "1 loss checked, chain complete")
    assert (finding.rule, finding.verdict, finding.module, finding.axis) == ("double-softmax", "PROVED", "last", 1)
    assert finding.message == "cross_entropy wants logits, got softmax probabilities"
    assert finding.evidence[-1] == "seen in training and evaluation"


def test_a_function_is_found_with_its_line() -> None:
    def last(scores: Any) -> Any:
        return F.softmax(scores, dim=1).clone()  # the softmax

    (finding,) = verify(Net(last), F.cross_entropy, (X, Y), root=HERE.parent).findings
    assert (finding.path, finding.line, finding.module) == ("test_training.py", line_of("# the softmax"), "")
    assert finding.evidence[0].endswith("made here: F.softmax(scores, dim=1)")


def test_raw_scores_are_clean() -> None:
    report = verify(Net(), nn.CrossEntropyLoss(label_smoothing=0.1), (X, Y))
    assert str(report) == "CLEAN: 1 loss checked, chain complete"


@pytest.mark.parametrize(
    ("last", "loss", "target", "found"),
    [
        (nn.Softmax(dim=1), nn.NLLLoss(), Y, "probabilities-into-log-loss"),
        (None, nn.NLLLoss(), Y, "logits-into-log-loss"),
        (nn.Sigmoid(), nn.BCEWithLogitsLoss(), F.one_hot(Y).float(), "double-sigmoid"),
        (nn.Softmax(dim=1), nn.BCEWithLogitsLoss(), F.one_hot(Y).float(), "wrong-activation"),
        (nn.LogSoftmax(dim=0), nn.NLLLoss(), Y, "wrong-axis"),
        (nn.LogSoftmax(dim=1), nn.CrossEntropyLoss(), Y, "redundant-log-softmax"),
        (nn.Softmax(dim=1), nn.KLDivLoss(reduction="batchmean"), F.one_hot(Y).float(), "probabilities-into-log-loss"),
    ],
)
def test_the_relatives_of_the_double_softmax(last: Any, loss: Any, target: Any, found: str) -> None:
    assert rules(verify(Net(last), loss, (X, target))) == [found]


@pytest.mark.parametrize(
    ("last", "loss", "target"),
    [
        (nn.LogSoftmax(dim=1), nn.NLLLoss(), Y),
        (lambda scores: F.softmax(scores, 1).clamp(min=1e-6).log(), nn.NLLLoss(), Y),
        (nn.Softmax(dim=1), nn.MSELoss(), F.one_hot(Y).float()),
        (lambda scores: scores * torch.sigmoid(scores), nn.CrossEntropyLoss(), Y),
        (lambda scores: torch.softmax(scores @ scores.T, 1) @ scores, nn.CrossEntropyLoss(), Y),
        (lambda scores: scores / 2 + 1, nn.CrossEntropyLoss(), Y),
        (lambda scores: F.softmax(scores, -1).mean(1).unsqueeze(1).expand(8, 3), nn.CrossEntropyLoss(), Y),
    ],
)
def test_what_is_right_is_not_found(last: Any, loss: Any, target: Any) -> None:
    report = verify(Net(last), loss, (X, target))
    assert not [each for each in report.findings if each.severity == "error"]
    assert report.verdict in ("CLEAN", "UNKNOWN")


def test_a_softmax_of_evaluation_alone_is_seen() -> None:
    class Both(Net):
        def forward(self, x: Any) -> Any:
            return super().forward(x) if self.training else torch.softmax(super().forward(x), 1)

    (finding,) = verify(Both(), nn.CrossEntropyLoss(), (X, Y)).findings
    assert finding.evidence[-1] == "seen in evaluation"


def test_scaled_probabilities_are_suspected() -> None:
    report = verify(Net(lambda scores: F.softmax(scores, 1) * 10), nn.CrossEntropyLoss(), (X, Y))
    assert (report.verdict, rules(report)) == ("SUSPECTED", ["double-softmax"])


def test_what_is_not_known_is_no_pass() -> None:
    report = verify(Net(out_and_in), F.cross_entropy, (X, Y))
    assert report.verdict == "UNKNOWN"
    assert report.coverage.startswith("1 loss checked, 2 of unknown making: cross_entropy at ")


def out_and_in(scores: Any) -> Any:
    """Another library doubles the numbers."""
    return torch.from_numpy(scores.detach().numpy() * 2).requires_grad_()


def test_no_loss_is_no_pass() -> None:
    report = verify(Net(), lambda output, target: output.pow(2).mean(), (X, Y))
    assert str(report) == "UNKNOWN: no loss was computed that the table knows"


def test_a_model_that_computes_its_loss() -> None:
    class Own(Net):
        def forward(self, x: Any, labels: Any) -> Any:
            scores = super().forward(x)
            return {"loss": F.cross_entropy(scores.softmax(-1), labels), "logits": scores}

    assert rules(verify(Own(), None, {"x": X, "labels": Y})) == ["double-softmax"]


def test_a_compiled_model_is_seen_through() -> None:
    net = torch.compile(Net(nn.Softmax(dim=1)), backend="eager")
    assert rules(verify(net, nn.CrossEntropyLoss(), (X, Y))) == ["double-softmax"]


# -- nothing is left behind ------------------------------------------------------------------------------------------


def test_nothing_is_changed() -> None:
    net = Net(nn.Softmax(dim=1)).train()
    net.body[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    verify(net, nn.CrossEntropyLoss(), (X, Y))
    assert torch.equal(torch.rand(3), expected)
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_nothing_is_left_behind_by_a_step_that_fails() -> None:
    def broken(output: Any, target: Any) -> Any:
        raise ZeroDivisionError("in the loss")

    net = Net()
    with pytest.raises(ZeroDivisionError, match="in the loss"):
        verify(net, broken, (X, Y))
    assert not _get_current_function_mode_stack()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_a_thread_beside_it_is_not_mixed_in() -> None:
    def last(scores: Any) -> Any:
        other = threading.Thread(target=lambda: nn.Softmax(dim=1)(torch.randn(2, 3)))
        other.start()
        other.join()
        return torch.softmax(scores, 1)

    (finding,) = verify(Net(last), nn.CrossEntropyLoss(), (X, Y)).findings
    assert finding.module == ""


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "loss", "batch", "words"),
    [
        (F.relu, F.cross_entropy, (X, Y), "model is a function; verify wants a torch.nn.Module"),
        (Net(), F.cross_entropy, X, "batch is a sequence Tensor; verify wants"),
        (Net(), F.cross_entropy, (X,), "batch is a sequence of 1; verify wants"),
        (Net(), F.cross_entropy, {"x": X}, "batch is a dict, whose loss the model computes"),
        (Net(), None, (X, Y), "loss_fn is None, so the model computes the loss"),
        (Net(), nn.CrossEntropyLoss(reduction="none"), (X, Y), r"the loss is a tensor of shape \(8,\)"),
        (Net(), lambda output, target: 1.0, (X, Y), "the loss is a float; verify wants a tensor of one number"),
    ],
)
def test_bad_input_is_named(model: Any, loss: Any, batch: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        verify(model, loss, batch)


# -- watching a loop -------------------------------------------------------------------------------------------------


def train(net: Any, steps: int = 3) -> list[Any]:
    """A plain loop; the weights at its end."""
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), Y).backward()
        optimizer.step()
    return [parameter.detach().clone() for parameter in net.parameters()]


def assert_nothing_is_left() -> None:
    assert not _get_current_function_mode_stack()
    for function in (torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad):
        assert not hasattr(function, "__wrapped__")


def double() -> Net:
    torch.manual_seed(0)
    return Net(nn.Softmax(dim=1))


def test_a_loop_is_watched_for_its_first_step() -> None:
    net = double()
    with watch(net, on="record") as seen:
        train(net)
        assert_nothing_is_left()
    (finding,) = seen.report.findings
    assert (finding.verdict, finding.module, finding.evidence[-1]) == ("PROVED", "last", "seen in training")


def test_training_is_bitwise_the_same() -> None:
    with watch(on="record", steps=2):
        watched = train(double())
    assert all(map(torch.equal, watched, train(double())))


def test_it_warns() -> None:
    with pytest.warns(StepWarning, match=r"PROVED: double-softmax: cross_entropy wants logits"), watch():
        train(double())


def test_it_raises_before_gradients_are_taken() -> None:
    net = double()
    with pytest.raises(StepError, match="double-softmax"), watch(on="raise"):
        train(net)
    assert all(parameter.grad is None for parameter in net.parameters())
    assert_nothing_is_left()


def test_a_clean_loop_says_nothing(recwarn: pytest.WarningsRecorder) -> None:
    with watch(on="raise") as seen:
        train(Net())
    assert (seen.report.verdict, len(recwarn)) == ("CLEAN", 0)


def test_a_block_without_a_loss_says_so() -> None:
    with pytest.warns(StepWarning, match="UNKNOWN: no loss was computed that the table knows"), watch():
        Net()(X)


def test_a_function_is_watched_when_it_first_runs() -> None:
    seen = watch(on="record")
    step = seen(train)
    step(double(), 1)
    step(Net(), 1)
    assert rules(seen.report) == ["double-softmax"]


def test_gradients_on_the_way_to_a_loss_end_no_step() -> None:
    net = double()
    with watch(net, on="record") as seen:
        x = X.clone().requires_grad_()
        (slope,) = torch.autograd.grad(outputs=net.head(net.body(x)).sum(), inputs=x, create_graph=True)
        (F.cross_entropy(net(X), Y) + slope.pow(2).mean()).backward()
    assert rules(seen.report) == ["double-softmax"]


def test_one_inside_another() -> None:
    outer, inner = watch(on="record", steps=2), watch(on="record")
    with outer:
        with inner:
            train(double(), 1)
        train(Net(), 1)
    assert rules(inner.report) == rules(outer.report) == ["double-softmax"]
    assert_nothing_is_left()


def test_another_mode_inside_is_left_alone() -> None:
    with watch(on="record") as seen:
        with torch.device("cpu"):
            train(double(), 1)
            assert _get_current_function_mode_stack()[-1] is not seen._tracer
        assert torch.zeros(2).device.type == "cpu"
    assert rules(seen.report) == ["double-softmax"]
    assert not _get_current_function_mode_stack()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_goes_wrong_in_the_block_comes_out_as_it_is(error: type[BaseException]) -> None:
    def step() -> None:
        Net()(X)
        raise error

    with pytest.raises(error), watch():
        step()
    assert_nothing_is_left()


@pytest.mark.parametrize(
    ("given", "words"),
    [({"on": "stop"}, "on is 'stop'; allowed are"), ({"steps": 0}, "steps is 0; it wants a number of steps to follow")],
)
def test_bad_options_are_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        watch(**given)
