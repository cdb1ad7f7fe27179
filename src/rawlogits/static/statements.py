"""What statements do to a frame. Each function returns whether the path goes on after the statement."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from rawlogits.static import attributes, imports
from rawlogits.static.bodies import LazyAsyncFunction, LazyFunction
from rawlogits.static.conditions import decide
from rawlogits.static.decorators import decorated
from rawlogits.static.engine import OPERATOR_STEPS, Engine, joined
from rawlogits.static.expressions import binary, inplace_target
from rawlogits.static.once import once
from rawlogits.static.values import (
    NONE,
    Alternative,
    Class,
    Deferred,
    Ext,
    Fact,
    Facts,
    Frame,
    Func,
    Map,
    Obj,
    Tensor,
    Unknown,
    Value,
    alternatives,
    consistent,
)

_ENDS = frozenset({"sys.exit", "builtins.exit", "builtins.quit", "os._exit", "os.abort"})
_ENDING_WORDS = frozenset(name.rsplit(".", 1)[-1] for name in _ENDS)


def execute(engine: Engine, body: Sequence[ast.stmt], frame: Frame) -> bool:
    """Run statements in order until one ends the path."""
    for statement in body:
        if engine.spent():
            return True
        handler = _HANDLERS.get(type(statement))
        if handler is not None and not handler(engine, statement, frame):
            return False
    return True


def _expression(engine: Engine, node: ast.Expr, frame: Frame) -> bool:
    if isinstance(node.value, ast.Constant):
        return True
    value = engine.evaluate(node.value, frame)
    if isinstance(node.value, ast.Call):
        if isinstance(value, Deferred) and attributes.changes_things(value):
            engine.briefly(lambda: engine.force(value))
        target = inplace_target(engine, node.value, frame)
        if target is not None:
            assign(engine, target, value, frame)
        called = node.value.func
        last = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if last in _ENDING_WORDS and isinstance(callee := engine.evaluate(called, frame), Ext):
            return callee.name not in _ENDS
    return True


def _assign(engine: Engine, node: ast.Assign, frame: Frame) -> bool:
    value = engine.evaluate(node.value, frame)
    for target in node.targets:
        assign(engine, target, value, frame)
    return True


def _ann_assign(engine: Engine, node: ast.AnnAssign, frame: Frame) -> bool:
    if node.value is not None:
        assign(engine, node.target, engine.evaluate(node.value, frame), frame)
    return True


def _aug_assign(engine: Engine, node: ast.AugAssign, frame: Frame) -> bool:
    left = engine.evaluate(node.target, frame)
    right = engine.evaluate(node.value, frame)
    assign(engine, node.target, binary(engine, node.op, left, right, node, frame), frame)
    return True


def assign(engine: Engine, target: ast.expr, value: Value, frame: Frame) -> None:
    """Bind a target to a value."""
    if isinstance(target, ast.Name):
        bind_name(engine, target.id, value, frame)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element, part in zip(target.elts, attributes.unpacked(engine, value, target.elts), strict=True):
            assign(engine, element.value if isinstance(element, ast.Starred) else element, part, frame)
    elif isinstance(target, ast.Attribute):
        attributes.set_attribute(engine, engine.evaluate(target.value, frame), target.attr, value)
    elif isinstance(target, ast.Subscript):
        container = engine.evaluate(target.value, frame)
        attributes.set_item(engine, container, target.slice, value, frame)


def bind_name(engine: Engine, name: str, value: Value, frame: Frame) -> None:
    """Bind a plain name where the frame's `global` and `nonlocal` statements say."""
    if name in frame.globals:
        engine.write(frame.module.globals, name, value)
        return
    if isinstance(value, Map) and value.home is None and frame.locals is frame.module.globals:
        value.home = (frame.module, name)
    if name in frame.locals and frame.waiting:
        settle(engine, frame, name)
    owner = frame.nonlocals.get(name)
    if owner is not None:
        engine.write(owner.locals, name, value)
    else:
        frame.locals[name] = value


