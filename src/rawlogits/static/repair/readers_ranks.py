"""What is done with a value: whether only the order of its numbers is read, or the numbers themselves."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from rawlogits.static.repair.readers_names import Scope, reads
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import qualified, table
from rawlogits.table.row import Row

FACTS = frozenset(
    {"shape", "dtype", "device", "ndim", "requires_grad", "is_cuda", "size", "dim", "numel", "nelement", "ndimension"}
)
"""What a tensor is asked for, called or not, that tells nothing of its numbers."""


@dataclass(frozen=True)
class Activation:
    """What to write at a reader, so that it gets what it got before; a mender makes one and gives it to `Readers`.

    Readers ask nothing but these three fields and `call`, which another mender may write otherwise in a subclass. What
    is written must keep the order of the numbers over `axis` (of all of them where `keyword` is ""): what only ranks
    gets nothing.
    """

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


def method(name: str) -> Row | None:
    """What the table says of a method that any tensor has."""
    return next(iter(table().method(name)), None)


def ranks(spot: Spot, call: ast.Call, value: ast.expr, activation: Activation, moved: bool, left: bool) -> bool | None:
    """Whether a call reads only the order of a value; None when it is no call that knows an order.

    Once the numbers `left` their framework, and in the arrays of another one, a sorting method gives only numbers.
    """
    func = call.func
    is_method = isinstance(func, ast.Attribute) and func.value is value
    rows = table().method(func.attr) if is_method and isinstance(func, ast.Attribute) else ()
    rows = rows or table().named(qualified(spot, func))
    row = next((each for each in rows if each.marks in ("order", "sorted")), None)
    if row is None:
        return None
    if activation.keyword and (moved or not _over(call, row, activation.axis, is_method)):
        return False
    if row.marks == "order":
        return True
    left = left or (is_method and activation.name.split(".")[0] not in ("", row.names[0].split(".")[0]))
    return not left and _only_where(spot, call)


def _over(call: ast.Call, row: Row, axis: int | None, is_method: bool) -> bool:
    """Whether the call compares the numbers that the activation ran over."""
    position = row.params.index(row.axis) - is_method
    named = [each.value for each in call.keywords if each.arg in (row.axis, "dim", "axis")]
    given = named[0] if named else call.args[position] if len(call.args) > position else None
    try:
        over = row.defaults.get(row.axis) if given is None else ast.literal_eval(given)
    except ValueError:
        return False
    return axis is not None and over == axis


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
