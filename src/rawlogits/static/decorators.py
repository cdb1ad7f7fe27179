"""Decorators: what a function or a class is once they are applied."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from rawlogits.static import composed, options
from rawlogits.static.calls import call
from rawlogits.static.engine import Args, Engine
from rawlogits.static.values import Bound, Class, Ext, Frame, Func, Obj, Partial, Value

LONGEST_DECORATOR = 40
"""Lines of a decorator that is worth running."""
_KINDS = {
    "builtins.property": "property",
    "functools.cached_property": "property",
    "builtins.staticmethod": "static",
    "builtins.classmethod": "class",
    "abc.abstractproperty": "property",
}


def decorated(engine: Engine, value: Func | Class, decorators: Sequence[ast.expr], frame: Frame) -> Value:
    """A function or class after its decorators: those from outside and those that use `wraps` hand it on."""
    result: Value = value
    for node in reversed(decorators):
        decorator = engine.force(engine.evaluate(node.func if isinstance(node, ast.Call) else node, frame))
        options.overrule(engine, decorator, result, node, frame)
        if isinstance(decorator, Ext):
            if isinstance(result, Func):
                result.kind = _KINDS.get(decorator.name, result.kind)
            result = _outside(engine, decorator, result, node, frame)
            continue
        if not isinstance(decorator, (Func, Class, Obj, Bound)) or _hands_on(engine, decorator):
            continue
        if isinstance(node, ast.Call):
            decorator = engine.force(engine.evaluate(node, frame))
        outcome = engine.force(call(engine, decorator, Args([result], [node]), node, frame))
        if isinstance(outcome, (Func, Class, Obj, Partial)):
            result = outcome
    return result


def _outside(engine: Engine, decorator: Ext, value: Value, node: ast.expr, frame: Frame) -> Value:
    """A function after a decorator for which the table has a program: `@grad`, `@grad(has_aux=True)`, by `partial`."""
    given = Args([value], [node])
    if isinstance(node, ast.Call):
        given.keywords = {k.arg: engine.evaluate(k.value, frame) for k in node.keywords if k.arg}
        if decorator.name == "functools.partial" and node.args:
            named = engine.force(engine.evaluate(node.args[0], frame))
            decorator = named if isinstance(named, Ext) and len(node.args) == 1 else decorator
    if decorator.name == "hydra.main" and isinstance(value, Func):
        return composed.with_settings(engine, value, node, frame)
    if engine.table.program(decorator.name) is None:
        return value
    outcome = engine.force(call(engine, decorator, given, node, frame))
    return outcome if isinstance(outcome, (Func, Class, Obj, Partial)) else value


def _hands_on(engine: Engine, decorator: Value) -> bool:
    """Whether a decorator gives back what it got: it says so by `wraps`, or is too long to be a register."""
    if not isinstance(decorator, Func):
        return False
    node = decorator.node
    return (node.end_lineno or node.lineno) - node.lineno > LONGEST_DECORATOR or "wraps" in engine.words_of(decorator)
