"""Finding trainers and loss libraries, and telling raw scores from others."""

from __future__ import annotations

import ast
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rawlogits.space import Space
from rawlogits.table.lookup import PROGRAMS
from table_witness import resolve

LIBRARIES = (
    "accelerate catalyst fastai fvcore ignite kornia lightning monai pytorch_lightning pytorch_toolbelt "
    "segmentation_models_pytorch skorch timm torchmetrics torchvision transformers"
).split()
INSTALLED = frozenset(library for library in LIBRARIES if importlib.util.find_spec(library))
PLACES_OF_PROGRAMS = {
    "fastai.learner.vision_learner": "fastai.vision.learner.vision_learner",
    "fastai.learner.cnn_learner": "fastai.vision.learner.cnn_learner",
    "fastai.learner.unet_learner": "fastai.vision.learner.unet_learner",
}
"""Where the library has what the table keeps under another name."""
OF_OLDER_VERSIONS = {
    "transformers.AutoModelForVision2Seq": "transformers 4",
    "pytorch_toolbelt.losses.DiceLoss.class_weights": "segmentation_models_pytorch has it",
}


def needs(name: str) -> list[Any]:
    library = name.split(".")[0]
    return [] if library in INSTALLED else [pytest.mark.skip(reason=f"{library} is not installed")]


def quietly(made: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return made()


def in_library(full: str) -> Any:
    try:
        return quietly(lambda: resolve(PLACES_OF_PROGRAMS.get(full, full)))
    except ModuleNotFoundError:
        if full in OF_OLDER_VERSIONS:
            pytest.skip(f"in {OF_OLDER_VERSIONS[full]}")
        raise


def same(left: Tensor, right: Tensor) -> bool:
    return bool(torch.allclose(left, right, rtol=1e-4, atol=1e-5))


def turned(space: Space, z: Tensor) -> Tensor:
    return z.softmax(1) if space is Space.PROBS else z.sigmoid()


def raw_scores(out: Tensor, classes: int) -> None:
    """Numbers that no activation has bounded or brought to a sum."""
    assert out.shape[1] == classes
    assert bool(out.min() < 0)
    assert not same(out.sum(1), torch.ones_like(out.sum(1)))
    assert not same(out.exp().sum(1), torch.ones_like(out.sum(1)))


def names_in(program: str, base: str = "") -> list[str]:
    """The public names that a program defines, or those that it defines as one of its private classes."""
    tree = ast.parse((PROGRAMS / f"{program}.py").read_text(encoding="utf-8"))
    return [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Name)
        and f"{node.value.id}.".startswith(base or "_")
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
