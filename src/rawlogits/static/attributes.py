"""Attributes, items and iteration: what `x.name`, `x[i]` and `for y in x` read and write."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from rawlogits.static import imports, registers
from rawlogits.static.effects import reach, setters
from rawlogits.static.engine import Args, Engine, first_key, joined, literal
from rawlogits.static.names import bound_names
from rawlogits.static.once import once
from rawlogits.static.values import (
    MISSING,
    Alternative,
    Bound,
    Built,
    Choice,
    Class,
    Const,
    Deferred,
    Ext,
    Fact,
    Frame,
    Func,
    Map,
    ModuleRef,
    Obj,
    Seq,
    Super,
    Tensor,
    Unknown,
    Value,
    choose,
    waits,
)
from rawlogits.table.row import Verb

MOST_ITEMS = 64
LONGEST_NAME = 120
"""Characters of a dotted name: a longer one grows in a loop and names nothing."""
COMPUTED = "\0computed"
"""The key under which a Map keeps what was stored under keys that are not known."""
_MUTATORS = frozenset(
    "append extend insert setattr add_module register_module update setdefault add_argument set_defaults".split()
)


def attribute(engine: Engine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    """`value.name`, not called."""
    if isinstance(value, Bound) and isinstance(value.receiver, Tensor):
        value = property_of(engine, value)
    if isinstance(value, (Deferred, Choice)):
        return engine.then(value, lambda v: attribute(engine, v, name, node, frame))
    if isinstance(value, Obj):
        return object_attribute(engine, value, name, node, frame)
    if isinstance(value, Class):
        found = class_attribute(engine, value, name)
        return _of_class(engine, found[0], value) if found else _class_fallback(value, name)
    if isinstance(value, Func) and name == "__name__":
        return Const(value.name)
    if isinstance(value, Super):
        found = class_attribute(engine, _class_of(value.receiver) or value.cls, name, after=value.cls)
        return _bound(engine, found[0], value.receiver, node, frame) if found else Bound(value, name)
    if isinstance(value, ModuleRef):
        return Bound(value, name) if name == "__dict__" else imports.member(engine, value.module, name)
    if isinstance(value, Ext):
        if len(value.name) > LONGEST_NAME:
            return Unknown(f"attribute unknown {name}")
        return Ext(engine.table.canonical(f"{value.name}.{name}"))
    if isinstance(value, Built):
        return value.attrs.get(name) or value.args.get(name) or Bound(value, name)
    if isinstance(value, Map) and name in value.items:
        return value.items[name]
    if isinstance(value, Unknown):
        key = f"{value.key}.{name}" if value.key else ""
        return engine.loose.get((value.key, name)) or Unknown(value.reason, key)
    return Bound(value, name)


def property_of(engine: Engine, bound: Bound) -> Value:
    """A property of a tensor that is read, not called: `x.T`, `x.data`."""
    keeps = any(row.verb is Verb.KEEPS for row in engine.table.method(bound.name))
    if keeps and isinstance(bound.receiver, Tensor):
        return piece(bound.receiver)
    return Unknown(f"attribute unknown {bound.name}")


def _class_fallback(cls: Class, name: str) -> Value:
    if name == "__name__":
        return Const(cls.name)
    return Unknown(f"attribute unknown {name}", f"{cls.module.source.shown}:{cls.name}.{name}")


def object_attribute(engine: Engine, obj: Obj, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute of a project object: its own, its class's, or one that a method of it would set."""
    supply(engine, obj, name)
    if name in obj.attrs:
        return obj.attrs[name]
    found = class_attribute(engine, obj.cls, name)
    if found is not None:
        return _bound(engine, found[0], obj, node, frame)
    if name == "__class__":
        return obj.cls
    for deferred in [d for d in obj.waiting if not d.waiting or d.func is None or _may_set(engine, obj, d.func, name)]:
        if deferred in obj.waiting:
            obj.waiting.remove(deferred)
            if deferred.waiting:
                engine.briefly(partial(engine.force, deferred))
        if name in obj.attrs:
            break
    if name not in obj.attrs:
        _run_setter(engine, obj, name)
    if name in obj.attrs:
        return obj.attrs[name]
    getter = class_attribute(engine, obj.cls, "__getattr__")
    if getter is not None and isinstance(getter[0], Func) and obj.node not in obj.tried:
        obj.tried.add(obj.node)
        result = engine.force(engine.call(getter[0].bind(obj), Args([Const(name)], [ast.Constant(name)]), node, frame))
        obj.tried.discard(obj.node)
        return result
    return Unknown(f"attribute unknown {name}", f"{MISSING}{obj.key}.{name}")


