"""Calls: of the project's functions and classes, of what lies outside, and of what the table knows."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from rawlogits.static import attributes, builtin, imports, operators, options
from rawlogits.static.effects import reach
from rawlogits.static.engine import DEEPEST_CALL, TOO_DEEP, Args, Engine, keyed
from rawlogits.static.names import Module
from rawlogits.static.operators import Bindings
from rawlogits.static.record import LossSite, key_of
from rawlogits.static.slices import Begun, defaults
from rawlogits.static.values import (
    ABSENT,
    NONE,
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
    Obj,
    Partial,
    Seq,
    Super,
    Tensor,
    Trace,
    Unknown,
    Value,
    are_objects,
    as_dispatch,
    choose,
    origin,
    waits,
)
from rawlogits.table.row import Row, Verb, spelling

MOST_RECURSION = 3
_LOSSES = frozenset({Verb.LOSS})
T = TypeVar("T")


def call(engine: Engine, callee: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    """The result of a call; a call that demands nothing is deferred until its result is needed."""
    callee = engine.glance(callee)  # what is called may be a loss
    if isinstance(callee, Deferred) and callee.waiting:
        return engine.then(callee, lambda v: call(engine, v, args, node, frame))
    callee = engine.force(callee)
    if isinstance(callee, Choice):
        return engine.then(callee, lambda v: call(engine, v, args, node, frame))
    if isinstance(callee, Func):
        return _function(engine, callee, args, node, frame)
    if isinstance(callee, Class):
        return instantiate(engine, callee, args, node, frame)
    if isinstance(callee, Obj):
        return _object(engine, callee, args, node, frame)
    if isinstance(callee, Built):
        return _built(engine, callee, args, node, frame)
    if isinstance(callee, Ext):
        return _external(engine, callee, args, node, frame)
    if isinstance(callee, Partial):
        merged = Args([*callee.args, *args.values], [*[node] * len(callee.args), *args.nodes], open=args.open)  # type: ignore[list-item]
        merged.keywords = {**callee.kwargs, **args.keywords}
        merged.keyword_nodes = {**dict.fromkeys(callee.kwargs, node), **args.keyword_nodes}  # type: ignore[arg-type]
        return call(engine, callee.func, merged, node, frame)
    if isinstance(callee, Bound):
        return _method(engine, callee, args, node, frame)
    if callee is ABSENT:
        return args.values[0] if args.values else NONE
    return _unknown(engine, callee, args, node, frame)


def _unknown(engine: Engine, callee: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    """A method of an unknown value may still be a tensor's own; any other unknown call gives an unknown value."""
    if not isinstance(callee, Unknown):
        return Unknown("computed")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr.startswith("merge_from"):
            _overruled(engine, engine.force(engine.evaluate(node.func.value, frame)))
        rows = engine.table.method(node.func.attr)
        if rows:
            receiver = engine.evaluate(node.func.value, frame)
            if isinstance(engine.force(receiver), Unknown) and not _may_be_module(
                node, node.func.value, receiver, frame
            ):
                return _tensor_method(engine, rows, receiver, args, node, frame)
    _handed(engine, args, node, frame)
    return Unknown(callee.reason, _call_key(callee, args))


def _may_be_module(call: ast.Call, owner: ast.expr, receiver: Value, frame: Frame) -> bool:
    """`F.softmax(x, 1)` where nothing that is read binds `F`: a method of a tensor is given numbers alone."""
    if not isinstance(owner, ast.Name) or not isinstance(receiver, Unknown):
        return False
    if receiver.key != f"{frame.module.source.shown}:{owner.id}":
        return False
    return any(not isinstance(each, (ast.Constant, ast.UnaryOp)) for each in call.args)


def _overruled(engine: Engine, settings: Value) -> None:
    """`cfg.merge_from_file(path)`: what the code had set may be something else now."""
    if isinstance(settings, Unknown) and settings.key:
        for key, name in list(engine.loose):
            if key == settings.key or key.startswith(f"{settings.key}."):
                engine.write(engine.loose, (key, name), Unknown("value from a file", f"{key}.{name}"))


