"""Where it is worth looking: the functions that name a loss, those that call them, and those that compute by hand.

Everything here is read off the text. Words are looked up in whole modules first and only then, where they occur, in
the parts; most parts are never looked at.
"""

from __future__ import annotations

import builtins
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

from rawlogits.space import Space
from rawlogits.static import composed, options
from rawlogits.static import source as sources
from rawlogits.static.names import Module, Part, words_in
from rawlogits.table.lookup import Table
from rawlogits.table.row import Row, Verb

CLASS = re.compile(r"^class +(\w+) *\(([^)]*)\)", re.MULTILINE)
NAME = re.compile(r"\w+")
_LAST = re.compile(r"\w+\Z")
_WORD = re.compile(r"[A-Za-z_]\w*\(?")
_FROM = re.compile(r"^[ \t]*from +([.\w]+) +import +(\([^)]*|[^\n]*)", re.MULTILINE)
_IMPORTS = re.compile(r"^[ \t]*(?:from|import) (?:[^\n(]*\([^)]*|[^\n]*)", re.MULTILINE)
_QUOTED = re.compile(r"[\"']([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)[\"']")
_IMPORTED = re.compile(r"\w+|\*")
_GLOBAL = re.compile(
    r"^(?!__)(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]+)?=(?!=)[^\n]*(?:\n[ \t)\]}][^\n]*)*", re.MULTILINE
)
"""A top-level assignment with the lines on which it goes on."""
_ATTRIBUTE = re.compile(
    r"^[ \t]+((?:self\.)?\w+(?:[ \t]*,[ \t]*(?:self\.)?\w+)*)[ \t]*(?::[^=\n]+)?=(?!=)[^\n]*", re.MULTILINE
)
_NAMES = {True: re.compile(r"\bself\.(\w+)"), False: re.compile(r"(?<![\w.])(\w+)(?!\w*\.)")}
"""The names among targets: with `self` in a method, without in the body of a class."""
_HANDED = re.compile(r"\s*\[?(\w+)\s*[\],)]")
"""A name that is all that is given, or the first of what is."""
_BOUND = re.compile(r"(\w+)[ \t]*=[^=]")
_MOST_GENERATIONS = 3
_DISTINCT = 3
"""A method name that is defined more often than this does not say who is called."""
_MOST_CALLS = (10_000, 1_000, 100, *[10] * 9)
"""How many calls by one name are followed, by their distance from a loss: farther off, a common name tells nothing."""
MOST_CALLERS = 12
"""Nor does one that more modules than these call, except where its class is named."""
_JUDGING = frozenset({"eval(", "no_grad", "inference_mode"})
"""Words of code that reads a trained model's output."""
_GENERIC = frozenset({"forward", "call", "__init__", "__call__", "__getitem__", "__iter__", "__len__", "__post_init__"})
_COMMON = frozenset(name for kind in (dict, list, set, str, bytes) for name in dir(kind)).union(dir(builtins))
"""Names of what every program calls: as methods they say who is called only where their class is named as well."""
SCRIPT = re.compile(rb"\n(?:if\s+__name__\b|(?:with|for|while)\b|[A-Za-z_][\w.]*\()")
"""A line, with the end of the one before it, that makes a file do something when it is run."""
_SHORT = re.compile(rb"\b(?:nn|F)\.[A-Za-z]")
"""A framework under a name that another module of the project gave it."""
_SHARED = 4


