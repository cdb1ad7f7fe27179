"""`Tracer`: follow the space of every tensor through one step of PyTorch.

A mode sees each outermost public call (`F.cross_entropy` arrives whole, what it calls inside does not), so the space of
a tensor follows from the rows of the table and the few operators of Python, and from nothing else: numbers are never
looked at. What no row describes is unknown from there on.
"""

from __future__ import annotations

import contextlib
import functools
import linecache
import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode
from torch.utils.weak import WeakTensorKeyDictionary

from rawlogits.finding import Arrival, Place, Step, linked
from rawlogits.space import Space
from rawlogits.table.arithmetic import Effect, outlasts_mean, with_number
from rawlogits.table.lookup import Table
from rawlogits.table.row import Row, Verb, spelling

_INSIDE = tuple(str(each) + os.sep for each in (Path(torch.__file__).parent, Path(__file__).parent.parent))
_OTHERS = tuple(sysconfig.get_path(each) + os.sep for each in ("purelib", "platlib", "stdlib"))
_TIMES, _OVER = {"mul", "multiply", "__mul__", "__rmul__"}, {"div", "divide", "true_divide", "__truediv__"}
_PLUS, _MINUS = {"add", "__add__", "__radd__"}, {"sub", "subtract", "__sub__"}
_FROM, _NEGATED, _ITEM = {"rsub", "__rsub__"}, {"neg", "negative", "__neg__"}, {"__getitem__"}
_COMPARED = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "greater": ">", "greater_equal": ">=", "less": "<"}
_COMPARED |= {"less_equal": "<=", "__gt__": ">", "__ge__": ">=", "__lt__": "<", "__le__": "<="}
_SIGNS = {"*": _TIMES, "/": _OVER, "+": _PLUS, "-": _MINUS | _FROM}
_ARITHMETIC = _TIMES | _OVER | _PLUS | _MINUS | _FROM | _NEGATED | _ITEM | _COMPARED.keys()


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What is known of a tensor; a space of None: no activation made it, and nothing more."""

    space: Space | None
    made_by: str
    made_at: Step | None = None
    axis: int | None = None
    guarded: bool = False
    scaled: bool = False
    mixed: bool = False
    """Averaged over something: the logarithm of it is another one."""
    marks: frozenset[str] = frozenset()
    module: str = ""
    """The dotted name of the module in whose forward it was made."""
    form: str = ""
    """"exp" or "sum of exp", of `root`."""
    root: State | None = None
    basis: object = None
    """One for all values that come from the same scores."""


@dataclass(frozen=True, slots=True)
class Met:
    """A demand that a step met: of which operator, what of known space came, and out of which module."""

    verb: str
    operator: str
    place: Place
    arrival: Arrival | None
    state: State | None


class Tracer(TorchFunctionMode):
    """A context in which a step runs and is followed; `met` holds what it saw.

    Names of modules come from `model`; places are shown relative to `root`. Hooks are taken off when the context is
    left, however that happens; values, gradients and random numbers are those of a step that nobody follows.

    >>> seen = Tracer(Table.standard(), Path.cwd())
    >>> with seen:
    ...     probabilities = torch.softmax(torch.nn.functional.linear(torch.randn(4, 3), torch.randn(3, 3)), dim=1)
    ...     loss = torch.nn.functional.cross_entropy(probabilities, torch.tensor([0, 1, 2, 0]))
    >>> [(met.operator, met.arrival.got) for met in seen.met if met.verb == "loss"]
    [('cross_entropy', <Space.PROBS: 'probs'>)]
    """

    def __init__(self, table: Table, root: Path, model: torch.nn.Module | None = None) -> None:
        super().__init__()
        self.rows, self.root, self.model = _rows_by_function(table), root, model
        self.names = {id(each): name for name, each in model.named_modules()} if model is not None else {}
        self.states: MutableMapping[torch.Tensor, State] = WeakTensorKeyDictionary()
        self.met: list[Met] = []
        self.is_on = True
        self._places: dict[tuple[CodeType, int], Place] = {}
        self._modules: list[str] = []
        self._hooks: list[Any] = []
        self._thread = 0

    def __enter__(self) -> Tracer:
        self._thread = threading.get_ident()
        for module in self.model.modules() if self.model is not None else ():
            with contextlib.suppress(RuntimeError):  # script modules take no hooks
                self._hooks.append(module.register_forward_pre_hook(self._entered))
                self._hooks.append(module.register_forward_hook(self._left, always_call=True))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    @property
    def arrivals(self) -> list[tuple[Arrival, Met]]:
        """What came of a known space, each with what else values of the same scores met."""
        known = [met for met in self.met if met.arrival is not None and met.state is not None]
        arrivals = [met.arrival for met in known if met.arrival is not None]
        return list(zip(linked(arrivals, [met.state and met.state.basis for met in known]), known, strict=True))

    def is_innermost(self) -> bool:
        """Whether no other mode was entered since in this thread, so that this one can be left."""
        return threading.get_ident() == self._thread and _get_current_function_mode() is self  # type: ignore[no-untyped-call]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        finally:
            for hook in self._hooks:
                hook.remove()
            self._hooks = []
            self.states.clear()

    def _entered(self, module: torch.nn.Module, given: object) -> None:
        if threading.get_ident() == self._thread:  # hooks are called in every thread, the mode in one
            self._modules.append(self.names.get(id(module), type(module).__name__))

    def _left(self, module: torch.nn.Module, given: object, result: object) -> None:
        if threading.get_ident() == self._thread and self._modules:
            self._modules.pop()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if not self.is_on:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        state = (
            self._arithmetic(name, args)
            if name in _ARITHMETIC
            else self._operated(self.rows.get(func, ()), args, kwargs)
        )
        result = func(*args, **kwargs)
        changed = args[:1] if name == "__setitem__" else _tensors(result)
        for each in changed:
            if state is not None:
                self.states[each] = state
            else:
                self.states.pop(each, None)
        return result

    # -- rows --------------------------------------------------------------------------------------------------------

    def _operated(self, rows: Sequence[_Spelled], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> State | None:
        """What the rows of a call say of its result, demands met on the way."""
        found: State | None = None
        for spelled in rows:
            row, given = spelled.row, spelled.given(args, kwargs)
            if row.arg not in given or not _holds(row, given):
                continue
            state = self._of(given[row.arg])
            if row.verb is Verb.LOSS:
                self._meet("loss", spelled, given, state, row.class_axis)
                found = found or State(None, row.short)
            else:
                found = _BY_VERB[row.verb](self, spelled, given, state)
        return found

    def _source(self, spelled: _Spelled, given: Mapping[str, Any], state: State | None) -> State:
        row = spelled.row
        if row.marks == "sum" and state is not None and state.form == "exp":
            return replace(state, form="sum of exp")
        made = self._made(row.short) if row.gives else None
        marks = frozenset({row.marks} - {""})
        return State(row.gives, row.short, made, marks=marks, module=self._module, basis=object())

    def _keeps(self, spelled: _Spelled, given: Mapping[str, Any], state: State | None) -> State | None:
        row = spelled.row
        if state is None:
            return None
        if row.reduces:
            over, rank = given.get(row.reduces), given[row.arg].dim()
            kept = outlasts_mean(state.space, state.axis, over, rank)
            return replace(state, axis=None, mixed=state.space is not Space.LOGITS) if kept else State(None, row.short)
        state = replace(state, axis=None, form="", root=None) if row.moves else state
        return replace(state, guarded=True) if row.guards else state

    def _op(self, spelled: _Spelled, given: Mapping[str, Any], state: State | None) -> State | None:
        row = spelled.row
        axis = given.get(row.axis, row.defaults.get(row.axis)) if row.axis else row.class_axis
        axis = axis if isinstance(axis, int) else None
        is_known = state is not None and state.space is not None and "constant" not in state.marks
        if is_known and not (state is not None and state.mixed and row.turns):
            self._meet("op", spelled, given, state, axis)
        if row.gives is not None:
            basis = object() if state is None else state.basis
            return State(row.gives, row.short, self._made(row.short), axis, module=self._module, basis=basis)
        if state is None:
            return None
        if row.turns.get(Space.PROBS) is Space.LOG_PROBS and state.form == "sum of exp":
            self._naive("logsumexp", state)
        if state.space is not None and state.space in row.turns:
            return replace(state, space=row.turns[state.space])
        is_exp = row.turns.get(Space.LOG_PROBS) is Space.PROBS and state.space is Space.LOGITS
        return State(None, row.short, form="exp", root=state) if is_exp else State(None, row.short)

    def _of(self, value: Any) -> State | None:
        """What is known of a tensor; of several, what all of them share."""
        if isinstance(value, torch.Tensor):
            return self.states.get(value)
        if isinstance(value, (list, tuple)) and value and all(isinstance(each, torch.Tensor) for each in value):
            states = [self.states.get(each) for each in value]
            first = states[0]
            same = first is not None and all(each is not None and each.space is first.space for each in states)
            return first if same else None
        return None

    # -- demands -----------------------------------------------------------------------------------------------------

    def _meet(
        self, verb: str, spelled: _Spelled, given: Mapping[str, Any], state: State | None, axis: int | None
    ) -> None:
        """Report what came to a loss, or to an operator."""
        row, value, place = spelled.row, given[spelled.row.arg], self._place()
        target = self._of(given.get(row.target)) if row.target else None
        facts = {
            "wants": row.wants,
            "harmless": row.harmless,
            "activation": row.activation if verb == "loss" else row.gives,
            "class_axis": axis,
            "rank": value.dim() if isinstance(value, torch.Tensor) else None,
            "size": _length(value, axis),
            "marks": target.marks if target is not None else frozenset(),
            "twin": row.twin,
        }
        self._arrive(verb, spelled.name, state, place, f"reaches {spelled.name}", **facts)

    def _naive(self, operator: str, state: State) -> None:
        """Report a fused operator that the step writes out by hand on raw logits."""
        self._arrive("naive", operator, state.root, self._place(), f"{operator} written out")

    def _arrive(self, verb: str, operator: str, state: State | None, place: Place, text: str, **facts: Any) -> None:
        arrival = None
        if state is not None and state.space is not None:
            arrival = Arrival(
                verb=verb,
                operator=operator,
                got=state.space,
                place=place,
                trace=(*([state.made_at] if state.made_at else []), Step(place, text)),
                made_by=state.made_by,
                axis=state.axis,
                guarded=state.guarded,
                scaled=state.scaled,
                **facts,
            )
        self.met.append(Met(verb, operator, place, arrival, state))

    # -- operators of Python -----------------------------------------------------------------------------------------

    def _arithmetic(self, name: str, args: tuple[Any, ...]) -> State | None:
        """What + - * / < and an index make of tensors and numbers."""
        states = [self._of(each) if isinstance(each, torch.Tensor) else None for each in args[:2]]
        left, right = (*states, None, None)[:2]
        if name in _ITEM:
            return None if left is None else replace(left, axis=None, form="", root=None)
        if len(args) > 1 and isinstance(args[1], (int, float)) and left is not None and not isinstance(args[1], bool):
            return self._with_number(name, left, float(args[1]))
        if name in _NEGATED and left is not None and left.space is Space.LOGITS:
            return replace(left, form="", root=None)
        if left is None or right is None:
            return None
        if name in _PLUS and left.space is right.space is Space.LOGITS:
            return left
        if name in _OVER and left.form == "exp" and right.form == "sum of exp" and left.root is right.root:
            self._naive("softmax", left)
            basis = left.root.basis if left.root is not None else None
            made = "exp / sum(exp)"
            return State(Space.PROBS, made, self._made(made), module=self._module, basis=basis)
        return State(None, name)

    def _with_number(self, name: str, state: State, number: float) -> State | None:
        if name in _COMPARED and state.space is not None:
            operator = _COMPARED[name]
            self._arrive("compare", operator, state, self._place(), f"compared with {number:g}", constant=number)
        sign = next((sign for sign, names in _SIGNS.items() if name in names), "")
        effect = with_number(sign, state.space, number, first=name not in _FROM) if sign else Effect.ENDED
        if effect is Effect.SCALED:
            return replace(state, scaled=True)
        if effect is Effect.SHIFTED:
            return replace(state, form="", root=None)
        if effect is Effect.GUARDED:
            return replace(state, guarded=True)
        return state if effect is Effect.SAME else State(None, name)

    # -- places ------------------------------------------------------------------------------------------------------

    @property
    def _module(self) -> str:
        return self._modules[-1] if self._modules else ""

    def _made(self, operator: str) -> Step:
        place = self._place()
        return Step(place, f"made here: {_words(place, self.root) or operator}")

    def _place(self) -> Place:
        """The call in the user's code; where there is none on the stack, the nearest outside torch."""
        frame = _own(sys._getframe(1))
        key = frame.f_code, frame.f_lasti
        if key not in self._places:
            self._places[key] = self._place_of(frame)
        return self._places[key]

    def _place_of(self, frame: FrameType) -> Place:
        line, end_line, column, end_column = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
        shown = os.path.relpath(frame.f_code.co_filename, self.root) if os.path.isabs(frame.f_code.co_filename) else ""
        path = frame.f_code.co_filename if not shown or shown.startswith("..") else shown.replace(os.sep, "/")
        line = line or frame.f_lineno
        return Place(path, line, (column or 0) + 1, end_line or line, (end_column or 0) + 1)


