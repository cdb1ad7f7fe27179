"""A grammar of small programs: a model, its last activation, what lies on the way, a loss, who else reads the scores.

Every sentence of the grammar is a program that runs (test_walker_laws runs some). What the walker has to say of it
follows from the activation and the loss alone, whatever the way; the way is what the laws vary.

>>> print(Program(model="class", tail="F.softmax({z}, dim=1)", way=("dict",)).text)
import functools
import torch
import torch.nn as nn
import torch.nn.functional as F
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 3)
    def forward(self, x):
        z = self.body(x)
        z = F.softmax(z, dim=1)
        return z
def main(x, y):
    model = Net()
    z = model(x)
    result = {"z": z, "x": x}
    z = result["z"]
    loss = nn.CrossEntropyLoss()(z, y)
    return loss
main(torch.zeros(4, 8), torch.zeros(4, dtype=torch.long))
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from rawlogits.space import Space
from rawlogits.static.names import bound_names

IMPORTS = ["import functools", "import torch", "import torch.nn as nn", "import torch.nn.functional as F"]


def blocks(text: str) -> dict[str, list[str]]:
    """The blocks of lines in a text, by the comment over each."""
    found = re.split(r"^# (?!in main)(.+)\n", text, flags=re.MULTILINE)[1:]
    return {name: lines.splitlines() for name, lines in zip(found[::2], found[1::2], strict=True)}


TAILS: dict[str, Space] = {
    "": Space.LOGITS,
    "F.softmax({z}, dim=1)": Space.PROBS,
    "torch.softmax({z}, -1)": Space.PROBS,
    "{z}.softmax(1)": Space.PROBS,
    "nn.Softmax(dim=1)({z})": Space.PROBS,
    "F.log_softmax({z}, dim=1).exp()": Space.PROBS,
    "torch.sigmoid({z})": Space.SIGMOID,
    "{z}.sigmoid()": Space.SIGMOID,
    "nn.Sigmoid()({z})": Space.SIGMOID,
    "F.log_softmax({z}, dim=1)": Space.LOG_PROBS,
    "torch.log_softmax({z}, 1)": Space.LOG_PROBS,
    "{z}.log_softmax(dim=-1)": Space.LOG_PROBS,
    "nn.LogSoftmax(1)({z})": Space.LOG_PROBS,
    "torch.log(F.softmax({z}, dim=1))": Space.LOG_PROBS,
    "F.logsigmoid({z})": Space.LOG_SIGMOID,
    "nn.LogSigmoid()({z})": Space.LOG_SIGMOID,
}
"""The last activation as it may be written, and the space that it gives."""

LOSSES = {
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "BCELoss": "binary_cross_entropy",
}
CALLS = blocks("""
# module
loss = nn.Loss()(z, y)
# function
loss = F.loss(z, y)
# keywords
loss = F.loss(target=y, input=z)
# criterion
criterion = nn.Loss()
loss = criterion(z, y)
# class
kind = nn.Loss
loss = kind()(z, y)
# partial
criterion = functools.partial(F.loss, reduction="mean")
loss = criterion(z, y)
# getattr
loss = getattr(nn, "Loss")()(z, y)
# lambda
criterion = lambda first, second: F.loss(first, second)
loss = criterion(z, y)
# default
def measure(first, second, criterion=nn.Loss()):
    return criterion(first, second)
loss = measure(z, y)
# elif
kind = "this"
if kind == "other":
    criterion = nn.MSELoss()
elif kind == "this":
    criterion = nn.Loss()
