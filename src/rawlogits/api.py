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

from rawlogits import baseline as baselines
from rawlogits import changes, static
from rawlogits.cache import Cache, clear
from rawlogits.config import Config, find, load
from rawlogits.errors import InputError
from rawlogits.files import discover, matcher
from rawlogits.finding import Confidence, Failure, Finding, Place, Rule
from rawlogits.report import SHOW, Report, Summary, UnusedSuppression
from rawlogits.rules import book
from rawlogits.static import ScanResult
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
    config: Path | Config | None = None,
    use_config: bool = True,
    root: PathLike | None = None,
    baseline: PathLike | None = None,
    since: str | None = None,
    overlay: Mapping[str, str | bytes] | None = None,
    markdown: bool = False,
    cache: PathLike | None = None,
    progress: Progress | None = None,
    jobs: int | None = 1,
    fixable: Callable[[Finding], bool] = lambda finding: False,
) -> Report:
    """Check the Python files and notebooks below `paths` and report what was found.

    `select` and `ignore` take rule names, codes and beginnings of codes. `config` is a file or what was read from
    one; without it the nearest pyproject.toml with a `[tool.rawlogits]` is used, and none at all when `use_config` is
    false. `root` is the folder that paths are relative to, the working directory by default.

    Findings that the file `baseline` lists are left out, and with `since`, a revision of git, those that touch no
    file changed since then; the summary counts both. `overlay` holds the content of files that is not saved yet.
    With `markdown` the Python in Markdown files is checked as well. `cache` is a folder that keeps what was found, so
    that the next check looks only at what has changed; findings are the same with and without. Edits are worked out
    for the findings that are `fixable`: none unless asked for, since who else reads a value takes longer to find out.

    A path that does not exist, paths without a Python file, an unknown rule or revision, and a baseline that cannot
    be read raise InputError; a file that cannot be parsed is reported.

    >>> report = check(["examples"])  # doctest: +SKIP
    >>> report.exit_status  # doctest: +SKIP
    1
    """
    started = time.perf_counter()
    paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    base = Path(os.path.abspath(root or Path.cwd()))
    contents = _contents(overlay or {}, base)
    settings = config if isinstance(config, Config) else configuration(paths, base, config, use_config)
    rules = _selected(select, ignore, settings)
    file = settings.baseline if baseline is None else base / baseline
    known = None if file is None else baselines.read(file)
    changed = None if since is None else changes.since(since, [base, *_folders(paths, base)])
    files, closed = _files(paths, base, settings, contents, markdown)
    table, named = Table.standard(settings.rows), {Path(os.path.abspath(base / path)) for path in paths}
    known_to_disk = all(path.is_file() for path in contents)
    kept = (
        Cache(base / cache, (base, sorted(named), settings.rows, markdown))
        if cache is not None and known_to_disk
        else None
    )
    before, seen = static.recall(kept.read(), files, base, contents) if kept is not None else (None, None)
    result, memory = static.scan(
        files,
        root=base,
        table=table,
        progress=progress,
        overlay=contents,
        named=named,
        before=before,
        seen=seen,
        jobs=static.available() if jobs is None else jobs,
    )
    if kept is not None and not contents and (before is None or before.changed or before.files != memory.files):
        kept.write(static.dump(memory))
    report = judge_scan(result, rules, ignored=_per_file_ignores(settings, base), closed=closed)
    unread = {failure.path for failure in report.failures if failure.cell is None} | result.skipped
    scanned = [file for file in files if _shown(file, base) not in unread]
    report = replace(report, summary=replace(report.summary, files_scanned=len(scanned)))
    if known is not None:
        report = _new(report, known, base, _reader(base, contents), scanned, rules)
    if changed is not None:
        report = _touching(report, changed.with_files(contents), base)
    report = replace(report, findings=static.mended(report.findings, base, contents, result.arrivals, fixable))
    return replace(report, summary=replace(report.summary, elapsed_s=time.perf_counter() - started))


