"""Which files a run reads: the Python files and notebooks below the given paths that nothing excludes, in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rawlogits.errors import InputError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SUFFIXES = (".py", ".pyw", ".ipynb")
MARKDOWN = (".md", ".markdown")
SKIPPED = frozenset(
    """.bzr .direnv .eggs .git .hg .hypothesis .ipynb_checkpoints .mypy_cache .nox .pyenv .pytest_cache .ruff_cache .svn
    .tox .venv __pycache__ __pypackages__ build dist node_modules site-packages venv""".split()
)
"""Folders that are not entered unless they are given as a path themselves."""


def discover(
    paths: Sequence[str | os.PathLike[str]],
    *,
    root: Path,
    exclude: Sequence[str] = (),
    exclude_base: Path | None = None,
    markdown: bool = False,
    closed: Callable[[Path, str], None] = lambda folder, reason: None,
) -> tuple[Path, ...]:
    """The files to read, sorted by folder and name, each once.

    A path that is a file is taken whatever its name. Below a folder the files of `SUFFIXES` are taken (with
    `markdown` those of `MARKDOWN` too), except below `SKIPPED` folders, what `.gitignore` names (inside a work
    tree), and what the patterns of `exclude` name (written as in `.gitignore`, relative to `exclude_base`). Links to
    folders are not followed below a path.
    A path that does not exist raises InputError; `closed` hears of folders that cannot be listed, and why.

    >>> [path.name for path in discover(["examples/train.py"], root=Path.cwd())]  # doctest: +SKIP
    ['train.py']
    """
    tops = [Path(os.path.abspath(root / path)) for path in paths]
    missing = [str(path) for path, top in zip(paths, tops, strict=True) if not os.path.exists(top)]
    if missing:
        raise InputError(f"no such path: {', '.join(map(repr, missing))} (looked in {root})")
    base = _Ignore(exclude_base or root, _spec(exclude, strict=True)) if exclude else None
    found: dict[Path, None] = {}
    for top in tops:
        if os.path.isdir(top):
            suffixes = (*SUFFIXES, *MARKDOWN) if markdown else SUFFIXES
            found.update(dict.fromkeys(_walk(top, _above(top, base), suffixes, closed)))
        else:
            found[top] = None
    return tuple(found)


def matcher(patterns: Sequence[str], folder: Path) -> Callable[[Path], bool]:
    """Whether a path matches patterns written as in `.gitignore`, relative to `folder`."""
    ignore = _Ignore(folder, _spec(patterns, strict=True))
    return lambda path: bool(ignore.verdict(str(path), False))


@dataclass(frozen=True, slots=True)
class _Ignore:
    """The patterns that hold below one folder."""

    folder: Path
    spec: GitIgnoreSpec

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """True: excluded, False: included again by a `!` pattern, None: not named here."""
        relative = os.path.relpath(path, self.folder).replace(os.sep, "/")
        if relative.startswith("../"):
            return None
        return self.spec.check_file(relative + "/" if is_folder else relative).include


@dataclass(frozen=True, slots=True)
class _Filter:
    """Every set of patterns that holds in one folder, outermost first."""

    git: bool
    """Inside a work tree, where `.gitignore` counts."""
    ignores: tuple[_Ignore, ...]
    own: _Ignore | None = None

    def enter(self, folder: str, has_ignore_file: bool) -> _Filter:
        if not (self.git and has_ignore_file):
            return self
        return _Filter(True, (*self.ignores, *_ignore_file(Path(folder))), self.own)

    def excludes(self, path: str, is_folder: bool) -> bool:
        if self.own is not None and self.own.verdict(path, is_folder):
            return True
        for ignore in reversed(self.ignores):
            verdict = ignore.verdict(path, is_folder)
            if verdict is not None:
                return verdict
        return False


def _walk(top: Path, start: _Filter, suffixes: tuple[str, ...], closed: Callable[[Path, str], None]) -> Iterator[Path]:
    pending: list[tuple[str, _Filter]] = [(str(top), start)]
    while pending:
        folder, above = pending.pop()
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            closed(Path(folder), error.strerror or str(error))
            continue
        here = above.enter(folder, any(entry.name == ".gitignore" for entry in entries))
        below: list[tuple[str, _Filter]] = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED and not here.excludes(entry.path, True):
                    below.append((entry.path, here))
            elif entry.name.endswith(suffixes) and _is_file(entry) and not here.excludes(entry.path, False):
                yield Path(entry.path)
        pending.extend(reversed(below))


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads back to itself
        return False


def _above(top: Path, own: _Ignore | None) -> _Filter:
    """The patterns that come from above `top`; those that would exclude `top` itself were overruled by naming it."""
    tree = next((folder for folder in (top, *top.parents) if (folder / ".git").exists()), None)
    if own is not None and _names(own, top):
        own = None
    if tree is None:
        return _Filter(False, (), own)
    between = [folder for folder in reversed(top.parents) if folder.is_relative_to(tree)]
    ignores = [ignore for folder in between for ignore in _ignore_file(folder) if not _names(ignore, top)]
    return _Filter(True, tuple(ignores), own)


def _names(ignore: _Ignore, top: Path) -> bool:
    if ignore.folder == top or not top.is_relative_to(ignore.folder):
        return False
    parts = top.relative_to(ignore.folder).parts
    return any(ignore.verdict(str(ignore.folder.joinpath(*parts[: n + 1])), True) for n in range(len(parts)))


def _ignore_file(folder: Path) -> tuple[_Ignore, ...]:
    try:
        text = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return (_Ignore(folder, _spec(text.splitlines())),)


def _spec(patterns: Sequence[str], strict: bool = False) -> GitIgnoreSpec:
    """The patterns compiled. Git skips a line that is no pattern, and so do we unless `strict`."""
    from pathspec import GitIgnoreSpec

    good = []
    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
        except ValueError as error:
            if strict:
                raise InputError(f"{pattern!r} is not a pattern as in .gitignore: {error}") from None
        else:
            good.append(pattern)
    return GitIgnoreSpec.from_lines(good)