class Demands:
    """What the bytes and the words of code say about whether it can demand anything."""

    def __init__(self, table: Table) -> None:
        def named(keep: Callable[[Row], bool]) -> frozenset[str]:
            return frozenset(n.rsplit(".", 1)[-1] for row in table.rows if keep(row) for n in row.names)

        self.losses = table.words([Verb.LOSS]) | composed.BUILDERS.keys()
        self.called = frozenset({"__call__", *table.call_methods})
        self.activations = named(lambda row: row.verb is Verb.OP and row.gives is not None)
        self.activating = frozenset(f"{word}(" for word in self.activations)
        self.logarithms = named(lambda row: row.turns.get(Space.PROBS) is Space.LOG_PROBS)
        self.exponentials = named(lambda row: row.turns.get(Space.LOG_PROBS) is Space.PROBS)
        self._losses = _by_piece(self.losses)
        self._active = _by_piece(self.activations)
        self.pieces = [
            (piece.decode(), [word for word in self.losses if piece.decode() in word]) for piece, _ in self._losses
        ]
        self.deciding = sorted(_shortest(self.logarithms | _JUDGING))
        self.active = sorted(_shortest(self.activations))
        computing = {"def", "class", "sum(", "exp(", "self", *_JUDGING}
        functions = (self.activations, self.activating, self.logarithms, self.exponentials)
        self.telling = self.losses.union(*functions, computing)
        self._roots = [root.encode() for root in sorted(_shortest(table.roots.union(composed.BUILDERS.values())))]
        active = "|".join(self.active).encode()
        self._top = re.compile(rb"^(?!from|import|def|class)[A-Za-z_][^\n]*(?:" + active + rb")", re.MULTILINE)
        self._logarithm = re.compile(rb"\.(?:" + "|".join(sorted(self.logarithms)).encode() + rb")\(")
        self._given = [name.encode() for name in table.criteria]
        self._takers = {root: [f"{word}(" for word in sorted(words)] for root, words in table.takers.items()}
        for root, _, word in (name.partition(".") for name in options.RUNNERS):
            self._takers.setdefault(root, []).append(f"{word}(")
        self._takers[""] = [f"{name}=" for name in table.criteria]
        given = "|".join(table.criteria)
        self._spelled = re.compile(rf"\b(?:{given})\s*=\s*[\[({{]?\s*[\"']".encode())
        self._quotient = re.compile(rb"/ *\(?[\w.]*sum\(|\.sum\(|log\([\w.]*sum\(")

    def asks(self, data: bytes) -> bool:
        """Whether a file names a loss, or writes an operator that has a better form."""
        if _names(data, self._losses):
            return True
        if _names(data, self._active) and self._runs(data):
            return True
        return b"exp(" in data and b"sum(" in data and self._quotient.search(data) is not None

    def handed(self, text: str) -> Iterator[re.Match[str]]:
        """Functions that are given to what calls them: `value_and_grad(loss_fn)`, `compile(loss=smooth)`."""
        for root, words in self._takers.items():
            for word in words if root in text else ():
                for at in occurrences(text, word) if word in text else ():
                    match = _HANDED.match(text, at + len(word))
                    if match is not None:
                        yield match

    def mentions(self, data: bytes) -> bool:
        """Whether a document that holds code is worth reading: it names a loss or an activation, or sums what it
        exponentiated."""
        return _names(data, self._losses) or _names(data, self._active) or (b"exp(" in data and b"sum(" in data)

    def rooted(self, data: bytes) -> bool:
        """Whether names of a file can mean operators, without an `import *`; a loss may be given by its name alone."""
        if any(root in data for root in self._roots):
            return True
        if (b"nn." in data or b"F." in data) and _SHORT.search(data) is not None:
            return True
        return any(name in data for name in self._given) and self._spelled.search(data) is not None

    def _runs(self, data: bytes) -> bool:
        found = self._logarithm.search(data) or self._top.search(data) or SCRIPT.search(b"\n" + data)
        return found is not None

    def held(self, text: str, losing: Set[str]) -> set[str]:
        """Global names that a module binds to something with a loss in it: `LOSSES = {"ce": nn.CrossEntropyLoss()}`.

        `losing`: the names of losses, and of what has one in it.
        """
        holding = (match for match in _GLOBAL.finditer(text) if not losing.isdisjoint(words_in(match[0])))
        found = {name for match in holding for name in NAME.findall(match[1])}
        for at in occurrences(text, " as ", whole=False):
            before, after = _LAST.search(text, text.rfind("\n", 0, at) + 1, at), NAME.match(text, at + 4)
            if before and after and before[0] in self.losses:
                found.add(after[0])
        return found

    def activates(self, text: str) -> bool:
        """Whether a text names an activation."""
        return any(word in text for word in self.active)

    def writes_out(self, words: frozenset[str]) -> bool:
        """Whether a function takes a logarithm of an activation, or writes softmax out by hand."""
        if not self.exponentials.isdisjoint(words) and "sum(" in words:
            return True
        return not self.activations.isdisjoint(words) and not self.logarithms.isdisjoint(words)

    def computes(self, words: frozenset[str]) -> bool:
        """The same, or activates what it got from a trained model."""
        return self.writes_out(words) or not (self.activations.isdisjoint(words) or _JUDGING.isdisjoint(words))


