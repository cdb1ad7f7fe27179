"""The rules, each on arrivals built by hand; the book that finds them; the numbers that their pages print."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rawlogits.errors import InputError, TableError
from rawlogits.finding import Applicability, Arrival, Confidence, Finding, Place, Severity, Step
from rawlogits.rules import book
from rawlogits.space import Space

try:
    import torch
    import torch.nn.functional as F
except ModuleNotFoundError:
    torch = None  # type: ignore[assignment]

PLACE = Place("train.py", 31, 20, 31, 23)
LOGITS, PROBS, LOG_PROBS, SIGMOID, LOG_SIGMOID = Space
CROSS_ENTROPY: dict[str, Any] = {
    "operator": "CrossEntropyLoss",
    "wants": {LOGITS},
    "harmless": {LOG_PROBS},
    "activation": PROBS,
    "class_axis": 1,
}
WITH_LOGITS: dict[str, Any] = {"operator": "BCEWithLogitsLoss", "wants": {LOGITS}, "activation": SIGMOID}
BCE: dict[str, Any] = {
    "operator": "BCELoss",
    "wants": {SIGMOID},
    "harmless": {PROBS},
    "twin": "torch.nn.BCEWithLogitsLoss",
}
NLL: dict[str, Any] = {
    "operator": "NLLLoss",
    "wants": {LOG_PROBS},
    "harmless": {LOG_SIGMOID},
    "twin": "torch.nn.CrossEntropyLoss",
    "class_axis": 1,
}
BERNOULLI: dict[str, Any] = {"operator": "Bernoulli", "wants": {SIGMOID}, "harmless": {PROBS}}
SOFTMAX: dict[str, Any] = {"verb": "op", "operator": "softmax", "wants": {LOGITS}, "activation": PROBS}
LOG: dict[str, Any] = {"verb": "op", "operator": "log", "twin": "torch.nn.functional.log_softmax"}
NAIVE: dict[str, Any] = {"verb": "naive", "operator": "softmax"}
ABOVE: dict[str, Any] = {"verb": "compare", "operator": ">"}


def arrival(got: Space, demand: dict[str, Any], **facts: Any) -> Arrival:
    """An arrival with the facts of the demand, and more."""
    known = {"verb": "loss", "place": PLACE, "trace": (Step(PLACE, "made here"),), **demand, **facts}
    sets = ("wants", "harmless", "marks", "also")
    return Arrival(got=got, **{key: frozenset(value) if key in sets else value for key, value in known.items()})


def found(got: Space, demand: dict[str, Any], **facts: Any) -> list[Finding]:
    """What all the rules make of it."""
    return book.judge(arrival(got, demand, **facts), book.select(["ALL"]))


def one(got: Space, demand: dict[str, Any], **facts: Any) -> Finding:
    """The one finding there is."""
    (finding,) = found(got, demand, **facts)
    return finding


def names(got: Space, demand: dict[str, Any], **facts: Any) -> list[str]:
    return [finding.rule for finding in found(got, demand, **facts)]


# --- what each rule says ---------------------------------------------------------------------------------------


def test_a_finding_says_wants_got_and_what_to_write() -> None:
    finding = one(PROBS, CROSS_ENTROPY, made_by="softmax", without="return x")
    assert finding.message == "CrossEntropyLoss wants logits, got softmax probabilities"
    assert (finding.code, finding.severity, finding.confidence) == ("RL101", Severity.ERROR, Confidence.CERTAIN)
    assert (finding.wants, finding.got, finding.place) == ("logits", "probs", PLACE)
    assert finding.fix is not None
    assert (finding.fix.applicability, finding.fix.message) == (Applicability.SHOWN, "return x")


def test_a_message_names_the_scale_and_the_condition() -> None:
    finding = one(PROBS, CROSS_ENTROPY, scaled=True, when="args.model = 'mlp'", certain=False)
    assert finding.message == (
        "CrossEntropyLoss wants logits, got scaled softmax probabilities, when args.model = 'mlp'"
    )
    assert finding.confidence is Confidence.LIKELY
    assert finding.fix is not None
    assert finding.fix.message == "take softmax out before CrossEntropyLoss"


@pytest.mark.parametrize(
    ("got", "demand", "rules"),
    [
        (LOGITS, CROSS_ENTROPY, []),
        (PROBS, CROSS_ENTROPY, ["double-softmax"]),
        (LOG_PROBS, CROSS_ENTROPY, ["redundant-log-softmax"]),
        (SIGMOID, CROSS_ENTROPY, ["wrong-activation"]),
        (LOG_SIGMOID, CROSS_ENTROPY, ["wrong-activation"]),
        (LOGITS, WITH_LOGITS, []),
        (PROBS, WITH_LOGITS, ["wrong-activation"]),
        (LOG_PROBS, WITH_LOGITS, ["wrong-activation"]),
        (SIGMOID, WITH_LOGITS, ["double-sigmoid"]),
        (LOG_SIGMOID, WITH_LOGITS, ["double-sigmoid"]),
        (LOGITS, BCE, ["logits-into-probability-loss"]),
        (PROBS, BCE, []),
        (LOG_PROBS, BCE, ["logits-into-probability-loss"]),
        (SIGMOID, BCE, ["sigmoid-then-bce"]),
        (LOG_SIGMOID, BCE, ["logits-into-probability-loss"]),
        (LOGITS, NLL, ["logits-into-log-loss"]),
        (PROBS, NLL, ["probabilities-into-log-loss"]),
        (LOG_PROBS, NLL, []),
        (SIGMOID, NLL, ["probabilities-into-log-loss"]),
        (LOG_SIGMOID, NLL, []),
        (LOG_SIGMOID, {**NLL, "harmless": ()}, ["wrong-activation"]),
        (PROBS, {**BCE, "harmless": ()}, ["wrong-activation"]),
        (SIGMOID, BERNOULLI, []),
        (LOGITS, BERNOULLI, ["logits-into-probability-loss"]),
        (PROBS, SOFTMAX, ["double-activation"]),
        (LOGITS, SOFTMAX, []),
        (LOG_PROBS, {**SOFTMAX, "harmless": {LOG_PROBS}}, []),
        (PROBS, LOG, ["log-of-softmax"]),
        (SIGMOID, LOG, ["log-of-sigmoid"]),
        (LOGITS, LOG, []),
        (PROBS, {**LOG, "operator": "exp"}, []),
        (LOGITS, NAIVE, ["naive-softmax"]),
        (LOGITS, {**NAIVE, "operator": "logsumexp"}, ["naive-logsumexp"]),
        (PROBS, NAIVE, []),
    ],
)
def test_which_rule_speaks(got: Space, demand: dict[str, Any], rules: list[str]) -> None:
    assert names(got, demand) == rules


@pytest.mark.parametrize(
    ("got", "demand", "facts", "write"),
    [
        (LOGITS, BCE, {}, "torch.nn.BCEWithLogitsLoss, which takes logits, or sigmoid before BCELoss"),
        (LOGITS, BERNOULLI, {}, "sigmoid before Bernoulli"),
        (LOG_SIGMOID, BCE, {"made_by": "logsigmoid"}, "sigmoid in place of logsigmoid"),
        (LOGITS, NLL, {}, "log-softmax before NLLLoss, or torch.nn.CrossEntropyLoss, which takes logits"),
        (PROBS, NLL, {"made_by": "Softmax"}, "log-softmax in place of Softmax"),
        (PROBS, SOFTMAX, {}, "leave this softmax out: its input holds softmax probabilities already"),
        (SIGMOID, SOFTMAX, {}, "keep one of sigmoid and softmax"),
        (PROBS, WITH_LOGITS, {"without": "return x"}, "return x"),
        (SIGMOID, BCE, {}, "torch.nn.BCEWithLogitsLoss of the logits, without sigmoid"),
        (PROBS, LOG, {}, "torch.nn.functional.log_softmax of the logits"),
        (SIGMOID, LOG, {}, "log-sigmoid of the logits"),
        (LOGITS, NAIVE, {}, "softmax of the logits"),
        (LOG_PROBS, CROSS_ENTROPY, {"without": "return x"}, "return x"),
    ],
)
def test_what_to_write(got: Space, demand: dict[str, Any], facts: dict[str, Any], write: str) -> None:
    fix = one(got, demand, **facts).fix
    assert fix is not None
    assert fix.message == write


@pytest.mark.parametrize("got", [PROBS, SIGMOID])
def test_a_guarded_logarithm_is_advice(got: Space) -> None:
    assert one(got, LOG).severity is Severity.WARNING
    assert one(got, LOG, guarded=True).severity is Severity.ADVICE
    assert "gradient 0" in one(got, LOG, guarded=True).message


def test_one_unit_softmax() -> None:
    assert names(LOGITS, SOFTMAX, size=1) == ["one-unit-softmax"]
    assert names(LOGITS, SOFTMAX, size=2) == []
    assert names(LOGITS, CROSS_ENTROPY, size=1) == ["one-unit-softmax"]
    assert names(PROBS, CROSS_ENTROPY, size=1) == ["double-softmax"]
    assert names(LOGITS, WITH_LOGITS, size=1) == []
    assert one(LOGITS, SOFTMAX, size=1).message == "softmax over a single unit is always 1, its gradient 0"
    assert "always 0" in one(LOGITS, {**SOFTMAX, "operator": "log_softmax", "activation": LOG_PROBS}, size=1).message


@pytest.mark.parametrize(
    ("axis", "class_axis", "rank", "confidence"),
    [
        (1, 1, 2, None),
        (-1, 1, 2, None),
        (0, 1, 2, "certain"),
        (-1, 1, 4, "certain"),
        (-3, 1, 4, None),
        (0, 1, 1, None),
        (0, 1, None, "likely"),
        (2, 1, None, "certain"),
        (-1, 1, None, None),
        (-2, -1, None, "certain"),
        (None, 1, 2, None),
        (0, None, 2, "likely"),
        (-2, None, 2, "likely"),
        (1, None, 2, None),
        (0, None, 3, None),
        (0, None, None, None),
    ],
)
def test_wrong_axis(axis: int | None, class_axis: int | None, rank: int | None, confidence: str | None) -> None:
    findings = found(LOG_PROBS, {**NLL, "class_axis": class_axis}, axis=axis, rank=rank)
    assert [(each.rule, each.confidence) for each in findings] == ([("wrong-axis", confidence)] if confidence else [])


def test_wrong_axis_yields_to_the_wrong_space_and_silences_the_redundant_one() -> None:
    assert names(PROBS, NLL, axis=0, rank=2) == ["probabilities-into-log-loss"]
    assert names(PROBS, CROSS_ENTROPY, axis=0, rank=2) == ["double-softmax"]
    assert names(LOG_PROBS, CROSS_ENTROPY, axis=0, rank=2) == ["wrong-axis"]
    assert names(LOG_PROBS, CROSS_ENTROPY, axis=1, rank=2) == ["redundant-log-softmax"]
    assert names(LOG_PROBS, {**SOFTMAX, "harmless": {LOG_PROBS}}, axis=0, rank=2, class_axis=1) == []
    assert one(LOG_PROBS, NLL, axis=0, rank=2, certain=False).confidence is Confidence.LIKELY


def test_softmax_for_multilabel() -> None:
    hot, cut = {"marks": {"multi_hot"}}, {"also": {"threshold"}}
    assert one(LOGITS, CROSS_ENTROPY, **hot).confidence is Confidence.LIKELY
    assert one(LOGITS, CROSS_ENTROPY, **cut).confidence is Confidence.LIKELY
    assert names(LOGITS, CROSS_ENTROPY, **cut, size=2) == []
    assert names(LOGITS, CROSS_ENTROPY, **hot, size=2) == ["softmax-for-multilabel"]
    assert one(LOGITS, CROSS_ENTROPY, **hot, **cut).confidence is Confidence.CERTAIN
    assert one(LOGITS, CROSS_ENTROPY, **hot, **cut, certain=False).confidence is Confidence.LIKELY
    assert names(PROBS, CROSS_ENTROPY, **hot) == ["double-softmax", "softmax-for-multilabel"]
    assert one(PROBS, BCE, **hot).message == (
        "softmax before BCELoss wants one class per sample, but targets are multi-hot"
    )
    assert names(SIGMOID, BCE, **hot) == ["sigmoid-then-bce"]
    assert names(LOGITS, WITH_LOGITS, **hot, **cut) == []
    assert "targets are multi-hot and the output is thresholded" in one(LOGITS, CROSS_ENTROPY, **hot, **cut).message


@pytest.mark.parametrize(
    ("got", "constant", "also", "confidence"),
    [
        (LOGITS, 0.5, {"loss:sigmoid"}, "certain"),
        (LOGITS, 0.3, {"loss:probs", "threshold"}, "certain"),
        (LOGITS, 0.5, {"threshold"}, None),
        (LOGITS, 0.5, (), None),
        (LOGITS, 0.0, {"loss:sigmoid"}, None),
        (LOGITS, 0.05, {"loss:sigmoid"}, None),
        (LOGITS, 1.0, {"loss:sigmoid"}, None),
        (SIGMOID, 0.0, (), "certain"),
        (PROBS, 0.0, (), "likely"),
        (SIGMOID, 0.5, {"loss:sigmoid"}, None),
        (LOG_PROBS, 0.0, (), None),
        (SIGMOID, None, (), None),
    ],
)
def test_wrong_threshold(got: Space, constant: float | None, also: Any, confidence: str | None) -> None:
    findings = found(got, ABOVE, constant=constant, also=also)
    assert [(each.rule, each.confidence) for each in findings] == (
        [("wrong-threshold", confidence)] if confidence else []
    )


def test_wrong_threshold_leaves_checks_of_validity_alone_and_writes_the_logit() -> None:
    assert names(SIGMOID, {**ABOVE, "operator": ">="}, constant=0.0) == []
    assert names(SIGMOID, {**ABOVE, "operator": "<"}, constant=0.0) == []
    finding = one(LOGITS, ABOVE, constant=0.9, also={"loss:sigmoid"})
    assert finding.message == "> 0.9 wants probabilities, got raw logits"
    assert finding.fix is not None
    assert finding.fix.message == "> 2.197, the logit of 0.9, or sigmoid before the comparison"


# --- the book --------------------------------------------------------------------------------------------------

CODES = "RL101 RL102 RL103 RL104 RL201 RL202 RL203 RL301 RL302 RL303 RL304 RL401 RL402 RL403 RL404 RL501 RL502"


def test_the_book_is_complete_and_ordered() -> None:
    assert " ".join(each.code for each in book.rules()) == CODES
    assert [each.name for each in book.rules() if not each.default] == ["redundant-log-softmax"]
    assert [each.code for each in book.rules() if each.numeric] == ["RL401", "RL402", "RL403", "RL404"]
    for severity, codes in {"warning": "RL4", "advice": "RL5"}.items():
        assert {each.code[:3] for each in book.rules() if each.severity == severity} == {codes}


@pytest.mark.parametrize(
    ("select", "ignore", "codes"),
    [
        ([], [], CODES.removesuffix(" RL502")),
        (["ALL"], [], CODES),
        (["RL1"], ["double-sigmoid"], "RL101 RL103 RL104"),
        (["RL502", "double-softmax"], [], "RL101 RL502"),
        ([], ["RL", "RL101"], ""),
        (["RL5"], ["RL50"], ""),
        (["ALL"], ["RL1", "RL2", "RL3", "RL4"], "RL501 RL502"),
    ],
)
def test_select(select: list[str], ignore: list[str], codes: str) -> None:
    assert " ".join(each.code for each in book.select(select, ignore)) == codes


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("double-sofmax", "no rule fits 'double-sofmax'; allowed are names, codes, beginnings of codes (RL1) and ALL"),
        ("double-sofmax", "did you mean 'double-softmax'?"),
        ("rl101", "did you mean 'RL101'?"),
        ("RL9", "no rule fits 'RL9'"),
        ("pydocstyle", "the rules are double-softmax, "),
        ("", "no rule fits ''"),
    ],
)
def test_a_bad_selector_is_an_input_error(word: str, says: str) -> None:
    for arguments in (([word], []), ([], [word])):
        with pytest.raises(InputError) as caught:
            book.select(*arguments)
        assert says in str(caught.value)


def test_numeric_rules_pass_over_test_files_unless_selected_by_name() -> None:
    oracle = arrival(PROBS, LOG, test_file=True)
    assert book.judge(oracle, book.select()) == []
    assert book.judge(oracle, book.select(["ALL"])) == []
    assert book.judge(oracle, book.select(["RL4"])) == []
    for word in ("log-of-softmax", "RL401"):
        assert [each.rule for each in book.judge(oracle, book.select([word]))] == ["log-of-softmax"]
    assert [each.rule for each in book.judge(replace(oracle, test_file=False), book.select())] == ["log-of-softmax"]
    assert names(PROBS, CROSS_ENTROPY, test_file=True) == ["double-softmax"]


def test_one_rule_and_its_page() -> None:
    assert book.rule("RL101") is book.rule("double-softmax")
    assert book.page("RL502").startswith("# redundant-log-softmax [RL502]\n")
    with pytest.raises(InputError, match=r"no rule 'RL1O1'; did you mean 'RL101'\?"):
        book.rule("RL1O1")


GOOD = """\
from rawlogits.finding import Rule, Severity


