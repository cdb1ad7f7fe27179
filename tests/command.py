"""Runs the command line in this process, on small projects written for one test."""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rawlogits.__main__ import main


class Done(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The summary of a `check` in the text format."""
        return self.out.splitlines()[-1]


def rawlogits(*arguments: str, cwd: Path) -> Done:
    """`rawlogits ARGUMENTS` in the folder `cwd`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return Done(status, out.getvalue(), err.getvalue())


def project(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write these files below `folder`; text is dedented."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
    return folder


WRONG = {
    "net.py": """\
        import torch.nn as nn
        import torch.nn.functional as F

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(8, 3)

            def forward(self, x):
                return F.softmax(self.fc(x), dim=1)
        """,
    "train.py": """\
        import torch.nn as nn
        from net import Net

        def train(loader):
            model = Net()
            criterion = nn.CrossEntropyLoss()
            for x, y in loader:
                out = model(x)
                loss = criterion(out, y)
                loss.backward()
        """,
}
"""One double softmax, made in net.py line 10, reaching the loss in train.py line 9."""

RIGHT = {name: text.replace("F.softmax(self.fc(x), dim=1)", "self.fc(x)") for name, text in WRONG.items()}
"""The same project with raw logits."""
