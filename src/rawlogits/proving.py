"""`Prover`: run a model as it was and as it is with a fix, in a process of its own, and compare what both give.

This runs code of the project, with its rights: nothing calls it unless the user asks for it. The process has a limit
of time and of memory, its working directory is a temporary folder, its output is thrown away, what Python opens for
writing elsewhere and what it connects to is refused, and no process that stays in its group outlives it. That keeps
out mishaps, not an enemy. Both versions of a file are given to it as texts; the files are left as they are.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any

from rawlogits.errors import InputError
from rawlogits.finding import Edit, Finding, Repair

MOST_CALLS = 8
_SCRIPT = Path(__file__).with_name("proof_script.py")
_RELATION = {Repair.LOGARITHMIC: "log", Repair.TAKE_OUT: "taken out", Repair.FUSED_PAIR: "taken out"}
_GRADIENT = {
    "CrossEntropyLoss": "softmax",
    "cross_entropy": "softmax",
    "BCEWithLogitsLoss": "sigmoid",
    "binary_cross_entropy_with_logits": "sigmoid",
}
"""Losses whose gradient is the activation of the scores less the target."""
_QUIET = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "WANDB_MODE": "disabled",
    "MPLBACKEND": "Agg",
}


class Outcome(StrEnum):
    """What a proof came to."""

    PROVED = "proved"
    FAILED = "failed"
    NOT_PROVED = "not proved"


@dataclass(frozen=True, slots=True)
class Proof:
    """What came out, and in words what holds, what does not, or why nothing can be said.

    >>> str(Proof(Outcome.NOT_PROVED, "Net needs argument `n_classes`"))
    'not proved: Net needs argument `n_classes`'
    """

    outcome: Outcome
    words: str

    @property
    def is_failed(self) -> bool:
        """Whether the fix is wrong."""
        return self.outcome is Outcome.FAILED

    def __str__(self) -> str:
        return f"{self.outcome}: {self.words}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one proof may take, and how many bytes of memory beyond what PyTorch itself takes."""

    seconds: float = 60
    memory: int = 4 << 30


@dataclass(frozen=True, slots=True)
class _Target:
    """What holds the code that a fix changes: a class, a function that builds, or a name at the top of a module."""

    path: str
    name: str
    kind: str


class _NotProved(Exception):
    """Nothing can be run, and why."""


