"""A little of the fuzzing in tests/fuzz, always the same inputs."""

from __future__ import annotations

import random

import pytest
from tests.fuzz.targets import TARGETS, sample, tried


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("target", TARGETS)
def test_only_errors_of_ours(target: str, seed: int) -> None:
    tried(target, sample(target, random.Random(f"{target} {seed}")))
