"""Whether a name still holds at one place what it held at another."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import block

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def is_unchanged(spot: Spot, name: str, first: ast.stmt, then: ast.expr, gone: Sequence[ast.stmt] = ()) -> bool:
    """Whether a name that a statement reads, or binds, holds the same value, unchanged, at an expression behind it.

    Only where `first` always runs before `then`: its block is round both, or the same. Statements that are to go do
    not count.
    """
    scope = scope_of(spot, first)
    if scope_of(spot, then) is not scope or isinstance(scope, ast.ClassDef):
        return False
    around = block(spot, first)
    last = next((one for each in spot.above(then) for one in around if one is each), None)
    if last is None or around.index(last) <= around.index(first):
        return False
    if any(name in each.names for each in ast.walk(scope) if isinstance(each, (ast.Global, ast.Nonlocal))):
        return False
    if any(name in _stored(each) for each in spot.above(then) if isinstance(each, _COMPREHENSIONS)):
        return False
    between = list(around[around.index(first) + 1 : around.index(last)])
    loops = [each for each in spot.above(then) if isinstance(each, _LOOPS)]
    inside = [each for each in loops if not any(above is each for above in spot.above(first))]
    if any(_changes(each, name) for each in (*between, *inside) if not any(each is one for one in gone)):
        return False
    end = then.lineno, then.col_offset
    before = (each for each in ast.walk(last) if isinstance(each, (ast.expr, ast.stmt)))
    before = (each for each in before if (each.lineno, each.col_offset) < end and not _holds(each, then))
    return not any(_changes(each, name) for each in before if not any(each is one for one in _targets(spot, then)))


def _targets(spot: Spot, node: ast.expr) -> list[ast.AST]:
    """What the statement round an expression assigns to, which it does once the expression is computed."""
    statement = spot.statement(node)
    found = statement.targets if isinstance(statement, ast.Assign) else []
    return [each for target in found for each in ast.walk(target)]


def _holds(node: ast.AST, inner: ast.AST) -> bool:
    return any(each is inner for each in ast.walk(node))


def _stored(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _changes(node: ast.AST, name: str) -> bool:
    """Whether something in a piece of code gives a name another value, or changes the one that it has."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id == name and not isinstance(each.ctx, ast.Load):
            return True
        stored = isinstance(each, (ast.Subscript, ast.Attribute)) and not isinstance(each.ctx, ast.Load)
        if (stored or _is_in_place(each)) and _root(each) == name:
            return True
    return False


def _is_in_place(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_")


def _root(node: ast.AST) -> str:
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
