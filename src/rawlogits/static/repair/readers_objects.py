"""Who calls a function, and who calls the objects of a class: where a value that one of them returns arrives."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rawlogits.static.repair.readers_calls import Calls
from rawlogits.static.repair.readers_lookups import Lookups
from rawlogits.static.repair.readers_names import Path, Value, is_shared, reads
from rawlogits.static.repair.readers_project import Function, methods, parameter
from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import qualified, table
from rawlogits.table.row import Verb

if TYPE_CHECKING:
    from rawlogits.static.repair.readers import Readers

MOST_OBJECTS = 2000
"""Objects, functions and classes that are looked at for one repair."""
CALLS = ("__call__", "forward", "call")
_ITSELF = frozenset(
    {"to", "cuda", "cpu", "eval", "train", "half", "float", "double", "requires_grad_", "module", "share_memory"}
)
_QUIET = frozenset(
    "parameters named_parameters state_dict load_state_dict modules named_modules buffers "
    "named_buffers zero_grad compile fit evaluate summary build count_params load_weights save_weights init "
    "get_weights set_weights register_buffer training device dtype name "
    "freeze unfreeze print_trainable_parameters gradient_checkpointing_enable no_sync".split()
)
_OUTPUTS = frozenset({"apply", "predict", "predict_on_batch"})
_ADDS = frozenset({"add", "add_module", "append", "register_module"})
_LOOKS = frozenset({"len", "isinstance", "type", "id", "hasattr", "print", "repr", "str", "issubclass", "super"})
_READS_NOTHING = (ast.Compare, ast.Expr, ast.FormattedValue, ast.Assert, ast.If, ast.While, ast.UnaryOp)
_HARMLESS_DECORATORS = frozenset(
    {
        *("no_grad", "inference_mode", "staticmethod", "classmethod", "compact", "jit", "override"),
        *("cache", "lru_cache"),
    }
)


@dataclass(eq=False)
class Objects:
    """Follows functions, classes and their objects to the calls that hand the changed value on."""

    readers: Readers
    calls: Calls
    _seen: set[tuple[str, int, object]] = field(default_factory=set)
    _born: ast.AST | None = None
    """The function in which the model is built that changes; None where it is at the top of a file."""

    def __post_init__(self) -> None:
        self.lookups = Lookups(self.readers.project)

    def _once(self, spot: Spot, node: ast.AST, what: object) -> bool:
        key = (spot.shown, id(node), what)
        if key in self._seen:
            return False
        if len(self._seen) > MOST_OBJECTS:
            self.readers.doubt(spot, node, "is one of too many objects to follow")
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
            return word in CALLS or self.readers.project.count(rf"\.{word}\b", word) > 0
        found = (each for _, each in self.readers.project.mentions(spot, function.name))
        return any(not isinstance(each, ast.ImportFrom) for each in found)

    def returned(self, spot: Spot, function: Function | ast.Lambda, path: Path, moved: bool, mixed: bool) -> None:
        """Follow the calls of a function that returns the value (at a path)."""
        if isinstance(function, ast.Lambda):
            self.readers.doubt(spot, function, "returns it from a lambda")
            return
        if not self._once(spot, function, ("returned", path, moved, mixed)):
            return
        mixed = mixed or self._returns_others(spot, function, path)
        parent = spot.parents.get(function)
        if isinstance(parent, ast.ClassDef) and "property" in map(_last_word, function.decorator_list):
            self._property(spot, function, path, moved, mixed)
            return
        self._decorated(spot, function)
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
            self._dynamic(spot, function.name)

    def _decorated(self, spot: Spot, function: Function) -> None:
        """A doubt for every decorator that may call a function itself, or hand it to others: a register."""
        for decorator in function.decorator_list:
            if _last_word(decorator) not in _HARMLESS_DECORATORS:
                self.readers.doubt(spot, function, f"hands {function.name} to {spot.source.words(decorator)}")

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
            if spot.shown.endswith("__init__.py") and self.readers.project.index.packaged:
                self.readers.doubt(spot, node, f"exports {name}")
            return True
        parent = spot.parents.get(node)
        if isinstance(node, ast.Constant):
            outer = spot.parents.get(parent) if parent else None
            if isinstance(outer, (ast.Assign, ast.AugAssign)) and "__all__" in ast.unparse(outer).split("=")[0]:
                if self.readers.project.index.packaged:
                    self.readers.doubt(spot, node, f"exports {name}")
            elif self.lookups.is_lookup(spot, node) or node.value != name:
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
        alone = self.readers.project.count(rf"\bdef {function.name}\b", function.name) == 1
        for where, node, is_ours in self._asked(spot, cls, function.name):
            if is_ours is None and not alone:
                self.readers.doubt(where, node, f"calls {function.name} of an object that is not followed")
            else:
                self._called(where, node, function.name, path, moved, mixed or not is_ours)

    def _property(self, spot: Spot, function: Function, path: Path, moved: bool, mixed: bool) -> None:
        cls = spot.parents[function]
        assert isinstance(cls, ast.ClassDef)
        for where, node, is_ours in self._asked(spot, cls, function.name):
            if isinstance(node.ctx, ast.Load):
                self.readers.value(Value(where, node, path, moved, mixed or not is_ours))

    def _asked(self, spot: Spot, cls: ast.ClassDef, name: str) -> Iterator[tuple[Spot, ast.Attribute, bool | None]]:
        """Every `.name` in the project, and whether it is one of an object of the class; others are left out."""
        kin = self.calls.family(spot, cls)
        family = [each for _, each in kin]
        for where, node in self.calls.attributes(name, kin):
            is_ours = self.calls.belongs(where, node.value, family)
            if is_ours is not False:
                yield where, node, is_ours
        self._named(spot, name)

    def _named(self, spot: Spot, name: str) -> None:
        """A doubt for every text that is an attribute's name: `getattr(x, "name")`."""
        for where, node in self.lookups.told(name):
            self.readers.doubt(where, node, f"looks {name} up by its name")

    # -- classes -------------------------------------------------------------------------------------------------

    def class_(self, spot: Spot, cls: ast.ClassDef, function: Function | None, result: tuple[Path, bool, bool]) -> None:
        """Follow the objects of a class whose call hands the value back."""
        if not self._once(spot, cls, ("class", result)):
            return
        for decorator in cls.decorator_list:
            self.readers.doubt(spot, cls, f"hands {cls.name} to {spot.source.words(decorator)}")
        self._inside(spot, cls, cls, result)
        for where, base in self.calls.bases(spot, cls):
            self._inside(where, base, cls, (result[0], result[1], True))
        if not isinstance(spot.parents.get(cls), (ast.Module, ast.If, ast.Try)) or spot.function(cls) is not None:
            self.readers.doubt(spot, cls, f"makes {cls.name} where it is not followed")
        self._dynamic(spot, cls.name)
        for where, node in self.readers.project.mentions(spot, cls.name):
            parent = where.parents.get(node)
            if isinstance(parent, ast.Call) and parent.func is node:
                self.object(where, parent, result, cls)
            elif isinstance(parent, ast.ClassDef) and node in parent.bases:
                self._heir(where, parent, function, result)
            elif isinstance(parent, ast.Attribute) and self._is_for_all(cls, parent.attr):
                continue
            elif not self._typed(where, node, parent, result, cls) and not self._is_passive(where, node, cls.name):
                self.readers.doubt(where, node, f"hands {cls.name} on")

    def _is_for_all(self, cls: ast.ClassDef, name: str) -> bool:
        """Whether a class has a method of that name which it is asked for without an object."""
        method = methods(cls).get(name)
        words = [getattr(each, "id", "") for each in method.decorator_list] if method is not None else []
        return "classmethod" in words or "staticmethod" in words

    def _typed(
        self, spot: Spot, node: ast.AST, parent: ast.AST | None, result: tuple[Path, bool, bool], cls: ast.ClassDef
    ) -> bool:
        """Follow what is said to be of a class: an argument, the result of a function, what `isinstance` asks for."""
        function = spot.function(node)
        named: ast.AST | None = None
        if isinstance(parent, ast.arg):
            function = spot.parents[spot.parents[parent]]  # type: ignore[assignment]
            named = parent
        elif isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)) and parent.returns is node:
            self._makers(spot, parent, result, cls)
            return True
        elif isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "isinstance" and parent.args:
            if function is None or not isinstance(asked := parent.args[0], ast.Name):
                return True
            result = (result[0], result[1], True)
            named = next((each for each in ast.walk(function.args) if getattr(each, "arg", "") == asked.id), None)
        if not isinstance(named, ast.arg) or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return named is not None
        names = reads(function, named.arg, named)
        for each in [*names.pure, *names.inner]:
            self.object(spot, each, result, cls)
        for each in names.mixed:
            self.object(spot, each, (result[0], result[1], True), cls)
        return True

    def _dynamic(self, spot: Spot, name: str) -> None:
        """Doubts for files and expressions that may find by its name what a file defines."""
        for where, node in self.lookups.computed(spot, name):
            self.readers.doubt(where, node, f"looks up by name what {spot.shown} defines")
        for where, node in self.lookups.exports(spot, name):
            self.readers.doubt(where, node, f"exports {name}")
        for shown, line in self.lookups.settings(name):
            self.readers.told(f"{shown}:{line} names {name}")

    def _inside(self, spot: Spot, home: ast.ClassDef, cls: ast.ClassDef, result: tuple[Path, bool, bool]) -> None:
        """`self(...)` and `self.forward(...)` in the methods of a class."""
        for node in ast.walk(home):
            if isinstance(node, ast.Call) and _is_own_class(node.func):
                self.object(spot, node, result, cls)
                continue
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
        if not self._seen:
            self._born = spot.function(node)
        if not self._once(spot, node, ("object", result)):
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
            if isinstance(parent, ast.NamedExpr):
                self.object(spot, parent, result, cls)
        elif isinstance(parent, ast.Tuple) and isinstance(outer := spot.parents.get(parent), ast.Assign):
            target = outer.targets[0]
            if len(outer.targets) == 1 and isinstance(target, ast.Tuple) and len(target.elts) == len(parent.elts):
                self._bound(spot, target.elts[parent.elts.index(node)], outer, result, cls)
            else:
                self.readers.doubt(spot, node, f"keeps {spot.source.words(node)} where it is not followed")
        elif isinstance(parent, (ast.Return, ast.Lambda)):
            self._made(spot, parent, result, cls)
        elif isinstance(parent, (ast.IfExp, ast.BoolOp)):
            if not (isinstance(parent, ast.IfExp) and parent.test is node):
                self.object(spot, parent, (result[0], result[1], True), cls)
        elif isinstance(parent, _READS_NOTHING):
            return
        elif isinstance(parent, ast.Subscript) and parent.value is node:
            if self.readers.parts and not _is_all_but_last(parent.slice, self.readers.parts):
                self.readers.doubt(spot, parent, f"takes {spot.source.words(node)} apart")
        else:
            self.readers.doubt(spot, node, f"keeps {spot.source.words(node)} where it is not followed")

    def _attribute(
        self, spot: Spot, node: ast.Attribute, result: tuple[Path, bool, bool], cls: ast.ClassDef | None
    ) -> None:
        call = spot.parents.get(node)
        called = call if isinstance(call, ast.Call) and call.func is node else None
        if node.attr == "module" or (node.attr in _ITSELF and called is not None):
            self.object(spot, node if node.attr == "module" or called is None else called, result, cls)
        elif node.attr in CALLS or (node.attr in _OUTPUTS and not self._defines(spot, cls, node.attr)):
            if called is None:
                self.readers.doubt(spot, node, f"hands {spot.source.words(node)} on")
            elif node.attr == "apply" and isinstance(spot.parents.get(called), ast.Expr):
                return
            else:
                is_moved = result[1] or (node.attr in _OUTPUTS and node.attr != "apply")
                self.readers.value(Value(spot, called, result[0], is_moved, result[2]))
        elif node.attr in _QUIET or node.attr.startswith("__") or self._is_building(spot, node):
            for keyword in called.keywords if called is not None else ():
                if keyword.arg in ("metrics", "weighted_metrics") and not self._is_ranking(keyword.value):
                    self.readers.doubt(spot, keyword.value, f"measures {spot.source.words(keyword.value)}")
        elif not self._knows(spot, cls, node.attr):
            verb = "calls" if called is not None else "reads"
            self.readers.doubt(spot, node, f"{verb} {spot.source.words(node)}{'()' if called is not None else ''}")

    def _is_building(self, spot: Spot, node: ast.Attribute) -> bool:
        """Whether a part is added to a model where it is built, or nothing that is taken apart has changed."""
        if node.attr in ("children", "named_children"):
            return not self.readers.parts
        return node.attr in _ADDS and spot.function(node) is self._born

    def _defines(self, spot: Spot, cls: ast.ClassDef | None, name: str) -> bool:
        """Whether a class, or one of the project that it is made from, has a method of that name."""
        return any(name in methods(each) for each in self._kin(spot, cls))

    def _kin(self, spot: Spot, cls: ast.ClassDef | None) -> list[ast.ClassDef]:
        if cls is None:
            return []
        home = next((where for where in self.readers.project.defining(cls.name) if cls in where.parents), spot)
        return [cls, *(each for _, each in self.calls.bases(home, cls))]

    def _is_ranking(self, metrics: ast.expr) -> bool:
        """Whether all that a model is told to measure is accuracy over classes; of one score it is a threshold."""
        items = metrics.elts if isinstance(metrics, (ast.List, ast.Tuple)) else [metrics]
        names = [each.value for each in items if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        known = all(name == "acc" or "accuracy" in name for name in names)
        return len(names) == len(items) and known and bool(self.readers.activation.keyword or not names)

    def _knows(self, spot: Spot, cls: ast.ClassDef | None, name: str) -> bool:
        """Whether a class, or one of the project that it is made from, has a method or keeps something of that name."""
        kept = (each for one in self._kin(spot, cls) for each in ast.walk(one) if isinstance(each, ast.Attribute))
        return self._defines(spot, cls, name) or any(
            each.attr == name and isinstance(each.ctx, ast.Store) for each in kept
        )

    def _passed(
        self, spot: Spot, node: ast.expr, call: ast.Call, result: tuple[Path, bool, bool], cls: ast.ClassDef | None
    ) -> None:
        """An object given to a call: to a function or class of the project, or to something that is not seen."""
        if isinstance(call.func, ast.Name) and call.func.id in _LOOKS:
            return
        word = _text(call.args[1:2]) if isinstance(call.func, ast.Name) and call.func.id == "getattr" else ""
        if word in _QUIET:
            return
        if word == "module":
            self.object(spot, call, result, cls)
            return
        if self._is_wrapped(spot, node, call):
            self.object(spot, call, result, None)
            return
        found = self.calls.called(spot, call) or self.calls.constructor(spot, call)
        if found is not None:
            where, function, is_bound = found
            argument = parameter(function, call, node, is_bound)
            if argument is not None:
                if not self._once(where, argument, ("parameter", result)):
                    return
                alone = self.calls.only_call(where, function)
                mixed = not (alone or self.calls.same_everywhere(where, function, argument, node))
                mixed = mixed or result[2]
                names = reads(function, argument.arg, argument)
                for each in [*names.pure, *names.inner, *names.mixed]:
                    self.object(where, each, (result[0], result[1], mixed), cls)
                return
        self.readers.doubt(spot, node, f"passes the model to {spot.source.words(call.func)}()")

    def _is_wrapped(self, spot: Spot, node: ast.expr, call: ast.Call) -> bool:
        """Whether a call gives an object that hands on what the given one does: a wrapper, a chain that ends in it."""
        full = qualified(spot, call.func)
        if full.rpartition(".")[2] == "Sequential":
            return call.args[-1:] == [node]
        row = next(iter(table().named(full)), None)
        if row is not None and row.verb is Verb.KEEPS:
            return call.args[:1] == [node] or any(each.arg == row.arg and each.value is node for each in call.keywords)
        return _wraps(full) and (call.args[:1] == [node] or not call.args)

    def _bound(
        self, spot: Spot, target: ast.expr, binding: ast.AST, result: tuple[Path, bool, bool], cls: ast.ClassDef | None
    ) -> None:
        if isinstance(target, ast.Name):
            scope = scope_of(spot, binding)
            if isinstance(scope, ast.ClassDef):
                self._kept_in(spot, target.id, scope, result, cls, 1)
            if is_shared(scope, target.id):
                self.readers.doubt(spot, binding, f"binds {target.id} for other functions")
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
        self,
        spot: Spot,
        name: str,
        owner: ast.ClassDef,
        result: tuple[Path, bool, bool],
        cls: ast.ClassDef | None,
        stores: int = 0,
    ) -> None:
        """`self.name` in the classes of a family, and `.name` of other objects."""
        kin = [*self.calls.family(spot, owner), *self.calls.bases(spot, owner)]
        family = [each for _, each in kin]
        others = 0
        self._named(spot, name)
        found: list[tuple[Spot, ast.Attribute, bool | None]] = []
        for where, node in self.calls.attributes(name, kin):
            is_ours = self.calls.belongs(where, node.value, family)
            if isinstance(node.ctx, ast.Store):
                stores += is_ours is not False
                others += is_ours is False
            elif is_ours is not False:
                found.append((where, node, is_ours))
        for where, node, is_ours in found:
            if others and is_ours is None:
                self.readers.doubt(where, node, f"reads {where.source.words(node)}, of an object that is not followed")
            else:
                self.object(where, node, (result[0], result[1], result[2] or stores > 1), cls)

    def _made(self, spot: Spot, node: ast.AST, result: tuple[Path, bool, bool], cls: ast.ClassDef | None) -> None:
        """An object that a function returns: its calls are such objects."""
        function = spot.function(node) if isinstance(node, ast.Return) else None
        if function is None or isinstance(function, ast.Lambda):
            self.readers.doubt(spot, node, "makes the model in a lambda")
            return
        self._makers(spot, function, result, cls)

    def _makers(
        self, spot: Spot, function: Function, result: tuple[Path, bool, bool], cls: ast.ClassDef | None
    ) -> None:
        """The calls of a function that returns such an object."""
        if not self._once(spot, function, ("made", result)):
            return
        result = (result[0], result[1], result[2] or self._returns_others(spot, function, ()))
        if spot.shown == "hubconf.py":
            self.readers.doubt(spot, function, f"exports {function.name}")
        self._decorated(spot, function)
        owner = spot.parents.get(function)
        if isinstance(owner, ast.ClassDef):
            mentions: list[tuple[Spot, ast.AST]] = [each[:2] for each in self._asked(spot, owner, function.name)]
        else:
            self._dynamic(spot, function.name)
            mentions = self.readers.project.mentions(spot, function.name)
        for where, each in mentions:
            parent = where.parents.get(each)
            if isinstance(parent, ast.Call) and parent.func is each:
                self.object(where, parent, result, cls)
            elif not self._is_passive(where, each, function.name):
                self.readers.doubt(where, each, f"hands {function.name} on")


def _last_word(decorator: ast.expr) -> str:
    """The last word of a decorator's name."""
    return ast.unparse(decorator).split("(")[0].rpartition(".")[2]


def _text(items: Sequence[ast.expr]) -> str:
    return str(items[0].value) if items and isinstance(items[0], ast.Constant) else ""


def _is_all_but_last(index: ast.expr, parts: str) -> bool:
    """Whether an index leaves the last part out, whose place something else has taken."""
    return parts == "replaced" and isinstance(index, ast.Slice) and ast.unparse(index) == ":-1"


def _is_own_class(func: ast.expr) -> bool:
    """`cls`, `type(self)` and `self.__class__`."""
    return ast.unparse(func) in ("cls", "type(self)", "self.__class__")


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
