"""The state of one run of the abstract interpreter: facts of the path, journal of writes, work done, losses met.

The parts of the interpreter (statements, expressions, calls, ...) are functions whose first parameter is the
engine; the engine reaches them through `parts`, so that no module of this package imports in a circle.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from rawlogits.static.names import Module, Project
from rawlogits.static.record import Key, LossSite, Record, key_of
from rawlogits.static.values import (
    ABSENT,
    NONE,
    Alternative,
    Choice,
    Class,
    Const,
    Deferred,
    Fact,
    Facts,
    Frame,
    Func,
    Seq,
    Tensor,
    Unknown,
    Value,
    alternatives,
    are_objects,
    as_dispatch,
    choose,
    consistent,
    same,
    waits,
)
from rawlogits.table.lookup import Table

DEEPEST_CALL = 40
DEEPEST_EXPRESSION = 150
LONGEST_CHAIN = 40
"""Calls that each return the next one."""
MOST_SHARED_STEPS = 40_000
"""Statements and expressions that a module may take to bind a name."""
BRIEF_STEPS = 150
"""Statements and expressions that a call may take whose result nobody reads and which demands nothing."""
OPERATOR_STEPS = 2_500
"""And that the argument of an operator may take, before the operator does without it."""
GLANCE_STEPS = 300
"""And that the value in a test may take; past them the test may come out either way."""

TOO_DEEP = Unknown("too deep")
TOO_LONG = Unknown("too long")

T = TypeVar("T")
_MISSING = object()


@dataclass(slots=True)
class Args:
    """What a call passes. `open`: a `*` or `**` of unknown content may pass more."""

    values: list[Value] = field(default_factory=list)
    nodes: list[ast.expr] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    keyword_nodes: dict[str, ast.expr] = field(default_factory=dict)
    open: bool = False

    def every(self) -> list[Value]:
        return [*self.values, *self.keywords.values()]


class Parts(Protocol):
    """The interpreter's parts, bound together in walk.py."""

    def evaluate(self, engine: Engine, node: ast.expr, frame: Frame) -> Value: ...
    def execute(self, engine: Engine, body: Sequence[ast.stmt], frame: Frame) -> bool: ...
    def call(self, engine: Engine, callee: Value, args: Args, node: ast.AST, frame: Frame) -> Value: ...
    def attribute(self, engine: Engine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value: ...


class Engine:
    """Everything that changes while programs are interpreted."""

    def __init__(self, project: Project, table: Table, parts: Parts) -> None:
        self.project = project
        self.table = table
        self.parts = parts
        self.facts: list[Fact] = []
        self.journal: list[tuple[Any, Any, Any]] = []
        self.steps = 0
        self.limit = 0
        self.brief = False
        """Whether `limit` is only a share of what the entry point may take."""
        self.call_depth = 0
        self.expression_depth = 0
        self.stack: list[ast.AST] = []
        """The functions that are running, outermost first."""
        self.callers: list[tuple[ast.AST, Frame]] = []
        """Where each of them was called."""
        self.record = Record()
        """What the entry point that runs has met, and"""
        self.before = Record()
        """what those before it did."""
        self.waited: list[Frame] = []
        """Frames whose names some call reads that nobody has needed yet."""
        self.loose: dict[tuple[str, str], Value] = {}
        """Attributes written on values that are unknown but have a key."""
        self.domains: dict[str, tuple[object, ...]] = {}
        """By the key of an unknown value: the only constants that it may be."""
        self.stated: set[tuple[str, str]] = set()
        """Keys of unknown values and (as written) constants that the code itself says they may be."""
        self.settings: dict[str, Value] = {}
        """What settings files say of parameters, by the name of the function and the parameter."""
        self.settings_seen = False
        """Whether the program has read such files, and all of them are known."""
        self.tests: dict[str, Callable[[], Any]] = {}
        """By key: how to ask a test that took too many steps and was left open, and"""
        self.settled: dict[str, bool] = {}
        """how those came out that were asked."""
        self.uncounted = 0
        """How many loops are running whose number of turns is not known."""
        self.exits: list[list[tuple[dict[str, Value], Facts]]] = []
        """Names at each break and continue, one list for every loop that runs."""
        self.hot: frozenset[str] = frozenset()
        """Words whose presence makes a function worth running for what it demands."""
        self.held: dict[str, frozenset[str]] = {}
        """And the global names of a module (by the path that is shown) that hold a loss."""
        self.writes_out: Callable[[frozenset[str]], bool] = lambda words: False
        """Whether code with these words may demand something without naming a loss."""
        self.searched: dict[str, set[str]] = {}
        """Names that were looked for in whole packages, and the files that hold them."""
        self.words: dict[ast.AST, frozenset[str]] = {}
        self.hot_classes: dict[ast.ClassDef, bool] = {}
        self.hot_functions: dict[ast.AST, bool] = {}
        self.setters: dict[Class, Any] = {}
        """By class: which of its methods assign which attribute."""
        self.effects: dict[ast.AST, Any] = {}
        """What each method does to its object by itself."""
        self.reaches: dict[tuple[object, ...], Any] = {}
        """By method and classes of its object: what it does to the object, with all that it calls, and"""
        self.slices: dict[tuple[object, ...], Any] = {}
        """its statements, in groups that may run by themselves."""
        self.offered: dict[tuple[object, ...], Any] = {}
        """By classes: their methods by name."""
        self.statements: dict[ast.AST, Any] = {}
        """What each statement of a method does by itself."""

    # -- the parts -----------------------------------------------------------------------------------------------

    def evaluate(self, node: ast.expr, frame: Frame) -> Value:
        return self.parts.evaluate(self, node, frame)

    def execute(self, body: Sequence[ast.stmt], frame: Frame) -> bool:
        return self.parts.execute(self, body, frame)

    def call(self, callee: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
        return self.parts.call(self, callee, args, node, frame)

    def attribute(self, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
        return self.parts.attribute(self, value, name, node, frame)

    # -- work ----------------------------------------------------------------------------------------------------

    def spent(self) -> bool:
        """Count one step; True when this entry point has had its share."""
        self.steps += 1
        return self.steps > self.limit

    def briefly(self, compute: Callable[[], Value], steps: int = BRIEF_STEPS) -> Value:
        """Compute what is probably of no interest, in a small share of the steps."""
        outer, self.limit = self.limit, min(self.limit, self.steps + steps)
        brief, self.brief = self.brief, self.limit < outer or self.brief
        try:
            return compute()
        finally:
            self.limit, self.brief = outer, brief

    def apart(self, compute: Callable[[], T]) -> T:
        """Compute what all entry points share, in steps of its own: whoever needs it first does not pay for it."""
        outer, self.steps, self.limit, self.brief = (self.steps, self.limit, self.brief), 0, MOST_SHARED_STEPS, False
        try:
            return compute()
        finally:
            self.steps, self.limit, self.brief = outer

    def glance(self, value: Value, steps: int = GLANCE_STEPS) -> Value:
        """The value itself where a few steps tell it; else it stays as it is, to be computed when it is needed."""
        if not waits(value):
            return self.force(value)
        if isinstance(value, Deferred):
            if steps <= value.dear:
                return value
            found = self.briefly(partial(self.force, value), steps)
            if not value.waiting:
                return found
            value.dear = steps
        return value if isinstance(value, Deferred) else self.force(value)

    def demands(self, words: frozenset[str], module: Module) -> bool:
        """Whether code with these words, in this module, names a loss or calls what does."""
        return not self.hot.isdisjoint(words) or not self.held.get(module.source.shown, self.hot).isdisjoint(words)

    def words_of(self, func: Func) -> frozenset[str]:
        """The identifiers in a function's source."""
        words = self.words.get(func.node)
        if words is None:
            words = self.words[func.node] = func.module.words(func.node)
        return words

    def class_words(self, cls: Class) -> frozenset[str]:
        """The identifiers in a class's source."""
        words = self.words.get(cls.node)
        if words is None:
            words = self.words[cls.node] = cls.module.words(cls.node)
        return words

    def await_in(self, frame: Frame, deferred: Deferred) -> None:
        """Remember a call that nobody has needed yet with the frame whose names it reads, until the entry ends."""
        if not frame.waiting:
            self.waited.append(frame)
        frame.waiting.append(deferred)

    def forget_waiting(self) -> None:
        """An entry has ended: what nobody needed is dropped."""
        for frame in self.waited:
            frame.waiting.clear()
        self.waited.clear()

    def is_hot(self, cls: Class) -> bool:
        """Whether a class's source names a loss or calls what does."""
        known = self.hot_classes.get(cls.node)
        if known is None:
            known = self.hot_classes[cls.node] = self.demands(self.class_words(cls), cls.module)
        return known

    # -- laziness ------------------------------------------------------------------------------------------------

    def defer(self, compute: Callable[[], Value]) -> Deferred:
        """A value to be computed when needed, under the facts that hold now, as a part of the calls that run now."""
        facts, stack, callers = list(self.facts), list(self.stack), list(self.callers)

        def later() -> Value:
            running, self.stack = self.stack, stack
            calling, self.callers = self.callers, callers
            try:
                return self.detached(compute, facts)
            finally:
                self.stack, self.callers = running, calling

        return Deferred(later)

    def detached(self, compute: Callable[[], T], facts: list[Fact] | None = None) -> T:
        """Compute outside the current branch: what is written stays written when the branch is undone."""
        saved = self.facts, self.journal, self.exits
        self.facts, self.journal, self.exits = facts if facts is not None else [], [], []
        try:
            return compute()
        finally:
            self.facts, self.journal, self.exits = saved

    def force(self, value: Value) -> Value:
        """The value itself: a deferred one is computed, alternatives that contradict the path are dropped."""
        links = 0
        while isinstance(value, Deferred):
            links += 1
            if value.value is None:
                if value.compute is None or links > LONGEST_CHAIN:  # a call that ends in a call of itself
                    return TOO_DEEP
                compute, value.compute = value.compute, None
                result = compute()
                if self.brief and self.steps > self.limit:  # cut short, not done: who needs it computes it again
                    value.compute = compute
                    return TOO_LONG
                value.value = TOO_DEEP if _leads_to(result, value) else result
            value = value.value
        if isinstance(value, Choice):
            if any(isinstance(a.value, Deferred) for a in value.alternatives):
                outcomes = self.fork([(a.facts, partial(self.force, a.value)) for a in value.alternatives])
                programs = are_objects(out for _, out in outcomes)
                value = choose(Alternative(as_dispatch(facts) if programs else facts, out) for facts, out in outcomes)
            if self.facts and isinstance(value, Choice):
                return self.filtered(value)
        return value

    def filtered(self, value: Choice) -> Value:
        """The alternatives that the facts of the path leave."""
        left = [a for a in value.alternatives if consistent(a.facts, self.facts)]
        if len(left) == len(value.alternatives):
            return value
        return left[0].value if len(left) == 1 else choose(left)

    def then(self, value: Value, function: Callable[[Value], Value]) -> Value:
        """`function` of every alternative of a value; of a deferred one, deferred."""
        if isinstance(value, Deferred) and value.waiting:
            return self.defer(lambda: self.then(self.force(value), function))
        value = self.force(value)
        if not isinstance(value, Choice):
            return function(value)
        outcomes = self.fork([(a.facts, partial(function, a.value)) for a in value.alternatives])
        return choose(Alternative(facts, out) for facts, out in outcomes)

    # -- branches ------------------------------------------------------------------------------------------------

    def assume(self, facts: Facts) -> bool:
        """Add facts to the path; False when they contradict it (they are added all the same)."""
        possible = consistent(facts, self.facts)
        self.facts += [fact for fact in facts if fact not in self.facts]
        return possible

    def fork(self, options: Iterable[tuple[Facts, Callable[[], T]]]) -> list[tuple[Facts, T]]:
        """Run each option under its facts from the same state; afterwards their writes are joined."""
        outcomes, written = [], []
        for facts, run in options:
            mark, here = len(self.journal), len(self.facts)
            if self.assume(facts):
                outcomes.append((facts, run()))
                written.append((facts, self.undo(mark)))
            del self.facts[here:]
        self.merge(written)
        return outcomes

    def write(self, store: dict[Any, Value], key: Any, value: Value) -> None:
        """Set an entry of an object's attributes (or a Map's items) so that it can be undone."""
        self.journal.append((store, key, store.get(key, _MISSING)))
        store[key] = value

    def rewrite(self, seq: Seq, items: list[Value]) -> None:
        """Replace the items of a sequence so that it can be undone."""
        self.journal.append((seq, None, seq.items))
        seq.items = items

    def undo(self, mark: int) -> list[tuple[Any, Any, Any]]:
        """Take back everything written since `mark`; returns it as (store, key, value)."""
        taken: dict[tuple[int, Any], tuple[Any, Any, Any]] = {}
        while len(self.journal) > mark:
            store, key, old = self.journal.pop()
            if isinstance(store, Seq):
                taken.setdefault((id(store), None), (store, None, store.items))
                store.items = old
            else:
                if key in store:  # a `del` may have come between
                    taken.setdefault((id(store), key), (store, key, store[key]))
                if old is _MISSING:
                    store.pop(key, None)
                else:
                    store[key] = old
        return list(taken.values())

    def redo(self, written: Iterable[tuple[Any, Any, Any]]) -> None:
        """Write again what `undo` took back."""
        for store, key, value in written:
            if isinstance(store, Seq):
                self.rewrite(store, value)
            else:
                self.write(store, key, value)

    def merge(self, options: Sequence[tuple[Facts, list[tuple[Any, Any, Any]]]]) -> None:
        """Join what several branches wrote; a branch that did not write keeps what was there."""
        if len(options) == 1:
            return self.redo(options[0][1])
        touched: dict[tuple[int, Any], tuple[Any, Any]] = {}
        for _, written in options:
            for store, key, _ in written:
                touched[id(store), key] = (store, key)
        for (ident, _), (store, key) in touched.items():
            outcome: list[tuple[Facts, Any]] = []
            for facts, written in options:
                mine = [value for s, k, value in written if id(s) == ident and k == key]
                if isinstance(store, Seq):
                    outcome.append((facts, mine[0] if mine else store.items))
                elif mine or key in store:
                    outcome.append((facts, mine[0] if mine else store[key]))
            if isinstance(store, Seq):
                self.rewrite(store, _merged_items(store.items, outcome))
            else:
                self.write(store, key, joined(outcome))
        return None

    # -- losses --------------------------------------------------------------------------------------------------

    def site(self, module: Module, node: ast.AST, operator: str) -> LossSite:
        """The record of a loss call, made when first met."""
        return self.record.site(module, node, operator)

    def reached(self, module: Module, node: ast.AST) -> set[Key | None]:
        """The classes of the objects on which a function has run; None stands for none."""
        key = key_of(module, node)
        earlier = self.before.reached.get(key, set())
        self.record.asked.setdefault(key, frozenset(earlier))
        return earlier | self.record.reached.get(key, set())


def _leads_to(value: Value | None, deferred: Deferred) -> bool:
    """Whether a computation gave, in the end, itself."""
    while isinstance(value, Deferred) and value is not deferred:
        value = value.value
    return value is deferred


def joined(options: Sequence[tuple[Facts, Value]]) -> Value:
    """One value for what several branches left under one name."""
    first = options[0][1]
    if all(same(first, value) for _, value in options[1:]):
        return first
    if are_objects(value for _, value in options):
        return choose(Alternative(as_dispatch(facts), value) for facts, value in options)
    return choose(Alternative(facts, value) for facts, value in options)


def _merged_items(base: list[Value], options: Sequence[tuple[Facts, list[Value]]]) -> list[Value]:
    """Items after branches that appended differently: place by place, ABSENT where a branch put nothing."""
    shared = len(base)
    if any(items[:shared] != base for _, items in options):
        longest = max((items for _, items in options), key=len)
        return list(longest)
    merged = list(base)
    for index in range(shared, max(len(items) for _, items in options)):
        merged.append(joined([(facts, items[index] if index < len(items) else ABSENT) for facts, items in options]))
    return merged


def keyed(keywords: Mapping[str, Value]) -> dict[object, Value]:
    """Keyword arguments as the items of a Map."""
    items: dict[object, Value] = {}
    items.update(keywords.items())
    return items


def first_key(value: Value) -> str:
    """The key of an unknown value, "" for any other."""
    return value.key if isinstance(value, Unknown) else ""


def literal(value: Value) -> object:
    """The Python value of a constant or of a sequence of constants; `...` when there is none."""
    if isinstance(value, Const):
        return value.value
    if isinstance(value, Seq) and not value.open:
        parts = [literal(item) for item in value.items]
        return ... if any(part is ... for part in parts) else tuple(parts)
    return ...


def is_none(value: Value) -> bool:
    return value == NONE


def known(value: Value) -> bool:
    """Whether a value is something that certainly is not None."""
    return not isinstance(value, (Unknown, Choice, Deferred)) and value != NONE


def tensors(value: Value) -> list[Tensor]:
    """The tensors among the alternatives of a value."""
    return [a.value for a in alternatives(value) if isinstance(a.value, Tensor)]