def write_baseline(
    report: Report,
    file: PathLike,
    *,
    root: PathLike | None = None,
    overlay: Mapping[str, str | bytes] | None = None,
) -> int:
    """Write the findings of a report down as known, and say how many they are; `root` and `overlay` as for `check`.

    Known are findings from then on for `check(..., baseline=file)`. A file that cannot be written raises InputError.

    >>> write_baseline(check(["src"]), "rawlogits-baseline.json")  # doctest: +SKIP
    3
    """
    base = Path(os.path.abspath(root or Path.cwd()))
    path = Path(os.path.abspath(base / file))
    known = baselines.entries(
        report.findings, folder=path.parent, root=base, lines=_reader(base, _contents(overlay or {}, base))
    )
    baselines.write(path, known)
    return len(known)


def clear_cache(folder: PathLike) -> int:
    """Delete a folder that `check(..., cache=folder)` wrote; the number of scans that it held.

    InputError for a folder that something else wrote.

    >>> clear_cache("nowhere")
    0
    """
    return clear(Path(folder))


def rules() -> tuple[Rule, ...]:
    """Every rule there is, by code."""
    return tuple(book.rules())


def rows(*, config: Path | None = None, use_config: bool = True) -> list[dict[str, str]]:
    """The table as words, the user's rows with it: one mapping a row, for `rawlogits rows`."""
    settings = configuration(["."], Path.cwd(), config, use_config)
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


def configuration(paths: Sequence[PathLike], root: Path, config: Path | None, use_config: bool) -> Config:
    """The configuration that holds for these paths; InputError where it contradicts itself or names what is none."""
    if config is not None:
        return _checked(load(root / config))
    nearest = find(paths, root) if use_config else None
    return Config() if nearest is None else _checked(load(nearest))


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
    failures = [*closed, *result.failures]
    summary = Summary(
        files_scanned=result.files_scanned,
        files_failed=sum(failure.cell is None for failure in failures),
        losses_checked=result.losses_checked,
        losses_resolved=result.losses_resolved,
        losses_unresolved=result.losses_checked - result.losses_resolved,
    )
    return Report(
        findings=kept,
        summary=summary,
        failures=tuple(sorted(failures, key=lambda failure: (failure.path, failure.line or 0))),
        unresolved=tuple(sorted(result.unresolved, key=lambda loss: loss.place)),
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
        (place.home, line)
        for place in places
        for line, words in suppressions.get(place.home, {}).items()
        if place.line <= line <= place.end_line and (words is None or words & {finding.rule, finding.code})
    }
    used |= hits
    return bool(hits)


def _unused(
    suppressions: Suppressions, used: set[tuple[str, int]], rules: Sequence[Rule]
) -> tuple[UnusedSuppression, ...]:
    """Comments that silence nothing, and names that are no rule. A rule that did not run may be named rightly."""
    ran = {word for rule in rules for word in (rule.name, rule.code)}
    known = {word for rule in book.rules() for word in (rule.name, rule.code)}
    unused = []
    for home, lines in suppressions.items():
        path, _, cell = home.partition(":cell ")
        for line, words in lines.items():
            strange = {word for word in words or () if word not in known and not _foreign(word)}
            idle = set() if (home, line) in used else {word for word in words or () if word in ran}
            if strange or idle or (words is None and (home, line) not in used):
                hint, number = "; ".join(_meant(word, known) for word in sorted(strange)), int(cell) if cell else None
                unused.append(UnusedSuppression(path, line, tuple(sorted(strange | idle)), hint, number))
    return tuple(sorted(unused))