def settle(engine: Engine, frame: Frame, name: str) -> None:
    """Compute the waiting calls whose functions read a name that is about to be bound to something else."""
    waiting = [d for d in frame.waiting if d.waiting]
    now = [d for d in waiting if d.func is not None and name in engine.words_of(d.func)]
    frame.waiting = [d for d in waiting if d not in now]
    for deferred in now:
        engine.force(deferred)


def _return(engine: Engine, node: ast.Return, frame: Frame) -> bool:
    value = NONE if node.value is None else engine.evaluate(node.value, frame)
    frame.returns.append(Alternative(tuple(engine.facts[frame.start :]), value))
    return False


def _raise(engine: Engine, node: ast.Raise, frame: Frame) -> bool:
    return False


def _leave_loop(engine: Engine, node: ast.stmt, frame: Frame) -> bool:
    if engine.exits:
        engine.exits[-1].append((dict(frame.locals), ()))
    return False


def _assert(engine: Engine, node: ast.Assert, frame: Frame) -> bool:
    outcome = decide(engine, node.test, frame)
    if outcome.known is None:
        engine.assume(outcome.if_true)
    return True


def _if(engine: Engine, node: ast.If, frame: Frame) -> bool:
    outcome = decide(engine, node.test, frame)
    if outcome.known is not None:
        return engine.execute(node.body if outcome.known else node.orelse, frame)
    return branches(
        engine,
        frame,
        [
            (outcome.if_true, lambda: engine.execute(node.body, frame)),
            (outcome.if_false, lambda: engine.execute(node.orelse, frame)),
        ],
    )


def branches(engine: Engine, frame: Frame, options: list[tuple[Facts, Callable[[], bool]]]) -> bool:
    """Run each option from the same names and objects; join those after which the path goes on."""
    before = dict(frame.locals)
    ended: list[tuple[Facts, dict[str, Value], list[Any]]] = []
    going: list[tuple[Facts, dict[str, Value], list[Any]]] = []
    for facts, run in options:
        mark, here = len(engine.journal), len(engine.facts)
        engine.assume(facts)
        goes_on = run()
        added = tuple(engine.facts[here:])
        del engine.facts[here:]
        written = engine.undo(mark)
        (going if goes_on else ended).append((added, dict(frame.locals), written))
        _restore(frame, before)
    for added, _, written in ended:
        if written and frame.func is not None:
            frame.late.append((added, written))
    if not going:
        return False
    if len(going) == 1:
        added, names, written = going[0]
        _restore(frame, names)
        engine.redo(written)
        engine.facts.extend(f for f in added if f not in engine.facts)
        return True
    engine.merge([(added, written) for added, _, written in going])
    _restore(frame, _joined_names([(added, names) for added, names, _ in going]))
    return True


def _restore(frame: Frame, names: dict[str, Value]) -> None:
    frame.locals.clear()
    frame.locals.update(names)


def _joined_names(options: list[tuple[Facts, dict[str, Value]]]) -> dict[str, Value]:
    first = options[0][1]
    result = dict(first)
    for name in {n for _, names in options for n in names}:
        values = [(facts, names[name]) for facts, names in options if name in names]
        if any(value is not values[0][1] for _, value in values):
            result[name] = joined(values)
        else:
            result[name] = values[0][1]
    return result


@once
def _assigned(node: ast.stmt) -> frozenset[str]:
    """Names that a loop's body binds."""
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names.add(inner.id)
    return frozenset(names)


def _for(engine: Engine, node: ast.For | ast.AsyncFor, frame: Frame) -> bool:
    iterated = engine.evaluate(node.iter, frame)
    items, exact = attributes.iterated(engine, iterated, node.iter, frame)
    if exact and not items:
        return engine.execute(node.orelse, frame)

    def turns() -> bool:
        for item in items:
            assign(engine, node.target, item, frame)
            if not _loop_body(engine, node.body, frame, exact):
                return False
        return True

    goes_on = turns() if exact else _any_turn(engine, node, frame, turns)
    return goes_on and (engine.execute(node.orelse, frame) if node.orelse else True)


def _while(engine: Engine, node: ast.While, frame: Frame) -> bool:
    outcome = decide(engine, node.test, frame)
    if outcome.known is False:
        return engine.execute(node.orelse, frame)
    return _any_turn(engine, node, frame, lambda: _loop_body(engine, node.body, frame, counted=False))