def _own(frame: FrameType) -> FrameType:
    """The innermost frame of the user's code, else the innermost outside torch."""
    outside: FrameType | None = None
    at: FrameType | None = frame
    while at is not None:
        whose = _whose(at.f_code.co_filename)
        if whose == "own":
            return at
        outside = outside or (at if whose == "other" else None)
        at = at.f_back
    return outside or frame


@functools.cache
def _whose(file: str) -> str:
    return "torch" if file.startswith(_INSIDE) else "other" if file.startswith(_OTHERS) else "own"


def _words(place: Place, root: Path) -> str:
    """What stands at a place of one line; columns of code objects count bytes."""
    line = linecache.getline(os.path.join(root, place.path), place.line).encode()
    return (
        line[place.column - 1 : place.end_column - 1].decode(errors="replace") if place.line == place.end_line else ""
    )


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _tensors(each)


def _length(value: Any, axis: int | None) -> int | None:
    fits = isinstance(value, torch.Tensor) and axis is not None and -value.dim() <= axis < value.dim()
    return int(value.shape[axis]) if fits and axis is not None else None


# -- the table, by function ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Spelled:
    """A row under one of its names: a method's first argument is `arg`."""

    row: Row
    name: str
    is_method: bool

    def given(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call by the names of the row's parameters."""
        others = (each for each in self.row.params if each != self.row.arg)
        params = (self.row.arg, *others) if self.is_method else self.row.params
        return {**dict(zip(params, args, strict=False)), **kwargs}


def _holds(row: Row, given: Mapping[str, Any]) -> bool:
    actual = ((given.get(name, row.defaults.get(name)), wanted) for name, wanted in row.when.items())
    return all(not isinstance(value, torch.Tensor) and value == wanted for value, wanted in actual)


_BY_VERB = {Verb.SOURCE: Tracer._source, Verb.KEEPS: Tracer._keeps, Verb.OP: Tracer._op}


@functools.cache
def _rows_by_function(table: Table) -> dict[Callable[..., Any], tuple[_Spelled, ...]]:
    """The rows of the functions and methods of this version of PyTorch, as a mode is given them."""
    found: dict[Callable[..., Any], dict[int, _Spelled]] = {}
    for row in table.rows:
        for name in row.names:
            kind = spelling(name)
            if name.startswith("torch.") and kind != "module" and (function := _found(name)) is not None:
                found.setdefault(function, {})[id(row)] = _Spelled(row, name.rpartition(".")[2], kind == "method")
    return {function: tuple(rows.values()) for function, rows in found.items()}


def _found(name: str) -> Callable[..., Any] | None:
    value: Any = torch
    for part in name.split(".")[1:]:
        value = getattr(value, part, None)
    getter: Callable[..., Any] | None = getattr(value, "__get__", None) if not callable(value) else value
    return getter


# -- before a backward pass ------------------------------------------------------------------------------------------

_listeners: list[Callable[[], object]] = []
_originals: list[tuple[Any, str, Callable[..., Any]]] = []
_running = threading.local()


def listen(listener: Callable[[], object]) -> None:
    """Have a listener called before gradients are taken, in whatever loop: they all end in one of three functions.

    These are replaced while somebody listens, once for all, and are the same as before when the last one has left, in
    whatever order that happens.
    """
    if not _originals:
        for owner, name in ((torch.Tensor, "backward"), (torch.autograd, "backward"), (torch.autograd, "grad")):
            _originals.append((owner, name, getattr(owner, name)))
            setattr(owner, name, _announcing(getattr(owner, name)))
    _listeners.append(listener)


def forget(listener: Callable[[], object]) -> None:
    """Call a listener no more; nothing happens for one that is not known."""
    if listener in _listeners:
        _listeners.remove(listener)
    if not _listeners:
        for owner, name, function in _originals:
            setattr(owner, name, function)
        _originals.clear()


def _announcing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def announced(*args: Any, **kwargs: Any) -> Any:
        if getattr(_running, "inside", False):
            return function(*args, **kwargs)
        _running.inside = True
        try:
            for listener in [*_listeners]:
                listener()
            return function(*args, **kwargs)
        finally:
            _running.inside = False

    return announced
