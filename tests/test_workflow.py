"""Where the command runs: editors, shells, pre-commit, GitHub; and what it says of comments that silence nothing."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import rawlogits as package
from command import RIGHT, WRONG, Done, project, rawlogits
from rawlogits.errors import InputError
from rawlogits.report import formats

ROOT = Path(__file__).parent.parent
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")


def check(folder: Path, *arguments: str) -> Done:
    return rawlogits("check", *arguments, cwd=folder)


# --- the content of a file from standard input


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """Standard input: what the test writes there."""
    stream = io.BytesIO()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))
    return stream


def enter(typed: io.BytesIO, text: str) -> None:
    typed.write(textwrap.dedent(text).encode())
    typed.seek(0)


def test_the_loss_is_typed_and_the_model_lies_on_the_disk(tmp_path: Path, typed: io.BytesIO) -> None:
    project(tmp_path, {**WRONG, "train.py": ""})
    enter(typed, WRONG["train.py"])
    done = check(tmp_path, "--stdin-filename", "train.py")
    assert done.status == 1
    assert done.out.startswith("train.py:9:26: error: double-softmax")
    assert done.last_line.startswith("1 error · 1 loss checked: 1 traced to the origin, 0 not resolved · 1 file, ")


def test_the_model_is_typed_and_the_whole_project_checked(tmp_path: Path, typed: io.BytesIO) -> None:
    project(tmp_path, WRONG)
    enter(typed, RIGHT["net.py"])
    done = check(tmp_path, ".", "--stdin-filename", "./net.py")
    assert done.status == 0
    assert " · 2 files, " in done.last_line


def test_a_file_that_was_never_saved(tmp_path: Path, typed: io.BytesIO) -> None:
    project(tmp_path, {"net.py": WRONG["net.py"]})
    enter(typed, WRONG["train.py"])
    for path in ("new.py", str(tmp_path / "other.py")):
        typed.seek(0)
        assert check(tmp_path, "--stdin-filename", path).out.startswith(f"{Path(path).name}:9:26: ")


def test_what_is_typed_does_not_parse(tmp_path: Path, typed: io.BytesIO) -> None:
    enter(typed, "import torch.nn as nn\nloss = nn.CrossEntropyLoss()(\n")
    done = check(tmp_path, "--stdin-filename", "a.py")
    assert done.status == 2
    assert "not read: a.py:2: does not parse" in done.out


def test_a_folder_has_no_content(tmp_path: Path, typed: io.BytesIO) -> None:
    done = check(tmp_path, "--stdin-filename", ".")
    assert done.status == 2
    assert "'.' is a folder; the content of a file needs the path of a file" in done.err


def test_the_line_of_the_baseline_is_the_typed_one(tmp_path: Path, typed: io.BytesIO) -> None:
    project(tmp_path, WRONG)
    check(tmp_path, "--write-baseline", "known.json")
    enter(typed, WRONG["train.py"].replace("loss = criterion", "value = criterion"))
    arguments = ["--stdin-filename", "train.py"]
    assert check(tmp_path, *arguments, "--baseline", "known.json").status == 1
    typed.seek(0)
    assert check(tmp_path, *arguments, "--write-baseline", "typed.json").status == 0
    typed.seek(0)
    assert check(tmp_path, *arguments, "--baseline", "typed.json").status == 0


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_what_is_typed_has_changed(tmp_path: Path, typed: io.BytesIO) -> None:
    project(tmp_path, WRONG)
    commit = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "work"]
    for arguments in (["init", "--quiet"], ["add", "."], commit):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)
    assert check(tmp_path, "--since", "HEAD").status == 0
    enter(typed, WRONG["net.py"])
    assert check(tmp_path, ".", "--stdin-filename", "net.py", "--since", "HEAD").status == 1


def test_the_overlay_from_python(tmp_path: Path) -> None:
    project(tmp_path, WRONG)
    overlay = {"net.py": textwrap.dedent(RIGHT["net.py"])}
    assert package.check(root=tmp_path, paths=[tmp_path], overlay=overlay).findings == ()
    assert len(package.check(root=tmp_path, paths=[tmp_path]).findings) == 1
    with pytest.raises(InputError, match=r"no such path: 'new\.py'"):
        package.check(root=tmp_path, paths=["new.py"], overlay=overlay)


# --- comments that silence nothing


def unused(folder: Path, *arguments: str) -> list[str]:
    lines = check(folder, *arguments).out.splitlines()
    return [line for line in lines if "unused suppression" in line]


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("rawlogits: ignore[double-softmax]", None),
        ("rawlogits: ignore[double-softmax, RL401]", None),
        ("rawlogits: ignore[RL102]", "RL102"),
        (
            "rawlogits: ignore[double_softmax]",
            "double_softmax (no rule 'double_softmax', did you mean 'double-softmax'?)",
        ),
        ("rawlogits: ignore[RL110]", "RL110 (no rule 'RL110', did you mean 'RL10"),
        ("rawlogits: ignore[zzz]", "zzz (no rule 'zzz')"),
        (
            "rawlogits: ignore[RL101, double-sigmiod]",
            "double-sigmiod (no rule 'double-sigmiod', did you mean 'double-sig",
        ),
        ("rawlogits: ignore[RL501, doubel-softmax]", "RL501, doubel-softmax (no rule 'doubel-softmax', did you"),
        ("noqa: E501", None),
    ],
)
def test_unused_suppressions(tmp_path: Path, comment: str, words: str | None) -> None:
    project(tmp_path, {**WRONG, "train.py": WRONG["train.py"].replace("out, y)", f"out, y)  # {comment}")})
    found = unused(tmp_path, "--report-unused-suppressions")
    if words is None:
        assert found == []
    else:
        assert found[0].startswith(f"train.py:9: unused suppression of {words}")
    assert unused(tmp_path, "--show", "suppressions") == found
    assert unused(tmp_path) == []


def test_unused_suppressions_by_configuration(tmp_path: Path) -> None:
    project(
        tmp_path,
        {"a.py": "x = 1  # rawlogits: ignore\n", "pyproject.toml": '[tool.rawlogits]\nshow = ["suppressions"]'},
    )
    assert unused(tmp_path) == ["a.py:1: unused suppression of all rules"]
    assert "unused_suppressions" in json.loads(check(tmp_path, "--format", "json").out)


# --- the configuration against itself


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('select = ["double-sofmax"]', ["select: no rule fits 'double-sofmax'", "did you mean 'double-softmax'?"]),
        ('ignore = ["RL9"]', ["ignore: no rule fits 'RL9'", "allowed are names, codes, beginnings of codes"]),
        (
            'per-file-ignores = {"a/*" = ["duble-softmax"]}',
            ["per-file-ignores of 'a/*': no rule fits", "double-softmax"],
        ),
        ('select = ["RL101"]\nignore = ["double-softmax"]', ["select holds 'RL101', and ignore ('double-softmax')"]),
        ('select = ["RL1", "RL4"]\nignore = ["RL4"]', ["select holds 'RL4'", "keep it in one of the two"]),
        ('show = ["all"]', ["show holds 'all'; allowed are fixes, suppressions, unresolved"]),
        ("show = true", ["show wants a list of strings, got a boolean"]),
        ('baseline = ["a"]', ["baseline wants the path of a file, got a list"]),
        ('baseline = ""', ["baseline wants the path of a file, got a string: ''"]),
    ],
)
def test_bad_configuration(tmp_path: Path, text: str, words: list[str]) -> None:
    done = check(project(tmp_path, {**WRONG, "pyproject.toml": f"[tool.rawlogits]\n{text}\n"}))
    assert (done.status, done.out) == (2, "")
    for each in ["pyproject.toml: ", *words]:
        assert each in done.err


def test_a_part_of_what_is_selected_may_be_ignored(tmp_path: Path) -> None:
    text = '[tool.rawlogits]\nselect = ["RL1"]\nignore = ["RL101"]\n'
    assert check(project(tmp_path, {**WRONG, "pyproject.toml": text})).status == 0


def test_keys_in_two_places(tmp_path: Path) -> None:
    project(tmp_path, {**WRONG, "own.toml": 'ignore = ["RL4"]\n[tool.rawlogits]\nselect = ["RL1"]\n'})
    done = check(tmp_path, "--config", "own.toml")
    assert done.status == 2
    assert "own.toml: has [tool.rawlogits], and ignore at its top level; keep one of the two" in done.err


def test_no_rule_is_left(tmp_path: Path) -> None:
    done = check(project(tmp_path, WRONG), "--select", "RL101", "--ignore", "RL1")
    assert (done.status, done.out) == (2, "")
    assert "no rule is left: selected are 'RL101', ignored are 'RL1'" in done.err


# --- completion


def completed(*words: str) -> list[str]:
    """What the shell offers for the last word."""
    environment = {
        **os.environ,
        "_RAWLOGITS_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["rawlogits", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "rawlogits"], env=environment, capture_output=True, text=True, check=True
    )
    return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["explain", "double-so"], ["double-softmax"]),
        (["explain", "rl10"], ["RL101", "RL102", "RL103", "RL104"]),
        (["check", "--select", "double-so"], ["double-softmax"]),
        (["check", "--ignore", "RL101,log-of-so"], ["RL101,log-of-softmax"]),
        (["check", "--format", "te"], ["text"]),
        (["check", "--show", "un"], ["unresolved"]),
        (["check", "--write"], ["--write-baseline"]),
        (["ex"], ["explain"]),
        (["explain", "zzz"], []),
    ],
)
def test_completion(words: list[str], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_every_rule_is_offered() -> None:
    assert completed("explain", "") == [
        rule["name"] for rule in json.loads(rawlogits("rules", "--format", "json", cwd=ROOT).out)
    ]


# --- pre-commit and GitHub


def script() -> str:
    """What the last step of the action runs."""
    return textwrap.dedent(ACTION.rsplit("run: |\n", 1)[1])


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_action_checks(tmp_path: Path) -> None:
    """With a module in the project that would break rawlogits if it were imported."""
    project(tmp_path, {**WRONG, "click.py": "raise SystemExit(5)\n", "sub/a.py": ""})
    inputs = {"PATHS": "train.py\nsub *.py", "OPTIONS": "--exit-zero --select RL1", "FORMAT": "json"}
    environment = {**os.environ, **inputs, "PYTHON": sys.executable, "RUNNER_TEMP": str(tmp_path / "temp")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script()]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such path: '*.py'" in done.stderr
    environment["PATHS"] = "train.py\nsub"
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [finding["code"] for finding in json.loads(done.stdout)["findings"]] == ["RL101"]
    environment["OPTIONS"] = ""
    assert subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False).returncode == 1


def test_the_action_is_well_formed() -> None:
    yaml = pytest.importorskip("yaml")
    action = yaml.safe_load(ACTION)
    assert {"name", "description", "inputs", "runs"} <= set(action)
    assert all(set(entry) == {"description", "default"} for entry in action["inputs"].values())
    steps = action["runs"]["steps"]
    assert all(step["shell"] == "bash" for step in steps if "run" in step)
    assert not any("${{" in step["run"] for step in steps if "run" in step), "inputs reach a script by its environment"
    assert set(re.findall(r"inputs\.([\w-]+)", ACTION)) == set(action["inputs"])
    assert action["inputs"]["format"]["default"] in (*formats.names(), "github")


def test_the_hook_is_well_formed() -> None:
    yaml = pytest.importorskip("yaml")
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["entry"].split() == ["rawlogits", "check"]
    assert hook["pass_filenames"] is False


def test_options_that_the_documents_name_are_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## In your workflow\n(.*?)^## ", readme, re.DOTALL | re.MULTILINE)
    assert section is not None
    named = set(re.findall(r"(?<![\w-])--[a-z-]+", section[1] + ACTION.partition("runs:")[0]))
    help_text = rawlogits("check", "--help", cwd=ROOT).out
    assert named
    assert {option for option in named if f" {option} " not in help_text} == set()


# --- notebooks


def notebook(*cells: str) -> str:
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    return json.dumps({**document, "cells": [{**code, "source": cell.splitlines(True)} for cell in cells]})


CELLS = (
    "import torch\nimport torch.nn.functional as F",
    "p = torch.softmax(torch.randn(2, 3), 1)",
    "y = torch.zeros(2).long()\nloss = F.cross_entropy(p, y)",
)


def test_cells_may_move(tmp_path: Path) -> None:
    project(tmp_path, {"a.ipynb": notebook(*CELLS)})
    check(tmp_path, "--write-baseline", "known.json")
    project(tmp_path, {"a.ipynb": notebook("# first", *CELLS[:2], "x = 1\n" + CELLS[2])})
    assert check(tmp_path, "--baseline", "known.json").out.startswith("no findings (1 known) · ")
    project(tmp_path, {"a.ipynb": notebook(*CELLS[:2], CELLS[2].replace("loss", "value"))})
    assert check(tmp_path, "--baseline", "known.json").status == 1


def test_a_notebook_is_typed(tmp_path: Path, typed: io.BytesIO) -> None:
    project(tmp_path, {"a.ipynb": notebook(*CELLS)})
    enter(typed, notebook(*CELLS[:1], CELLS[1].replace("softmax", "relu"), CELLS[2]))
    assert check(tmp_path).status == 1
    assert check(tmp_path, "--stdin-filename", "a.ipynb").status == 0


@pytest.mark.parametrize("comment", ["ignore[RL102]", "ignore[doubel-softmax]"])
def test_unused_suppressions_of_a_cell(tmp_path: Path, comment: str) -> None:
    project(tmp_path, {"a.ipynb": notebook(*CELLS, f"x = 1  # rawlogits: {comment}")})
    (found,) = unused(tmp_path, "--report-unused-suppressions")
    assert found.startswith("a.ipynb:cell 3:1: unused suppression of ")