loss = criterion(z, y)
# list
losses = nn.ModuleList([nn.Loss()])
loss = sum(criterion(z, y) for criterion in losses)
# wrapper
class Measure(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Loss()
    def forward(self, first, second):
        return self.inner(first, second)
loss = Measure()(z, y)
# subclass
class Measure(nn.Loss):
    def forward(self, first, second):
        return super().forward(first, second)
loss = Measure()(z, y)
# trainer
class Trainer:
    def __init__(self, criterion):
        self.criterion = criterion
    def step(self, first, second):
        return self.criterion(first, second)
loss = Trainer(nn.Loss()).step(z, y)
# entry
losses = dict(main=nn.Loss(), other=nn.MSELoss())
loss = losses["main"](z, y)
""")
"""How the loss may be called: as `nn.Loss` or as `F.loss`."""

WAYS = blocks("""
# dict
result = {"z": z, "x": x}
z = result["z"]
# tuple
result = z, x
z, _ = result
# list
results = []
results.append(z)
z = results[-1]
# attribute
box = Box()
box.content = z
z = box.content
# view
z = z.view(-1, 3)
# permute
z = z.permute(1, 0).permute(1, 0)
# squeeze
z = z.unsqueeze(0).squeeze(0)
# slice
z = z[:, :3]
# cat
z = torch.cat([z, z])[:4]
# cast
z = z.float().contiguous()
# taken
if True:
    z = z.clone()
# refused
mode = "train"
if mode == "drop":
    z = torch.zeros(4, 3)
# lambda
z = (lambda value: value)(z)
# loop
for part in [z]:
    z = part
# with
with torch.enable_grad():
    z = z.clone()
# walrus
if (kept := z) is not None:
    z = kept
# try
try:
    z = z.contiguous()
except RuntimeError:
    raise
# match
match "train":
    case "train":
        z = z.clone()
    case _:
        z = torch.sigmoid(z)
# star
def inner(*several):
    return several[0]
z = inner(*[z, x])
# keywords
def inner(given=None, **_):
    return given
z = inner(**{"given": z, "x": x})
# generator
def inner(value):
    yield value, 1
for z, _ in inner(z):
    pass
# recursion
def again(value, depth):
    return value if depth == 0 else again(value, depth - 1)
z = again(z, 2)
# nonlocal
def inner(value):
    nonlocal z
    z = value.clone()
inner(z)
# early return
def inner(value, skip=False):
    if skip:
        return None
    return value
z = inner(z)
# decorator
def wrapped(func):
    @functools.wraps(func)
    def inner(*several, **named):
        return func(*several, **named)
    return inner
@wrapped
def run(value):
    return value
z = run(z)
# property
class Held:
    def __init__(self, value):
        self.kept = value
    @property
    def content(self):
        return self.kept
z = Held(z).content
# super
class Base:
    def run(self, value):
        return value
class Heir(Base):
    def run(self, value):
        return super().run(value)
z = Heir().run(z)
# collected
results = []
for part in range(2):
    results.append(z)
z = torch.cat(results)[:4]
""")
"""What may lie between the activation and the loss: every one keeps the space."""

FACTORIES = blocks("""
# function
def build():
    return Model()
# argument
def build(name="net"):
    if name == "net":
        return Model()
    return nn.Identity()
# early
def build(kind=None):
    if kind is None:
        model = Model()
        return model
    raise ValueError(kind)
# registry
MODELS = {"net": lambda: Model(), "none": nn.Identity}
def build(name="net"):
    return MODELS[name]()
# registered
MODELS = {}
def register(name):
    def inner(func):
        MODELS[name] = func
        return func
    return inner
@register("net")
def made():
    return Model()
def build():
    return MODELS["net"]()
# wrapped
def build():
    model = nn.DataParallel(Model())
    model.train()
    return model.module
# outer
class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Model()
    def forward(self, x):
        return self.inner(x)
def build():
    return Outer()
# cached
@functools.lru_cache
def build():
    return Model()
# global
MODEL = Model()
def build():
    return MODEL
# method
class Builder:
    def made(self):
        return Model()
def build():
    return Builder().made()
""")
"""How `build()` may make `Model()`."""

HEADS = blocks("""
# attribute
self.body = nn.Linear(8, 3)
self.last = LAST
return self.last(self.body(x))
# container
self.body = nn.Sequential(nn.Linear(8, 3), LAST)
return self.body(x)
# appended
layers = [nn.Linear(8, 3)]
layers.append(LAST)
self.body = nn.Sequential(*layers)
return self.body(x)
# added
self.body = nn.Sequential()
self.body.add_module("first", nn.Linear(8, 3))
self.body.add_module("last", LAST)
return self.body(x)
# listed
self.parts = nn.ModuleList([nn.Linear(8, 3), LAST])
return nn.Sequential(*self.parts)(x)
# indexed
self.parts = nn.ModuleList([nn.Linear(8, 3), LAST])
return self.parts[1](self.parts[0](x))
# lines
self.body = nn.Sequential(
    nn.Linear(8, 3),
    LAST,
)
return self.body(x)
# two
self.body = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
self.head = nn.Sequential(nn.Linear(8, 3), LAST)
return self.head(self.body(x))
""")
"""Models that have an activation module as their last part: how they are built, and last what `forward` returns."""

READERS = {
    "argmax": "seen = z.argmax(1)",
    "label": "_, seen = torch.max(z, 1)",
    "hit": "seen = (z.argmax(dim=1) == 1).float().mean()",
    "topk": "seen = z.topk(2).indices",
    "max": "seen, _ = z.max(1)",
    "values": "seen = torch.max(z, dim=1).values",
    "threshold": "seen = (z > 0.5).float()",
    "above": "seen = 0.3 <= z",
    "printed": "seen = z.detach()\nprint(z)",
    "message": 'seen = f"{z.sum().item():.1f}"',
    "item": "seen = z[0, 1].item()",
    "numpy": "seen = z.detach().numpy()",
    "listed": "seen = z.tolist()",
    "mean": "seen = z.mean(0)",
    "square": "seen = (z * z).sum(1)",
    "column": "seen = z[:, 1]",
    "kept": "seen = z",
    "dict": 'seen = {"scores": z}',
    "helper": "def shown(value):\n    return value.mean(0)\nseen = shown(z)",
    "inner": "def shown():\n    return z.sum(0)\nseen = shown()",
    "lambda": "seen = (lambda value: value + 1)(z)",
    "loop": "seen = []\nfor row in z:\n    seen.append(row.sum())",
    "comprehension": "seen = [row.max().item() for row in z]",
    "sorted": "seen = z.sort(dim=1).values",
    "quiet": "with torch.no_grad():\n    seen = z * 2",
    "changed": "seen = z.detach().clone()\nseen += 1",
    "held": "class Kept:\n    pass\nkept = Kept()\nkept.scores = z\nseen = kept.scores.sum(0)",
    "joined": "seen = torch.cat([z, z], dim=1)",
    "again": "seen = model(x).sum(0)",
    "switched": "model.eval()\nseen = model(x)[:, 0]",
    "choice": "seen = z * 3 if z.mean() > 2 else z",
    "branch": "seen = 0\nif z.max() > 0.2:\n    seen = 1",
    "weights": "seen = z @ torch.arange(3.0)",
    "distance": "seen = F.mse_loss(z, torch.zeros(4, 3))",
    "unpacked": "first, *seen = z",
    "walrus": "if (found := z) is not None:\n    seen = found + 1",
    "several": "seen = z.min(), z.max(), z.argmax(1)",
    "renamed": "other = z\nseen = other.sum(1), other.argmax(1)",
    "passed": 'def shown(**named):\n    return named["value"].prod(1)\nseen = shown(value=z)',
}
"""Who else may read the scores: what is `seen` of them."""

THRESHOLDS = frozenset({"threshold", "above"})
"""The readers that compare with a probability."""

UNUSED = blocks("""
# function
def unused(z, y):
    return F.mse_loss(F.softmax(z, dim=1), y)
# loss
def unused(z, y):
    return F.cross_entropy(z, y) + F.binary_cross_entropy(z, y)
# class
class Unused(nn.Module):
    def forward(self, x):
        return F.softmax(x, dim=1)
# literal
# in main
if False:
    z = torch.sigmoid(z)
# comparison
# in main
level = 1
if level > 2:
    z = F.softmax(z, dim=1)
# constant
DEBUG = False
# in main
if DEBUG:
    z = F.log_softmax(z, dim=1)
# otherwise
# in main
if 1 < 2:
    pass
else:
    z = torch.sigmoid(z)
# expression
# in main
z = z if True else torch.sigmoid(z)
# attribute
class Config:
    debug = False
# in main
if Config.debug:
    z = torch.sigmoid(z)
# parameter
def passed(value, squash=False):
    return torch.sigmoid(value) if squash else value
# in main
z = passed(z)
# nested
# in main
def never(value):
    return F.softmax(value, dim=1)
# namesake
class Other:
    def forward(self, z):
        return F.softmax(z, dim=1)
# empty loop
# in main
for part in []:
    z = torch.sigmoid(z)
# while
# in main
while False:
    z = torch.sigmoid(z)
""")
"""Definitions, and after `# in main` statements between the model and the loss, that never do anything."""

LOCALS = ("x", "y", "z", "model", "loss", "criterion", "result", "results", "box", "kind", "part", "value", "mode")
"""The names that only functions bind, in no keyword and no global."""


@dataclass(frozen=True)
class Program:
    """One sentence. `inside`: the activation belongs to the model. `early` steps lie in `forward`, `way` after it."""

    model: str = "class"
    tail: str = ""
    loss: str = "CrossEntropyLoss"
    call: str = "module"
    inside: bool = True
    early: tuple[str, ...] = ()
    way: tuple[str, ...] = ()
    helpers: bool = False
    """Whether each step of the way is a function of its own."""
    factory: str = ""
    unused: str = ""
    readers: tuple[str, ...] = ()
    """Who else reads what the loss gets, in `main`."""
    before: bool = False
    """Whether they come before the loss."""
    predict: tuple[str, ...] = ()
    """Who reads what the model gives in a function of its own, with a model of its own."""
    imports: str = "usual"
    """"usual": `F.softmax`; "long": `nn.functional.softmax`; "bare": `softmax`."""

    @property
    def space(self) -> Space:
        """What reaches the loss."""
        return TAILS[self.tail]

    @property
    def definitions(self) -> list[list[str]]:
        """The top-level statements before `main`, each as lines; later ones may need earlier ones."""
        lines = ["class Box:", "    content = None"] if "attribute" in self.early + self.way else []
        if self.model == "class":
            forward = ["z = self.body(x)", *(line for step in self.early for line in WAYS[step]), *self._tail(True)]
            lines += _net(["self.body = nn.Linear(8, 3)"], [*forward, "return z"])
        if self.model in HEADS:
            built = [line.replace("LAST", self._last() or "nn.Identity()") for line in HEADS[self.model]]
            lines += _net(built[:-1], built[-1:])
        if self.factory:
            lines += [line.replace("Model()", self._built()) for line in FACTORIES[self.factory]]
        lines += self._unused()[0]
        for number, step in self._steps() if self.helpers else ():
            lines += [f"def step_{number}(z, x):", *(f"    {line}" for line in [*step, "return z"])]
        if self.predict:
            lines += ["def predict(x):", f"    model = {self._model()}", "    z = model(x)"]
            lines += [f"    {line}" for line in [*_read(self.predict), f"return {_seen(self.predict)}"]]
        return _statements(lines)

    @property
    def body(self) -> list[str]:
        """`main`, and its call."""
        lines = [f"model = {self._model()}", "z = model(x)"]
        for number, step in self._steps():
            lines += [f"z = step_{number}(z, x)"] if self.helpers else step
        lines += self._unused()[1]
        names = {"Loss": self.loss, "F.loss": f"F.{LOSSES[self.loss]}"}
        called = [re.sub(r"\bLoss\b|\bF\.loss\b", lambda found: names[found[0]], line) for line in CALLS[self.call]]
        read = _read(self.readers)
        lines += [*read, *called] if self.before else [*called, *read]
        given = f"loss, {_seen(self.readers)}" if self.readers else "loss"
        classes = self.loss in ("CrossEntropyLoss", "NLLLoss")
        labels = "torch.zeros(4, dtype=torch.long)" if classes else "torch.zeros(4, 3)"
        end = _told("loss, seen", self.readers, f"main(torch.zeros(4, 8), {labels})")
        end += _told("told", self.predict, "predict(torch.zeros(4, 8))") if self.predict else []
        return ["def main(x, y):", *(f"    {line}" for line in [*lines, f"return {given}"]), *end]

    @property
    def text(self) -> str:
        """The program as one file."""
        return self._spelled([line for lines in self.definitions for line in lines] + self.body)

    def renamed(self, names: Mapping[str, str]) -> str:
        """The program with other names for its locals."""
        return renamed(self.text, names)

    def split(self, at: int, form: str) -> dict[str, str]:
        """The program as two files: the first `at` definitions in one that the other imports."""
        there, here = self.definitions[:at], self.definitions[at:]
        names = [_bound(lines) for lines in there]
        spelled = {
            "from": f"from parts import {', '.join(names)}",
            "star": "from parts import *",
            "module": "\n".join(["import parts", *(f"{name} = parts.{name}" for name in names)]),
            "package": f"from package.parts import {', '.join(names)}",
            "again": f"from package import {', '.join(names)}",
        }
        package = form in ("package", "again")
        files = {"package/__init__.py": "from .parts import *\n" if form == "again" else ""} if package else {}
        files["package/parts.py" if package else "parts.py"] = "\n".join([*IMPORTS, *itertools.chain(*there)])
        return files | {"main.py": "\n".join([*IMPORTS, spelled[form], *itertools.chain(*here), *self.body])}

    def _spelled(self, lines: list[str]) -> str:
        """The lines below their imports."""
        if self.imports == "usual":
            return "\n".join([*IMPORTS, *lines])
        text = "\n".join(lines)
        functions = sorted(set(re.findall(r"\bF\.(\w+)", text)))
        text = re.sub(r"\bF\.(?=\w)", "nn.functional." if self.imports == "long" else "", text)
        bare = [f"from torch.nn.functional import {', '.join(functions)}"] if functions else []
        return "\n".join([*IMPORTS[:-1], *(bare if self.imports == "bare" else []), text])

    def _unused(self) -> tuple[list[str], list[str]]:
        lines = UNUSED.get(self.unused, [])
        at = lines.index("# in main") if "# in main" in lines else len(lines)
        return lines[:at], lines[at + 1 :]

    def _steps(self) -> Iterator[tuple[int, list[str]]]:
        yield from enumerate([*([self._tail(False)] if self._tail(False) else []), *(WAYS[step] for step in self.way)])

    def _tail(self, inside: bool) -> list[str]:
        return [f"z = {self.tail.format(z='z')}"] if self.tail and self.inside is inside else []

    def _last(self) -> str:
        """The activation as a module of the model, "" when it is not there."""
        return self.tail.removesuffix("({z})") if self.inside else ""

    def _model(self) -> str:
        return "build()" if self.factory else self._built()

    def _built(self) -> str:
        if self.model != "sequential":
            return "nn.Linear(8, 3)" if self.model == "linear" else "Net()"
        last = f", {self._last()}" if self._last() else ""
        return f"nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3){last})"


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A program with other names for its variables, as `ast` writes it."""
    return ast.unparse(_Renamed(names).visit(ast.parse(text)))


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.names.get(node.arg, node.arg), node.annotation)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.Nonlocal:
        return ast.Nonlocal([self.names.get(name, name) for name in node.names])