RULE = Rule(code="RL901", name="own-rule", severity=Severity.ERROR, says="a rule", judge=lambda arrival: None)
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of one good rule, `own_rule`, with its page."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "own_rule.py").write_text(GOOD)
    (tmp_path / "own-rule.md").touch()
    (tmp_path / "next-rule.md").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "shelf"]:
        del sys.modules[name]


def test_a_rule_is_found_by_its_file(shelf: Path) -> None:
    assert [each.name for each in book.discover("shelf", shelf, shelf.parent)] == ["own-rule"]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('"own-rule"', '"own_rule"', "own_rule.py:4: name 'own_rule' is not in kebab-case"),
        ('"own-rule"', '"my-rule"', "own_rule.py:4: name 'my-rule' wants the file my_rule.py"),
        ("RL901", "R901", "own_rule.py:4: code 'R901' is not RL and three digits"),
        ("a rule", "a rule.", "own_rule.py:4: says 'a rule.' is not one line without a period"),
        ("RULE =", "THE_RULE =", "own_rule.py:1: wants RULE = Rule(...), got no RULE"),
        ("Rule(code", "dict(code", "own_rule.py:4: wants RULE = Rule(...), got dict"),
        ("code=", "kode=", "own_rule.py:4: TypeError: "),
        ("import Rule, Severity", "import", "own_rule.py:1: SyntaxError: "),
    ],
)
def test_a_malformed_rule_is_refused_with_file_and_line(shelf: Path, before: str, after: str, says: str) -> None:
    (shelf / "own_rule.py").write_text(GOOD.replace(before, after))
    with pytest.raises(TableError) as caught:
        book.discover("shelf", shelf, shelf.parent)
    assert says in str(caught.value)


