"""What a method may do to its own object, read off its source: which attributes it sets, which methods it calls.

Only so is it known which of the calls that nobody has needed yet must run when an attribute is asked for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from rawlogits.static import imports
from rawlogits.static.engine import Engine
from rawlogits.static.once import once
from rawlogits.static.values import Class, Ext, Func

_ADDING = frozenset({"add_module", "register_module", "register_buffer", "register_parameter", "__setattr__"})
_READING = frozenset(
    "bool dir getattr hasattr hash id int isinstance iter len list next print repr setattr str super tuple type "
    "vars".split()
)


class Effects(NamedTuple):
    """Attributes set and read, methods called, functions that get the object; `any`: it sets names not written out."""

    sets: frozenset[str]
    reads: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    hands: frozenset[str] = frozenset()
    any: bool = False


Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class _Patterns(NamedTuple):
    """What to look for in the text of a method whose first parameter has a certain name."""

    attribute: re.Pattern[str]
    targets: re.Pattern[str]
    bare: re.Pattern[str]
    handed: re.Pattern[str]
    added: re.Pattern[str]
    namespace: re.Pattern[str]


@cache
def _patterns(own: str) -> _Patterns:
    adding = "|".join(sorted(_ADDING))
    return _Patterns(
        re.compile(rf"\b{own}(?:\.(\w+)\s*(\(|(?:[-+*/%&|@^]|//|\*\*)?=(?!=)|:[^=\n(){{}}]*=(?!=))?|(\())"),
        re.compile(rf"\b{own}\.\w+ *,[^=\n()]*=(?!=)|, *{own}\.\w+[^=\n()]*=(?!=)|\b(?:for|as) +{own}\.\w+"),
        re.compile(rf"[(,]\s*{own}\s*[,)]"),
        re.compile(rf"(\.?)\b(\w+)\((?:[^()\n]*,)?\s*{own}\s*[,)]"),
        re.compile(
            rf"(?:\b{own}\.(?:{adding})\(|super\([^()]*\)\.(?:{adding})\(|\bsetattr\(\s*{own}\s*,)\s*(?:[\"'](\w+)[\"'])?"
        ),
        re.compile(rf"(?:\b{own}\.__dict__|\bvars\({own}\))\s*(?:\.(?:update|setdefault)\(|\[[^\]\n]*\]\s*=(?!=))"),
    )


_SUPER = re.compile(r"\bsuper\([^()]*\)\s*\.\s*(\w+)\(")
_TEXT = re.compile(r"[\"']([A-Za-z_]\w*)[\"']")


def effects(engine: Engine, func: Func) -> Effects:
    """What a function does to its first parameter, read off its text: most bodies need not even be parsed."""
    found = engine.effects.get(func.node)
    if found is None:
        found = engine.effects[func.node] = _effects(func)
    return found


def _effects(func: Func) -> Effects:
    node = func.node
    params = [*node.args.posonlyargs, *node.args.args]
    if not params:
        return Effects(frozenset())
    return effects_in("\n".join(func.module.source.lines[node.lineno - 1 : node.end_lineno]), params[0].arg)


def effects_in(text: str, own: str) -> Effects:
    """What some code does to the object that it calls `own`."""
    look = _patterns(own)
    sets: set[str] = set()
    reads = set(_TEXT.findall(text))  # getattr(self, "criterion")
    calls = set(_SUPER.findall(text)) if "super(" in text else set()
    hands: set[str] = set()
    for name, tail, called in look.attribute.findall(text):
        if called:
            calls |= {"__call__", "forward", "call"}
        elif tail == "(":
            calls.add(name)
            reads.add(name)
        else:
            (sets if tail else reads).add(name)
    for several in look.targets.findall(text):
        sets.update(match[1] for match in look.attribute.finditer(several) if match[1])
    for dot, name in look.handed.findall(text) if look.bare.search(text) is not None else ():
        if dot:
            calls.add(name)
        elif name not in _READING:
            hands.add(name)
    added = look.added.findall(text) if any(word in text for word in _ADDING) or "setattr(" in text else ()
    sets.update(name for name in added if name)
    open_ = "" in added or look.namespace.search(text) is not None
    return Effects(frozenset(sets), frozenset(reads), frozenset(calls), frozenset(hands), open_)


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
    key = (func.node, *names_of(order))
    known = engine.reaches.get(key)
    if known is None:
        known = engine.reaches[key] = reach_of(engine, order, func, effects(engine, func), _demands(engine, func))
    return known


def reach_of(engine: Engine, order: Sequence[Class | Ext], func: Func, some: Effects, hot: bool = False) -> Reach:
    """The same for some statements of a method that have these effects."""
    if not some.calls and not some.hands:
        return Reach(some.sets, some.reads, some.any, (), hot)
    offered = _offered(engine, order)
    waiting, seen = [(func.module, some)], {func.node}
    names: set[str] = set()
    sets: set[str] = set()
    reads: set[str] = set()
    handed: list[Func] = []
    open_ = False
    while waiting:
        module, found = waiting.pop()
        sets |= found.sets
        reads |= found.reads
        open_ |= found.any
        for name in found.hands:
            helper = imports.global_name(engine, module, name)
            if isinstance(helper, Func):
                handed.append(helper)
                hot = hot or _demands(engine, helper)
        fresh = found.calls - names
        names |= fresh
        for called in (func for name in fresh & offered.keys() for func in offered[name]):
            if called.node not in seen:
                seen.add(called.node)
                waiting.append((called.module, effects(engine, called)))
                hot = hot or _demands(engine, called)
    return Reach(frozenset(sets), frozenset(reads), open_, tuple(handed), hot)


def names_of(order: Sequence[Class | Ext]) -> tuple[ast.ClassDef | Ext, ...]:
    """What tells classes apart as long as their modules are loaded."""
    return tuple([one.node if isinstance(one, Class) else one for one in order])


def _offered(engine: Engine, order: Sequence[Class | Ext]) -> dict[str, list[Func]]:
    """The methods of some classes by name, nearest first."""
    key = names_of(order)
    found: dict[str, list[Func]] | None = engine.offered.get(key)
    if found is None:
        found = engine.offered[key] = {}
        for cls in (one for one in order if isinstance(one, Class)):
            for name, node in _methods(cls.node).items():
                found.setdefault(name, []).append(Func(node, cls.module))
    return found


def _demands(engine: Engine, func: Func) -> bool:
    known = engine.hot_functions.get(func.node)
    if known is None:
        words = engine.words_of(func)
        known = engine.hot_functions[func.node] = engine.demands(words, func.module) or engine.writes_out(words)
    return known


def setters(engine: Engine, cls: Class) -> dict[str, list[Func]]:
    """Attribute -> the methods that a class itself defines and that assign it, `__init__` left out."""
    found: dict[str, list[Func]] | None = engine.setters.get(cls)
    if found is None:
        found = engine.setters[cls] = {}
        for name, method in _methods(cls.node).items():
            if name != "__init__":
                func = Func(method, cls.module, cls.closure, cls)
                for attribute in effects(engine, func).sets:
                    found.setdefault(attribute, []).append(func)
    return found


@once
def _methods(node: ast.ClassDef) -> dict[str, Function]:
    return {s.name: s for s in node.body if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef))}
