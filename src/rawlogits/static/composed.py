"""Settings that are put together from several files, and objects that are built from settings.

Hydra: the groups in a `defaults` list, `_target_` and `instantiate`. OmegaConf: `${...}`, merging. MMEngine: `_base_`.
As with single files, what ships with the code counts as if it stood in it (decision 009); a group that is left open
(`???`), a file that is not there and an interpolation that is more than a name are unknown.
"""

from __future__ import annotations

import ast
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rawlogits.static import datafiles, imports, options
from rawlogits.static.engine import Args, Engine, keyed, literal
from rawlogits.static.names import Module
from rawlogits.static.values import (
    NONE,
    Const,
    Ext,
    Frame,
    Func,
    Map,
    ModuleRef,
    Partial,
    Seq,
    Unknown,
    Value,
)

BUILDERS = {"instantiate(": "hydra"}
"""Calls that may build a loss which only a settings file names, and the library that a file imports for each."""
_MOST_FILES = 64
_DEEPEST = 16
_NAME = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")
_BINDING = re.compile(r"^([A-Za-z_][\w./]*\.\w+)[ \t]*=[ \t]*([^\n#]*(?:\n[ \t]+[^\n#]+|\n[)\]}])*)", re.MULTILINE)
_PACKAGE = re.compile(r"#\s*@package\s+(\S+)")
_UNKNOWN = Unknown("value from a file")
_SPECIAL = frozenset({"_target_", "_args_", "_partial_", "_recursive_", "_convert_"})


class _Open:
    """What a file leaves open."""


_OPEN = _Open()


class Undecided(Exception):
    """What the files say depends on what cannot be seen."""


# -- Hydra: a tree of settings from groups ---------------------------------------------------------------------------


class _Groups:
    """The settings files below one folder, each read when a `defaults` list names it."""

    def __init__(self, engine: Engine, folder: Path, module: Module) -> None:
        self.engine, self.folder, self.module = engine, folder, module
        self.read = 0

    def composed(self, name: str, package: Sequence[str] = (), group: str = "", depth: int = 0) -> dict[str, Any]:
        """What a file and its defaults say, under the package at which they stand. Undecided when it is not there."""
        text = self._text(os.path.join(group, name))
        data = datafiles.yaml_data(text)
        if data is None:
            data = {}
        self.read += 1
        if not isinstance(data, dict) or depth > _DEEPEST or self.read > _MOST_FILES:
            raise Undecided
        defaults = data.pop("defaults", [])
        head = _PACKAGE.match(text)
        if head is not None:
            package = _package(head[1], package)
        if not isinstance(defaults, list):
            raise Undecided
        own = _under(package, data)
        found: dict[str, Any] = {}
        for entry in defaults if "_self_" in defaults else [*defaults, "_self_"]:
            found = merged(found, own if entry == "_self_" else self._entry(entry, package, group, depth))
        return found

    def _text(self, name: str) -> str:
        for ending in (".yaml", ".yml"):
            text = datafiles.file_text(self.engine, self.folder / f"{name}{ending}", self.module)
            if text is not None:
                return text
        raise Undecided

    def _entry(self, entry: object, package: Sequence[str], group: str, depth: int) -> dict[str, Any]:
        """What one entry of a `defaults` list brings: another file, or the chosen file of a group."""
        if isinstance(entry, str):
            place = "" if entry.startswith("/") else group
            return self._or_open(entry.lstrip("/"), package, place, depth)
        if not isinstance(entry, dict) or len(entry) != 1:
            raise Undecided
        ((key, option),) = entry.items()
        words = str(key).split()
        if words[0] == "override" or words[-1].startswith("hydra"):
            return {}
        name, _, at = words[-1].partition("@")
        inner = name.lstrip("/") if name.startswith("/") else os.path.join(group, name)
        where = _package(at, package) if at else (*package, *name.strip("/").split("/"))
        if option is None or words[0] == "optional":
            return {} if option is None else _under(where, _OPEN)
        chosen = option if isinstance(option, list) else [option]
        found: dict[str, Any] = {}
        for each in chosen:
            found = merged(found, self._or_open(str(each), where, inner, depth))
        return found

    def _or_open(self, name: str, package: Sequence[str], group: str, depth: int) -> dict[str, Any]:
        if "${" in name or name == "???":
            return _under(package, _OPEN)
        try:
            return self.composed(name, package, group, depth + 1)
        except Undecided:
            return _under(package, _OPEN)


def _package(written: str, package: Sequence[str]) -> tuple[str, ...]:
    if written.startswith("_global_"):
        return tuple(written.split(".")[1:])
    if written in ("_group_", "_here_"):
        return tuple(package)
    return (*package[:-1], *written.split("."))


def _under(package: Sequence[str], data: Any) -> dict[str, Any]:
    for name in reversed(package):
        data = {name: data}
    if not isinstance(data, dict):
        raise Undecided
    return data


