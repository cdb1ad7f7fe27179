"""How long an editor waits: from a change of a text to the diagnostics for it, in a project of 500 files.

    python benchmarks/server_latency.py

The project is generated: 50 packages with blocks, a model, a loss, an engine, a script and helpers, every tenth with a
double softmax over four files, and a helper that all 50 scripts import. After the first check of everything each kind
of file is edited in turn, without saving; the table shows medians over the rounds, the debounce included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PACKAGES = 50
NET = """import torch.nn as nn
import torch.nn.functional as F
from {name}.blocks import Block0, Block1

class Net(nn.Module):
    def __init__(self, width=64, classes=10):
        super().__init__()
        self.body = nn.Sequential(Block0(width), Block1(width))
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return {result}
"""
BLOCK = """
class Block{n}(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = nn.Linear(width, width)
        self.b = nn.Linear(width, width)

    def forward(self, x):
        return x + self.b(self.a(x).relu())
"""
LOSSES = """import torch.nn as nn

def build(name):
    if name == "ce":
        return nn.CrossEntropyLoss()
    return nn.NLLLoss()
"""
ENGINE = """import torch

def train_epoch(model, criterion, loader, optimizer):
    for x, y in loader:
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
"""
TRAIN = """import shared
from {name}.net import Net
from {name}.losses import build
from {name}.engine import train_epoch
from {name}.data import loader

def main():
    model = Net()
    criterion = build("ce")
    for epoch in range(shared.EPOCHS):
        train_epoch(model, criterion, loader(), None)

if __name__ == "__main__":
    main()
"""
HELPER = """
def helper_{n}(text, size={n}):
    return [part[:size] for part in text.split() if len(part) > size]
"""
RAW, SOFTMAX = "self.head(self.body(x))", "F.softmax(self.head(self.body(x)), dim=1)"


def generate(root: Path) -> int:
    """Write the project; returns how many files it has."""
    helpers = "".join(HELPER.format(n=n) for n in range(30))
    files = {"shared.py": "EPOCHS = 10\n"}
    for number in range(PACKAGES):
        name = f"task{number:02d}"
        files |= {
            f"{name}/__init__.py": "",
            f"{name}/blocks.py": "import torch.nn as nn\n" + "".join(BLOCK.format(n=n) for n in range(6)),
            f"{name}/net.py": NET.format(name=name, result=RAW if number % 10 else SOFTMAX),
            f"{name}/losses.py": LOSSES,
            f"{name}/engine.py": ENGINE,
            f"{name}/train.py": TRAIN.format(name=name),
            f"{name}/data.py": 'import json\n\ndef loader(path="rows.json"):\n    return json.load(open(path))\n'
            + helpers,
            **{f"{name}/util{n}.py": helpers for n in range(3)},
        }
    for path, text in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    return len(files)


class Client:
    """Just enough of a client to measure."""

    def __init__(self, root: Path) -> None:
        self.root = root
        command = [sys.executable, "-m", "rawlogits", "server"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        folders = [{"uri": root.as_uri(), "name": "p"}]
        self.send(
            "initialize", {"processId": None, "rootUri": None, "capabilities": {}, "workspaceFolders": folders}, 1
        )
        while self.read().get("id") != 1:
            pass
        self.send("initialized", {})

    def send(self, method: str, params: Any, number: int | None = None) -> None:
        body = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": number} if number else {})
        data = json.dumps(body).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        length = 0
        while (line := self.process.stdout.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def diagnostics(self, path: str, version: int | None = None) -> list[Any]:
        """Those of a file, as soon as they come (for this version)."""
        while True:
            message = self.read()
            params = message.get("params") or {}
            ours = message.get("method") == "textDocument/publishDiagnostics" and params["uri"].endswith(path)
            if ours and version in (None, params.get("version")):
                return params["diagnostics"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        count = generate(root)
        started = time.perf_counter()
        client = Client(root)
        client.diagnostics("task40/engine.py")
        print(f"{count} files; from the start to the diagnostics of everything {time.perf_counter() - started:.2f} s")
        for path in ("task10/net.py", "task10/engine.py", "task10/train.py", "task10/util0.py", "shared.py"):
            text, uri, took = (root / path).read_text(), (root / path).as_uri(), []
            item = {"uri": uri, "languageId": "python", "version": 0, "text": text}
            client.send("textDocument/didOpen", {"textDocument": item})
            time.sleep(0.5)
            for version in range(1, rounds + 1):
                new = {"textDocument": {"uri": uri, "version": version}}
                new["contentChanges"] = [{"text": f"{text}# {version}\n"}]
                started = time.perf_counter()
                client.send("textDocument/didChange", new)
                client.diagnostics(path, version)
                took.append(time.perf_counter() - started)
                time.sleep(0.1)
            print(f"{path:18}  median {1000 * statistics.median(took):4.0f} ms  largest {1000 * max(took):4.0f} ms")
        client.send("shutdown", None, 2)
        client.send("exit", None)
        client.process.wait(10)


if __name__ == "__main__":
    main()
