"""What a row of the table says.

One row holds one fact about one operator, under every name that the operator goes by. Four verbs:

source  makes a fresh value whatever comes in. `gives` is its space; without `gives` the row *ends* every space
        (a product, an attention, a ReLU): its value is known to be no probability, and nothing more.
op      changes the space of `arg`. `gives` is what comes out whatever came in (softmax), or `turns` says what
        each space becomes (log, exp; a space that is not named ends). `wants` is what it should be given.
keeps   returns `arg` in the space in which it came (view, cast, indexing; a wrapper round a module likewise).
loss    reads `arg`, and demands that it lies in `wants`; what lies in `harmless` gives the same function.

Names are dotted. How a name is called follows from its spelling:

torch.nn.functional.softmax   function: parameters are `params`
torch.nn.Softmax              module: built with `build`, then called with `call`
torch.Tensor.softmax          method: `params` without `arg`, which is the receiver

A module row whose `arg` is among `build` is judged where it is built (torch.distributions.Categorical).
A trailing underscore of the last name (`sigmoid_`) means in place: the receiver itself changes.

Operators that demand something of two arguments have two rows with the same names and different `arg`.
`when` restricts a row to calls whose parameters have these values: {"log_target": False}; `defaults` gives the
value of a parameter that the call leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from rawlogits.errors import TableError
from rawlogits.space import Space


class Verb(StrEnum):
    """What a row does with its `arg`; see the head of this module."""

    SOURCE = "source"
    OP = "op"
    KEEPS = "keeps"
    LOSS = "loss"


_NO_SPACES: frozenset[Space] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One operator or loss. Malformed rows raise TableError naming the row.

    >>> row = Row(names=("mylib.focal",), verb=Verb.LOSS, params=("scores", "target"), arg="scores",
    ...           wants=frozenset({Space.LOGITS}), activation=Space.SIGMOID)
    >>> row.short
    'focal'
    """

    names: tuple[str, ...]
    """Every dotted name; the first is the one that messages and pages use."""
    verb: Verb
    arg: str = "input"
    """The parameter whose space matters."""
    params: tuple[str, ...] = ("input",)
    """Parameters of the function spelling, in order (`self` left out)."""
    build: tuple[str, ...] = ()
    """Parameters of the constructor of the module spelling."""
    call: tuple[str, ...] = ("input", "target")
    """Parameters with which a built module is called."""
    wants: frozenset[Space] = _NO_SPACES
    harmless: frozenset[Space] = _NO_SPACES
    """Not what is wanted, yet the same function: log-probabilities into cross-entropy."""
    gives: Space | None = None
    turns: Mapping[Space, Space] = field(default_factory=dict)
    activation: Space | None = None
    """What a loss applies to `arg` itself, as the space which that activation gives."""
    target: str = ""
    """The parameter with the true labels; a value that arrives there is never judged by this row."""
    axis: str = ""
    """The parameter that names the axis."""
    class_axis: int | None = None
    """The axis that the operator reads as classes when it fixes one (`cross_entropy`: 1 from rank 2 on)."""
    size: str = ""
    """The parameter that holds the length of `size_axis` of the result (`out_features`)."""
    size_axis: int | None = None
    moves: bool = False
    """keeps: axes, rank or lengths may change (view, permute), so what was known of them is forgotten."""
    reduces: str = ""
    """keeps: the parameter naming an axis that is averaged away; over the normalised axis it ends the space."""
    guards: bool = False
    """keeps: bounds the value away from 0 (clamp with a minimum), so that a log of it stays finite."""
    blends: bool = False
    """keeps: the numbers change within their space (dropout, interpolation), so an activation before it is another
    than one behind it. What guards or reduces does so in any case."""
    leaves: bool = False
    """keeps: the numbers go to another library (numpy, tolist), whose values the framework's functions do not take."""
    items: bool = False
    """keeps: `arg` is a sequence (cat, stack); the space is kept when all items agree."""
    ranks: int | None = None
    """Rank of the result, when the operator fixes it (`flatten(1)`: 2); -1: as many as the sizes written out (view)."""
    when: Mapping[str, object] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    marks: str = ""
    """source: what else is known of the value: "multi_hot" (labels of which several hold), "sum", "constant";
    "order" (it reads nothing but the order of its numbers: argmax), "sorted" (the same, and it gives numbers and where
    they stood: topk)."""
    decodes: str = ""
    """loss: the activation that turns its input into probabilities, by name (`torch.softmax`)."""
    twin: str = ""
    """The fused counterpart: of log: what replaces log(softmax); of BCELoss: BCEWithLogitsLoss."""
    since: str = ""
    until: str = ""
    why: str = ""
    """Where the fact comes from, or why a surprising entry is right."""

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise TableError(f"row {self.names[0] if self.names else '(no name)'!r}: {problem}")

    @property
    def short(self) -> str:
        """The last part of the first name."""
        return self.names[0].rsplit(".", 1)[-1]

    @property
    def exact(self) -> bool:
        """Whether what a keeps row returns holds the numbers that it was given, perhaps in other places."""
        return self.verb is Verb.KEEPS and not (self.blends or self.guards or self.reduces)

    @classmethod
    def from_mapping(cls, entry: Mapping[str, Any]) -> Row:
        """A row from `[tool.rawlogits]`: the same keys, spaces as words, lists for tuples."""
        known = {f.name for f in fields(cls)}
        strange = sorted(set(entry) - known)
        names = entry.get("names")
        named = [name for name in (names if isinstance(names, list) else [names]) if isinstance(name, str)]
        title = named[0] if named else "(no name)"
        if strange:
            raise TableError(f"row {title!r}: no such key {strange[0]!r}; allowed are {', '.join(sorted(known))}")
        try:
            return cls(**{key: _from_toml(key, value) for key, value in entry.items()})
        except (ValueError, TypeError) as error:
            raise TableError(f"row {title!r}: {error}") from None


