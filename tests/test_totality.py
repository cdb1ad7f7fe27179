"""Every value at every demand of the table has an owner: it is right, harmless, or belongs to exactly one rule."""

from __future__ import annotations

from pathlib import Path

import pytest

import rawlogits
from rawlogits.finding import Arrival, Place, Step
from rawlogits.rules import book
from rawlogits.space import Space
from rawlogits.table.row import Row, Verb
from rawlogits.table.torch import ROWS

DEMANDS = [row for row in ROWS if row.verb in (Verb.LOSS, Verb.OP) and (row.wants or row.harmless)]
FAMILIES = ("RL1", "RL2")
PLACE = Place("train.py", 1, 1, 1, 2)

SNAPSHOT = """\
                    logits  probs     log_probs  sigmoid   log_sigmoid
softmax             right   RL104     harmless   harmless  harmless
log_softmax         right   RL104     harmless   harmless  harmless
sigmoid             right   harmless  harmless   RL104     harmless
CrossEntropyLoss    right   RL101     harmless   RL103     RL103
BCEWithLogitsLoss   right   RL103     RL103      RL102     RL102
BCELoss             RL203   harmless  RL203      right     RL203
NLLLoss             RL202   RL201     right      RL201     harmless
CTCLoss             RL202   RL201     right      RL201     harmless
KLDivLoss.input     RL202   RL201     right      RL201     harmless
Categorical.probs   RL203   right     RL203      harmless  RL203
Categorical.logits  right   RL101     harmless   RL103     harmless
MultiMarginLoss     right   harmless  harmless   harmless  harmless
"""


def arrival(row: Row, space: Space) -> Arrival:
    """A value of this space at the demand of this row, and nothing else known of it."""
    return Arrival(
        verb="loss" if row.verb is Verb.LOSS else "op",
        operator=row.short,
        got=space,
        place=PLACE,
        trace=(Step(PLACE, "made here"),),
        wants=row.wants,
        harmless=row.harmless,
        activation=row.activation if row.verb is Verb.LOSS else row.gives,
        class_axis=row.class_axis,
        twin=row.twin,
    )


def owners(row: Row, space: Space) -> list[str]:
    """Who answers for the pair: "right", "harmless", codes of rules."""
    rules = [each for each in book.rules() if each.code.startswith(FAMILIES)]
    accepted = [word for word, spaces in (("right", row.wants), ("harmless", row.harmless)) if space in spaces]
    return accepted + [finding.code for finding in book.judge(arrival(row, space), rules)]


def _title(row: Row) -> str:
    return row.short if row.arg in ("input", "log_probs") and row.short != "KLDivLoss" else f"{row.short}.{row.arg}"


@pytest.mark.parametrize("space", Space)
@pytest.mark.parametrize("row", DEMANDS, ids=lambda row: f"{row.names[0]}.{row.arg}" if isinstance(row, Row) else None)
def test_exactly_one_owner(row: Row, space: Space) -> None:
    assert len(owners(row, space)) == 1


@pytest.mark.parametrize("row", DEMANDS, ids=lambda row: f"{row.names[0]}.{row.arg}" if isinstance(row, Row) else None)
def test_what_is_accepted_is_no_error(row: Row) -> None:
    """No rule of any family calls an accepted space another function; RL401 and RL5 may know a better form."""
    for space in row.wants | row.harmless:
        assert not [each.rule for each in book.judge(arrival(row, space), book.rules()) if each.severity == "error"]


def test_table_of_owners() -> None:
    """Who owns what, to read."""
    wanted = [line.split()[0] for line in SNAPSHOT.splitlines()[1:]]
    found = {_title(row): row for row in reversed(DEMANDS)}
    cells = [["", *Space], *([title, *("+".join(owners(found[title], space)) for space in Space)] for title in wanted)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)
    assert "".join(f"{line}\n" for line in lines) == SNAPSHOT


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a, *a]",
        "[" * 20_000,
        "a: &a [1]\n"
        + "".join(f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)),
    ],
)
def test_settings_that_repeat_or_nest_without_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    code = 'import yaml\nimport torch.nn as nn\nc = yaml.safe_load(open("c.yaml"))\nnn.NLLLoss(c["i"])(c["a"], c)\n'
    (tmp_path / "m.py").write_text(code)
    assert not rawlogits.check([tmp_path], root=tmp_path, use_config=False).findings