def supply(engine: Engine, obj: Obj, name: str) -> None:
    """Run those statements of the object's `__init__`, and of its bases', that may set an attribute it lacks."""
    number = 0
    while number < len(obj.begun) and name not in obj.attrs:  # one may begin another
        obj.begun[number].supply(engine, name)
        number += 1


def initialise(engine: Engine, obj: Obj) -> None:
    """Run what has not run yet of the object's `__init__`."""
    number = 0
    while number < len(obj.begun):
        obj.begun[number].finish(engine)
        number += 1


def _may_set(engine: Engine, obj: Obj, func: Func | None, name: str) -> bool:
    """Whether running a method of an object may give it an attribute."""
    if func is None:
        return True
    return reach(engine, resolution(engine, obj.cls), func).may_set(engine, name)


def _run_setter(engine: Engine, obj: Obj, name: str) -> None:
    """Run the first method that assigns `self.name`: attributes may be set anywhere in a class."""
    for cls in resolution(engine, obj.cls):
        if not isinstance(cls, Class) or not cls.module.source.written or name not in engine.class_words(cls):
            continue
        for func in setters(engine, cls).get(name, ()):
            if func.node not in obj.tried and func.node not in engine.stack and not _is_accessor(func.node):
                obj.tried.add(func.node)
                engine.detached(partial(engine.briefly, partial(_forced_call, engine, func.bind(obj))))
                return


def _forced_call(engine: Engine, func: Func) -> Value:
    return engine.force(engine.call(func, Args(open=True), func.node, func.module.frame))


@once
def _sets(method: ast.FunctionDef) -> frozenset[str]:
    """Attributes that a method assigns on its first parameter."""
    params = [*method.args.posonlyargs, *method.args.args]
    if not params:
        return frozenset()
    receiver = params[0].arg
    return frozenset(
        n.attr
        for n in ast.walk(method)
        if isinstance(n, ast.Attribute)
        and isinstance(n.ctx, ast.Store)
        and isinstance(n.value, ast.Name)
        and n.value.id == receiver
    )


@once
def _changed(node: ast.FunctionDef) -> frozenset[str]:
    """What a function changes of what it is given: `layers` (a parameter), `.layers` (an attribute of its first)."""
    params = [a.arg for a in [*node.args.posonlyargs, *node.args.args]]
    found = set()
    for inner in ast.walk(node):
        target: ast.AST | None = None
        if isinstance(inner, (ast.Attribute, ast.Subscript)) and isinstance(inner.ctx, ast.Store):
            target = inner.value
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in _MUTATORS:
            target = inner.func.value
        elif isinstance(inner, ast.Call) and getattr(inner.func, "id", "") == "setattr" and inner.args:
            target = inner.args[0]
        if isinstance(target, ast.Attribute) and getattr(target.value, "id", None) in params[:1]:
            found.add(f".{target.attr}")
        elif isinstance(target, ast.Name) and target.id in params:
            found.add(target.id)
    return frozenset(found)


def changes_things(deferred: Deferred) -> bool:
    """Whether a call whose result nobody reads must run now: it changes what somebody else holds.

    A method that gives its own object new attributes can wait until one of them is asked for.
    """
    func = deferred.func
    if func is None or not isinstance(func.node, ast.FunctionDef):
        return False
    changed = _changed(func.node)
    if not isinstance(func.bound, Obj):
        return bool(changed)
    own = {f".{name}" for name in func.bound.attrs}
    params = func.node.args.args[:1]
    fresh = {params[0].arg} if params else set()
    return (
        bool((changed - fresh) & own)
        or bool({c for c in changed if not c.startswith(".")} - fresh)
        or (not own.isdisjoint({f".{name}" for name in _sets(func.node)}))
        or _adds_module(func.node)
    )


