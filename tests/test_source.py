"""Reading: bytes to text, text to top-level units that are parsed one by one, places and suppressions in them."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rawlogits.finding import Place
from rawlogits.static import source
from rawlogits.static.names import Module, Project
from rawlogits.static.source import Raw, Source, Unreadable

HERE = Path("a.py")
DECLARE = "declare the encoding in which the file is saved"


def raw(data: bytes | str) -> Raw:
    return Raw(HERE, data.encode() if isinstance(data, str) else data)


def loaded(data: bytes | str) -> Source:
    return source.load(raw(data), "a.py")


def unreadable(data: bytes) -> Unreadable:
    """The error that reading and parsing these bytes ends in."""
    with pytest.raises(Unreadable) as caught:
        source.parse(loaded(data).text)
    return caught.value


# --- bytes to text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"x = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbf# coding: utf-8\n", "# coding: utf-8\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\rb", "a\nb"),
        (b"a\r\n\rb\n", "a\n\nb\n"),
        ("name = 'größe'\n".encode(), "name = 'größe'\n"),
        ("# -*- coding: latin-1 -*-\n'größe'\n".encode("latin-1"), "# -*- coding: latin-1 -*-\n'größe'\n"),
        ("#!python\n# vim: fileencoding=cp1252\n'€'\n".encode("cp1252"), "#!python\n# vim: fileencoding=cp1252\n'€'\n"),
        (b"", ""),
    ],
)
def test_text(data: bytes, text: str) -> None:
    """Decoded as Python would, with one kind of line end and without a byte order mark."""
    assert loaded(data).text == text


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        (b"x = 1\n\0", "contains null bytes: this is a binary file, not Python source", None),
        (
            "import torch\n".encode("utf-16"),
            "is UTF-16 (so its byte order mark says), which Python does not read; save it as UTF-8",
            None,
        ),
        (b"x = 1\ny = '\xff'\n", "is not utf-8 text (invalid start byte); declare its encoding on line 1", 2),
        (b"# coding: nonsense\n", f"unknown encoding: nonsense; {DECLARE}", 1),
        (b"\xef\xbb\xbf# coding: cp1252\n", f"encoding problem: utf-8; {DECLARE}", 1),
        (b"x = 1\nx = = 2\n", "does not parse: invalid syntax", 2),
        (b"if x:\nreturn 1\n", "does not parse: expected an indented block after 'if' statement on line 1", 2),
        (b"x = (1,\n", "does not parse: '(' was never closed", 1),
        (b"x = " + b"(" * 300 + b")" * 300, "does not parse: too many nested parentheses", 1),
    ],
)
def test_what_is_wrong_with_a_file(data: bytes, message: str, line: int | None) -> None:
    error = unreadable(data)
    assert str(error) == message
    assert error.line == line


def test_null_bytes_far_into_the_file() -> None:
    assert "null bytes" in str(unreadable(b"# " + b"-" * 5000 + b"\n\0"))


@pytest.mark.parametrize(
    "statement",
    [
        "print 'loss', loss",
        'print "%d" % 3',
        "exec 'x = 1'",
        "raise ValueError, 'bad'",
        "x = `y`",
        "if x <> y: pass",
        "x = ur'a'",
    ],
)
def test_python_2_is_named(statement: str) -> None:
    error = unreadable(f"import torch\n{statement}\n".encode())
    assert str(error).startswith("looks like Python 2 (")
    assert str(error).endswith("); only Python 3 is read")
    assert error.line == 2


def test_python_2_except_clause() -> None:
    assert "looks like Python 2" in str(unreadable(b"try:\n    pass\nexcept ValueError, error:\n    pass\n"))


@pytest.mark.parametrize("name", ["absent.py", "."])
def test_no_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"cannot be read: (No such file|Is a directory|Permission denied)"):
        source.read(tmp_path / name)


# --- places: lines and columns start at 1, columns count characters


def place(text: str | bytes, name: str = "z") -> Place:
    """Where the name stands that is read in the text."""
    file = loaded(text)
    (node,) = [n for s in source.parse(file.text) for n in ast.walk(s) if isinstance(n, ast.Name) and n.id == name]
    return file.place(node)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("z\n", 1, 1),
        ("f(z)\n", 1, 3),
        ("a = 1\r\nf(z)\r\n", 2, 3),
        ("a = 1\rf(z)\r", 2, 3),
        ("\ufefff(z)\n", 1, 3),
        ("f('größe', z)\n", 1, 12),
        ("f('日本語', z)\n", 1, 10),
        ("f('😀', z)\n", 1, 8),
        ("if a:\n\tf(z)\n", 2, 4),
        ("'''\r\nä\r\n'''; f(z)\r\n", 3, 8),
        ("a = 1\n\x0c\nf(z)\n", 3, 3),
        ("a = '\x0c\x85\u2028'; f(z)\n", 1, 14),
    ],
)
def test_place(text: str, line: int, column: int) -> None:
    assert place(text) == Place("a.py", line, column, line, column + 1)


def test_place_in_latin_1() -> None:
    assert place("# coding: latin-1\nf('größe', z)\n".encode("latin-1")).column == 12


@given(st.text(st.characters(exclude_characters="\r\n\0'\\", exclude_categories=["Cs"])))
def test_column_counts_characters(text: str) -> None:
    assert place(f"f('{text}', z)").column == len(f"f('{text}', ") + 1


@given(st.text(st.characters(exclude_characters="\r\n\0'\\", exclude_categories=["Cs"]), max_size=60))
def test_words_are_what_is_written(text: str) -> None:
    file = loaded(f"x = f('{text}')")
    (statement,) = source.parse(file.text)
    assert isinstance(statement, ast.Assign)
    assert file.words(statement.value) == " ".join(f"f('{text}')".split())


def test_words_are_short_and_on_one_line() -> None:
    (statement,) = source.parse(text := "f(\n    a,\n    b\n)")
    assert Source(HERE, "a.py", text).words(statement) == "f(a, b)"
    (statement,) = source.parse(text := "f(" + "a, " * 40 + ")")
    words = Source(HERE, "a.py", text).words(statement)
    assert len(words) == 80
    assert words.endswith("...")


# --- suppressions


@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("# rawlogits: ignore", None),
        ("#rawlogits:ignore", None),
        ("# rawlogits: ignore[double-softmax]", {"double-softmax"}),
        ("# rawlogits: ignore[double-softmax, RL102]", {"double-softmax", "RL102"}),
        ("# rawlogits: ignore[ double-softmax RL102 ]", {"double-softmax", "RL102"}),
        ("# kept on purpose  # rawlogits: ignore[wrong-axis]", {"wrong-axis"}),
        ("# rawlogits: ignore[wrong-axis]  because the paper does so", {"wrong-axis"}),
        ("# noqa: RL101", {"RL101"}),
        ("# noqa: E501, RL101", {"E501", "RL101"}),
        ("# noqa: RL101 RL102", {"RL101", "RL102"}),
        ("# rawlogits: ignore[]", set()),
    ],
)
def test_suppression(comment: str, names: set[str] | None) -> None:
    assert source.suppressions(raw(f"x = 1\ny = 2  {comment}\n")) == {2: names}


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: E501", "# rawlogits", "# ignore[RL101]", "# type: ignore"])
def test_no_suppression_of_ours(comment: str) -> None:
    assert source.suppressions(raw(f"x = 1  {comment}\ny = 2  # about RL101\n")) == {}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_suppressions_are_on_the_lines_that_places_count(end: str) -> None:
    text = end.join(["a = 1", "'''", "\x0c", "'''; f(z)  # rawlogits: ignore"])
    assert list(source.suppressions(raw(text))) == [place(text).line] == [4]


def test_suppressions_of_an_unreadable_file() -> None:
    assert source.suppressions(raw(b"'\xff'  # rawlogits: ignore\n")) == {}


# --- units: the top-level statements, functions and classes parsed only when asked for


def cut(text: str) -> Module:
    """A module of this text; a file that does not parse fails the test."""

    def failed(shown: str, error: Unreadable) -> None:
        raise error

    return Module("a", loaded(text), Project(Path.cwd(), frozenset(), failed))


def trees(module: Module) -> list[str]:
    """Every statement with all its positions. A first look at each parses it, and may find the cut to be wrong."""
    for unit in module.units:
        module.node(unit)
    return [ast.dump(node, include_attributes=True) for unit in module.units if (node := module.node(unit))]


def whole(text: str) -> list[str]:
    return [ast.dump(node, include_attributes=True) for node in ast.parse(text).body]


STATEMENTS = {
    "import": "import torch",
    "assignment": "x = 1",
    "several": "y = 1; z = 2",
    "function": "def f(a):\n    return a",
    "one line": "def short(): return 1",
    "coroutine": "async def run():\n    pass",
    "class": "class A:\n    def f(self):\n        return 1\n\n    y = 2",
    "decorated": "@cache\ndef decorated():\n    pass",
    "twice decorated": "@register('a')\n@register(\n    'b',\n)\ndef several():\n    pass",
    "comment between": "@cache\n\n# about the function\ndef commented():\n    pass",
    "decorated class": "@dataclass\nclass Point:\n    x: int = 1",
    "parameters in lines": "def long(\n    a,\n    b=1,\n):\n    return a",
    "comment at column 0": "def g():\n    a = 1\n# not indented\n    return a",
    "branches": "if x:\n    def h():\n        return 1\nelse:\n    h = None",
    "try": "try:\n    import numpy\nexcept ImportError:\n    numpy = None\nfinally:\n    pass",
    "continued": "total = 1 + \\\n2",
    "brackets": "names = [\n'a',\n# b\n'c',\n]",
    "docstring at column 0": 'def documented():\n    """First line.\n\nSecond, not indented.\n    """\n    return 1',
    "text that is code": 'def exampled():\n    """Use it so.\n\nvalue = exampled()\n"""\n    return 1',
    "string": "text = '''one\ntwo\n'''",
    "comment": "# def f(): return 2",
    "blank": "\n\n",
}
"""Top-level statements that are easy or hard to cut apart by their unindented lines."""

FILES = "argparse.py ast.py dataclasses.py enum.py typing.py inspect.py tokenize.py unittest/mock.py"
STANDARD = [Path(sysconfig.get_paths()["stdlib"], name) for name in FILES.split()]


@pytest.mark.parametrize("name", STATEMENTS)
def test_units_of_one_statement(name: str) -> None:
    text = f"before = 0\n{STATEMENTS[name]}\nafter = 1\n"
    assert trees(cut(text)) == whole(text)


@given(st.lists(st.sampled_from(sorted(STATEMENTS)), max_size=8))
def test_units_are_the_statements_of_the_file(names: list[str]) -> None:
    """Each unit parsed by itself gives the tree, with the positions, that the whole file gives."""
    text = "\n".join(STATEMENTS[name] for name in names)
    assert trees(cut(text)) == whole(text)


@pytest.mark.parametrize("path", STANDARD, ids=lambda path: path.name)
def test_units_of_real_files(path: Path) -> None:
    text = loaded(path.read_bytes()).text
    assert trees(cut(text)) == whole(text)


@pytest.mark.parametrize("path", STANDARD, ids=lambda path: path.name)
@given(data=st.data())
@settings(max_examples=5)
def test_the_unit_at_a_line_holds_the_line(path: Path, data: st.DataObject) -> None:
    """Whatever unit is asked for first."""
    module = cut(path.read_text(encoding="utf-8"))
    node = data.draw(st.sampled_from(ast.parse(module.source.text).body))
    line = data.draw(st.integers(node.lineno, node.end_lineno or node.lineno))
    (unit,) = module.units_at([line])
    assert ast.dump(module.node(unit) or ast.Pass(), include_attributes=True) == ast.dump(node, include_attributes=True)


def test_functions_and_classes_wait() -> None:
    module = cut("import torch\n\n@cache\ndef f():\n    pass\n\nclass A:\n    pass\nx = 1\n")
    assert [(unit.name, unit.line, unit.node is None) for unit in module.units] == [
        ("", 1, False),
        ("f", 3, True),
        ("A", 7, True),
        ("", 9, False),
    ]


def test_decorators_belong_to_their_unit() -> None:
    module = cut("x = 1\n@first\n@second(\n    1\n)\ndef f():\n    pass\n")
    (unit,) = module.bindings["f"]
    node = module.node(unit)
    assert isinstance(node, ast.FunctionDef)
    assert (unit.line, node.lineno, len(node.decorator_list)) == (2, 6, 2)


def test_where_the_cut_goes_through_a_string_the_whole_is_parsed() -> None:
    """The second line of the text looks like a statement, what is before it does not parse alone."""
    module = cut('def f():\n    """Text\ndef g(): not code\n"""\n    return 1\n\ndef h():\n    return f()\n')
    assert trees(module) == whole(module.source.text)
    assert list(module.bindings) == ["f", "h"]


def test_a_file_that_does_not_parse_is_reported_when_a_name_is_asked_for() -> None:
    failures: list[str] = []
    project = Project(Path.cwd(), frozenset(), lambda shown, error: failures.append(f"{shown}:{error.line}: {error}"))
    module = Module("a", loaded("x = 1\ndef f(:\n    pass\n"), project)
    (unit,) = module.bindings["f"]
    assert module.node(unit) is None
    assert failures == ["a.py:2: does not parse: invalid syntax"]


def test_bindings_in_order() -> None:
    text = """\
import a.b, c as d
from e import f as g
x, (y, *z) = 1, 2
for i in x:
    j = i
with o as p:
    pass
x.append(1)
x = 2
"""
    bindings = cut(text).bindings
    assert list(bindings) == ["a", "d", "g", "x", "y", "z", "i", "j", "p"]
    assert [unit.line for unit in bindings["x"]] == [3, 8, 9]
