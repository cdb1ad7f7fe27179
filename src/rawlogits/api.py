"""`check`: where the observer meets the rules.

>>> from rawlogits.api import check
>>> check(["examples"]).summary.files_failed  # doctest: +SKIP
0
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from rawlogits.config import Config, find, load
from rawlogits.errors import InputError
from rawlogits.files import discover, matcher
from rawlogits.finding import Confidence, Finding, Place, Rule
from rawlogits.report import Failure, Report, Summary, Unresolved, UnusedSuppression
from rawlogits.rules import book
from rawlogits.static import ScanResult, scan
from rawlogits.table.lookup import Table
from rawlogits.table.row import Row

_PAGES = Path(__file__).parent / "pages"
PathLike = str | os.PathLike[str]
Progress = Callable[[int, int, str], None]
"""Called with the number of files done, the number in all, and the path of the next."""
Suppressions = Mapping[str, Mapping[int, frozenset[str] | None]]


def check(
    paths: Sequence[PathLike] | PathLike = (".",),
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    config: Path | None = None,
    use_config: bool = True,
    root: PathLike | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check the Python files below `paths` and report what was found.

    `select` and `ignore` take rule names, codes and beginnings of codes. `config` names a file; without it the
    nearest pyproject.toml with a `[tool.rawlogits]` is used, and none at all when `use_config` is false. `root`
    is the folder that paths are relative to, the working directory by default. A path that does not exist, paths
    without a Python file, and an unknown rule raise InputError; a file that cannot be parsed is reported.

    >>> report = check(["examples"])  # doctest: +SKIP
    >>> report.exit_status  # doctest: +SKIP
    1
    """
    started = time.perf_counter()
    paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    base = Path(os.path.abspath(root or Path.cwd()))
    settings = configuration(paths, root=base, config=config, use_config=use_config)
    rules = book.select(tuple(select) or settings.select, (*ignore, *settings.ignore))
    closed: list[Failure] = []
    files = discover(
        paths,
        root=base,
        exclude=settings.exclude,
        exclude_base=settings.folder,
        closed=lambda folder, reason: closed.append(Failure(_shown(folder, base), None, f"cannot be listed: {reason}")),
    )
    if not files and not closed:
        raise InputError(f"no Python files below {', '.join(repr(str(path)) for path in paths)}{_hint(settings)}")
    result = scan(files, root=base, table=Table.standard(settings.rows), progress=progress)
    report = judge_scan(result, rules, ignored=_per_file_ignores(settings, base), closed=closed)
    unread = {failure.path for failure in report.failures}
    scanned = sum(_shown(file, base) not in unread for file in files)
    elapsed = time.perf_counter() - started
    return replace(report, summary=replace(report.summary, files_scanned=scanned, elapsed_s=elapsed))


def rules() -> tuple[Rule, ...]:
    """Every rule there is, by code."""
    return tuple(book.rules())


def rows(*, config: Path | None = None, use_config: bool = True) -> list[dict[str, str]]:
    """The table as words, the user's rows with it: one mapping a row, for `rawlogits rows`."""
    settings = configuration(["."], root=Path.cwd(), config=config, use_config=use_config)
    return [_row_words(row) for row in Table.standard(settings.rows).rows]


def page(name: str) -> str:
    """The shipped page of a rule (by name or code), a format or a framework's rows; InputError when there is none."""
    names = {rule.code.lower(): rule.name for rule in book.rules()}
    wanted = names.get(name.lower(), name.lower()).replace("_", "-")
    pages = {path.stem.replace("_", "-"): path for path in sorted(_PAGES.rglob("*.md"), reverse=True)}
    if wanted not in pages:
        near = get_close_matches(wanted, pages, 1, 0.5)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"no page for {name!r}{guess} (`rawlogits rules` lists the rules)")
    return pages[wanted].read_text(encoding="utf-8")


def configuration(paths: Sequence[PathLike], *, root: Path, config: Path | None, use_config: bool) -> Config:
    """The configuration that holds for these paths."""
    if config is not None:
        return load(root / config)
    nearest = find(paths, root) if use_config else None
    return Config() if nearest is None else load(nearest)


