"""The formats: what their pages promise, plurals, colour, the exit status."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import rawlogits
from rawlogits.errors import InputError
from rawlogits.finding import Failure, Severity
from rawlogits.report import Report, Summary, View, formats
from rawlogits.report.text import count
from report_sample import SAMPLE, VIEW

PAGES = Path(rawlogits.__file__).parent / "pages" / "formats"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
FINDING = SAMPLE.findings[0]


def text(report: Report, **view: object) -> str:
    return formats.renderer("text")(report, View(**view))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", formats.names())
def test_page_holds_the_exact_output_of_the_sample(name: str) -> None:
    """A line `...` on the page stands for lines left out."""
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    heading, _, section = page.partition("## Output for the sample\n")
    assert heading, "the page has a section '## Output for the sample'"
    fence = re.search(r"^```\w*\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert fence is not None
    parts = re.split(r"^\.\.\.\n", fence[1], flags=re.MULTILINE)
    pattern = r"(?:.*\n)+?".join(map(re.escape, parts))
    assert re.fullmatch(pattern, formats.renderer(name)(SAMPLE, VIEW))


def test_every_format_page_has_a_format() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == list(formats.names())


def test_unknown_format_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no format 'xml'; there are .*json.*text"):
        formats.renderer("xml")


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 files"), (1, "1 file"), (2, "2 files"), (2912, "2,912 files"), (1234567, "1,234,567 files")],
)
def test_count_has_plurals_and_separators(number: int, words: str) -> None:
    assert count(number, "file", "files") == words


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (Report(), "no findings · no losses found · 0 files, 0.0 s"),
        (
            Report(summary=Summary(1, 0, 1, 1, 0, 0.26)),
            "no findings · 1 loss checked: 1 traced to the origin, 0 not resolved · 1 file, 0.3 s",
        ),
        (
            Report(summary=Summary(2912, 3, 1214, 1183, 31, 1.42)),
            "no findings · 1,214 losses checked: 1,183 traced to the origin, 31 not resolved (--show unresolved)"
            " · 2,912 files (3 not read), 1.4 s",
        ),
        (Report((FINDING,)), "1 warning · no losses found · 0 files, 0.0 s"),
        (
            Report(
                (FINDING, replace(FINDING, severity=Severity.ERROR), replace(FINDING, severity=Severity.ADVICE)) * 2
            ),
            "2 errors, 2 warnings, 2 advice · no losses found · 0 files, 0.0 s",
        ),
    ],
)
def test_last_line(report: Report, line: str) -> None:
    assert text(report).splitlines()[-1] == line


def test_the_trace_is_aligned() -> None:
    lines = text(Report(SAMPLE.findings[1:])).splitlines()
    starts = {line.index(step.text) for line, step in zip(lines[1:], SAMPLE.findings[1].trace, strict=False)}
    assert starts == {len("    models/net.py:27:16  ")}


def test_colour_changes_nothing_but_escapes() -> None:
    colored = text(SAMPLE, color=True, show=VIEW.show)
    assert "\x1b[" in colored
    assert ESCAPE.sub("", colored) == text(SAMPLE, show=VIEW.show)


def test_unresolved_are_counted_by_reason() -> None:
    loss = SAMPLE.unresolved[0]
    other = replace(loss, reason="too deep")
    shown = text(replace(SAMPLE, unresolved=(other, loss, loss)), show=frozenset({"unresolved"}))
    assert "    2  argument is a parameter no one binds\n    1  too deep\n" in shown
    assert "--show unresolved" not in shown
    assert "too deep" not in text(replace(SAMPLE, unresolved=(other,)))


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (Report(), 0),
        (Report((replace(FINDING, severity=Severity.ADVICE),)), 0),
        (Report((FINDING,)), 1),
        (Report((replace(FINDING, severity=Severity.ERROR),)), 1),
        (Report(failures=(Failure("a.py", 1, "does not parse"),)), 2),
        (Report(summary=Summary(files_scanned=1), failures=(Failure("a.py", 1, "does not parse"),)), 0),
    ],
)
def test_exit_status(report: Report, status: int) -> None:
    assert report.exit_status == status


def test_json_keys_are_the_documented_ones() -> None:
    document = json.loads(formats.renderer("json")(SAMPLE, View()))
    assert list(document) == ["version", "summary", "findings", "failures"]
    finding = document["findings"][1]
    assert list(finding) == (
        "rule code severity confidence message wants got path line column end_line end_column trace fix".split()
    )
    assert finding["fix"]["edits"][0]["replacement"] == "x"
    assert finding["trace"][0]["path"] == "models/net.py"


def test_json_names_the_cell_of_a_notebook() -> None:
    place = replace(FINDING.place, cell=4)
    document = json.loads(formats.renderer("json")(Report((replace(FINDING, place=place, fix=None),)), View()))
    assert document["findings"][0]["cell"] == 4
    assert document["findings"][0]["fix"] is None
