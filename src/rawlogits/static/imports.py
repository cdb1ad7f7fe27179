"""What imports bind, and what a name means in a module: found when asked for, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from rawlogits.static.engine import Engine
from rawlogits.static.names import Module
from rawlogits.static.values import Class, Const, Deferred, Ext, Func, ModuleRef, Unknown, Value

MOST_OFFERED = 200
"""A module with more names than this is no list of models."""


class Late(Deferred):
    """An imported name, looked up when read."""

    __slots__ = ()


def imported(engine: Engine, node: ast.Import | ast.ImportFrom, module: Module) -> Iterator[tuple[str, Value]]:
    """The names that an import statement binds, and their values."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            dotted = alias.name if alias.asname else alias.name.split(".")[0]
            yield alias.asname or dotted, Late(partial(absolute, engine, dotted, module))
        return
    for alias in node.names:
        if alias.name != "*":
            yield alias.asname or alias.name, Late(partial(_from, engine, node, alias.name, module))


def absolute(engine: Engine, dotted: str, importer: Module) -> Value:
    """What `import dotted` names: a module of the project, or something outside."""
    path = engine.project.find(dotted, importer)
    return _loaded(engine, path, importer) if path is not None else Ext(engine.table.canonical(dotted))


def _loaded(engine: Engine, path: Path, importer: Module) -> Value:
    module = engine.project.follow(path, importer)
    return ModuleRef(module) if module is not None else Unknown("file does not parse")


def origin(engine: Engine, node: ast.ImportFrom, importer: Module) -> Value:
    """The module that a `from ... import` reads."""
    if not node.level:
        return absolute(engine, node.module or "", importer)
    path = engine.project.relative(importer, node.level, node.module or "")
    return _loaded(engine, path, importer) if path is not None else Unknown(f"module not found {node.module or '.'}")


def _from(engine: Engine, node: ast.ImportFrom, name: str, importer: Module) -> Value:
    source = origin(engine, node, importer)
    if isinstance(source, ModuleRef):
        return member(engine, source.module, name)
    if isinstance(source, Ext):
        return Const(False) if name == "TYPE_CHECKING" else Ext(engine.table.canonical(f"{source.name}.{name}"))
    return source


def member(engine: Engine, module: Module, name: str) -> Value:
    """`module.name`: a name that the user has given a row, that the module binds, or a module inside the package."""
    if engine.table.own:
        full = f"{module.source.shown.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}.{name}"
        for own in engine.table.own:
            if full == own or full.endswith(f".{own}"):
                return Ext(own)
    found = global_name(engine, module, name)
    if found is not None:
        return found
    path = engine.project.below(module.package, [name])
    if path is not None and path != module.source.path:
        return _loaded(engine, path, module)
    return Unknown(f"attribute unknown {name}", f"{module.source.shown}:{name}")


def global_name(engine: Engine, module: Module, name: str) -> Value | None:
    """What a module's global name is bound to, running only the statements that bind it; None when nothing does."""
    engine.record.modules.add(module.source.shown)
    if name in module.globals:
        return engine.force(module.globals[name])
    if module.mentions(name) and name in module.bindings:
        if name in module.running:
            return Unknown("too deep")
        module.running.add(name)
        try:
            for unit in module.bindings[name]:
                statement = None if unit.done else module.node(unit)
                unit.done = True
                if statement is not None:
                    engine.apart(partial(engine.detached, partial(engine.execute, [statement], module.frame)))
            _overtaken(engine, module, name)
        finally:
            module.running.discard(name)
        if name in module.globals:
            return engine.force(module.globals[name])
    if name == "__name__":
        return Const(module.name)
    if name == "__file__":
        return Const(str(module.source.path))
    return _starred(engine, module, name)


def _overtaken(engine: Engine, module: Module, name: str) -> None:
    """A name that a later `import *` from a module of the project binds again."""
    units = module.bindings.get(name)
    for node in module.stars:
        if units and node.lineno > units[-1].line:
            for _, value in rebound(engine, node, module, (name,)):
                module.globals[name] = value


def rebound(engine: Engine, star: ast.ImportFrom, module: Module, names: Iterable[str]) -> Iterator[tuple[str, Value]]:
    """Those of `names` that a star import from a module of the project brings."""
    source = origin(engine, star, module)
    if isinstance(source, ModuleRef) and source.module is not module:
        for name in names:
            if not name.startswith("_") and source.module.mentions(name) and name in source.module.bindings:
                found = global_name(engine, source.module, name)
                if found is not None:
                    yield name, found


def _starred(engine: Engine, module: Module, name: str) -> Value | None:
    """A name that may come through `from x import *`."""
    if not module.stars or f"*{name}" in module.running or name in module.missing or name.startswith("__"):
        return None
    module.running.add(f"*{name}")
    try:
        for node in reversed(module.stars):
            source = origin(engine, node, module)
            if isinstance(source, ModuleRef):
                found = global_name(engine, source.module, name)
                if found is not None:
                    return found
            elif isinstance(source, Ext):
                full = engine.table.canonical(f"{source.name}.{name}")
                if engine.table.named(full) or engine.table.program(full) or full in engine.table.modules:
                    return Ext(full)
    finally:
        module.running.discard(f"*{name}")
    module.missing.add(name)
    return None


def program(engine: Engine, name: str) -> Value | None:
    """The class or function in the table's programs that stands for an outside name."""
    found = engine.table.program(name)
    if found is None:
        return None
    path, definition = found
    module = engine.project.load(path)
    if module is None:
        return None
    module.source.written = False
    return global_name(engine, module, definition)


def callables(engine: Engine, module: Module) -> list[tuple[str, Value]]:
    """The classes and functions that a module offers, also those it imports from the project."""
    found: list[tuple[str, Value]] = []
    names = [n for n in module.bindings if not n.startswith("_")]
    if len(names) > MOST_OFFERED:
        return []
    for star in module.stars:
        source = origin(engine, star, module)
        if isinstance(source, ModuleRef) and source.module is not module:
            names += [n for n in source.module.bindings if not n.startswith("_") and n not in names]
    for name in names if len(names) <= MOST_OFFERED else ():
        value = global_name(engine, module, name)
        if isinstance(value, (Func, Class)):
            found.append((name, value))
    return found