def _net(built: list[str], forward: list[str]) -> list[str]:
    """A model of some parts."""
    head = ["class Net(nn.Module):", "    def __init__(self):", "        super().__init__()"]
    lines = [f"        {line}" for line in built]
    return [*head, *lines, "    def forward(self, x):", *(f"        {line}" for line in forward)]


def _read(readers: tuple[str, ...]) -> list[str]:
    """The lines of some readers, each of which sees something else."""
    numbered = ((number, line) for number, each in enumerate(readers) for line in READERS[each].splitlines())
    return [re.sub(r"\bseen\b", f"seen_{number}", line) for number, line in numbered]


def _seen(readers: tuple[str, ...]) -> str:
    """What some readers have seen, as a tuple."""
    return ", ".join(f"seen_{number}" for number in range(len(readers))) + ("," if len(readers) == 1 else "")


def _told(names: str, readers: tuple[str, ...], call: str) -> list[str]:
    """The lines that call a function and print what its readers have seen."""
    head, _, word = names.rpartition(", ")
    told = [f"{word}_{number}" for number in range(len(readers))]
    left = ", ".join([*([head] if head else []), *told])
    return [
        f"{left}{',' * (not head and len(told) == 1)} = {call}" if told else call,
        *(f"print({each})" for each in told),
    ]


