"""What one entry point met, in words that outlive the run: places, not nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from rawlogits.finding import Arrival, Place, linked
from rawlogits.static.names import Module

Key = tuple[str, int, int]
"""A node by the file, the line and the column where it begins."""


def key_of(module: Module, node: ast.AST) -> Key:
    """What names a node in every run."""
    return module.source.shown, node.lineno, node.col_offset  # type: ignore[attr-defined]


@dataclass(slots=True)
class LossSite:
    """One call of a loss, and whether any path told where its scores come from."""

    place: Place
    operator: str
    resolved: bool = False
    reason: str = ""


@dataclass(slots=True)
class Record:
    """Demands, losses and functions that an entry point reached, and what it was reached through."""

    arrivals: list[Arrival] = field(default_factory=list)
    bases: list[Key | None] = field(default_factory=list)
    """For each arrival the node that made the raw scores behind it, so that arrivals of one output are linked."""
    losses: dict[Key, LossSite] = field(default_factory=dict)
    criteria: dict[Key, LossSite] = field(default_factory=dict)
    """Where losses were built; those in `called` were also called."""
    called: set[Key] = field(default_factory=set)
    reached: dict[Key, set[Key | None]] = field(default_factory=dict)
    """Functions that have run, and the classes of the objects on which they did."""
    asked: dict[Key, frozenset[Key | None]] = field(default_factory=dict)
    """Of which functions it mattered who had reached them before, and who had."""
    modules: set[str] = field(default_factory=set)
    """Paths of the files that were read for it."""
    steps: int = 0

    def site(self, module: Module, node: ast.AST, operator: str) -> LossSite:
        """The record of a loss call, made when first met."""
        key = key_of(module, node)
        if not module.source.written:
            return LossSite(module.source.place(node), operator)
        if key not in self.losses:
            self.losses[key] = LossSite(module.source.place(node), operator)
        return self.losses[key]

    def add(self, other: Record) -> None:
        """Take in what a later entry point met."""
        self.arrivals += other.arrivals
        self.bases += other.bases
        for key, site in other.losses.items():
            mine = self.losses.setdefault(key, LossSite(site.place, site.operator))
            mine.resolved |= site.resolved
            mine.reason = mine.reason or site.reason
        for key, site in other.criteria.items():
            self.criteria.setdefault(key, site)
        self.called |= other.called
        for key, receivers in other.reached.items():
            self.reached.setdefault(key, set()).update(receivers)
        self.modules |= other.modules
        self.steps += other.steps

    def linked(self) -> list[Arrival]:
        """Each arrival with the other demands that values of the same raw scores meet."""
        return linked(self.arrivals, self.bases)

    def uncalled(self) -> Iterable[tuple[Key, LossSite]]:
        """Losses that were built and never called."""
        return ((key, site) for key, site in self.criteria.items() if key not in self.called)
