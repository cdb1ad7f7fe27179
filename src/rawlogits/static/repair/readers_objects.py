"""Who calls a function, and who calls the objects of a class: where a value that one of them returns arrives."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rawlogits.static.repair.readers_calls import Calls
from rawlogits.static.repair.readers_names import Path, Value, reads
from rawlogits.static.repair.readers_project import Function, methods, parameter
from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import qualified, table
from rawlogits.table.row import Verb

if TYPE_CHECKING:
    from rawlogits.static.repair.readers import Readers

CALLS = ("__call__", "forward", "call")
_ITSELF = frozenset(
    {"to", "cuda", "cpu", "eval", "train", "half", "float", "double", "requires_grad_", "module", "share_memory"}
)
_QUIET = frozenset(
    "parameters named_parameters state_dict load_state_dict modules children named_modules named_children buffers "
    "named_buffers zero_grad compile fit evaluate summary build count_params load_weights save_weights init "
    "get_weights set_weights register_buffer register_module add add_module append training device "
    "freeze unfreeze print_trainable_parameters gradient_checkpointing_enable no_sync".split()
)
_OUTPUTS = frozenset({"apply", "predict", "predict_on_batch"})
_LOOKS = frozenset(
    {"len", "isinstance", "type", "id", "hasattr", "print", "repr", "str", "getattr", "setattr", "issubclass", "super"}
)
_HARMLESS_DECORATORS = frozenset(
    {"no_grad", "inference_mode", "staticmethod", "classmethod", "compact", "jit", "override"}
)


@dataclass(eq=False)
class Objects:
    """Follows functions, classes and their objects to the calls that hand the changed value on."""

    readers: Readers
    calls: Calls
    _seen: set[tuple[str, int, object]] = field(default_factory=set)

    def _once(self, spot: Spot, node: ast.AST, what: object) -> bool:
        key = (spot.shown, id(node), what)
        if key in self._seen or len(self._seen) > 2000:
            return False
        self._seen.add(key)
        return True

    # -- functions -----------------------------------------------------------------------------------------------

    def is_called(self, spot: Spot, function: Function | ast.Lambda) -> bool:
        """Whether the project calls a function, or may: a method that overrides one is called by who knows whom."""
        if isinstance(function, ast.Lambda) or spot.function(function) is not None or function.decorator_list:
            return True
        if isinstance(spot.parents.get(function), ast.ClassDef):
            word = function.name
            return word in CALLS or self.readers.project.count(rf"\.{word}\b") > 0
        found = (each for _, each in self.readers.project.mentions(spot, function.name))
        return any(not isinstance(each, ast.ImportFrom) for each in found)

    def returned(self, spot: Spot, function: Function | ast.Lambda, path: Path, moved: bool, mixed: bool) -> None:
        """Follow the calls of a function that returns the value (at a path)."""
        if isinstance(function, ast.Lambda):
            self.readers.doubt(spot, function, "returns it from a lambda")
            return
        if not self._once(spot, function, ("returned", path, moved)):
            return
        mixed = mixed or self._returns_others(spot, function, path)
        parent = spot.parents.get(function)
        for decorator in function.decorator_list:
            word = ast.unparse(decorator).split("(")[0].rpartition(".")[2]
            if word == "property" and isinstance(parent, ast.ClassDef):
                self._property(spot, function, path, moved, mixed)
                return
            if word not in _HARMLESS_DECORATORS:
                self.readers.doubt(spot, function, f"hands {function.name} to {spot.source.words(decorator)}")
        if isinstance(parent, ast.ClassDef):
            if function.name in CALLS:
                self.class_(spot, parent, function, (path, moved, mixed))
            else:
                self._method(spot, function, path, moved, mixed)
        elif spot.function(function) is not None:
            outer = spot.function(function)
            assert outer is not None
            for node in ast.walk(outer):
                if isinstance(node, ast.Name) and node.id == function.name and isinstance(node.ctx, ast.Load):
                    self._called(spot, node, function.name, path, moved, mixed)
        else:
            for where, node in self.readers.project.mentions(spot, function.name):
                self._called(where, node, function.name, path, moved, mixed)

    def _returns_others(self, spot: Spot, function: Function, path: Path) -> bool:
        """Whether another `return` of a function hands back something that this repair does not change."""
        found = [each for each in ast.walk(function) if isinstance(each, ast.Return) and each.value is not None]
        mine = [each for each in found if spot.function(each) is function]
        return len(mine) > 1

    def _called(self, spot: Spot, node: ast.AST, name: str, path: Path, moved: bool, mixed: bool) -> None:
        parent = spot.parents.get(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            self.readers.value(Value(spot, parent, path, moved, mixed))
        elif not self._is_passive(spot, node, name):
            self.readers.doubt(spot, node, f"hands {name} on")

    def _is_passive(self, spot: Spot, node: ast.AST, name: str) -> bool:
        """An import, a text or an annotation, which calls nothing; an export of a package is a doubt."""
        if isinstance(node, ast.ImportFrom):
            if spot.shown.endswith("__init__.py") and self.readers.project.packaged:
                self.readers.doubt(spot, node, f"exports {name}")
            return True
        parent = spot.parents.get(node)
        if isinstance(node, ast.Constant):
            outer = spot.parents.get(parent) if parent else None
            if isinstance(outer, (ast.Assign, ast.AugAssign)) and "__all__" in ast.unparse(outer).split("=")[0]:
                if self.readers.project.packaged:
                    self.readers.doubt(spot, node, f"exports {name}")
            elif isinstance(parent, (ast.Dict, ast.Call)):
                call = parent.func if isinstance(parent, ast.Call) else None
                if isinstance(call, ast.Name) and call.id == "getattr":
                    self.readers.doubt(spot, node, f"looks {name} up by its name")
            return True
        if isinstance(parent, (ast.arg, ast.AnnAssign)):
            return not (isinstance(parent, ast.AnnAssign) and parent.value is node)
        if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)) and parent.returns is node:
            return True
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in _LOOKS:
            return True
        return isinstance(parent, (ast.Attribute, ast.ExceptHandler)) and getattr(parent, "attr", "").startswith("__")

    def _method(self, spot: Spot, function: Function, path: Path, moved: bool, mixed: bool) -> None:
        """Every `.name(...)` in the project, where one class defines the name; else those on `self`."""
        cls = spot.parents[function]
        assert isinstance(cls, ast.ClassDef)
        alone = self.readers.project.count(rf"\bdef {function.name}\b") == 1
        family = self.calls.family(spot, cls)
        for where, node in self.calls.attributes(function.name):
            owner = self.calls.owner(where, node.value)
            if owner is not None and not any(owner is each for _, each in family):
                continue
            if owner is None and not alone:
                self.readers.doubt(where, node, f"calls {function.name} of an object that is not followed")
                continue
            self._called(where, node, function.name, path, moved, mixed)

    def _property(self, spot: Spot, function: Function, path: Path, moved: bool, mixed: bool) -> None:
        for where, node in self.calls.attributes(function.name):
            if isinstance(node.ctx, ast.Load):
                self.readers.value(Value(where, node, path, moved, mixed))

    # -- classes -------------------------------------------------------------------------------------------------

    def class_(self, spot: Spot, cls: ast.ClassDef, function: Function | None, result: tuple[Path, bool, bool]) -> None:
        """Follow the objects of a class whose call hands the value back."""
        if not self._once(spot, cls, ("class", result[:2])):
            return
        for decorator in cls.decorator_list:
            self.readers.doubt(spot, cls, f"hands {cls.name} to {spot.source.words(decorator)}")
        self._inside(spot, cls, cls, result)
        for where, base in self.calls.bases(spot, cls):
            self._inside(where, base, cls, (result[0], result[1], True))
        if spot.function(cls) is not None:
            self.readers.doubt(spot, cls, f"makes {cls.name} in a function")
        for where, node in self.readers.project.mentions(spot, cls.name):
            parent = where.parents.get(node)
            if isinstance(parent, ast.Call) and parent.func is node:
                self.object(where, parent, result, cls)
            elif isinstance(parent, ast.ClassDef) and node in parent.bases:
                self._heir(where, parent, function, result)
            elif not self._is_passive(where, node, cls.name):
                self.readers.doubt(where, node, f"hands {cls.name} on")

    def _inside(self, spot: Spot, home: ast.ClassDef, cls: ast.ClassDef, result: tuple[Path, bool, bool]) -> None:
        """`self(...)` and `self.forward(...)` in the methods of a class."""
        for node in ast.walk(home):
            receiver = _receiver(node) if isinstance(node, ast.Call) else None
            if (
                isinstance(receiver, ast.Name)
                and isinstance(node, ast.Call)
                and self.calls.owner(spot, receiver) is home
            ):
                self.readers.value(Value(spot, node, *result))
            elif isinstance(node, ast.Name) and node.id == "self" and isinstance(spot.parents.get(node), ast.Call):
                call = spot.parents[node]
                if isinstance(call, ast.Call) and node in call.args and self.calls.owner(spot, node) is home:
                    self._passed(spot, node, call, result, cls)

    def _heir(self, spot: Spot, cls: ast.ClassDef, function: Function | None, result: tuple[Path, bool, bool]) -> None:
        if function is not None and function.name in methods(cls):
            for node in ast.walk(cls):
                if isinstance(node, ast.Call) and _is_inherited(node.func, function.name):
                    self.readers.value(Value(spot, node, *result))
            return
        self.class_(spot, cls, function, result)

    # -- objects -------------------------------------------------------------------------------------------------

    def object(self, spot: Spot, node: ast.expr, result: tuple[Path, bool, bool], cls: ast.ClassDef | None) -> None:
        """Follow an expression that is an object whose call hands the value back."""
        if not self._once(spot, node, ("object", result[:2])):
            return
        parent = spot.parents.get(node)
        if isinstance(parent, ast.keyword):
            parent = spot.parents[parent]
        if isinstance(parent, ast.Attribute):
            self._attribute(spot, parent, result, cls)
        elif isinstance(parent, ast.Call):
            if parent.func is node:
                self.readers.value(Value(spot, parent, *result))
            else:
                self._passed(spot, node, parent, result, cls)
        elif isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            for target in targets:
                self._bound(spot, target, parent, result, cls)
        elif isinstance(parent, ast.Tuple) and isinstance(outer := spot.parents.get(parent), ast.Assign):
            target = outer.targets[0]
            if len(outer.targets) == 1 and isinstance(target, ast.Tuple) and len(target.elts) == len(parent.elts):
                self._bound(spot, target.elts[parent.elts.index(node)], outer, result, cls)
            else:
                self.readers.doubt(spot, node, f"keeps {spot.source.words(node)} where it is not followed")
        elif isinstance(parent, (ast.Return, ast.Lambda)):
            self._made(spot, parent, result, cls)
        elif isinstance(parent, (ast.IfExp, ast.BoolOp, ast.Compare, ast.Expr, ast.FormattedValue, ast.Await)):
            if isinstance(parent, ast.IfExp) and parent.test is not node:
                self.object(spot, parent, result, cls)
        elif isinstance(parent, ast.Subscript) and parent.value is node:
            return
        else:
            self.readers.doubt(spot, node, f"keeps {spot.source.words(node)} where it is not followed")

    def _attribute(
        self, spot: Spot, node: ast.Attribute, result: tuple[Path, bool, bool], cls: ast.ClassDef | None
    ) -> None:
        call = spot.parents.get(node)
        is_call = isinstance(call, ast.Call) and call.func is node
        if node.attr in _ITSELF:
            self.object(spot, call if is_call and isinstance(call, ast.Call) else node, result, cls)
        elif node.attr in _QUIET or node.attr.startswith("__"):
            for keyword in call.keywords if is_call and isinstance(call, ast.Call) else ():
                if keyword.arg in ("metrics", "weighted_metrics") and not self._is_ranking(keyword.value):
                    self.readers.doubt(spot, keyword.value, f"measures {spot.source.words(keyword.value)}")
        elif is_call and isinstance(call, ast.Call) and (node.attr in CALLS or node.attr == "apply"):
            if not isinstance(spot.parents.get(call), ast.Expr):
                self.readers.value(Value(spot, call, *result))
        elif is_call and isinstance(call, ast.Call) and node.attr in _OUTPUTS:
            self.readers.value(Value(spot, call, result[0], True, result[2]))
        elif cls is not None and self._knows(spot, cls, node.attr):
            return
        elif is_call:
            self.readers.doubt(spot, node, f"calls {spot.source.words(node)}()")

    def _is_ranking(self, metrics: ast.expr) -> bool:
        """Whether all that a model is told to measure is accuracy over classes; of one score it is a threshold."""
        items = metrics.elts if isinstance(metrics, (ast.List, ast.Tuple)) else [metrics]
        names = [each.value for each in items if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        known = all(name == "acc" or "accuracy" in name for name in names)
        return len(names) == len(items) and known and bool(self.readers.activation.keyword or not names)

    def _knows(self, spot: Spot, cls: ast.ClassDef, name: str) -> bool:
        """Whether a class, or one of the project that it is made from, has a method or keeps something of that name."""
        home = next((where for where in self.readers.project.mentioning(cls.name) if cls in where.parents), spot)
        kin = [cls, *(each for _, each in self.calls.bases(home, cls))]
        kept = (each for one in kin for each in ast.walk(one) if isinstance(each, ast.Attribute))
        return any(name in methods(one) for one in kin) or any(
            each.attr == name and isinstance(each.ctx, ast.Store) for each in kept
        )

    def _passed(
        self, spot: Spot, node: ast.expr, call: ast.Call, result: tuple[Path, bool, bool], cls: ast.ClassDef | None
    ) -> None:
        """An object given to a call: to a function or class of the project, or to something that is not seen."""
        if isinstance(call.func, ast.Name) and call.func.id in _LOOKS:
            return
        full = qualified(spot, call.func)
        row = next(iter(table().named(full)), None)
        if full.rpartition(".")[2] == "Sequential" or (row is not None and row.verb is Verb.KEEPS) or _wraps(full):
            if call.args and (call.args[-1] is node):
                self.object(spot, call, result, None)
            return
        found = self.calls.called(spot, call) or self.calls.constructor(spot, call)
        if found is not None:
            where, function, is_bound = found
            argument = parameter(function, call, node, is_bound)
            if argument is not None:
                if not self._once(where, argument, ("parameter", result[:2])):
                    return
                alone = self.calls.only_call(where, function)
                mixed = not (alone or self.calls.same_everywhere(where, function, argument, node))
                mixed = mixed or result[2]
                names = reads(function, argument.arg, argument)
                for each in [*names.pure, *names.inner, *names.mixed]:
                    self.object(where, each, (result[0], result[1], mixed), cls)
                return
        self.readers.doubt(spot, node, f"passes the model to {spot.source.words(call.func)}()")

    def _bound(
        self, spot: Spot, target: ast.expr, binding: ast.AST, result: tuple[Path, bool, bool], cls: ast.ClassDef | None
    ) -> None:
        if isinstance(target, ast.Name):
            scope = scope_of(spot, binding)
            names = reads(scope, target.id, binding)
            for each in [*names.pure, *names.inner]:
                self.object(spot, each, result, cls)
            for each in names.mixed:
                self.object(spot, each, (result[0], result[1], True), cls)
            if isinstance(scope, ast.Module):
                for where, node in self.readers.project.mentions(spot, target.id):
                    if where is not spot and isinstance(node, (ast.Name, ast.Attribute)):
                        self.object(where, node, result, cls)
        elif isinstance(target, ast.Attribute) and (owner := self.calls.owner(spot, target.value)):
            self._kept_in(spot, target.attr, owner, result, cls)
        else:
            self.readers.doubt(spot, binding, f"keeps the model in {spot.source.words(target)}")

    def _kept_in(
        self, spot: Spot, name: str, owner: ast.ClassDef, result: tuple[Path, bool, bool], cls: ast.ClassDef | None
    ) -> None:
        """`self.name` in the classes of a family, and `.name` of other objects."""
        family = self.calls.family(spot, owner)
        stores = others = 0
        found: list[tuple[Spot, ast.Attribute]] = []
        for where, node in self.calls.attributes(name):
            holder = self.calls.owner(where, node.value)
            stranger = holder is not None and not any(holder is each for _, each in family)
            if isinstance(node.ctx, ast.Store):
                stores += not stranger
                others += stranger
            elif not stranger and not qualified(where, node):
                found.append((where, node))
        for where, node in found:
            if others and self.calls.owner(where, node.value) is None:
                self.readers.doubt(where, node, f"reads {where.source.words(node)}, of an object that is not followed")
            else:
                self.object(where, node, (result[0], result[1], result[2] or stores > 1), cls)

    def _made(self, spot: Spot, node: ast.AST, result: tuple[Path, bool, bool], cls: ast.ClassDef | None) -> None:
        """An object that a function returns: its calls are such objects."""
        function = spot.function(node) if isinstance(node, ast.Return) else None
        if function is None or isinstance(function, ast.Lambda):
            self.readers.doubt(spot, node, "makes the model in a lambda")
            return
        if not self._once(spot, function, ("made", result[:2])):
            return
        result = (result[0], result[1], result[2] or self._returns_others(spot, function, ()))
        if isinstance(spot.parents.get(function), ast.ClassDef):
            mentions: list[tuple[Spot, ast.AST]] = list(self.calls.attributes(function.name))
        else:
            mentions = self.readers.project.mentions(spot, function.name)
        for where, each in mentions:
            parent = where.parents.get(each)
            if isinstance(parent, ast.Call) and parent.func is each:
                self.object(where, parent, result, cls)
            elif not self._is_passive(where, each, function.name):
                self.readers.doubt(where, each, f"hands {function.name} on")


def _receiver(call: ast.Call) -> ast.expr:
    """What a call calls: `self` of `self(...)` and of `self.forward(...)`."""
    func = call.func
    return func.value if isinstance(func, ast.Attribute) and func.attr in CALLS else func


def _is_inherited(func: ast.expr, name: str) -> bool:
    """Whether a call is `super().name(...)`."""
    if not (isinstance(func, ast.Attribute) and func.attr == name and isinstance(func.value, ast.Call)):
        return False
    return isinstance(func.value.func, ast.Name) and func.value.func.id == "super"


def _wraps(full: str) -> bool:
    """Whether a name of the table's programs stands for a wrapper of one module."""
    return "parallel" in full.lower() and table().program(full) is not None
