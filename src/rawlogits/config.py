"""`[tool.rawlogits]` of a pyproject.toml.

[tool.rawlogits]
select = ["RL1", "log-of-softmax"]      # only these rules
ignore = ["sigmoid-then-bce"]           # and not these
exclude = ["third_party/", "*_pb2.py"]  # as in .gitignore, relative to this file
baseline = "rawlogits-baseline.json"    # findings that are known
show = ["suppressions"]                 # as --show
per-file-ignores = {"tests/*" = ["double-softmax"]}

[[tool.rawlogits.rows]]                 # what an operator of your own wants and gives
names = ["mylib.losses.focal_loss"]
verb = "loss"
params = ["scores", "target"]
arg = "scores"
wants = "logits"
activation = "sigmoid"
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rawlogits.errors import InputError, TableError
from rawlogits.table.row import Row

KEYS = ("baseline", "exclude", "ignore", "per-file-ignores", "rows", "select", "show")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the user set down. Patterns are relative to `folder`.

    >>> Config().select
    ()
    """

    path: Path | None = None
    """The file it was read from."""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    baseline: Path | None = None
    show: tuple[str, ...] = ()

    @property
    def folder(self) -> Path | None:
        """The folder that patterns are relative to."""
        return None if self.path is None else self.path.parent


def find(paths: Sequence[str | os.PathLike[str]], root: Path) -> Path | None:
    """The nearest pyproject.toml with a `[tool.rawlogits]`, upwards from what the paths have in common."""
    tops = [os.path.abspath(root / path) for path in paths] or [os.path.abspath(root)]
    try:
        common = Path(os.path.commonpath(tops))
    except ValueError:  # two drives of one machine
        common = root
    for folder in (common, *common.parents):
        candidate = folder / "pyproject.toml"
        if os.path.isfile(candidate) and _table(candidate) is not None:
            return candidate
    return None


def load(path: Path) -> Config:
    """The configuration in this file; InputError or TableError name the file and the key.

    A file other than a pyproject.toml may hold the keys at its top level.
    """
    if not path.is_file():
        raise InputError(f"no such configuration file: {str(path)!r}")
    table = _table(path)
    if table is None:
        if path.name == "pyproject.toml":
            raise InputError(f"{path}: has no [tool.rawlogits] table")
        table = _read(path)
    elif path.name != "pyproject.toml" and (both := [key for key in KEYS if key in _read(path)]):
        raise InputError(f"{path}: has [tool.rawlogits], and {', '.join(both)} at its top level; keep one of the two")
    return _config(Path(os.path.abspath(path)), table)


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not TOML: {error}") from None


def _table(path: Path) -> dict[str, Any] | None:
    tool = _read(path).get("tool")
    table = tool.get("rawlogits") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise InputError(f"{path}: [tool.rawlogits] wants a table, got {_kind(table)}")
    return table


def _config(path: Path, table: Mapping[str, Any]) -> Config:
    for key in table:
        if key not in KEYS:
            raise InputError(f"{path}: [tool.rawlogits] has no key {key!r}; {_allowed(key, KEYS)}")
    return Config(
        path=path,
        select=_words(path, "select", table.get("select", [])),
        ignore=_words(path, "ignore", table.get("ignore", [])),
        exclude=_words(path, "exclude", table.get("exclude", [])),
        per_file_ignores=_per_file(path, table.get("per-file-ignores", {})),
        rows=_rows(path, table.get("rows", [])),
        baseline=_file(path, "baseline", table.get("baseline")),
        show=_words(path, "show", table.get("show", [])),
    )


def _words(path: Path, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise InputError(f"{path}: {key} wants a list of strings, got {_kind(value)}: {value!r}")
    return tuple(value)


def _file(path: Path, key: str, value: Any) -> Path | None:
    if value is not None and not (isinstance(value, str) and value):
        raise InputError(f"{path}: {key} wants the path of a file, got {_kind(value)}: {value!r}")
    return None if value is None else path.parent / value


def _per_file(path: Path, value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise InputError(f"{path}: per-file-ignores wants a table of pattern = [rules], got {_kind(value)}: {value!r}")
    return {pattern: _words(path, f"per-file-ignores of {pattern!r}", rules) for pattern, rules in value.items()}


def _rows(path: Path, value: Any) -> tuple[Row, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InputError(f"{path}: rows wants an array of tables ([[tool.rawlogits.rows]]), got {_kind(value)}")
    try:
        return tuple(Row.from_mapping(entry) for entry in value)
    except TableError as error:
        raise TableError(f"{path}: {error}") from None


def _kind(value: Any) -> str:
    kinds = {str: "a string", bool: "a boolean", int: "an integer", float: "a float", list: "a list", dict: "a table"}
    return kinds.get(type(value), type(value).__name__)


def _allowed(word: str, allowed: Iterable[str]) -> str:
    allowed = sorted(allowed)
    near = difflib.get_close_matches(word, allowed, 1, 0.6)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}allowed are {', '.join(allowed)}"
