"""Running the operators that the table speaks of, and measuring in which space a number lies."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rawlogits.space import Space
from rawlogits.table.row import Row, Verb
from rawlogits.table.torch import ROWS

SHAPES = ((6, 4), (2, 4, 6), (2, 4, 6, 8))
DTYPES = (torch.float32, torch.float64)
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}

NOT_INSTALLED = {
    root: f"{root} is not installed"
    for root in ("torchvision", "sklearn", "einops")
    if importlib.util.find_spec(root) is None
}
NO_WITNESS = {
    "torch.Tensor.cuda": "needs a GPU",
    "torch.Tensor.xpu": "needs a GPU",
    "torch.Tensor.pin_memory": "needs a GPU",
    "torch.ao.quantization.prepare_qat": "needs a quantised engine",
    "torch.ao.quantization.fuse_modules": "fuses convolution and normalisation, which are no scores",
}


def resolve(name: str) -> Any:
    """The object that a dotted name stands for."""
    root, *rest = name.split(".")
    value, path = importlib.import_module(root), root
    for part in rest:
        path = f"{path}.{part}"
        try:
            value = getattr(value, part)
        except AttributeError:
            value = importlib.import_module(path)
    return value


def reason_to_skip(row: Row, name: str) -> str:
    if row.since and tuple(map(int, row.since.split("."))) > tuple(map(int, torch.__version__.split(".")[:2])):
        return f"new in torch {row.since}"
    return NOT_INSTALLED.get(name.split(".")[0], "") or NO_WITNESS.get(name, "")


def cases(*verbs: Verb, only: Callable[[Row], object] = bool) -> list[Any]:
    """One test case for every name of every row, with an id that reads."""
    found = []
    for row in ROWS:
        if row.verb in verbs and only(row):
            for name in row.names:
                skip = reason_to_skip(row, name)
                title = ",".join((f"{name}({row.arg})", *(f"{key}={value}" for key, value in row.when.items())))
                found.append(pytest.param(row, name, id=title, marks=[pytest.mark.skip(reason=skip)] if skip else []))
    return found


def random_scores(seed: int = 0) -> Iterator[Tensor]:
    """Normal scores of spread 3 in every shape and precision."""
    generator = torch.Generator().manual_seed(seed)
    for shape in SHAPES:
        for dtype in DTYPES:
            yield 3 * torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def in_space(space: Space, z: Tensor, axis: int) -> Tensor:
    """Scores as numbers of this space."""
    match space:
        case Space.LOGITS:
            return z
        case Space.PROBS:
            return z.softmax(axis)
        case Space.LOG_PROBS:
            return z.log_softmax(axis)
        case Space.SIGMOID:
            return z.sigmoid()
        case Space.LOG_SIGMOID:
            return functional.logsigmoid(z)


def lies_in(space: Space, x: Tensor, axis: int) -> bool:
    """Whether these numbers can be of this space: normalised over `axis` for the softmax pair, and not so else."""
    close = TOLERANCE[x.dtype]
    normalised = bool(
        ((x.exp() if space in (Space.LOG_PROBS, Space.LOG_SIGMOID) else x).sum(axis) - 1).abs().max() < 10 * close
    )
    match space:
        case Space.LOGITS:
            return bool(x.min() < -1e-3) and bool(x.max() > 1e-3)
        case Space.PROBS:
            return bool((x >= 0).all()) and normalised
        case Space.LOG_PROBS:
            return bool((x <= close).all()) and normalised
        case Space.SIGMOID:
            return bool(((x > 0) & (x <= 1)).all()) and not normalised
        case Space.LOG_SIGMOID:
            return bool((x <= 0).all()) and not normalised
