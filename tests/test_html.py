"""The format `html`: one page that asks for nothing, shows the way of the value, and works in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from command import RIGHT, WRONG, project, rawlogits
from rawlogits.finding import Failure, Finding, Place, Severity, Step
from rawlogits.report import Report, Summary, UnusedSuppression, View, formats
from rawlogits.report.html import render
from report_sample import SAMPLE, VIEW

LOG, DOUBLE = SAMPLE.findings
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
NASTY = "</script><script>alert(1)</script><!-- ]]> & \"'`<img src=x onerror=alert(1)>"
VOID = {"meta", "link", "input", "path", "circle", "br"}


class _Reader(HTMLParser):
    """The tags of a page, whether they close in order, and its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def words(page: str) -> str:
    """What is read on the page, without the code of styles and scripts."""
    bare = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    apart = re.sub(r"</(h\d|li|p|pre|div|option|button|summary)>", " ", bare)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", apart)).split())


def test_the_sample() -> None:
    page = render(SAMPLE, VIEW)
    read = words(page)
    _Reader(page)
    assert "1 error, 1 warning" in read
    assert "<title>rawlogits: 1 error, 1 warning</title>" in page
    assert "214 losses checked: 183 traced to the origin, 31 not resolved · 2,912 files (1 not read), 1.4 s" in read
    for finding in SAMPLE.findings:
        assert finding.message in read
        for step in finding.trace:
            assert step.text in read
    assert "write return x safe fix" in read
    assert "Not read 1 old/convert.py:3" in read
    assert "Not resolved 1 train.py:52:24 MSELoss: argument is a parameter no one binds" in read
    assert "Comments that silence nothing 1 train.py:60 double-softmax" in read


def test_lists_are_shown_on_request() -> None:
    read = words(render(SAMPLE, View()))
    assert "Not read" in read
    assert "Not resolved" not in read
    assert "31 not resolved (--show unresolved lists them)" in read
    assert "silence nothing" not in read


def test_cells_of_a_notebook() -> None:
    place = replace(DOUBLE.place, path="a.ipynb", cell=4)
    unused = UnusedSuppression("a.ipynb", 3, (), "no rule 'x'", cell=5)
    loss = replace(SAMPLE.unresolved[0], place=replace(place, cell=6))
    failures = (Failure("a.ipynb", 2, "no Python", cell=7), Failure("b.ipynb", None, "no JSON"))
    report = Report((replace(DOUBLE, place=place),), SAMPLE.summary, failures, (loss,), (unused,))
    read = words(render(report, VIEW))
    assert "a.ipynb:cell 4:31:20" in read
    assert "a.ipynb:cell 5:3 all rules (no rule 'x')" in read
    assert "a.ipynb:cell 6:31:20 MSELoss" in read
    assert "a.ipynb:cell 7:2 no Python b.ipynb no JSON" in read


def test_it_asks_for_nothing_from_outside() -> None:
    page = render(SAMPLE, VIEW)
    reader = _Reader(page)
    assert not {"img", "iframe", "object", "embed", "base"} & set(reader.tags)
    addresses = [value or "" for key, value in reader.attributes if key in ("src", "href", "action", "srcset")]
    assert all(each.startswith(("#", "data:image/svg+xml,")) for each in addresses)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", page)
    assert "default-src 'none'" in page


def test_nothing_of_the_users_becomes_markup() -> None:
    place = replace(DOUBLE.place, path=NASTY)
    trace = (Step(place, NASTY), Step(place, NASTY))
    assert DOUBLE.fix is not None
    fix = replace(DOUBLE.fix, message=NASTY)
    finding = replace(DOUBLE, message=NASTY, place=place, trace=trace, fix=fix)
    plain = replace(finding, message="m", place=DOUBLE.place, trace=DOUBLE.trace, fix=DOUBLE.fix)
    failures = (Failure(NASTY, None, NASTY),)
    page, usual = (render(Report((each,), failures=failures), View()) for each in (finding, plain))
    assert page.count("<script>") == page.count("</script>") == usual.count("</script>") == 1
    assert "<img" not in page
    assert "onerror" not in {key for key, _ in _Reader(page).attributes}
    assert words(page).count(NASTY) >= 6


def test_what_a_browser_hides_or_reorders_is_written_out() -> None:
    page = render(Report((replace(DOUBLE, message="a\u202eb\x00c"),)), View())
    assert "a\\u202eb\u2400c" in page


