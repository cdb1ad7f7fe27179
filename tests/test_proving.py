"""`check --fix --prove`: the model is run as it was and as it is with the fix, in a process of its own.

Every case is a project on the disk whose fixes are made with real PyTorch in real processes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from command import project, rawlogits
from rawlogits import api, edits, fixing, proving
from rawlogits.errors import InputError
from rawlogits.finding import Edit, Finding
from rawlogits.proving import Limits, Outcome, Proof, Prover

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n"
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return F.softmax(self.fc(x), dim=1)
"""
TRAIN = """
from net import Net

net = Net()

def train(x, y):
    return F.cross_entropy(net(x), y)
"""


def net(body: str = NET, train: str = TRAIN, head: str = HEAD) -> dict[str, str]:
    return {"net.py": head + body, "train.py": HEAD + train}


def in_place_of(old: str, new: str) -> dict[str, str]:
    """The small network with one thing written in another way."""
    assert old in NET
    return net(NET.replace(old, new))


def found(folder: Path, files: Mapping[str, str]) -> Finding:
    """The one finding of a project, with its fix."""
    project(folder, files)
    report = api.check([folder], root=folder, use_config=False, fixable=lambda finding: True)
    (finding,) = (each for each in report.findings if each.fix is not None and each.fix.edits)
    return finding


def proof(folder: Path, files: Mapping[str, str], limits: Limits | None = None, text: str = "") -> Proof:
    """What the proof of the fix of the one finding comes to; with another text for net.py where one is given."""
    finding = found(folder, files)
    assert finding.fix is not None
    made = edits.by_file(finding.fix.edits)
    old = {path: (folder / path).read_bytes() for path in made}
    new = {path: edits.apply(path, old[path], some) for path, some in made.items()}
    new |= {"net.py": text.encode()} if text else {}
    return Prover(folder, files, limits or Limits()).prove(finding, old, new)


# -- proved ----------------------------------------------------------------------------------------------------------