class Heat:
    """Which words make a function worth running, and which parts of the text hold them.

    `hot` are such words anywhere, `held` those of one module, `held_by_class` the attributes that hold a loss.
    """

    def __init__(self, demands: Demands) -> None:
        self.demands = demands
        self.hot: frozenset[str] = frozenset()
        self.held: dict[Module, frozenset[str]] = {}
        self.held_by_class: dict[str, frozenset[str]] = {}
        self.classes: set[str] = set()
        """Classes with a part that is hot."""
        self.heads: list[tuple[Module, str, list[str]]] = []
        """Every class with bases: its module, its name, the words of its bases."""
        self._modules: list[Module] = []
        self._asking: set[Module] = set()
        self._losing: dict[Module, list[int]] = {}
        self._own_held: dict[Module, set[str]] = {}
        self._called: dict[str, list[Module]] = {}
        self._handed: dict[str, list[Module]] = {}
        self._renamed: dict[str, list[tuple[Module, str]]] = {}
        """Function -> global names that are bound to something that calls it: `step = jit(train_step)`."""
        self._defined: Counter[str] = Counter()
        self._parts: dict[Part, int] = {}
        """Hot parts, and how many calls each is away from a loss."""
        self._imported: dict[Module, frozenset[str]] = {}
        self._plain = demands.called | _GENERIC | {""}
        """Functions that say nothing of who calls them."""

    def losses_in(self, module: Module) -> list[int]:
        """Where in a module's text losses are named."""
        if module not in self._losing:
            text = module.source.text
            found: list[int] = []
            for piece, words in self.demands.pieces if module in self._asking else ():
                for word in words if piece in text else ():
                    found += occurrences(text, word)
            self._losing[module] = sorted(set(found))
        return self._losing[module]

    def ask(self, modules: Iterable[Module | None]) -> None:
        """Note modules that may name losses."""
        self._asking.update(module for module in modules if module is not None)

    def spread(self, modules: Sequence[Module], asking: bool = True) -> None:
        """Take in some more modules and work out what is hot; only those that are `asking` name losses."""
        if asking:
            self.ask(modules)
        for module in modules:
            self._index(module)
        building = self._building()
        self.held = self._held(building)
        self.held_by_class = self._held_by_class(building)
        hot, local = set(self.demands.losses), {module: set(names) for module, names in self.held.items()}
        self.classes, self._parts = set(), {}
        followed: set[tuple[Module, str]] = set()
        near = list(self._sources())
        for distance, most in enumerate(_MOST_CALLS):
            found: list[tuple[Module, Part]] = []
            for module, part in near:
                if part in self._parts:
                    continue
                self._parts[part] = distance
                self.classes.add(part.cls)
                for word, callers, distinct in self._calls_of(module, part):
                    calling = [(c, p) for c in callers if (c, word) not in followed for p in parts_with(c, word)]
                    if len(calling) > most:
                        continue
                    if distinct:
                        hot.add(word)
                    for caller in callers:
                        followed.add((caller, word))
                        local.setdefault(caller, set()).add(word)
                    found += calling
            near = found
        self.hot = frozenset(hot)
        self.held = {module: frozenset(words) for module, words in local.items() if words}

    def signature(self, module: Module, telling: frozenset[str]) -> str:
        """A digest of all that is read off a module here, as long as the words that matter are these."""
        text = module.source.text
        words = [word for word in _WORD.findall(text) if word in telling]
        counts = [text.count(word) for word in (*self.demands.active, *self.demands.deciding)]
        parts = [(part.name, part.cls) for part in module.parts]
        return sources.digest(repr((parts, words, counts, CLASS.findall(text), _IMPORTS.findall(text))).encode())

    def names_in(self, module: Module) -> dict[str, int]:
        """The functions and classes of a module with a hot part, and how many calls each is away from a loss."""
        found = {name.rstrip("("): 0 for name in self._own_held.get(module, ())}
        for part in module.parts:
            name = part.cls or part.name
            if name and part in self._parts:
                found[name] = min(self._parts[part], found.get(name, len(_MOST_CALLS)))
        return found

    def worth(self, module: Module) -> list[Part]:
        """The parts of a module that are worth running, in order."""
        text, computing = module.source.text, set()
        for word in self.demands.active:
            for part in parts_with(module, word, whole=False):
                if any(other in part.text for other in self.demands.deciding):
                    computing.add(part)
        if "sum(" in text and any(f"{word}(" in text for word in self.demands.exponentials):
            computing.update(parts_with(module, "sum("))
        return [p for p in module.parts if p in self._parts or (p in computing and self.demands.computes(p.words))]

    # -- the text ------------------------------------------------------------------------------------------------

    def _index(self, module: Module) -> None:
        text = module.source.text
        self._modules.append(module)
        for word in set(_WORD.findall(text)):
            if word[-1] == "(":
                self._called.setdefault(word, []).append(module)
        for match in self.demands.handed(text):
            self._handed.setdefault(match[1], []).append(module)
            bound = _BOUND.match(text, text.rfind("\n", 0, match.start()) + 1)
            if bound:
                self._renamed.setdefault(match[1], []).append((module, bound[1]))
        self._defined.update(p.name for p in module.parts if p.name not in _GENERIC)
        self.heads += ((module, match[1], NAME.findall(match[2])) for match in CLASS.finditer(text))
        loose = any(not part.name and not part.cls for part in self._losing_parts(module))
        self._own_held[module] = self.demands.held(text, self.demands.losses) if loose else set()

    def _losing_parts(self, module: Module) -> set[Part]:
        return {part_at(module, at) for at in self.losses_in(module)}

    def _calls_of(self, module: Module, part: Part) -> Iterator[tuple[str, list[Module], bool]]:
        """Words that call a part, the modules in which they do, and whether they do nearly everywhere."""
        name, word = part.name, f"{part.name}("
        few = self._defined[name] <= _DISTINCT
        if part.cls:
            yield f"{part.cls}(", self._seeing(module, part.cls), True
            called = self._called.get(word, []) if name and name not in _GENERIC else []
            common = name in _COMMON or len(called) > MOST_CALLERS
            if called and (few or common):
                named = [m for m in called if part.cls in m.source.text] if common else called
                yield word, [m for m in named if f".{word}" in m.source.text], not common
        elif name and name not in _GENERIC:
            yield word, self._seeing(module, name), few and name not in _COMMON
            if name in self._handed:
                near = {name, "*", _stem(module)}
                seeing = [m for m in self._handed[name] if m is module or not near.isdisjoint(self._imports(m))]
                yield name, seeing, False
                for home, bound in self._renamed.get(name, ()):
                    yield f"{bound}(", self._seeing(home, bound) if home in seeing else [], False

    def _seeing(self, module: Module, name: str) -> list[Module]:
        """The modules that call a name and that can mean the one of this module: they import it, or the module."""
        near = {name, "*", _stem(module)}
        called = self._called.get(f"{name}(", ())
        return [m for m in called if m is module or not near.isdisjoint(self._imports(m))]

    def _imports(self, module: Module) -> frozenset[str]:
        """The words of a module's imports."""
        if module not in self._imported:
            text = module.source.text
            found = {word for line in _IMPORTS.findall(text) for word in _IMPORTED.findall(line)}
            if "import_module(" in text:
                found |= named_modules(text)
            self._imported[module] = frozenset(found)
        return self._imported[module]

    def _sources(self) -> Iterator[tuple[Module, Part]]:
        """Parts that name a loss, or something that holds one."""
        for module in self._modules:
            for at in self.losses_in(module):
                yield module, part_at(module, at)
            for name in self.held.get(module, ()):
                yield from ((module, part) for part in parts_with(module, name))
            for part in module.parts:
                held = self.held_by_class.get(part.cls) if part.cls else None
                if held is not None and not held.isdisjoint(part.words):
                    yield module, part

    def _building(self) -> dict[Module, dict[Part, set[str]]]:
        """The parts that call what gives a loss, or a thing that is one when it is called, and the names of these."""
        found: dict[Module, dict[Part, set[str]]] = {}
        losing = [(module, part) for module in self._modules for part in self._losing_parts(module)]
        holding: list[tuple[Module, Part, Set[str]]] = [(m, p, self.demands.losses) for m, p in losing if p.cls]
        makers = {
            (m, p.name): [m] if p.cls else self._seeing(m, p.name) for m, p in losing if p.name not in self._plain
        }
        seen: set[tuple[Module, str]] = set()
        for _ in range(_MOST_GENERATIONS):
            fresh: list[tuple[Module, Part, Set[str]]] = []
            for module, name in (self._called_losses(holding) | makers.keys()) - seen:
                seen.add((module, name))
                for caller in makers.get((module, name)) or self._seeing(module, name):
                    for part in parts_with(caller, f"{name}("):
                        found.setdefault(caller, {}).setdefault(part, set()).add(name)
                        if part.cls:
                            fresh.append((caller, part, {name}))
            holding = fresh
        return found

    def _called_losses(self, holding: Iterable[tuple[Module, Part, Set[str]]]) -> set[tuple[Module, str]]:
        """Classes whose objects demand something when they are called, of those that hold or name losses."""
        own: dict[tuple[Module, str], set[str]] = {}
        for module, part, names in holding:
            own.setdefault((module, part.cls), set()).update(names | _attributes(part, names))
        parts = {(m, p.cls): p for m in {m for m, _ in own} for p in m.parts if p.name in self.demands.called}
        return {key for key, names in own.items() if key in parts and not names.isdisjoint(parts[key].words)}

    def _held(self, building: Mapping[Module, Mapping[Part, set[str]]]) -> dict[Module, frozenset[str]]:
        """Module -> the global names that hold a loss in it, or that it imports from where they do."""
        own = dict(self._own_held)
        for module, parts in building.items():
            losing = set().union(*(names for part, names in parts.items() if not part.cls and not part.name))
            if losing:
                own[module] = own[module] | {f"{name}(" for name in self.demands.held(module.source.text, losing)}
        offered: dict[str, set[str]] = {}
        for module, names in own.items():
            if names:
                offered.setdefault(_stem(module), set()).update(names)
        found = {}
        for module, names in own.items():
            text, every = module.source.text, set(names)
            near = [scope for scope in offered if scope in text]
            for match in _FROM.finditer(text) if near else ():
                given = offered.get(match[1].rpartition(".")[2])
                if given:
                    named = set(NAME.findall(match[2]))
                    every |= {name for name in given if match[2].startswith("*") or name.rstrip("(") in named}
            for scope in near:
                every.update(name for name in offered[scope] if f"{scope}.{name}" in text)
            if every:
                found[module] = frozenset(every)
        return found

    def _held_by_class(self, building: Mapping[Module, Mapping[Part, set[str]]]) -> dict[str, frozenset[str]]:
        """Class -> the attributes that hold a loss in it, in a base or in a subclass."""
        own: dict[str, set[str]] = {}
        for module in self._modules:
            for part in self._losing_parts(module):
                if part.cls:
                    own.setdefault(part.cls, set()).update(_attributes(part, self.demands.losses))
            for part, names in building.get(module, {}).items():
                if part.cls:
                    own.setdefault(part.cls, set()).update(f"{name}(" for name in _attributes(part, names))
        inherited, left_open = dict(own), dict(own)
        for _ in range(_MOST_GENERATIONS):
            for _, cls, bases in self.heads:
                for base in bases:
                    if base in inherited:
                        inherited[cls] = inherited.get(cls, set()) | inherited[base]
                    if cls in left_open:
                        left_open[base] = left_open.get(base, set()) | left_open[cls]
        every = inherited.keys() | left_open.keys()
        held = {cls: frozenset(inherited.get(cls, set()) | left_open.get(cls, set())) for cls in every}
        return {cls: names for cls, names in held.items() if names}


