"""`judge_scan`: from what an observer saw to a report, on scans built by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from rawlogits.api import judge_scan
from rawlogits.finding import Arrival, Confidence, Failure, Place, Step
from rawlogits.report import Report
from rawlogits.rules import book
from rawlogits.space import Space

RULES = book.select(["double-softmax"])


def place(path: str, line: int, end: int = 0) -> Place:
    return Place(path, line, 5, end or line, 9)


def arrival(origin: Place, loss: Place, **changes: Any) -> Arrival:
    plain = Arrival(
        verb="loss",
        operator="CrossEntropyLoss",
        got=Space.PROBS,
        place=loss,
        trace=(Step(origin, "made here: softmax(x)"), Step(loss, "reaches CrossEntropyLoss")),
        wants=frozenset({Space.LOGITS}),
        harmless=frozenset({Space.LOG_PROBS}),
        activation=Space.PROBS,
        made_by="softmax",
    )
    return replace(plain, **changes)


NET, TRAIN = place("net.py", 10), place("train.py", 31)
ONE = arrival(NET, TRAIN)


def judged(*arrivals: Arrival, suppressions: Mapping[str, Any] | None = None, **counts: Any) -> Report:
    lists = {"arrivals": list(arrivals), "failures": [], "unresolved": [], "suppressions": suppressions or {}}
    numbers = {"files_scanned": 2, "losses_checked": 3, "losses_resolved": 2}
    return judge_scan(SimpleNamespace(**{**lists, **numbers, **counts}), RULES)  # type: ignore[arg-type]


def test_one_finding() -> None:
    report = judged(ONE)
    assert [finding.rule for finding in report.findings] == ["double-softmax"]
    assert report.findings[0].confidence is Confidence.CERTAIN
    assert (report.summary.losses_checked, report.summary.losses_resolved, report.summary.losses_unresolved) == (
        3,
        2,
        1,
    )


def test_the_same_way_twice_is_one_finding_and_the_certain_one_stays() -> None:
    detour = replace(ONE, trace=(ONE.trace[0], Step(place("b.py", 1), "f(x)"), ONE.trace[1]), certain=False)
    report = judged(detour, ONE, detour)
    assert [finding.confidence for finding in report.findings] == [Confidence.CERTAIN]
    assert len(report.findings[0].trace) == 2


def test_two_origins_are_two_findings() -> None:
    assert len(judged(ONE, arrival(place("net.py", 20), TRAIN)).findings) == 2


def test_findings_are_sorted_by_place() -> None:
    losses = [place("b.py", 2), place("a.py", 30), place("b.py", 1), place("a.py", 4)]
    report = judged(*(arrival(NET, loss) for loss in losses))
    assert [finding.place for finding in report.findings] == sorted(losses)


def test_suppression_at_the_loss_and_at_the_origin() -> None:
    for path, line in (("train.py", 31), ("net.py", 10)):
        for words in (None, frozenset({"double-softmax"}), frozenset({"RL101", "RL401"})):
            report = judged(ONE, suppressions={path: {line: words}})
            assert report.findings == ()
            assert report.unused_suppressions == ()


def test_suppression_on_any_line_of_a_long_call() -> None:
    long = arrival(NET, place("train.py", 31, 34))
    assert judged(long, suppressions={"train.py": {33: None}}).findings == ()
    assert judged(long, suppressions={"train.py": {35: None}}).findings != ()


def test_suppression_of_another_rule_or_line() -> None:
    report = judged(ONE, suppressions={"train.py": {31: frozenset({"RL102"}), 30: None}, "net.py": {11: None}})
    assert len(report.findings) == 1
    assert [(unused.path, unused.line) for unused in report.unused_suppressions] == [("net.py", 11), ("train.py", 30)]


def test_unused_suppression_tells_misspelled_rules_from_other_tools_codes() -> None:
    report = judged(suppressions={"a.py": {1: frozenset({"double-sofmax", "F401"}), 2: frozenset({"E501"})}})
    assert [(unused.line, unused.rules) for unused in report.unused_suppressions] == [(1, ("double-sofmax",))]


def test_failures_are_sorted_and_counted() -> None:
    failures = [
        Failure("b.py", None, "cannot be read"),
        Failure("a.py", 3, "does not parse"),
        Failure("a.py", None, "x"),
    ]
    report = judged(failures=failures)
    assert [failure.path for failure in report.failures] == ["a.py", "a.py", "b.py"]
    assert report.summary.files_failed == 3
    assert report.exit_status == 0
