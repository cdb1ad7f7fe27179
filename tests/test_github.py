"""The format `github`: workflow commands, and what stands in the code never becomes one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from command import RIGHT, WRONG, project, rawlogits
from rawlogits.finding import Failure, Severity, Step
from rawlogits.report import Report, UnusedSuppression, View, formats
from report_sample import SAMPLE, VIEW

FINDING = SAMPLE.findings[1]
COMMAND = re.compile(r"::(error|warning|notice) ((?:[a-zA-Z]+=[^,:\r\n]*,?)+)::([^\r\n]*)")
KEYS = {"file", "line", "endLine", "col", "endColumn", "title"}


def render(report: Report, **view: object) -> list[str]:
    return formats.renderer("github")(report, View(**view)).splitlines()  # type: ignore[arg-type]


def unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A command as the runner reads it."""
    found = COMMAND.fullmatch(line)
    assert found is not None, line
    properties = dict(pair.split("=", 1) for pair in found[2].split(","))
    assert set(properties) <= KEYS
    return found[1], {key: unescaped(value) for key, value in properties.items()}, unescaped(found[3])


def test_a_finding_is_one_command_and_the_summary_is_plain() -> None:
    *commands, summary = render(SAMPLE)
    kind, where, message = read(commands[1])
    assert kind == "error"
    assert where == {
        "file": "train.py",
        "line": "31",
        "endLine": "31",
        "col": "20",
        "endColumn": "26",
        "title": "double-softmax [RL101]",
    }
    assert message.splitlines() == [
        "cross_entropy wants logits, got softmax probabilities",
        "models/net.py:27: made here: F.softmax(x, dim=1)",
        'train.py:18: model = build("net")',
        "train.py:31: reaches CrossEntropyLoss, built at train.py:12",
        "write: return x",
    ]
    assert summary == formats.renderer("text")(SAMPLE, View()).splitlines()[-1]


@pytest.mark.parametrize(
    ("severity", "kind"), [(Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.ADVICE, "notice")]
)
def test_severities(severity: Severity, kind: str) -> None:
    assert read(render(Report((replace(FINDING, severity=severity),)))[0])[0] == kind


@pytest.mark.parametrize(
    "nasty", ["50 %", "%0A", "a\nb", "a\r\nb", "a::error::b", "::stop-commands::x", "a, b: c", "%25%3A", "ä 漢 😀"]
)
def test_nothing_in_the_code_becomes_a_command(nasty: str) -> None:
    place = replace(FINDING.place, path=f"dir/{nasty}.py")
    finding = replace(FINDING, message=nasty, place=place, trace=(Step(FINDING.place, nasty),), fix=None)
    report = Report((finding,), failures=(Failure(nasty, 3, nasty),))
    first, second, summary = render(report)
    assert read(first)[1]["file"] == place.path
    assert read(first)[2] == f"{nasty}\ntrain.py:31: {nasty}"
    assert read(second)[1] == {"file": nasty, "line": "3", "title": "not read"}
    assert not summary.startswith("::")


def test_columns_only_within_one_line() -> None:
    _, where, _ = read(render(Report((replace(FINDING, place=replace(FINDING.place, end_line=33)),)))[0])
    assert (where["line"], where["endLine"]) == ("31", "33")
    assert not {"col", "endColumn"} & set(where)


def test_a_notebook_is_marked_as_a_file() -> None:
    place = replace(FINDING.place, path="a.ipynb", cell=4)
    _, where, message = read(render(Report((replace(FINDING, place=place),)))[0])
    assert set(where) == {"file", "title"}
    assert message.startswith("cell 4, line 31: cross_entropy wants")


def test_what_else_is_said_of_a_cell() -> None:
    loss = replace(SAMPLE.unresolved[0], place=replace(FINDING.place, path="a.ipynb", cell=6))
    unused, failure = UnusedSuppression("a.ipynb", 3, ("RL101",), cell=5), Failure("a.ipynb", 2, "no Python", cell=7)
    report = Report(failures=(failure,), unresolved=(loss,), unused_suppressions=(unused,))
    commands = [read(line) for line in render(report, show=VIEW.show)[:-1]]
    assert all(where["file"] == "a.ipynb" and "line" not in where for _, where, _ in commands)
    assert [message.partition(": ")[0] for _, _, message in commands] == [
        "cell 6, line 31",
        "cell 5, line 3",
        "cell 7, line 2",
    ]


def test_lists_are_shown_on_request() -> None:
    assert len(render(SAMPLE)) == 4
    unused = replace(SAMPLE, unused_suppressions=(UnusedSuppression("a.py", 2, (), "no rule 'x'"),))
    titles = [read(line)[1]["title"] for line in render(unused, show=VIEW.show)[:-1]]
    assert titles[2:] == ["not resolved", "unused suppression", "not read"]
    assert "silences nothing: all rules (no rule 'x')" in "\n".join(render(unused, show=VIEW.show))


def test_colour_changes_nothing() -> None:
    assert render(SAMPLE, color=True) == render(SAMPLE)


def test_from_the_command_line(tmp_path: Path) -> None:
    done = rawlogits("check", ".", "--format", "github", cwd=project(tmp_path, WRONG))
    assert done.status == 1
    kind, where, _ = read(done.out.splitlines()[0])
    assert (kind, where["file"], where["line"]) == ("error", "train.py", "9")


def test_nothing_found_is_one_line(tmp_path: Path) -> None:
    done = rawlogits("check", ".", "--format", "github", cwd=project(tmp_path, RIGHT))
    assert done.status == 0
    assert len(done.out.splitlines()) == 1
    assert done.out.startswith("no findings")