def _call_key(callee: Unknown, args: Args) -> str:
    """Asking an unknown object the same thing twice gives the same value: `config.get("x")`, `len(x)`."""
    if not callee.key or args.open or args.keywords:
        return ""
    parts = [repr(v.value) if isinstance(v, Const) else v.key if isinstance(v, Unknown) else "" for v in args.values]
    return f"{callee.key}({', '.join(parts)})" if all(parts) else ""


# -- functions of the project ------------------------------------------------------------------------------------


def _function(engine: Engine, func: Func, args: Args, node: ast.AST, frame: Frame) -> Value:
    if isinstance(func.bound, Obj) and func.name == "__init__" and func.module.source.written:
        return _base_initialised(engine, func.bound, func, args, node, frame)
    if must_run(engine, func, args):
        return run(engine, func, args, node, frame)
    deferred = engine.defer(lambda: run(engine, func, args, node, frame))
    deferred.func = func
    engine.await_in(func.closure or func.module.frame, deferred)
    if isinstance(func.bound, Obj):
        func.bound.waiting.append(deferred)
    return deferred


def must_run(engine: Engine, func: Func, args: Args) -> bool:
    """Whether a call may demand something itself: it names a loss, or is handed one."""
    if isinstance(func.node, ast.Lambda) or not func.module.source.written:
        return True
    words = engine.words_of(func)
    if engine.demands(words, func.module) or engine.writes_out(words):
        return True
    if any(carries(engine, value, 1) for value in args.every()):
        return True
    if func.closure is not None and _closes_over_loss(engine, func):
        return True
    if isinstance(func.bound, Obj):
        return _reads_loss(engine, func, func.bound)
    if isinstance(func.bound, Class):
        return reach(engine, attributes.resolution(engine, func.bound), func).hot
    return func.bound is not None and carries(engine, func.bound, 2)


def _reads_loss(engine: Engine, func: Func, obj: Obj) -> bool:
    """Whether a method, or one that it calls, names a loss or an attribute of its object that holds one."""
    order = attributes.resolution(engine, obj.cls)
    found = reach(engine, order, func)
    if found.hot or any(isinstance(base, Ext) and carries(engine, base, 0) for base in order):
        return True
    for begun in list(obj.begun):
        if engine.demands(engine.words_of(begun.func), begun.func.module):
            begun.begin(engine)
        if any(carries(engine, v, 1) for v in begun.given):
            begun.finish(engine)
    return any(carries(engine, v, 1) and found.mentions(engine, name) for name, v in list(obj.attrs.items()))


def _closes_over_loss(engine: Engine, func: Func) -> bool:
    """Whether a function reads a loss from a function round it."""
    words, scope = engine.words_of(func), func.closure
    while scope is not None and scope.func is not None:
        if any(
            name in words and carries(engine, value, 1) for name, value in scope.locals.items() if value is not func
        ):
            return True
        scope = scope.outer
    return False


