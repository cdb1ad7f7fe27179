"""The losses and distributions of PyTorch: fed from each space, do they compute what their row says?

On probabilities p written in some space, every right space gives the same function of p, and every other one not.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rawlogits.space import Space
from rawlogits.table.row import Row, Verb, spaces, spelling
from rawlogits.table.torch import ROWS
from table_witness import cases, in_space, lies_in, random_scores, resolve


def likelihood(p: Tensor, labels: Tensor) -> Tensor:
    return -p.gather(1, labels.unsqueeze(1)).log().mean()


def bernoulli(p: Tensor, bits: Tensor) -> Tensor:
    return -(bits * p.log() + (1 - bits) * (1 - p).log()).mean()


def divergence(target: Tensor, p: Tensor) -> Tensor:
    return (target * (target.log() - p.log())).mean()


def labels_of(z: Tensor) -> Tensor:
    return z.detach().roll(1, 1).argmax(1)


def bits_of(z: Tensor) -> Tensor:
    return (z.detach().roll(1, 0) > 0).to(z.dtype)


def other(z: Tensor) -> Tensor:
    return z.detach().roll(1, 1).softmax(-1)


REFERENCES: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "CrossEntropyLoss": (labels_of, likelihood),
    "NLLLoss": (labels_of, likelihood),
    "BCELoss": (bits_of, bernoulli),
    "BCEWithLogitsLoss": (bits_of, bernoulli),
    "MultiLabelSoftMarginLoss": (bits_of, bernoulli),
    "SoftMarginLoss": (lambda z: 2 * bits_of(z) - 1, lambda p, signs: bernoulli(p, (signs + 1) / 2)),
    "KLDivLoss": (other, lambda p, target: divergence(target, p)),
    "CTCLoss": (
        lambda z: 1 + z.detach()[0, :, 1:].argmax(-1, keepdim=True),
        lambda p, labels: likelihood(p[0], labels.squeeze(1)),
    ),
}


def of_loss(row: Row, name: str, x: Tensor, y: Tensor) -> Tensor:
    """Calls the loss with its own parameter names, the condition of the row included."""
    given = {row.arg: x, row.target: y} if row.target else {row.arg: x, "input": y.log()}
    if row.short == "CTCLoss":
        ones = torch.ones(x.shape[1], dtype=torch.long)
        given |= {"input_lengths": ones, "target_lengths": ones}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kl_div with the mean of all elements, NLLLoss2d
        value = resolve(name)
        out = value(**row.when)(**given) if spelling(name) == "module" else value(**given, **row.when)
    assert isinstance(out, Tensor)
    return out


def as_probabilities(row: Row, space: Space, z: Tensor, axis: int) -> Tensor:
    """The probabilities that scores in this space stand for, when this loss reads them."""
    softmax = (Space.PROBS, Space.LOG_PROBS)
    reads_softmax = row.activation is Space.PROBS or (row.activation is None and bool(row.wants.intersection(softmax)))
    return z.softmax(axis) if space in softmax or (space is Space.LOGITS and reads_softmax) else z.sigmoid()


ROUGH = {("CTCLoss", Space.LOG_SIGMOID)}
"""Right in value only: the backward pass of ctc_loss takes for granted that its input sums to one."""


def computes(row: Row, name: str, space: Space, slopes: bool = True) -> bool:
    """Whether the loss fed from this space has the value and the gradient of the reference on the same scores."""
    make_target, reference = REFERENCES[row.short]
    for z in random_scores(seed=1):
        if row.short == "CTCLoss":
            if z.dim() != 3:
                continue
            z = z[:1]
        axis = row.class_axis if row.class_axis is not None else -1
        if row.short in ("MultiLabelSoftMarginLoss", "KLDivLoss") and z.dim() != 2:
            continue
        z = z.double().requires_grad_()
        y = make_target(z)
        p = as_probabilities(row, space, z, axis)
        expected = divergence(p, y) if row.arg == "target" else reference(p, y)
        try:
            got = of_loss(row, name, in_space(space, z, axis), y)
        except (RuntimeError, ValueError):
            return False
        (slope,) = torch.autograd.grad(got, z)
        (true_slope,) = torch.autograd.grad(expected, z)
        if not torch.allclose(got, expected) or (slopes and not torch.allclose(slope, true_slope, atol=1e-7)):
            return False
    return True


def is_distribution(row: Row) -> bool:
    return row.names[0].startswith("torch.distributions")


def accepts_anything(row: Row) -> bool:
    return row.wants | row.harmless == frozenset(Space)


def spaces_and(found: list[Any]) -> list[Any]:
    """The cases times the five spaces."""
    return [
        pytest.param(*case.values, space, id=f"{case.id}-{space}", marks=case.marks)
        for case in found
        for space in Space
    ]


JUDGED = cases(Verb.LOSS, only=lambda row: not accepts_anything(row) and not is_distribution(row))


@pytest.mark.parametrize(("row", "name", "space"), spaces_and(JUDGED))
def test_a_loss_computes_its_function_from_right_spaces_only(row: Row, name: str, space: Space) -> None:
    same_value = computes(row, name, space, slopes=(row.short, space) not in ROUGH)
    assert same_value == (space in row.wants | row.harmless)


@pytest.mark.parametrize(
    ("like", "lie"),
    [
        ("CrossEntropyLoss", "probs"),
        ("NLLLoss", "logits"),
        ("BCELoss", "logits"),
        ("BCEWithLogitsLoss", "sigmoid"),
        ("KLDivLoss", "probs"),
    ],
)
def test_a_planted_lie_about_a_loss_is_refused(like: str, lie: str) -> None:
    row = next(row for row in ROWS if row.short == like)
    planted = Row(
        names=row.names,
        verb=Verb.LOSS,
        params=row.params,
        build=row.build,
        wants=spaces(lie),
        target=row.target,
        class_axis=row.class_axis,
        activation=row.activation,
    )
    assert not computes(planted, row.names[0], Space(lie))


@pytest.mark.parametrize(("name", "space"), [("CrossEntropyLoss", "logits"), ("NLLLoss", "log_probs")])
def test_gradient_of_a_softmax_loss_is_probability_minus_truth(name: str, space: str) -> None:
    z = 3 * torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    y = labels_of(z)
    (slope,) = torch.autograd.grad(getattr(nn, name)()(in_space(Space(space), z, 1), y), z)
    torch.testing.assert_close(slope, (z.softmax(1) - functional.one_hot(y, 4)).detach() / len(z))


@pytest.mark.parametrize(
    ("name", "space"), [("BCEWithLogitsLoss", "logits"), ("BCELoss", "sigmoid"), ("MultiLabelSoftMarginLoss", "logits")]
)
def test_gradient_of_a_sigmoid_loss_is_probability_minus_truth(name: str, space: str) -> None:
    z = 3 * torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    y = bits_of(z)
    (slope,) = torch.autograd.grad(getattr(nn, name)()(in_space(Space(space), z, 1), y), z)
    torch.testing.assert_close(slope, (z.sigmoid() - y).detach() / z.numel())


DISTRIBUTIONS = cases(Verb.LOSS, only=is_distribution)


@pytest.mark.parametrize(("row", "name", "space"), spaces_and(DISTRIBUTIONS))
def test_a_distribution_holds_the_probabilities_that_right_spaces_mean(row: Row, name: str, space: Space) -> None:
    z = next(iter(random_scores(seed=2))).double()
    p = as_probabilities(row, space, z, -1)
    if row.class_axis is not None:
        p = p / p.sum(-1, keepdim=True)
    lead = {key: value for key, value in (("temperature", torch.tensor(0.5)), ("total_count", 1)) if key in row.build}
    try:
        held = resolve(name)(**{row.arg: in_space(space, z, -1)}, **lead).probs
    except ValueError:
        assert space not in row.wants | row.harmless
        return
    assert torch.allclose(held, p) == (space in row.wants | row.harmless)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.verb is Verb.LOSS and row.decodes and row.activation],
    ids=lambda row: f"{row.names[0]}({row.arg})",
)
def test_a_loss_names_the_decoder_of_its_own_activation(row: Row) -> None:
    z = next(iter(random_scores()))
    decode = resolve(row.decodes)
    out = decode(z, dim=-1) if row.activation is Space.PROBS else decode(z)
    assert row.activation is not None
    assert lies_in(row.activation, out, -1)


ANYTHING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "LinearCrossEntropyLoss": ({"in_features": 4, "num_classes": 3}, {}),
    "linear_cross_entropy": ({}, {"linear_weight": torch.ones(3, 4)}),
    "AdaptiveLogSoftmaxWithLoss": ({"in_features": 4, "n_classes": 3, "cutoffs": [1]}, {}),
    "GaussianNLLLoss": ({}, {"var": torch.ones(6, 4)}),
    "gaussian_nll_loss": ({}, {"var": torch.ones(6, 4)}),
}


@pytest.mark.parametrize(("row", "name", "space"), spaces_and(cases(Verb.LOSS, only=accepts_anything)))
def test_a_loss_that_accepts_anything_is_finite_on_everything(row: Row, name: str, space: Space) -> None:
    assert row.why
    last = name.rsplit(".", 1)[-1]
    build, call = ANYTHING.get(last, ({}, {}))
    z = next(iter(random_scores()))
    labels = torch.zeros(6, dtype=torch.long)
    if re.search("softmax|entropy|multi_?margin", last.lower()):
        target = labels
    else:
        target = torch.zeros(6, 4, dtype=torch.long) if "label" in last.lower() else torch.ones(6, 4)
    given = {row.arg: in_space(space, z, -1), row.target: target, **call}
    value = resolve(name)
    out = value(**build)(**given) if spelling(name) == "module" else value(**given)
    assert bool(getattr(out, "loss", out).isfinite())


def test_features_go_through_a_linear_layer_first() -> None:
    if not hasattr(functional, "linear_cross_entropy"):
        pytest.skip("new in torch 2.13")
    x, weight, y = torch.randn(4, 5), torch.randn(3, 5), torch.tensor([0, 1, 2, 0])
    torch.testing.assert_close(functional.linear_cross_entropy(x, weight, y), functional.cross_entropy(x @ weight.T, y))