def _attributes(part: Part, losing: Set[str]) -> set[str]:
    """Attributes that a method (or a class body, without `self`) binds to something with a loss in it."""
    holding = (m for m in _ATTRIBUTE.finditer(part.text) if not losing.isdisjoint(words_in(m[0])))
    return {name for match in holding for name in _NAMES[bool(part.name)].findall(match[1])}


def _stem(module: Module) -> str:
    """The last part of the name by which a module is imported."""
    return module.name if module.name != "__init__" else module.package.name


def named_modules(text: str) -> set[str]:
    """The last two parts of every dotted name in quotes: what `import_module` may be given.

    >>> sorted(named_modules("default='network.gscnn.GSCNN'"))
    ['GSCNN', 'gscnn']
    """
    return {part for name in _QUOTED.findall(text) for part in name.split(".")[-2:]}


def occurrences(text: str, word: str, whole: bool = True) -> Iterator[int]:
    """Where a word stands in a text.

    >>> list(occurrences("loss = my_loss + loss", "loss"))
    [0, 17]
    """
    at, size = text.find(word), len(word)
    closed = not (word[-1].isalnum() or word[-1] == "_")
    while at >= 0:
        before, after = text[at - 1 : at], text[at + size : at + size + 1]
        longer = before.isalnum() or before == "_" or (not closed and (after.isalnum() or after == "_"))
        if not whole or not longer:
            yield at
        at = text.find(word, at + size)