def _handed(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> None:
    """A function within a function that is given away (`Engine(step)`, `optimizer.step(closure)`) will be called."""
    for value in args.every():
        if not isinstance(value, Func) or value.closure is None or isinstance(value.node, ast.Lambda):
            continue
        if not engine.reached(value.module, value.node) and must_run(engine, value, Args()):
            run(engine, value, Args(open=True), node, frame)


_CARRIERS = (Obj, Built, Ext, Func, Class, Seq, Map, Choice, Partial, Deferred, Const)


def carries(engine: Engine, value: Value, depth: int) -> bool:
    """Whether a loss can be reached through a value; a loss's name (`compile(loss="mse")`) is as good."""
    if not isinstance(value, _CARRIERS):
        return False
    if isinstance(value, Const):
        return isinstance(value.value, str) and value.value in engine.table.losses
    if isinstance(value, Deferred):
        return value.value is not None and carries(engine, value.value, depth)
    if isinstance(value, Choice):
        return any(carries(engine, a.value, depth) for a in value.alternatives)
    if isinstance(value, Built):
        return any(row.verb is Verb.LOSS for row in value.rows)
    if isinstance(value, Ext):
        return any(row.verb is Verb.LOSS for row in engine.table.named(value.name))
    if isinstance(value, Partial):
        return carries(engine, value.func, depth)
    if isinstance(value, Func):
        return engine.demands(engine.words_of(value), value.module)
    if isinstance(value, (Class, Obj)):
        if any(
            engine.is_hot(cls) for cls in attributes.written_classes(value.cls if isinstance(value, Obj) else value)
        ):
            return True
        return depth > 0 and isinstance(value, Obj) and any(carries(engine, v, depth - 1) for v in value.attrs.values())
    if not depth:
        return False
    items = value.items.values() if isinstance(value, Map) else value.items if isinstance(value, Seq) else ()
    return any(carries(engine, v, depth - 1) for v in items)


def run(engine: Engine, func: Func, args: Args, node: ast.AST, frame: Frame) -> Value:
    """Run a function's body over abstract values."""
    if _too_deep(engine, func):
        return TOO_DEEP
    receiver = key_of(func.bound.cls.module, func.bound.cls.node) if isinstance(func.bound, Obj) else None
    reached = engine.record.reached.setdefault(key_of(func.module, func.node), set())
    reached.add(receiver)
    engine.record.modules.add(func.module.source.shown)
    inner = Frame(func.module, {}, func.closure, func, start=len(engine.facts))
    bind(engine, func, args, inner)
    result = _inside(engine, func, node, frame, partial(_result, engine, func, inner))
    del engine.facts[inner.start :]
    if engine.steps > engine.limit:  # cut short: what it demands was not seen, so it may be tried again
        reached.discard(receiver)
    return result if result is func.bound else handed_on(result, frame, node)


def _too_deep(engine: Engine, func: Func) -> bool:
    recursive = func.module.source.written and engine.stack.count(func.node) >= MOST_RECURSION
    return recursive or engine.call_depth >= DEEPEST_CALL


def _inside(engine: Engine, func: Func, node: ast.AST, frame: Frame, compute: Callable[[], T]) -> T:
    """Compute as a part of a call of a function."""
    engine.stack.append(func.node)
    engine.callers.append((node, frame))
    engine.call_depth += 1
    exits, engine.exits = engine.exits, []
    depth, engine.expression_depth = engine.expression_depth, 0
    try:
        return compute()
    finally:
        engine.stack.pop()
        engine.callers.pop()
        engine.call_depth -= 1
        engine.exits = exits
        engine.expression_depth = depth


def _result(engine: Engine, func: Func, inner: Frame) -> Value:
    return (
        engine.evaluate(func.node.body, inner) if isinstance(func.node, ast.Lambda) else _body(engine, func.node, inner)
    )


def _body(engine: Engine, node: ast.FunctionDef | ast.AsyncFunctionDef, inner: Frame) -> Value:
    goes_on = engine.execute(node.body, inner)
    if inner.yields:
        return Seq(list(inner.yields), open=True)
    if goes_on:
        inner.returns.append(Alternative(tuple(engine.facts[inner.start :]), NONE))
    _join_late(engine, inner)
    if not inner.returns:
        return Unknown("computed")
    returns = inner.returns
    if len(returns) == 1:
        return returns[0].value
    if any(waits(r.value) for r in returns):
        return engine.defer(lambda: _one_of(engine, returns))
    return _one_of(engine, returns)


def _join_late(engine: Engine, inner: Frame) -> None:
    """Join what the paths had written that left the function early."""
    for facts, written in inner.late:
        mark = len(engine.journal)
        engine.redo(written)
        changed = engine.undo(mark)
        engine.merge([(facts, changed), (tuple(f.negated() for f in facts[:1]), [])])
    inner.late.clear()


def _one_of(engine: Engine, returns: Sequence[Alternative]) -> Value:
    """What a function returns that returns in several places."""
    values = [engine.force(r.value) for r in returns]
    if are_objects(values):
        return choose(Alternative(as_dispatch(r.facts), v) for r, v in zip(returns, values, strict=True))
    return choose(Alternative(r.facts, v) for r, v in zip(returns, values, strict=True))


def handed_on(value: Value, frame: Frame, node: ast.AST) -> Value:
    """A result, with the call that handed it on added to the way of each tensor in it."""
    if not frame.module.source.written or not hasattr(node, "lineno"):
        return value
    if isinstance(value, Tensor):
        return value.through(frame.module, node)
    if isinstance(value, Obj):
        value.handed = (frame.module, node)
    if isinstance(value, Choice):
        return Choice(tuple(Alternative(a.facts, handed_on(a.value, frame, node)) for a in value.alternatives))
    if isinstance(value, Seq) and value.frozen:
        return Seq([handed_on(item, frame, node) for item in value.items], value.open, True)
    return value


def bind(engine: Engine, func: Func, args: Args, inner: Frame) -> None:
    """Bind a function's parameters to what the call passes, else to their defaults, else to unknown values."""
    spec = func.node.args
    names = [a.arg for a in [*spec.posonlyargs, *spec.args]]
    values = list(args.values)
    if func.bound is not None and func.kind != "static":
        values.insert(0, func.bound)
    keywords = dict(args.keywords)
    outer = func.closure or func.module.frame
    default = dict(defaults(func.node))
    for name, value in zip(names, values, strict=False):
        inner.locals[name] = value
    if spec.vararg is not None:
        inner.locals[spec.vararg.arg] = Seq(values[len(names) :], args.open, frozen=True)
    vague = any(name not in default and name not in keywords for name in names[len(values) :])
    for name in [*names, *[a.arg for a in spec.kwonlyargs]]:
        if name in keywords:
            inner.locals[name] = keywords.pop(name)
        elif name not in inner.locals:
            inner.locals[name] = _unbound(engine, func, name, default.get(name), args.open, vague, outer)
    if spec.kwarg is not None:
        inner.locals[spec.kwarg.arg] = Map(keyed(keywords), args.open, frozen=True)


def _unbound(
    engine: Engine, func: Func, name: str, default: ast.expr | None, passed: bool, vague: bool, outer: Frame
) -> Value:
    """A parameter that the call leaves out: its default, an object of the class it is annotated with, or unknown.

    `passed`: the call may pass it all the same; `vague`: it is no real call, since parameters without default lack.
    """
    key = f"{func.module.source.shown}:{func.name}.{name}"
    if default is not None and not _is_placeholder(default, passed, vague):
        value = engine.detached(lambda: engine.evaluate(default, outer), list(engine.facts))
        return options.given(engine, func.outside, name, value, key) if func.outside else value
    unknown = Unknown("argument is a parameter no one binds", key)
    spec = func.node.args
    noted = next((a.annotation for a in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs] if a.arg == name), None)
    if isinstance(noted, ast.Constant) and isinstance(noted.value, str) and noted.value.isidentifier():
        noted = ast.copy_location(ast.Name(noted.value, ast.Load()), noted)
    if not isinstance(noted, (ast.Name, ast.Attribute)) or default is not None:
        return unknown
    kind = engine.force(engine.detached(lambda: engine.evaluate(noted, func.module.frame)))
    if (
        isinstance(kind, Class)
        and kind.module.source.written
        and engine.call_depth < DEEPEST_CALL // 2
        and _runs(engine, kind)
    ):
        return instantiate(engine, kind, Args(), noted, func.module.frame)
    return unknown


