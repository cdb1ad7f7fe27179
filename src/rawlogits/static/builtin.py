"""Python's own functions, containers and strings, as far as they carry values from one place to another."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import partial

from rawlogits.static import attributes, composed, datafiles, imports, options, registers
from rawlogits.static.conditions import truth
from rawlogits.static.engine import Args, Engine, first_key, keyed, literal
from rawlogits.static.values import (
    NONE,
    Bound,
    Built,
    Choice,
    Class,
    Const,
    Ext,
    Fact,
    Frame,
    Func,
    Map,
    ModuleRef,
    Obj,
    Partial,
    Seq,
    Super,
    Tensor,
    Unknown,
    Value,
    join,
)
from rawlogits.table.row import Verb, spelling

Function = Callable[[Engine, Args, ast.AST, Frame], Value]
Method = Callable[[Engine, Value, Args, ast.AST, Frame], Value]

_UNKNOWN = Unknown("computed")
_MOST_RANGE = 12
_LONGEST_PATTERN = 5_000
_TEXT_METHODS = frozenset(
    "lower upper strip lstrip rstrip title capitalize casefold replace split rsplit join startswith endswith format "
    "partition rpartition removeprefix removesuffix count find rfind index isdigit".split()
)


def _argument(args: Args, index: int, name: str = "") -> Value | None:
    return args.values[index] if index < len(args.values) else args.keywords.get(name)


def _sequence(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    if not args.values:
        return Seq([], open=args.open)
    items, exact = attributes.iterated(engine, args.values[0], node, frame)
    return Seq(items, open=not exact)


def _frozen(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    made = _sequence(engine, args, node, frame)
    return Seq(made.items, made.open, frozen=True) if isinstance(made, Seq) else made


def _dict(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    result = Map(keyed(args.keywords), args.open)
    if args.values:
        first = engine.force(args.values[0])
        if isinstance(first, Map):
            result.items = first.items | keyed(args.keywords)
            result.open |= first.open
        elif isinstance(first, Seq):
            for pair in (engine.force(p) for p in first.items):
                key = literal(engine.force(pair.items[0])) if isinstance(pair, Seq) and len(pair.items) == 2 else ...
                if key is not ... and isinstance(pair, Seq) and attributes.hashable(key):
                    result.items[key] = pair.items[1]
                else:
                    result.open = True
            result.open |= first.open
        else:
            result.open = True
    return result


def _range(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    bounds = [literal(engine.force(v)) for v in args.values]
    if bounds and all(isinstance(b, int) for b in bounds):
        try:
            numbers = range(*bounds)  # type: ignore[call-overload]
        except (TypeError, ValueError):
            return _UNKNOWN
        if len(numbers) <= _MOST_RANGE:
            return Seq([Const(n) for n in numbers])
    return Seq([Unknown("computed")], open=True)


def _enumerate(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    if not args.values:
        return _UNKNOWN
    items, exact = attributes.iterated(engine, args.values[0], node, frame)
    start = literal(engine.force(_argument(args, 1, "start") or Const(0)))
    first = start if isinstance(start, int) else 0
    pairs: list[Value] = [Seq([Const(first + i) if exact else _UNKNOWN, v], frozen=True) for i, v in enumerate(items)]
    return Seq(pairs, open=not exact)


def _zip(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    columns = [attributes.iterated(engine, v, node, frame) for v in args.values]
    exact = bool(columns) and all(e for _, e in columns)
    length = min((len(items) for items, _ in columns), default=0) if exact else 1
    rows: list[Value] = [
        Seq([items[i] if i < len(items) else _UNKNOWN for items, _ in columns], frozen=True) for i in range(length)
    ]
    return Seq(rows, open=not exact)


def _reversed(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    made = _sequence(engine, args, node, frame)
    return Seq(made.items[::-1], made.open) if isinstance(made, Seq) else made


def _len(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    value = engine.force(args.values[0]) if args.values else _UNKNOWN
    if isinstance(value, (Seq, Map)) and not value.open and (value.items or value.frozen):
        return Const(len(value.items))  # an empty list may be filled by a call that nobody needed yet
    if isinstance(value, Const) and isinstance(value.value, (str, tuple)):
        return Const(len(value.value))
    if isinstance(value, Obj):
        method = attributes.class_attribute(engine, value.cls, "__len__")
        if method is not None and isinstance(method[0], Func):
            return engine.call(method[0].bind(value), Args(), node, frame)
    return Unknown("computed", f"len({first_key(value)})" if first_key(value) else "")


def _convert(kind: Callable[[object], object]) -> Function:
    def convert(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
        value = engine.force(args.values[0]) if args.values else NONE
        constant = literal(value)
        if constant is ...:
            return value if isinstance(value, Unknown) else _UNKNOWN
        try:
            return Const(kind(constant))
        except (TypeError, ValueError, OverflowError):
            return _UNKNOWN

    return convert


def _bool(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    if not args.values:
        return Const(False)
    outcome = truth(engine, args.values[0], node, frame)
    return Const(outcome.known) if outcome.known is not None else engine.force(args.values[0])


def _isinstance(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    if len(args.values) != 2:
        return _UNKNOWN
    value, kinds = engine.glance(args.values[0]), engine.force(args.values[1])
    wanted = [engine.force(k) for k in kinds.items] if isinstance(kinds, Seq) else [kinds]
    answers = [_is_a(engine, value, kind) for kind in wanted]
    if True in answers:
        return Const(True)
    if answers and None not in answers:
        return Const(False)
    key = first_key(value)
    return Unknown("computed", f"isinstance({key}, {ast.unparse(node)})" if key else "")


_NATIVE: dict[str, tuple[type, ...]] = {
    "builtins.str": (str,),
    "builtins.int": (int,),
    "builtins.float": (float,),
    "builtins.bool": (bool,),
}


def _is_a(engine: Engine, value: Value, kind: Value) -> bool | None:
    """Whether a value is an instance of a class; None when that cannot be told."""
    if isinstance(value, (Unknown, Choice)) or isinstance(kind, (Unknown, Choice)):
        return None
    if kind == Ext("builtins.type"):
        return isinstance(value, Class) or (isinstance(value, Ext) and spelling(value.name) == "module")
    if isinstance(value, Obj):
        order = attributes.resolution(engine, value.cls)
        if any(one is kind or one == kind for one in order if isinstance(one, (Class, Ext))):
            return True
        program = imports.program(engine, kind.name) if isinstance(kind, Ext) else None
        if program is not None and any(getattr(one, "node", None) is getattr(program, "node", 0) for one in order):
            return True
        return None if any(isinstance(one, Ext) for one in order) and isinstance(kind, Ext) else False
    if isinstance(kind, Ext):
        if isinstance(value, Const):
            return isinstance(value.value, _NATIVE.get(kind.name, ()))
        if isinstance(value, Seq):
            names = {"builtins.tuple"} if value.frozen else {"builtins.list", "builtins.tuple"}
            return kind.name in names
        if isinstance(value, Map):
            return kind.name in (
                "builtins.dict",
                "collections.OrderedDict",
                "collections.abc.Mapping",
                "typing.Mapping",
            )
        if isinstance(value, Built):
            other = kind.name.startswith("builtins.") or _are_losses(engine, kind.name, value.name)
            return True if kind.name == value.name else False if other else None
        called = isinstance(value, (Func, Class, Partial)) or (
            isinstance(value, Ext) and engine.table.named(value.name)
        )
        if called and kind.name.startswith("builtins."):
            return False
        if isinstance(value, Tensor):
            return False if kind.name.startswith("builtins.") else True if kind.name.endswith(".Tensor") else None
    if isinstance(kind, Class):
        return False
    return None


def _are_losses(engine: Engine, *names: str) -> bool:
    """Whether these are losses of the table, of which none inherits from another that it does not share a row with."""
    rows = [engine.table.named(name) for name in names]
    return rows[0] != rows[1] and all(any(row.verb is Verb.LOSS for row in found) for found in rows)


def _getattr(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    if len(args.values) < 2:
        return _UNKNOWN
    value, name = engine.force(args.values[0]), engine.force(args.values[1])
    if isinstance(name, Choice):
        return engine.then(name, lambda n: _getattr(engine, Args([value, n, *args.values[2:]]), node, frame))
    text = literal(name)
    if isinstance(text, str):
        found = engine.attribute(value, text, node, frame)
        missing = isinstance(engine.force(found), Unknown) or (
            isinstance(found, Bound) and isinstance(value, (Map, Built))
        )
        if missing and len(args.values) > 2 and not isinstance(value, (Unknown, Ext, Obj)):
            return args.values[2]
        if missing and len(args.values) > 2 and isinstance(value, Obj):
            fact = Fact(f"{value.key}.{text}", "is", "present", True)
            return join((fact,), found, (fact.negated(),), args.values[2])
        return found
    if isinstance(value, ModuleRef):
        return attributes.any_of_module(engine, value, name, node)
    if isinstance(value, Ext):
        return attributes.any_outside(engine, value.name, name, node)
    return Unknown("value from a container by a computed key")


def _setattr(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    if len(args.values) == 3:
        name = literal(engine.force(args.values[1]))
        if isinstance(name, str):
            attributes.set_attribute(engine, args.values[0], name, args.values[2])
    return NONE


def _hasattr(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    if len(args.values) != 2:
        return _UNKNOWN
    value, name = engine.force(args.values[0]), literal(engine.force(args.values[1]))
    if isinstance(value, Obj) and isinstance(name, str):
        found = engine.force(engine.attribute(value, name, node, frame))
        if not isinstance(found, Unknown):
            return Const(True)
        order = attributes.resolution(engine, value.cls)
        return _UNKNOWN if any(isinstance(c, Ext) for c in order) else Const(False)
    if isinstance(value, Map) and isinstance(name, str) and not value.open:
        return Const(name in value.items)
    return Unknown("computed", f"hasattr({first_key(value)}, {name!r})" if first_key(value) and name is not ... else "")


def _partial(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    return Partial(args.values[0], args.values[1:], dict(args.keywords)) if args.values else _UNKNOWN


def _map(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    if len(args.values) != 2:
        return _UNKNOWN
    items, exact = attributes.iterated(engine, args.values[1], node, frame)
    where = node.args[1] if isinstance(node, ast.Call) and len(node.args) == 2 else node
    return Seq([engine.call(args.values[0], Args([v], [where]), node, frame) for v in items], open=not exact)  # type: ignore[list-item]


def _namespace(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    return Map(keyed(args.keywords), args.open)


def _findall(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    """`re.findall` of constants."""
    given = [literal(engine.force(v)) for v in args.values]
    if len(given) != 2 or args.keywords or not all(isinstance(v, str) and len(v) <= _LONGEST_PATTERN for v in given):
        return _UNKNOWN
    try:
        return Seq([Const(found) for found in re.findall(*given)])  # type: ignore[call-overload]
    except re.error:
        return _UNKNOWN


def _type(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    value = engine.force(args.values[0]) if len(args.values) == 1 else _UNKNOWN
    return value.cls if isinstance(value, Obj) else _UNKNOWN


def _sum(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    items, _ = attributes.iterated(engine, args.values[0], node, frame) if args.values else ([], False)
    forced = [engine.force(item) for item in items]
    return Tensor(None, "sum") if any(isinstance(item, Tensor) for item in forced) else _UNKNOWN


def _next(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    items, _ = attributes.iterated(engine, args.values[0], node, frame) if args.values else ([], False)
    return items[0] if items else args.values[1] if len(args.values) > 1 else _UNKNOWN


def _globals(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    return Bound(ModuleRef(frame.module), "__dict__")


def _import_module(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    return engine.then(args.values[0], partial(_module_named, engine, frame)) if args.values else _UNKNOWN


def _module_named(engine: Engine, frame: Frame, value: Value) -> Value:
    name = literal(value)
    if not isinstance(name, str) or not name.strip("."):
        return Unknown("value from a container by a computed key")
    if name.startswith("."):
        level = len(name) - len(name.lstrip("."))
        statement = ast.ImportFrom(name.lstrip("."), [], level)
        return imports.origin(engine, statement, frame.module)
    return imports.absolute(engine, name, frame.module)


def _chain(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    columns = [attributes.iterated(engine, v, node, frame) for v in args.values]
    return Seq([item for items, _ in columns for item in items], open=not all(e for _, e in columns))


def _callable(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    return engine.then(args.values[0], lambda v: _calls(engine, v)) if args.values else _UNKNOWN


def _calls(engine: Engine, value: Value) -> Value:
    if isinstance(value, Obj):
        names = ("__call__", *engine.table.call_methods)
        found = any(attributes.class_attribute(engine, value.cls, name) for name in names)
        return Const(True) if found else Unknown("computed", value.key)
    if isinstance(value, (Func, Class, Built, Ext, Partial)):
        return Const(True)
    return Const(False) if isinstance(value, (Const, Seq, Map, Tensor)) else Unknown("computed", first_key(value))


def _vars(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    value = engine.force(args.values[0]) if args.values else _UNKNOWN
    return value if isinstance(value, Map) else Unknown("computed", first_key(value))


FUNCTIONS: dict[str, Function] = {
    **datafiles.FUNCTIONS,
    "builtins.list": _sequence,
    "builtins.tuple": _frozen,
    "builtins.set": _sequence,
    "builtins.sorted": _sequence,
    "builtins.iter": _sequence,
    "builtins.reversed": _reversed,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": lambda engine, args, node, frame: Map({}, open=True),
    "builtins.range": _range,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.len": _len,
    "builtins.int": _convert(int),  # type: ignore[arg-type]
    "builtins.float": _convert(float),  # type: ignore[arg-type]
    "builtins.str": _convert(str),
    "builtins.bool": _bool,
    "builtins.abs": _convert(abs),  # type: ignore[arg-type]
    "builtins.isinstance": _isinstance,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "builtins.map": _map,
    "builtins.type": _type,
    "builtins.sum": _sum,
    "builtins.next": _next,
    "builtins.globals": _globals,
    "builtins.callable": _callable,
    "builtins.vars": _vars,
    "builtins.print": lambda engine, args, node, frame: NONE,
    "functools.partial": _partial,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    **options.FUNCTIONS,
    **composed.FUNCTIONS,
    "importlib.import_module": _import_module,
    "itertools.chain": _chain,
    "re.findall": _findall,
}
"""By qualified name."""


# -- methods of sequences, mappings and strings ------------------------------------------------------------------


def _append(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if isinstance(receiver, Seq) and args.values:
        engine.rewrite(receiver, [*receiver.items, args.values[0]])
        receiver.open |= engine.uncounted > 0
    return NONE


def _extend(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if isinstance(receiver, Seq) and args.values:
        items, exact = attributes.iterated(engine, args.values[0], node, frame)
        engine.rewrite(receiver, [*receiver.items, *items])
        receiver.open |= not exact
    return NONE


def _insert(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if isinstance(receiver, Seq) and len(args.values) == 2:
        place = literal(engine.force(args.values[0]))
        if isinstance(place, int):
            items = list(receiver.items)
            items.insert(place, args.values[1])
            engine.rewrite(receiver, items)
        else:
            receiver.open = True
    return NONE


def _pop(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    place = literal(engine.force(args.values[0])) if args.values else -1
    if isinstance(receiver, Seq) and isinstance(place, int) and -len(receiver.items) <= place < len(receiver.items):
        items = list(receiver.items)
        taken = items.pop(place)
        engine.rewrite(receiver, items)
        return taken
    if isinstance(receiver, Map) and args.values:
        return _get(engine, receiver, args, node, frame)
    return _UNKNOWN


def _copy(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if isinstance(receiver, Seq):
        return Seq(list(receiver.items), receiver.open, receiver.frozen)
    return Map(dict(receiver.items), receiver.open) if isinstance(receiver, Map) else _UNKNOWN


def _get(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if not isinstance(receiver, Map) or not args.values:
        return _UNKNOWN
    key = engine.force(args.values[0])
    place = literal(key)
    registers.fill(engine, receiver, place)
    if place is not ... and not receiver.open and attributes.hashable(place) and place not in receiver.items:
        return _argument(args, 1, "default") or NONE
    return attributes.item_at(engine, receiver, key, node, frame)


def _keys(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if isinstance(receiver, Map):
        registers.fill(engine, receiver)
    return Seq([Const(k) for k in _shown(receiver)], _is_open(receiver))


def _values(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    return Seq(list(receiver.items.values()), receiver.open) if isinstance(receiver, Map) else _UNKNOWN


def _items(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if not isinstance(receiver, Map):
        return _UNKNOWN
    pairs: list[Value] = [Seq([Const(k), receiver.items[k]], frozen=True) for k in _shown(receiver)]
    return Seq(pairs, receiver.open)


def _shown(receiver: Value) -> list[object]:
    return [k for k in receiver.items if k != attributes.COMPUTED] if isinstance(receiver, Map) else []


def _is_open(receiver: Value) -> bool:
    return not isinstance(receiver, Map) or receiver.open


def _update(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if isinstance(receiver, Map):
        added = _dict(engine, args, node, frame)
        if isinstance(added, Map):
            if added.open:
                options.open_up(engine, receiver.items, f"{frame.module.source.shown}:{getattr(node, 'lineno', 0)}")
            for key, value in added.items.items():
                engine.write(receiver.items, key, value)
            receiver.open |= added.open
    return NONE


def _setdefault(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    if isinstance(receiver, Map) and args.values:
        key = literal(engine.force(args.values[0]))
        if key is not ... and attributes.hashable(key):
            if key not in receiver.items:
                engine.write(receiver.items, key, _argument(args, 1) or NONE)
            return receiver.items[key]
    return _UNKNOWN


_SEQUENCE: dict[str, Method] = {
    "append": _append,
    "extend": _extend,
    "insert": _insert,
    "pop": _pop,
    "copy": _copy,
    "add": _append,
}
_MAPPING: dict[str, Method] = {
    "get": _get,
    "keys": _keys,
    "values": _values,
    "items": _items,
    "update": _update,
    "pop": _pop,
    "copy": _copy,
    "setdefault": _setdefault,
}


def _text(name: str) -> Method:
    def method(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
        text = literal(receiver)
        given = [
            tuple(v.items) if isinstance(v, Map) and not v.open else literal(v) for v in map(engine.force, args.values)
        ]
        if not isinstance(text, str) or any(v is ... for v in given) or args.keywords or args.open:
            return _UNKNOWN
        try:
            result = getattr(text, name)(*given)
        except (TypeError, ValueError, LookupError):
            return _UNKNOWN
        return Seq([Const(p) for p in result]) if isinstance(result, list) else Const(result)

    return method


def _object_new(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
    """A method that `super()` looks for where no class of the project has it: nothing happens."""
    return NONE


def _of_file(name: str) -> Method:
    def method(engine: Engine, receiver: Value, args: Args, node: ast.AST, frame: Frame) -> Value:
        return datafiles.method(engine, receiver, name, args, node, frame)

    return method


def method_of(receiver: Value, name: str) -> Method | None:
    """The method of a container or a string by its name."""
    if isinstance(receiver, Seq):
        return _SEQUENCE.get(name)
    if isinstance(receiver, Map):
        return _MAPPING.get(name)
    if isinstance(receiver, Built):
        return _of_file(name) if receiver.name == datafiles.OPENED else options.METHODS.get((receiver.name, name))
    if isinstance(receiver, Const) and isinstance(receiver.value, str) and name in _TEXT_METHODS:
        return _text(name)
    if name in datafiles.PATH_METHODS and datafiles.path_of(receiver) is not None:
        return _of_file(name)
    return (
        _object_new
        if isinstance(receiver, Super) and name in ("__init__", "__setattr__", "__init_subclass__")
        else None
    )
