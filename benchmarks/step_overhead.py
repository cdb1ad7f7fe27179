"""What following a training step costs: the time of a traced step over that of a plain one, in one run.

    python benchmarks/step_overhead.py [--rounds 5] [--steps 20]

Plain and traced steps take turns; a row shows the median of the rounds, each the ratio of the medians of its steps.
`300 steps` is a loop of 300 with its first step watched, over the same loop without.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

import rawlogits


class Residual(nn.Module):
    """Two convolutions round which the input goes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one, self.two = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norms[0](self.one(x)))
        return torch.relu(x + self.norms[1](self.two(y)))


def resnet() -> tuple[nn.Module, torch.Tensor]:
    """Eight residual blocks on small images."""
    blocks = [Residual(32) for _ in range(8)]
    net = nn.Sequential(nn.Conv2d(3, 32, 3), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    return net, torch.randn(16, 3, 32, 32)


def transformer() -> tuple[nn.Module, torch.Tensor]:
    """Four encoder layers of width 128 on 64 positions."""
    layer = nn.TransformerEncoderLayer(128, 4, 256, batch_first=True)
    net = nn.Sequential(nn.TransformerEncoder(layer, 4), nn.Flatten(), nn.Linear(64 * 128, 10))
    return net, torch.randn(16, 64, 128)


def step_of(net: nn.Module, x: torch.Tensor) -> Callable[[], None]:
    """A step of training on one batch."""
    optimizer, y = torch.optim.SGD(net.parameters(), lr=0.01), torch.arange(len(x)) % 10

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


def seconds(run: Callable[[], None]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def traced_over_plain(net: nn.Module, step: Callable[[], None], steps: int) -> float:
    """The ratio of medians of steps that take turns."""

    def traced() -> None:
        with rawlogits.watch(net, on="record"):
            step()

    times = [(seconds(step), seconds(traced)) for _ in range(steps)]
    return statistics.median(each for _, each in times) / statistics.median(each for each, _ in times)


def loop_over_plain(net: nn.Module, step: Callable[[], None], steps: int) -> float:
    """The ratio of two loops, the first step of one of which is watched."""

    def loop() -> None:
        for _ in range(steps):
            step()

    def watched() -> None:
        with rawlogits.watch(net, on="record"):
            loop()

    first, second, third = seconds(loop), seconds(watched), seconds(loop)
    return second / ((first + third) / 2)


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    torch.manual_seed(0)
    for build in (resnet, transformer):
        net, x = build()
        step = step_of(net, x)
        traced_over_plain(net, step, 3)
        ratios = [traced_over_plain(net, step, given.steps) for _ in range(given.rounds)]
        loops = [loop_over_plain(net, step, 300) for _ in range(given.rounds)] if given.steps >= 20 else []
        print(f"{build.__name__:<12} traced step {statistics.median(ratios):.3f}x", end="")
        print(f"   300 steps {statistics.median(loops):.3f}x" if loops else "")


if __name__ == "__main__":
    main()
