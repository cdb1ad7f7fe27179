"""The fixture that other projects' tests use, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

TESTS = """
import torch
from torch import nn

BATCH = torch.randn(4, 6), torch.tensor([0, 1, 2, 0])

def test_raw(assert_raw_logits):
    report = assert_raw_logits(nn.Linear(6, 3), nn.CrossEntropyLoss(), BATCH)
    assert report.coverage == "1 loss checked, chain complete"

def test_softmax(assert_raw_logits):
    assert_raw_logits(nn.Sequential(nn.Linear(6, 3), nn.Softmax(1)), nn.CrossEntropyLoss(), BATCH)

def test_nothing(assert_raw_logits):
    assert_raw_logits(nn.Linear(6, 3), lambda output, target: output.sum(), BATCH)
"""


def test_only_what_is_clean_passes(tmp_path: Path) -> None:
    (tmp_path / "test_net.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_net.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 failed, 1 passed" in done.stdout
    assert "PROVED: double-softmax: cross_entropy wants logits, got softmax probabilities" in done.stdout
    assert "UNKNOWN: no loss was computed that the table knows" in done.stdout
    assert "Traceback" not in done.stdout
