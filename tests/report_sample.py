"""The report that every format's page shows, and that `test_report.py` compares with the page."""

from __future__ import annotations

from rawlogits.finding import Applicability, Confidence, Edit, Failure, Finding, Fix, Place, Severity, Step, Unresolved
from rawlogits.report import Report, Summary, UnusedSuppression, View

VIEW = View(show=frozenset({"suppressions", "unresolved"}))

_DOUBLE = Finding(
    rule="double-softmax",
    code="RL101",
    severity=Severity.ERROR,
    confidence=Confidence.CERTAIN,
    message="cross_entropy wants logits, got softmax probabilities",
    wants="logits",
    got="softmax probabilities",
    place=Place("train.py", 31, 20, 31, 26),
    trace=(
        Step(Place("models/net.py", 27, 16, 27, 35), "made here: F.softmax(x, dim=1)"),
        Step(Place("train.py", 18, 13, 18, 25), 'model = build("net")'),
        Step(Place("train.py", 31, 20, 31, 26), "reaches CrossEntropyLoss, built at train.py:12"),
    ),
    fix=Fix(Applicability.SAFE, "return x", (Edit("models/net.py", 27, 16, 27, 35, "x"),)),
)
_LOG = Finding(
    rule="log-of-softmax",
    code="RL401",
    severity=Severity.WARNING,
    confidence=Confidence.LIKELY,
    message="log wants numbers away from 0, got softmax probabilities",
    wants="numbers away from 0",
    got="softmax probabilities",
    place=Place("eval.py", 8, 12, 8, 28),
    trace=(
        Step(Place("eval.py", 7, 9, 7, 26), "made here: logits.softmax(-1)"),
        Step(Place("eval.py", 8, 12, 8, 28), "reaches log"),
    ),
    fix=Fix(Applicability.SHOWN, "torch.nn.functional.log_softmax(logits, -1)"),
)

SAMPLE = Report(
    findings=(_LOG, _DOUBLE),
    summary=Summary(
        files_scanned=2912,
        files_failed=1,
        losses_checked=214,
        losses_resolved=183,
        losses_unresolved=31,
        elapsed_s=1.42,
    ),
    failures=(Failure("old/convert.py", 3, "looks like Python 2 (Missing parentheses in call to 'print')"),),
    unresolved=(Unresolved(Place("train.py", 52, 24, 52, 30), "MSELoss", "argument is a parameter no one binds"),),
    unused_suppressions=(UnusedSuppression("train.py", 60, ("double-softmax",)),),
)
