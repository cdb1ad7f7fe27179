"""What an expression may be worth to the walker.

Values are small. Those that a program can change (`Obj`, `Built`, `Seq`, `Map`) compare by identity and are
written only through the walker's journal, so that a branch can be undone. A `Choice` holds alternatives with the
facts under which each is the one; a `Deferred` is a call that nobody has needed yet.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rawlogits.space import Space
from rawlogits.table.row import Row

if TYPE_CHECKING:
    from rawlogits.static.names import Module, Unit

MOST_VALUES = 8
MOST_OBJECTS = 64


class Fact(NamedTuple):
    """One outcome of one test: `key op const` is `truth`. `subject` is what was tested, as its author wrote it."""

    key: str
    op: str
    const: object
    truth: bool
    subject: ast.AST | None = None
    dispatch: bool = False
    """Whether the test chose *which object* runs (a program that some user runs) or *which value* came out."""
    assumed: bool = False
    """Whether nothing in the code says that this outcome occurs (a class behind a computed name)."""

    def negated(self) -> Fact:
        return self._replace(truth=not self.truth)


Facts = tuple[Fact, ...]


class Trace(NamedTuple):
    """The stations of a value, newest first; turned into Steps only for a finding."""

    earlier: Trace | None
    module: Module
    node: ast.AST
    kind: str
    """"made" (the activation itself), "built" (a module's construction) or "through" (a call that handed it on)."""


class Value:
    """Base of everything an expression may be worth."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Const(Value):
    """A literal or what was folded from literals."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), repr(self.value)))


NONE = Const(None)
MISSING = "?"
"""Begins the key of an attribute that an object does not have: a path that reads it cannot be run."""


@dataclass(frozen=True, slots=True)
class Unknown(Value):
    """A value that nothing is known of. Equal keys are the same value wherever they are met."""

    reason: str
    key: str = ""
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Tensor(Value):
    """A tensor whose origin is known. `space` None: made by an operator after which no space is left."""

    space: Space | None
    made_by: str = ""
    trace: Trace | None = None
    axis: int | None = None
    rank: int | None = None
    size: int | None = None
    size_axis: int | None = None
    form: str = ""
    """What a hand-written formula has built so far: "exp", "sum of exp"."""
    root: Value | None = None
    """The tensor that the formula of `form` is about."""
    guarded: bool = False
    scaled: bool = False
    mixed: bool = False
    """An average of distributions: still a probability, but not one softmax whose logarithm has a fused form."""
    marks: frozenset[str] = frozenset()
    basis: tuple[str, int, int] | None = None
    """The node that made the raw scores which an activation turned into this."""
    undone: tuple[Module, ast.AST, ast.AST] | None = None
    """Where the activation is applied, its call and its argument: what a repair would take out."""

    def but(self, **changes: object) -> Tensor:
        return replace(self, **changes)  # type: ignore[arg-type]

    def through(self, module: Module, node: ast.AST) -> Tensor:
        """Handed on by a call in the user's own code."""
        if self.trace is None or not module.source.written or self.trace.node is node:
            return self
        return replace(self, trace=Trace(self.trace, module, node, "through"))


@dataclass(slots=True, eq=False)
class Seq(Value):
    """A list, tuple or set in order. `open`: it may hold other items as well."""

    items: list[Value]
    open: bool = False
    frozen: bool = False


@dataclass(slots=True, eq=False)
class Map(Value):
    """A dict, or keyword arguments (`frozen`: nobody fills them). `open`: it may hold other keys as well."""

    items: dict[object, Value]
    open: bool = False
    frozen: bool = False
    home: tuple[Module, str] | Obj | None = None
    """The module and the global name (or the object) that holds it, when it is one that other modules may fill."""
    fillers: list[tuple[Module, Unit]] | None = None
    """What else of the project fills it and has not run, once somebody missed a key."""
    large: bool = False
    """Whether that is too much to be run for a key that is not known."""


@dataclass(slots=True, eq=False)
class Func(Value):
    """A function of the project (or of a program of the table)."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: Module
    closure: Frame | None = None
    owner: Class | None = None
    bound: Value | None = None
    kind: str = ""
    """"static", "class" or "property" as the decorators say."""
    outside: str = ""
    """The name under which whoever starts the program may set what a call leaves out."""

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "<lambda>")

    def bind(self, receiver: Value) -> Func:
        return Func(self.node, self.module, self.closure, self.owner, receiver, self.kind, self.outside)


@dataclass(slots=True, eq=False)
class Class(Value):
    """A class of the project (or of a program of the table)."""

    node: ast.ClassDef
    module: Module
    closure: Frame | None = None
    attrs: dict[str, Value] = field(default_factory=dict)
    order: tuple[Class | Ext, ...] | None = None
    """The method resolution order, once asked for."""
    running: set[str] = field(default_factory=set)
    outside: str = ""
    """As for a function: said of its `__init__`."""

    @property
    def name(self) -> str:
        return self.node.name


@dataclass(slots=True, eq=False)
class Obj(Value):
    """An instance of a Class."""

    cls: Class
    module: Module
    node: ast.AST
    attrs: dict[str, Value] = field(default_factory=dict)
    begun: list[Any] = field(default_factory=list)
    """Calls of `__init__` (slices.Begun), its own and its bases', that run when an attribute is asked for."""
    filling: int = 0
    """How many of these are running."""
    waiting: list[Deferred] = field(default_factory=list)
    """Calls of its methods that nobody has needed yet; they may set attributes."""
    handed: tuple[Module, ast.AST] | None = None
    """The call in the user's code that handed the object on last: `build("net")`."""
    tried: set[ast.AST] = field(default_factory=set)
    """Methods run only because they set an attribute that was asked for."""

    @property
    def key(self) -> str:
        """Names the object by the place that built it."""
        return f"{self.module.source.shown}:{self.node.lineno}:{self.node.col_offset}"  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Ext(Value):
    """Something outside the project, by its dotted name."""

    name: str


@dataclass(slots=True, eq=False)
class Built(Value):
    """What calling an outside class gave: `nn.Linear(10, 2)`. `rows` are its facts, `args` what it was built with."""

    name: str
    rows: tuple[Row, ...]
    args: dict[str, Value]
    module: Module
    node: ast.AST
    attrs: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bound(Value):
    """A method of something that is no project object: `x.view`, `layers.append`."""

    receiver: Value
    name: str


@dataclass(slots=True, eq=False)
class Partial(Value):
    """functools.partial."""

    func: Value
    args: list[Value]
    kwargs: dict[str, Value]


@dataclass(frozen=True, slots=True)
class ModuleRef(Value):
    """A module of the project."""

    module: Module


@dataclass(frozen=True, slots=True)
class Super(Value):
    """`super()` in a method of `cls` on `receiver`."""

    cls: Class
    receiver: Value


class Alternative(NamedTuple):
    facts: Facts
    value: Value


@dataclass(frozen=True, slots=True)
class Choice(Value):
    """One of several values. Alternatives whose facts contradict the path are filtered when it is read."""

    alternatives: tuple[Alternative, ...]


@dataclass(slots=True, eq=False)
class Deferred(Value):
    """A computation nobody has needed yet, and its result once somebody has."""

    compute: Callable[[], Value] | None
    value: Value | None = None
    func: Func | None = None
    """The function whose call this is, when it is one."""
    dear: int = 0
    """How many steps were not enough for it."""

    @property
    def waiting(self) -> bool:
        """Whether it can still be computed: not done, and not just now under way."""
        return self.value is None and self.compute is not None


def waits(value: Value) -> bool:
    """Whether something of a value is still to be computed."""
    if isinstance(value, Choice):
        return any(waits(a.value) for a in value.alternatives)
    return isinstance(value, Deferred) and value.waiting


@dataclass(slots=True, eq=False)
class Frame:
    """The names of one running function (or module body)."""

    module: Module
    locals: dict[str, Value]
    outer: Frame | None = None
    func: Func | None = None
    returns: list[Alternative] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)
    start: int = 0
    """How many facts of the path were there when it began."""
    globals: frozenset[str] = frozenset()
    nonlocals: dict[str, Frame] = field(default_factory=dict)
    of_class: bool = False
    """Whether it is the body of a class, whose names the functions in it do not see."""
    waiting: list[Deferred] = field(default_factory=list)
    """Calls nobody has needed yet of functions that read this frame's names."""

    @property
    def closure(self) -> Frame | None:
        """The frame whose names a function sees that is defined here; None for the module's."""
        frame = self.outer if self.of_class else self
        return None if frame is None or frame is self.module.frame else frame

    late: list[tuple[Facts, list[tuple[object, object, object]]]] = field(default_factory=list)
    """What paths that returned early had written, to be joined when the function ends."""


