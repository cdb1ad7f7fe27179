"""The README shows what the program prints. `python tests/test_readme.py` writes the blocks anew."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command import project, rawlogits

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
MARKER = re.compile(r"<!-- (output|table) of: rawlogits ([^\n]*?) -->\n(.*?)<!-- end -->", re.DOTALL)
SECONDS = re.compile(r"\d+\.\d s$", re.MULTILINE)


def block(kind: str, command: str) -> str:
    """What belongs between the markers of this command."""
    if kind == "output":
        return f"```\n$ rawlogits {command}\n{rawlogits(*command.split(), '--no-config', cwd=ROOT).out}```\n"
    entries = json.loads(rawlogits(*command.split(), "--format", "json", cwd=ROOT).out)
    lines = ["| code | name | severity | what it says |", "| --- | --- | --- | --- |"]
    for entry in entries:
        severity = entry["severity"] + ("" if entry["default"] else ", off by default")
        lines.append(f"| {entry['code']} | {entry['name']} | {severity} | {entry['says']} |")
    return "\n".join(lines) + "\n"


def test_blocks_are_what_the_program_prints() -> None:
    found = MARKER.findall(README.read_text(encoding="utf-8"))
    assert len(found) == 2
    for kind, command, shown in found:
        assert SECONDS.sub("", shown) == SECONDS.sub("", block(kind, command))


def test_the_example_has_one_finding_across_three_files() -> None:
    document = json.loads(rawlogits("check", "examples", "--no-config", "--format", "json", cwd=ROOT).out)
    (finding,) = document["findings"]
    assert (finding["rule"], finding["confidence"]) == ("double-softmax", "certain")
    assert finding["path"] == "examples/engine.py"
    assert finding["trace"][0]["path"] == "examples/models/net.py"
    assert "examples/losses.py" in finding["trace"][-1]["text"]


def test_the_configuration_is_allowed_and_the_rows_work(tmp_path: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    code = """\
        import fastloss, fastnn
        from fastnn.functional import fused_softmax

        wrapper = fastnn.Wrapper(8)

        def train(scores, target):
            return fastloss.focal_loss(wrapper(fused_softmax(scores)), target)
        """
    project(tmp_path, {"pyproject.toml": "\n".join(blocks).replace('"RL1"', '"RL103"'), "train.py": code})
    (finding,) = json.loads(rawlogits("check", "--format", "json", cwd=tmp_path).out)["findings"]
    assert (finding["line"], finding["rule"]) == (7, "wrong-activation")


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(
        r"^```python\n(import rawlogits\n.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    monkeypatch.chdir(ROOT)
    exec(code.replace('"src"', '"examples"'), {})
    assert capsys.readouterr().out.splitlines() == [
        "examples/engine.py 17 double-softmax CrossEntropyLoss wants logits, got softmax probabilities",
        "1 1 1",
    ]


def test_links_lead_somewhere() -> None:
    for page in (README, ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{page.name}: {target}"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(
        MARKER.sub(lambda m: f"<!-- {m[1]} of: rawlogits {m[2]} -->\n{block(m[1], m[2])}<!-- end -->", text),
        encoding="utf-8",
    )
