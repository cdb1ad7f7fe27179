"""The training loop of the example. It knows neither the model nor the loss."""

import torch
from torch import nn
from torch.utils.data import DataLoader


def train_one_epoch(
    model: nn.Module, criterion: nn.Module, batches: DataLoader, optimizer: torch.optim.Optimizer
) -> float:
    """One pass over the batches; returns the mean loss."""
    model.train()
    total = 0.0
    for points, classes in batches:
        optimizer.zero_grad()
        output = model(points)
        loss = criterion(output, classes)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(classes)
    return total / len(batches.dataset)


@torch.no_grad()
def accuracy(model: nn.Module, batches: DataLoader) -> float:
    """The share of points whose class is found."""
    model.eval()
    hits = sum((model(points).argmax(dim=1) == classes).sum().item() for points, classes in batches)
    return hits / len(batches.dataset)
