"""WRITE_FUSED: the operator in place of a formula that writes it out: `exp(z) / exp(z).sum(1, keepdim=True)`.

The parts of the formula may have names of their own; those that nothing else reads go with it. The axis, and whether it
is kept, stay as the sum says.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from rawlogits.finding import Arrival, Edit
from rawlogits.space import Space
from rawlogits.static.repair.counterparts import Word, function, sibling
from rawlogits.static.repair.logarithmic import says, unneeded
from rawlogits.static.repair.logs import leaf_of, operand, rows_of
from rawlogits.static.repair.readers_names import reads
from rawlogits.static.repair.readers_project import Project
from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Proposal, Spots
from rawlogits.static.repair.taken_out_text import block, collide, qualified, table, without_statement
from rawlogits.static.repair.unchanged import is_unchanged
from rawlogits.table.row import Row, Verb


def write_fused(arrival: Arrival, spots: Spots) -> Proposal | None:
    """Edits that call the operator; None where the axis or the scores cannot be told from the formula."""
    try:
        return _proposal(arrival, spots)
    except RecursionError:
        return None


def _proposal(arrival: Arrival, spots: Spots) -> Proposal | None:
    spot = spots.at(arrival.place.path)
    node = spot.node(arrival.place, ast.expr)
    formula = _softmax(spots, spot, node) if isinstance(node, ast.BinOp) else _logsumexp(spots, spot, node)
    if formula is None:
        return None
    written = _written(spot, formula)
    if written is None:
        return None
    edits: list[Edit] = [*written.edits, spot.replace(formula.node, written.text)]
    for statement in formula.gone:
        edits += without_statement(spot, statement, [each for each in formula.gone if each is not statement])
    if collide(edits):
        return None
    functions: list[tuple[Spot, ast.AST]] = [(spot, each.func) for each in formula.calls]
    return Proposal([*edits, *unneeded(spots, functions, edits)], says(spot, written.text, formula.node))


@dataclass
class Formula:
    """A formula as it is written: the scores that it is of, the calls in it, and the statements that go with it."""

    spots: Spots
    spot: Spot
    node: ast.expr
    scores: ast.expr | None = None
    calls: list[ast.Call] = field(default_factory=list)
    exp: Row | None = None
    total: Row | None = None
    axis: ast.expr | None = None
    kept: ast.expr | None = None
    gone: list[ast.stmt] = field(default_factory=list)
    bound: list[ast.Assign] = field(default_factory=list)
    """The statements that name a part of it."""

    @property
    def root(self) -> str:
        """The framework whose functions are called."""
        names = (qualified(self.spot, call.func).split(".")[0] for call in self.calls)
        return next((each for each in names if each in table().frameworks), "torch")


# -- what is written -------------------------------------------------------------------------------------------------


def _softmax(spots: Spots, spot: Spot, node: ast.BinOp) -> Formula | None:
    """`e / sum(e)`: the sum runs over one axis that is kept, or that is the first."""
    formula = Formula(spots, spot, node)
    if not isinstance(node.op, ast.Div):
        return None
    top, low = _exp(formula, node.left), _total(formula, node.right)
    if top is None or low is None or ast.unparse(top) != ast.unparse(low) or not _is_one_axis(formula):
        return None
    if top is not low and not _is_pure(spot, top):
        return None
    formula.scores = top
    return formula if _named(formula) else None


def _logsumexp(spots: Spots, spot: Spot, node: ast.expr | None) -> Formula | None:
    """`log(sum(e))`."""
    if not isinstance(node, ast.Call):
        return None
    formula = Formula(spots, spot, node, calls=[node])
    row = next((each for each in rows_of(spot, node) if each.turns.get(Space.PROBS) is Space.LOG_PROBS), None)
    argument = operand(spot, node, row) if row is not None else None
    if argument is None or len(node.args) + len(node.keywords) > 1:
        return None
    formula.scores = _total(formula, argument)
    return formula if formula.scores is not None and _named(formula) else None


def _exp(formula: Formula, node: ast.expr) -> ast.expr | None:
    """The scores of which an expression is the exponential."""
    node = _value(formula, node)
    if not isinstance(node, ast.Call) or len(node.args) + len(node.keywords) > 1:
        return None
    row = next((each for each in rows_of(formula.spot, node) if _is_exp(each)), None)
    if row is None or _last(node).endswith("_"):
        return None
    formula.calls.append(node)
    formula.exp = row
    return operand(formula.spot, node, row)


def _is_exp(row: Row) -> bool:
    return row.verb is Verb.OP and row.turns.get(Space.LOG_PROBS) is Space.PROBS


def _last(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _total(formula: Formula, node: ast.expr) -> ast.expr | None:
    """The scores of which an expression is the sum of exponentials."""
    node, restored = _restored(_value(formula, node))
    node = _value(formula, node)
    if not isinstance(node, ast.Call):
        return None
    row = next((each for each in rows_of(formula.spot, node) if each.marks == "sum"), None)
    inner = operand(formula.spot, node, row) if row is not None else None
    if row is None or inner is None:
        return None
    formula.calls.append(node)
    scores = _exp(formula, inner)
    formula.total = _row_of(formula.root, "sum") or row
    if not _read_axis(formula, node, inner, formula.total):
        return None
    if restored is not None and not _is_restored(formula, restored):
        return None
    return scores


def _row_of(root: str, marks: str) -> Row | None:
    of_root = (row for row in table().rows if any(name.split(".")[0] == root for name in row.names))
    return next((row for row in of_root if row.marks == marks), None)


def _read_axis(formula: Formula, call: ast.Call, inner: ast.expr, row: Row) -> bool:
    """Whether a sum is given nothing but an axis and whether it is kept."""
    method = isinstance(call.func, ast.Attribute) and call.func.value is inner
    keep = next((each for each in row.params if each.startswith("keep")), "")
    params = [each for each in row.params if each != row.arg] if method else list(row.params)
    given: dict[str, ast.expr] = {}
    for name, value in zip(params, call.args, strict=False):
        given[name] = value
    if len(call.args) > len(params) or any(isinstance(each, ast.Starred) for each in call.args):
        return False
    for keyword in call.keywords:
        if keyword.arg is None:
            return False
        given[keyword.arg] = keyword.value
    known = {row.arg, row.axis, keep, *(["axis", "keepdims"] if row.axis == "dim" else [])}
    formula.axis = given.get(row.axis) or given.get("axis")
    formula.kept = given.get(keep) or given.get("keepdims")
    return all(name in known or value is inner for name, value in given.items())


def _restored(node: ast.expr) -> tuple[ast.expr, ast.expr | None]:
    """What a sum without the axis is given to put it back: `[:, None]`, `unsqueeze(1)`."""
    if isinstance(node, ast.Subscript):
        return node.value, node.slice
    if isinstance(node, ast.Call) and _last(node) == "unsqueeze" and isinstance(node.func, ast.Attribute):
        if len(node.args) == 1 and not node.keywords:
            return node.func.value, node.args[0]
        if not node.args and len(node.keywords) == 1 and node.keywords[0].arg == "dim":
            return node.func.value, node.keywords[0].value
    return node, None


def _is_restored(formula: Formula, how: ast.expr) -> bool:
    """Whether the axis that is put back is the one that was summed over; then it counts as kept."""
    axis = _number(formula.axis)
    if axis is None or formula.kept is not None:
        return False
    if isinstance(how, ast.Tuple):
        text = ast.unparse(how).strip("()").replace(" ", "").rstrip(",")
        wanted = {"...,None": -1, **{",".join([*[":"] * number, "None"]): number for number in range(1, 5)}}
        if wanted.get(text) != axis:
            return False
    elif isinstance(how, ast.Constant) and how.value is None:
        if axis != 0:
            return False
    elif _number(how) != axis:
        return False
    formula.kept = ast.Constant(True)
    return True


def _number(node: ast.expr | None) -> int | None:
    try:
        value = None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_one_axis(formula: Formula) -> bool:
    """Whether a division is over one axis, of which each number is divided by the sum of its own."""
    axis, kept = formula.axis, formula.kept
    if axis is None or isinstance(axis, (ast.Tuple, ast.List)):
        return False
    if not isinstance(axis, (ast.Name, ast.Attribute)) and _number(axis) is None:
        return False
    return (isinstance(kept, ast.Constant) and kept.value is True) or (kept is None and _number(axis) == 0)


# -- names of its parts ----------------------------------------------------------------------------------------------


def _value(formula: Formula, node: ast.expr) -> ast.expr:
    """What a name was given in a statement before, where it can hold nothing else."""
    if not isinstance(node, ast.Name):
        return node
    spot = formula.spot
    scope = scope_of(spot, node)
    shared = any(isinstance(each, (ast.Global, ast.Nonlocal)) and node.id in each.names for each in ast.walk(scope))
    for binding in () if shared else _assignments(scope, node.id):
        if isinstance(scope, ast.ClassDef) or not any(each is node for each in reads(scope, node.id, binding).pure):
            continue
        if binding not in formula.bound:
            formula.bound.append(binding)
        return binding.value
    return node


def _assignments(scope: ast.AST, name: str) -> Iterator[ast.Assign]:
    for each in ast.walk(scope):
        if isinstance(each, ast.Assign) and len(each.targets) == 1:
            target = each.targets[0]
            if isinstance(target, ast.Name) and target.id == name:
                yield each


def _named(formula: Formula) -> bool:
    """Whether the scores are at the formula what they were where its parts were named; notes which statements go."""
    spot, scores = formula.spot, formula.scores
    if scores is None:
        return False
    names = _names(scores)
    formula.gone = _gone(formula)
    for binding in formula.bound:
        if not all(is_unchanged(spot, each, binding, formula.node) for each in _names(binding.targets[0])):
            return False
        same = _is_pure(spot, scores) and all(is_unchanged(spot, each, binding, formula.node) for each in names)
        if not same and not _is_just_before(formula, binding):
            return False
        if not all(is_unchanged(spot, each, binding, formula.node) for each in _names(formula.axis)):
            return False
    return _is_pure(spot, scores) or len(formula.gone) == len(formula.bound)


def _names(node: ast.expr | None) -> list[str]:
    return [] if node is None else [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]


def _is_pure(spot: Spot, node: ast.expr) -> bool:
    """Whether computing an expression once more, or later, gives the same and does nothing else."""
    calls = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda)
    return not any(isinstance(each, calls) for each in ast.walk(leaf_of(spot, node)))


def _gone(formula: Formula) -> list[ast.stmt]:
    """The statements that name a part of the formula which nothing reads but the formula, and others of these."""
    gone = list(formula.bound)
    while True:
        inside = [formula.node, *(each.value for each in gone)]
        left = [each for each in gone if _is_read_only_in(formula, each, inside)]
        if len(left) == len(gone):
            return [*gone]
        gone = left


def _is_read_only_in(formula: Formula, binding: ast.Assign, inside: list[ast.expr]) -> bool:
    spot, target = formula.spot, binding.targets[0]
    assert isinstance(target, ast.Name)
    scope = scope_of(spot, binding)
    found = reads(scope, target.id, binding)
    if found.mixed or found.inner or (isinstance(scope, ast.Module) and _is_offered(formula, target.id)):
        return False
    return all(any(one is each for whole in inside for each in ast.walk(whole)) for one in found.pure)


def _is_just_before(formula: Formula, binding: ast.Assign) -> bool:
    """Whether nothing but parts of the formula is computed between a part that goes and the formula."""
    spot = formula.spot
    around, statement = block(spot, binding), spot.statement(formula.node)
    if statement not in around or binding not in formula.gone:
        return False
    between = around[around.index(binding) + 1 : around.index(statement)]
    if not all(any(each is part for part in formula.bound) for each in between):
        return False
    value = getattr(statement, "value", None)
    return value is formula.node and isinstance(statement, (ast.Assign, ast.Return))


def _is_offered(formula: Formula, name: str) -> bool:
    """Whether other files read a name of this one."""
    mentions = Project(formula.spots).mentions(formula.spot, name)
    return any(where is not formula.spot or isinstance(node, ast.Constant) for where, node in mentions)


# -- the operator ----------------------------------------------------------------------------------------------------


def _written(spot: Spot, formula: Formula) -> Word | None:
    is_quotient = isinstance(formula.node, ast.BinOp)
    row = _fused(formula)
    twin_rows = table().named(row.twin) if row is not None and row.twin else ()
    if row is None or not twin_rows or formula.scores is None or formula.total is None:
        return None
    twin = twin_rows[0]
    if formula.axis is None and twin.axis not in twin.defaults:
        return None
    written = [qualified(spot, call.func) for call in formula.calls]
    head = function(spot, formula.node, row.twin, [sibling(each, row.twin) for each in written if each])
    if head is None:
        return None
    keep = next((each for each in formula.total.params if each.startswith("keep")), "")
    parts = [spot.text(formula.scores)]
    if formula.axis is not None:
        parts.append(f"{twin.axis}={spot.text(formula.axis)}")
    if formula.kept is not None and not is_quotient:
        parts.append(f"{keep}={ast.unparse(formula.kept)}")
    return Word(f"{head.text}({', '.join(parts)})", head.edits)


def _fused(formula: Formula) -> Row | None:
    """The row whose twin the formula is: of the exponential for a quotient, else of the sum."""
    if not isinstance(formula.node, ast.BinOp):
        return _row_of(formula.root, "sum")
    of_root = (row for row in table().rows if any(name.split(".")[0] == formula.root for name in row.names))
    return next((row for row in of_root if _is_exp(row) and row.twin), None)