@once
def _adds_module(node: ast.FunctionDef) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr in ("add_module", "register_module") for n in ast.walk(node))


def _class_of(value: Value) -> Class | None:
    return value.cls if isinstance(value, Obj) else value if isinstance(value, Class) else None


def _of_class(engine: Engine, found: Value, cls: Class) -> Value:
    """What `cls.name` reads: a class method is bound to the class, any other is as it stands."""
    found = engine.force(found)
    return found.bind(cls) if isinstance(found, Func) and found.kind == "class" and found.bound is None else found


def _bound(engine: Engine, found: Value, receiver: Value, node: ast.AST, frame: Frame) -> Value:
    found = engine.force(found)
    if not isinstance(found, Func) or found.bound is not None or found.kind == "static":
        return found
    if found.owner is None and not isinstance(found.node, ast.Lambda) and found.closure is None:
        return found.bind(receiver)
    if found.kind == "class":
        return found.bind(_class_of(receiver) or receiver)
    bound = found.bind(receiver)
    if found.kind == "property":
        return engine.call(bound, Args(), node, frame)
    return bound


# -- classes -----------------------------------------------------------------------------------------------------


def resolution(engine: Engine, cls: Class) -> tuple[Class | Ext, ...]:
    """The classes in which an attribute is looked for, nearest first; a class that inherits from itself stops."""
    if cls.order is None:
        cls.order = (cls,)
        frame = cls.closure or cls.module.frame
        found: list[Class | Ext] = []
        for node in cls.node.bases:
            base = engine.force(engine.evaluate(node.value if isinstance(node, ast.Subscript) else node, frame))
            if isinstance(base, Ext):
                base = imports.program(engine, base.name) or base
            for one in [a.value for a in base.alternatives][:1] if isinstance(base, Choice) else [base]:
                if isinstance(one, Class):
                    found += resolution(engine, one)
                elif isinstance(one, Ext):
                    found.append(one)
                elif isinstance(one, Unknown):
                    found.append(Ext("?"))
        last = {id(c) if isinstance(c, Class) else c: i for i, c in enumerate(found)}
        cls.order = (
            cls,
            *(c for i, c in enumerate(found) if c is not cls and last[id(c) if isinstance(c, Class) else c] == i),
        )
    return cls.order


def written_classes(cls: Class) -> list[Class]:
    """A class and those of its bases in the project that are known so far."""
    return [one for one in cls.order or (cls,) if isinstance(one, Class) and one.module.source.written]


def class_attribute(engine: Engine, cls: Class, name: str, after: Class | None = None) -> tuple[Value, Class] | None:
    """The attribute in the first class that has it (behind `after`, for `super()`)."""
    order = resolution(engine, cls)
    if after is not None and after in order:
        order = order[order.index(after) + 1 :]
    for one in order:
        if isinstance(one, Class):
            value = _own_attribute(engine, one, name)
            if value is not None:
                return value, one
    return None


def _own_attribute(engine: Engine, cls: Class, name: str) -> Value | None:
    engine.record.modules.add(cls.module.source.shown)
    if name in cls.attrs:
        return cls.attrs[name]
    statements = _class_statements(cls.node).get(name)
    if statements is None or name in cls.running:
        return None
    cls.running.add(name)
    frame = Frame(cls.module, cls.attrs, cls.closure, of_class=True)
    for statement in statements:
        engine.detached(partial(engine.execute, [statement], frame))
    cls.running.discard(name)
    for value in [cls.attrs.get(name)]:
        if isinstance(value, Map) and value.home is None:
            value.home = (cls.module, cls.name)
        if isinstance(value, Func) and value.owner is None:
            value.owner = cls
    return cls.attrs.get(name)