def test_a_rule_wants_its_page_and_a_code_of_its_own(shelf: Path) -> None:
    (shelf / "next_rule.py").write_text(GOOD.replace("own-rule", "next-rule"))
    with pytest.raises(TableError, match="the code RL901 belongs to one rule, not to next-rule, own-rule"):
        book.discover("shelf", shelf, shelf.parent)
    (shelf.parent / "own-rule.md").unlink()
    with pytest.raises(TableError, match=r"own_rule.py:4: has no page pages/rules/own-rule.md"):
        book.discover("shelf", shelf, shelf.parent)


# --- the pages -------------------------------------------------------------------------------------------------

SECTIONS = ["What it does", "Why it is wrong", "Example", "Use instead", "When it is right to ignore"]


@pytest.mark.parametrize("rule", book.rules(), ids=lambda rule: rule.name)
def test_a_page_has_its_sections_in_order(rule: Any) -> None:
    lines = book.page(rule.code).splitlines()
    assert lines[0] == f"# {rule.name} [{rule.code}]"
    assert [line[3:] for line in lines if line.startswith("## ")] == SECTIONS
    assert len(lines) < 60
    assert max(map(len, lines)) <= 120


def test_every_page_belongs_to_a_rule() -> None:
    assert {path.stem for path in book.PAGES.iterdir()} == {each.name for each in book.rules()}


