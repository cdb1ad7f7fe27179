"""Whatever lies in a folder: a clear message where something cannot be read, and never a crash."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from command import RIGHT, WRONG, Done, project, rawlogits

LOSS = "import torch.nn as nn\ncriterion = nn.CrossEntropyLoss()\n"


def check(folder: Path, *arguments: str) -> Done:
    done = rawlogits("check", "--no-config", *arguments, cwd=folder)
    assert "Traceback" not in done.err, done.err
    return done


def not_read(done: Done) -> list[str]:
    return [line.removeprefix("not read: ") for line in done.out.splitlines() if line.startswith("not read: ")]


# --- nothing could be done: exit status 2


def test_no_such_path(tmp_path: Path) -> None:
    done = check(tmp_path, "absent")
    assert done.status == 2
    assert "no such path: 'absent'" in done.err


def test_a_folder_without_python(tmp_path: Path) -> None:
    project(tmp_path, {"notes.txt": "softmax"})
    done = check(tmp_path)
    assert done.status == 2
    assert "no Python files below '.'" in done.err


def test_only_a_file_that_does_not_parse(tmp_path: Path) -> None:
    project(tmp_path, {"a.py": LOSS + "def f(:\n"})
    done = check(tmp_path, "a.py")
    assert done.status == 2
    assert not_read(done) == ["a.py:3: does not parse: invalid syntax"]


def test_a_good_file_that_imports_a_bad_one(tmp_path: Path) -> None:
    project(tmp_path, {"a.py": LOSS + "def f(:\n", "b.py": LOSS + "from a import f\ncriterion(f(1), 2)\n"})
    done = check(tmp_path, "b.py")
    assert done.status == 0
    assert not_read(done) == ["a.py:3: does not parse: invalid syntax"]
    assert " · 1 file (1 not read), " in done.last_line


# --- one file is bad and the run goes on


BAD = {
    "binary": (b"\x7fELF\0\0\0\0CrossEntropyLoss\0\xff\xfe", "binary"),
    "null_bytes": (LOSS.encode() + b"x = '\0'\n", "null bytes"),
    "syntax_error": (LOSS.encode() + b"x = = 1\n", "does not parse"),
    "python2": (LOSS.encode() + b"print 'loss', criterion\n", "looks like Python 2"),
    "python2_except": (LOSS.encode() + b"try:\n    pass\nexcept ValueError, error:\n    pass\n", "looks like Python 2"),
    "unknown_encoding": (b"# -*- coding: nonsense -*-\n" + LOSS.encode(), "encoding"),
    "wrong_encoding": (LOSS.encode() + "name = 'größe'\n".encode("latin-1"), "encoding"),
    "two_encodings": (b"\xef\xbb\xbf# -*- coding: latin-1 -*-\n" + LOSS.encode(), "encoding"),
    "null_bytes_far_down": (LOSS.encode() + b"#" * 5000 + b"\nx = '\0'\n", "null bytes"),
    "utf_16": (LOSS.encode("utf-16"), "is UTF-16"),
    "ascii_that_is_not": (b"# -*- coding: ascii -*-\n" + LOSS.encode() + "name = 'größe'\n".encode(), "not ascii"),
    "brackets_10_000_deep": (LOSS.encode() + b"x = " + b"(" * 10_000 + b"1" + b")" * 10_000 + b"\n", "too many nested"),
    "unfinished": (LOSS.encode() + b"text = '''never closed\n", "does not parse"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_and_the_run_goes_on(tmp_path: Path, name: str) -> None:
    content, words = BAD[name]
    project(tmp_path, {**WRONG, "bad.py": content})
    done = check(tmp_path)
    assert done.status == 1, done.out
    assert "double-softmax" in done.out
    (message,) = not_read(done)
    assert message.startswith("bad.py:")
    assert words in message
    assert "(1 not read)" in done.last_line


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_that_is_imported(tmp_path: Path, name: str) -> None:
    content, _ = BAD[name]
    train = "import bad\nfrom bad import *\n" + textwrap.dedent(WRONG["train.py"])
    done = check(project(tmp_path, {**WRONG, "bad.py": content, "train.py": train}))
    assert done.status in (0, 1)
    assert len(not_read(done)) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("arguments", [[], ["train.py", "secret.py"]], ids=["below a folder", "named"])
def test_an_unreadable_file(tmp_path: Path, arguments: list[str]) -> None:
    project(tmp_path, {**WRONG, "secret.py": LOSS})
    (tmp_path / "secret.py").chmod(0)
    done = check(tmp_path, *arguments)
    assert done.status == 1
    assert not_read(done) == ["secret.py: cannot be read: Permission denied"]


def test_a_file_that_vanishes_or_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, {**WRONG, "secret.py": LOSS})
    real = open

    def guarded(file: object, *args: object, **kwargs: object) -> object:
        if str(file).endswith("secret.py"):
            raise PermissionError(13, "Permission denied")
        return real(file, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", guarded)
    done = check(tmp_path)
    assert done.status == 1
    assert not_read(done) == ["secret.py: cannot be read: Permission denied"]


# --- not needed, and so not parsed


@pytest.mark.parametrize(
    "text",
    ["x = = 1\n", textwrap.dedent(WRONG["train.py"]) + "\ndef unused():\n    x = = 1\n"],
    ids=["names no loss", "a function that is not needed"],
)
def test_what_is_not_needed_is_not_parsed(tmp_path: Path, text: str) -> None:
    """The README says so: a file that names no loss, and in others a function that no loss depends on."""
    done = check(project(tmp_path, {**WRONG, "other.py": text}))
    assert done.status == 1
    assert not not_read(done)


# --- unusual, and fine


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "\n\f\n", 1),
        lambda text: "# -*- coding: utf-8 -*-\n" + text,
    ],
    ids=["byte order mark", "CRLF", "CR", "no newline at the end", "form feed", "declared encoding"],
)
def test_forms_of_text(tmp_path: Path, change: object) -> None:
    assert callable(change)
    files = project(tmp_path / "plain", WRONG)
    project(tmp_path, {p.name: change(p.read_text()).encode() for p in files.iterdir()})
    assert "double-softmax" in check(tmp_path, "train.py").out


def test_columns_count_characters(tmp_path: Path) -> None:
    project(
        tmp_path, {**WRONG, "train.py": WRONG["train.py"].replace("criterion(out, y)", "('größe', criterion(out, y))")}
    )
    assert check(tmp_path).out.startswith("train.py:9:36: ")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_link_loop(tmp_path: Path) -> None:
    project(tmp_path, WRONG)
    (tmp_path / "again").symlink_to(".", target_is_directory=True)
    (tmp_path / "loop.py").symlink_to("loop.py")
    done = check(tmp_path)
    assert done.status == 1
    assert " · 2 files, " in done.last_line


def test_a_long_file(tmp_path: Path) -> None:
    lines = WRONG["train.py"] + "".join(f"        value_{n} = {n}\n" for n in range(50_000))
    done = check(project(tmp_path, {**WRONG, "train.py": lines}))
    assert done.status == 1


@pytest.mark.parametrize(
    "expression",
    [" + ".join(["x"] * 3000), "-" * 500 + "x", "x" + ".view(-1)" * 900, "[" * 90 + "x" + "]" * 90, "not " * 500 + "x"],
    ids=["sum", "signs", "calls", "lists", "nots"],
)
def test_a_deep_expression_is_no_crash(tmp_path: Path, expression: str) -> None:
    code = f"import torch.nn as nn\n\ndef f(x, y):\n    z = {expression}\n    return nn.CrossEntropyLoss()(z, y)\n"
    done = check(project(tmp_path, {"deep.py": code, **WRONG}))
    assert done.status == 1
    assert "double-softmax" in done.out


@pytest.mark.parametrize(
    "expression",
    ["-" * 10_000 + "x", " + ".join(["x"] * 10_000), "x" + ".view(-1)" * 10_000, "f(" * 10_000 + "x" + ")" * 10_000],
    ids=["signs", "sum", "calls", "arguments"],
)
def test_an_expression_10_000_deep_is_named_or_read(tmp_path: Path, expression: str) -> None:
    """How deep Python's own parser goes differs from version to version."""
    code = f"import torch.nn as nn\n\ndef f(x, y):\n    return nn.CrossEntropyLoss()({expression}, y)\n"
    done = check(project(tmp_path, {"deep.py": code, **WRONG}))
    assert done.status == 1
    assert done.out.splitlines()[0].startswith("train.py:9:26: error: double-softmax")
    for message in not_read(done):
        assert message.startswith("deep.py")
        assert "nested" in message