def _is_placeholder(default: ast.expr, passed: bool, vague: bool) -> bool:
    """Whether a default stands for what real calls pass: None, or a length of 1."""
    value = default.value if isinstance(default, ast.Constant) else ...
    return (passed and value is None) or ((passed or vague) and value == 1 and not isinstance(value, bool))


def _runs(engine: Engine, cls: Class) -> bool:
    """Whether objects of a class can be called: a model or a loss, not a bag of settings."""
    return any(attributes.class_attribute(engine, cls, name) for name in ("__call__", *engine.table.call_methods))


# -- classes of the project --------------------------------------------------------------------------------------


def instantiate(engine: Engine, cls: Class, args: Args, node: ast.AST, frame: Frame) -> Value:
    """An object of a class; its `__init__` runs when something of it is needed, or now when it names a loss."""
    if not hasattr(node, "lineno"):
        node = cls.node
    obj = Obj(cls, frame.module, node)
    found = attributes.class_attribute(engine, cls, "__init__")
    init = engine.force(found[0]) if found is not None else None
    if isinstance(init, Func):
        init = replace(init, bound=obj, outside=cls.outside)
        _begin(engine, obj, init, args, node, frame)
        if _begins(engine, init, args):
            attributes.initialise(engine, obj)
        return obj
    if any(isinstance(c, Ext) and c.name.startswith("enum.") for c in attributes.resolution(engine, cls)):
        return args.values[0] if args.values else obj
    _fill_fields(engine, obj, args)
    return obj