def four(number: Any) -> str:
    return f"{float(number):.4f}"


def step(values: list[float], loss: Callable[[Any], Any]) -> tuple[float, list[float]]:
    """The loss of one row of logits, and its gradient."""
    z = torch.tensor([values], requires_grad=True)
    result = loss(z)
    result.backward()
    return result.item(), z.grad[0].tolist()


def activations() -> dict[str, list[str]]:
    """Family RL1: an activation too many."""
    first, ten, sure = torch.tensor([0]), torch.eye(10)[:1], torch.tensor([200.0])
    raw = step([0.0] * 10, lambda z: F.cross_entropy(z, first))[1]
    twice = step([0.0] * 10, lambda z: F.cross_entropy(z.softmax(1), first))[1]
    with_logits = F.binary_cross_entropy_with_logits
    return {
        "double-softmax": [
            four(F.cross_entropy(ten, first)),
            four(F.cross_entropy(ten, first + 1)),
            f"{raw[0] / twice[0]:.0f} times",
        ],
        "double-sigmoid": [
            four(with_logits(torch.sigmoid(-sure), torch.zeros(1))),
            four(with_logits(torch.sigmoid(sure), torch.ones(1))),
        ],
        "wrong-activation": [
            four(F.cross_entropy(torch.sigmoid(ten * 400 - 200), first)),
            four(with_logits(torch.softmax(torch.tensor([50.0, 50.0]), 0), torch.ones(2))),
        ],
        "double-activation": [four(torch.softmax(torch.softmax(ten * 200, 1), 1).max())],
    }


