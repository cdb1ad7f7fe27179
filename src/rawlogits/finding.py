"""What observers report (`Arrival`, `Failure`, `Unresolved`), what rules make of it (`Verdict`, `Finding`), and rules.

An arrival is written in the words of the table, never in those of a framework: the same rules judge the
arrivals of the static walker and of a running training step.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rawlogits.space import Space


class Severity(StrEnum):
    """error: another function than meant; warning: breaks in floating point; advice: right, a better form exists."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


class Confidence(StrEnum):
    """certain: every path that reaches the demand brings the wrong space; likely: some do, or one signal of two."""

    CERTAIN = "certain"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A span of source. Lines and columns start at 1, columns count characters, ends are exclusive.

    In a notebook `cell` counts all cells from 0 and `line` counts within the cell.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None

    @property
    def home(self) -> str:
        """The path, in a notebook with the cell.

        >>> Place("a.ipynb", 1, 1, 1, 2, cell=3).home
        'a.ipynb:cell 3'
        """
        return self.path if self.cell is None else f"{self.path}:cell {self.cell}"


@dataclass(frozen=True, slots=True)
class Step:
    """One station on a value's way: where, and in a few words what happens there."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A value of one space met a demand.

    verb: "loss" (a loss or distribution reads it), "op" (an activation, log or exp is applied to it),
    "compare" (compared with a number) or "naive" (a fused operator written out by hand; `operator` names it).
    """

    verb: str
    operator: str
    """Short name of what demands: `CrossEntropyLoss`, `softmax`, `log`, `>`."""
    got: Space
    place: Place
    """The argument (for an expression: the whole expression) where the demand is met or broken."""
    trace: tuple[Step, ...]
    """From the origin (first) to the demand (last)."""
    wants: frozenset[Space] = frozenset()
    harmless: frozenset[Space] = frozenset()
    activation: Space | None = None
    """What the demanding operator applies itself: `PROBS` for a softmax loss, `SIGMOID` for a sigmoid loss;
    for an op the space that it gives when its input is as wanted."""
    certain: bool = True
    when: str = ""
    """The condition under which this alternative is the one that runs, "" when always."""
    made_by: str = ""
    """Short name of the operator that made the value: `softmax`, `Linear`."""
    axis: int | None = None
    """Axis that the value is normalised over, when known (negative counts from the end)."""
    class_axis: int | None = None
    """Axis that the demand reads as classes, when the demand fixes one."""
    rank: int | None = None
    size: int | None = None
    """Length of the class axis, when known."""
    guarded: bool = False
    """A clamp or `+ eps` lies between the origin and the demand."""
    scaled: bool = False
    """Multiplied or divided by a positive constant on the way."""
    constant: float | None = None
    """The number compared with (verb "compare")."""
    marks: frozenset[str] = frozenset()
    """Signals about the target, e.g. "multi_hot"."""
    also: frozenset[str] = frozenset()
    """Other demands that a value of the same origin meets: "loss:probs", "loss:sigmoid", "threshold"."""
    applied: tuple[Place, Place] | None = None
    """The call that applied the activation which made the value, and its argument, where both are the user's."""
    built: Place | None = None
    """Where the demanding operator was built, when that is not where it is called: `criterion = nn.NLLLoss()`."""
    without: str = ""
    """The statement at the origin with the activation taken out, when that is one line."""
    twin: str = ""
    """The fused form that the table names for this pair, e.g. `torch.nn.functional.log_softmax`."""
    test_file: bool = False


def linked(arrivals: Sequence[Arrival], bases: Sequence[Hashable]) -> list[Arrival]:
    """Each arrival with the other demands that values of the same raw scores meet; None is the basis of nothing."""
    met: dict[Hashable, set[str]] = {}
    for arrival, basis in zip(arrivals, bases, strict=True):
        if basis is not None and (kind := _kind(arrival)):
            met.setdefault(basis, set()).add(kind)
    return [
        replace(arrival, also=frozenset(met.get(basis, ()))) if basis is not None else arrival
        for arrival, basis in zip(arrivals, bases, strict=True)
    ]


def _kind(arrival: Arrival) -> str:
    if arrival.verb == "loss" and arrival.activation is not None:
        return f"loss:{arrival.activation}"
    per_label = arrival.got is Space.PROBS and arrival.axis is not None
    if arrival.verb == "compare" and per_label and arrival.constant is not None and 0.05 < arrival.constant < 0.95:
        return "threshold"
    return ""


class Repair(StrEnum):
    """What a rule proposes to write, in words that fit every framework; how it is written is read off the code.

    TAKE_OUT: the value without the activation that made it. LOGARITHMIC: its log form (`softmax` -> `log_softmax`).
    FUSE: the demanding operator and the activation below it as the one fused operator (`log(softmax(z))`).
    WRITE_FUSED: the operator in place of a formula that writes it out by hand. FUSED_LOSS: the loss that applies the
    activation itself in place of the one that wants it applied. FUSED_PAIR: TAKE_OUT and FUSED_LOSS together.
    THRESHOLD: the number compared with, moved to the scale of the value.
    """

    TAKE_OUT = "take-out"
    LOGARITHMIC = "logarithmic"
    FUSE = "fuse"
    WRITE_FUSED = "write-fused"
    FUSED_LOSS = "fused-loss"
    FUSED_PAIR = "fused-pair"
    THRESHOLD = "threshold"


@dataclass(frozen=True, slots=True)
class Edit:
    """One span of text and what to write there."""

    path: str
    start_line: int
    start_column: int
    end_line: int
    end_column: int
    replacement: str
    cell: int | None = None


class Applicability(StrEnum):
    """safe: meaning kept wherever we can see; unsafe: needs a look; shown: words only, nothing to apply."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Fix:
    """What to write instead."""

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...] = ()
    why: str = ""
    """Why it is unsafe: who else may read what it changes."""

    @property
    def note(self) -> str:
        """Whether it may be applied, "" for words only.

        >>> Fix(Applicability.UNSAFE, "return x", (), "net.pt may hold the old weights").note
        'unsafe fix: net.pt may hold the old weights'
        """
        if self.applicability is Applicability.SHOWN:
            return ""
        return f"{self.applicability} fix: {self.why}" if self.why else f"{self.applicability} fix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule says of an arrival. `severity` and `confidence` default to the rule's and the arrival's."""

    message: str
    wants: str
    got: str
    write: str = ""
    severity: Severity | None = None
    confidence: Confidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A judge of arrivals. `judge` returns None where the rule has nothing to say."""

    code: str
    name: str
    severity: Severity
    says: str
    """One line for `rawlogits rules`."""
    judge: Callable[[Arrival], Verdict | None]
    repair: Repair | None = None
    default: bool = True
    """Whether the rule runs without being selected."""
    numeric: bool = False
    """Off in test files unless selected by name: tests hold hand-written oracles on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to tell the user."""

    rule: str
    code: str
    severity: Severity
    confidence: Confidence
    message: str
    wants: str
    got: str
    place: Place
    trace: tuple[Step, ...] = field(default=())
    fix: Fix | None = None
    arrival: Arrival | None = field(default=None, repr=False, compare=False)
    """What the rule judged."""
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read or parsed; with a `cell` only that one of the notebook."""

    path: str
    line: int | None
    message: str
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A loss whose argument could not be traced to its origin, and why."""

    place: Place
    operator: str
    reason: str
