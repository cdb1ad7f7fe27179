"""What a test says: true, false, or which facts either outcome adds to the path."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple

from rawlogits.static import registers
from rawlogits.static.engine import Engine, first_key, literal
from rawlogits.static.values import (
    NONE,
    TESTS,
    Built,
    Choice,
    Class,
    Const,
    Deferred,
    Ext,
    Fact,
    Facts,
    Frame,
    Func,
    Map,
    ModuleRef,
    Obj,
    Partial,
    Seq,
    Unknown,
    Value,
    consistent,
    within,
)


class Outcome(NamedTuple):
    """`known` when the test is decided; else the facts that hold if it is true, and if it is false."""

    known: bool | None
    if_true: Facts = ()
    if_false: Facts = ()

    def inverted(self) -> Outcome:
        return Outcome(None if self.known is None else not self.known, self.if_false, self.if_true)


TRUE, FALSE = Outcome(True), Outcome(False)
_MIRROR = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "=="}
_NAMES: dict[type[ast.cmpop], tuple[str, bool]] = {
    ast.Eq: ("==", True),
    ast.NotEq: ("==", False),
    ast.Gt: (">", True),
    ast.GtE: (">=", True),
    ast.Lt: ("<", True),
    ast.LtE: ("<=", True),
    ast.Is: ("is", True),
    ast.IsNot: ("is", False),
    ast.In: ("in", True),
    ast.NotIn: ("in", False),
}


def decide(engine: Engine, test: ast.expr, frame: Frame) -> Outcome:
    """The outcome of a test under the facts of the path."""
    outcome = _outcome(engine, test, frame)
    if outcome.known is None and (engine.facts or engine.domains):
        possible = _possible(engine, outcome.if_true), _possible(engine, outcome.if_false)
        if possible[0] != possible[1]:
            return TRUE if possible[0] else FALSE
    return outcome


def _possible(engine: Engine, facts: Facts) -> bool:
    """Whether facts may hold on this path, for one of the values that their subject may have at all."""
    if not consistent(facts, engine.facts):
        return False
    bounded = {f.key for f in facts if f.key in engine.domains} if engine.domains else ()
    return all(within(facts, engine.facts, key, engine.domains[key]) for key in bounded)


def _outcome(engine: Engine, test: ast.expr, frame: Frame) -> Outcome:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return decide(engine, test.operand, frame).inverted()
    if isinstance(test, ast.BoolOp):
        return _several(engine, test, frame)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return compare(engine, test, frame)
    return truth(engine, engine.evaluate(test, frame), test, frame)


def _several(engine: Engine, test: ast.BoolOp, frame: Frame) -> Outcome:
    """`and`; `or` is the same seen from the other side."""
    conjunction = isinstance(test.op, ast.And)
    open_parts = []
    here = len(engine.facts)
    try:
        for part in test.values:
            outcome = decide(engine, part, frame)
            outcome = outcome if conjunction else outcome.inverted()
            if outcome.known is False:
                return FALSE if conjunction else TRUE
            if outcome.known is None:
                open_parts.append(outcome)
                engine.facts.extend(outcome.if_true)
    finally:
        del engine.facts[here:]
    if not open_parts:
        return TRUE if conjunction else FALSE
    if len(open_parts) == 1:
        found = open_parts[0]
    else:
        whole = _opaque(test, frame)
        found = Outcome(None, tuple(f for o in open_parts for f in o.if_true) + whole.if_true, whole.if_false)
    return found if conjunction else found.inverted()


def _opaque(test: ast.AST, frame: Frame, key: str = "") -> Outcome:
    """A test of which nothing is known but that it has two outcomes."""
    key = key or f"{frame.module.source.shown}:{test.lineno}:{test.col_offset}"  # type: ignore[attr-defined]
    fact = Fact(key, "true", None, True, test)
    return Outcome(None, (fact,), (fact.negated(),))


def _put_off(engine: Engine, ask: Callable[[], Outcome], test: ast.AST, frame: Frame) -> Outcome:
    """A test that takes many steps: it is taken as open, and asked when something on its path is to be reported."""
    outcome = _opaque(test, frame)
    key = outcome.if_true[0].key
    engine.tests[key] = ask
    engine.settled.pop(key, None)
    return outcome


def refuted(engine: Engine, facts: Facts) -> bool:
    """Whether a test that was put off comes out against one of these facts."""
    for fact in facts:
        ask = engine.tests.pop(fact.key, None)
        if ask is not None:
            found = engine.detached(ask).known
            if found is not None:
                engine.settled[fact.key] = found
        if engine.settled.get(fact.key, fact.truth) is not fact.truth:
            return True
    return False


def truth(engine: Engine, value: Value, test: ast.AST, frame: Frame) -> Outcome:
    """Whether a value counts as true."""
    if isinstance(value, Deferred) and value.waiting:
        return _put_off(engine, lambda: truth(engine, engine.force(value), test, frame), test, frame)
    value = engine.force(value)
    if isinstance(value, Const):
        return TRUE if value.value else FALSE
    if isinstance(value, (Obj, Built, Func, Class, Ext, Partial, ModuleRef)):
        return TRUE
    if isinstance(value, (Seq, Map)) and (value.items or not value.open):
        return TRUE if value.items else FALSE
    if isinstance(value, Choice):
        return _by_alternative(value, lambda v: truth(engine, v, test, frame), test, frame)
    return _opaque(test, frame, first_key(value))


def _by_alternative(value: Choice, ask: Callable[[Value], Outcome], test: ast.AST, frame: Frame) -> Outcome:
    """Ask each alternative; where exactly one gives an outcome, its facts are the outcome's."""
    asked = [(a.facts, ask(a.value)) for a in value.alternatives]
    sides: dict[bool, Facts] = {}
    whole = _opaque(test, frame)
    for side, otherwise in ((True, whole.if_true), (False, whole.if_false)):
        found = [facts + (o.if_true if side else o.if_false) for facts, o in asked if o.known in (side, None)]
        if not found:
            return FALSE if side else TRUE
        sides[side] = found[0] if len(found) == 1 else otherwise
    return Outcome(None, sides[True], sides[False])