def _begins(engine: Engine, init: Func, args: Args) -> bool:
    """Whether an `__init__` runs at once: it names a loss and is handed one; a program of the table: one of the two."""
    naming, handed = engine.demands(engine.words_of(init), init.module), (carries(engine, v, 1) for v in args.every())
    return (naming and any(handed)) if init.module.source.written else (naming or any(handed))


def _begin(engine: Engine, obj: Obj, func: Func, args: Args, node: ast.AST, frame: Frame) -> Begun:
    """Have an `__init__` run as attributes of its object are asked for."""
    call = _Resumed(engine, obj, func, args, node, frame, list(engine.facts))
    begun = Begun(func, attributes.resolution(engine, obj.cls), args.every(), call.run)
    obj.begun.append(begun)
    return begun


def _base_initialised(engine: Engine, obj: Obj, func: Func, args: Args, node: ast.AST, frame: Frame) -> Value:
    """`super().__init__(...)`: what names a loss or sets what is there already runs now, the rest when it is needed."""
    begun = _begin(engine, obj, func, args, node, frame)
    if any(carries(engine, value, 1) for value in args.every()):
        begun.finish(engine)
        return NONE
    if must_run(engine, func, args):
        begun.begin(engine)
    for name in list(obj.attrs):
        begun.supply(engine, name)
    return NONE


@dataclass(slots=True, eq=False)
class _Resumed:
    """A call that runs some of its statements at a time, in one frame."""

    engine: Engine
    obj: Obj
    func: Func
    args: Args
    node: ast.AST
    caller: Frame
    facts: list[Fact]
    inner: Frame | None = None

    def run(self, body: Sequence[ast.stmt]) -> bool:
        """Run statements of the function; whether the path goes on after them."""
        if _too_deep(self.engine, self.func):
            return True
        self.obj.filling += 1
        try:
            return self.engine.detached(partial(self._run, body), self.facts)
        finally:
            self.obj.filling -= 1

    def _run(self, body: Sequence[ast.stmt]) -> bool:
        engine, func = self.engine, self.func
        if self.inner is None:
            self.inner = Frame(func.module, {}, func.closure, func, start=len(self.facts))
            bind(engine, func, self.args, self.inner)
        goes_on = _inside(engine, func, self.node, self.caller, partial(engine.execute, body, self.inner))
        _join_late(engine, self.inner)
        return goes_on


def _fill_fields(engine: Engine, obj: Obj, args: Args) -> None:
    """A class without `__init__`: fields in order as in a dataclass, keywords as they come."""
    fields = attributes.fields(engine, obj.cls)
    given = dict(zip((name for name, _, _ in fields), args.values, strict=False)) | args.keywords
    for name, value in given.items():
        obj.attrs[name] = value
    for name, default, owner in fields:
        if name not in given:
            key = f"{owner.module.source.shown}:{owner.name}.{name}"
            if default is None:
                obj.attrs[name] = Unknown("argument is a parameter no one binds", key)
            else:
                value = _field_default(engine, default, owner)
                known = options.given(engine, obj.cls.outside, name, value, key) if obj.cls.outside else value
                obj.attrs[name] = known
    post = attributes.class_attribute(engine, obj.cls, "__post_init__")
    if post is not None and isinstance(post[0], Func):
        _begin(engine, obj, post[0].bind(obj), Args(), obj.node, obj.cls.module.frame)


