"""The written expectations are true: the runnable cases run under real torch, and what their calls get is looked at.

A case runs when a fence says `run` after its file name. What a loss, an activation, a logarithm or a comparison
receives is classified by its numbers alone (they lie in [0, 1], they sum to one, their exponentials do), the call is
placed on the line of the case's own code, and both directions are compared with what the line expects.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import runpy
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import literate
from rawlogits.rules import book
from rawlogits.table.lookup import Table

torch = pytest.importorskip("torch")

from torch.overrides import TorchFunctionMode  # noqa: E402

from rawlogits.runtime.torch import Tracer  # noqa: E402

CASES = Path(__file__).parent / "cases"

Line = tuple[str, int]
"""A file of the case and a line in it."""


def runnable_cases() -> Iterator[tuple[str, literate.Case]]:
    for page in sorted(CASES.glob("*.md")):
        for case in literate.parse(page.read_text(encoding="utf-8"), page.name):
            if any(file.run for file in case.files):
                yield f"{page.stem}: {case.title}", case


def expected_rules(case: literate.Case) -> dict[Line, set[str]]:
    expected: dict[Line, set[str]] = defaultdict(set)
    for expectation in case.expectations:
        expected[expectation.path, expectation.line].add(expectation.rule)
    return expected


# What the numbers say -------------------------------------------------------------------------------------------------


def sums_to_one(values: Any, axis: int) -> bool:
    """Whether every slice along `axis` has one sum: exactly 1, or a scaled 1 that several slices share."""
    if values.dim() == 0 or values.size(axis) < 2:
        return False
    sums = values.sum(axis).flatten()
    return bool(torch.allclose(sums, sums[:1], atol=1e-4) and (sums.numel() > 1 or abs(float(sums[0]) - 1) < 1e-4))


def kind(values: Any) -> str:
    """`probs`, `unit` (in [0, 1], no common sum), `log_probs` or `raw`."""
    values = values.detach().double()
    axes = range(values.dim())
    if bool((values >= 0).all()) and any(sums_to_one(values, axis) for axis in axes):
        return "probs"
    if bool(((values >= 0) & (values <= 1)).all()):
        return "unit"
    return "log_probs" if bool((values <= 1e-6).all()) and any(log_axes(values)) else "raw"


def log_axes(values: Any) -> list[bool]:
    """For every axis whether the exponentials sum to exactly 1 along it."""
    exponentials = values.detach().double().exp()
    sums = [exponentials.sum(axis) for axis in range(values.dim())]
    return [values.size(axis) > 1 and bool(((each - 1).abs() < 1e-4).all()) for axis, each in enumerate(sums)]


NONE: frozenset[str] = frozenset()
DOUBLE_SOFTMAX, WRONG_ACTIVATION = frozenset({"double-softmax"}), frozenset({"wrong-activation"})
SQUASHED = frozenset({"double-sigmoid", "wrong-activation"})  # one column of a softmax looks like a sigmoid
TOO_EARLY = frozenset({"probabilities-into-log-loss"})
NOT_LOGGED = frozenset({"logits-into-log-loss"})
NOT_PROBABLE = frozenset({"logits-into-probability-loss"})

SOFTMAX_LOSS = {"probs": DOUBLE_SOFTMAX, "unit": WRONG_ACTIVATION, "log_probs": frozenset({"redundant-log-softmax"})}
SIGMOID_LOSS = {"probs": WRONG_ACTIVATION, "unit": SQUASHED}
LOG_LOSS = {"probs": TOO_EARLY, "unit": TOO_EARLY, "raw": NOT_LOGGED}
PROBABILITY_LOSS = {"raw": NOT_PROBABLE, "log_probs": NOT_PROBABLE}
LOSSES = {
    "cross_entropy": SOFTMAX_LOSS,
    "binary_cross_entropy_with_logits": SIGMOID_LOSS,
    "multilabel_soft_margin_loss": SIGMOID_LOSS,
    "soft_margin_loss": SIGMOID_LOSS,
    "nll_loss": LOG_LOSS,
    "ctc_loss": LOG_LOSS,
    "binary_cross_entropy": PROBABILITY_LOSS,
}
ACTIVATIONS = ("softmax", "log_softmax", "sigmoid", "sigmoid_", "log_sigmoid")
JUDGED_AT_LOSSES = frozenset().union(*(rules for table in LOSSES.values() for rules in table.values()))
JUDGED_HERE = JUDGED_AT_LOSSES | {"double-activation", "wrong-axis", "one-unit-softmax", "wrong-threshold"}
"""Rules of which every expected line must be seen to hold; the others are about form or about targets."""


def at_loss(name: str, given: dict[str, Any]) -> frozenset[str]:
    """The rules of which one must be expected where this loss gets these values; empty: the values are right."""
    values = given["input"]
    if name == "kl_div":
        return LOG_LOSS.get(kind(values), NONE) | at_target(given)
    if name in ("cross_entropy", "nll_loss") and values.dim() > 1:
        if name == "cross_entropy" and values.size(1) == 1:
            return frozenset({"one-unit-softmax"})
        if kind(values) == "log_probs" and not log_axes(values)[1]:
            return frozenset({"wrong-axis"})
    return LOSSES[name].get(kind(values), NONE)


def at_target(given: dict[str, Any]) -> frozenset[str]:
    wanted = LOG_LOSS if given.get("log_target") else PROBABILITY_LOSS
    return wanted.get(kind(given["target"]), NONE)


def at_activation(name: str, values: Any, axis: Any) -> frozenset[str]:
    if "softmax" in name and isinstance(axis, int) and values.dim() and values.size(axis) == 1:
        return frozenset({"one-unit-softmax"})
    twice = {"probs"} if "softmax" in name else {"unit"}
    return frozenset({"double-activation"}) if kind(values) in twice else NONE


def at_comparison(values: Any, constant: Any) -> frozenset[str]:
    if not isinstance(constant, (int, float)) or not isinstance(values, torch.Tensor) or not values.is_floating_point():
        return NONE
    raw = kind(values) in ("raw", "log_probs")
    return frozenset({"wrong-threshold"}) if (constant == 0.5 and raw) or (constant == 0 and not raw) else NONE


# Watching -------------------------------------------------------------------------------------------------------------


class Witness(TorchFunctionMode):
    """Notes, for every line of the case, the sets of rules that its calls bear out, one set a call."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = home
        self.seen: dict[Line, list[frozenset[str]]] = defaultdict(list)
        self.logs: dict[Line, list[str]] = defaultdict(list)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.note(getattr(func, "__name__", ""), args, kwargs)
        return func(*args, **kwargs)

    def note(self, name: str, args: Any, kwargs: dict[str, Any]) -> None:
        given = {**dict(zip(("input", "target"), args, strict=False)), **kwargs}
        values = given.get("input", given.get("log_probs"))
        line = self.line(direct=name not in LOSSES and name != "kl_div" and name not in ACTIVATIONS)
        if line is None or not isinstance(values, torch.Tensor):
            return
        if name in LOSSES or name == "kl_div":
            self.seen[line].append(at_loss(name, {**given, "input": values}))
        elif name in ACTIVATIONS:
            axis = given.get("dim", given.get("target"))
            self.seen[line].append(at_activation(name, values, axis))
        elif name in ("gt", "ge", "lt", "le"):
            self.seen[line].append(at_comparison(values, given.get("target", given.get("other"))))
        elif name == "log":
            self.logs[line].append(kind(values))

    def line(self, direct: bool) -> Line | None:
        """The innermost line of the case's own code; `direct`: only where that line itself makes the call."""
        frame = sys._getframe(3)
        while not direct and frame.f_back and not frame.f_code.co_filename.startswith(str(self.home)):
            frame = frame.f_back
        if not frame.f_code.co_filename.startswith(str(self.home)):
            return None
        return Path(frame.f_code.co_filename).relative_to(self.home).as_posix(), frame.f_lineno