def spaces() -> dict[str, list[str]]:
    """Family RL2: the wrong kind of number."""
    second, half = torch.tensor([1]), torch.tensor([0.5])
    slow = step([10.0, 0.0], lambda z: F.nll_loss(z.softmax(1), second))[1]
    fast = step([10.0, 0.0], lambda z: F.cross_entropy(z, second))[1]
    unbounded, constant = step([200.0, 0.0, 1.0], lambda z: F.nll_loss(z, torch.tensor([0])))
    return {
        "probabilities-into-log-loss": [f"{slow[0]:.6f}", f"{fast[0]:.6f}"],
        "logits-into-log-loss": [f"{unbounded:.1f}", str([round(each) for each in constant])],
        "logits-into-probability-loss": [
            four(F.binary_cross_entropy(half, torch.ones(1))),
            four(F.binary_cross_entropy_with_logits(half, torch.ones(1))),
        ],
    }


def shapes() -> dict[str, list[str]]:
    """Family RL3: the wrong axis, target or threshold."""
    first = torch.tensor([0])
    one, still = step([3.0], lambda z: z.softmax(1).sum())
    nothing, still_too = step([3.0], lambda z: F.cross_entropy(z, first))
    assert still == still_too == [0.0]
    batch = torch.tensor([[-5.0, 4.0, 9.0]])
    over_batch = torch.log_softmax(batch, 0)
    assert not over_batch.any()
    three = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    assert torch.softmax(three * 50, 1).max() < 0.3334
    return {
        "one-unit-softmax": [f"is {one:.1f} whatever", f"is {nothing:.1f}"],
        "wrong-axis": [f"is {abs(F.nll_loss(over_batch, first)):.1f} for", four(F.cross_entropy(batch, first))],
        "softmax-for-multilabel": [four(F.cross_entropy(three * 50, three))],
        "wrong-threshold": [four(torch.sigmoid(torch.tensor(0.5)))],
    }


