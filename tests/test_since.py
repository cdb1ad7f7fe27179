"""`--since`: only findings that touch files changed since a revision of git."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from command import WRONG, Done, project, rawlogits
from rawlogits.changes import Changes, since
from rawlogits.errors import InputError

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

OTHER = {"other_net.py": WRONG["net.py"], "other_train.py": WRONG["train.py"].replace("from net", "from other_net")}


def check(folder: Path, *arguments: str) -> Done:
    return rawlogits("check", *arguments, cwd=folder)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, name: str = "") -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "work")
    if name:
        git(folder, "tag", name)


def touch(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with two findings, each over two files."""
    folder = project(tmp_path / "tree", {**WRONG, **OTHER})
    git(folder, "init", "--quiet")
    commit(folder, "v1")
    return folder


def found(done: Done) -> list[str]:
    return [line.split(":")[0] for line in done.out.splitlines() if "[RL101]" in line]


def test_nothing_has_changed(tree: Path) -> None:
    done = check(tree, "--since", "HEAD")
    assert (done.status, found(done)) == (0, [])
    assert done.out.startswith("no findings (2 in files that have not changed) · 2 losses checked: ")


@pytest.mark.parametrize("name", ["train.py", "net.py"])
def test_any_step_of_the_trace_counts(tree: Path, name: str) -> None:
    touch(tree / name)
    done = check(tree, "--since", "v1")
    assert (done.status, found(done)) == (1, ["train.py"])
    assert done.last_line.startswith("1 error (1 in files that have not changed) · ")


def test_staged_committed_and_untracked_count(tree: Path) -> None:
    touch(tree / "net.py")
    git(tree, "add", "net.py")
    assert found(check(tree, "--since", "HEAD")) == ["train.py"]
    commit(tree)
    assert found(check(tree, "--since", "HEAD")) == []
    assert found(check(tree, "--since", "HEAD~1")) == ["train.py"]
    project(tree, {"ü/new net.py": "", "ü/new.py": WRONG["train.py"].replace("from net", "from other_net")})
    assert found(check(tree, "--since", "HEAD")) == ["ü/new.py"]
    (tree / ".gitignore").write_text("other_*\n")
    assert found(check(tree, "other_train.py", "--since", "HEAD")) == []


def test_a_file_that_was_moved(tree: Path) -> None:
    git(tree, "mv", "train.py", "moved.py")
    assert found(check(tree, "--since", "HEAD")) == ["moved.py"]


def test_from_a_folder_inside(tree: Path) -> None:
    project(tree, {"sub/a.py": ""})
    git(tree, "config", "diff.relative", "true")
    touch(tree / "net.py")
    assert len(found(rawlogits("check", "..", "--since", "HEAD", cwd=tree / "sub"))) == 1


def test_the_work_tree_of_the_paths_counts_where_the_working_directory_has_none(tree: Path) -> None:
    touch(tree / "net.py")
    assert found(check(tree.parent, "tree", "--since", "HEAD")) == ["tree/train.py"]


def test_what_lies_outside_is_not_left_out(tree: Path) -> None:
    project(
        tree.parent / "outside",
        {"one.py": WRONG["train.py"].replace("from net", "from two"), "two.py": WRONG["net.py"]},
    )
    done = check(tree, ".", "../outside", "--since", "HEAD")
    assert (done.status, len(found(done))) == (1, 1)
    assert found(done)[0].endswith("outside/one.py")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_through_a_link(tree: Path) -> None:
    (tree.parent / "link").symlink_to(tree, target_is_directory=True)
    touch(tree / "net.py")
    assert found(check(tree.parent, "link", "--since", "HEAD")) == ["link/train.py"]


def test_unused_suppressions_of_changed_files_only(tree: Path) -> None:
    for name in ("net.py", "other_net.py"):
        (tree / name).write_text((tree / name).read_text() + "x = 1  # rawlogits: ignore\n")
    commit(tree)
    touch(tree / "net.py")
    done = check(tree, "--since", "HEAD", "--show", "suppressions")
    assert [line for line in done.out.splitlines() if "unused" in line] == [
        "net.py:11: unused suppression of all rules"
    ]


def test_with_a_baseline(tree: Path) -> None:
    check(tree, "other_train.py", "--write-baseline", "known.json")
    touch(tree / "net.py")
    done = check(tree, "--since", "HEAD", "--baseline", "known.json")
    assert (found(done), done.err) == (["train.py"], "")
    assert done.last_line.startswith("1 error (1 known) · ")
    git(tree, "checkout", "--quiet", "net.py")
    done = check(tree, "--since", "HEAD", "--baseline", "known.json")
    assert done.last_line.startswith("no findings (1 known, 1 in files that have not changed) · ")


# --- what git refuses


@pytest.mark.parametrize("revision", ["nowhere", "", "--all", "v1..HEAD", "HEAD:net.py", "@{99}"])
def test_no_such_revision(tree: Path, revision: str) -> None:
    done = check(tree, "--since", revision)
    assert (done.status, done.out) == (2, "")
    assert f"no revision {revision!r} in " in done.err
    assert "give a commit, a branch or a tag that is there" in done.err


def test_no_commit_yet(tmp_path: Path) -> None:
    git(project(tmp_path, WRONG), "init", "--quiet")
    assert "no revision 'HEAD'" in check(tmp_path, "--since", "HEAD").err


def test_not_a_work_tree(tmp_path: Path) -> None:
    done = check(project(tmp_path / "plain", WRONG), "--since", "HEAD")
    assert (done.status, done.out) == (2, "")
    assert "changes since 'HEAD' need a git work tree; looked in " in done.err
    assert "not a git repository" in done.err


def test_no_git(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    done = check(tree, "--since", "HEAD")
    assert (done.status, done.out) == (2, "")
    assert "git cannot be run (No such file or directory)" in done.err


def test_no_folder() -> None:
    with pytest.raises(InputError, match="no folder was given"):
        since("HEAD", [])


# --- the set of changes


def test_a_changed_folder_holds_its_files(tmp_path: Path) -> None:
    """Git names a submodule, and a repository inside that it does not know, by their folder."""
    top = Path(os.path.realpath(tmp_path))
    changes = Changes(top, frozenset({top / "inner"}))
    assert changes.touch([top / "inner" / "a.py"])
    assert not changes.touch([top / "a.py"])
    assert changes.touch([top.parent / "a.py"])
    assert not changes.touch([top.parent / "a.py", top / "a.py"])
    assert changes.with_files([top / "a.py"]).touch([top / "a.py"])
