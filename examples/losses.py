"""The losses of the example, by name. Cross entropy applies log-softmax itself."""

from torch import nn


def build_loss(name: str) -> nn.Module:
    """The loss of this name."""
    if name == "cross_entropy":
        return nn.CrossEntropyLoss()
    if name == "smoothed":
        return nn.CrossEntropyLoss(label_smoothing=0.1)
    raise ValueError(f"no loss {name!r}")
