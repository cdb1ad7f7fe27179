"""The command line: words to `api`, and what comes back to a format. No logic of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.shell_completion import CompletionItem

from rawlogits import __version__
from rawlogits.errors import InputError, RawLogitsError
from rawlogits.report import SHOW, View, formats
from rawlogits.report.text import count

if TYPE_CHECKING:
    from rich.progress import Progress

    from rawlogits.config import Config
    from rawlogits.fixing import FixReport


class _Refused(click.ClickException):
    exit_code = 2


class _Faces(click.Group):
    """Turns every error that rawlogits raises on purpose into one line and exit status 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except RawLogitsError as error:
            raise _Refused(str(error)) from None


@click.group(cls=_Faces, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="rawlogits", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep raw logits raw from a model's last layer to its loss."""


def _rule_words(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The names of rules, and the codes once a code is begun, that complete the last of what may be several."""
    from rawlogits import api

    before, comma, word = typed.rpartition(",")
    words = [(rule.code if word[:1] in ("R", "r") and word else rule.name, rule.says) for rule in api.rules()]
    near = [(each, says) for each, says in words if each.lower().startswith(word.lower())]
    return [CompletionItem(f"{before}{comma}{each}", help=says) for each, says in near]


_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
CACHE = ".rawlogits_cache"


@cli.command(short_help="Check the Python files below PATH.")
@click.argument("paths", nargs=-1, type=click.Path(readable=False), metavar="[PATH]...")
@click.option(
    "--select",
    multiple=True,
    metavar="RULES",
    shell_complete=_rule_words,
    help="Run only these rules: names, codes or RL1, RL101,RL4.",
)
@click.option("--ignore", multiple=True, metavar="RULES", shell_complete=_rule_words, help="Leave these rules out.")
@click.option("--since", metavar="REV", help="Only findings that touch files changed since a git revision.")
@click.option("--baseline", type=_FILE, metavar="FILE", help="Leave out the findings that FILE lists.")
@click.option(
    "--write-baseline", type=_FILE, metavar="FILE", help="Write the findings to FILE as known, and exit with 0."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(formats.names()),
    default="text",
    metavar="FORMAT",
    help=f"Print as {', '.join(formats.names())}.",
    show_default=True,
)
@click.option(
    "--show",
    multiple=True,
    type=click.Choice(SHOW),
    metavar="LIST",
    help="Show more: the edits of fixes, suppressions that silence nothing, unresolved losses.",
)
@click.option("--report-unused-suppressions", is_flag=True, help="The same as --show suppressions.")
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write there, not to the screen.")
@click.option("--config", type=_FILE, metavar="FILE", help="A pyproject.toml, in place of the nearest one.")
@click.option("--no-config", is_flag=True, help="Read no configuration.")
@click.option("--stdin-filename", metavar="PATH", help="Read standard input as the content of PATH.")
@click.option("--markdown", is_flag=True, help="Check the Python in Markdown files, too.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write what earlier runs found.")
@click.option(
    "--cache-dir",
    type=_FOLDER,
    envvar="RAWLOGITS_CACHE_DIR",
    metavar="DIR",
    help=f"Keep there what was found, in place of {CACHE}.",
)
@click.option(
    "--jobs", "-j", type=click.IntRange(1), metavar="N", help="Use so many processes, in place of one for each core."
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when there are findings.")
@click.option("--fix", "fix_", is_flag=True, help="Make the safe fixes, then report what is left.")
@click.option("--diff", is_flag=True, help="Print what --fix would change, and change nothing.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: make the unsafe fixes, too.")
@click.option(
    "--prove",
    is_flag=True,
    help="With --fix or --diff: run the models before and after each fix and compare. Runs code of the project.",
)
def check(
    paths: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    since: str | None,
    baseline: Path | None,
    write_baseline: Path | None,
    format_: str,
    show: tuple[str, ...],
    report_unused_suppressions: bool,
    output: Path | None,
    config: Path | None,
    no_config: bool,
    stdin_filename: str | None,
    markdown: bool,
    no_cache: bool,
    cache_dir: Path | None,
    jobs: int | None,
    exit_zero: bool,
    fix_: bool,
    diff: bool,
    unsafe_fixes: bool,
    prove: bool,
) -> int:
    """Check the Python files and notebooks below PATH (the working directory by default).

    With --stdin-filename alone only that file is checked; what it imports is read from the disk. With --fix, too,
    the fixed content is printed, and what is left on standard error.

    Exit status: 0 nothing at warning or above, 1 findings (with --diff: something to change), 2 could not run.
    """
    _exclude_each_other(config=config, no_config=no_config)
    _exclude_each_other(fix=fix_, diff=diff, write_baseline=write_baseline)
    _exclude_each_other(diff=diff, format=format_ != "text" and format_)
    if unsafe_fixes and not (fix_ or diff):
        raise click.UsageError("--unsafe-fixes wants --fix or --diff with it")
    if prove and not (fix_ or diff):
        raise click.UsageError("--prove wants --fix or --diff with it")
    for other in ({"baseline": baseline}, {"since": since}, {"output": output}):
        _exclude_each_other(write_baseline=write_baseline, **other)
    from rawlogits import api

    render = formats.renderer(format_)
    given = paths or (".",)
    overlay: dict[str, bytes] = {}
    if stdin_filename is not None:
        given = (*paths, stdin_filename)
        overlay[stdin_filename] = sys.stdin.buffer.read()
    settings = api.configuration(given, Path.cwd(), config, not no_config)
    known = None if write_baseline else baseline or settings.baseline
    with _Bar() as bar:
        options: dict[str, Any] = {
            "select": _words(select),
            "ignore": _words(ignore),
            "config": replace(settings, baseline=known),
            "since": since,
            "overlay": overlay,
            "markdown": markdown,
            "cache": None if no_cache else cache_dir or _cache(settings),
            "progress": bar.update if sys.stderr.isatty() else None,
            "jobs": jobs,
        }
        fixes = _fixed(given, fix_, unsafe_fixes, prove, options) if fix_ or diff else None
        edits = "fixes" in (*show, *settings.show)
        report = fixes.report if fixes is not None else api.check(given, **options, fixable=lambda finding: edits)
    if write_baseline and report.exit_status < 2:
        written = count(api.write_baseline(report, write_baseline, overlay=overlay), "finding", "findings")
        unread = f" ({report.summary.files_failed:,} not read)" if report.summary.files_failed else ""
        files = count(report.summary.files_scanned, "file", "files")
        click.echo(f"{written} in {files}{unread} written to {write_baseline}", err=True)
        return 0
    if fixes is not None and diff:
        _write(_painted(fixes.diff()) if output is None and _color(sys.stdout) else fixes.diff(), output)
        _tell(fixes, unsafe_fixes, "would be applied to")
        return int(bool(fixes.changed) and not exit_zero) if report.exit_status < 2 else 2
    lists = {*show, *settings.show, *(("suppressions",) if report_unused_suppressions else ())}
    piped = fixes is not None and stdin_filename is not None
    stream = sys.stderr if piped else sys.stdout
    text = render(report, View(color=output is None and _color(stream), show=frozenset(lists)))
    if fixes is not None and stdin_filename is not None:
        sys.stdout.flush()
        sys.stdout.buffer.write(fixes.content(stdin_filename, overlay[stdin_filename]))
    _write(text, output, err=piped)
    if fixes is not None:
        _tell(fixes, unsafe_fixes, "applied to")
    if gone := report.summary.baseline_gone:
        entries = "1 entry of the baseline is" if gone == 1 else f"{gone:,} entries of the baseline are"
        click.echo(f"{entries} no longer found: write it anew (--write-baseline {known})", err=True)
    return 0 if exit_zero and report.exit_status == 1 else report.exit_status


def _fixed(given: Sequence[str], write: bool, unsafe: bool, prove: bool, options: Mapping[str, Any]) -> FixReport:
    """The fixes of what is found, written where the disk holds what was checked."""
    from rawlogits import fixing

    if prove:
        options = {**options, "prove": lambda name: click.echo(f"--prove runs code of this project: {name}", err=True)}
    if write and not options["overlay"]:
        for path in fixing.recover():
            click.echo(f"{path}: put back: a run that was killed had written half of a fix", err=True)
    fixes = fixing.fix(given, unsafe=unsafe, **options)
    return fixes.write() if write and not options["overlay"] else fixes


def _tell(fixes: FixReport, unsafe: bool, done: str) -> None:
    """Say on standard error what was fixed, what was not, and what else could be."""
    for made in fixes.applied:
        if made.proof is not None:
            place = made.finding.place
            click.echo(f"{place.home}:{place.line}:{place.column}: {made.finding.rule}: {made.proof}", err=True)
    for each in fixes.refused:
        place = each.finding.place
        where = f"{place.home}:{place.line}:{place.column}"
        click.echo(f"not fixed: {where}: {each.finding.rule}: {each.reason}", err=True)
    files = count(len(fixes.changed), "file", "files")
    words = [f"{count(len(fixes.applied), 'fix', 'fixes')} {done} {files}" if fixes.applied else "nothing fixed"]
    if fixes.unsafe and not unsafe:
        words.append(f"{count(len(fixes.unsafe), 'unsafe fix', 'unsafe fixes')} left (--unsafe-fixes)")
    if fixes.refused:
        words.append(f"{len(fixes.refused):,} not kept")
    click.echo(", ".join(words), err=True)


def _painted(diff: str) -> str:
    """A diff in the colours of git."""
    codes = {"---": "1", "+++": "1", "@@ ": "36", "-": "31", "+": "32"}
    lines = []
    for line in diff.splitlines(keepends=True):
        code = next((code for head, code in codes.items() if line.startswith(head)), "")
        body = line.rstrip("\r\n")
        lines.append(f"\x1b[{code}m{body}\x1b[0m{line[len(body) :]}" if code else line)
    return "".join(lines)


def _cache(settings: Config) -> Path:
    """Where what was found is kept: beside the configuration, else in the working directory."""
    return (settings.folder or Path.cwd()) / CACHE


@cli.command()
@click.option("--cache-dir", type=_FOLDER, envvar="RAWLOGITS_CACHE_DIR", metavar="DIR", help="The folder to delete.")
def clean(cache_dir: Path | None) -> int:
    """Delete the cache, the folder in which earlier runs kept what they found."""
    from rawlogits import api

    folder = cache_dir or _cache(api.configuration(["."], Path.cwd(), None, True))
    deleted = api.clear_cache(folder)
    click.echo(f"{count(deleted, 'scan', 'scans')} deleted from {folder}")
    return 0


def _exclude_each_other(**options: object) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} exclude each other")


@cli.command(short_help="Print the page of a RULE.")
@click.argument("name", metavar="RULE", shell_complete=_rule_words)
def explain(name: str) -> None:
    """Print the page of a RULE, by name or code: what it says, why, and what to write instead."""
    from rawlogits import api

    text = api.page(name)
    if not _color(sys.stdout):
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(force_terminal=True).print(Markdown(text))


@cli.command()
@click.option("--format", "format_", type=click.Choice(("json", "text")), default="text", show_default=True)
def rules(format_: str) -> None:
    """List the rules."""
    from rawlogits import api

    found = api.rules()
    if format_ == "text":
        lines = [(r.code, r.name, r.severity if r.default else f"{r.severity}, off", r.says) for r in found]
        click.echo(_aligned(lines), nl=False)
        return
    keys = ("code", "name", "severity", "default", "says")
    _write_json([{key: getattr(rule, key) for key in keys} for rule in found])


@cli.command()
@click.argument("name", default="")
@click.option("--format", "format_", type=click.Choice(("json", "text")), default="text", show_default=True)
@click.option("--config", type=click.Path(path_type=Path), help="A pyproject.toml, in place of the nearest one.")
@click.option("--no-config", is_flag=True, help="Leave out rows of your own.")
def rows(name: str, format_: str, config: Path | None, no_config: bool) -> None:
    """Print the table: what each operator and loss wants and gives.

    NAME filters by a part of the name, and adds where each fact comes from.
    """
    from rawlogits import api

    found = [row for row in api.rows(config=config, use_config=not no_config) if name.lower() in row["name"].lower()]
    if not found:
        raise InputError(f"no row has {name!r} in its name; `rawlogits rows` prints them all")
    if format_ == "json":
        _write_json(found)
        return
    head = ("name", "verb", "arg", "wants", "harmless", "gives", *(("why",) if name else ()))
    lines = [head, *(tuple(row[key] for key in head) for row in found)]
    click.echo(_aligned(lines), nl=False)


@cli.command()
@click.option("--stdio", is_flag=True, hidden=True, help="What some clients add; there is no other way.")
def server(stdio: bool) -> int:
    """Run the language server for editors, on standard input and output.

    It needs pygls: pip install 'rawlogits[lsp]'. docs/editors.md says how editors start it.
    """
    from rawlogits import server

    return server.serve()


def _words(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in value.replace(",", " ").split())


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart; a column that is empty throughout is left out."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True) if width) for line in lines)
    return "".join(row.rstrip() + "\n" for row in rows)


def _write(text: str, output: Path | None, *, err: bool = False) -> None:
    if output is None:
        click.echo(text, nl=False, color=True, err=err)
        return
    try:
        output.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InputError(f"--output {output}: cannot be written: {error.strerror or error}") from None


def _write_json(entries: object) -> None:
    import json

    click.echo(json.dumps(entries, indent=2, ensure_ascii=False))


def _color(stream: TextIO) -> bool:
    """Colour on a terminal; NO_COLOR turns it off and FORCE_COLOR on, wherever the output goes."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class _Bar:
    """A bar on standard error that shows itself once the work has lasted a second."""

    DELAY = 1.0

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.bar: Progress | None = None

    def __enter__(self) -> _Bar:
        return self

    def update(self, done: int, total: int, path: str) -> None:
        if self.bar is None:
            if time.monotonic() - self.started < self.DELAY:
                return
            self.bar = self._open()
        self.bar.update(self.bar.task_ids[0], completed=done, total=total, description=_short(path))

    @staticmethod
    def _open() -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        bar.add_task("")
        bar.start()
        return bar

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()


def _short(path: str) -> str:
    return path if len(path) <= 60 else "..." + path[-57:]
