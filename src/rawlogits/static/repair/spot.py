"""One file to be repaired: its text and its tree, the node that stands at a place, and edits of its spans."""

from __future__ import annotations

import ast
import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from rawlogits.finding import Edit, Place
from rawlogits.static import notebook
from rawlogits.static import source as sources
from rawlogits.static.source import Source, Unreadable

N = TypeVar("N", bound=ast.AST)


@dataclass(eq=False)
class Spot:
    """A file (of a notebook all its cells) as the walker read it; what `source.OVERLAY` holds is read from there.

    `shown` is the path that findings print, relative to `root`. Unreadable is raised when it cannot be read or parsed.
    """

    root: Path
    shown: str
    added: list[str] = field(default_factory=list)
    """Imports that edits made so far bring: a second one is not needed."""

    @cached_property
    def source(self) -> Source:
        return sources.load(notebook.read(sources.full_path(self.shown, self.root)), self.shown)

    @cached_property
    def tree(self) -> ast.Module:
        try:
            return ast.Module(sources.parse(self.source.text), [])
        except Unreadable:
            if not list(notebook.without_broken(self.source)) and self.source.layout is None:
                raise
            return ast.Module(sources.parse(self.source.text), [])

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Node -> the node whose child it is."""
        return {child: parent for parent in ast.walk(self.tree) for child in ast.iter_child_nodes(parent)}

    @cached_property
    def _places(self) -> dict[Place, list[ast.AST]]:
        found: dict[Place, list[ast.AST]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.expr, ast.stmt)):
                found.setdefault(self.source.place(node), []).append(node)
        return found

    def node(self, place: Place, kind: type[N]) -> N | None:
        """The outermost node of a kind that stands exactly at a place."""
        return next((node for node in self._places.get(place, ()) if isinstance(node, kind)), None)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes round a node, innermost first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement in which an expression stands."""
        return next(each for each in (node, *self.above(node)) if isinstance(each, ast.stmt))

    def function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
        """The innermost function round a node."""
        functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
        return next((each for each in self.above(node) if isinstance(each, functions)), None)

    def text(self, node: ast.AST) -> str:
        """A node as it is written, with its line breaks."""
        first, start, last, end = self.source.span(node)
        lines = self.source.lines[first - 1 : last]
        if first == last:
            return lines[0][start - 1 : end - 1]
        return "\n".join([lines[0][start - 1 :], *lines[1:-1], lines[-1][: end - 1]])

    # -- edits ---------------------------------------------------------------------------------------------------

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Write something else in place of a node."""
        return self.edit(self.source.span(node), text)

    def edit(self, span: tuple[int, int, int, int], text: str) -> Edit:
        """The same for a span of lines and columns (from 1, the end exclusive) of the file as the walker read it.

        An edit of a notebook names the cell, and counts lines in it; in Markdown what is written is set in as far as
        its fence.
        """
        first, start, last, end = span
        layout = self.source.layout
        if layout is None:
            return Edit(self.shown, first, start, last, end, text)
        cell, line = layout.at(first)
        indent = layout.indent(first)
        text = text.replace("\n", "\n" + " " * indent)
        return Edit(self.shown, line, start + indent, line + last - first, end + layout.indent(last), text, cell)

    # -- names ---------------------------------------------------------------------------------------------------

    def spelled(self, name: str, use: ast.AST | None = None) -> tuple[str, str]:
        """How this file writes a qualified name, and the import that it needs first ("" when it has one).

        `import torch.nn.functional as F` makes `torch.nn.functional.relu` into `F.relu`. Without any import of the
        name's root the first part before the last is imported: `from torch.nn import functional` is never guessed.
        What is imported behind `use`, and a name under which two things are imported, do not count.
        """
        top = self._top(use) if use is not None else None
        body = self.tree.body[: self.tree.body.index(top)] if top is not None else self.tree.body
        found = max(self._bindings(name, body), key=lambda pair: len(pair[0]), default=None)
        if found is not None:
            full, local = found
            rest = name[len(full) :].lstrip(".")
            return f"{local}.{rest}" if rest else local, ""
        module, _, last = name.rpartition(".")
        alias = "F" if module == "torch.nn.functional" and "F" not in self._bound | self.imported.keys() else ""
        if alias:
            return f"{alias}.{last}", f"import {module} as {alias}"
        return name, f"import {module}"

    def _bindings(self, name: str, body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
        """The imports at the top of the file that lead to a name: what is imported, and under which name."""
        every = list(_imports_of(self.tree.body))
        for full, local in _imports_of(body):
            alone = all(other == full for other, same in every if same == local)
            if alone and (name == full or name.startswith(f"{full}.")):
                yield full, local

    @cached_property
    def imported(self) -> dict[str, str]:
        """Local name -> what an import anywhere in the file binds to it; relative imports begin with their dots."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                scope = "." * node.level + (node.module or "")
                for alias in node.names:
                    joint = "" if scope.endswith(".") or not scope else "."
                    found[alias.asname or alias.name] = f"{scope}{joint}{alias.name}"
        return found

    @cached_property
    def _bound(self) -> set[str]:
        return {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}

    def importing(self, statement: str, use: ast.AST | None = None) -> list[Edit]:
        """The edit that adds an import behind the first ones of the file; none when it is there already.

        Behind later ones it may come too late. Where `use` runs before them it comes before the statement of that.
        """
        if not statement or statement in self.added or any(line == statement for line in self.source.lines):
            return []
        self.added.append(statement)
        body, block = self.tree.body, self._imports(use)
        early = self._top(use) if use is not None else None
        if not body:
            return [self.edit((1, 1, 1, 1), f"{statement}\n")]
        if early is not None and block and body.index(early) < body.index(block[0]):
            return [self._above(early, statement)]
        if block:
            return [self._below(block[-1], statement)]
        documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        return [(self._below if documented and self.source.layout is None else self._above)(body[0], statement)]

    def _imports(self, use: ast.AST | None = None) -> list[ast.stmt]:
        """The first imports of the file that stand together; those from `__future__` only where there are no others.

        Of Markdown, whose fences are read one by one, the last imports before the use.
        """
        layout = self.source.layout
        starts = layout.starts if layout is not None else ()
        runs = itertools.groupby(
            self.tree.body,
            lambda node: (isinstance(node, (ast.Import, ast.ImportFrom)), bisect.bisect_right(starts, node.lineno)),
        )
        found = [list(run) for (are_imports, _), run in runs if are_imports]
        if use is not None and layout is not None and layout.blocks[0][0] is None:
            found = [run for run in found if run[0].lineno < use.lineno][::-1] or found  # type: ignore[attr-defined]
        return next((run for run in found if not all(map(_is_future, run))), found[0] if found else [])

    def _top(self, node: ast.AST) -> ast.stmt | None:
        """The statement of the file in which a node stands, None inside a function, which runs later."""
        if self.function(node) is not None:
            return None
        return next((one for each in (node, *self.above(node)) for one in self.tree.body if one is each), None)

    def _above(self, node: ast.stmt, statement: str) -> Edit:
        line = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        is_block = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        return self.edit((line, 1, line, 1), f"{statement}\n\n\n" if is_block else f"{statement}\n")

    def _below(self, node: ast.stmt, statement: str) -> Edit:
        line = node.end_lineno or node.lineno
        for other in self.tree.body[self.tree.body.index(node) + 1 :]:  # behind a semicolon
            if other.lineno > line:
                break
            line = max(line, other.end_lineno or other.lineno)
        if not isinstance(node, (ast.Import, ast.ImportFrom)) or _is_future(node):
            statement = f"\n{statement}"
        layout, lines = self.source.layout, self.source.lines
        if line >= len(lines) or (layout is not None and layout.at(line + 1)[0] != layout.at(line)[0]):
            end = len(lines[line - 1]) + 1
            return self.edit((line, end, line, end), f"\n{statement}")
        return self.edit((line + 1, 1, line + 1, 1), f"{statement}\n")


def _imports_of(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """What imports among some statements bring, and under which names; relative ones are left out."""
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                full = alias.name if alias.asname else alias.name.split(".")[0]
                yield full, alias.asname or full
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", alias.asname or alias.name


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