def witnessed(case: literate.Case, home: Path) -> Witness:
    witness = Witness(home)
    try:
        run(case, home, witness)
    except RuntimeError:
        # binary_cross_entropy refuses values outside [0, 1]; the witness has noted them by then.
        if not any("logits-into-probability-loss" in rules for calls in witness.seen.values() for rules in calls):
            raise
    return witness


def run(case: literate.Case, home: Path, mode: TorchFunctionMode) -> None:
    case.write(home)
    main = next(file.name for file in case.files if file.run)
    with own_world(home, main), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), mode:
        warnings.simplefilter("ignore")
        if "/" in main:
            runpy.run_module(main.removesuffix(".py").replace("/", "."), run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(str(home / main), run_name="__main__")


@contextlib.contextmanager
def own_world(home: Path, main: str) -> Iterator[None]:
    """The case's folder is first on the path, and its modules are gone again afterwards."""
    modules, path, argv, state = set(sys.modules), list(sys.path), sys.argv, torch.random.get_rng_state()
    sys.path.insert(0, str(home))
    sys.argv = [main]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.argv = path, argv
        torch.random.set_rng_state(state)
        for name in set(sys.modules) - modules:
            module = sys.modules[name]
            folders = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", [])]
            if any(folder.startswith(str(home)) for folder in folders):
                del sys.modules[name]


ALL = list(runnable_cases())


@pytest.mark.parametrize("case", [case for _, case in ALL], ids=[name for name, _ in ALL])
def test_what_torch_computes_is_what_the_case_expects(
    case: literate.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few raw scores may all lie in [0, 1] by chance; a wrong expectation disagrees whatever the seed."""
    seed = torch.manual_seed
    for offset in (0, 1000, 2000, 3000, 4000):
        monkeypatch.setattr(torch, "manual_seed", lambda number, offset=offset: seed(number + offset))
        torch.manual_seed(0)
        problems = list(disagreements(witnessed(case, tmp_path), expected_rules(case)))
        if not problems:
            return
    pytest.fail("\n".join(problems))


def disagreements(witness: Witness, expected: dict[Line, set[str]]) -> Iterator[str]:
    for line, calls in witness.seen.items():
        for shown in calls:
            if shown and not shown & expected[line]:
                yield f"{line} shows {' or '.join(sorted(shown))}, which is not expected"
    for line, rules in expected.items():
        for rule in rules & JUDGED_HERE:
            if not any(rule in shown for shown in witness.seen[line]):
                yield f"{line} expects {rule}: not seen"
        for rule, logged in (("log-of-softmax", "probs"), ("log-of-sigmoid", "unit")):
            if rule in rules and logged not in witness.logs[line]:
                yield f"{line} expects {rule}: not seen"


@pytest.mark.parametrize("case", [case for _, case in ALL], ids=[name for name, _ in ALL])
def test_a_traced_step_shows_what_the_case_expects(case: literate.Case, tmp_path: Path) -> None:
    """The observer of running code and that of source come to the same, all rules judging."""
    tracer = Tracer(Table.standard(), tmp_path)
    with contextlib.suppress(RuntimeError):  # binary_cross_entropy refuses what it gets; the tracer has seen it by then
        run(case, tmp_path, tracer)
    found: dict[Line, set[str]] = defaultdict(set)
    for arrival, _ in tracer.arrivals:
        for finding in book.judge(arrival, book.rules()):
            found[finding.place.path, finding.place.line].add(finding.rule)
    assert found == {line: rules for line, rules in expected_rules(case).items() if rules}


def test_enough_cases_run() -> None:
    wrong = [case for _, case in ALL if {each.rule for each in case.expectations} & JUDGED_HERE]
    assert len(ALL) >= 60
    assert len(wrong) >= 25