def logarithms() -> dict[str, list[str]]:
    """RL401 and RL402: log of softmax, of sigmoid; plain, guarded, fused."""
    gap, low = [0.0, 200.0], [-200.0]
    plain, plain_gradient = step(gap, lambda z: -torch.log(z.softmax(1))[0, 0])
    guarded, guarded_gradient = step(gap, lambda z: -torch.log(z.softmax(1) + 1e-8)[0, 0])
    fused, fused_gradient = step(gap, lambda z: -torch.log_softmax(z, 1)[0, 0])
    assert math.isnan(plain_gradient[0])
    assert (guarded_gradient[0], fused_gradient[0]) == (0, -1)
    log, log_gradient = step(low, lambda z: torch.log(z.sigmoid()).sum())
    shut, shut_gradient = step(low, lambda z: -torch.log(z.sigmoid() + 1e-8).sum())
    log_sigmoid, open_gradient = step(low, lambda z: F.logsigmoid(z).sum())
    assert math.isnan(log_gradient[0])
    assert (shut_gradient[0], open_gradient[0]) == (0, 1)
    return {
        "log-of-softmax": [f"loss is {plain}", four(guarded), f"gives {fused:.0f}"],
        "log-of-sigmoid": [f"is {log}", four(shut), f"gives {log_sigmoid:.0f}"],
    }