ABSENT = Unknown("not there", "absent")
"""Stands in a sequence for an item that only some paths put there; called, it hands on its argument."""
SILENT = Unknown("branches differ")


def same(left: Value, right: Value) -> bool:
    """Whether two values cannot be told apart."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, Func) and isinstance(right, Func):
        return left.node is right.node and left.bound is right.bound
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return replace(left, trace=None, undone=None) == replace(right, trace=None, undone=None) and origin(
            left
        ) is origin(right)
    if isinstance(left, Unknown) and isinstance(right, Unknown):
        return left.key == right.key and (bool(left.key) or left.reason == right.reason)
    if isinstance(left, Seq) and isinstance(right, Seq) and left.frozen and right.frozen:
        return len(left.items) == len(right.items) and all(map(same, left.items, right.items))
    return left == right


def origin(tensor: Tensor) -> ast.AST | None:
    """The node at which a tensor's way begins."""
    trace = tensor.trace
    while trace is not None and trace.earlier is not None:
        trace = trace.earlier
    return None if trace is None else trace.node


def basis_of(tensor: Tensor) -> tuple[str, int, int] | None:
    """The file, line and column of the raw scores behind a tensor, else of what it comes from."""
    trace = tensor.trace
    while trace is not None and trace.earlier is not None:
        trace = trace.earlier
    if tensor.basis is not None or trace is None:
        return tensor.basis
    return trace.module.source.shown, getattr(trace.node, "lineno", 0), getattr(trace.node, "col_offset", 0)


