"""The program that a proof runs in a process of its own: `python -P proof_script.py TASK.json`.

It imports the module as it was and as it is with the fix, runs both on one random input and writes what it saw to the
task's `result`. It knows nothing of rawlogits. Before each step that runs code of the project it writes to `stage`
what it is about to do, for when it does not come back.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

SEED = 0
CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.symlink", "os.link", "os.chmod"}
SIZES = (32, 28, 64, 224, 96, 128, 16)
TOLERANCES = {"float64": 1e-9, "float32": 1e-5}
ACTIVATIONS = {
    "probs": "softmax(new output)",
    "log_probs": "log_softmax(new output)",
    "sigmoid": "sigmoid(new output)",
    "log_sigmoid": "logsigmoid(new output)",
}


class NotProved(Exception):
    """Nothing can be said, and why."""


class Failed(Exception):
    """The fix is wrong, and why."""


def main(path: str) -> None:
    """Prove what the task at `path` asks for, and write what came out."""
    task = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        outcome, words = "proved", _proved(task)
    except NotProved as error:
        outcome, words = "not proved", str(error)
    except Failed as error:
        outcome, words = "failed", str(error)
    except Exception as error:
        outcome, words = "not proved", f"{Path(task['stage']).read_text(encoding='utf-8')} raised {_said(error)}"
    result = Path(task["result"])
    part = result.with_suffix(".part")
    part.write_text(json.dumps({"outcome": outcome, "words": words}), encoding="utf-8")
    part.replace(result)
    os._exit(0)  # threads and exit handlers of the project are not waited for


def _limit(memory: int, seconds: float) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        cpu = int(seconds * (os.cpu_count() or 1)) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
        used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))


def _guard(folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    """Refuse what reaches out of a folder: writing, and the network."""

    def is_inside(path: object) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return True
        return (os.path.realpath(os.fsdecode(path)) + os.sep).startswith((folder + os.sep, "/dev/"))

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            raise PermissionError("a proof has no network")
        if event == "open":
            writes = isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        else:
            writes = event in CHANGES
        if writes and not is_inside(given[0]):
            raise PermissionError(f"a proof writes no files: {os.fsdecode(given[0])}")

    return hook


def _proved(task: dict[str, Any]) -> str:
    _stage(task, "importing torch")
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(1)
    _limit(task["memory"], task["seconds"])
    sys.addaudithook(_guard(os.path.realpath(Path(task["result"]).parent)))
    sys.path[:0] = task["paths"]
    overlay = _Overlay()
    sys.meta_path.insert(0, overlay)
    before = set(sys.modules)
    reasons = []
    for dtype in ("float64", "float32"):
        runs = _Runs(task, torch, overlay, before, getattr(torch, dtype))
        try:
            old, new = runs.outputs()
        except _NoInput as error:
            reasons.append(str(error))
            continue
        return _judged(task, torch, old, new, TOLERANCES[dtype])
    raise NotProved(reasons[-1])


def _stage(task: dict[str, Any], words: str) -> None:
    Path(task["stage"]).write_text(words, encoding="utf-8")


def _said(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [""])[0][:160]
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


# -- old and new code ------------------------------------------------------------------------------------------------


class _Loader(SourceFileLoader):
    """Compiles a text that stands elsewhere than the file that it is the content of."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(Path(self.text).read_bytes(), self.path, "exec", dont_inherit=True)