def test_a_proof_says_what_holds(tmp_path: Path) -> None:
    said = proof(tmp_path, net())
    assert said.outcome is Outcome.PROVED
    assert said.words.startswith(
        "old output = softmax(new output) exactly, arg-max the same, "
        "gradient = (softmax(z) - onehot) / N, which the old one missed by "
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("net = nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))\n", id="a name"),
        pytest.param(
            """
def build(classes=3):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(classes), nn.Softmax(1))
    return net

net = build()
""",
            id="a function",
        ),
        pytest.param(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
        self.last = nn.Softmax(dim=-1)

    def forward(self, x):
        return self.last(self.layers(x))

net = Net()
""",
            id="images",
        ),
        pytest.param(
            """
class Net(nn.Module):
    def __init__(self, vocabulary=50, classes=4):
        super().__init__()
        self.words = nn.Embedding(vocabulary, 8)
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.fc = nn.Linear(16, classes)

    def forward(self, tokens):
        states, _ = self.lstm(self.words(tokens))
        return torch.softmax(self.fc(states[:, -1]), -1)

net = Net()
""",
            id="words",
        ),
    ],
)
def test_what_can_be_built_is_run(tmp_path: Path, body: str) -> None:
    files = net(body, "\nfrom net import net\n\ndef train(x, y):\n    return F.cross_entropy(net(x), y)\n")
    said = proof(tmp_path, files)
    assert str(said).startswith("proved: old output = softmax(new output) ")


def test_a_sigmoid_keeps_the_side_of_one_half(tmp_path: Path) -> None:
    body = NET.replace("F.softmax(self.fc(x), dim=1)", "torch.sigmoid(self.fc(x))")
    said = proof(tmp_path, net(body, TRAIN.replace("cross_entropy", "binary_cross_entropy_with_logits")))
    assert said.words.startswith("old output = sigmoid(new output) exactly, each output on the same side of one half, ")
    assert "gradient = (sigmoid(z) - target) / N, which the old one missed by " in said.words


def test_probabilities_become_log_probabilities(tmp_path: Path) -> None:
    said = proof(tmp_path, net(train=TRAIN.replace("cross_entropy", "nll_loss")))
    assert str(said).startswith("proved: new output = log(old output) to ")


def test_one_call_in_place_of_two_gives_the_same(tmp_path: Path) -> None:
    body = NET.replace("F.softmax(self.fc(x), dim=1)", "torch.log(F.softmax(self.fc(x), dim=1))")
    said = proof(tmp_path, net(body, ""))
    assert str(said).startswith("proved: old output = new output to ")


def test_arguments_are_taken_from_calls_that_write_them_out(tmp_path: Path) -> None:
    files = in_place_of("__init__(self)", "__init__(self, width, *, classes)")
    files["net.py"] = files["net.py"].replace("nn.Linear(8, 3)", "nn.Linear(width, classes)")
    files["train.py"] = files["train.py"].replace("net = Net()", "CLASSES = 6\nnet = Net(12, classes=CLASSES)")
    assert proof(tmp_path, files).outcome is Outcome.PROVED


def test_a_module_of_a_package_is_imported_by_its_name(tmp_path: Path) -> None:
    files = {
        "src/nets/__init__.py": "",
        "src/nets/parts.py": HEAD + "WIDTH = 8\n",
        "src/nets/net.py": HEAD + "from .parts import WIDTH\n" + NET.replace("Linear(8", "Linear(WIDTH"),
        "src/nets/train.py": HEAD + TRAIN.replace("from net", "from .net"),
    }
    assert proof(tmp_path, files).outcome is Outcome.PROVED


# -- failed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("2 * self.fc(x)", "old output and softmax(new output) differ by "),
        ("self.fc(x)[:2]", "with the fix the output of Net has another shape"),
        ("self.fc(y)", "with the fix Net raises NameError: name 'y' is not defined"),
        ("-self.fc(x)", "old output and softmax(new output) differ by "),
    ],
)
def test_a_wrong_fix_is_found_out(tmp_path: Path, wrong: str, words: str) -> None:
    said = proof(tmp_path, net(), text=HEAD + NET.replace("F.softmax(self.fc(x), dim=1)", wrong))
    assert said.is_failed
    assert said.words.startswith(words)


def test_saved_weights_have_to_fit(tmp_path: Path) -> None:
    body = HEAD + NET.replace("F.softmax(self.fc(x), dim=1)", "self.fc(x)").replace("self.fc", "self.head")
    said = proof(tmp_path, net(), text=body)
    assert str(said) == "failed: the saved parameters of Net no longer fit"


# -- not proved ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "__init__(self)",
            "__init__(self, width, classes)",
            "Net needs arguments `width` and `classes`, and no call writes out what it gets",
        ),
        ("forward(self, x)", "forward(self, x, mask)", "Net.forward wants 2 inputs: x, mask"),
        ("nn.Linear(8, 3)", "nn.Bilinear(8, 8, 3)", "no input shape is evident from the layers of Net"),
        ("self.fc = ", "raise ValueError('no data')\n        self.fc = ", "building Net raised ValueError: no data"),
        ("class Net", "raise SystemExit\n\nclass Net", "importing net raised SystemExit"),
        ("class Net", "import os\nos._exit(3)\n\nclass Net", "importing net ended the process with status 3"),
        (
            "class Net",
            "open('/tmp/x', 'w')\n\nclass Net",
            "importing net raised PermissionError: a proof writes no files",
        ),
        (
            "class Net",
            "import socket\nsocket.create_connection(('127.0.0.1', 9))\n\nclass Net",
            "importing net raised PermissionError: a proof has no network",
        ),
        (
            "class Net",
            "import ctypes\nctypes.string_at(0)\n\nclass Net",
            "importing net ended the process with signal 11",
        ),
        (
            "x):\n",
            "x):\n        assert x.dim() == 9, 'nine axes'\n",
            "Net took none of 2 random inputs: AssertionError: nine",
        ),
        ("x):\n", "x):\n        x = x / 0\n", "an output on random input is not finite"),
        (
            "x):\n",
            "x):\n        import random\n        x = x + random.random()\n",
            "Net gives another output for the same input and seed",
        ),
    ],
)
def test_what_cannot_be_run_is_said(tmp_path: Path, old: str, new: str, words: str) -> None:
    said = proof(tmp_path, in_place_of(old, new))
    assert said.outcome is Outcome.NOT_PROVED
    assert said.words.startswith(words)


def test_what_does_not_come_to_an_end_is_ended(tmp_path: Path) -> None:
    files = in_place_of("class Net", "import time\ntime.sleep(600)\n\nclass Net")
    assert str(proof(tmp_path, files, Limits(seconds=8))) == "not proved: importing net took longer than 8 s"


def test_what_takes_too_much_memory_is_refused_it(tmp_path: Path) -> None:
    files = in_place_of("class Net", "HOARD = bytearray(1 << 30)\n\nclass Net")
    said = proof(tmp_path, files, Limits(memory=256 << 20))
    assert str(said) == "not proved: importing net raised MemoryError"


def test_what_is_not_run_is_not_proved(tmp_path: Path) -> None:
    files = in_place_of("x):\n", "x):\n        if not self.training:\n            return self.fc(x)\n")
    said = str(proof(tmp_path, files))
    assert said == "not proved: the fix changes nothing in what Net gives in evaluation mode"


def test_a_line_that_never_runs_is_not_proved(tmp_path: Path) -> None:
    body = NET.replace(
        "return F.softmax(self.fc(x), dim=1)",
        "if self.training:\n            x = torch.log(F.softmax(x, dim=1))\n        return self.fc(x)",
    )
    assert str(proof(tmp_path, net(body, ""))) == "not proved: what the fix changes does not run when Net does"


def test_a_fix_in_a_training_loop_is_no_model(tmp_path: Path) -> None:
    train = "\ndef train(x, y):\n    return F.cross_entropy(torch.softmax(x, 1), y)\n"
    assert str(proof(tmp_path, net("", train))) == "not proved: train is no model that can be built on its own"


# -- what is left behind ---------------------------------------------------------------------------------------------


def test_the_project_is_left_as_it_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = in_place_of("class Net", "print('loud', flush=True)\nopen('here.txt', 'w').write('x')\n\nclass Net")
    before = Path.cwd()
    assert proof(tmp_path, files).outcome is Outcome.PROVED
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["net.py", "train.py"]
    assert Path.cwd() == before
    assert capfd.readouterr() == ("", "")


def test_no_child_outlives_its_proof(tmp_path: Path) -> None:
    words = f"rawlogits-{os.getpid()}-{time.time_ns()}"
    child = (
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)', '{words}'])"
    )
    assert proof(tmp_path, in_place_of("class Net", f"{child}\n\nclass Net")).outcome is Outcome.PROVED
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(words.encode() in each for each in commands)


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_that_it_runs_code(tmp_path: Path) -> None:
    project(tmp_path, net())
    done = rawlogits("check", "--fix", "--prove", "--no-cache", cwd=tmp_path)
    assert done.status == 0
    assert done.err.splitlines()[0] == "--prove runs code of this project: Net of net.py"
    assert done.err.splitlines()[1].startswith(
        "train.py:11:28: double-softmax: proved: old output = softmax(new output)"
    )
    assert "return self.fc(x)" in (tmp_path / "net.py").read_text()


def test_a_fix_that_cannot_be_proved_is_made_and_says_so(tmp_path: Path) -> None:
    project(tmp_path, in_place_of("__init__(self)", "__init__(self, width)"))
    done = rawlogits("check", "--fix", "--prove", "--no-cache", cwd=tmp_path)
    assert "double-softmax: not proved: Net needs argument `width`" in done.err
    assert "return self.fc(x)" in (tmp_path / "net.py").read_text()


def test_nothing_is_run_where_there_is_nothing_to_fix(tmp_path: Path) -> None:
    files = net(HEAD + "raise SystemExit('was run')\n", "")
    done = rawlogits("check", "--fix", "--prove", "--no-cache", cwd=project(tmp_path, files))
    assert (done.status, done.err) == (0, "nothing fixed\n")


def _doubling(apply: Callable[[str, bytes, Sequence[Edit]], bytes]) -> Callable[[str, bytes, Sequence[Edit]], bytes]:
    """Make edits, and a mistake."""
    return lambda path, data, some: apply(path, data, some).replace(b"return self.fc", b"return 2 * self.fc")


def test_a_fix_whose_proof_fails_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, net())
    monkeypatch.setattr(fixing.edits, "apply", _doubling(fixing.edits.apply))
    before = (tmp_path / "net.py").read_bytes()
    report = fixing.fix([tmp_path], root=tmp_path, use_config=False, prove=lambda name: None)
    assert [each.reason.split(" by ")[0] for each in report.refused] == [
        "its proof failed: old output and softmax(new output) differ"
    ]
    assert (tmp_path / "net.py").read_bytes() == before


def test_prove_wants_fix_or_diff(tmp_path: Path) -> None:
    done = rawlogits("check", "--prove", cwd=project(tmp_path, net()))
    assert done.status == 2
    assert "--prove wants --fix or --diff with it" in done.err


def test_proofs_want_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"proofs run PyTorch, which is not installed: pip install 'rawlogits\[torch\]'"
    ):
        Prover(tmp_path)
