"""Registers: dicts of the project that decorators and calls in other modules fill.

`MODELS = {}` in one file, `@register("mlp")` in ten others. Those files are imported for their effect, so nothing
that is asked for by name leads to them: a register that misses a key looks for what would have filled it.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rawlogits.static import imports
from rawlogits.static import source as sources
from rawlogits.static.engine import Engine
from rawlogits.static.names import Module, Unit, bound_names
from rawlogits.static.values import Map, Obj

MOST_FILES = 400
"""Files of a package that are searched for what fills a register."""
MOST_ENTRIES = 64
"""A register with more entries than this is not filled whole, only by the keys that are asked for."""
_FILLS = r"\b{name}\s*(?:\[[^\]\n]*\]\s*=(?!=)|\.(?:update|setdefault|append)\()"


def fill(engine: Engine, register: Map, key: object = ...) -> None:
    """Run the definitions and statements of the project that put `key` (`...`: any key) into a register."""
    if register.home is None:
        return
    if register.fillers is None:
        register.fillers = list(_fillers(engine, register))
        register.large = len(register.fillers) > MOST_ENTRIES
    if isinstance(key, str):
        chosen = [pair for pair in register.fillers if _names(*pair, key)]
    else:
        chosen = list(register.fillers) if key is ... and not register.large else []
    for module, unit in chosen:
        if (module, unit) in register.fillers:
            register.fillers.remove((module, unit))
            _run(engine, module, unit)


def _run(engine: Engine, module: Module, unit: Unit) -> None:
    if unit.name:
        imports.global_name(engine, module, unit.name)
    elif unit.node is not None and not unit.done:
        unit.done = True
        statement = unit.node
        engine.detached(lambda: engine.execute([statement], module.frame))


def _names(module: Module, unit: Unit, key: str) -> bool:
    text = _text(module, unit)
    return unit.name == key or f'"{key}"' in text or f"'{key}'" in text


def _text(module: Module, unit: Unit) -> str:
    if unit.text or unit.node is None:
        return unit.text
    first = min([unit.node.lineno, *(d.lineno for d in getattr(unit.node, "decorator_list", ()))])
    return "\n".join(module.source.lines[first - 1 : unit.node.end_lineno])


def _fillers(engine: Engine, register: Map) -> Iterator[tuple[Module, Unit]]:
    """The decorated definitions and the loose statements that name the register, or a function that fills it."""
    module, name = _home(register)
    if not name:
        return
    names = [name, *_registrars(module, name)]
    if len(names) == 1 and register.items and not isinstance(register.home, Obj):
        return
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    decorator = re.compile(rf"^@[^\n]*{pattern.pattern}", re.MULTILINE)
    statement = re.compile(rf"^(?:[\w.]+\.)?{pattern.pattern}[\w.]*[(\[]")
    for other in _candidates(engine, module, names):
        for unit in other.units:
            text = _text(other, unit)
            if (decorator if unit.name else statement).search(text):
                yield other, unit


def _home(register: Map) -> tuple[Module, str]:
    """The module and the global name in which a register is found: its own, or that of the object that has it."""
    if isinstance(register.home, Obj):
        module, node = register.home.module, register.home.node
        units = module.units_at([getattr(node, "lineno", 0)])
        names = [n for u in units if not u.name and isinstance(u.node, ast.Assign) for n in bound_names(u.node)]
        return module, names[0] if names else ""
    assert isinstance(register.home, tuple)
    return register.home


def _registrars(module: Module, name: str) -> list[str]:
    """Functions and classes of the module that put things into the register."""
    fills = re.compile(_FILLS.format(name=re.escape(name)))
    return [unit.name for unit in module.units if unit.name and fills.search(_text(module, unit))]


def _candidates(engine: Engine, home: Module, names: Sequence[str]) -> Iterator[Module]:
    """Modules that hold one of the names: those that are loaded, and those of the register's package."""
    wanted = [name.encode() for name in names]
    for name in names:
        engine.searched.setdefault(name, set())
    paths = dict.fromkeys([*engine.project.modules, *_package_files(home.package, engine.project.root)])
    for path in paths:
        loaded = engine.project.modules.get(path)
        if path not in engine.project.modules:
            try:
                raw = sources.read(path)
            except sources.Unreadable:
                continue
            if not any(name in raw.data for name in wanted):
                continue
            loaded = engine.project.load(path, raw)
        found = [name for name in names if loaded is not None and name in loaded.source.text]
        for name in found:
            engine.searched.setdefault(name, set()).add(sources.shown_path(path, engine.project.root))
        if loaded is not None and found:
            engine.project.edges.setdefault(home.source.shown, set()).add(loaded.source.shown)
            yield loaded


def _package_files(folder: Path, root: Path) -> list[Path]:
    """The Python files of the outermost package round a folder, the nearest first."""
    while folder != root and os.path.isfile(folder.parent / "__init__.py"):
        folder = folder.parent
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(place, file) for file in sorted(files) if file.endswith(".py")]
        if len(found) > MOST_FILES:
            break
    return found[:MOST_FILES]