class Prover:
    """Proves fixes of the files below `root`. `files` are the paths, as findings print them, to look for calls in.

    `starting` is told what is run ("Net of net.py") before it is. InputError where PyTorch is not installed.
    """

    def __init__(
        self,
        root: Path,
        files: Collection[str] = (),
        limits: Limits = Limits(),
        starting: Callable[[str], object] = lambda name: None,
    ) -> None:
        if importlib.util.find_spec("torch") is None:
            raise InputError("proofs run PyTorch, which is not installed: pip install 'rawlogits[torch]'")
        self.root, self.files, self.limits, self.starting = root, sorted(files), limits, starting
        self._known: dict[object, Proof] = {}

    def prove(self, finding: Finding, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Proof:
        """Whether the fix of a finding that turns the files `old` into `new` does what it claims."""
        key = (finding, tuple(sorted(old.items())), tuple(sorted(new.items())))
        if key not in self._known:
            try:
                self._known[key] = self._run(self._task(finding, old, new))
            except _NotProved as reason:
                self._known[key] = Proof(Outcome.NOT_PROVED, str(reason))
        return self._known[key]

    def _task(self, finding: Finding, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, Any]:
        if finding.fix is None or finding.repair is None or finding.arrival is None:
            raise _NotProved("the finding does not say what the fix claims")
        for edit in finding.fix.edits:
            if edit.cell is not None or PurePath(edit.path).suffix not in (".py", ".pyw"):
                raise _NotProved(f"{edit.path} is not a Python file; the code in it is not run")
        target = self._target(finding.fix.edits, finding.trace[0].place.path if finding.trace else "", old)
        arrival, file = finding.arrival, self.root / target.path
        return {
            "root": str(self.root),
            "file": str(file),
            "shown": target.path,
            "name": target.name,
            "kind": target.kind,
            "modules": _modules(self.root, file),
            "paths": _paths(self.root, file),
            "calls": [] if target.kind == "name" else self._calls(target.name, old),
            "relation": _RELATION.get(finding.repair, "same"),
            "space": str(arrival.got),
            "axis": arrival.axis,
            "loss": _GRADIENT.get(arrival.operator, "") if finding.repair is Repair.TAKE_OUT else "",
            "lines": sorted(_lines(finding.fix.edits, target.path)),
            "overlays": {"old": old, "new": new},
        }

    def _target(self, edits: Sequence[Edit], origin: str, old: Mapping[str, bytes]) -> _Target:
        found: dict[_Target, None] = {}
        outside = ""
        for edit in edits:
            tree = ast.parse(old[edit.path])
            node = next((each for each in tree.body if _holds(each, edit)), None)
            if node is None or isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            if target := _buildable(node, edit.path):
                found[target] = None
            else:
                outside = getattr(node, "name", "") or f"line {edit.start_line}"
        targets = [each for each in found if each.path == origin] or list(found)
        if len(targets) > 1:
            raise _NotProved(f"it changes {' and '.join(each.name for each in targets)}, one alone can be run")
        if not targets:
            raise _NotProved(f"{outside or 'what it changes'} is no model that can be built on its own")
        return targets[0]

    def _calls(self, name: str, old: Mapping[str, bytes]) -> list[Any]:
        """The arguments of the calls of a name in the project that are all written out."""
        found: list[Any] = []
        for path in self.files:
            if PurePath(path).suffix != ".py":
                continue
            with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError):
                data = old[path] if path in old else (self.root / path).read_bytes()
                if name.encode() in data:
                    found += [each for each in _literal_calls(ast.parse(data), name) if each not in found]
            if len(found) >= MOST_CALLS:
                break
        return found[:MOST_CALLS]

    def _run(self, task: dict[str, Any]) -> Proof:
        with tempfile.TemporaryDirectory(prefix="rawlogits-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            work = folder / "work"
            work.mkdir()
            task |= {"result": str(folder / "result.json"), "stage": str(folder / "stage")}
            task |= {"seconds": self.limits.seconds, "memory": self.limits.memory}
            task["texts"] = {
                version: _laid_out(folder / version, self.root, files)
                for version, files in task.pop("overlays").items()
            }
            (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
            self.starting(f"{task['name']} of {task['shown']}")
            status = self._ran(folder / "task.json", work)
            return self._read(folder, status)

    def _ran(self, task: Path, work: Path) -> int | None:
        """The exit status, None where the time was up."""
        process = subprocess.Popen(
            [sys.executable, "-P", str(_SCRIPT), str(task)],
            cwd=work,
            env={**os.environ, **_QUIET, "TMPDIR": str(work)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(self.limits.seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)

    def _read(self, folder: Path, status: int | None) -> Proof:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
            return Proof(Outcome(result["outcome"]), str(result["words"]))
        try:
            stage = (folder / "stage").read_text(encoding="utf-8")
        except OSError:
            stage = "starting"
        if status is None:
            return Proof(Outcome.NOT_PROVED, f"{stage} took longer than {self.limits.seconds:g} s")
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        return Proof(Outcome.NOT_PROVED, f"{stage} ended the process with {ended}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it has started and left in its group."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _laid_out(folder: Path, root: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write texts of files into a folder; where each stands, by the file that it is the content of."""
    folder.mkdir()
    found = {}
    for number, (path, data) in enumerate(sorted(files.items())):
        text = folder / f"{number}.txt"
        text.write_bytes(data)
        found[os.path.realpath(root / path)] = str(text)
    return found


# -- reading the code ------------------------------------------------------------------------------------------------


def _lines(edits: Sequence[Edit], path: str) -> set[int]:
    """The lines of a file that edits change."""
    return {line for edit in edits if edit.path == path for line in range(edit.start_line, edit.end_line + 1)}


def _holds(node: ast.stmt, edit: Edit) -> bool:
    first: int = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return first <= edit.start_line <= (node.end_lineno or node.lineno)


def _buildable(node: ast.stmt, path: str) -> _Target | None:
    if isinstance(node, ast.ClassDef):
        return _Target(path, node.name, "class")
    if isinstance(node, ast.FunctionDef) and _gives_container(node):
        return _Target(path, node.name, "function")
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and _is_container(node.value):
        names = node.targets if isinstance(node, ast.Assign) else [node.target]
        if len(names) == 1 and isinstance(names[0], ast.Name):
            return _Target(path, names[0].id, "name")
    return None


def _is_container(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1] == "Sequential"


def _gives_container(function: ast.FunctionDef) -> bool:
    """Whether a function returns a Sequential that it makes: a function that does other things is not called."""
    made = {
        target.id
        for each in ast.walk(function)
        if isinstance(each, ast.Assign) and _is_container(each.value)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    values = [each.value for each in ast.walk(function) if isinstance(each, ast.Return) and each.value is not None]
    return bool(values) and all(
        _is_container(each) or (isinstance(each, ast.Name) and each.id in made) for each in values
    )


def _literal_calls(tree: ast.Module, name: str) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
            with contextlib.suppress(ValueError, TypeError):
                args = [_literal(each, constants) for each in node.args]
                kwargs = {each.arg: _literal(each.value, constants) for each in node.keywords if each.arg}
                json.dumps([args, kwargs])
                if all(each.arg for each in node.keywords):
                    yield args, kwargs


def _literal(node: ast.expr, constants: Mapping[str, ast.expr]) -> Any:
    return ast.literal_eval(constants.get(node.id, node) if isinstance(node, ast.Name) else node)


def _own_root(file: Path) -> Path:
    """The folder that the file's package is imported from."""
    folder = file.parent
    while (folder / "__init__.py").exists() and folder.parent != folder:
        folder = folder.parent
    return folder


def _modules(root: Path, file: Path) -> list[str]:
    """The names by which a file may be imported."""
    names = []
    for base in (_own_root(file), root):
        with contextlib.suppress(ValueError):
            parts = file.relative_to(base).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts and all(each.isidentifier() for each in parts):
                names.append(".".join(parts))
    if not names:
        raise _NotProved(f"{file.name} cannot be imported: it has no module name")
    return list(dict.fromkeys(names))


def _paths(root: Path, file: Path) -> list[str]:
    parents = [each for each in file.parents if each == root or root in each.parents]
    return list(dict.fromkeys(str(each) for each in (_own_root(file), root, root / "src", *parents)))
