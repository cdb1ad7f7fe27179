"""`[tool.rawlogits]`, and which files a run reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from command import project
from rawlogits.config import Config, find, load
from rawlogits.errors import InputError, RawLogitsError, TableError
from rawlogits.files import discover, matcher
from rawlogits.space import Space


def config(folder: Path, text: str) -> Config:
    project(folder, {"pyproject.toml": text})
    return load(folder / "pyproject.toml")


def names(folder: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    found = discover(paths or (".",), root=folder, exclude=exclude, exclude_base=folder)
    return [path.relative_to(folder).as_posix() for path in found]


# --- reading the table


def test_every_key(tmp_path: Path) -> None:
    read = config(
        tmp_path,
        """
        [tool.rawlogits]
        select = ["RL1"]
        ignore = ["double-sigmoid"]
        exclude = ["third_party/"]
        per-file-ignores = {"old/*" = ["RL101"]}
        [[tool.rawlogits.rows]]
        names = ["mylib.focal_loss"]
        verb = "loss"
        params = ["scores", "target"]
        arg = "scores"
        wants = "logits"
        activation = "sigmoid"
        """,
    )
    assert (read.select, read.ignore, read.exclude) == (("RL1",), ("double-sigmoid",), ("third_party/",))
    assert read.per_file_ignores == {"old/*": ("RL101",)}
    assert read.rows[0].wants == frozenset({Space.LOGITS})
    assert read.folder == tmp_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.rawlogits]\nselct = []", r"no key 'selct'; did you mean 'select'\? allowed are baseline, exclude"),
        ("[tool.rawlogits]\nzzz = []", r"no key 'zzz'; allowed are baseline, exclude"),
        ('[tool.rawlogits]\nselect = "RL1"', r"select wants a list of strings, got a string: 'RL1'"),
        ("[tool.rawlogits]\nignore = [1]", r"ignore wants a list of strings, got a list: \[1\]"),
        (
            "[tool.rawlogits]\nper-file-ignores = []",
            r"per-file-ignores wants a table of pattern = \[rules\], got a list",
        ),
        (
            "[tool.rawlogits]\nper-file-ignores = {a = 1}",
            r"per-file-ignores of 'a' wants a list of strings, got an integer",
        ),
        ("[tool.rawlogits]\nrows = {}", r"rows wants an array of tables \(\[\[tool.rawlogits.rows\]\]\), got a table"),
        ("[tool]\nrawlogits = true", r"\[tool.rawlogits\] wants a table, got a boolean"),
        ("[tool.rawlogits", r"is not TOML"),
        ("[project]", r"has no \[tool.rawlogits\] table"),
    ],
)
def test_bad_tables_say_what_is_wanted(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        config(tmp_path, text)
    assert "pyproject.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('names = ["a.b"]\nverb = "los"', "los"),
        ('names = ["a.b"]\nverb = "loss"\nwant = "logits"', "no such key 'want'"),
        ('names = ["a.b"]\nverb = "loss"\nwants = "logit"', "logit"),
    ],
)
def test_bad_rows_name_the_file_and_the_row(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(TableError, match=message) as caught:
        config(tmp_path, f"[[tool.rawlogits.rows]]\n{row}")
    assert "pyproject.toml" in str(caught.value)
    assert "'a.b'" in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such configuration file: '.*absent.toml'"):
        load(tmp_path / "absent.toml")


def test_a_file_of_another_name_holds_the_keys_at_its_top(tmp_path: Path) -> None:
    project(tmp_path, {"rawlogits.toml": 'ignore = ["RL5"]'})
    assert load(tmp_path / "rawlogits.toml").ignore == ("RL5",)


# --- finding the file


def test_the_nearest_file_with_a_table_counts(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "pyproject.toml": "[tool.rawlogits]",
            "sub/pyproject.toml": "[project]",
            "sub/deep/pyproject.toml": "[tool.rawlogits]",
        },
    )
    assert find(["."], tmp_path) == tmp_path / "pyproject.toml"
    assert find(["sub"], tmp_path) == tmp_path / "pyproject.toml"
    assert find(["sub/deep/a.py"], tmp_path) == tmp_path / "sub/deep/pyproject.toml"
    assert find(["sub/deep", "sub/other"], tmp_path) == tmp_path / "pyproject.toml"


# --- finding the Python files


def test_order_suffixes_and_skipped_folders(tmp_path: Path) -> None:
    files = ["b.py", "a.py", "w.pyw", "stub.pyi", "data.txt", "z/c.py", "m/d.py", "m/n/e.py"]
    skipped = [".git/h.py", ".venv/v.py", "venv/v.py", "node_modules/n.py", "__pycache__/p.py", "build/b.py"]
    project(tmp_path, dict.fromkeys([*files, *skipped, "lib/site-packages/s.py"], ""))
    assert names(tmp_path) == ["a.py", "b.py", "w.pyw", "m/d.py", "m/n/e.py", "z/c.py"]


def test_a_skipped_folder_is_read_when_it_is_named(tmp_path: Path) -> None:
    project(tmp_path, {"lib/site-packages/torch/s.py": "", "lib/site-packages/torch/build/s.py": "", "build/b.py": ""})
    assert names(tmp_path, "lib/site-packages") == ["lib/site-packages/torch/s.py"]
    assert names(tmp_path, "build") == ["build/b.py"]


def test_a_named_file_needs_no_suffix_and_comes_once(tmp_path: Path) -> None:
    project(tmp_path, {"train": "", "a.py": ""})
    assert names(tmp_path, "train", "a.py", ".", str(tmp_path / "a.py")) == ["train", "a.py"]


def test_missing_paths_are_all_named(tmp_path: Path) -> None:
    project(tmp_path, {"a.py": ""})
    with pytest.raises(InputError, match=r"no such path: 'b.py', 'c' \(looked in "):
        names(tmp_path, "a.py", "b.py", "c")


def test_gitignore_counts_only_inside_a_work_tree(tmp_path: Path) -> None:
    project(tmp_path, {".gitignore": "gen/\n*_pb2.py\n", "a.py": "", "gen/b.py": "", "c_pb2.py": ""})
    assert names(tmp_path) == ["a.py", "c_pb2.py", "gen/b.py"]
    (tmp_path / ".git").mkdir()
    assert names(tmp_path) == ["a.py"]


def test_nested_gitignore_wins_and_reaches_down_only(tmp_path: Path) -> None:
    files = dict.fromkeys(["a.py", "keep/a.py", "keep/x.py", "other/x.py", "x.py"], "")
    project(tmp_path, {".git/HEAD": "", ".gitignore": "a.py\n", "keep/.gitignore": "!a.py\nx.py\n", **files})
    assert names(tmp_path) == ["x.py", "keep/a.py", "other/x.py"]
    assert names(tmp_path, "keep") == ["keep/a.py"]


def test_an_ignored_folder_is_read_when_it_is_named(tmp_path: Path) -> None:
    project(tmp_path, {".git/HEAD": "", ".gitignore": "scratch/\n", "scratch/a.py": "", "scratch/deep/b.py": ""})
    assert names(tmp_path) == []
    assert names(tmp_path, "scratch") == ["scratch/a.py", "scratch/deep/b.py"]
    assert names(tmp_path, "scratch/deep") == ["scratch/deep/b.py"]


def test_exclude_is_relative_to_its_file(tmp_path: Path) -> None:
    project(tmp_path, dict.fromkeys(["a.py", "old/a.py", "sub/old/a.py", "b_pb2.py"], ""))
    assert names(tmp_path, exclude=("/old/", "*_pb2.py")) == ["a.py", "sub/old/a.py"]
    assert names(tmp_path, "old", exclude=("/old/",)) == ["old/a.py"]


def test_a_line_that_is_no_pattern(tmp_path: Path) -> None:
    project(tmp_path, {".git/HEAD": "", ".gitignore": "!\nb.py\n", "a.py": "", "b.py": ""})
    assert names(tmp_path) == ["a.py"]
    with pytest.raises(InputError, match=r"'!' is not a pattern"):
        names(tmp_path, exclude=("!",))


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links(tmp_path: Path) -> None:
    project(tmp_path, {"a.py": "", "real/b.py": ""})
    (tmp_path / "real" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "same").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    assert names(tmp_path) == ["a.py", "real/b.py"]
    assert names(tmp_path, "same") == ["same/b.py"]


def test_matcher(tmp_path: Path) -> None:
    matches = matcher(["old/*"], tmp_path)
    assert matches(tmp_path / "old" / "a.py")
    assert not matches(tmp_path / "a.py")
    assert not matches(tmp_path.parent / "old" / "a.py")


def test_errors_are_of_one_family() -> None:
    assert issubclass(InputError, RawLogitsError)
    assert issubclass(InputError, ValueError)
