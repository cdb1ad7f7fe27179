"""The house: who may import whom, no circle, no file too long, no framework at load.

The imports are read with `ast`, nothing is run. Imports inside functions count, and for the floors those below
`if TYPE_CHECKING` too: a floor that needs the name of a type from above stands too low. Only within one room may two
files know each other's types.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rawlogits

PACKAGE = Path(rawlogits.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "programs" not in path.relative_to(PACKAGE).parts)
ALL_FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 700

FRAMEWORKS = {"flax", "jax", "keras", "lightning", "optax", "tensorflow", "torch", "torchvision", "transformers"}
OPTIONAL = FRAMEWORKS | {"lsprotocol", "matplotlib", "nbformat", "numpy", "pyarrow", "pygls", "scipy"}

FLOOR = {
    **dict.fromkeys(("space", "errors", "proof_script"), 1),
    **dict.fromkeys(("finding", "table", "metrics", "calibrate"), 2),
    **dict.fromkeys(
        (
            *("rules", "static", "runtime", "decide", "report", "config", "files", "baseline", "cache", "changes"),
            *("edits", "writing"),
        ),
        3,
    ),
    **dict.fromkeys(("api", "proving", "training"), 4),
    **dict.fromkeys(("fixing", "server", "heads", "pytest_plugin"), 5),
    "cli": 6,
    **dict.fromkeys(("__init__", "__main__"), 7),
}
MAY_IMPORT = {
    "metrics": {"space", "errors"},
    "calibrate": {"space", "errors", "metrics"},
    "report": {"finding", "errors"},
    "edits": {"finding", "errors"},
    "writing": {"errors"},
    "proof_script": set(),
    "proving": {"errors", "finding"},
    "training": {"errors", "finding", "rules", "runtime", "table"},
    "fixing": {
        "api",
        "changes",
        "config",
        "edits",
        "errors",
        "files",
        "finding",
        "proving",
        "report",
        "rules",
        "static",
        "writing",
    },
    "pytest_plugin": {"training"},
    "cli": {"api", "config", "fixing", "report", "server", "errors"},
    "server": {"api", "config", "report", "files", "finding", "errors"},
    "heads": {"api", "table", "calibrate", "decide", "space", "errors"},
    "__init__": {"api", "report", "training"},
    "__main__": {"cli"},
}
"""Narrower than the floor alone: the rooms of rawlogits that this room may import."""
THIRD_PARTY = {
    "metrics": {"numpy", "scipy"},
    "calibrate": {"numpy", "scipy", "torch", "pyarrow"},
    "runtime": FRAMEWORKS,
    "training": {"torch"},
    "pytest_plugin": {"pytest"},
    "heads": FRAMEWORKS,
    "report": {"matplotlib"},
    "files": {"pathspec"},
    "cli": {"click", "rich"},
    "__main__": {"click"},
    "server": {"pygls", "lsprotocol"},
    "static": {"nbformat", "yaml"},
    "edits": {"nbformat"},
}
"""What a room may import beside the standard library and rawlogits; other rooms import neither."""


def room(module: str) -> str:
    """`rawlogits.static.walk` -> `static`; the package itself is `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imports(path: Path, *, deferred: bool = True, typing: bool = True) -> Iterator[str]:
    """The full name of every module imported, with those inside functions and those only for types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _statements(tree, deferred, typing):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import on line {node.lineno}"
            assert node.module is not None
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            yield from submodules
            if len(submodules) < len(node.names):
                yield node.module


def _statements(parent: ast.AST, deferred: bool, typing: bool) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(parent):
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and not deferred:
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not typing:
            continue
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _statements(child, deferred, typing)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_from_below(path: Path) -> None:
    here = module_name(path)
    room_here = room(here) if here != "rawlogits" else "__init__"
    assert room_here in FLOOR, f"{here}: which floor is {room_here!r} on? Say so in FLOOR, with a decision note"
    for name in imports(path):
        top = name.split(".")[0]
        if top != "rawlogits":
            allowed = THIRD_PARTY.get(room_here, set())
            assert top in sys.stdlib_module_names or top in allowed, f"{here} imports {name}"
            continue
        other = room(name)
        if other == room_here or name == "rawlogits":  # the package itself holds only the version and lazy names
            continue
        assert FLOOR[other] < FLOOR[room_here], (
            f"{here} (floor {FLOOR[room_here]}) imports {name} (floor {FLOOR[other]})"
        )
        allowed = MAY_IMPORT.get(room_here)
        assert allowed is None or other in allowed, f"{here} imports {name}; {room_here} may import {sorted(allowed)}"


def test_no_circle() -> None:
    arrows = {
        name: {other for other in imports(path, typing=False) if other in MODULES and other not in (name, "rawlogits")}
        for name, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name in done:
            return
        for other in sorted(arrows[name]):
            if not name.startswith(f"{other}."):  # a module may read its own package's names
                visit(other, (*way, name))
        done.add(name)

    for name in sorted(arrows):
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_optional_package_at_load(path: Path) -> None:
    """Only `runtime/<framework>.py`, `heads/<framework>.py` and the server's protocol, which nobody imports at load."""
    inside = path.relative_to(PACKAGE).parts
    if inside[0] in ("metrics", "calibrate") or (inside[0] in ("runtime", "heads") and path.stem in FRAMEWORKS):
        return
    if inside in (("server", "language.py"), ("server", "messages.py")):
        return
    loaded = {name.split(".")[0] for name in imports(path, deferred=False, typing=False)}
    assert not loaded & (OPTIONAL | {"rich"})


@pytest.mark.parametrize("room_name", ["runtime", "heads"])
def test_a_framework_file_imports_one_framework(room_name: str) -> None:
    for path in sorted((PACKAGE / room_name).glob("*.py")):
        used = {name.split(".")[0] for name in imports(path)} & FRAMEWORKS
        assert len(used) <= 1, f"{path.name} imports {sorted(used)}"


def test_the_checker_names_no_framework() -> None:
    """`static` takes every name of a framework from the table."""
    for path in sorted((PACKAGE / "static").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
                named = node.value.split(".")[0]
                assert named not in FRAMEWORKS, f"{path.name}:{node.lineno} names {node.value!r}"


@pytest.mark.parametrize("path", ALL_FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_the_reader_of_imports_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(
        "from __future__ import annotations\nimport torch.nn as nn\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import jax\ntry:\n    import keras\nexcept ImportError:\n    pass\n"
        "class A:\n    import optax\n\ndef f():\n    import numpy\nfrom rawlogits import space\n"
    )
    everything = {"__future__", "torch.nn", "typing", "jax", "keras", "optax", "numpy", "rawlogits.space"}
    assert set(imports(file)) == everything
    assert set(imports(file, deferred=False, typing=False)) == everything - {"jax", "numpy"}