class _Overlay(MetaPathFinder):
    """Finds modules where the import system finds them, and reads some of them from other files."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        text = self.texts.get(os.path.realpath(spec.origin)) if spec and spec.origin else None
        if spec is None or spec.origin is None or text is None:
            return None
        spec.loader = _Loader(fullname, spec.origin, text)
        return spec


class _Reached:
    """Whether one of some lines of a file has run; yes for no lines."""

    def __init__(self, file: str, lines: Sequence[int]) -> None:
        self.file, self.lines, self.yes = file, frozenset(lines), not lines

    def __enter__(self) -> None:
        if not self.yes:
            sys.settrace(self._trace)

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename != self.file:
            return None
        self.yes = self.yes or frame.f_lineno in self.lines
        return self._trace


class _NoInput(Exception):
    """The model took none of the inputs that were tried."""


class _Runs:
    """The model of the old code and that of the new one, on the same input with the same parameters."""

    def __init__(self, task: dict[str, Any], torch: Any, overlay: _Overlay, before: set[str], dtype: Any) -> None:
        self.task, self.torch, self.overlay, self.before, self.dtype = task, torch, overlay, before, dtype
        self.kept: list[ModuleType] = []
        self.reached = _Reached(task["file"], task["lines"] if task["relation"] == "same" else ())

    def outputs(self) -> tuple[list[Any], list[Any]]:
        """The tensors that both give, in order."""
        old = self._model("old")
        given = self._first(old)  # which also makes the parameters of lazy layers
        state = {key: value.clone() for key, value in old.state_dict().items()}
        first = self._run(old, given)
        old.load_state_dict(state)
        if not _same(self.torch, first, self._run(old, given)):
            raise NotProved(f"{self.task['name']} gives another output for the same input and seed")
        if not self.reached.yes:
            raise NotProved(f"what the fix changes does not run when {self.task['name']} does")
        new = self._model("new")
        if state.keys() != new.state_dict().keys():
            raise Failed(f"the saved parameters of {self.task['name']} no longer fit")
        new.load_state_dict(state)
        try:
            second = self._run(new, given)
        except Exception as error:
            raise Failed(f"with the fix {self.task['name']} raises {_said(error)}") from None
        if [each.shape for each in first] != [each.shape for each in second]:
            raise Failed(f"with the fix the output of {self.task['name']} has another shape")
        return first, second

    def _model(self, version: str) -> Any:
        """The model, built from the modules of the project as they are in this version."""
        for name, module in list(sys.modules.items()):
            if name not in self.before and self._is_ours(module):
                self.kept.append(sys.modules.pop(name))
        self.overlay.texts = self.task["texts"][version]
        importlib.invalidate_caches()
        module = self._imported()
        name = self.task["name"]
        _stage(self.task, f"building {name}")
        found = getattr(module, name, None)
        if found is None:
            raise NotProved(f"{module.__name__} has no {name} once it is imported")
        model = found if self.task["kind"] == "name" else self._built(found)
        if not isinstance(model, self.torch.nn.Module):
            raise NotProved(f"{name} is no torch.nn.Module")
        return model.to(self.dtype).eval()

    def _is_ours(self, module: ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        folders = getattr(module, "__path__", ())
        places = [file] if file else list(folders)
        root = os.path.realpath(self.task["root"]) + os.sep
        return any(os.path.realpath(place).startswith(root) and "site-packages" not in place for place in places)

    def _imported(self) -> ModuleType:
        reason = ""
        for name in self.task["modules"]:
            _stage(self.task, f"importing {name}")
            self.torch.manual_seed(SEED)
            try:
                module = importlib.import_module(name)
            except (Exception, SystemExit) as error:
                reason = reason or f"importing {name} raised {_said(error)}"
                continue
            if os.path.realpath(module.__file__ or "") == os.path.realpath(self.task["file"]):
                return module
            reason = reason or f"{name} is imported from another file than {self.task['shown']}"
        raise NotProved(reason)

    def _built(self, found: Any) -> Any:
        name, reason = self.task["name"], ""
        calls = [call for call in ([[], {}], *self.task["calls"]) if _fits(found, *call)]
        if not calls:
            missing = [f"`{each}`" for each in _missing(found)]
            words = f"{'argument' if len(missing) == 1 else 'arguments'} {' and '.join(missing)}"
            raise NotProved(f"{name} needs {words}, and no call writes out what it gets")
        for args, kwargs in calls:
            self.torch.manual_seed(SEED)
            try:
                return found(*args, **kwargs)
            except (Exception, SystemExit) as error:
                reason = reason or f"building {name} raised {_said(error)}"
        raise NotProved(reason)

    def _first(self, model: Any) -> Any:
        """An input that the model takes, and for which it gives something."""
        name = self.task["name"]
        wants = _missing(model.forward)
        if len(wants) != 1:
            raise NotProved(f"{name}.forward wants {len(wants)} inputs: {', '.join(wants) or 'none is named'}")
        tried, last = 0, ""
        for given in self._inputs(model):
            tried += 1
            try:
                found = self._run(model, given)
            except Exception as error:
                last = last or _said(error)
                continue
            if found:
                return given
            last = last or "the output holds no tensor"
        if not tried:
            raise NotProved(f"no input shape is evident from the layers of {name}")
        raise _NoInput(f"{name} took none of {tried} random inputs: {last}")

    def _run(self, model: Any, given: Any) -> list[Any]:
        _stage(self.task, f"running {self.task['name']}")
        self.torch.manual_seed(SEED)
        with self.torch.no_grad(), self.reached:
            found = list(_tensors(self.torch, model(given.clone())))
        return [each.detach().clone() for each in found]

    def _inputs(self, model: Any) -> Iterator[Any]:
        """Random inputs whose shapes fit the first layers."""
        random = self.torch.Generator().manual_seed(SEED)
        seen = set()
        for layer in list(_known(self.torch.nn, model))[:3]:
            for shape, top in _shapes(self.torch.nn, layer):
                if (shape, top) in seen:
                    continue
                seen.add((shape, top))
                if top:
                    yield self.torch.randint(0, top, shape, generator=random)
                else:
                    yield self.torch.randn(shape, generator=random, dtype=self.dtype)


def _missing(call: Callable[..., Any]) -> list[str]:
    """The parameters that a call has to give."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return []
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in parameters if each.default is each.empty and each.kind not in open_ended]