def test_import_circle(tmp_path: Path) -> None:
    other = {"net.py": "train", "train.py": "net"}
    files = {name: f"from {other[name]} import *\n" + textwrap.dedent(text) for name, text in WRONG.items()}
    assert check(project(tmp_path, files), "train.py").status == 1


ODD_PROGRAMS = """\
### recursive function
def f(x):
    return f(x)

criterion(f(1), 2)
### two functions
def f(x):
    return g(x)

def g(x):
    return f(x)

criterion(f(1), 2)
### growing recursion
def f(x):
    return f([x])

criterion(f(1), 2)
### own base
class A:
    pass

B = A
A = B

class A(B):
    pass

class B(A):
    pass

A = B
class A(A):
    def forward(self, x):
        return super().forward(x)

criterion(A()(1), 2)
### bases in a circle
class A(B):
    pass

class B(A):
    pass

criterion(B()(1), 2)
### module that holds itself
class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.m = self
    def forward(self, x):
        return self.m(x)

criterion(M()(1), 2)
### list that holds itself
a = []
a.append(a)
criterion(nn.Sequential(*a)(1), 2)
### endless loop
while True:
    x = [x]
    criterion(x, 2)
### star of itself
from odd import *
criterion(criterion, criterion)
### decorator of itself
@f
def f(x):
    return x

criterion(f(1), 2)
### lambda
(lambda f: f(f))(lambda f: f(f))
criterion((lambda f: f(f))(lambda f: f(f)), 2)
### no argument
criterion()
criterion(*[])
criterion(**{})
nn.CrossEntropyLoss(1, 2, 3, 4, 5, 6, 7, 8)(1)
### deleted
x = 1
del x
criterion(x, 2)
### walrus and match
match (z := [1, 2]):
    case [a, *b]:
        criterion(a, b)
    case {'k': v, **r}:
        criterion(v, r)
### async and generators
async def f(x):
    async with x as y:
        async for z in y:
            yield await criterion(z, y)
### global and nonlocal
def f():
    global g
    g = 1
    def h():
        nonlocal_ = g
        criterion(g, nonlocal_)
### try star
try:
    pass
except* ValueError as e:
    criterion(e, 1)
### property of itself
class A:
    @property
    def p(self):
        return self.p

criterion(A().p, 1)
### getattr of itself
class A:
    def __getattr__(self, n):
        return getattr(self, n)

criterion(A().q, 1)
"""
"""Each follows the import of `nn` and `criterion`."""

