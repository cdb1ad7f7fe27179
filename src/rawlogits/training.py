"""`verify` and `watch`: what reaches the loss in a real training step, judged by the rules that judge code.

>>> import torch
>>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1))
>>> report = verify(net, torch.nn.CrossEntropyLoss(), (torch.randn(8, 4), torch.randint(0, 3, (8,))))
>>> report.verdict, [(finding.rule, finding.module) for finding in report.findings]
('PROVED', [('double-softmax', '1')])
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawlogits.errors import InputError, StepError, StepWarning
from rawlogits.finding import Confidence, Finding, Severity
from rawlogits.rules import book
from rawlogits.table.lookup import Table

if TYPE_CHECKING:
    import torch

    from rawlogits.runtime.torch import Met, Tracer

PROVED, SUSPECTED, CLEAN, UNKNOWN = "PROVED", "SUSPECTED", "CLEAN", "UNKNOWN"


@dataclass(frozen=True, slots=True)
class StepFinding:
    """What a rule says of a value in a step that ran."""

    rule: str
    code: str
    severity: Severity
    verdict: str
    """"PROVED": every operation from the activation to the demand was seen. "SUSPECTED": some only suggest it."""
    message: str
    module: str
    """The dotted name of the module that applied the activation, "" outside of one."""
    path: str
    line: int
    axis: int | None
    evidence: tuple[str, ...]
    fix: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.verdict}: {self.rule}: {self.message}"


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step showed. The verdict is never better than what was seen; `coverage` says what that is.

    "PROVED" or "SUSPECTED": so is a finding that is an error. "CLEAN": none, and what made the value that each loss got
    is known. "UNKNOWN": a loss got a value of unknown making, or there was none.

    >>> StepReport((), UNKNOWN, "no loss was computed").verdict
    'UNKNOWN'
    """

    findings: tuple[StepFinding, ...]
    verdict: str
    coverage: str
    losses: int = 0
    """How many losses were met."""

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), f"{self.verdict}: {self.coverage}"])


def verify(
    model: torch.nn.Module,
    loss_fn: Callable[..., Any] | None,
    batch: Sequence[Any] | Mapping[str, Any],
    *,
    root: str | os.PathLike[str] | None = None,
) -> StepReport:
    """Run a model and its loss once as in training and once as in evaluation, and report what reached the loss.

    `batch` is (inputs, target) for `loss_fn(model(inputs), target)`; inputs that are a dict or a tuple are spread over
    the model's parameters. With a dict as `batch` the loss is that of `model(**batch)`, and `loss_fn` is None: what
    models of the Hugging Face kind compute from `labels=`. Nothing is trained: weights, buffers, random numbers and
    modes of modules are what they were. Places are relative to `root`, the working directory by default.

    InputError where PyTorch is missing or too old, the batch has another form, or the loss is no tensor of one number.
    """
    _torch_or_raise()
    import torch

    from rawlogits.runtime.torch import Tracer

    if not isinstance(model, torch.nn.Module):
        raise InputError(f"model is a {type(model).__name__}; verify wants a torch.nn.Module")
    given = _given(loss_fn, batch)
    base = Path(os.path.abspath(root or Path.cwd()))
    seen: dict[str, Tracer] = {}
    for mode in ("training", "evaluation"):
        with _as_before(model), torch.compiler.set_stance("force_eager"):
            model.train(mode == "training")
            seen[mode] = Tracer(Table.standard(), base, model)
            with seen[mode]:
                loss = _loss(model, loss_fn, given)
        _scalar_or_raise(loss)
    return _report(seen)


class watch(contextlib.ContextDecorator):
    """Follow the first `steps` training steps of a block or a function, in whatever loop they run, and report.

    A step ends where gradients are taken. Once the steps are over everything that was put in is taken out, and the
    rest runs as if nothing had been there; weights are bitwise those of a run without. `model` gives modules their
    names. `report` is what was seen so far. `on` says what a step that is wrong does: "warn" (a StepWarning, also where
    no loss was computed), "raise" (a StepError before the gradients are taken, where it is proved) or "record".

    InputError for another `on`, for steps that are no positive number, and where PyTorch is missing or too old.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1))
    >>> with watch(net, on="record") as seen:
    ...     torch.nn.functional.cross_entropy(net(torch.randn(8, 4)), torch.randint(0, 3, (8,))).backward()
    >>> seen.report.verdict
    'PROVED'
    """

    def __init__(
        self,
        model: torch.nn.Module | None = None,
        *,
        steps: int = 1,
        on: str = "warn",
        root: str | os.PathLike[str] | None = None,
    ) -> None:
        if on not in ("warn", "raise", "record"):
            raise InputError(f'on is {on!r}; allowed are "warn", "raise" and "record"')
        if not isinstance(steps, int) or steps < 1:
            raise InputError(f"steps is {steps!r}; it wants a number of steps to follow, 1 or more")
        _torch_or_raise()
        self.model, self.steps, self.on = model, steps, on
        self.root = Path(os.path.abspath(root or Path.cwd()))
        self._tracer: Tracer | None = None
        self._stack = contextlib.ExitStack()
        self._done = 0

    @property
    def report(self) -> StepReport:
        """What the steps showed so far."""
        return _report({"training": self._tracer} if self._tracer is not None else {})

    def __enter__(self) -> watch:
        if self._tracer is None:
            import torch

            from rawlogits.runtime.torch import Tracer, forget, listen

            self._tracer = Tracer(Table.standard(), self.root, self.model)
            self._stack.enter_context(torch.compiler.set_stance("force_eager"))
            self._stack.callback(forget, self._backward)
            listen(self._backward)
            self._stack.enter_context(self._tracer)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        was_on = self._tracer is not None and self._tracer.is_on
        self._stack.close()
        if was_on and self._tracer is not None:
            self._tracer.is_on = False
            if kind is None:
                self._tell()

    def _backward(self) -> None:
        """Gradients are about to be taken: of the loss, or on the way to one that is not computed yet."""
        tracer = self._tracer
        if tracer is None or not tracer.is_on or not any(met.verb == "loss" for met in tracer.met):
            return
        self._done += 1
        if self._done < self.steps:
            return
        tracer.is_on = False
        if tracer.is_innermost():
            self._stack.close()
        self._tell()

    def _tell(self) -> None:
        report = self.report
        if self.on == "raise" and report.verdict == PROVED:
            raise StepError(str(report))
        if self.on == "warn" and (report.verdict in (PROVED, SUSPECTED) or not report.losses):
            warnings.warn(str(report), StepWarning, stacklevel=3)