@once
def _class_statements(node: ast.ClassDef) -> dict[str, list[ast.stmt]]:
    found: dict[str, list[ast.stmt]] = {}
    for statement in node.body:
        if _is_accessor(statement):
            continue
        for name in bound_names(statement):
            found.setdefault(name, []).append(statement)
    return found


def _is_accessor(statement: ast.AST) -> bool:
    """`@x.setter` and its like redefine a property, and are not what reading it gives."""
    return isinstance(statement, ast.FunctionDef) and any(
        isinstance(d, ast.Attribute) and d.attr in ("setter", "deleter") for d in statement.decorator_list
    )


def fields(engine: Engine, cls: Class) -> list[tuple[str, ast.expr | None, Class]]:
    """Annotated fields of a dataclass and its bases, base first: name, default, class."""
    found: dict[str, tuple[str, ast.expr | None, Class]] = {}
    for one in reversed(resolution(engine, cls)):
        if isinstance(one, Class):
            for statement in one.node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    found[statement.target.id] = (statement.target.id, statement.value, one)
    return list(found.values())


# -- writing -----------------------------------------------------------------------------------------------------


def set_attribute(engine: Engine, value: Value, name: str, new: Value) -> None:
    """`value.name = new`."""
    value = engine.force(value)
    if isinstance(value, Choice):
        for alternative in value.alternatives:
            set_attribute(engine, alternative.value, name, new)
    elif isinstance(value, Obj):
        if value.filling:
            for begun in list(value.begun):
                begun.supply(engine, name)
        else:
            initialise(engine, value)
        setter = _setter(engine, value.cls, name)
        if setter is not None:
            engine.call(
                Func(setter[0], setter[1].module, None, setter[1], value),
                Args([new], [ast.Constant(0)]),
                setter[0],
                setter[1].module.frame,
            )
        else:
            engine.write(value.attrs, name, new)
            if isinstance(new, Map) and new.home is None:
                new.home = value
    elif isinstance(value, (Built, Class)):
        engine.write(value.attrs, name, new)
    elif isinstance(value, Map):
        engine.write(value.items, name, new)
    elif isinstance(value, ModuleRef):
        engine.write(value.module.globals, name, new)
    elif isinstance(value, Unknown) and value.key:
        engine.write(engine.loose, (value.key, name), new)


def _setter(engine: Engine, cls: Class, name: str) -> tuple[ast.FunctionDef, Class] | None:
    for one in resolution(engine, cls):
        if isinstance(one, Class) and (found := _accessors(one.node).get(name)) is not None:
            return found, one
    return None