def _field_default(engine: Engine, default: ast.expr, owner: Class) -> Value:
    """`field(default=..., default_factory=...)` or a plain default."""
    frame = owner.closure or owner.module.frame
    if isinstance(default, ast.Call):
        for keyword in default.keywords:
            if keyword.arg == "default":
                return engine.evaluate(keyword.value, frame)
            if keyword.arg == "default_factory":
                return engine.call(engine.evaluate(keyword.value, frame), Args(), default, frame)
    return engine.evaluate(default, frame)


def _object(engine: Engine, obj: Obj, args: Args, node: ast.AST, frame: Frame) -> Value:
    """Calling an object: its `__call__`, else the method that its framework's own `__call__` goes to."""
    for name in ("__call__", *engine.table.call_methods):
        found = attributes.class_attribute(engine, obj.cls, name)
        if found is not None and isinstance(method := engine.force(found[0]), Func):
            result = call(engine, method.bind(obj), args, node, frame)
            if not method.module.source.written or isinstance(result, Deferred):
                return engine.then(result, lambda v: _from_object(v, obj))
            return _from_object(result, obj)
    own = obj.attrs.get("forward")
    if own is not None:
        return call(engine, own, args, node, frame)
    return _inherited(engine, obj.cls, obj.node, obj.module, args, node, frame)


def _from_object(value: Value, obj: Obj) -> Value:
    """A result of calling an object, with the place where the object came from added to its way."""
    module, node = obj.handed or (obj.module, obj.node)
    if not isinstance(value, Tensor) or not hasattr(node, "lineno") or origin(value) is node:
        return value
    return value.through(module, node)


def _inherited(
    engine: Engine, cls: Class, built: ast.AST, module: Module, args: Args, node: ast.AST, frame: Frame
) -> Value:
    """Calling an object of a class that inherits from an operator of the table and leaves its call alone."""
    for base in attributes.resolution(engine, cls):
        rows = engine.table.named(base.name) if isinstance(base, Ext) else ()
        if rows:
            return _built(engine, Built(base.name, rows, {}, module, built), args, node, frame)
    return Unknown("attribute unknown __call__")


# -- what lies outside -------------------------------------------------------------------------------------------


def _external(engine: Engine, callee: Ext, args: Args, node: ast.AST, frame: Frame) -> Value:
    name = callee.name
    rows = engine.table.named(name)
    if rows and spelling(name) == "module":
        return _build(engine, name, rows, args, node, frame)
    if rows and spelling(name) == "method":  # torch.Tensor.softmax(x): the receiver is the first argument
        rest = Args(args.values[1:], args.nodes[1:], args.keywords, args.keyword_nodes, args.open)
        receiver = args.values[0] if args.values else Unknown("computed")
        return _tensor_method(engine, rows, receiver, rest, node, frame, args.nodes[:1])
    if rows:
        given = Bindings.of(rows[0].params, args, called=name)
        return operators.apply(engine, rows, given, Trace(None, frame.module, node, "made"), node, frame)
    found = imports.program(engine, name) or _of_program(engine, name, node, frame)
    if found is not None:
        return call(engine, found, args, node, frame)
    if spelling(name) == "module" and name in engine.table.modules:  # a class of which the table knows methods
        return Built(name, (), {}, frame.module, node)
    handler = builtin.FUNCTIONS.get(name)
    if handler is not None:
        return handler(engine, args, node, frame)
    _handed(engine, args, node, frame)
    shown = name.removeprefix("builtins.")
    return Unknown(
        f"no row for {shown}",
        f"{frame.module.source.shown}:{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}",
    )