def _bound(lines: list[str]) -> str:
    (name,) = bound_names(ast.parse("\n".join(lines)).body[0])
    return name


def _statements(lines: list[str]) -> list[list[str]]:
    """Lines cut into top-level statements, decorators with theirs."""
    body = ast.parse("\n".join(lines)).body
    firsts = [min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) for node in body]
    return [lines[first - 1 : node.end_lineno] for first, node in zip(firsts, body, strict=True)]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Any sentence without a factory and without unused parts, its steps written out in `main`."""
    model = draw(st.sampled_from(["class", "sequential", "linear"]))
    loss = draw(st.sampled_from(sorted(LOSSES)))
    tail = draw(st.sampled_from(sorted(TAILS)))
    as_module = tail.startswith("nn.")
    inside = model == "class" or (model == "sequential" and as_module)
    steps = st.lists(st.sampled_from(sorted(WAYS)), max_size=2).map(tuple)
    program = Program(
        model=model,
        tail=tail,
        loss=loss,
        call=draw(st.sampled_from(sorted(CALLS))),
        inside=inside and draw(st.booleans()),
        way=draw(steps),
    )
    return replace(program, early=draw(steps)) if model == "class" else program


@st.composite
def read_programs(draw: st.DrawFn) -> Program:
    """Any sentence with a finding or without one, and with readers of its scores."""
    program = draw(programs())
    if program.model == "class" and not program.early and program.tail.startswith("nn."):
        program = replace(program, model=draw(st.sampled_from(["class", *sorted(HEADS)])), inside=True)
    readers = st.lists(st.sampled_from(sorted(READERS)), max_size=2).map(tuple)
    return replace(
        program,
        readers=draw(readers),
        before=draw(st.booleans()),
        predict=draw(readers),
        factory=draw(st.sampled_from(["", "", *sorted(FACTORIES)])),
        helpers=draw(st.booleans()),
        unused=draw(st.sampled_from(["", "", *sorted(UNUSED)])),
        imports=draw(st.sampled_from(["usual", "usual", "long", "bare"])),
    )


def names() -> st.SearchStrategy[dict[str, str]]:
    """Other names for the locals, some of them misleading."""
    words = tuple("probs logits softmax log_probs sigmoid target labels scores nll preds out net".split())
    return st.permutations(words + LOCALS).map(lambda chosen: dict(zip(LOCALS, chosen, strict=False)))