@once
def _accessors(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """Property -> its setter."""
    return {s.name: s for s in node.body if isinstance(s, ast.FunctionDef) and _is_accessor(s)}


def set_item(engine: Engine, container: Value, index: ast.expr, new: Value, frame: Frame) -> None:
    """`container[index] = new`."""
    container = engine.force(container)
    key = Unknown("") if isinstance(index, ast.Slice) else engine.force(engine.evaluate(index, frame))
    place = literal(key)
    if isinstance(container, Map):
        if place is not ... and hashable(place):
            engine.write(container.items, place, new)
            container.open |= engine.uncounted > 0
        else:
            old = container.items.get(COMPUTED)
            engine.write(container.items, COMPUTED, new if old is None else joined([((), old), ((), new)]))
            container.open = True
    elif isinstance(container, Seq):
        if isinstance(place, int) and -len(container.items) <= place < len(container.items):
            items = list(container.items)
            items[place] = new
            engine.rewrite(container, items)
        else:
            container.open = True
    elif isinstance(container, Obj):
        method = class_attribute(engine, container.cls, "__setitem__")
        if method is not None and isinstance(method[0], Func):
            engine.force(engine.call(method[0].bind(container), Args([key, new], [index, index]), index, frame))


def hashable(value: object) -> bool:
    """Whether a literal can be a key."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


# -- reading items -----------------------------------------------------------------------------------------------


def item(engine: Engine, value: Value, index: ast.expr, node: ast.AST, frame: Frame) -> Value:
    """`value[index]`."""
    if isinstance(index, ast.Slice):
        return engine.then(value, lambda v: _sliced(engine, v, index, node, frame))
    key = engine.evaluate(index, frame)
    return engine.then(value, lambda v: item_at(engine, v, engine.force(key), node, frame))


def item_at(engine: Engine, value: Value, key: Value, node: ast.AST, frame: Frame) -> Value:
    """`value[key]` for one alternative of value."""
    if isinstance(key, Choice):
        return engine.then(key, lambda k: item_at(engine, value, k, node, frame))
    place = literal(key)
    if isinstance(value, Tensor):
        return piece(value)
    if isinstance(value, Seq):
        return _seq_item(engine, value, place, key, node)
    if isinstance(value, Map):
        if value.home is not None and not (place is not ... and hashable(place) and place in value.items):
            registers.fill(engine, value, place)
            if value.large and place is ...:  # what it holds by now is what others happened to ask for
                return _of_large(engine, value, key, node)
        return _map_item(engine, value, place, key, node)
    if isinstance(value, Bound) and value.name == "__dict__" and isinstance(value.receiver, ModuleRef):
        return any_of_module(engine, value.receiver, key, node)
    if isinstance(value, Ext) and value.name.endswith(".__dict__"):
        return any_outside(engine, value.name.removesuffix(".__dict__"), key, node)
    if isinstance(value, Ext) and isinstance(known := imports.program(engine, value.name), Seq):
        return _seq_item(engine, known, place, key, node)
    if isinstance(value, Obj):
        method = class_attribute(engine, value.cls, "__getitem__")
        if method is not None and isinstance(method[0], Func):
            return engine.call(
                method[0].bind(value), Args([key], [ast.copy_location(ast.Constant(0), node)]), node, frame
            )
        return Unknown("value from a container by a computed key")
    if isinstance(value, Const) and place is not ...:
        try:
            return Const(value.value[place])  # type: ignore[index]
        except (TypeError, LookupError):
            return Unknown("value from a container by a computed key")
    return Unknown(
        value.reason if isinstance(value, Unknown) else "value from a container by a computed key",
        _item_key(value, key),
    )


def _item_key(value: Value, key: Value) -> str:
    base, place = first_key(value), literal(key)
    inner = repr(place) if place is not ... else first_key(key)
    return f"{base}[{inner}]" if base and inner else ""


def _seq_item(engine: Engine, value: Seq, place: object, key: Value, node: ast.AST) -> Value:
    if isinstance(place, int) and not isinstance(place, bool):
        if -len(value.items) <= place < len(value.items):
            return value.items[place]
        if value.open and value.items:
            return value.items[-1]
        return Unknown("value from a container by a computed key")
    return _selected(engine, value, [(Const(i), v) for i, v in enumerate(value.items)], key, node)


def _map_item(engine: Engine, value: Map, place: object, key: Value, node: ast.AST) -> Value:
    if place is not ... and hashable(place):
        if place in value.items:
            return value.items[place]
        return value.items.get(COMPUTED, Unknown("value from a container by a computed key"))
    if COMPUTED in value.items and len(value.items) == 1:
        return value.items[COMPUTED]
    return _selected(engine, value, [(Const(k), v) for k, v in value.items.items() if k != COMPUTED], key, node)


def _of_large(engine: Engine, register: Map, key: Value, node: ast.AST) -> Value:
    """An item of a register that is never filled whole: unknown, unless the key can only be one of a few."""
    domain = engine.domains.get(first_key(key), ())
    for one in domain:
        registers.fill(engine, register, one)
    if not domain:
        return Unknown("value from a container by a computed key")
    return _map_item(engine, register, ..., key, node)


def _selected(
    engine: Engine, holder: Value, options: Sequence[tuple[Const, Value]], key: Value, node: ast.AST
) -> Value:
    """Any item, chosen by a key that is not known: a dispatch over programs unless the items are numbers."""
    domain = engine.domains.get(first_key(key))
    if domain is not None:
        options = [(k, v) for k, v in options if k.value in domain] or options
    if not options or len(options) > MOST_ITEMS:
        return Unknown("value from a container by a computed key")
    if any(waits(v) for _, v in options):
        return engine.defer(partial(_selected_late, engine, holder, options, key, node))
    name = first_key(key) or f"{id(holder)}"
    subject = node.slice if isinstance(node, ast.Subscript) else ast.Name("key")
    forced = [(k, engine.force(v)) for k, v in options]
    dispatch = not any(_computed(engine, v) for _, v in forced)
    return choose(Alternative((Fact(name, "==", k.value, True, subject, dispatch=dispatch),), v) for k, v in forced)


def _selected_late(
    engine: Engine, holder: Value, options: Sequence[tuple[Const, Value]], key: Value, node: ast.AST
) -> Value:
    return _selected(engine, holder, [(k, engine.force(v)) for k, v in options], key, node)


def _computed(engine: Engine, value: Value) -> bool:
    """Whether a value is a number that came out of a computation, or holds one."""
    if isinstance(value, Seq):
        return any(_computed(engine, item) for item in value.items)
    if isinstance(value, Choice):
        return any(_computed(engine, a.value) for a in value.alternatives)
    return isinstance(value, Tensor)


def any_of_module(engine: Engine, module: ModuleRef, key: Value, node: ast.AST) -> Value:
    """`models.__dict__[name]` or `getattr(models, name)`: the named one, or any class or function of the module."""
    place = literal(key)
    if isinstance(place, str):
        return imports.member(engine, module.module, place)
    offered = imports.callables(engine, module.module)
    if not offered or len(offered) > MOST_ITEMS:
        return Unknown("value from a container by a computed key")
    name = first_key(key) or f"{module.module.source.shown}:{node.lineno}"  # type: ignore[attr-defined]
    domain = engine.domains.get(name)
    if domain is not None:
        offered = [(n, v) for n, v in offered if n in domain] or offered
    args = node.args if isinstance(node, ast.Call) else []  # of getattr
    subject = node.slice if isinstance(node, ast.Subscript) else args[1] if len(args) > 1 else ast.Name("the name")
    return choose(
        Alternative((Fact(name, "==", n, True, subject, True, (name, repr(n)) not in engine.stated),), v)
        for n, v in offered
    )


def any_outside(engine: Engine, scope: str, key: Value, node: ast.AST) -> Value:
    """The same for a module outside whose classes the table's programs describe."""
    place = literal(key)
    if isinstance(place, str):
        return Ext(engine.table.canonical(f"{scope}.{place}"))
    found: list[Value] = []
    options = []
    for name in engine.table.offered(scope):
        value = imports.program(engine, f"{scope}.{name}")
        if value is not None and not any(value is other for other in found):
            found.append(value)
            fact = Fact(first_key(key) or scope, "==", name, True, ast.Name("the name"), dispatch=True, assumed=True)
            options.append(Alternative((fact,), value))
    return choose(options) if options else Unknown("value from a container by a computed key")


def piece(tensor: Tensor) -> Tensor:
    """An index or a slice of a tensor: the same space, nothing known of its shape."""
    return tensor.but(axis=None, rank=None, size=None, size_axis=None, form="", root=None)


def _sliced(engine: Engine, value: Value, index: ast.Slice, node: ast.AST, frame: Frame) -> Value:
    if isinstance(value, Tensor):
        return piece(value)
    bounds = [
        None if part is None else engine.force(engine.evaluate(part, frame))
        for part in (index.lower, index.upper, index.step)
    ]
    places: list[Any] = [None if bound is None else literal(bound) for bound in bounds]
    exact = all(place is None or isinstance(place, int) for place in places)
    if isinstance(value, Seq):
        return Seq(
            list(value.items[slice(*places)]) if exact else list(value.items), value.open or not exact, value.frozen
        )
    if isinstance(value, Const) and isinstance(value.value, (str, tuple)) and exact:
        return Const(value.value[slice(*places)])
    if isinstance(value, Obj):
        method = class_attribute(engine, value.cls, "__getitem__")
        if method is not None and isinstance(method[0], Func):
            bound = Seq([Const(place) if place is not ... else Unknown("") for place in places], frozen=True)
            return engine.call(method[0].bind(value), Args([bound], [index]), node, frame)
    return Unknown(value.reason if isinstance(value, Unknown) else "value from a container by a computed key")


def unpacked(engine: Engine, value: Value, targets: Sequence[ast.expr]) -> Iterator[Value]:
    """The parts that a tuple of targets takes from a value."""
    star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
    if not isinstance(value, Deferred) or star is not None:
        value = engine.force(value)
    if isinstance(value, Choice) and star is None:
        fits = [
            a
            for a in value.alternatives
            if not (isinstance(a.value, Seq) and not a.value.open and len(a.value.items) != len(targets))
        ]
        value = choose(fits) if fits else Unknown("branches differ")
    if isinstance(value, Seq) and star is not None:
        tail = len(targets) - star - 1
        end = len(value.items) - tail
        for i in range(len(targets)):
            if i == star:
                yield Seq(list(value.items[star:end]), value.open)
            else:
                place = i if i < star else i - len(targets)
                yield (
                    value.items[place] if -len(value.items) <= place < len(value.items) else Unknown("branches differ")
                )
        return
    for index in range(len(targets)):
        yield engine.then(value, partial(_part, engine, index))


def _part(engine: Engine, index: int, value: Value) -> Value:
    if isinstance(value, Tensor):
        return piece(value)
    if isinstance(value, Seq):
        return _seq_item(engine, value, index, Const(index), ast.Constant(index))
    if isinstance(value, Map):
        keys = list(value.items)
        return Const(keys[index]) if index < len(keys) else Unknown("value from a container by a computed key")
    if isinstance(value, Const) and isinstance(value.value, (tuple, str)) and index < len(value.value):
        return Const(value.value[index])
    if isinstance(value, Obj):
        items, exact = iterated(engine, value, value.node, value.cls.module.frame)
        if exact and index < len(items):
            return items[index]
    key = first_key(value)
    return Unknown(
        value.reason if isinstance(value, Unknown) else "value from a container by a computed key",
        f"{key}[{index}]" if key else "",
    )


def iterated(engine: Engine, value: Value, node: ast.AST, frame: Frame) -> tuple[list[Value], bool]:
    """The items that a loop meets, and whether these are all, in order."""
    value = engine.force(value)
    if isinstance(value, Seq) and value.items and len(value.items) <= MOST_ITEMS:
        return list(value.items), not value.open
    if isinstance(value, Seq) and not value.open:
        return [], not value.items
    if isinstance(value, Map):
        registers.fill(engine, value)
    if isinstance(value, Map) and not value.open:
        return [Const(key) for key in value.items], True
    if isinstance(value, Const) and isinstance(value.value, (tuple, str)) and len(value.value) <= MOST_ITEMS:
        return [Const(part) for part in value.value], True
    if isinstance(value, Tensor):
        return [piece(value)], False
    if isinstance(value, Obj):
        method = class_attribute(engine, value.cls, "__iter__")
        if method is not None and isinstance(method[0], Func):
            found = engine.force(engine.call(method[0].bind(value), Args(), node, frame))
            if not isinstance(found, Obj):
                return iterated(engine, found, node, frame)
    key = first_key(value)
    reason = value.reason if isinstance(value, Unknown) else "value from a container by a computed key"
    return [Unknown(reason, f"{key}[*]" if key else "")], False


def entered(engine: Engine, value: Value, node: ast.AST, frame: Frame) -> Value:
    """What `with value as name` binds."""
    value = engine.force(value)
    if isinstance(value, Obj):
        method = class_attribute(engine, value.cls, "__enter__")
        if method is not None and isinstance(method[0], Func):
            return engine.call(method[0].bind(value), Args(), node, frame)
    return value