def _loop_body(engine: Engine, body: list[ast.stmt], frame: Frame, counted: bool) -> bool:
    """One turn. The path goes on after the loop if the turn ends, or breaks, or continues."""
    engine.exits.append([])
    here = len(engine.facts)
    engine.uncounted += not counted
    goes_on = engine.execute(body, frame)
    engine.uncounted -= not counted
    exits = engine.exits.pop()
    del engine.facts[here:]
    if not goes_on and exits:
        _restore(frame, exits[-1][0])
    return goes_on or bool(exits)


def _any_turn(engine: Engine, node: ast.For | ast.AsyncFor | ast.While, frame: Frame, turn: Callable[[], bool]) -> bool:
    """A turn of which nobody knows how many went before.

    Names that the loop binds are unknown when a turn begins, except tensors whose space the turn leaves as it is
    and objects that it binds again (`state = step(state)`): these are tried first, and the turn is taken back where
    that was wrong.
    """
    trusted = _widen(engine, node, frame)
    if not trusted:
        return turn()
    before, mark, reported = dict(frame.locals), len(engine.journal), len(engine.record.arrivals)
    goes_on = turn()
    changed = [name for name, old in trusted.items() if not _stays(engine, old, frame.locals.get(name))]
    if not changed:
        return goes_on
    engine.undo(mark)
    del engine.record.arrivals[reported:], engine.record.bases[reported:]
    _restore(frame, before)
    for name in changed:
        frame.locals[name] = Unknown("branches differ", f"{node.lineno}:{name}")
    return turn()


def _stays(engine: Engine, old: Tensor | Obj, value: Value | None) -> bool:
    if isinstance(old, Tensor):
        return _space(engine, value) is old.space
    return all(a.value is old for a in alternatives(engine.force(value or NONE)))


def _space(engine: Engine, value: Value | None) -> object:
    """The one space of all alternatives of a value; `...` when there is none."""
    spaces = {a.value.space if isinstance(a.value, Tensor) else ... for a in alternatives(engine.force(value or NONE))}
    return spaces.pop() if len(spaces) == 1 else ...


def _widen(engine: Engine, node: ast.stmt, frame: Frame) -> dict[str, Tensor | Obj]:
    """Forget what a later turn may have changed; gives back the tensors and objects that are worth a trial."""
    trusted: dict[str, Tensor | Obj] = {}
    for name in _assigned(node):
        old = frame.locals.get(name)
        if isinstance(old, Deferred):
            old = engine.glance(old, OPERATOR_STEPS)
        if isinstance(old, (Tensor, Obj)):
            trusted[name] = old
        elif old is not None and old != NONE and not isinstance(old, (Class, Func, Ext)):
            frame.locals[name] = Unknown("branches differ", f"{node.lineno}:{name}")
    return trusted


def _try(engine: Engine, node: ast.Try, frame: Frame) -> bool:
    """The body is what its author means; handlers are run for what they demand, then forgotten."""
    before = dict(frame.locals)
    goes_on = engine.execute(node.body, frame)
    if goes_on and node.orelse:
        goes_on = engine.execute(node.orelse, frame)
    after = dict(frame.locals)
    for number, handler in enumerate(node.handlers):
        _restore(frame, before)
        fact = Fact(f"{frame.module.source.shown}:{handler.lineno}", "is", number, True)
        mark, here = len(engine.journal), len(engine.facts)
        engine.assume((fact,))
        handled = engine.execute(handler.body, frame)
        del engine.facts[here:]
        if handled:
            after = {**{k: v for k, v in frame.locals.items() if k not in before}, **after}
        if goes_on or not handled:
            engine.undo(mark)
        goes_on = goes_on or handled
    _restore(frame, after)
    if node.finalbody:
        return engine.execute(node.finalbody, frame) and goes_on
    return goes_on


def _with(engine: Engine, node: ast.With | ast.AsyncWith, frame: Frame) -> bool:
    for item in node.items:
        value = engine.evaluate(item.context_expr, frame)
        if item.optional_vars is not None:
            assign(engine, item.optional_vars, attributes.entered(engine, value, node, frame), frame)
    return engine.execute(node.body, frame)