def judge_scan(
    result: ScanResult,
    rules: Sequence[Rule],
    *,
    ignored: Callable[[Finding], bool] = lambda finding: False,
    closed: Sequence[Failure] = (),
) -> Report:
    """What the rules make of a scan: findings once each, without the suppressed and the `ignored`, in order.

    `closed` are failures from before the scan. The time is left at 0.
    """
    judged = (finding for arrival in result.arrivals for finding in book.judge(arrival, rules))
    findings = _once(finding for finding in judged if not ignored(finding))
    used: set[tuple[str, int]] = set()
    kept = tuple(finding for finding in findings if not _suppressed(finding, result.suppressions, used))
    failures = [*closed, *(Failure(failure.path, failure.line, failure.message) for failure in result.failures)]
    summary = Summary(
        files_scanned=result.files_scanned,
        files_failed=len(failures),
        losses_checked=result.losses_checked,
        losses_resolved=result.losses_resolved,
        losses_unresolved=result.losses_checked - result.losses_resolved,
    )
    return Report(
        findings=kept,
        summary=summary,
        failures=tuple(sorted(failures, key=lambda failure: (failure.path, failure.line or 0))),
        unresolved=tuple(
            Unresolved(loss.place, loss.operator, loss.reason)
            for loss in sorted(result.unresolved, key=lambda loss: loss.place)
        ),
        unused_suppressions=_unused(result.suppressions, used, rules),
    )


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for a rule, place and origin: the one that is certain, and of these the one with the shortest way."""
    best: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        origin = finding.trace[0].place if finding.trace else finding.place
        key = (finding.place, finding.code, origin)
        if key not in best or _strength(finding) < _strength(best[key]):
            best[key] = finding
    return [best[key] for key in sorted(best, key=_order)]


def _strength(finding: Finding) -> tuple[bool, int]:
    return (finding.confidence is not Confidence.CERTAIN, len(finding.trace))


def _order(key: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(
        (part.path, -1 if part.cell is None else part.cell, part.line, part.column) if isinstance(part, Place) else part
        for part in key
    )


def _suppressed(finding: Finding, suppressions: Suppressions, used: set[tuple[str, int]]) -> bool:
    """Whether a comment on a line of the loss, of its argument or of the origin names the rule."""
    places = [finding.place, *(step.place for step in (*finding.trace[:1], *finding.trace[-1:]))]
    hits = {
        (place.path, line)
        for place in places
        for line, words in suppressions.get(place.path, {}).items()
        if place.line <= line <= place.end_line and (words is None or words & {finding.rule, finding.code})
    }
    used |= hits
    return bool(hits)


def _unused(
    suppressions: Suppressions, used: set[tuple[str, int]], rules: Sequence[Rule]
) -> tuple[UnusedSuppression, ...]:
    """Comments that silence nothing. One that names only rules which did not run may be right."""
    ran = {word for rule in rules for word in (rule.name, rule.code)}
    known = {word for rule in book.rules() for word in (rule.name, rule.code)}
    unused = []
    for path, lines in suppressions.items():
        for line, words in lines.items():
            ours = {word for word in words or () if word in ran or (word not in known and not _foreign(word))}
            if (path, line) not in used and (words is None or ours):
                unused.append(UnusedSuppression(path, line, tuple(sorted(ours))))
    return tuple(sorted(unused))


def _foreign(word: str) -> bool:
    return bool(re.fullmatch(r"[A-Z]+[0-9]+", word)) and not word.startswith("RL")


def _per_file_ignores(settings: Config, root: Path) -> Callable[[Finding], bool]:
    entries = [
        (matcher([pattern], settings.folder or root), {rule.code for rule in book.select(names, ())})
        for pattern, names in settings.per_file_ignores.items()
    ]
    return lambda finding: any(finding.code in codes and within(root / finding.place.path) for within, codes in entries)


def _shown(path: Path, root: Path) -> str:
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _row_words(row: Row) -> dict[str, str]:
    turns = ", ".join(f"{before} -> {after}" for before, after in sorted(row.turns.items()))
    return {
        "name": row.names[0],
        "also": ", ".join(row.names[1:]),
        "verb": str(row.verb),
        "arg": row.arg,
        "wants": " or ".join(sorted(row.wants)),
        "harmless": " or ".join(sorted(row.harmless)),
        "gives": str(row.gives or turns),
        "why": row.why,
    }


def _hint(settings: Config) -> str:
    return f" (patterns of exclude in {settings.path} hold)" if settings.exclude else ""
