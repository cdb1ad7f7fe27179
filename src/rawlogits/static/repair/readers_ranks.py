"""What is done with a value: whether only the order of its numbers is read, or the numbers themselves."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from rawlogits.static.repair.readers_names import Scope, reads
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import qualified

ORDERS = frozenset({"argmax", "argsort"})
SORTED = frozenset({"max", "topk", "sort", "top_k"})
"""These give the numbers and where they stood."""
FACTS = frozenset({"shape", "dtype", "device", "ndim", "requires_grad", "grad_fn", "is_cuda"})
FACT_CALLS = frozenset({"size", "dim", "numel", "requires_grad_", "retain_grad", "register_hook", "ndimension"})
SAME = frozenset({"detach", "cpu", "cuda", "to", "float", "double", "clone", "contiguous", "type", "type_as"})
"""Methods that give every number back in its place."""
FOREIGN = frozenset({"numpy"})
"""Methods that hand the numbers to another library, in whose arrays the activation cannot be written."""
MOVED = frozenset({"view", "reshape", "permute", "transpose", "squeeze", "unsqueeze", "flatten", "view_as"})


@dataclass(frozen=True)
class Activation:
    """What the value went through: how it is called on an expression, and over which axis it ran."""

    name: str
    """The qualified function, "" when it cannot be written at a reader."""
    axis: int | None
    keyword: str
    """The parameter of the axis, "" for an activation of each number by itself."""

    def call(self, text: str, spelled: str) -> str:
        """The activation of an expression.

        >>> Activation("torch.softmax", 1, "dim").call("out", "torch.softmax")
        'torch.softmax(out, dim=1)'
        """
        return f"{spelled}({text}, {self.keyword}={self.axis})" if self.keyword else f"{spelled}({text})"


def ranks(spot: Spot, call: ast.Call, value: ast.expr, activation: Activation, moved: bool) -> bool | None:
    """Whether a call reads only the order of a value; None when it is no call that knows an order."""
    method = isinstance(call.func, ast.Attribute) and call.func.value is value
    word = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if not method:
        full = qualified(spot, call.func)
        word = full.rpartition(".")[2] if full else ""
    if word not in ORDERS | SORTED:
        return None
    if activation.keyword and (moved or not _over(call, word, activation.axis, method)):
        return False
    return word in ORDERS or _only_where(spot, call)


def _over(call: ast.Call, word: str, axis: int | None, method: bool) -> bool:
    """Whether the call compares the numbers that the activation ran over."""
    position = (1 if word in ("topk", "top_k") else 0) + (0 if method else 1)
    named = [each.value for each in call.keywords if each.arg in ("dim", "axis")]
    given = named[0] if named else call.args[position] if len(call.args) > position else None
    if given is None:
        return word in ("topk", "top_k", "sort", "argsort") and axis == -1
    try:
        return axis is not None and bool(ast.literal_eval(given) == axis)
    except ValueError:
        return False


def _only_where(spot: Spot, call: ast.Call) -> bool:
    """Whether of the pair that a call gives only the second is read."""
    parent = spot.parents.get(call)
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.slice, ast.Constant) and parent.slice.value in (1, -1)
    if isinstance(parent, ast.Attribute):
        return parent.attr == "indices"
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = parent.targets[0]
        if isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == 2:
            first = target.elts[0]
            return isinstance(first, ast.Name) and _unread(spot, first, parent)
    return False


def _unread(spot: Spot, name: ast.Name, binding: ast.Assign) -> bool:
    if name.id == "_":
        return True
    found = reads(scope_of(spot, binding), name.id, binding)
    return not (found.pure or found.mixed or found.inner)


def scope_of(spot: Spot, node: ast.AST) -> Scope:
    """The function or module in which the names bound at a node live."""
    for above in spot.above(node):
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)):
            return above
    return spot.tree
