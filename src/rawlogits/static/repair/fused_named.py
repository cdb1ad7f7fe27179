"""FUSE where the probabilities have a name: of which scores the logarithms can be computed, and what then goes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rawlogits.space import Space
from rawlogits.static.repair.counterparts import Word, in_place, text_with
from rawlogits.static.repair.fused_parts import Applied, Fused
from rawlogits.static.repair.logarithmic import says
from rawlogits.static.repair.logs import Log, is_moved, log_at, peeled
from rawlogits.static.repair.readers_names import reads
from rawlogits.static.repair.readers_project import Project
from rawlogits.static.repair.readers_ranks import scope_of
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import block, names_in, without_statement
from rawlogits.static.repair.unchanged import is_unchanged

_SCORES = ("logits", "scores")
"""Names for what an activation is applied to, where it has none."""
_LONGEST = 4
"""Names through which the probabilities are followed: `q = p.clamp(min=1e-8)`."""


@dataclass(frozen=True)
class Link:
    """A statement that gives the probabilities a name, and what of its value is no guard."""

    binding: ast.Assign
    value: Log

    @property
    def name(self) -> str:
        """The name that is bound."""
        return next(names_of(self.binding))


def names_of(binding: ast.Assign) -> Iterator[str]:
    """The names that a statement binds."""
    for target in binding.targets:
        for each in ast.walk(target):
            if isinstance(each, ast.Name):
                yield each.id


@dataclass(frozen=True)
class Named:
    """The names of the probabilities, the last one first, and the logarithms that are taken of that."""

    links: Sequence[Link]
    logs: Sequence[Log]
    others: bool
    """Whether something else reads the last name."""
    gone: Sequence[ast.Assign]
    """The statements that nothing reads once the logarithms are written otherwise."""

    @property
    def first(self) -> ast.Assign:
        """The statement that applies the activation."""
        return self.links[-1].binding

    def is_complement(self, log: Log) -> bool:
        """Whether a logarithm is taken of one minus the probabilities."""
        return log.complement or any(link.value.complement for link in self.links)


def named(applied: Applied, log: Log, leaf: ast.Name) -> Fused | None:
    """Edits that fuse logarithms of a name; None where that is not the activation, or its scores have no name."""
    found = _names(applied, log, leaf)
    if found is None:
        return None
    alone = len(found.links) == 1 and not found.others
    if alone and not any(found.is_complement(each) for each in found.logs):
        renamed = _as_logs(applied, found)
        if renamed is not None:
            return renamed
    near = [each for each in found.logs if _has_scores(applied, found, each)]
    if log in near:
        return _from_scores(applied, found, near)
    return _from_new_name(applied, found)


def _has_scores(applied: Applied, found: Named, log: Log) -> bool:
    """Whether the name of the scores still holds them where a logarithm is taken."""
    if not isinstance(applied.inner, ast.Name):
        return False
    scores = applied.inner.id
    stays = [link.binding for link in found.links if link.binding not in found.gone]
    if any(scores in names_of(each) for each in stays):
        return False
    return is_unchanged(applied.spot, scores, found.first, log.node, found.gone)


def _names(applied: Applied, log: Log, leaf: ast.Name) -> Named | None:
    spot = log.spot
    links = _links(applied, leaf)
    if links is None:
        return None
    last = links[0].binding
    found = reads(scope_of(spot, last), leaf.id, last)
    logs: list[Log] = []
    others = bool(found.mixed or found.inner) or _is_read_elsewhere(applied, scope_of(spot, last), leaf.id)
    for node in found.pure:
        over = _log_over(spot, node, applied.arrival.got)
        if over is None:
            others = True
        elif not is_unchanged(spot, leaf.id, last, over.node) or _is_twice(links, over):
            return None
        else:
            logs.append(log if over.node is log.node else over)
    return Named(links, logs, others, [] if others else _gone(applied, links))


def _is_twice(links: Sequence[Link], log: Log) -> bool:
    return sum(each.complement for each in (log, *(link.value for link in links))) > 1


def _links(applied: Applied, leaf: ast.Name) -> list[Link] | None:
    """The statements from the one that binds a name down to the one that applies the activation."""
    spot, name, links = applied.spot, leaf, list[Link]()
    for _ in range(_LONGEST):
        binding = _binding(spot, name)
        if binding is None:
            return None
        value = peeled(spot, binding.value)
        if links and not is_unchanged(spot, name.id, binding, links[-1].binding.value):
            return None
        links.append(Link(binding, value))
        if is_moved(spot, value.core, applied.outer):
            return links
        if not isinstance(value.leaf, ast.Name):
            return None
        name = value.leaf
    return None


def _binding(spot: Spot, name: ast.Name) -> ast.Assign | None:
    """The one statement that can have given a name its value."""
    scope = scope_of(spot, name)
    if isinstance(scope, ast.ClassDef):
        return None
    found = (each for each in ast.walk(scope) if isinstance(each, ast.Assign) and len(each.targets) == 1)
    named = (each for each in found if isinstance(each.targets[0], ast.Name) and each.targets[0].id == name.id)
    return next((each for each in named if any(one is name for one in reads(scope, name.id, each).pure)), None)


def _gone(applied: Applied, links: Sequence[Link]) -> list[ast.Assign]:
    """The statements that only the last name needs."""
    spot, gone = applied.spot, [links[0].binding]
    for link in links[1:]:
        scope = scope_of(spot, link.binding)
        found = reads(scope, link.name, link.binding)
        inside = [each for each in found.pure if any(one is each for one in ast.walk(gone[-1].value))]
        if found.mixed or found.inner or len(inside) < len(found.pure):
            break
        if _is_read_elsewhere(applied, scope, link.name):
            break
        gone.append(link.binding)
    return gone


def _is_read_elsewhere(applied: Applied, scope: ast.AST, name: str) -> bool:
    if isinstance(scope, ast.ClassDef):
        return True
    for each in ast.walk(scope):
        if isinstance(each, (ast.Global, ast.Nonlocal)) and name in each.names:
            return True
    if not isinstance(scope, ast.Module):
        return False
    mentions = Project(applied.spots).mentions(applied.spot, name)
    return any(where is not applied.spot or isinstance(node, ast.Constant) for where, node in mentions)


def _log_over(spot: Spot, name: ast.Name, got: Space) -> Log | None:
    for above in spot.above(name):
        if isinstance(above, ast.stmt):
            return None
        log = log_at(spot, above, got) if isinstance(above, ast.Call) else None
        if log is not None and log.leaf is name:
            return log
    return None


def _as_logs(applied: Applied, found: Named) -> Fused | None:
    """Only logarithms are taken of the name: it holds them from the start."""
    spot, statement, link = applied.spot, found.first, found.links[0]
    built = applied.alone()
    form = Word(spot.text(applied.outer)) if built is not None else applied.form()
    if form is None:
        return None
    edits = list(form.edits)
    dropped: list[tuple[Spot, ast.AST]] = [(spot, applied.outer.func)]
    if built is not None:
        edits += [*built.edits, applied.origin.replace(applied.made, built.text)]
    value = text_with(spot, link.value.core, [(applied.outer, form.text)])
    target = _only_target(spot, found)
    name = target or _log_name(spot, statement, link.name)
    changes = [(statement.targets[0], name), (statement.value, value)]
    edits.append(spot.replace(statement, text_with(spot, statement, changes)))
    for log in found.logs:
        dropped.append((spot, log.func))
        if target:
            edits += without_statement(spot, spot.statement(log.node))
        else:
            edits += in_place(spot, log.node, log.core, text_with(spot, log.core, [(log.leaf, name)]))
    doubts = [*link.value.doubts, *(doubt for log in found.logs for doubt in log.doubts)]
    return Fused(spot, edits, f"{name} = {' '.join(value.split())}", doubts, dropped)


def _only_target(spot: Spot, found: Named) -> str:
    """The name that holds the one logarithm taken, where it can hold it from the start; else ""."""
    if len(found.logs) != 1:
        return ""
    log = found.logs[0]
    statement = spot.statement(log.node)
    if not isinstance(statement, ast.Assign) or statement.value is not log.node or log.core is not log.leaf:
        return ""
    target = statement.targets[0]
    around = block(spot, found.first)
    if len(statement.targets) != 1 or not isinstance(target, ast.Name) or statement not in around:
        return ""
    between = around[around.index(found.first) : around.index(statement)]
    if any(target.id in names_in(each) for each in between) and target.id != found.links[0].name:
        return ""
    return target.id


def _log_name(spot: Spot, statement: ast.stmt, name: str) -> str:
    """`log_p` for `p`, where that is free."""
    new = f"log_{name}"
    return name if name.startswith(("log", "_")) or not is_free(scope_of(spot, statement), new) else new


def is_free(scope: ast.AST, name: str) -> bool:
    """Whether nothing in a function, or a file, has a name."""
    for node in ast.walk(scope):
        if name in (getattr(node, "id", None), getattr(node, "arg", None), getattr(node, "name", None)):
            return False
        if isinstance(node, ast.alias) and node.asname == name:
            return False
    return True


def _from_scores(applied: Applied, found: Named, logs: Sequence[Log]) -> Fused | None:
    """Each logarithm is computed from the scores, which still have their name where it is taken."""
    spot = applied.spot
    gone = found.gone if len(logs) == len(found.logs) else []
    if gone != found.gone and not all(is_unchanged(spot, _id(applied), found.first, each.node) for each in logs):
        return None
    fused = Fused(spot, [], "")
    if not _write(applied, found, logs, "", found.first not in gone, fused):
        return None
    for statement in gone:
        fused.edits += without_statement(spot, statement, [each for each in gone if each is not statement])
        fused.dropped.append((spot, statement.value))
    return fused


def _id(applied: Applied) -> str:
    assert isinstance(applied.inner, ast.Name)
    return applied.inner.id


def _write(applied: Applied, found: Named, logs: Sequence[Log], name: str, stays: bool, fused: Fused) -> bool:
    """Write the log form of the scores (or of a name for them) in place of each logarithm."""
    spot = applied.spot
    for log in logs:
        written = applied.form(found.is_complement(log), name, stays)
        if written is None:
            return False
        value = written.text
        for link in reversed(found.links):
            inner = applied.outer if link is found.links[-1] else link.value.leaf
            value = text_with(spot, link.value.core, [(inner, value)])
        text = text_with(spot, log.core, [(log.leaf, value)])
        fused.edits += [*written.edits, *in_place(spot, log.node, log.core, text)]
        fused.dropped.append((spot, log.func))
        fused.says = fused.says or says(spot, text, log.node)
        fused.doubts += [*log.doubts, *(doubt for link in found.links for doubt in link.value.doubts)]
    return True


def _from_new_name(applied: Applied, found: Named) -> Fused | None:
    """The scores get a name, from which both the probabilities and the logarithms are computed."""
    spot, statement = applied.spot, found.first
    first, start, _, _ = spot.source.span(statement)
    indent = spot.source.lines[first - 1][: start - 1]
    name = next((each for each in _SCORES if is_free(scope_of(spot, statement), each)), "")
    if not name or indent.strip() or isinstance(applied.inner, ast.Name) or "\n" in spot.text(applied.inner):
        return None
    if any(spot.function(log.node) is not spot.function(statement) for log in found.logs):
        return None
    stays = statement not in found.gone
    fused = Fused(spot, [], "")
    if not _write(applied, found, found.logs, name, stays, fused):
        return None
    line = f"{name} = {spot.text(applied.inner)}"
    if stays:
        rest = text_with(spot, statement, [(applied.inner, name)])
        fused.edits.append(spot.replace(statement, f"{line}\n{indent}{rest}"))
    else:
        fused.edits.append(spot.replace(statement, line))
        fused.dropped.append((spot, applied.outer.func))
    for each in found.gone:
        if each is not statement:
            fused.edits += without_statement(spot, each, [one for one in found.gone if one not in (each, statement)])
            fused.dropped.append((spot, each.value))
    return fused