def _torch_or_raise() -> None:
    if importlib.util.find_spec("torch") is None:
        raise InputError("training steps are PyTorch's, which is not installed: pip install 'rawlogits[torch]'")
    import torch

    version = tuple(int(each) for each in torch.__version__.split(".")[:2])
    if version < (2, 6):
        raise InputError(f"following a step wants PyTorch 2.6 or newer, and this is {torch.__version__}")


Given = tuple[tuple[Any, ...], Mapping[str, Any], Any]
"""Positional and keyword arguments of the model, and the target."""


def _given(loss_fn: Callable[..., Any] | None, batch: Sequence[Any] | Mapping[str, Any]) -> Given:
    if isinstance(batch, Mapping):
        if loss_fn is not None:
            raise InputError("batch is a dict, whose loss the model computes; give loss_fn=None, or (inputs, target)")
        return (), batch, None
    if loss_fn is None:
        raise InputError(
            "loss_fn is None, so the model computes the loss; give what it takes as a dict, labels and all"
        )
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        words = f"of {len(batch)}" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise InputError(f"batch is a sequence {words}; verify wants (inputs, target), or a dict with loss_fn=None")
    inputs, target = batch
    if isinstance(inputs, Mapping):
        return (), inputs, target
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,), {}, target


def _loss(model: torch.nn.Module, loss_fn: Callable[..., Any] | None, given: Given) -> Any:
    args, kwargs, target = given
    output = model(*args, **kwargs)
    if loss_fn is not None:
        return loss_fn(output, target)
    return output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)


def _scalar_or_raise(loss: Any) -> None:
    import torch

    if not isinstance(loss, torch.Tensor):
        raise InputError(f"the loss is a {type(loss).__name__}; verify wants a tensor of one number")
    if loss.numel() != 1:
        shape = tuple(loss.shape)
        raise InputError(f"the loss is a tensor of shape {shape}; verify wants one number: a mean or a sum of it")


@contextlib.contextmanager
def _as_before(model: torch.nn.Module) -> Iterator[None]:
    """Put modes, buffers and random numbers back."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    buffers = [(each, each.detach().clone()) for each in model.buffers()]
    devices = sorted({each.device.index or 0 for each in model.parameters() if each.device.type == "cuda"})
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
            with torch.no_grad():
                for buffer, value in buffers:
                    buffer.copy_(value)


# -- the report ------------------------------------------------------------------------------------------------------


def _report(seen: Mapping[str, Tracer]) -> StepReport:
    found: dict[tuple[str, str, int], tuple[Finding, Met, list[str]]] = {}
    for mode, tracer in seen.items():
        for arrival, met in tracer.arrivals:
            for finding in book.judge(arrival, book.rules()):
                key = (finding.rule, finding.place.path, finding.place.line)
                modes = found.setdefault(key, (finding, met, []))[2]
                modes += [mode] * (mode not in modes)
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.ADVICE: 2}
    findings = tuple(
        sorted(starmap(_finding, found.values()), key=lambda each: (order[each.severity], each.path, each.line))
    )
    met_losses = [met for tracer in seen.values() for met in tracer.met if met.verb == "loss"]
    losses = {(met.place, met.operator): met for met in met_losses}
    unknown = [met for met in met_losses if met.state is None]
    errors = {each.verdict for each in findings if each.severity is Severity.ERROR}
    verdict = next(
        (each for each in (PROVED, SUSPECTED) if each in errors), UNKNOWN if unknown or not losses else CLEAN
    )
    return StepReport(findings, verdict, _coverage(list(losses.values()), unknown), len(losses))


def _finding(finding: Finding, met: Met, modes: Sequence[str]) -> StepFinding:
    arrival, state = finding.arrival, met.state
    assert arrival is not None
    assert state is not None
    is_sure = finding.confidence is Confidence.CERTAIN and not (arrival.scaled or arrival.guarded or state.mixed)
    evidence = [f"{step.place.home}:{step.place.line}: {step.text}" for step in finding.trace]
    evidence.append(f"seen in {' and '.join(modes)}")
    return StepFinding(
        rule=finding.rule,
        code=finding.code,
        severity=finding.severity,
        verdict=PROVED if is_sure else SUSPECTED,
        message=finding.message,
        module=state.module,
        path=finding.trace[0].place.home,
        line=finding.trace[0].place.line,
        axis=arrival.axis,
        evidence=tuple(evidence),
        fix=finding.fix.message if finding.fix is not None else "",
    )


def _coverage(losses: Sequence[Met], unknown: Sequence[Met]) -> str:
    if not losses:
        return "no loss was computed that the table knows"
    count = f"{len(losses)} loss{'es' if len(losses) > 1 else ''} checked"
    if not unknown:
        return f"{count}, chain complete"
    place = unknown[0].place
    return f"{count}, {len(unknown)} of unknown making: {unknown[0].operator} at {place.home}:{place.line}"
