"""Which files have changed since a revision, as git sees them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rawlogits.errors import InputError


@dataclass(frozen=True, slots=True)
class Changes:
    """The files of a work tree that differ from a revision, the untracked ones with them; real paths."""

    tree: Path
    files: frozenset[Path]

    def with_files(self, paths: Iterable[Path]) -> Changes:
        """The same, with these files taken as changed."""
        return Changes(self.tree, self.files.union(Path(os.path.realpath(path)) for path in paths))

    def touch(self, paths: Iterable[Path]) -> bool:
        """Whether one of these files has changed, or all of them lie outside of the work tree, where git knows nothing.

        >>> Changes(Path("/a"), frozenset({Path("/a/b.py")})).touch([Path("/a/b.py"), Path("/a/c.py")])
        True
        """
        real = [Path(os.path.realpath(path)) for path in paths]
        inside = [path for path in real if path.is_relative_to(self.tree)]
        return not inside or any(not self.files.isdisjoint((path, *path.parents)) for path in inside)


def since(revision: str, folders: Sequence[Path]) -> Changes:
    """What has changed since `revision` in the work tree that holds the first of these folders that lies in one.

    No git, no work tree and no such revision raise InputError.
    """
    tree = _tree(revision, folders)
    named = _git(tree, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if named.returncode:
        raise InputError(
            f"no revision {revision!r} in {tree}; give a commit, a branch or a tag that is there "
            f"(a shallow clone holds the last commit only: `git fetch` the other first)"
        )
    commit = named.stdout.decode().strip()
    changed = _paths(tree, "diff", "--name-only", "--no-renames", "--no-relative", "--no-ext-diff", "-z", commit, "--")
    untracked = _paths(tree, "ls-files", "--others", "--exclude-standard", "-z")
    return Changes(tree, frozenset(Path(os.path.realpath(tree / name)) for name in (*changed, *untracked)))


def _tree(revision: str, folders: Sequence[Path]) -> Path:
    """The work tree; its real path."""
    reason = "no folder was given"
    for folder in folders:
        asked = _git(folder, "rev-parse", "--show-toplevel")
        if not asked.returncode:
            return Path(os.path.realpath(os.fsdecode(asked.stdout.rstrip(b"\r\n"))))
        reason = _complaint(asked)
    where = ", ".join(str(folder) for folder in folders)
    raise InputError(f"changes since {revision!r} need a git work tree; looked in {where}: {reason}")


def _paths(tree: Path, *arguments: str) -> list[str]:
    done = _git(tree, *arguments)
    if done.returncode:
        raise InputError(f"`git {arguments[0]}` in {tree} failed: {_complaint(done)}")
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"exit status {done.returncode}"


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise InputError(f"git cannot be run ({error.strerror or error}); changes since a revision need it") from None
