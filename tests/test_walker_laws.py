"""Laws of the static observer: what a program is written like does not change what is said of it.

The programs come from the grammar in programs.py. What there is to say of one follows from its last activation and
its loss, by the table and the rules; the laws then change how it is written, and nothing else may change.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rawlogits
from programs import FACTORIES, LOSSES, TAILS, UNUSED, Program, names, programs
from rawlogits.finding import Arrival, Finding, Place, Step
from rawlogits.report import Report
from rawlogits.rules import book
from rawlogits.space import Space
from rawlogits.table.row import Row, Verb
from rawlogits.table.torch import ROWS

Said = set[tuple[str, str, str]]
"""Rule, severity and confidence of every finding."""


def examples(count: int) -> settings:
    """So many examples a law, ten times as many when exploring (see conftest.py)."""
    return settings(max_examples=count * settings().max_examples // 100)


def checked(files: Mapping[str, str] | str) -> Report:
    """The report on a small project (a text is its main.py), every rule switched on."""
    with tempfile.TemporaryDirectory(prefix="laws") as folder:
        for name, text in ({"main.py": files} if isinstance(files, str) else files).items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        report = rawlogits.check([folder], select=["ALL"], root=folder, use_config=False)
    assert not report.failures
    return report


def said(files: Mapping[str, str] | str) -> Said:
    return {_words(finding) for finding in checked(files).findings}


def _words(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, str(finding.severity), str(finding.confidence)


def due(program: Program) -> Said:
    """What the table and the rules say of this activation and this loss."""
    (row,) = [row for row in ROWS if f"torch.nn.{program.loss}" in row.names and row.verb is Verb.LOSS]
    said = {_words(finding) for finding in book.judge(arrival(row, program.space), book.select(["ALL"]))}
    return said | ({("log-of-softmax", "warning", "certain")} if "torch.log(" in program.tail else set())


def arrival(row: Row, space: Space) -> Arrival:
    """A value of this space at this loss, over the axis that the loss reads."""
    place = Place("main.py", 1, 1, 1, 2)
    demand = {"wants": row.wants, "harmless": row.harmless, "activation": row.activation, "twin": row.twin}
    return Arrival(verb="loss", operator=row.short, got=space, place=place, trace=(Step(place, "made here"),), **demand)  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("tail", TAILS)
def test_agreement_of_every_tail_and_loss(tail: str, loss: str) -> None:
    """Activation for activation and loss for loss, on the plainest program: the finding is the one that is due."""
    program = Program(tail=tail, loss=loss)
    assert said(program.text) == due(program)


@given(programs())
@examples(80)
def test_agreement(program: Program) -> None:
    """Whatever model, call and way: the finding is the one that is due, or there is none to make."""
    assert said(program.text) == due(program), program.text


@given(programs())
@examples(40)
def test_a_loss_is_met_and_traced(program: Program) -> None:
    """A program of the grammar has one loss, and its scores are traced to where they are made."""
    summary = checked(program.text).summary
    assert (summary.losses_checked, summary.losses_resolved) == (1, 1), program.text


@given(programs())
@examples(40)
def test_running_twice(program: Program) -> None:
    """The second report is the first, to the last word."""
    assert checked({"main.py": program.text}).findings == checked({"main.py": program.text}).findings


@given(programs(), names())
@examples(40)
def test_renaming_locals(program: Program, chosen: dict[str, str]) -> None:
    """Probabilities may be called logits."""
    text = program.renamed(chosen)
    assert said(text) == due(program), text


@given(programs(), st.sampled_from(["from", "star", "module", "package", "again"]), st.data())
@examples(40)
def test_splitting_the_file(program: Program, form: str, data: st.DataObject) -> None:
    """The model and the helpers may lie in another file, the imports spelt in any way."""
    program = replace(program, helpers=True, factory="function")
    files = program.split(data.draw(st.integers(1, len(program.definitions)), label="definitions there"), form)
    assert said(files) == due(program), files


@given(programs(), st.sampled_from(sorted(FACTORIES)))
@examples(40)
def test_wrapping_the_model_in_a_factory(program: Program, factory: str) -> None:
    text = replace(program, factory=factory).text
    assert said(text) == due(program), text


@given(programs(), st.sampled_from(sorted(UNUSED)))
@examples(40)
def test_adding_what_is_not_used(program: Program, unused: str) -> None:
    """A branch that is never taken, a function that is never called: as if they were not there."""
    text = replace(program, unused=unused).text
    assert said(text) == due(program), text


@given(programs())
@examples(40)
def test_inlining_helpers(program: Program) -> None:
    """A step may be a function of its own."""
    outlined = replace(program, helpers=True)
    assert said(outlined.text) == said(program.text) == due(program), outlined.text


@given(programs(), names(), st.sampled_from(sorted(FACTORIES)), st.sampled_from(sorted(UNUSED)))
@examples(40)
def test_everything_at_once(program: Program, chosen: dict[str, str], factory: str, unused: str) -> None:
    text = replace(program, helpers=True, factory=factory, unused=unused).renamed(chosen)
    assert said(text) == due(program), text


@given(programs().filter(lambda program: not refused(program)), names(), st.data())
@examples(20)
def test_the_programs_run(program: Program, chosen: dict[str, str], data: st.DataObject) -> None:
    """The laws are about programs: each one runs to its end."""
    pytest.importorskip("torch")
    factory, unused = (data.draw(st.sampled_from(sorted(book))) for book in (FACTORIES, UNUSED))
    for text in (program.text, replace(program, helpers=True, factory=factory, unused=unused).renamed(chosen)):
        exec(compile(text, "main.py", "exec"), {"__name__": "__main__"})


def refused(program: Program) -> bool:
    """BCELoss raises for what does not lie between 0 and 1."""
    return program.loss == "BCELoss" and program.space not in (Space.SIGMOID, Space.PROBS)