def alternatives(value: Value) -> tuple[Alternative, ...]:
    """The alternatives of a value; any other value is its own only one."""
    if isinstance(value, Choice):
        return value.alternatives
    return (Alternative((), value),)


def choose(options: Iterable[Alternative]) -> Value:
    """One value for several alternatives: equal ones merge, too many are unknown."""
    merged: list[Alternative] = []
    for facts, value in options:
        for inner in alternatives(value):
            every = facts + tuple(f for f in inner.facts if f not in facts)
            twin = next((i for i, m in enumerate(merged) if same(m.value, inner.value)), None)
            if twin is None:
                merged.append(Alternative(every, inner.value))
            else:
                shared = tuple(f for f in merged[twin].facts if f in every)
                merged[twin] = Alternative(shared, merged[twin].value)
    if not merged:
        return Unknown("branches differ")
    if len(merged) == 1:
        return merged[0].value
    waiting = all(isinstance(m.value, Deferred) or object_like(m.value) for m in merged)
    programs = waiting or are_objects(m.value for m in merged) or all(any(f.dispatch for f in m.facts) for m in merged)
    most = MOST_OBJECTS if programs else MOST_VALUES
    if len(merged) > most:
        return SILENT
    return Choice(tuple(Alternative(_simplified(facts), value) for facts, value in merged))


def object_like(value: Value) -> bool:
    """Whether a value is code that can run (or None in its place), not a number that came out."""
    return isinstance(value, (Obj, Built, Func, Class, Ext, Partial, ModuleRef)) or value == NONE


