"""The command line as a user meets it: output, exit status, options, colour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import RIGHT, WRONG, Done, project, rawlogits
from rawlogits import __version__

WHERE = "train.py:9:26: error: double-softmax [RL101]: "


def check(folder: Path, *arguments: str) -> Done:
    return rawlogits("check", *arguments, cwd=folder)


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    return project(tmp_path, WRONG)


@pytest.fixture
def right(tmp_path: Path) -> Path:
    return project(tmp_path, RIGHT)


def with_config(folder: Path, text: str) -> Path:
    return project(folder, {"pyproject.toml": text})


# --- check


def test_a_finding(wrong: Path) -> None:
    done = check(wrong)
    assert done.status == 1
    head, *trace = done.out.splitlines()
    assert head.startswith(WHERE)
    assert trace[0] == "    net.py:10:16   made here: F.softmax(self.fc(x), dim=1)"
    assert any(line.startswith("    train.py:9:26  reaches CrossEntropyLoss") for line in trace)
    assert "\x1b" not in done.out
    assert done.last_line.startswith("1 error · 1 loss checked: 1 traced to the origin, 0 not resolved · 2 files, ")
    assert done.err == ""


def test_nothing_wrong(right: Path) -> None:
    done = check(right)
    assert done.status == 0
    assert done.out == done.last_line + "\n"
    assert done.out.startswith("no findings · 1 loss checked: 1 traced to the origin, 0 not resolved · 2 files, ")


def test_the_path_may_be_given(wrong: Path) -> None:
    assert check(wrong, "train.py").status == 1
    assert check(wrong, str(wrong / "train.py")).out.startswith(WHERE)
    assert check(wrong, "net.py").status == 0


def test_paths_are_relative_to_the_working_directory(wrong: Path) -> None:
    (wrong / "elsewhere").mkdir()
    done = rawlogits("check", "..", cwd=wrong / "elsewhere")
    assert done.out.startswith(f"{wrong.as_posix()}/train.py:9:26: ")


def test_exit_zero(wrong: Path) -> None:
    assert check(wrong, "--exit-zero").status == 0
    assert check(wrong, "--exit-zero", "absent.py").status == 2


def test_json(wrong: Path) -> None:
    done = check(wrong, "--format", "json")
    document = json.loads(done.out)
    assert done.status == 1
    assert document["version"] == 1
    assert document["summary"]["losses_checked"] == document["summary"]["losses_resolved"] == 1
    finding = document["findings"][0]
    assert (finding["path"], finding["line"], finding["rule"]) == ("train.py", 9, "double-softmax")
    assert finding["trace"][0]["path"] == "net.py"
    assert "unresolved" not in document


def test_output_goes_to_a_file(wrong: Path) -> None:
    done = check(wrong, "--output", "report.json", "--format", "json")
    assert (done.status, done.out) == (1, "")
    assert json.loads((wrong / "report.json").read_text(encoding="utf-8"))["findings"]


def test_output_that_cannot_be_written(wrong: Path) -> None:
    done = check(wrong, "--output", "no/such/folder.txt")
    assert done.status == 2
    assert "--output no" in done.err
    assert "cannot be written" in done.err


@pytest.mark.parametrize("word", ["double-softmax", "RL101", "RL1", "RL4,RL101"])
def test_select(wrong: Path, word: str) -> None:
    assert check(wrong, "--select", word).status == 1


@pytest.mark.parametrize("arguments", [["--ignore", "RL101"], ["--ignore=RL4,double-softmax"], ["--select", "RL4"]])
def test_not_selected(wrong: Path, arguments: list[str]) -> None:
    assert check(wrong, *arguments).status == 0


def test_unknown_rule(wrong: Path) -> None:
    done = check(wrong, "--select", "double-sofmax")
    assert done.status == 2
    assert "double-sofmax" in done.err
    assert "double-softmax" in done.err


def test_show_unresolved(tmp_path: Path) -> None:
    project(
        tmp_path, {"a.py": "import torch.nn as nn\nimport other\nloss = nn.CrossEntropyLoss()(other.f(), other.y)\n"}
    )
    done = check(tmp_path, "--show", "unresolved")
    assert done.status == 0
    assert "not resolved:\n    a.py:3:8  CrossEntropyLoss: " in done.out
    assert "by reason:\n    1  " in done.out
    assert "1 loss checked: 0 traced to the origin, 1 not resolved · " in done.last_line
    shown = json.loads(check(tmp_path, "--show", "unresolved", "--format", "json").out)["unresolved"]
    assert [(loss["line"], loss["operator"]) for loss in shown] == [(3, "CrossEntropyLoss")]


@pytest.mark.parametrize(
    ("line", "comment"),
    [
        ("out, y)", "# rawlogits: ignore[double-softmax]"),
        ("out, y)", "# rawlogits: ignore[RL401, RL101]"),
        ("out, y)", "# rawlogits: ignore"),
        ("out, y)", "# noqa: RL101"),
        ("dim=1)", "# rawlogits: ignore[double-softmax]"),
        ("dim=1)", "# noqa: E501, RL101"),
    ],
)
def test_suppression(tmp_path: Path, line: str, comment: str) -> None:
    project(tmp_path, {name: text.replace(line, f"{line}  {comment}") for name, text in WRONG.items()})
    done = check(tmp_path, "--show", "suppressions")
    assert done.status == 0, done.out
    assert "unused" not in done.out


def test_unused_suppressions(tmp_path: Path) -> None:
    comment = "out, y)  # rawlogits: ignore[double-sigmoid]"
    project(tmp_path, {name: text.replace("out, y)", comment) for name, text in WRONG.items()})
    done = check(tmp_path, "--show", "suppressions")
    assert done.status == 1
    assert "train.py:9: unused suppression of double-sigmoid\n" in done.out
    assert "unused" not in check(tmp_path).out
    assert "unused" not in check(tmp_path, "--show", "suppressions", "--select", "RL101").out


def test_config_is_found_and_left_out(wrong: Path) -> None:
    with_config(wrong, '[tool.rawlogits]\nignore = ["RL101"]')
    assert check(wrong).status == 0
    assert check(wrong, "--no-config").status == 1
    project(wrong, {"other.toml": 'ignore = ["RL4"]'})
    assert check(wrong, "--config", "other.toml").status == 1


def test_config_and_no_config_exclude_each_other(wrong: Path) -> None:
    done = check(wrong, "--config", "a.toml", "--no-config")
    assert done.status == 2
    assert "exclude each other" in done.err


def test_options_win_over_the_selection_of_the_config(wrong: Path) -> None:
    with_config(wrong, '[tool.rawlogits]\nselect = ["RL4"]')
    assert check(wrong).status == 0
    assert check(wrong, "--select", "RL1").status == 1


def test_per_file_ignores(wrong: Path) -> None:
    with_config(wrong, '[tool.rawlogits.per-file-ignores]\n"train.py" = ["double-softmax"]')
    assert check(wrong).status == 0
    with_config(wrong, '[tool.rawlogits.per-file-ignores]\n"net.py" = ["double-softmax"]')
    assert check(wrong).status == 1


def test_exclude(wrong: Path) -> None:
    with_config(wrong, '[tool.rawlogits]\nexclude = ["train.py"]')
    done = check(wrong)
    assert done.status == 0
    assert done.last_line.startswith("no findings · no losses found · 1 file, ")


def test_a_row_of_the_user(tmp_path: Path) -> None:
    row = 'names = ["mylib.focal"]\nverb = "loss"\nparams = ["scores", "target"]\narg = "scores"'
    spaces = 'wants = "logits"\nactivation = "probs"'
    project(
        tmp_path,
        {
            "a.py": "import mylib\nimport torch\n\ndef f(x, y):\n    return mylib.focal(torch.softmax(x, 1), y)\n",
            "pyproject.toml": f"[[tool.rawlogits.rows]]\n{row}\n{spaces}\n",
        },
    )
    done = check(tmp_path)
    assert done.status == 1
    assert "double-softmax" in done.out
    assert "mylib.focal" in rawlogits("rows", "focal", cwd=tmp_path).out
    assert check(tmp_path, "--no-config").status == 0


def test_two_runs_print_the_same(wrong: Path) -> None:
    first, second = (check(wrong, "--format", "json").out for _ in range(2))
    times = [json.loads(out)["summary"].pop("elapsed_s") for out in (first, second)]
    assert first.replace(str(times[0]), "") == second.replace(str(times[1]), "")


# --- the other commands


def test_version() -> None:
    assert rawlogits("--version", cwd=Path.cwd()).out == f"rawlogits {__version__}\n"


def test_rules_are_listed() -> None:
    lines = rawlogits("rules", cwd=Path.cwd()).out.splitlines()
    assert lines[0].startswith("RL101  double-softmax")
    assert any("advice, off" in line for line in lines)
    entries = json.loads(rawlogits("rules", "--format", "json", cwd=Path.cwd()).out)
    assert len(entries) == len(lines)
    assert entries[0]["code"] == "RL101"


@pytest.mark.parametrize("name", ["double-softmax", "RL101", "rl101", "double_softmax"])
def test_explain(name: str) -> None:
    done = rawlogits("explain", name, cwd=Path.cwd())
    assert done.status == 0
    assert "double-softmax" in done.out.splitlines()[0]


def test_explain_every_rule() -> None:
    for entry in json.loads(rawlogits("rules", "--format", "json", cwd=Path.cwd()).out):
        assert rawlogits("explain", entry["code"], cwd=Path.cwd()).status == 0


def test_explain_a_format() -> None:
    assert rawlogits("explain", "json", cwd=Path.cwd()).out.startswith("# json\n")


def test_explain_something_else() -> None:
    done = rawlogits("explain", "double-sofmax", cwd=Path.cwd())
    assert done.status == 2
    assert "did you mean 'double-softmax'?" in done.err


def test_explain_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in rawlogits("explain", "RL101", cwd=Path.cwd()).out


def test_rows() -> None:
    lines = rawlogits("rows", "CrossEntropyLoss", cwd=Path.cwd()).out.splitlines()
    assert lines[0].split()[:3] == ["name", "verb", "arg"]
    assert any("torch.nn.CrossEntropyLoss" in line and "logits" in line for line in lines[1:])
    entries = json.loads(rawlogits("rows", "--format", "json", cwd=Path.cwd()).out)
    assert {"name", "verb", "arg", "wants", "gives"} <= set(entries[0])


def test_rows_without_a_match() -> None:
    done = rawlogits("rows", "nonsense", cwd=Path.cwd())
    assert done.status == 2
    assert "no row has 'nonsense' in its name" in done.err


# --- status, colour, crashes


@pytest.mark.parametrize(
    "arguments", [["chek"], ["check", "--formt", "json"], ["check", "--format", "xml"], ["explain"]]
)
def test_usage_errors_are_2(arguments: list[str]) -> None:
    done = rawlogits(*arguments, cwd=Path.cwd())
    assert done.status == 2
    assert done.out == ""
    assert "Error: " in done.err


def test_a_crash_is_2_and_not_a_finding(wrong: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rawlogits.static.scan", lambda *args, **kwargs: 1 / 0)
    done = check(wrong)
    assert done.status == 2
    assert "ZeroDivisionError" in done.err
    assert "this is a bug in rawlogits" in done.err


def test_interrupted(wrong: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rawlogits.static.scan", interrupted)
    assert check(wrong).status == 130


@pytest.mark.parametrize(
    ("variables", "colored"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour(wrong: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], colored: bool) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in check(wrong).out) is colored


def test_as_a_process_with_an_ascii_terminal(wrong: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "rawlogits", "check"]
    done = subprocess.run(command, cwd=wrong, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(WHERE)