def _fits(call: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    try:
        inspect.signature(call).bind(*args, **kwargs)
    except TypeError:
        return False
    except ValueError:
        pass  # it does not say what it takes
    return True


def _tensors(torch: Any, value: Any) -> Iterator[Any]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _tensors(torch, each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _tensors(torch, each)


def _known(nn: Any, model: Any) -> Iterator[Any]:
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding, nn.LSTM, nn.GRU, nn.RNN)
    return (each for each in model.modules() if isinstance(each, kinds))


def _shapes(nn: Any, layer: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    """Shapes of a batch of four that a layer takes, each with the number of indices where it takes those."""
    if isinstance(layer, nn.Embedding):
        yield from (((4, 16), layer.num_embeddings), ((4,), layer.num_embeddings), ((4, 64), layer.num_embeddings))
    elif isinstance(layer, nn.Linear):
        width = layer.in_features
        yield (4, width), 0
        for channels in (1, 3):
            side = round((width / channels) ** 0.5)
            if channels * side * side == width:
                yield (4, channels, side, side), 0
        yield (4, 7, width), 0
    elif isinstance(layer, (nn.LSTM, nn.GRU, nn.RNN)):
        yield (4, 7, layer.input_size), 0
    else:
        axes = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}
        count = next(number for kind, number in axes.items() if isinstance(layer, kind))
        for size in (16, 32) if count == 3 else SIZES:
            yield (4, layer.in_channels, *(size,) * count), 0


# -- what must hold --------------------------------------------------------------------------------------------------


def _judged(task: dict[str, Any], torch: Any, old: list[Any], new: list[Any], tolerance: float) -> str:
    """What holds between the outputs, in words; `Failed` where something does not."""
    if any(bool((~torch.isfinite(each)).any()) for each in (*old, *new)):
        raise NotProved("an output on random input is not finite")
    if task["relation"] == "same":
        worst = max(_distance(torch, one, other) for one, other in zip(old, new, strict=True))
        if worst > tolerance:
            raise Failed(f"old and new output differ by {worst:.1g}")
        return f"old output = new output {_near(worst)}"
    pairs = [pair for pair in zip(old, new, strict=True) if _distance(torch, *pair) > tolerance]
    if not pairs:
        raise NotProved(f"the fix changes nothing in what {task['name']} gives in evaluation mode")
    if task["relation"] == "log":
        worst = max(_distance(torch, one.log(), other) for one, other in pairs)
        if not worst <= tolerance:
            raise Failed(f"log(old output) and new output differ by {worst:.1g}")
        return f"new output = log(old output) {_near(worst)}"
    said = {_taken_out(task, torch, one, other, tolerance) for one, other in pairs}
    return "; ".join(sorted(said))


def _same(torch: Any, some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(
        torch.equal(torch.nan_to_num(one), torch.nan_to_num(other)) for one, other in zip(some, others, strict=True)
    )


def _near(worst: float) -> str:
    return f"to {worst:.0e}" if worst else "exactly"


def _distance(torch: Any, one: Any, other: Any) -> float:
    if one.dtype == torch.bool or not one.is_floating_point():
        return float((one != other).any())
    return float((one - other).abs().max() / max(1.0, float(other.abs().max()))) if one.numel() else 0.0


def _taken_out(task: dict[str, Any], torch: Any, old: Any, new: Any, tolerance: float) -> str:
    space = task["space"]
    axis = _axis(torch, space, old, task["axis"])
    again = _applied(torch, space, new, axis)
    worst = _distance(torch, again, old)
    if worst > tolerance:
        raise Failed(f"old output and {ACTIVATIONS[space]} differ by {worst:.1g}")
    words = [f"old output = {ACTIVATIONS[space]} {_near(worst)}", _ranks(torch, space, old, new, axis, tolerance)]
    gradient = _gradient(task, torch, new, axis, tolerance)
    return ", ".join((*words, gradient) if gradient else words)


def _applied(torch: Any, space: str, value: Any, axis: int | None) -> Any:
    functional = torch.nn.functional
    if space == "sigmoid":
        return torch.sigmoid(value)
    if space == "log_sigmoid":
        return functional.logsigmoid(value)
    return (functional.softmax if space == "probs" else functional.log_softmax)(value, dim=axis)


def _axis(torch: Any, space: str, old: Any, axis: int | None) -> int | None:
    """The axis that the old output is normalised over; `NotProved` where it is not what the activation gives."""
    plain = old.exp() if space.startswith("log_") else old
    if not old.is_floating_point() or bool((plain < 0).any()) or bool((plain > 1 + 1e-6).any()):
        raise NotProved("the output is not what the activation gave: something follows it")
    if "sigmoid" in space:
        return None
    axes: tuple[int, ...] = (axis, 1, -1) if axis is not None else (1, -1, *range(old.dim()))
    for each in axes:
        if -old.dim() <= each < old.dim() and bool(((plain.sum(dim=each) - 1).abs() < 1e-4).all()):
            return each
    raise NotProved("the output is not what the activation gave: it does not sum to 1")


def _ranks(torch: Any, space: str, old: Any, new: Any, axis: int | None, tolerance: float) -> str:
    if axis is None:
        half = torch.tensor(0.5, dtype=old.dtype)
        middle = half.log() if space.startswith("log_") else half
        clear = (old - middle).abs() > tolerance
        if bool(((old > middle) != (new > 0))[clear].any()):
            raise Failed("an output falls on the other side of one half")
        return "each output on the same side of one half"
    best = old.gather(axis, new.argmax(dim=axis, keepdim=True))
    if bool((old.amax(dim=axis, keepdim=True) - best > tolerance).any()):
        raise Failed("the arg-max is another one")
    return "arg-max the same"


def _gradient(task: dict[str, Any], torch: Any, new: Any, axis: int | None, tolerance: float) -> str:
    """What the loss pulls at the scores, now and with the activation between, where it is a cross entropy."""
    functional, random = torch.nn.functional, torch.Generator().manual_seed(SEED)
    if task["loss"] == "softmax" and axis is not None and new.dim() > 1:
        scores = new.movedim(axis, 1)
        target = torch.randint(0, scores.shape[1], (scores.shape[0], *scores.shape[2:]), generator=random)
        onehot = functional.one_hot(target, scores.shape[1]).movedim(-1, 1).to(scores.dtype)
        expected, words = (scores.softmax(dim=1) - onehot) / target.numel(), "(softmax(z) - onehot) / N"
        loss, axis = functional.cross_entropy, 1
    elif task["loss"] == "sigmoid":
        scores, target = new, torch.rand(new.shape, generator=random, dtype=new.dtype)
        expected, words = (scores.sigmoid() - target) / target.numel(), "(sigmoid(z) - target) / N"
        loss = functional.binary_cross_entropy_with_logits
    else:
        return ""

    def missed(activated: bool) -> float:
        z = scores.detach().clone().requires_grad_()
        loss(_applied(torch, task["space"], z, axis) if activated else z, target).backward()
        return float((z.grad - expected).abs().max() / expected.abs().max())

    if missed(False) > tolerance:
        raise Failed(f"the gradient differs from {words} by {missed(False):.0%}")
    return f"gradient = {words}, which the old one missed by {missed(True):.0%}"


if __name__ == "__main__":
    main(sys.argv[1])
