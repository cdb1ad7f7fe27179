"""From a qualified name to what the table says of it.

Programs: what one row cannot say (a container that calls its items, a trainer that calls a module's step) is
written as a few lines of Python in `table/programs/<dotted name>.py`, where a top-level `Sequential` in
`torch.nn.py` stands for `torch.nn.Sequential`. They are parsed, never imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path

from rawlogits.table import jax, keras, torch, trainers
from rawlogits.table.row import Row, Verb, spelling

_SHIPPED = (torch, keras, jax, trainers)
"""One module for each framework, with its ROWS and ALIASES."""
CALL_METHODS = ("forward", "call")
"""Where calling an object of an unknown framework class goes, when the class has no `__call__` of its own."""
CRITERIA = ("loss", "loss_fn", "loss_func", "criterion", "compute_loss_func")
"""Arguments of an outside call at which a demand is shown that the call leads to."""
_FUNCTIONS = ("fun", "f", "fn", "func", "function", "pyfunc", "target")
"""How operators call a parameter that is a function."""
_TAKES = re.compile(rf"^def (\w+)\((?:{'|'.join(_FUNCTIONS)})\b", re.MULTILINE)
_SAME = re.compile(r"^(\w+) = _?(\w+)$", re.MULTILINE)
PROGRAMS = Path(__file__).with_name("programs")


class Table:
    """All rows, by name. User rows come last and win over those that ship with the package."""

    def __init__(self, rows: Sequence[Row], aliases: Mapping[str, str]) -> None:
        self.rows = tuple(rows)
        self.aliases = dict(aliases)
        self.own: frozenset[str] = frozenset()
        """Names for which the user gave rows: these win over what the project itself defines."""
        self.call_methods = CALL_METHODS
        self.criteria = CRITERIA
        self._canonical: dict[str, str] = {}
        self._by_name: dict[str, list[Row]] = {}
        self._by_method: dict[str, list[Row]] = {}
        for row in self.rows:
            for name in row.names:
                self._by_name.setdefault(name, []).append(row)
                if spelling(name) == "method" and name.rsplit(".", 2)[-2] in ("Tensor", "Module", "Array"):
                    self._by_method.setdefault(name.rsplit(".", 1)[-1], []).append(row)

    @classmethod
    def standard(cls, user_rows: Sequence[Row] = ()) -> Table:
        """The shipped table with the user's own rows; without any the same one each time."""
        return cls._extended(user_rows) if user_rows else _shipped()

    @classmethod
    def _extended(cls, user_rows: Sequence[Row]) -> Table:
        taken = {name for row in user_rows for name in row.names}
        shipped = [row for module in _SHIPPED for row in module.ROWS if not taken.intersection(row.names)]
        table = cls([*shipped, *user_rows], {a: name for module in _SHIPPED for a, name in module.ALIASES.items()})
        table.own = frozenset(taken)
        return table

    def canonical(self, name: str) -> str:
        """The name under which the table knows `name`: longest alias prefix first, until none fits.

        >>> Table.standard().canonical("torch.nn.modules.loss.CrossEntropyLoss")
        'torch.nn.CrossEntropyLoss'
        """
        found = self._canonical.get(name)
        if found is None:
            found = self._canonical[name] = self._without_alias(name)
        return found

    def _without_alias(self, name: str) -> str:
        for _ in range(4):
            head, tail = name, ""
            while head not in self.aliases:
                head, dot, last = head.rpartition(".")
                if not dot:
                    return name
                tail = f".{last}{tail}"
            name = self.aliases[head] + tail
        return name

    def named(self, name: str) -> tuple[Row, ...]:
        """The rows of a canonical name; empty when the table says nothing."""
        return tuple(self._by_name.get(name, ()))

    def method(self, name: str) -> tuple[Row, ...]:
        """The rows of a method that any tensor (or module) has, by its bare name."""
        return tuple(self._by_method.get(name, ()))

    def program(self, name: str) -> tuple[Path, str] | None:
        """The file and the definition in it that stand for a canonical name."""
        scope, _, last = name.rpartition(".")
        defined = self._programs.get(scope)
        if defined is None:
            return None
        path, names = defined
        return (path, last) if last in names else None

    def offered(self, scope: str) -> list[str]:
        """The names of a dotted scope that programs stand for, without the private ones."""
        names = self._programs[scope][1] if scope in self._programs else ()
        return sorted(n for n in names if not n.startswith("_"))

    @cached_property
    def _programs(self) -> dict[str, tuple[Path, frozenset[str]]]:
        found = {}
        for path in sorted(PROGRAMS.glob("*.py")):
            lines = path.read_text(encoding="utf-8").splitlines()
            starts = (line for line in lines if line.startswith(("def ", "class ")))
            names = {line.split(maxsplit=1)[1].split("(")[0].split(":")[0] for line in starts}
            names |= {line.split(" = ")[0] for line in lines if " = " in line and line.split(" = ")[0].isidentifier()}
            found[path.stem] = (path, frozenset(names))
        return found

    @cached_property
    def losses(self) -> frozenset[str]:
        """The last parts of the names of all losses: by these an outside call may be told which to use."""
        return self.words([Verb.LOSS])

    @cached_property
    def modules(self) -> frozenset[str]:
        """Every dotted scope in which the table knows a name (`torch.nn`), so that `import *` can be followed."""
        scopes = {name.rpartition(".")[0] for name in self._by_name} | set(self._programs)
        return frozenset(scopes)

    @cached_property
    def frameworks(self) -> frozenset[str]:
        """First parts of all names: packages that are never looked for in the project."""
        names = {n.split(".")[0] for n in self._by_name if n not in self.own} | {a.split(".")[0] for a in self.aliases}
        return frozenset(names | {scope.split(".")[0] for scope in self._programs})

    @cached_property
    def roots(self) -> frozenset[str]:
        """Words of which one is in every file whose names can mean an operator or a loss of the table."""
        names = {n for row in self.rows if row.verb in (Verb.LOSS, Verb.OP, Verb.SOURCE) for n in row.names}
        return frozenset(n.rsplit(".", 1)[-1] if n in self.own else n.split(".")[0] for n in names)

    @cached_property
    def takers(self) -> dict[str, frozenset[str]]:
        """Framework -> last parts of the names of what is given a function and calls it, or hands it on."""
        kept = {n for row in self.rows if row.verb is Verb.KEEPS and row.arg in _FUNCTIONS for n in row.names}
        texts = {scope: path.read_text(encoding="utf-8") for scope, (path, _) in self._programs.items()}
        given = {f"{scope}.{name}" for scope, text in texts.items() for name in _TAKES.findall(text)}
        taking = {name.rsplit(".", 1)[-1] for name in given}
        same = {f"{scope}.{name}" for scope, text in texts.items() for name, of in _SAME.findall(text) if of in taking}
        found: dict[str, set[str]] = {}
        for name in kept | given | same:
            found.setdefault(name.split(".")[0], set()).add(name.rsplit(".", 1)[-1])
        return {root: frozenset(words) for root, words in sorted(found.items())}

    def words(self, verbs: Iterable[Verb]) -> frozenset[str]:
        """The last parts of the names of all rows with one of these verbs."""
        wanted = set(verbs)
        return frozenset(n.rsplit(".", 1)[-1] for row in self.rows if row.verb in wanted for n in row.names)


@cache
def _shipped() -> Table:
    return Table._extended(())