def _of_program(engine: Engine, name: str, node: ast.AST, frame: Frame) -> Value | None:
    """A method called on a class of which the table has a program: `AutoModel.from_pretrained`."""
    owner, _, last = name.rpartition(".")
    cls = imports.program(engine, owner)
    found = attributes.attribute(engine, cls, last, node, frame) if isinstance(cls, Class) else None
    return found if isinstance(found, Func) else None


def _build(engine: Engine, name: str, rows: Sequence[Row], args: Args, node: ast.AST, frame: Frame) -> Value:
    given = Bindings.of(rows[0].build, args, called=name)
    given.values = {key: _constant(engine, value) for key, value in given.values.items()}
    where, home = (node, frame) if frame.module.source.written else operators.outermost(engine, node, frame)
    built = Built(name, tuple(rows), given.values, home.module, where)
    judged = [row for row in rows if row.arg in row.build]
    if any(row.verb is Verb.LOSS for row in rows) and not judged and frame.module.source.written:
        place = frame.module.source.place(node)
        engine.record.criteria.setdefault(key_of(frame.module, node), LossSite(place, name.rpartition(".")[2]))
    if judged:
        operators.apply(engine, judged, given, Trace(None, frame.module, node, "made"), node, frame)
    return built


def _constant(engine: Engine, value: Value) -> Value:
    """An outside name that a program of the table gives as a constant: `losses.BINARY_MODE`."""
    value = engine.force(value) if isinstance(value, imports.Late) else value
    found = imports.program(engine, value.name) if isinstance(value, Ext) else None
    return found if isinstance(found, Const) else value


def _built(engine: Engine, callee: Built, args: Args, node: ast.AST, frame: Frame) -> Value:
    rows = [row for row in callee.rows if row.arg not in row.build]
    if not rows:
        return Unknown("computed")
    engine.record.called.add(key_of(callee.module, callee.node))
    given = Bindings.of(rows[0].call, args, callee.args, called=callee.name)
    made = Trace(None, callee.module, callee.node, "built")
    result = operators.apply(engine, rows, given, made, node, frame)
    source = any(row.verb in (Verb.OP, Verb.SOURCE) for row in rows)
    return handed_on(result, frame, node) if source else result


def _method(engine: Engine, callee: Bound, args: Args, node: ast.AST, frame: Frame) -> Value:
    receiver = callee.receiver
    if isinstance(receiver, Super) and callee.name in ("__call__", *engine.table.call_methods):
        return _inherited(engine, receiver.cls, receiver.cls.node, receiver.cls.module, args, node, frame)
    handler = builtin.method_of(receiver, callee.name)
    if handler is not None:
        return handler(engine, receiver, args, node, frame)
    rows = engine.table.method(callee.name)
    if isinstance(receiver, Tensor):
        if not rows:
            return Unknown(f"no row for {callee.name}")
        return _tensor_method(engine, rows, receiver, args, node, frame)
    if isinstance(receiver, (Obj, Built)):
        if any(row.verb is Verb.KEEPS for row in rows):
            return receiver
        if isinstance(receiver, Built):
            dotted = engine.table.named(f"{receiver.name}.{callee.name}")
            if dotted:
                return _tensor_method(engine, dotted, receiver, args, node, frame)
    _handed(engine, args, node, frame)
    return Unknown("computed")


def _tensor_method(
    engine: Engine,
    rows: Sequence[Row],
    receiver: Value,
    args: Args,
    node: ast.AST,
    frame: Frame,
    nodes: Sequence[ast.expr] = (),
) -> Value:
    rest = tuple(p for p in rows[0].params if p != rows[0].arg)
    given = Bindings.of(rest, args)
    given.values[rows[0].arg] = receiver
    inner = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
    given.nodes[rows[0].arg] = nodes[0] if nodes else inner
    return operators.apply(engine, rows, given, Trace(None, frame.module, node, "made"), node, frame)
