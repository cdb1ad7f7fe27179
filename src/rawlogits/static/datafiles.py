"""Settings that lie in files: JSON, TOML and YAML that the code reads by a literal path.

What ships with the code is what runs, so the values count as if they stood in it. A path counts from the folder of the
file that reads it or from the root of the scan, where only one of them has it; nothing outside the root is read.
"""

from __future__ import annotations

import ast
import importlib.util
import itertools
import json
import os
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rawlogits.static import source as sources
from rawlogits.static.engine import Args, Engine, literal
from rawlogits.static.names import Module
from rawlogits.static.values import Bound, Built, Const, Frame, Map, Seq, Unknown, Value

Handler = Callable[[Engine, Args, ast.AST, Frame], Value]
OPENED = "builtins.open"
MOST_BYTES = 1_000_000
MOST_PARTS = 20_000
"""Values in one file, those that an alias repeats counted each time."""
_DEEPEST = 32
_SUFFIXES = frozenset({".json", ".toml", ".yaml", ".yml", ".gin", ".py"})
_UNKNOWN = Unknown("value from a file")


def path_of(value: Value) -> str | None:
    """The text of a path: a string, or the folder of one (`Path(__file__).parent`)."""
    if isinstance(value, Bound) and value.name == "parent":
        inner = path_of(value.receiver)
        return None if inner is None else os.path.dirname(inner)
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def joined(op: ast.operator, left: Value, right: Value) -> Value | None:
    """`folder / name`, when both are known; None for what is no path."""
    folder, name = path_of(left), path_of(right)
    return Const(os.path.join(folder, name)) if isinstance(op, ast.Div) and folder is not None and name else None


def _texts(engine: Engine, args: Args) -> list[str] | None:
    found = [path_of(engine.force(value)) for value in args.values]
    return None if args.open or not found or None in found else [text for text in found if text is not None]


def _path(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    texts = _texts(engine, args)
    return Const(os.path.join(*texts)) if texts else _UNKNOWN


def _folder(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    texts = _texts(engine, args)
    return Const(os.path.dirname(texts[0])) if texts else _UNKNOWN


def _opened(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    path = path_of(engine.force(args.values[0])) if args.values else None
    mode = literal(engine.force(args.values[1] if len(args.values) > 1 else args.keywords.get("mode", Const("r"))))
    if path is None or not isinstance(mode, str) or "r" not in mode:
        return _UNKNOWN
    return Built(OPENED, (), {"path": Const(path)}, frame.module, node)


def text_of(engine: Engine, value: Value, module: Module) -> Value:
    """The text of an open file, or of the file at a path."""
    path = value.args["path"] if isinstance(value, Built) and value.name == OPENED else value
    text = path_of(path)
    found = None if text is None else located(engine, text, module)
    held = None if found is None else file_text(engine, found, module)
    return _UNKNOWN if held is None else Const(held)


def file_text(engine: Engine, path: Path, module: Module) -> str | None:
    """The text of a settings file inside the root of the scan; None when there is none that can be read."""
    if not _is_inside(engine, path) or not path.is_file():
        return None
    try:
        raw = sources.read(path)
    except sources.Unreadable:
        return None
    engine.project.edges.setdefault(module.source.shown, set()).add(sources.shown_path(path, engine.project.root))
    if len(raw.data) > MOST_BYTES:
        return None
    try:
        return raw.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def located(engine: Engine, text: str, module: Module) -> Path | None:
    """The file that a path means, inside the root of the scan."""
    if os.path.splitext(text)[1].lower() not in _SUFFIXES:
        return None
    places = (Path(os.path.abspath(os.path.join(folder, text))) for folder in (module.package, engine.project.root))
    found = {path for path in places if _is_inside(engine, path) and path.is_file()}
    return found.pop() if len(found) == 1 else None  # from where it is started decides between two


def _is_inside(engine: Engine, path: Path) -> bool:
    return path.is_relative_to(os.path.abspath(engine.project.root))


def _loaded(parse: Callable[[str], Any], *, by_path: bool = False, from_text: bool = False) -> Callable[..., Value]:
    def load(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
        value = engine.force(args.values[0]) if args.values else _UNKNOWN
        is_file = isinstance(value, Built) and value.name == OPENED
        if is_file or by_path:
            value = text_of(engine, value, frame.module)
        text = value.value if isinstance(value, Const) and (from_text or is_file or by_path) else None
        if not isinstance(text, str):
            return _UNKNOWN
        try:
            return value_of(parse(text))
        except (ValueError, RecursionError, TypeError, OverflowError):
            return _UNKNOWN

    return load


def yaml_data(text: str) -> Any:
    """What YAML says, when PyYAML is installed; ValueError when it is not, or the text is no plain YAML."""
    if importlib.util.find_spec("yaml") is None:
        raise ValueError("PyYAML is not installed")
    import yaml  # type: ignore[import-untyped]

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def value_of(data: Any) -> Value:
    """Plain data as a value of the interpreter; ValueError when it has too many parts (aliases of YAML repeat)."""
    return _value(data, 0, itertools.count(1))


def _value(data: Any, depth: int, parts: Iterator[int]) -> Value:
    if next(parts) > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} values")
    if depth > _DEEPEST:
        return _UNKNOWN
    if isinstance(data, dict):
        return Map({key: _value(item, depth + 1, parts) for key, item in data.items()})
    if isinstance(data, list):
        return Seq([_value(item, depth + 1, parts) for item in data])
    return Const(data) if isinstance(data, (str, int, float, bool)) or data is None else _UNKNOWN


_ANY_YAML = _loaded(yaml_data, from_text=True)


def each(function: Handler) -> Handler:
    """The same function for every alternative of its first argument: one path of several."""

    def of_each(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
        if not args.values:
            return function(engine, args, node, frame)
        return engine.then(
            args.values[0], lambda v: function(engine, replace(args, values=[v, *args.values[1:]]), node, frame)
        )

    return of_each


_FUNCTIONS: dict[str, Handler] = {
    "builtins.open": _opened,
    "io.open": _opened,
    "os.path.join": _path,
    "os.path.abspath": _path,
    "os.path.realpath": _path,
    "os.path.dirname": _folder,
    "pathlib.Path": _path,
    "pathlib.PurePath": _path,
    "json.load": _loaded(json.loads),
    "json.loads": _loaded(json.loads, from_text=True),
    "tomllib.load": _loaded(tomllib.loads),
    "tomllib.loads": _loaded(tomllib.loads, from_text=True),
    "toml.load": _loaded(tomllib.loads, by_path=True),
    "yaml.safe_load": _ANY_YAML,
    "yaml.full_load": _ANY_YAML,
    "yaml.load": _ANY_YAML,
}
FUNCTIONS = {name: each(function) for name, function in _FUNCTIONS.items()}
"""By qualified name."""
PATH_METHODS = frozenset({"resolve", "absolute", "expanduser", "joinpath", "open", "read_text", "parent"})


def method(engine: Engine, receiver: Value, name: str, args: Args, node: ast.AST, frame: Frame) -> Value:
    """A method of a path, or of an open file."""
    if name in ("read", "read_text"):
        return text_of(engine, receiver, frame.module)
    path = path_of(receiver)
    if path is None:
        return _UNKNOWN
    if name == "open":
        return Built(OPENED, (), {"path": Const(path)}, frame.module, node)
    if name == "joinpath":
        more = _texts(engine, args)
        return Const(os.path.join(path, *more)) if more else _UNKNOWN
    return Const(path)