def part_at(module: Module, at: int) -> Part:
    """The part of a module's text in which a place lies."""
    return module.parts[bisect_right(module.part_starts, at) - 1]


def parts_with(module: Module, word: str, whole: bool = True) -> Iterator[Part]:
    """The parts of a module that hold a word."""
    text, starts, last = module.source.text, module.part_starts, -1
    for at in occurrences(text, word, whole):
        index = bisect_right(starts, at) - 1
        if index != last:
            last = index
            yield module.parts[index]


def _by_piece(words: Iterable[str]) -> list[tuple[bytes, list[bytes]]]:
    """Words by a piece that several of them share: most files hold few of the pieces."""
    left, found = _shortest(words), []
    while left:
        pieces = Counter(piece for word in left for piece in {word[i : i + _SHARED] for i in range(len(word))})
        piece = max(pieces, key=lambda p: (len(p) == _SHARED, pieces[p], p))
        mine = {word for word in left if piece in word}
        found.append((piece.encode(), sorted(word.encode() for word in mine)))
        left -= mine
    return found


def _names(data: bytes, pieces: list[tuple[bytes, list[bytes]]]) -> bool:
    return any(piece in data and any(word in data for word in words) for piece, words in pieces)


def _shortest(words: Iterable[str]) -> set[str]:
    """Words of which no other one is a part."""
    every = set(words)
    return {w for w in every if not any(o != w and o in w for o in every)}