def merged(one: Any, other: Any) -> Any:
    """Two trees of settings as one; the second overrules."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    found = dict(one)
    for key, value in other.items():
        found[key] = merged(found[key], value) if key in found else value
    return found


def resolved(data: Any) -> Any:
    """The tree with each `${name}` as what it names, and what is left open, or names itself, as such.

    ValueError when it has too many parts: names, and aliases of YAML, repeat.
    """
    parts = itertools.count(1)

    def at(node: Any, names: tuple[str, ...]) -> Any:
        if next(parts) > datafiles.MOST_PARTS:
            raise ValueError(f"more than {datafiles.MOST_PARTS} values")
        if isinstance(node, dict):
            return {key: at(value, names) for key, value in node.items()}
        if isinstance(node, list):
            return [at(value, names) for value in node]
        if not isinstance(node, str) or ("${" not in node and node != "???"):
            return node
        found = _NAME.fullmatch(node)
        if found is None or found[1] in names or len(names) == _DEEPEST:
            return _OPEN
        return at(_looked_up(data, found[1]), (*names, found[1]))

    return at(data, ())


def _looked_up(data: Any, name: str) -> Any:
    for part in name.split("."):
        if not isinstance(data, dict) or part not in data:
            return _OPEN
        data = data[part]
    return data


def with_settings(engine: Engine, func: Func, node: ast.expr, frame: Frame) -> Value:
    """`@hydra.main(config_path="conf", config_name="config")`: the function with its settings given to it."""
    said = {k.arg: literal(engine.evaluate(k.value, frame)) for k in getattr(node, "keywords", ()) if k.arg}
    path, name = said.get("config_path", "."), said.get("config_name")
    if not isinstance(path, str) or not isinstance(name, str) or not func.node.args.args:
        return func
    folder = Path(os.path.abspath(os.path.join(frame.module.package, path)))
    try:
        data = resolved(_Groups(engine, folder, frame.module).composed(name.removesuffix(".yaml")))
        return Partial(func, [datafiles.value_of(data)], {})
    except (Undecided, ValueError, RecursionError):
        return func


# -- objects from settings -------------------------------------------------------------------------------------------


def named(engine: Engine, dotted: str, module: Module) -> Value:
    """What a dotted name means: a member of a module of the project, or something outside."""
    parts = dotted.split(".")
    for number in range(len(parts) - 1, 0, -1):
        found = imports.absolute(engine, ".".join(parts[:number]), module)
        if isinstance(found, ModuleRef):
            value = imports.member(engine, found.module, parts[number])
            return value if number == len(parts) - 1 else _UNKNOWN
    return Ext(engine.table.canonical(dotted))


def _instantiate(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    """`instantiate(cfg.model, width=8)`: what `_target_` names, called with the other keys."""
    settings = engine.force(args.values[0]) if args.values else args.keywords.get("config", NONE)
    if not isinstance(settings, Map):
        return _UNKNOWN
    given = {name: value for name, value in args.keywords.items() if name != "config"}
    return _built(engine, Map(settings.items | keyed(given), settings.open or args.open), node, frame)


def _built(engine: Engine, settings: Map, node: ast.AST, frame: Frame) -> Value:
    said = {str(key): value for key, value in settings.items.items()}
    target = literal(engine.force(said.get("_target_", NONE)))
    if not isinstance(target, str):
        return _UNKNOWN
    deep = literal(engine.force(said.get("_recursive_", Const(True)))) is True
    first = engine.force(said.get("_args_", Seq([])))
    values = [_inner(engine, v, deep, node, frame) for v in first.items] if isinstance(first, Seq) else []
    keywords = {k: _inner(engine, v, deep, node, frame) for k, v in said.items() if k not in _SPECIAL}
    callee = named(engine, target, frame.module)
    if literal(engine.force(said.get("_partial_", Const(False)))) is True:
        return Partial(callee, values, keywords)
    nodes = dict.fromkeys(keywords, node)
    return engine.call(callee, Args(values, [node] * len(values), keywords, nodes, settings.open), node, frame)  # type: ignore[list-item,arg-type]


def _inner(engine: Engine, value: Value, deep: bool, node: ast.AST, frame: Frame) -> Value:
    value = engine.force(value)
    if deep and isinstance(value, Map) and "_target_" in value.items:
        return _built(engine, value, node, frame)
    if deep and isinstance(value, Seq):
        return Seq([_inner(engine, item, deep, node, frame) for item in value.items], value.open, value.frozen)
    return value


def _by_name(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    name = literal(engine.force(args.values[0])) if args.values else ...
    return named(engine, name, frame.module) if isinstance(name, str) else _UNKNOWN


# -- OmegaConf -------------------------------------------------------------------------------------------------------


def _loaded(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    text = engine.force(datafiles.text_of(engine, engine.force(args.values[0]), frame.module)) if args.values else NONE
    return _from_text(text)


def _from_text(text: Value) -> Value:
    try:
        return datafiles.value_of(resolved(datafiles.yaml_data(text.value))) if _is_text(text) else _UNKNOWN  # type: ignore[attr-defined]
    except (ValueError, RecursionError):
        return _UNKNOWN


def _is_text(value: Value) -> bool:
    return isinstance(value, Const) and isinstance(value.value, str)


def _created(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    value = engine.force(args.values[0]) if args.values else Map({})
    return _from_text(value) if _is_text(value) else value


def _merged(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    """`OmegaConf.merge(defaults, ...)`: where one of the later ones is unknown, constants may be something else."""
    found = Map({})
    for number, value in enumerate(args.values):
        other = engine.force(value)
        if isinstance(other, Map):
            _merge(found, other)
        elif number or len(args.values) == 1:
            options.open_up(engine, found.items, f"{frame.module.source.shown}:{getattr(node, 'lineno', 0)}")
            found.open = True
        else:
            return other
    return found


def _merge(one: Map, other: Map) -> None:
    for key, value in other.items.items():
        old = one.items.get(key)
        if isinstance(old, Map) and isinstance(value, Map):
            value = Map(dict(old.items), old.open)
            _merge(value, other.items[key])  # type: ignore[arg-type]
        one.items[key] = value
    one.open |= other.open


# -- gin -------------------------------------------------------------------------------------------------------------


def _bound(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    """`gin.parse_config_file("net.gin")`: what it says of parameters counts before their defaults."""
    given = [engine.force(value) for value in args.every()]
    for value in [each for one in given for each in (one.items if isinstance(one, Seq) else [one])]:
        path = datafiles.path_of(value)
        found = None if path is None else datafiles.located(engine, path, frame.module)
        text = None if found is None else datafiles.file_text(engine, found, frame.module)
        if found is None and path is not None and "=" in path:
            text = path
        if text is None and value != NONE:
            engine.settings_seen = False
            return NONE
        engine.settings.update(_bindings(text or ""))
    engine.settings_seen = True
    return NONE


def _bindings(text: str) -> Iterator[tuple[str, Value]]:
    """`scope/module.Net.softmax = False` as `Net.softmax` and the value; a reference (`@net`, `%size`) is unknown."""
    for match in _BINDING.finditer(text):
        try:
            value = datafiles.value_of(ast.literal_eval(match[2].strip()))
        except (ValueError, SyntaxError):
            value = _UNKNOWN
        yield ".".join(match[1].rpartition("/")[2].split(".")[-2:]), value


# -- MMEngine --------------------------------------------------------------------------------------------------------


def _from_file(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    """`Config.fromfile("configs/net.py")`: the names that a settings file in Python binds, over those of `_base_`."""
    path = datafiles.path_of(engine.force(args.values[0])) if args.values else None
    found = None if path is None else datafiles.located(engine, path, frame.module)
    if found is None:
        return _UNKNOWN
    if found.suffix != ".py":
        return _loaded(engine, args, node, frame)
    try:
        return _python(engine, found, frame.module, 0)
    except Undecided:
        return _UNKNOWN


def _python(engine: Engine, path: Path, importer: Module, depth: int) -> Map:
    module = engine.project.follow(path, importer)
    if module is None or depth > _DEEPEST:
        raise Undecided
    found = Map({})
    for base in _bases(engine, module):
        _merge(found, _python(engine, Path(os.path.normpath(module.package / base)), module, depth + 1))
    own: dict[object, Value] = {}
    for name in module.bindings:
        value = imports.global_name(engine, module, name)
        if value is not None and not name.startswith("_") and not isinstance(value, (ModuleRef, Ext, Func)):
            own[name] = value
    _merge(found, Map(own))
    return found


def _bases(engine: Engine, module: Module) -> Iterator[str]:
    value = imports.global_name(engine, module, "_base_") if "_base_" in module.bindings else None
    for each in value.items if isinstance(value, Seq) else [value] if value is not None else []:
        text = literal(engine.force(each))
        if not isinstance(text, str):
            raise Undecided
        yield text


FUNCTIONS: Mapping[str, datafiles.Handler] = {
    "hydra.utils.instantiate": _instantiate,
    "hydra.utils.call": _instantiate,
    "hydra.utils.get_class": _by_name,
    "hydra.utils.get_method": _by_name,
    "hydra.utils.get_object": _by_name,
    **dict.fromkeys((f"gin.parse_config{end}" for end in ("", "_file", "_files_and_bindings")), _bound),
    "omegaconf.OmegaConf.load": datafiles.each(_loaded),
    "omegaconf.OmegaConf.create": _created,
    "omegaconf.OmegaConf.merge": _merged,
    "omegaconf.OmegaConf.unsafe_merge": _merged,
    "omegaconf.OmegaConf.to_container": _created,
    **dict.fromkeys(
        ("mmengine.config.Config.fromfile", "mmengine.Config.fromfile", "mmcv.Config.fromfile"),
        datafiles.each(_from_file),
    ),
}
"""By qualified name."""