def are_objects(values: Iterable[Value]) -> bool:
    """Whether a choice between these values is one between programs: code, None, or code that cannot be seen."""
    every = [a.value for value in values for a in alternatives(value)]
    return all(object_like(v) or isinstance(v, Unknown) for v in every) and any(
        object_like(v) and v != NONE for v in every
    )


def _simplified(facts: Facts) -> Facts:
    """Without the tests that another one implies: an elif chain's earlier misses."""
    settled = {f.key for f in facts if f.op == "==" and f.truth}
    return tuple(f for f in facts if f.truth or f.op != "==" or f.key not in settled)


def as_dispatch(facts: Facts) -> Facts:
    """The same facts, said of a choice between objects."""
    return tuple(f._replace(dispatch=True) for f in facts)


def join(facts: Facts, left: Value, others: Facts, right: Value) -> Value:
    """The value after two branches: `left` under `facts`, `right` under `others`."""
    if same(left, right):
        return left
    if are_objects((left, right)):
        facts, others = as_dispatch(facts), as_dispatch(others)
    return choose((Alternative(facts, left), Alternative(others, right)))


_OTHER = object()


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b and isinstance(a, bool) is isinstance(b, bool),
    "is": lambda a, b: a is b or (a == b and isinstance(a, (int, str))),
    "in": lambda a, b: a in b,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "true": lambda a, b: bool(a),
}
"""What each `op` of a fact asks of a value and the fact's constant."""


def _holds(fact: Fact, value: object) -> bool:
    if value is _OTHER:  # nothing that a test names; the numbers round those named stand for all numbers
        return not fact.truth if fact.op in ("==", "is", "in") else not isinstance(fact.const, (int, float))
    try:
        return bool(TESTS[fact.op](value, fact.const)) is fact.truth
    except TypeError:
        return False


def _candidates(group: Sequence[Fact]) -> list[object]:
    found: list[object] = [_OTHER, None, True, False]
    for fact in group:
        consts = fact.const if fact.op == "in" and isinstance(fact.const, (tuple, frozenset)) else (fact.const,)
        for const in consts:
            if isinstance(const, (int, float)) and not isinstance(const, bool):
                found += [const, const - 1, const + 1, const - 0.5, const + 0.5, const - 1e-6, const + 1e-6]
            else:
                found.append(const)
    return found


def consistent(facts: Facts, path: Sequence[Fact] = ()) -> bool:
    """Whether some program state satisfies all facts, on a path whose own facts are consistent.

    Facts about different keys are independent.

    >>> many, two = Fact("k", ">", 2, True), Fact("k", "==", 2, True)
    >>> consistent((many, two)), consistent((many, two.negated()))
    (False, True)
    """
    if not facts:
        return True
    if len(facts) == 1:
        key = facts[0].key
        group = [f for f in path if f.key == key]
        return not group or _satisfiable((facts[0], *group))
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(fact.key, []).append(fact)
    for fact in path:
        if fact.key in groups:
            groups[fact.key].append(fact)
    return all(len(group) == 1 or _satisfiable(tuple(group)) for group in groups.values())


def within(facts: Facts, path: Sequence[Fact], key: str, domain: Sequence[object]) -> bool:
    """Whether one value of a domain satisfies all that is said of `key`."""
    said = [f for f in (*facts, *path) if f.key == key]
    return any(all(_holds(f, value) for f in said) for value in domain)


def _satisfiable(group: Facts) -> bool:
    first = group[0]
    if all(f.op == first.op and f.truth is first.truth and f.const is first.const for f in group):
        return True
    outcomes: dict[tuple[str, str], bool] = {}
    for fact in group:  # the same test cannot have come out both ways
        if outcomes.setdefault((fact.op, repr(fact.const)), fact.truth) is not fact.truth:
            return False
    return any(all(_holds(f, c) for f in group) for c in _candidates(group))
