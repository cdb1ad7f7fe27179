"""Who reads a value that a repair changes: the loss, what only ranks it, and what wants the activation back.

A reader of the numbers gets the activation written round what it reads; one that cannot be seen is a doubt, in words.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rawlogits.finding import Arrival, Edit, Place
from rawlogits.space import Space
from rawlogits.static.repair.readers_calls import Calls
from rawlogits.static.repair.readers_names import Path, Reads, Value, is_shared, reads
from rawlogits.static.repair.readers_objects import Objects
from rawlogits.static.repair.readers_project import Function, Project, is_local, parameter
from rawlogits.static.repair.readers_ranks import FACTS, Activation, method, ranks, scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.spots import Spots
from rawlogits.static.repair.taken_out_text import qualified, table
from rawlogits.table.row import Verb

MOST_STEPS = 600
"""Places that are looked at for one repair."""
_GRADIENTS = frozenset({"grad", "retain_grad", "register_hook", "grad_fn"})
"""What is asked of a tensor that depends on how it was made."""
_TRANSPARENT = (ast.Await, ast.Starred)
_QUIET = frozenset({"len", "isinstance", "type", "id", "hasattr"})

_TAKERS = frozenset(
    {"append", "add", "extend", "update", "write", "add_scalar", "add_histogram", "info", "debug", "log"}
)
_BUILTINS = frozenset(
    {
        "print",
        "float",
        "int",
        "list",
        "tuple",
        "str",
        "repr",
        "sum",
        "max",
        "min",
        "abs",
        "round",
        "zip",
        "enumerate",
        "sorted",
        "map",
        "iter",
        "next",
        "bool",
        "any",
        "all",
    }
)


@dataclass(eq=False)
class Readers:
    """Follows a value to its readers."""

    spots: Spots
    activation: Activation
    demands: Sequence[Place]
    """Arguments whose demand the repair meets: they want the value as it is now."""
    operations: Sequence[Place]
    """Whole expressions that do the same: an activation and what it is applied to."""
    parts: str = "replaced"
    """What happens to a part of a model: "replaced" by another one, "gone", or "" where no part changes."""
    project: Project = None  # type: ignore[assignment]
    doubts: list[str] = field(default_factory=list)
    ranking: int = 0
    """Readers that need nothing."""
    left: bool = False
    """Whether the numbers are in another library's arrays."""
    is_probe: bool = False

    def __post_init__(self) -> None:
        self.project = self.project or Project(self.spots)
        self.calls = Calls(self.project)
        self.objects = Objects(self, self.calls)
        self._seen: set[tuple[str, int, Path, bool, bool]] = set()
        self._wrapped: dict[tuple[str, int], Value] = {}
        self._starts: set[int] = set()
        self.reached: set[Place] = set()
        self._steps = 0

    # -- what is handed back -------------------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        """How many readers there are, and what they get; "" when there is none but the loss."""
        parts = []
        if self.given:
            word = self.activation.name
            parts.append(f"{self.given} reader{' gets' if self.given == 1 else 's get'} {word}")
        if self.ranking:
            parts.append(f"{self.ranking} rank{'s and needs' if self.ranking == 1 else ' and need'} nothing")
        return ", ".join(parts)

    def doubt(self, spot: Spot, node: ast.AST, words: str) -> None:
        """What may go wrong at a place."""
        place = spot.source.place(node)
        self.told(f"{place.home}:{place.line} {words}")

    def told(self, text: str) -> None:
        """What may go wrong, in words that name the place."""
        if text not in self.doubts:
            self.doubts.append(text)

    def start(self, value: Value) -> None:
        """Follow an expression that the repair itself rewrites."""
        self._starts.add(id(value.node))
        self.value(value)

    # -- values --------------------------------------------------------------------------------------------------

    def value(self, value: Value) -> None:
        """Follow what becomes of an expression."""
        key = (value.spot.shown, id(value.node), value.path, value.moved, value.mixed)
        self._steps += 1
        if key in self._seen:
            return
        if self._steps > MOST_STEPS:
            self.doubt(value.spot, value.node, "is one of too many readers to follow")
            return
        self._seen.add(key)
        if value.path:
            self._part(value)
        else:
            self._climb(value)

    def _climb(self, value: Value) -> None:
        spot, top, moved = value.spot, value.node, value.moved
        while not self._demanded(spot, top):
            parent = spot.parents.get(top)
            if isinstance(parent, ast.keyword):
                parent = spot.parents[parent]
            if isinstance(parent, ast.expr) and self._meets(spot, parent, self.operations):
                return
            if isinstance(parent, (ast.Subscript, ast.Attribute)) and not isinstance(parent.ctx, ast.Load):
                self.doubt(spot, parent, f"changes {spot.source.words(parent)} in place")
                return
            if isinstance(parent, _TRANSPARENT):
                top = parent
            elif isinstance(parent, ast.IfExp) and top is not parent.test:
                top, value = parent, Value(spot, value.node, value.path, value.moved, True)
            elif isinstance(parent, ast.NamedExpr):
                self._name(value, parent.target.id, parent, (), moved)
                top = parent
            elif isinstance(parent, ast.Subscript) and parent.value is top:
                top, moved = parent, True
            elif isinstance(parent, ast.Attribute):
                after = self._attribute(value, parent, top, moved)
                if after is None:
                    return
                top, moved = after
            elif isinstance(parent, ast.Call):
                kept = self._kept(spot, parent, top)
                if kept is None:
                    self._argument(value, parent, top, moved)
                    return
                top, moved = parent, moved or kept
            else:
                self._end(value, parent, top, moved)
                return

    def _attribute(self, value: Value, node: ast.Attribute, top: ast.expr, moved: bool) -> tuple[ast.expr, bool] | None:
        """What an attribute of a value is when it holds the same numbers; else it is a reader."""
        call = value.spot.parents.get(node)
        if node.attr in FACTS:
            return None
        if node.attr in _GRADIENTS or (node.attr.endswith("_") and not node.attr.endswith("__")):
            words = value.spot.source.words(top)
            words = f"reads the gradient of {words}" if node.attr in _GRADIENTS else f"changes {words} in place"
            self.doubt(value.spot, node, words)
            return None
        row = method(node.attr)
        called = call if isinstance(call, ast.Call) and call.func is node else None
        if row is None or not row.exact:
            if called is not None:
                self._read(value, called, top, moved)
            else:
                self._give(value)
        elif not row.leaves:
            return (called or node), moved or row.moves
        elif called is not None:
            self._apart(value, lambda probe: probe.value(Value(value.spot, called, (), moved, value.mixed)), left=True)
        return None

    def _kept(self, spot: Spot, call: ast.Call, value: ast.expr) -> bool | None:
        """Whether a function of the table that keeps numbers moves them; None for any other."""
        rows = table().named(qualified(spot, call.func)) if value in call.args[:1] else ()
        row = rows[0] if rows and rows[0].verb is Verb.KEEPS else None
        return row.moves if row is not None and row.exact and not row.items else None

    def _end(self, value: Value, parent: ast.AST | None, top: ast.expr, moved: bool) -> None:
        spot = value.spot
        if isinstance(parent, ast.Expr):
            return
        if isinstance(parent, ast.Return):
            self._return(value, parent, (), moved)
        elif isinstance(parent, ast.Lambda):
            self.doubt(spot, parent, "returns it from a lambda")
        elif isinstance(parent, (ast.Assign, ast.AnnAssign)):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            if all(isinstance(each, ast.Name) for each in targets):
                for each in targets:
                    assert isinstance(each, ast.Name)
                    self._name(value, each.id, parent, (), moved)
            else:
                self._give(value)
        elif isinstance(parent, (ast.Tuple, ast.List)) and isinstance(
            spot.parents.get(parent), (ast.Return, ast.Assign)
        ):
            self._packed(value, parent, top, moved)
        elif isinstance(parent, ast.Dict) and isinstance(spot.parents.get(parent), ast.Return):
            key = next(k for k, v in zip(parent.keys, parent.values, strict=True) if v is top)
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self._return(value, parent, (key.value,), moved)
            else:
                self._give(value)
        elif isinstance(parent, (ast.Tuple, ast.List, ast.Dict)) and self._is_handed(spot, parent):
            self.doubt(spot, value.node, f"passes the output on in {spot.source.words(parent)}")
        else:
            self._give(value)

    def _is_handed(self, spot: Spot, node: ast.expr) -> bool:
        """Whether a row of values goes to a call of which it cannot be told what it does with them."""
        call = spot.parents.get(node)
        return isinstance(call, ast.Call) and self._is_strange(spot, call, node)

    def _return(self, value: Value, node: ast.AST, path: Path, moved: bool) -> None:
        """A function hands the value back: to its callers, or, where none is in sight, as it always did."""
        function = value.spot.function(node)
        if function is None or not self.objects.is_called(value.spot, function):
            self._give(value)
        else:
            self.objects.returned(value.spot, function, path, moved, value.mixed)

    def _packed(self, value: Value, parent: ast.Tuple | ast.List, top: ast.expr, moved: bool) -> None:
        outer = value.spot.parents[parent]
        index = parent.elts.index(top)
        if isinstance(outer, ast.Return):
            if not any(isinstance(each, ast.Starred) for each in parent.elts):
                self._return(value, parent, (index,), moved)
                return
        elif isinstance(outer, ast.Assign) and len(outer.targets) == 1 and isinstance(outer.targets[0], ast.Tuple):
            target = outer.targets[0].elts
            if len(target) == len(parent.elts) and isinstance(name := target[index], ast.Name):
                self._name(value, name.id, outer, (), moved)
                return
        self._give(value)

    def _part(self, value: Value) -> None:
        """Follow an expression that holds the value at a position or under a key."""
        spot, node, (first, *rest) = value.spot, value.node, value.path
        parent = spot.parents.get(node)
        if isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.slice, ast.Constant):
            if parent.slice.value == first:
                self.value(Value(spot, parent, tuple(rest), value.moved, value.mixed))
        elif isinstance(parent, ast.Attribute):
            self._looked_up(value, parent)
        elif isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = parent.targets[0]
            if isinstance(target, ast.Name):
                self._name(value, target.id, parent, value.path, value.moved)
            elif isinstance(target, (ast.Tuple, ast.List)) and isinstance(first, int) and first < len(target.elts):
                item = target.elts[first]
                if isinstance(item, ast.Name) and not any(isinstance(each, ast.Starred) for each in target.elts):
                    self._name(value, item.id, parent, tuple(rest), value.moved)
                else:
                    self.doubt(spot, node, "unpacks it in a way that is not followed")
            else:
                self.doubt(spot, node, "stores it")
        elif isinstance(parent, ast.Return) and (function := spot.function(parent)):
            self.objects.returned(spot, function, value.path, value.moved, value.mixed)
        elif not isinstance(parent, ast.Expr):
            self.doubt(spot, node, f"reads {spot.source.words(node)} as a whole")

    def _looked_up(self, value: Value, node: ast.Attribute) -> None:
        """A method of what holds the value: `get` and `pop` of its key are followed, `keys` reads nothing of it."""
        spot, (first, *rest) = value.spot, value.path
        call = spot.parents.get(node)
        if not (isinstance(call, ast.Call) and call.func is node) or node.attr not in ("get", "pop", "keys"):
            self.doubt(spot, node, f"reads {spot.source.words(node)}")
        elif node.attr != "keys":
            key = call.args[0] if call.args else None
            if not isinstance(key, ast.Constant):
                self.doubt(spot, node, f"reads {spot.source.words(node)}")
            elif key.value == first:
                self.value(Value(spot, call, tuple(rest), value.moved, value.mixed or len(call.args) > 1))

    def _name(self, value: Value, name: str, binding: ast.AST, path: Path, moved: bool) -> None:
        scope = scope_of(value.spot, binding)
        apart = moved and not value.moved and not self.is_probe
        if apart and self._apart(value, lambda probe: probe._name(value, name, binding, path, moved)):
            return
        if is_shared(scope, name):
            self.doubt(value.spot, binding, f"binds {name} for other functions")
        found = reads(scope, name, binding)
        if isinstance(scope, ast.ClassDef):
            self.doubt(value.spot, binding, f"binds {name} in a class")
        self.bound(value.spot, found, path, moved, value.mixed)
        if isinstance(scope, ast.Module):
            for spot, node in self.project.mentions(value.spot, name):
                if spot is not value.spot and isinstance(node, ast.expr):
                    self.doubt(spot, node, f"reads {name} from {value.spot.shown}")

    def bound(self, spot: Spot, found: Reads, path: Path, moved: bool, mixed: bool) -> None:
        """Follow the reads of a name."""
        for node in [*found.pure, *found.inner]:
            self.value(Value(spot, node, path, moved, mixed))
        for node in found.mixed:
            self.value(Value(spot, node, path, moved, True))

    # -- calls ---------------------------------------------------------------------------------------------------

    def _argument(self, value: Value, call: ast.Call, top: ast.expr, moved: bool) -> None:
        spot = value.spot
        out = any(each.arg == "out" and each.value is top for each in call.keywords) and qualified(spot, call.func)
        if out or _in_place(call):
            self.doubt(spot, call, f"changes {spot.source.words(top)} in place")
            return
        if isinstance(call.func, ast.Name) and call.func.id in _QUIET and not is_local(spot, call, call.func.id):
            return
        if qualified(spot, call.func).rpartition(".")[2] == "Model":
            self.objects.object(spot, call, ((), moved, value.mixed), None)
            return
        function = self.calls.called(spot, call)
        if function is not None:
            home, node, is_bound = function
            argument = parameter(node, call, top, is_bound)
            alone = self.calls.only_call(home, node)
            if argument is not None and (alone or self._holds_demand(home, node)):
                self.bound(home, reads(node, argument.arg, argument), (), moved, value.mixed or not alone)
                return
            if argument is not None and self._only_ranks(home, node, argument, moved):
                self.ranking += 1
                return
            self._give(value)
            return
        self._read(value, call, top, moved)

    def _read(self, value: Value, call: ast.Call, top: ast.expr, moved: bool) -> None:
        spot = value.spot
        ranking = ranks(spot, call, top, self.activation, moved, self.left)
        if ranking:
            self.ranking += 1
            return
        if ranking is None and self._is_strange(spot, call, top):
            self.doubt(spot, value.node, f"passes the output to {spot.source.words(call.func)}()")
            return
        self._give(value)

    def _is_strange(self, spot: Spot, call: ast.Call, top: ast.expr) -> bool:
        """Whether it cannot be told what a call does with the value: a function that comes as a value, a loss."""
        func = call.func
        if isinstance(func, ast.Attribute) and func.value is top:
            return False
        full = qualified(spot, func)
        if full:
            return any(row.verb is Verb.LOSS for row in table().named(full))
        if isinstance(func, ast.Attribute):
            return func.attr not in _TAKERS
        if isinstance(func, ast.Name):
            return is_local(spot, call, func.id) or func.id not in _BUILTINS
        return True

    def _demanded(self, spot: Spot, node: ast.expr) -> bool:
        return self._meets(spot, node, self.demands)

    def _meets(self, spot: Spot, node: ast.expr, places: Sequence[Place]) -> bool:
        place = spot.source.place(node)
        if place in places:
            self.reached.add(place)
        return place in places

    def _only_ranks(self, home: Spot, function: Function, argument: ast.arg, moved: bool) -> bool:
        """Whether a function reads only the order of what it is given."""
        probe = Readers(self.spots, self.activation, (), (), self.parts, self.project)
        probe._steps = self._steps
        probe.bound(home, reads(function, argument.arg, argument), (), moved, False)
        return not probe.given and not probe.doubts

    def _apart(self, value: Value, follow: Callable[[Readers], None], left: bool = False) -> bool:
        """Whether a value is dealt with before it `left` its framework, or its axes moved: as it was, or only ranked.

        Behind that the activation cannot be written. False where the loss is there, too.
        """
        probe = Readers(self.spots, self.activation, self.demands, self.operations, self.parts, self.project)
        probe._steps, probe.left, probe.is_probe = self._steps, left or self.left, True
        follow(probe)
        if probe.reached and not left:
            return False
        if probe.given or probe.doubts:
            self._give(value)
        else:
            self.ranking += probe.ranking
        return True

    def _holds_demand(self, spot: Spot, function: ast.AST) -> bool:
        whole = spot.source.place(function)
        inside = (each for each in self.demands if each.home == whole.home)
        return any(whole.line <= each.line <= whole.end_line for each in inside)

    # -- edits ---------------------------------------------------------------------------------------------------

    def _give(self, value: Value) -> None:
        """Write the activation round an expression whose numbers are read."""
        spot, node = value.spot, value.node
        reason = self._barred(value)
        if reason:
            self.doubt(spot, node, reason)
            return
        self._wrapped[spot.shown, id(node)] = value

    @property
    def given(self) -> int:
        """Readers that get the activation back."""
        return len(self._wrapped)

    def edits(self) -> list[Edit]:
        """The activation round each expression whose numbers are read, with the imports that it needs."""
        found: list[Edit] = []
        for value in self._wrapped.values():
            spelled, statement = value.spot.spelled(self.activation.name)
            text = self.activation.call(value.spot.text(value.node), spelled)
            found += [*value.spot.importing(statement), value.spot.replace(value.node, text)]
        return found

    def _barred(self, value: Value) -> str:
        spot, node = value.spot, value.node
        words = spot.source.words(node)
        if id(node) in self._starts:
            return f"reads {words} in a way that is not followed"
        if not self.activation.name:
            return f"reads {words}"
        if value.moved:
            return f"reads {words}, whose axes were moved"
        if value.mixed:
            return f"reads {words}, which may hold something else"
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            return f"changes {words} in place"
        parent = spot.parents.get(node)
        if isinstance(parent, ast.Assign) and any(isinstance(each, (ast.Tuple, ast.List)) for each in parent.targets):
            return f"unpacks {words}"
        if any(isinstance(each, ast.JoinedStr) for each in spot.above(node)):
            return f"prints {words} in an f-string"
        first = node.lineno, node.col_offset
        for each in spot.above(node):
            if isinstance(each, ast.expr) and (each.lineno, each.col_offset) == first and self._demanded(spot, each):
                return f"reads {words}"
        return ""


def _in_place(call: ast.Call) -> bool:
    """Whether a call is told to change what it is given: by its name (`relu_`), or by an argument."""
    word = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    told = any(each.arg == "inplace" and getattr(each.value, "value", True) is not False for each in call.keywords)
    return told or (word.endswith("_") and not word.endswith("__"))


def demands(arrival: Arrival, others: Sequence[Arrival]) -> list[Arrival]:
    """The arrivals whose demand is met once a value is what it was before its activation."""
    origin = arrival.trace[0].place
    same = [each for each in others if each.trace[0].place == origin and Space.LOGITS in each.wants]
    wrong = [each for each in same if each.got not in each.wants | each.harmless or _is_idle(each)]
    return [arrival, *wrong]


def _is_idle(arrival: Arrival) -> bool:
    """Log-probabilities into what applies log-softmax itself: the same with and without."""
    return arrival.got is Space.LOG_PROBS and arrival.activation in (Space.PROBS, Space.LOG_PROBS)