def test_the_excerpts_mark_the_place(tmp_path: Path) -> None:
    done = rawlogits("check", ".", "--format", "html", cwd=project(tmp_path, WRONG))
    assert done.status == 1
    assert re.findall(r"<mark>(.*?)</mark>", done.out) == ["F.softmax(self.fc(x), dim=1)", "Net()", "out"]
    assert '<span class="row here" data-n="10">    return <mark>F.softmax' in done.out


def excerpt(tmp_path: Path, source: bytes, place: Place) -> list[str]:
    project(tmp_path, {place.path: source})
    page = render(Report((replace(DOUBLE, place=place, trace=()),)), View(), root=tmp_path)
    page = page.partition("</article>")[0]
    found = re.search(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    return [] if found is None else unescape(re.sub(r"</?span[^>]*>", "", found[1])).splitlines()


@pytest.mark.parametrize(
    ("source", "place", "lines"),
    [
        ("a = 1\nb = f(c)\nd\ne\ng", Place("a.py", 2, 5, 2, 9), ["a = 1", "b = <mark>f(c)</mark>", "d", "e"]),
        ("a\n\n  x\n\n\nb", Place("a.py", 3, 3, 3, 4), ["a", "", "  <mark>x</mark>"]),
        ("f(\n    a,\n)\n", Place("a.py", 1, 1, 3, 2), ["<mark>f(</mark>", "    <mark>a,</mark>", "<mark>)</mark>"]),
        ("x = 'ä😀'; y\r\nz", Place("a.py", 1, 11, 1, 12), ["x = 'ä😀'; <mark>y</mark>", "z"]),
        (
            "# coding: latin-1\nä = y".encode("latin-1"),
            Place("a.py", 2, 5, 2, 6),
            ["# coding: latin-1", "ä = <mark>y</mark>"],
        ),
        ("a", Place("a.py", 7, 1, 7, 2), []),
        (b"\xff\xfe\x00", Place("a.py", 1, 1, 1, 2), []),
        ("no json", Place("a.ipynb", 1, 1, 1, 2, cell=0), []),
        (
            json.dumps({"cells": [{"source": "t"}, {"source": ["a = 1\n", "b"]}]}),
            Place("a.ipynb", 2, 1, 2, 2, cell=1),
            ["a = 1", "<mark>b</mark>"],
        ),
    ],
)
def test_excerpts(tmp_path: Path, source: str | bytes, place: Place, lines: list[str]) -> None:
    assert excerpt(tmp_path, source.encode() if isinstance(source, str) else source, place) == lines


def test_a_very_long_line_is_cut_round_the_place(tmp_path: Path) -> None:
    source = "x" * 5000 + "y" + "z" * 5000
    (line,) = excerpt(tmp_path, source.encode(), Place("a.py", 1, 5001, 1, 5002))
    assert line.startswith("…x")
    assert line.endswith("z…")
    assert "x<mark>y</mark>z" in line
    assert len(line) < 450


def test_a_file_that_is_not_there_has_no_excerpt(tmp_path: Path) -> None:
    assert "<mark>" not in render(SAMPLE, View(), root=tmp_path)


def test_the_page_of_each_rule_that_was_found_is_there_once() -> None:
    page = render(replace(SAMPLE, findings=(LOG, DOUBLE, DOUBLE)), View())
    assert re.findall(r'<details id="(\w+)">', page) == ["RL101", "RL401"]
    assert "What it does" in words(page)


@pytest.mark.parametrize(
    ("summary", "told", "tick"),
    [
        (Summary(3, 0, 2, 2, 0, 0.1), "Every loss was traced to the origin of its argument, and gets what it", True),
        (Summary(3, 0, 5, 4, 1, 0.1), "1 of 5 losses could not be traced, and of those nothing is known.", False),
        (Summary(3, 0, 0, 0, 0, 0.1), "No loss was found, so nothing was checked.", False),
    ],
)
def test_no_findings(summary: Summary, told: str, tick: bool) -> None:
    page = render(Report(summary=summary), View())
    assert "No findings" in words(page)
    assert told in words(page)
    assert ('<path d="M15' in page) is tick
    assert '<form class="bar"' not in page


def test_what_was_left_out_is_said() -> None:
    read = words(render(Report(summary=Summary(findings_known=1200, findings_unchanged=2)), View()))
    assert "1,200 known, left out" in read
    assert "2 in files that have not changed, left out" in read


def browse(page: Path, *flags: str) -> tuple[str, str]:
    """The page as a browser has built it, and what it complained of."""
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command += [f"--user-data-dir={page.parent / 'browser'}", "--virtual-time-budget=3000", *flags, "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def test_a_browser_shows_the_findings(tmp_path: Path) -> None:
    project(tmp_path, WRONG | {"nasty.py": f"# {NASTY}\n" + WRONG["net.py"].replace("        ", "", 1)})
    rawlogits("check", ".", "--format", "html", "--output", "report.html", cwd=tmp_path)
    shown, complaints = browse(tmp_path / "report.html")
    assert complaints == ""
    assert "CrossEntropyLoss wants logits, got softmax probabilities" in words(shown)
    assert '<output id="count" aria-live="polite">1 of 1</output>' in shown
    assert "<mark>F.softmax(self.fc(x), dim=1)</mark>" in shown


@pytest.mark.parametrize("report", [Report(), SAMPLE], ids=["empty", "sample"])
def test_a_browser_complains_of_nothing(tmp_path: Path, report: Report) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(report, VIEW), encoding="utf-8")
    shown, complaints = browse(page)
    assert complaints == ""
    assert '<button id="theme" type="button" aria-label="Switch to dark colours">Dark</button>' in shown


STEPS = """
const press = (key, target = document.body) => target.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const input = (name, value) => {
  const field = document.getElementById(name);
  field.value = value;
  field.dispatchEvent(new Event("input"));
};
const shown = () => [...document.querySelectorAll("article:not([hidden])")].map(each => each.id).join();
const at = () => document.activeElement.id, said = [];
said.push(shown());
press("j"); said.push(at()); press("j", document.activeElement); said.push(at());
press("j", document.activeElement); said.push(at()); press("j", document.activeElement); said.push(at());
press("k", document.activeElement); said.push(at());
document.querySelector("button.warning").click(); said.push(shown());
document.querySelector("button.warning").click(); said.push(shown());
input("rule", "log-of-softmax"); said.push(shown());
input("rule", ""); input("file", "train.py"); said.push(shown());
input("file", ""); input("search", "BUILD net"); said.push(shown());
input("search", "nowhere"); said.push(shown(), document.getElementById("none").hidden);
document.getElementById("again").click(); said.push(shown(), at());
press("j", document.activeElement); said.push(at());
document.activeElement.blur(); press("/"); said.push(at());
input("search", "x y z"); press("Escape", document.activeElement); said.push(shown(), at());
document.getElementById("theme").click(); said.push(document.documentElement.dataset.theme);
location.hash = "#RL101"; dispatchEvent(new HashChangeEvent("hashchange"));
said.push(document.getElementById("RL101").open);
document.body.dataset.said = said.join(" ");
"""


def test_keys_filters_and_theme_in_a_browser(tmp_path: Path) -> None:
    advice = replace(LOG, severity=Severity.ADVICE, rule="other", code="RL999")
    text = render(Report((LOG, DOUBLE, advice)), View())
    text = re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"<script>{STEPS}</script></body>")
    page = tmp_path / "report.html"
    page.write_text(text, encoding="utf-8")
    shown, complaints = browse(page)
    assert complaints == ""
    said = re.search(r'data-said="([^"]*)"', shown)
    assert said is not None
    assert said[1].split(" ") == [
        *("f1,f2,f3", "f1", "f2", "f3", "f3", "f2"),
        *("f2,f3", "f1,f2,f3", "f1", "f2", "f2"),
        *("", "false", "f1,f2,f3", "search", "search", "search"),
        *("f1,f2,f3", "", "dark", "true"),
    ]


def test_the_format_is_registered() -> None:
    assert {"github", "html", "sarif"} <= set(formats.names())


def test_nothing_is_found_in_right_code(tmp_path: Path) -> None:
    done = rawlogits("check", ".", "--format", "html", cwd=project(tmp_path, RIGHT))
    assert done.status == 0
    assert "Every loss was traced" in words(done.out)


def test_many_findings_stay_small(tmp_path: Path) -> None:
    many: tuple[Finding, ...] = tuple(replace(DOUBLE, place=replace(DOUBLE.place, line=n)) for n in range(1, 1001))
    page = render(Report(many), View(), root=tmp_path)
    assert page.count("<article") == 1000
    assert len(page) < 2_500_000
