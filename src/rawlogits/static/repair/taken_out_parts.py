"""An activation that is a part of a model: an item of a container, a keyword of a layer, a layer that is called."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rawlogits.finding import Arrival, Edit
from rawlogits.static.repair.readers_names import reads
from rawlogits.static.repair.readers_project import Project
from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Spots
from rawlogits.static.repair.taken_out_text import (
    qualified,
    table,
    unwrapped,
    without_item,
    without_statement,
)
from rawlogits.table.row import Verb

_ACTIVATION = re.compile(r"(log_?)?(softmax(2d)?|sigmoid)", re.IGNORECASE)
_CHAINS = frozenset({"Sequential", "serial"})
_COUNTED = "append|extend|insert|add_module|pop|children|modules|layers|_modules"
"""Attributes of a container by which its parts are read one by one, or others are added."""
_PLACING = frozenset({"len", "enumerate", "zip", "ModuleList"})
_ADDS = frozenset({"append", "add", "add_module", "register_module"})


@dataclass(frozen=True)
class Part:
    """Edits that take a part out, and the expressions and objects whose value changes with it."""

    edits: Sequence[Edit]
    says: str
    values: Sequence[ast.expr] = ()
    objects: Sequence[ast.expr] = ()
    doubts: Sequence[str] = ()
    mixed: bool = False
    replaced: bool = False
    """Whether something stands in its place."""
    plain: bool = True
    """Whether the activation can be written at a reader as an ordinary function."""


def take_part(spot: Spot, made: ast.expr, arrival: Arrival, spots: Spots) -> Part | None:
    """How the part goes that was made at an expression; None where its shape is not understood."""
    outer = spot.parents.get(made)
    if isinstance(outer, ast.Call) and outer.func is made:
        made = outer
    layer = made.func if isinstance(made, ast.Call) and isinstance(made.func, ast.Call) else made
    if isinstance(layer, ast.Call):
        keyword = _option(spot, layer)
        if keyword is not None:
            return _without_option(spot, layer, keyword, made)
        if layer is not made and isinstance(made, ast.Call) and len(made.args) == 1 and not made.keywords:
            if not _is_activation(spot, layer):
                return None
            return Part(
                unwrapped(spot, made, made.args[0]), f"take {spot.source.words(layer)} out", [made], plain=False
            )
    if not _is_activation(spot, layer):
        return None
    return _item(spot, layer, spots)


def _is_activation(spot: Spot, node: ast.expr) -> bool:
    """Whether an expression is an activation and nothing else: `nn.Softmax(dim=1)`, `Activation("softmax")`."""
    func = node.func if isinstance(node, ast.Call) else node
    word = qualified(spot, func).rpartition(".")[2]
    if _ACTIVATION.fullmatch(word):
        return True
    return word == "Activation" and isinstance(node, ast.Call) and len(node.args) == 1 and _names(spot, node.args[0])


def _names(spot: Spot, node: ast.expr) -> bool:
    """Whether an expression names an activation, as text or as a function."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(_ACTIVATION.fullmatch(node.value))
    return bool(_ACTIVATION.fullmatch(qualified(spot, node).rpartition(".")[2]))


# -- a keyword of a layer --------------------------------------------------------------------------------------------


def _option(spot: Spot, layer: ast.Call) -> ast.keyword | ast.expr | None:
    """The keyword (or argument) of a layer that names the activation."""
    for keyword in layer.keywords:
        if keyword.arg == "activation" and _names(spot, keyword.value):
            return keyword
    if _is_activation(spot, layer):
        return None
    return next((each for each in layer.args[1:2] if _names(spot, each)), None)


def _without_option(spot: Spot, layer: ast.Call, option: ast.keyword | ast.expr, made: ast.expr) -> Part:
    says = f"take {spot.source.words(option)} out"
    if isinstance(option, ast.expr):
        edits = [spot.replace(option, "None")]
    else:
        row: list[ast.AST] = [*layer.args, *layer.keywords]
        row.sort(key=lambda each: spot.source.span(each)[:2])
        edits = without_item(spot, option, *_beside(row, option))
    if made is not layer:
        return Part(edits, says, [made], plain=False)
    return Part(edits, says, objects=_holder(spot, layer) or [], doubts=_unheld(spot, layer), plain=False)


def _beside(row: Sequence[ast.AST], item: ast.AST) -> tuple[ast.AST | None, ast.AST | None]:
    at = row.index(item)
    return (row[at - 1] if at else None), (row[at + 1] if at + 1 < len(row) else None)


def _unheld(spot: Spot, node: ast.expr) -> list[str]:
    if _holder(spot, node):
        return []
    place = spot.source.place(node)
    return [f"{place.home}:{place.line} makes a part of a model that is not followed"]


# -- an item of a container ------------------------------------------------------------------------------------------