def _match(engine: Engine, node: ast.Match, frame: Frame) -> bool:
    """`match` as the chain of comparisons that it stands for; patterns other than values are opaque."""
    options: list[tuple[Facts, Callable[[], bool]]] = []
    misses: list[Fact] = []
    for case in node.cases:
        tests = [_pattern_test(node.subject, p) for p in _literals(case.pattern)]
        if tests and all(t is not None for t in tests):
            test = tests[0] if len(tests) == 1 else ast.copy_location(ast.BoolOp(ast.Or(), tests), case.pattern)  # type: ignore[arg-type]
            outcome = decide(engine, test, frame)  # type: ignore[arg-type]
            if outcome.known is False:
                continue
            hit = outcome.if_true
            if outcome.known is True:
                return _chain(engine, frame, [*options, (tuple(misses), _runs(engine, case.body, frame))])
            options.append((tuple(misses) + hit, _runs(engine, case.body, frame)))
            misses += outcome.if_false
        elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None:
            options.append((tuple(misses), _runs(engine, case.body, frame)))
            return _chain(engine, frame, options)
        else:
            fact = Fact(f"{frame.module.source.shown}:{case.pattern.lineno}", "true", None, True)
            options.append(((*tuple(misses), fact), _runs(engine, case.body, frame)))
    options.append((tuple(misses), lambda: True))
    return _chain(engine, frame, options)


def _chain(engine: Engine, frame: Frame, options: list[tuple[Facts, Callable[[], bool]]]) -> bool:
    possible = [o for o in options if consistent(o[0], engine.facts)]
    return branches(engine, frame, possible) if possible else True


def _runs(engine: Engine, body: list[ast.stmt], frame: Frame) -> Callable[[], bool]:
    return lambda: engine.execute(body, frame)


def _literals(pattern: ast.pattern) -> list[ast.pattern]:
    return [p for q in pattern.patterns for p in _literals(q)] if isinstance(pattern, ast.MatchOr) else [pattern]


def _pattern_test(subject: ast.expr, pattern: ast.pattern) -> ast.expr | None:
    if isinstance(pattern, ast.MatchValue):
        return ast.copy_location(ast.Compare(subject, [ast.Eq()], [pattern.value]), pattern.value)
    return None


def _define(engine: Engine, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> bool:
    func = Func(node, frame.module, frame.closure)
    bind_name(engine, node.name, decorated(engine, func, node.decorator_list, frame), frame)
    return True


def _define_class(engine: Engine, node: ast.ClassDef, frame: Frame) -> bool:
    cls = Class(node, frame.module, frame.closure)
    bind_name(engine, node.name, decorated(engine, cls, node.decorator_list, frame), frame)
    return True


def _import(engine: Engine, node: ast.Import | ast.ImportFrom, frame: Frame) -> bool:
    for name, value in imports.imported(engine, node, frame.module):
        bind_name(engine, name, value, frame)
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        for name, value in imports.rebound(engine, node, frame.module, list(frame.locals)):
            bind_name(engine, name, value, frame)
    return True


def _global(engine: Engine, node: ast.Global, frame: Frame) -> bool:
    frame.globals |= frozenset(node.names)
    return True


def _nonlocal(engine: Engine, node: ast.Nonlocal, frame: Frame) -> bool:
    for name in node.names:
        outer = frame.outer
        while outer is not None and name not in outer.locals:
            outer = outer.outer
        if outer is not None:
            frame.nonlocals[name] = outer
    return True


def _delete(engine: Engine, node: ast.Delete, frame: Frame) -> bool:
    for target in node.targets:
        if isinstance(target, ast.Name):
            frame.locals.pop(target.id, None)
    return True


_HANDLERS: dict[type[ast.stmt], Callable[..., bool]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _ann_assign,
    ast.AugAssign: _aug_assign,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Break: _leave_loop,
    ast.Continue: _leave_loop,
    ast.Assert: _assert,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Match: _match,
    ast.FunctionDef: _define,
    ast.AsyncFunctionDef: _define,
    LazyFunction: _define,
    LazyAsyncFunction: _define,
    ast.ClassDef: _define_class,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.Delete: _delete,
}
