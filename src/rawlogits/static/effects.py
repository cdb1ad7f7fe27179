"""What a method may do to its own object, read off its source: which attributes it sets, which methods it calls.

Only so is it known which of the calls that nobody has needed yet must run when an attribute is asked for.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from rawlogits.static import imports
from rawlogits.static.engine import Engine
from rawlogits.static.values import Class, Ext, Func

_ADDING = frozenset({"add_module", "register_module", "register_buffer", "register_parameter", "__setattr__"})
_READING = frozenset(
    "bool dir getattr hasattr hash id int isinstance iter len list next print repr str super tuple type vars".split()
)


class Effects(NamedTuple):
    """Attributes set and read, methods called, functions that get the object; `any`: it sets names not written out."""

    sets: frozenset[str]
    reads: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    hands: frozenset[str] = frozenset()
    any: bool = False


Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@cache
def effects(node: Function) -> Effects:
    """What a function does to its first parameter."""
    params = [*node.args.posonlyargs, *node.args.args]
    if not params:
        return Effects(frozenset())
    own = params[0].arg
    sets: set[str] = set()
    reads: set[str] = set()
    calls: set[str] = set()
    hands: set[str] = set()
    open_ = False
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            if _is(inner.value, own):
                (sets if isinstance(inner.ctx, ast.Store) else reads).add(inner.attr)
        elif isinstance(inner, ast.Subscript):
            open_ |= isinstance(inner.ctx, ast.Store) and _is_namespace(inner.value, own)
        elif isinstance(inner, ast.Constant):
            if isinstance(inner.value, str) and inner.value.isidentifier():  # getattr(self, "criterion")
                reads.add(inner.value)
        elif isinstance(inner, ast.Call):
            named, unnamed = _through_call(inner, own, calls, hands)
            sets |= named
            open_ |= unnamed
    return Effects(frozenset(sets), frozenset(reads), frozenset(calls), frozenset(hands), open_)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _through_call(node: ast.Call, own: str, calls: set[str], hands: set[str]) -> tuple[set[str], bool]:
    """Names that a call sets, and whether it sets others; notes what it calls."""
    called, handed = node.func, any(_is(arg, own) for arg in node.args)
    if isinstance(called, ast.Name):
        if called.id == own:
            calls |= {"__call__", "forward", "call"}
        if not handed:
            return set(), False
        if called.id == "setattr":
            return _named(node.args[1:2])
        if called.id not in _READING:
            hands.add(called.id)
        return set(), False
    if not isinstance(called, ast.Attribute):
        return set(), False
    receiver = called.value
    upper = isinstance(receiver, ast.Call) and _is(receiver.func, "super")
    if _is(receiver, own) or upper or handed:
        if called.attr in _ADDING:
            return _named(node.args[1 if handed else 0 :][:1])
        calls.add(called.attr)
    return set(), called.attr in ("update", "setdefault") and _is_namespace(receiver, own)


def _is_namespace(node: ast.AST, own: str) -> bool:
    """`self.__dict__` or `vars(self)`."""
    if isinstance(node, ast.Attribute):
        return node.attr == "__dict__" and _is(node.value, own)
    return isinstance(node, ast.Call) and _is(node.func, "vars") and len(node.args) == 1 and _is(node.args[0], own)


def _named(args: Sequence[ast.expr]) -> tuple[set[str], bool]:
    if args and isinstance(args[0], ast.Constant) and isinstance(args[0].value, str):
        return {args[0].value}, False
    return set(), True


class Reach(NamedTuple):
    """The effects of a method with those of the methods that it calls, wherever the object's classes define them."""

    sets: frozenset[str]
    reads: frozenset[str]
    any: bool
    handed: tuple[Func, ...]
    """Functions that get the object as an argument."""
    hot: bool
    """Whether one of all these names a loss, or calls what does."""

    def may_set(self, engine: Engine, name: str) -> bool:
        """Whether running the method may give its object an attribute of this name."""
        return self.any or name in self.sets or any(name in engine.words_of(f) for f in self.handed)

    def mentions(self, engine: Engine, name: str) -> bool:
        """Whether what runs reads an attribute of this name."""
        return name in self.reads or any(name in engine.words_of(f) for f in self.handed)


def reach(engine: Engine, order: Sequence[Class | Ext], func: Func) -> Reach:
    """What a method of an object with these classes may do."""
    key = (func.node, *map(id, order))
    known = engine.reaches.get(key)
    if known is None:
        known = engine.reaches[key] = _reach(engine, order, func)
    return known


def _reach(engine: Engine, order: Sequence[Class | Ext], func: Func) -> Reach:
    waiting, seen = [func], set()
    names: set[str] = set()
    sets: set[str] = set()
    reads: set[str] = set()
    handed: list[Func] = []
    open_ = hot = False
    while waiting:
        one = waiting.pop()
        if one.node in seen:
            continue
        seen.add(one.node)
        found = effects(one.node)
        sets |= found.sets
        reads |= found.reads
        open_ |= found.any
        hot = hot or _demands(engine, one)
        for name in found.hands:
            helper = imports.global_name(engine, one.module, name)
            if isinstance(helper, Func):
                handed.append(helper)
                hot = hot or _demands(engine, helper)
        for name in found.calls - names:
            names.add(name)
            for cls in order:
                if isinstance(cls, Class) and (method := _methods(cls.node).get(name)) is not None:
                    waiting.append(Func(method, cls.module))
    return Reach(frozenset(sets), frozenset(reads), open_, tuple(handed), hot)


def _demands(engine: Engine, func: Func) -> bool:
    words = engine.words_of(func)
    return engine.demands(words, func.module) or engine.writes_out(words)


@cache
def _methods(node: ast.ClassDef) -> dict[str, Function]:
    return {s.name: s for s in node.body if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef))}
