"""Edits of files, byte by byte; writing them, one or several as a whole; and what stays when that does not work."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawlogits import edits, writing
from rawlogits.edits import EditError
from rawlogits.errors import InputError
from rawlogits.finding import Edit
from rawlogits.writing import JOURNAL, Change


def edit(line: int, start: int, end: int, new: str, *, last: int = 0, cell: int | None = None) -> Edit:
    """In one line the columns from `start` to `end`, or up to `end` of the line `last`."""
    return Edit("a.ipynb" if cell is not None else "a.py", line, start, last or line, end, new, cell)


def made(data: bytes, *changes: Edit) -> bytes:
    return edits.apply("a.py", data, changes)


# -- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        pytest.param(b"a = f(x)\nb = 1\n", edit(1, 5, 9, "x"), b"a = x\nb = 1\n", id="one line"),
        pytest.param(b"\xef\xbb\xbfa = f(x)\n", edit(1, 5, 9, "x"), b"\xef\xbb\xbfa = x\n", id="byte order mark"),
        pytest.param(b"a = f(x)", edit(1, 5, 9, "x"), b"a = x", id="last line without an end"),
        pytest.param("é = f('🙂', x)\n".encode(), edit(1, 5, 14, "x"), "é = x\n".encode(), id="columns are characters"),
        pytest.param(
            b"# coding: latin-1\n\xe9 = f(x)\n",
            edit(2, 5, 9, "'\u00fc'"),
            b"# coding: latin-1\n\xe9 = '\xfc'\n",
            id="latin-1",
        ),
        pytest.param(b"a = f(\r\n  x)\r\nb\r\n", edit(1, 5, 5, "x", last=2), b"a = x\r\nb\r\n", id="several lines"),
        pytest.param(b"a\r\nb\r\n", edit(2, 1, 1, "x\ny\n"), b"a\r\nx\r\ny\r\nb\r\n", id="CRLF in what is written"),
        pytest.param(b"a\rb\r", edit(2, 1, 1, "x\n"), b"a\rx\rb\r", id="CR"),
        pytest.param(b"a\nb\r\nc\n", edit(2, 1, 2, "x\ny"), b"a\nx\r\ny\r\nc\n", id="mixed: the line's own end"),
        pytest.param(b"a\x0cb\nc\n", edit(1, 3, 4, "x"), b"a\x0cx\nc\n", id="a form feed ends no line"),
        pytest.param("a\u2028b\nc\n".encode(), edit(2, 1, 2, "x"), "a\u2028b\nx\n".encode(), id="nor does U+2028"),
        pytest.param(b"import a\n", edit(2, 1, 1, "import b\n"), b"import a\nimport b\n", id="behind the last line"),
        pytest.param(b"import a", edit(2, 1, 1, "import b\n"), b"import a\nimport b", id="that has no end"),
        pytest.param(b"", edit(1, 1, 1, "import b\n"), b"import b\n", id="an empty file"),
    ],
)
def test_one_edit(before: bytes, change: Edit, after: bytes) -> None:
    assert made(before, change) == after


def test_edits_are_made_from_the_end_backwards() -> None:
    changes = [edit(1, 1, 2, "long\nlonger"), edit(3, 1, 2, ""), edit(2, 1, 2, "x"), edit(2, 2, 2, "!")]
    assert made(b"a\nb\nc\n", *changes) == b"long\nlonger\nx!\n\n"


def test_two_insertions_at_one_point_keep_their_order() -> None:
    assert made(b"f(x)\n", edit(1, 1, 1, "import a\n"), edit(1, 1, 1, "import b\n")) == b"import a\nimport b\nf(x)\n"


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (b"a = f(x)\n", [edit(1, 1, 5, ""), edit(1, 4, 6, "")], "edits overlap"),
        (b"a = f(x)\n", [edit(1, 1, 10, "")], "no line 1 with a column 10"),
        (b"a = f(x)\n", [edit(4, 1, 1, "")], "no line 4"),
        (b"a = f(x)\n", [edit(1, 0, 1, "")], "no line 1 with a column 0"),
        (b"a = f(x)\n", [edit(1, 5, 2, "")], "ends before it begins"),
        (b"# coding: latin-1\na\n", [edit(2, 1, 2, "'\u4e2d'")], "saved as iso-8859-1, which has no '\u4e2d'"),
        (b"# coding: none-such\na\n", [edit(2, 1, 2, "b")], "cannot be decoded"),
        (b"a\xff\n", [edit(1, 1, 2, "b")], "cannot be decoded"),
        (b"# coding: utf-7\na+\n", [edit(2, 1, 2, "b")], "cannot be decoded"),
    ],
)
def test_what_does_not_fit_is_refused(data: bytes, changes: list[Edit], message: str) -> None:
    with pytest.raises(EditError, match=message):
        made(data, *changes)


@st.composite
def texts_with_spans(draw: st.DrawFn) -> tuple[str, list[tuple[int, int, str]]]:
    """A text, and spans of it (as numbers of characters) that do not overlap, with what to write there."""
    alphabet = st.sampled_from(["a", "é", "🙂", "\x0c", "\u2028", "\t", "\n", "\n"])
    text = draw(st.text(alphabet, max_size=60))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return text, [(start, end, draw(st.text(alphabet, max_size=5))) for start, end in pairs]


def position(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


@given(texts_with_spans(), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.randoms())
def test_random_edits_equal_a_naive_reference(
    project: tuple[str, list[tuple[int, int, str]]], end: str, mark: bool, random: object
) -> None:
    text, spans = project
    reference, last = "", 0
    for start, stop, new in spans:
        reference += text[last:start] + new
        last = stop
    reference += text[last:]
    changes = [Edit("a.py", *position(text, start), *position(text, stop), new) for start, stop, new in spans]
    random.shuffle(changes)  # type: ignore[attr-defined]
    head = b"\xef\xbb\xbf" if mark else b""
    uses = "\n" in text
    wanted = reference.replace("\n", end) if uses else reference
    assert made(head + text.replace("\n", end).encode(), *changes) == head + wanted.encode()


# -- notebooks -------------------------------------------------------------------------------------------------------


def book(indent: int | None = 1, *, lines: bool = True, ascii_only: bool = False) -> str:
    """A notebook with text, magics, outputs, metadata and ids, as some program has written it."""
    code = "%matplotlib inline\n!pip install torch\nx = f(z)\nprint('é')"
    output = {"output_type": "stream", "name": "stdout", "text": ["é 1e3\n"]}
    cells = [
        {"cell_type": "markdown", "id": "one", "metadata": {}, "source": ["# Títle"]},
        {
            "cell_type": "code",
            "execution_count": 7,
            "id": "two",
            "metadata": {"tags": ["kept"], "score": 1.50},
            "outputs": [output],
            "source": code.splitlines(keepends=True) if lines else code,
        },
    ]
    content = {"cells": cells, "metadata": {"b": 1, "a": 2}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=indent, ensure_ascii=ascii_only) + "\n"


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_notebook_changes_only_where_it_is_edited(indent: int | None, lines: bool, ascii_only: bool) -> None:
    before = book(indent, lines=lines, ascii_only=ascii_only)
    after = edits.apply("a.ipynb", before.encode(), [edit(3, 5, 9, "z", cell=1)]).decode()
    assert after == before.replace("f(z)", "z")
    assert nbformat.reads(after, 4).cells[1].outputs == nbformat.reads(before, 4).cells[1].outputs


def test_new_lines_in_a_cell() -> None:
    changes = [edit(3, 5, 9, "z\ny = 'ü'", cell=1), edit(5, 1, 1, "import b\n", cell=1)]
    after = edits.apply("a.ipynb", book().encode(), changes).decode()
    source = nbformat.reads(after, 4).cells[1].source
    assert source == "%matplotlib inline\n!pip install torch\nx = z\ny = 'ü'\nprint('é')\nimport b"
    old, new = book().splitlines(), after.splitlines()
    assert [line for line in new if line not in old] == [
        '    "x = z\\n",',
        "    \"y = 'ü'\\n\",",
        "    \"print('é')\\n\",",
        '    "import b"',
    ]
    assert [line for line in old if line not in new] == ['    "x = f(z)\\n",', "    \"print('é')\""]


def test_a_notebook_of_format_3() -> None:
    cell = {"cell_type": "code", "input": "x = f(z)", "language": "python", "metadata": {}, "outputs": []}
    old = {"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [cell]}, {"cells": [cell]}]}
    before = json.dumps(old)
    after = edits.apply("a.ipynb", before.encode(), [edit(1, 5, 9, "z", cell=1)]).decode()
    assert after == before[::-1].replace("x = f(z)"[::-1], "x = z"[::-1], 1)[::-1]


@pytest.mark.parametrize(
    ("data", "cell", "message"),
    [
        (book().encode(), 2, "has no cell 2"),
        (book().encode()[:-9], 1, "not a notebook"),
        (b"[]", 0, "not a notebook"),
        (book().encode("utf-16"), 1, "not a notebook"),
        (book().replace('"nbformat": 4', '"nbformat": "?"').encode(), 1, "no notebook that nbformat reads"),
    ],
)
def test_a_notebook_that_cannot_be_written_is_refused(data: bytes, cell: int, message: str) -> None:
    with pytest.raises(EditError, match=message):
        edits.apply("a.ipynb", data, [edit(1, 1, 1, "", cell=cell)])


def test_without_nbformat_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nbformat", None)
    with pytest.raises(EditError, match=r"pip install 'rawlogits\[notebook\]'"):
        edits.apply("a.ipynb", book().encode(), [edit(3, 5, 9, "z", cell=1)])


# -- the disk --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_bytes(f"old {name}".encode())
    yield tmp_path
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755)


def change(path: Path, new: bytes | None = None) -> Change:
    return Change(path, path.read_bytes(), b"new " + path.name.encode() if new is None else new)


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


OLD = {name: f"old {name}".encode() for name in ("a.py", "b.py", "c.py")}


def test_files_are_written_and_nothing_else_is_left(folder: Path) -> None:
    assert writing.write([[change(folder / "a.py"), change(folder / "b.py")]], folder) == {}
    assert held(folder) == {**OLD, "a.py": b"new a.py", "b.py": b"new b.py"}


@pytest.mark.parametrize("mode", [0o755, 0o640, 0o600])
def test_the_mode_stays(folder: Path, mode: int) -> None:
    (folder / "a.py").chmod(mode)
    writing.write([[change(folder / "a.py")]], folder)
    assert stat.S_IMODE((folder / "a.py").stat().st_mode) == mode


def test_a_link_stays_and_its_target_is_written(folder: Path) -> None:
    (folder / "link.py").symlink_to("a.py")
    assert writing.write([[change(folder / "link.py", b"new")]], folder) == {}
    assert (os.readlink(folder / "link.py"), (folder / "a.py").read_bytes()) == ("a.py", b"new")


def test_a_file_and_a_link_to_it_are_one(folder: Path) -> None:
    (folder / "link.py").symlink_to("a.py")
    both = [change(folder / "link.py", b"new"), change(folder / "a.py", b"new")]
    assert writing.write([both], folder) == {}
    assert (folder / "a.py").read_bytes() == b"new"
    both = [change(folder / "link.py", b"one"), change(folder / "a.py", b"other")]
    assert "one file, with different fixes" in writing.write([both], folder)[0]
    assert (folder / "a.py").read_bytes() == b"new"


def test_a_file_that_changed_meanwhile_is_left_alone_and_its_group_with_it(folder: Path) -> None:
    groups = [[change(folder / "a.py"), change(folder / "b.py")], [change(folder / "c.py")]]
    (folder / "b.py").write_bytes(b"typed by hand")
    assert "b.py has changed since it was read" in writing.write(groups, folder)[0]
    assert held(folder) == {**OLD, "b.py": b"typed by hand", "c.py": b"new c.py"}


@pytest.mark.parametrize("name", ["a.py", "b.py"])
def test_a_read_only_file_leaves_its_group_as_it_was(folder: Path, name: str) -> None:
    (folder / name).chmod(0o444)
    assert f"{name} is read-only" in writing.write([[change(folder / "a.py"), change(folder / "b.py")]], folder)[0]
    assert held(folder) == OLD


def test_a_read_only_folder_leaves_the_group_as_it_was(folder: Path) -> None:
    (folder / "closed").mkdir()
    (folder / "closed" / "d.py").write_bytes(b"old d.py")
    group = [change(folder / "a.py"), change(folder / "closed" / "d.py")]
    (folder / "closed").chmod(0o555)
    assert "the folder of" in writing.write([group], folder)[0]
    assert (folder / "a.py").read_bytes() == b"old a.py"
    assert [path.name for path in (folder / "closed").iterdir()] == ["d.py"]


def test_an_error_between_two_files_puts_the_first_one_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, calls = os.replace, []

    def second_fails(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", second_fails)
    reasons = writing.write([[change(folder / "a.py"), change(folder / "b.py")], [change(folder / "c.py")]], folder)
    assert "No space left" in reasons[0]
    assert held(folder) == {**OLD, "c.py": b"new c.py"}


class Killed(BaseException):
    """What no code of ours catches for good: as if the process ended here."""


def killed_at(folder: Path, monkeypatch: pytest.MonkeyPatch, *, replaced: int) -> None:
    """A run that ends before a file is replaced, without any of its own tidying up."""
    replace, calls = os.replace, []

    def ends(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) > replaced:
            raise Killed
        replace(source, target)

    group = [change(folder / "a.py"), change(folder / "b.py"), change(folder / "c.py")]
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", ends)
        patch.setattr(writing, "_settle", lambda group: [])
        with pytest.raises(Killed):
            writing.write([group], folder)


@pytest.mark.parametrize("replaced", [0, 1, 2])
def test_what_a_killed_run_left_half_written_is_put_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, replaced: int
) -> None:
    killed_at(folder, monkeypatch, replaced=replaced)
    assert (folder / JOURNAL).exists()
    with pytest.raises(InputError, match="run --fix again"):
        writing.write([[change(folder / "a.py")]], folder)
    assert len(writing.recover(folder)) == replaced
    assert held(folder) == OLD
    assert writing.recover(folder) == ()


def test_what_was_edited_since_is_not_put_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at(folder, monkeypatch, replaced=2)
    (folder / "a.py").write_bytes(b"typed by hand")
    assert [path.name for path in writing.recover(folder)] == ["b.py"]
    assert held(folder) == {**OLD, "a.py": b"typed by hand"}


def test_a_journal_that_was_not_finished_says_that_nothing_was_begun(folder: Path) -> None:
    (folder / JOURNAL).write_bytes(b"0123\n[[")
    assert writing.recover(folder) == ()
    assert held(folder) == OLD


def test_a_journal_reaches_no_file_outside_its_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have come with somebody else's project."""
    killed_at(folder, monkeypatch, replaced=1)
    inner = folder / "inner"
    inner.mkdir()
    text = (folder / JOURNAL).read_bytes().split(b"\n")[1].replace(b'["', b'["../')
    (inner / JOURNAL).write_bytes(writing._digest(text).encode() + b"\n" + text)
    with pytest.raises(InputError, match="which is not below"):
        writing.recover(inner)
    assert (folder / "a.py").read_bytes() == b"new a.py"


def test_while_another_run_writes_nothing_is_put_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    killed_at(folder, monkeypatch, replaced=1)
    with open(folder / JOURNAL, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another run is writing"):
            writing.recover(folder)
    assert len(writing.recover(folder)) == 1


def test_a_group_outside_of_the_folder_of_the_journal_is_left_alone(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    reasons = writing.write([[change(folder / "a.py"), change(folder / "b.py")], [change(folder / "c.py")]], inner)
    assert "lies outside of" in reasons[0]
    assert held(inner) == {}
    assert (folder / "a.py").read_bytes() == b"old a.py"
    assert (folder / "c.py").read_bytes() == b"new c.py"