def _holder(spot: Spot, node: ast.expr) -> list[ast.expr] | None:
    """The expressions that are the model of which a part stands in a container; None where that is not seen."""
    parent = spot.parents.get(node)
    if isinstance(parent, ast.Tuple) and isinstance(spot.parents.get(parent), ast.List):
        return _holder(spot, parent)
    if isinstance(parent, ast.Call) and node in parent.args:
        if _word(parent) in _CHAINS:
            return [parent]
        if _word(parent) == "OrderedDict":
            return _holder(spot, parent)
        if _word(parent) in _ADDS and isinstance(parent.func, ast.Attribute):
            return _receivers(spot, parent.func.value, parent)
    if isinstance(parent, (ast.Starred, ast.Dict)):
        return _holder(spot, parent)
    if isinstance(parent, ast.List):
        outer = spot.parents.get(parent)
        if isinstance(outer, (ast.Call, ast.Starred)):
            return _holder(spot, parent)
        if isinstance(outer, ast.BinOp):
            return _holder(spot, outer)
        if isinstance(outer, ast.AugAssign):
            return _receivers(spot, outer.target, outer)
        if isinstance(outer, ast.Assign) and len(outer.targets) == 1:
            return _receivers(spot, outer.targets[0], outer)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = parent.targets[0]
        if isinstance(target, ast.Subscript):
            return _receivers(spot, target.value, parent)
        return [node] if isinstance(target, ast.Attribute) else _receivers(spot, target, parent)
    return None


def _receivers(spot: Spot, receiver: ast.AST, at: ast.AST) -> list[ast.expr] | None:
    """The model that a name holds to which parts are added, or into which its parts are put."""
    if not isinstance(receiver, ast.Name):
        return None
    scope = scope_of(spot, at)
    found: list[ast.expr] = []
    for node in ast.walk(scope):
        if not (isinstance(node, ast.Name) and node.id == receiver.id):
            continue
        parent = spot.parents.get(node)
        if isinstance(parent, ast.Starred) and isinstance(call := spot.parents.get(parent), ast.Call):
            if _word(call) in _CHAINS:
                found.append(call)
        elif isinstance(parent, ast.Call) and node in parent.args and _word(parent) in _CHAINS:
            found.append(parent)
        elif isinstance(parent, ast.Assign) and node in parent.targets and _is_chain(parent.value):
            found.append(parent.value)
    return found or None


