"""Runs every literate case through the checker: the pages that ship, and tests/cases."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import literate
import rawlogits
from rawlogits.finding import Finding
from rawlogits.rules import book

TESTS = Path(__file__).parent
PACKAGE = Path(rawlogits.__file__).parent
PAGES = sorted((PACKAGE / "pages" / "rules").glob("*.md")) + sorted((PACKAGE / "pages" / "table").glob("*.md"))
FILES = [*PAGES, *sorted((TESTS / "cases").glob("*.md"))]
CASES = [(file, case) for file in FILES for case in literate.parse(file.read_text(encoding="utf-8"), file.name)]
EXAMPLES = [(file, case) for file, case in CASES if file.parent.name == "rules"]


def _id(value: object) -> str:
    if isinstance(value, Path):
        return value.name
    assert isinstance(value, literate.Case)
    return re.sub(r"\W+", "-", value.title).strip("-").lower()


def _relative(path: str, root: Path) -> str:
    found = Path(path)
    return found.relative_to(root).as_posix() if found.is_absolute() else found.as_posix()


def _shown(where: tuple[str, int, str, str], case: literate.Case, source: Path) -> str:
    """`models/net.py:7 double-softmax (certain)`, and the line of the Markdown."""
    path, line, rule, confidence = where
    first = next((file.first for file in case.files if file.name == path), case.line)
    return f"{path}:{line} {rule} ({confidence}), {source.name}:{first + line - 1}"


@pytest.mark.parametrize(("source", "case"), CASES, ids=_id)
def test_findings(source: Path, case: literate.Case, tmp_path: Path) -> None:
    """Every rule is on; the findings are exactly those that the case expects, and begin at its origins."""
    case.write(tmp_path)
    report = rawlogits.check([tmp_path], select=["ALL"], root=tmp_path, use_config=False)
    assert not report.failures
    got = {
        (_relative(each.place.path, tmp_path), each.place.line, each.rule, str(each.confidence))
        for each in report.findings
    }
    expected = {(each.path, each.line, each.rule, each.confidence) for each in case.expectations}
    missing = [f"missing: {_shown(where, case, source)}" for where in sorted(expected - got)]
    surplus = [f"surplus: {_shown(where, case, source)}" for where in sorted(got - expected)]
    assert not missing + surplus, "\n".join(["", *missing, *surplus])
    if case.origins:
        strange = [_first(each, tmp_path) for each in report.findings if not _at_origin(each, case, tmp_path)]
        assert not strange, f"origins are {sorted(case.origins)}, findings begin at {strange}"


def _first(finding: Finding, root: Path) -> str:
    place = finding.trace[0].place if finding.trace else finding.place
    return f"{_relative(place.path, root)}:{place.line}"


def _at_origin(finding: Finding, case: literate.Case, root: Path) -> bool:
    if not finding.trace:
        return False
    place = finding.trace[0].place
    path = _relative(place.path, root)
    return any(path == origin and place.line <= line <= place.end_line for origin, line in case.origins)


@pytest.mark.parametrize(("source", "case"), EXAMPLES, ids=_id)
def test_examples_run(source: Path, case: literate.Case) -> None:
    """The examples of the rules' pages are programs; what they compute is checked in test_rules."""
    for file in case.files:
        try:
            exec(compile(file.text, f"{source.name}:{file.name}", "exec"), {"__name__": "__main__"})
        except ModuleNotFoundError as error:
            pytest.skip(f"needs {error.name}")


@pytest.mark.parametrize("file", FILES, ids=_id)
def test_names_are_rules(file: Path) -> None:
    """A misspelt rule in an expectation is an error of the page."""
    known = {rule.name for rule in book.rules()}
    for case in literate.parse(file.read_text(encoding="utf-8"), file.name):
        for each in case.expectations:
            assert each.rule in known, f"{file.name}:{each.source}: no rule {each.rule!r}"


def test_parser_reads_files_expectations_and_origins() -> None:
    text = """\
# Title
## First
```python a/b.py run
p = z.softmax(1)  # origin
f(p, q)  # expect: double-softmax, wrong-axis (likely)
```
```toml pyproject.toml
[tool.x]
```
```text
no file
```
## Prose only
## Second
```python
x = "# nothing"
```
"""
    first, second = literate.parse(text)
    assert [file.name for file in first.files] == ["a/b.py", "pyproject.toml"]
    assert first.files[0].run
    assert not second.files[0].run
    assert first.files[0].first == 4
    assert first.expectations == (
        literate.Expectation("a/b.py", 2, "double-softmax", "certain", 5),
        literate.Expectation("a/b.py", 2, "wrong-axis", "likely", 5),
    )
    assert first.origins == {("a/b.py", 1)}
    assert (second.title, second.files[0].name, second.expectations) == ("Second", "main.py", ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("## A\n```python\nx = 1\n", "case:2: this fence is not closed"),
        ("## A\n```python\n```\n```python\n```\n", "case:2: two fences of 'A' are named 'main.py'"),
        ("## A\n```python\nf()  # expect: Double\n```\n", "case:3: wants 'rule-name'"),
        ("## A\n```python\nf()  # expect: a (sure)\n```\n", "got 'a (sure)'"),
        ("## A\n```python ../b.py\n```\n", "case:2: '../b.py' is not a path inside"),
        ("## A\n```python b.py fast\n```\n", "only 'run' may stand"),
        ("## A\n```python\n```\n## A\n```python\n```\n", "used 2 times"),
    ],
)
def test_parser_refuses(text: str, message: str) -> None:
    with pytest.raises(literate.CaseError, match=re.escape(message)):
        literate.parse(text)