ODD = dict(entry.split("\n", 1) for entry in ODD_PROGRAMS.split("### ")[1:])


@pytest.mark.parametrize("name", ODD)
def test_odd_programs_are_no_crash_and_hide_nothing(tmp_path: Path, name: str) -> None:
    done = check(project(tmp_path, {**WRONG, "odd.py": LOSS + ODD[name]}))
    assert done.status == 1, done.out
    assert done.out.startswith("train.py:9:26: error: double-softmax")
    assert not not_read(done)


def test_empty_file(tmp_path: Path) -> None:
    assert check(project(tmp_path, {"a.py": "", **RIGHT})).status == 0


def test_a_mistake_of_the_walker_does_not_end_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rawlogits import api
    from rawlogits.static import walk

    bad = "import torch.nn.functional as F\n\ndef step(z, y):\n    return F.cross_entropy(F.softmax(z, 1), y)\n"
    (tmp_path / "broken.py").write_text(bad)
    (tmp_path / "whole.py").write_text(bad)
    run = walk.calls.run

    def failing(engine: object, func: object, *rest: object) -> object:
        if func.module.source.shown == "broken.py":  # type: ignore[attr-defined]
            raise ValueError("a mistake")
        return run(engine, func, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(walk.calls, "run", failing)
    monkeypatch.setattr(walk.Walker, "strict", False)
    report = api.check([tmp_path], root=tmp_path, use_config=False)
    assert [finding.place.path for finding in report.findings] == ["whole.py"]
    assert [failure.path for failure in report.failures] == ["broken.py"]
    assert "please report it" in report.failures[0].message