def _is_chain(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _word(node) in _CHAINS


def _word(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _item(spot: Spot, made: ast.expr, spots: Spots) -> Part | None:
    parent = spot.parents.get(made)
    holders = _holder(spot, made)
    objects, doubts = holders or [], _unheld(spot, made)
    edits = _deletion(spot, made, parent, spots) if holders else None
    says = f"take {spot.source.words(made)} out"
    plain = bool(table().named(qualified(spot, made.func if isinstance(made, ast.Call) else made)))
    if edits is not None:
        return Part(edits, says, objects=objects, plain=plain)
    written = _identity(spot, made)
    if written is None or _word_of(spot, made) == "":
        return None
    if isinstance(parent, ast.Assign) and not holders:
        return None
    says = f"{written[0]} in place of {spot.source.words(made)}"
    kept = [*spot.importing(written[1]), spot.replace(made, written[0])]
    if isinstance(parent, (ast.IfExp, ast.keyword, ast.arguments)):
        return Part(kept, says, mixed=True, replaced=True, plain=plain)
    return Part(kept, says, objects=objects, doubts=doubts, replaced=True, plain=plain)


def _word_of(spot: Spot, made: ast.expr) -> str:
    return qualified(spot, made.func if isinstance(made, ast.Call) else made).rpartition(".")[2]


def _identity(spot: Spot, made: ast.expr) -> tuple[str, str] | None:
    """How the file writes a part that does nothing, and the import that it needs."""
    func = made.func if isinstance(made, ast.Call) else made
    if isinstance(made, ast.Call) and _word(made) == "Activation":
        return f'{spot.text(func)}("linear")', ""
    full = f"{qualified(spot, func).rpartition('.')[0]}.Identity"
    rows = table().named(table().canonical(full))
    if not any(row.verb is Verb.KEEPS for row in rows):
        return None
    if isinstance(func, ast.Attribute):
        spelled, statement = f"{spot.text(func.value)}.Identity", ""
    else:
        spelled, statement = spot.spelled(full)
    return (f"{spelled}()" if isinstance(made, ast.Call) else spelled), statement


def _deletion(spot: Spot, made: ast.expr, parent: ast.AST | None, spots: Spots) -> list[Edit] | None:
    """The edits that take an item out of its container; None where the places of others would move."""
    if isinstance(parent, ast.Call) and _word(parent) in _CHAINS and parent.args[-1:] == [made]:
        if len(parent.args) < 2 or parent.keywords or _is_counted(spot, parent, spots):
            return None
        return without_item(spot, made, *_beside(parent.args, made))
    if isinstance(parent, ast.Call) and _word(parent) in _ADDS and isinstance(spot.parents.get(parent), ast.Expr):
        statement = spot.statement(parent)
        assert isinstance(parent.func, ast.Attribute)
        return without_statement(spot, statement) if _is_last(spot, parent.func.value, statement, spots) else None
    if isinstance(parent, ast.Assign) and isinstance(target := parent.targets[0], ast.Subscript):
        return None if _is_named(spot, target.slice, spots) else without_statement(spot, parent)
    if isinstance(parent, ast.Tuple) and isinstance(outer := spot.parents.get(parent), ast.List):
        if outer.elts[-1] is parent and len(outer.elts) > 1 and not _is_named(spot, parent.elts[0], spots):
            return without_item(spot, parent, *_beside(outer.elts, parent))
        return None
    if isinstance(parent, ast.List) and parent.elts[-1] is made and len(parent.elts) > 1:
        outer = spot.parents.get(parent)
        holder = spot.parents.get(outer) if isinstance(outer, ast.Starred) else outer
        if isinstance(holder, ast.Call) and _word(holder) in _CHAINS and holder.args[-1:] in ([outer], [parent]):
            return None if _is_counted(spot, holder, spots) else without_item(spot, made, *_beside(parent.elts, made))
        if isinstance(outer, ast.Assign) and _is_last(spot, outer.targets[0], outer, spots):
            return without_item(spot, made, *_beside(parent.elts, made))
        return None
    if isinstance(parent, ast.List) and parent.elts == [made] and isinstance(spot.parents.get(parent), ast.AugAssign):
        added = spot.parents[parent]
        assert isinstance(added, ast.AugAssign)
        return without_statement(spot, added) if _is_last(spot, added.target, added, spots) else None
    return None


def _is_named(spot: Spot, key: ast.expr, spots: Spots) -> bool:
    """Whether the project calls a part by the name that it has in its container."""
    if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
        return True
    word = re.escape(key.value)
    project = Project(spots)
    return project.count(rf"\.{word}\b(?!\()", key.value) > 0 or project.count(rf"[\"']{word}[\"']", key.value) > 1


def _is_counted(spot: Spot, holder: ast.expr, spots: Spots) -> bool:
    """Whether the parts of a container are read by number, or their number is."""
    statement = spot.statement(holder)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    for target in targets:
        word = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
        pattern = rf"\b{word}\s*\[|len\([\w.]*\b{word}\)|\b{word}\.(?:{_COUNTED})\b"
        if not word or Project(spots).count(pattern, word):
            return True
    return not isinstance(statement, (ast.Assign, ast.Return)) or _is_inside(spot, holder)


def _is_inside(spot: Spot, holder: ast.expr) -> bool:
    """Whether a container stands in another one, where it is one of several."""
    parent = spot.parents.get(holder)
    return isinstance(parent, (ast.List, ast.Dict, ast.Tuple))


def _is_last(spot: Spot, receiver: ast.AST, statement: ast.stmt, spots: Spots) -> bool:
    """Whether nothing is added to a container behind a statement, in whose block it always runs."""
    if isinstance(receiver, ast.Attribute):
        indexed = Project(spots).count(rf"\b{receiver.attr}\s*\[", receiver.attr)
        return not indexed and _is_last_text(spot, receiver, statement)
    if not isinstance(receiver, ast.Name):
        return False
    scope = scope_of(spot, statement)
    if spot.parents.get(statement) is not scope:
        return False
    binding = statement if isinstance(statement, (ast.Assign, ast.AugAssign)) else None
    if binding is not None and not reads(scope, receiver.id, binding).pure:
        return False
    names = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == receiver.id]
    later = [each for each in names if each.lineno > (statement.end_lineno or 0)]
    return not any(isinstance(each.ctx, ast.Store) or _is_placed(spot, each, spot.parents.get(each)) for each in later)


def _is_placed(spot: Spot, node: ast.Name, parent: ast.AST | None) -> bool:
    """Whether a mention of a container reads its parts by their places, or adds others."""
    if isinstance(parent, (ast.Subscript, ast.AugAssign)):
        return True
    if isinstance(parent, ast.Attribute):
        return parent.attr in _ADDS or parent.attr in ("extend", "insert", "pop", "layers", "get_layer")
    if isinstance(parent, ast.Starred):
        call = spot.parents.get(parent)
        return isinstance(call, ast.Call) and call.args[-1:] != [parent]
    return isinstance(parent, ast.Call) and node in parent.args and _word(parent) in _PLACING


def _is_last_text(spot: Spot, receiver: ast.Attribute, statement: ast.stmt) -> bool:
    words = ast.unparse(receiver)
    scope = scope_of(spot, statement)
    if spot.parents.get(statement) is not scope:
        return False
    later = [
        each
        for each in ast.walk(scope)
        if isinstance(each, ast.Attribute) and each.lineno > (statement.end_lineno or 0) and ast.unparse(each) == words
    ]
    parents = [spot.parents.get(each) for each in later]
    return not any(isinstance(each, ast.Attribute) and each.attr in _ADDS for each in parents)