def by_hand() -> dict[str, list[str]]:
    """RL403 and RL404: written out."""
    z = torch.tensor([88.0, 89.0])
    naive = z.exp() / z.exp().sum()
    assert torch.softmax(z + 1000, 0).isfinite().all()
    return {
        "naive-softmax": [f"is {naive[1]}", four(torch.softmax(z, 0)[1])],
        "naive-logsumexp": [f"is {torch.log(z.exp().sum())}", four(torch.logsumexp(z, 0))],
    }


def advice() -> dict[str, list[str]]:
    """Family RL5: right, and how far from the better form."""
    no = torch.zeros(1, 1)
    stuck, stuck_gradient = step([17.0], lambda z: F.binary_cross_entropy(z.sigmoid(), no))
    free, free_gradient = step([17.0], lambda z: F.binary_cross_entropy_with_logits(z, no))
    assert (stuck_gradient[0], free_gradient[0]) == (0, 1)
    torch.manual_seed(0)
    z, y = torch.randn(64, 10, dtype=torch.float64), torch.randint(10, (64,))
    once, twice = z.clone().requires_grad_(), z.clone().requires_grad_()
    losses = F.cross_entropy(once, y), F.cross_entropy(torch.log_softmax(twice, 1), y)
    for loss in losses:
        loss.backward()
    furthest = max(abs(losses[0] - losses[1]).item(), (once.grad - twice.grad).abs().max().item())
    return {
        "sigmoid-then-bce": [f"loss is {stuck:.0f}", f"gives {free:.0f}"],
        "redundant-log-softmax": ["less than 1e-15" if furthest < 1e-15 else str(furthest)],
    }


@pytest.mark.skipif(torch is None, reason="needs torch")
def test_pages_print_measured_numbers() -> None:
    numbers = activations() | spaces() | shapes() | logarithms() | by_hand() | advice()
    assert set(numbers) == {each.name for each in book.rules()}
    for name, parts in numbers.items():
        why = book.page(name).split("## Why it is wrong")[1].split("## Example")[0]
        words = " ".join(why.split())
        for part in parts:
            assert part in words, f"{name}.md does not print {part!r}"