def _from_toml(key: str, value: Any) -> Any:
    if key == "verb":
        return Verb(value)
    if key in ("wants", "harmless"):
        return frozenset(Space(word) for word in ([value] if isinstance(value, str) else value))
    if key in ("gives", "activation"):
        return Space(value)
    if key == "turns":
        if not isinstance(value, dict):
            raise TypeError(f"turns wants spaces for spaces, got {value!r}")
        return {Space(a): Space(b) for a, b in value.items()}
    if key in ("names", "params", "build", "call"):
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise TypeError(f"{key} wants words, got {value!r}")
        return tuple(words)
    return value


def _problem(row: Row) -> str:
    if not row.names:
        return "names is empty"
    bad = [n for n in row.names if not all(part.isidentifier() for part in n.split(".")) or "." not in n]
    if bad:
        return f"{bad[0]!r} is not a dotted name"
    if row.verb is Verb.LOSS and not (row.wants or row.harmless):
        return "a loss needs wants (or harmless, where it accepts anything)"
    if row.wants & row.harmless:
        return f"{', '.join(sorted(row.wants & row.harmless))} is both wanted and harmless"
    if row.verb is Verb.OP and not (row.gives or row.turns):
        return "an op needs gives or turns"
    if row.verb in (Verb.KEEPS, Verb.LOSS) and (row.gives or row.turns):
        return f"a {row.verb} row has no gives and no turns"
    if row.activation and row.verb is not Verb.LOSS:
        return "only a loss has an activation; an op says gives"
    functions = [n for n in row.names if spelling(n) == "function"]
    if functions and row.arg not in row.params and row.verb is not Verb.SOURCE:
        return f"arg {row.arg!r} is not among params {row.params}"
    modules = [n for n in row.names if spelling(n) == "module"]
    if modules and row.verb is not Verb.SOURCE and row.arg not in (*row.build, *row.call):
        return f"arg {row.arg!r} is neither among build {row.build} nor call {row.call}"
    return ""


def spelling(name: str) -> str:
    """How a dotted name is called: "function", "module" or "method".

    >>> [spelling(n) for n in ("torch.softmax", "torch.nn.Softmax", "torch.Tensor.softmax")]
    ['function', 'module', 'method']
    """
    *scope, last = name.split(".")
    if last.lstrip("_")[:1].isupper():
        return "module"
    if scope and scope[-1][:1].isupper():
        return "method"
    return "function"


def spaces(words: Iterable[str] | str) -> frozenset[Space]:
    """The set named by words: `spaces("logits log_probs")`."""
    return frozenset(Space(w) for w in (words.split() if isinstance(words, str) else words))
