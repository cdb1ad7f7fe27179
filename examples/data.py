"""Points around as many centres on a circle as there are classes."""

import math

import torch
from torch.utils.data import DataLoader, TensorDataset

import config


def loader(points: int, shuffle: bool) -> DataLoader:
    """Batches of (points, classes)."""
    classes = torch.arange(points) % config.CLASSES
    angles = classes * (2 * math.pi / config.CLASSES)
    centres = torch.stack([angles.cos(), angles.sin()], dim=1)
    noise = 0.15 * torch.randn(points, config.FEATURES)
    return DataLoader(TensorDataset(centres + noise, classes), batch_size=config.BATCH, shuffle=shuffle)