def compare(engine: Engine, test: ast.Compare, frame: Frame) -> Outcome:
    """The outcome of one comparison."""
    name, positive = _NAMES[type(test.ops[0])]
    left = engine.glance(engine.evaluate(test.left, frame))
    right = engine.glance(engine.evaluate(test.comparators[0], frame))

    def compared() -> Outcome:
        return _compared(engine, name, engine.force(left), engine.force(right), test, frame)

    late = isinstance(left, Deferred) or isinstance(right, Deferred)
    outcome = _put_off(engine, compared, test, frame) if late else compared()
    return outcome if positive else outcome.inverted()


def _compared(engine: Engine, name: str, left: Value, right: Value, test: ast.Compare, frame: Frame) -> Outcome:
    if isinstance(left, Choice):
        return _by_alternative(left, lambda v: _compared(engine, name, v, right, test, frame), test, frame)
    if isinstance(right, Choice):
        return _by_alternative(right, lambda v: _compared(engine, name, left, v, test, frame), test, frame)
    one, other = literal(left), literal(right)
    if isinstance(right, Map) and name == "in":
        registers.fill(engine, right, one)
    if isinstance(right, Map) and name == "in" and not right.open:
        other = tuple(right.items)
    if one is not ... and other is not ...:
        try:
            return TRUE if TESTS[name](one, other) else FALSE
        except TypeError:
            return _opaque(test, frame)
    if name in ("is", "==") and NONE in (left, right):
        value = left if right == NONE else right
        if not isinstance(value, Unknown):
            return FALSE
        return _fact(value, "is", None, test, frame)
    if name in ("is", "==") and isinstance(left, (Class, Func, Ext)) and isinstance(right, (Class, Func, Ext)):
        return TRUE if left == right or getattr(left, "node", left) is getattr(right, "node", right) else FALSE
    if isinstance(left, Unknown) and other is not ...:
        return _fact(left, name, other, test, frame)
    if isinstance(right, Unknown) and one is not ... and name in _MIRROR:
        return _fact(right, _MIRROR[name], one, test, frame)
    keys = first_key(left), first_key(right)
    return _opaque(test, frame, f"{keys[0]} {name} {keys[1]}" if all(keys) else "")


def _fact(value: Unknown, op: str, const: object, test: ast.Compare, frame: Frame) -> Outcome:
    if not value.key:
        return _opaque(test, frame)
    constant_first = isinstance(test.left, ast.Constant)
    subject = test.comparators[0] if constant_first else test.left
    fact = Fact(value.key, op, const, True, subject)
    return Outcome(None, (fact,), (fact.negated(),))


def describe(facts: Facts) -> str:
    """The condition that a user reads: `args.model == 'mlp'`.

    >>> describe((Fact("k", "==", "mlp", True, ast.Name("name"), dispatch=True),))
    "name == 'mlp'"
    """
    wanted = [f for f in facts if f.dispatch and f.subject is not None]
    positive = list(dict.fromkeys(_words(f) for f in wanted if f.truth))
    if positive:
        return " and ".join(positive)
    return " and ".join(dict.fromkeys(f"not ({_words(f)})" for f in wanted[-1:]))


def _words(fact: Fact) -> str:
    subject = ast.unparse(fact.subject) if fact.subject is not None else fact.key
    return subject if fact.op == "true" else f"{subject} {fact.op} {fact.const!r}"


def bool_value(outcome: Outcome, key: str) -> Value:
    """A comparison as a value of its own."""
    return Const(outcome.known) if outcome.known is not None else Unknown("computed", key)