def _meant(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(word.lower().replace("_", "-"), names, 1, 0.6) or get_close_matches(word, names, 1, 0.6)
    return f"no rule {word!r}" + (f", did you mean {near[0]!r}?" if near else "")


def _foreign(word: str) -> bool:
    return bool(re.fullmatch(r"[A-Z]+[0-9]+", word)) and not word.startswith("RL")


def _contents(overlay: Mapping[str, str | bytes], root: Path) -> dict[Path, bytes]:
    """What is not read from the disk, by absolute path."""
    contents = {}
    for path, content in overlay.items():
        absolute = Path(os.path.abspath(root / path))
        if absolute.is_dir():
            raise InputError(f"{path!r} is a folder; the content of a file needs the path of a file")
        contents[absolute] = content if isinstance(content, bytes) else content.encode()
    return contents


def _files(
    paths: Sequence[PathLike], root: Path, settings: Config, contents: Mapping[Path, bytes], markdown: bool = False
) -> tuple[list[Path], list[Failure]]:
    """The files to check, and the folders that cannot be listed. A path with content of its own need not exist."""
    closed: list[Failure] = []
    given = {path: Path(os.path.abspath(root / path)) for path in paths}
    found = discover(
        [path for path in paths if given[path] not in contents],
        root=root,
        exclude=settings.exclude,
        exclude_base=settings.folder,
        markdown=markdown,
        closed=lambda folder, reason: closed.append(Failure(_shown(folder, root), None, f"cannot be listed: {reason}")),
    )
    files = list(dict.fromkeys([*found, *(path for path in given.values() if path in contents)]))
    if not files and not closed:
        raise InputError(f"no Python files below {', '.join(repr(str(path)) for path in paths)}{_hint(settings)}")
    return files, closed


def _folders(paths: Sequence[PathLike], root: Path) -> list[Path]:
    full = [Path(os.path.abspath(root / path)) for path in paths]
    return [folder for path in full if (folder := path if path.is_dir() else path.parent).is_dir()]


def _selected(select: Sequence[str], ignore: Sequence[str], settings: Config) -> tuple[Rule, ...]:
    """The rules that run, at least one: a check that checks nothing would look like a pass."""
    wanted, unwanted = tuple(select) or settings.select, (*ignore, *settings.ignore)
    rules = book.select(wanted, unwanted)
    if not rules:
        raise InputError(f"no rule is left: selected are {_listed(wanted)}, ignored are {_listed(unwanted)}")
    return rules


def _checked(settings: Config) -> Config:
    """The same configuration, when every rule in it exists and no selected one is taken out again."""
    keys = {"select": settings.select, "ignore": settings.ignore}
    keys |= {f"per-file-ignores of {pattern!r}": names for pattern, names in settings.per_file_ignores.items()}
    for key, words in keys.items():
        try:
            book.select(words)
        except InputError as error:
            raise InputError(f"{settings.path}: {key}: {error}") from None
    for word in settings.show:
        if word not in SHOW:
            raise InputError(f"{settings.path}: show holds {word!r}; allowed are {', '.join(SHOW)}")
    for word in settings.select:
        if not book.select([word], settings.ignore):
            raise InputError(
                f"{settings.path}: select holds {word!r}, and ignore ({_listed(settings.ignore)}) takes it out again; "
                "keep it in one of the two"
            )
    return settings


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words)) or "none"


def _new(
    report: Report,
    known: baselines.Baseline,
    root: Path,
    lines: baselines.Lines,
    read: Iterable[Path],
    ran: Iterable[Rule],
) -> Report:
    """The report without what the baseline lists."""
    kept, gone = known.compare(report.findings, root=root, lines=lines, read=read, ran=ran)
    summary = replace(report.summary, findings_known=len(report.findings) - len(kept), baseline_gone=gone)
    return replace(report, findings=kept, summary=summary)


def _reader(root: Path, contents: Mapping[Path, bytes]) -> baselines.Lines:
    """What is written on the first line of a place; each file is read once."""
    texts: dict[str, str] = {}

    def line(place: Place) -> str:
        if place.path not in texts:
            path = root / place.path
            data = contents[path] if path in contents else path.read_bytes() if path.is_file() else b""
            texts[place.path] = data.decode(errors="replace")
        return baselines.line_of(texts[place.path], place)

    return line


def _touching(report: Report, changed: changes.Changes, root: Path) -> Report:
    """The report without what lies in files that have not changed."""
    kept = tuple(
        finding
        for finding in report.findings
        if changed.touch(root / place.path for place in (finding.place, *(step.place for step in finding.trace)))
    )
    return replace(
        report,
        findings=kept,
        unused_suppressions=tuple(each for each in report.unused_suppressions if changed.touch([root / each.path])),
        summary=replace(report.summary, findings_unchanged=len(report.findings) - len(kept)),
    )


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
