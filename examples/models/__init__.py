"""The models of the example, by name."""

from torch import nn

import config

from .net import Net
from .plain import PlainNet

MODELS = {"net": Net, "plain": PlainNet}


def build(name: str) -> nn.Module:
    """A fresh model of this name."""
    return MODELS[name](config.FEATURES, config.HIDDEN, config.CLASSES)
