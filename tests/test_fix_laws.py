"""Laws of repairs: what fixes may do to a program, whatever it is written like, and what its numbers are then.

The programs come from the grammar in programs.py. What a repaired one has to compute is known without looking at the
repair: the loss is the fused one of the scores that the model gives without an activation, and whoever else reads the
scores still sees what it saw.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import runpy
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rawlogits
from programs import HEADS, IMPORTS, LOSSES, READERS, TAILS, THRESHOLDS, Program, names, read_programs, renamed
from rawlogits import fixing
from rawlogits.finding import Applicability, Edit, Finding, Severity
from rawlogits.fixing import FixReport
from rawlogits.static.names import bound_names
from test_cases_agree import own_world

FUSED = {
    "CrossEntropyLoss": "CrossEntropyLoss",
    "NLLLoss": "CrossEntropyLoss",
    "BCEWithLogitsLoss": "BCEWithLogitsLoss",
    "BCELoss": "BCEWithLogitsLoss",
}
"""The loss that each one is of scores that no activation was applied to."""
Files = Mapping[str, bytes]


TIMES = 1
"""How many times as many examples: more than 1 for a long run."""


def examples(count: int) -> settings:
    """So many examples a law, ten times as many when exploring (see conftest.py)."""
    return settings(max_examples=TIMES * count * settings().max_examples // 100)


# -- a project, repaired and run -------------------------------------------------------------------------------------


def lay_out(folder: Path, files: Files) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def encoded(files: Mapping[str, str] | str) -> dict[str, bytes]:
    """A project, a text being its main.py."""
    return {name: text.encode() for name, text in ({"main.py": files} if isinstance(files, str) else files).items()}


def repaired(
    files: Files, *, unsafe: bool = False, paths: Sequence[str] = (".",)
) -> tuple[dict[str, bytes], FixReport]:
    """What the files of a project hold once it is fixed, every rule switched on, and the report on that."""
    with tempfile.TemporaryDirectory(prefix="laws") as name:
        folder = Path(name)
        lay_out(folder, files)
        given = [folder / path for path in paths]
        report = fixing.fix(given, select=["ALL"], root=folder, use_config=False, unsafe=unsafe)
        assert not report.report.failures
        assert {each.path: each.old for each in report.changed}.items() <= dict(files).items()
    return {**files, **{each.path: each.new for each in report.changed}}, report


def found(files: Files) -> list[Finding]:
    with tempfile.TemporaryDirectory(prefix="laws") as folder:
        lay_out(Path(folder), files)
        return list(rawlogits.check([folder], select=["ALL"], root=folder, use_config=False).findings)


def mistakes(findings: Sequence[Finding]) -> Counter[str]:
    """The rules that say more than advice, each as often as it does."""
    return Counter(each.rule for each in findings if each.severity is not Severity.ADVICE)


def computed(files: Files, program: Program) -> dict[str, Any]:
    """The loss of a program, its gradient, and what is printed, on the same input and weights for all programs."""
    import torch

    torch.manual_seed(1)
    classes = program.loss in ("CrossEntropyLoss", "NLLLoss")
    given = {"X": torch.randn(4, 8, requires_grad=True)}
    given["Y"] = torch.randint(0, 3, (4,)) if classes else torch.rand(4, 3)
    main = files["main.py"].replace(b"torch.zeros(4, 8)", b"X")
    main = re.sub(rb"^(.*)\bmain\(X, .+\)$", rb"\1main(X, Y)", main, flags=re.MULTILINE)
    main = re.sub(rb"^main\(", b"loss = main(", main, flags=re.MULTILINE)
    with tempfile.TemporaryDirectory(prefix="laws") as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
        lay_out(Path(folder), {**files, "main.py": main})
        with own_world(Path(folder), "main.py"), full_precision():
            torch.manual_seed(0)
            loss = runpy.run_path(f"{folder}/main.py", given, "__main__")["loss"]
    loss.backward()
    return {"loss": loss.detach(), "gradient": given["X"].grad, "printed": numbers(printed.getvalue())}


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    import torch

    torch.set_printoptions(precision=8)
    try:
        yield
    finally:
        torch.set_printoptions(profile="default")


def numbers(text: str) -> list[float]:
    """What is printed, whatever stands round it: a reader may see it with a gradient or without."""
    words = re.findall(r"True|False|-?\d+\.?\d*(?:e[+-]?\d+)?", text)
    return [float({"True": "1", "False": "0"}.get(word, word)) for word in words]


def assert_same(new: Mapping[str, Any], right: Mapping[str, Any], keys: Sequence[str], message: str) -> None:
    import torch

    for key in keys:
        told = lambda words, key=key: f"{key}: {words}\n{message}"  # noqa: E731
        torch.testing.assert_close(new[key], right[key], rtol=1e-4, atol=1e-5, msg=told)


def due(program: Program) -> dict[str, Any]:
    """What is to be computed: the fused loss of the bare scores, while readers see what they saw."""
    fused = FUSED[program.loss]
    bare = replace(program, tail="", loss=fused, readers=(), predict=())
    read = replace(program, loss=fused, call="module")  # BCELoss would refuse to run
    return {**computed(encoded(bare.text), bare), "printed": computed(encoded(read.text), read)["printed"]}


def is_moved(program: Program) -> bool:
    """Whether logits are compared with a probability: that is another mistake, and another number is right."""
    return not program.tail and bool(THRESHOLDS.intersection(program.readers + program.predict))


def told(report: FixReport) -> str:
    """Which fixes were made, for the message of a law that fails."""
    lines = [f"made: {each.finding.rule}: {each.fix.message} ({each.fix.note})" for each in report.applied]
    lines += [f"not kept: {each.finding.rule}: {each.reason}" for each in report.refused]
    lines += [f"left: {each.rule}: {each.message}" for each in report.report.findings]
    return "\n".join([*lines, report.diff()])


# -- the numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("tail", TAILS)
def test_numbers_of_every_tail_and_loss(tail: str, loss: str) -> None:
    """Activation for activation and loss for loss, with a reader here and one elsewhere."""
    numbers_agree(Program(tail=tail, loss=loss, readers=("max",), predict=("mean",)))


@pytest.mark.parametrize("reader", READERS)
def test_numbers_of_every_reader(reader: str) -> None:
    """Reader for reader, of what the loss gets and of what the model gives elsewhere."""
    numbers_agree(Program(tail="F.softmax({z}, dim=1)", readers=(reader,), predict=(reader,)))


@pytest.mark.parametrize("head", HEADS)
def test_numbers_of_every_head(head: str) -> None:
    """An activation that is a part of the model, wherever it is put in."""
    numbers_agree(Program(model=head, tail="nn.Sigmoid()({z})", loss="BCELoss", readers=("max",), predict=("mean",)))


@given(read_programs())
@examples(20)
def test_numbers(program: Program) -> None:
    """Once repaired, the loss and its gradient are those of the bare scores; readers see what they saw."""
    numbers_agree(program)


def numbers_agree(program: Program) -> None:
    """Safe fixes keep what readers see; where no finding is left the loss is the right one, with unsafe ones too."""
    pytest.importorskip("torch")
    files = encoded(program.text)
    right: dict[str, Any] = {}
    for unsafe in (False, True):
        after, report = repaired(files, unsafe=unsafe)
        if not report.applied:
            continue
        message = f"{told(report)}\n{program.text}"
        right = right or due(program)
        left = mistakes(report.report.findings)
        if left and program.loss == "BCELoss":
            continue  # it does not run
        new = computed(after, program)
        assert_same(new, right, [] if left else ["loss", "gradient"], message)
        if all(each.fix.applicability is Applicability.SAFE for each in report.applied) and not is_moved(program):
            assert_same(new, right, ["printed"], message)
        if not report.unsafe:
            return


def test_numbers_of_a_moved_threshold() -> None:
    """Logits that are compared with a probability are compared as one."""
    pytest.importorskip("torch")
    for loss in ("BCEWithLogitsLoss", "BCELoss"):
        program = Program(loss=loss, readers=("threshold", "above"))
        after, _ = repaired(encoded(program.text))
        right = due(replace(program, tail="torch.sigmoid({z})"))
        assert_same(computed(after, program), right, ["loss", "gradient", "printed"], program.text)


# -- what is changed, and what is not --------------------------------------------------------------------------------


@given(read_programs(), st.booleans())
@examples(15)
def test_a_second_time_changes_nothing(program: Program, unsafe: bool) -> None:
    after, report = repaired(encoded(program.text), unsafe=unsafe)
    again, second = repaired(after, unsafe=unsafe)
    assert (again, second.applied) == (after, ()), f"{told(report)}\n{program.text}"


@given(read_programs(), st.booleans())
@examples(10)
def test_a_fix_silences_its_finding_and_adds_none(program: Program, unsafe: bool) -> None:
    """Counted anew: of what is worse than advice less is found, by as much as was fixed; the result parses."""
    files = encoded(program.text)
    after, report = repaired(files, unsafe=unsafe)
    old, new = mistakes(found(files)), mistakes(found(after))
    made = mistakes([each.finding for each in report.applied])
    for data in after.values():
        ast.parse(data)
    assert new <= old, told(report)
    assert all(new[rule] <= max(0, old[rule] - 1) for rule in made if old[rule]), told(report)


@given(read_programs())
@examples(10)
def test_what_is_right_is_not_touched(program: Program) -> None:
    """Neither a program without a finding nor one that was repaired loses a byte."""
    files, report = repaired(encoded(program.text), unsafe=True)
    if not report.report.findings:
        again, second = repaired(files, unsafe=True)
        assert (again, second.changed) == (files, ())
    files = encoded(program.text)
    if not found(files):
        assert report.changed == ()


@given(read_programs())
@examples(10)
def test_safe_fixes_are_among_the_unsafe_ones(program: Program) -> None:
    files = encoded(program.text)
    safe, every = (made(repaired(files, unsafe=unsafe)[1]) for unsafe in (False, True))
    assert safe <= every, program.text


def made(report: FixReport) -> set[tuple[str, str]]:
    """The fixes that were made, by rule and by what they say."""
    return {(each.finding.rule, each.fix.message) for each in report.applied}


STYLES = st.fixed_dictionaries(
    {
        "newline": st.sampled_from(["\n", "\r\n", "\r"]),
        "encoding": st.sampled_from(["", "utf-8", "latin-1", "cp1252", "utf-8-sig"]),
        "end": st.booleans(),
        "indent": st.sampled_from(["    ", "\t", "  "]),
    }
).filter(lambda style: style["newline"] != "\r" or style["encoding"] in ("", "utf-8", "utf-8-sig"))


def written(text: str, newline: str, encoding: str, end: bool, indent: str) -> bytes:
    """A program as other editors save it: with a comment that is not ASCII, and a cookie where one is named."""
    lines = [re.sub(r"^( {4})+", lambda found: indent * (len(found[0]) // 4), line) for line in text.splitlines()]
    cookie = [f"# -*- coding: {encoding} -*-"] if encoding and encoding != "utf-8-sig" else []
    whole = newline.join([*cookie, "# na\xefve caf\xe9", *lines]) + newline * end
    return whole.encode(encoding or "utf-8")


@given(read_programs(), STYLES)
@examples(10)
def test_how_a_file_is_saved(program: Program, style: dict[str, Any]) -> None:
    """Ends of lines, of the file, its mark, encoding and indentation are kept: as if it were saved so afterwards."""
    texts = {"main.py": f"{program.text}\n", "other.py": READ_ELSEWHERE}
    after, report = repaired({name: written(text, **style) for name, text in texts.items()}, unsafe=True)
    plainly, _ = repaired(encoded(texts), unsafe=True)
    assert after == {name: written(data.decode(), **style) for name, data in plainly.items()}, told(report)


READ_ELSEWHERE = """\
from main import Net


def shown(x):
    return Net()(x).mean(0)
"""
"""A reader that needs an import before it can be given the activation back."""


def test_how_a_line_that_is_added_ends() -> None:
    """An import that a fix brings ends as the lines round it do."""
    for newline in ("\n", "\r\n", "\r"):
        style = {"newline": newline, "encoding": "utf-8-sig", "end": False, "indent": "\t"}
        files = {"main.py": Program(tail="F.softmax({z}, dim=1)").text, "other.py": READ_ELSEWHERE}
        after, _ = repaired({name: written(text, **style) for name, text in files.items()})
        right = READ_ELSEWHERE.replace("Net()(x)", "torch.softmax(Net()(x), dim=1)").replace(
            "Net\n", "Net\nimport torch\n"
        )
        assert after["other.py"] == written(right, **style)


@given(read_programs(), STYLES)
@examples(15)
def test_bytes_outside_the_edits_stay(program: Program, style: dict[str, Any]) -> None:
    """Comments and blanks on every line: what stands outside the spans of the only fix is the same, byte by byte."""
    noisy = "\n".join(f"{line}  #  \xfc {number} \t " for number, line in enumerate(program.text.splitlines()))
    data = written(noisy, **style)
    after, report = repaired({"main.py": data}, unsafe=True)
    if len(report.applied) != 1:
        return
    encoding = style["encoding"] or "utf-8"
    rest = after["main.py"].decode(encoding)
    for kept in outside(data.decode(encoding), report.applied[0].fix.edits):
        assert kept in rest, told(report)
        rest = rest[rest.index(kept) + len(kept) :]


def outside(text: str, edits: Sequence[Edit]) -> list[str]:
    """What stands before, between and behind some spans of a text."""
    starts = [0, *(each.end() for each in re.finditer(r"\r\n|\r|\n", text)), len(text)]
    spans = [
        (starts[each.start_line - 1] + each.start_column - 1, starts[each.end_line - 1] + each.end_column - 1)
        for each in edits
    ]
    bounds = [0, *(bound for span in sorted(spans) for bound in span), len(text)]
    return [text[first:last] for first, last in zip(bounds[::2], bounds[1::2], strict=True)]


@given(read_programs(), st.sampled_from([0o644, 0o600, 0o640, 0o755, 0o664]), STYLES)
@examples(8)
def test_what_is_written(program: Program, mode: int, style: dict[str, Any]) -> None:
    """The disk holds what the report says, with the mode that the file had, and nothing lies beside it."""
    data = written(program.text, **style)
    with tempfile.TemporaryDirectory(prefix="laws") as name:
        path = Path(name, "main.py")
        path.write_bytes(data)
        path.chmod(mode)
        os.utime(path, (1, 1))
        report = fixing.fix([name], select=["ALL"], root=name, use_config=False, unsafe=True)
        assert path.read_bytes() == data
        assert report.write().refused == report.refused
        assert path.read_bytes() == (report.changed[0].new if report.changed else data)
        assert path.stat().st_mode & 0o7777 == mode
        assert (path.stat().st_mtime == 1) is not bool(report.changed)
        assert os.listdir(name) == ["main.py"]


# -- how it is written does not matter -------------------------------------------------------------------------------


@given(read_programs().filter(lambda program: program.imports != "bare"), names())
@examples(12)
def test_renaming_locals(program: Program, chosen: dict[str, str]) -> None:
    """Probabilities may be called logits: the fixes are the same under other names."""
    (old, plainly), (new, report) = (repaired(encoded(program.renamed(each)), unsafe=True) for each in ({}, chosen))
    assert [each.finding.rule for each in report.applied] == [each.finding.rule for each in plainly.applied]
    undone = renamed(new["main.py"].decode(), {new: old for old, new in chosen.items()})
    assert undone == renamed(old["main.py"].decode(), {}), told(report)


@given(read_programs(), st.sampled_from(["from", "star", "module", "package", "again"]), st.data())
@examples(15)
def test_splitting_the_file(program: Program, form: str, data: st.DataObject) -> None:
    """Model, helpers and readers may lie in another file: the numbers agree as ever."""
    pytest.importorskip("torch")
    program = replace(program, factory=program.factory or "function", imports="usual")
    files = encoded(program.split(data.draw(st.integers(1, len(program.definitions)), label="definitions there"), form))
    after, report = repaired(files)
    message = f"{told(report)}\n{files}"
    left = mistakes(report.report.findings)
    if report.applied and not (left and program.loss == "BCELoss"):
        shown = [] if is_moved(program) else ["printed"]
        keys = shown if left else [*shown, "loss", "gradient"]
        assert_same(computed(after, program), due(program), keys, message)
    assert repaired(after)[0] == after, message


@given(read_programs(), read_programs())
@examples(5)
def test_the_order_of_files(one: Program, other: Program) -> None:
    """Files are given in any order, at once or one after the other: they come to hold the same."""
    files = encoded({"a.py": one.text, "b.py": other.text})
    at_once, report = repaired(files, unsafe=True, paths=["a.py", "b.py"])
    assert repaired(files, unsafe=True, paths=["b.py", "a.py"])[0] == at_once, told(report)
    assert repaired(files, unsafe=True)[0] == at_once, told(report)
    for order in (["a.py", "b.py"], ["b.py", "a.py"]):
        now = files
        for path in order:
            now = repaired(now, unsafe=True, paths=[path])[0]
        assert now == at_once, f"{order}\n{told(report)}"


@given(read_programs(), read_programs())
@examples(6)
def test_the_order_of_findings(one: Program, other: Program) -> None:
    """Two programs in one file, whichever comes first, are repaired alike."""
    parts = [alone(replace(each, imports="usual"), word) for each, word in ((one, "first"), (other, "second"))]
    (forth, report), (back, _) = (
        repaired(encoded(MARK.join(["\n".join(IMPORTS), *order])), unsafe=True) for order in (parts, parts[::-1])
    )
    first, second = forth["main.py"].decode().split(MARK)[1:]
    assert back["main.py"].decode().split(MARK)[1:] == [second, first], told(report)


MARK = "\n# ----\n"


def alone(program: Program, word: str) -> str:
    """A program without its imports, its top-level names its own."""
    text = "\n".join([*(line for lines in program.definitions for line in lines), *program.body])
    bound = {name for node in ast.parse(text).body for name in bound_names(node)}
    return re.sub(rf"\b({'|'.join(sorted(bound))})\b", rf"\1_{word}", text)


# -- Keras -----------------------------------------------------------------------------------------------------------

KERAS_HEADS = ["layers.Dense(3, activation=ACTIVATION)", "layers.Dense(3), layers.Activation(ACTIVATION)"]
KERAS_LOSSES = {
    "keras.losses.SparseCategoricalCrossentropy(from_logits=True)": "softmax",
    '"sparse_categorical_crossentropy"': "softmax",
    "keras.losses.BinaryCrossentropy(from_logits=True)": "sigmoid",
    '"binary_crossentropy"': "sigmoid",
}
"""The losses that a model may be compiled with, and the activation that each one belongs to."""
KERAS_READERS = ["seen.mean(0)", "seen.argmax(1)", "seen.max(axis=1)", "seen > 0.5", "seen"]
KERAS = st.fixed_dictionaries(
    {
        "head": st.sampled_from(KERAS_HEADS),
        "activation": st.sampled_from([None, "softmax", "sigmoid"]),
        "loss": st.sampled_from(sorted(KERAS_LOSSES)),
        "form": st.sampled_from(["list", "added", "functional"]),
        "reader": st.sampled_from(KERAS_READERS),
    }
)


def keras_program(head: str, activation: str | None, loss: str, form: str, reader: str) -> str:
    """A model that is built, compiled and measured in one function, and read in another."""
    parts = ast.parse(head.replace("ACTIVATION", repr(activation))).body[0].value  # type: ignore[attr-defined]
    items = [ast.unparse(each) for each in (parts.elts if isinstance(parts, ast.Tuple) else [parts])]
    built = {
        "list": [f"return keras.Sequential([keras.Input((8,)), {', '.join(items)}])"],
        "added": [
            *("model = keras.Sequential()", "model.add(keras.Input((8,)))"),
            *(f"model.add({each})" for each in items),
            "return model",
        ],
        "functional": [
            *("first = keras.Input((8,))", "z = first"),
            *(f"z = {each}(z)" for each in items),
            "return keras.Model(first, z)",
        ],
    }[form]
    lines = ["import keras", "from keras import layers", "def build():", *(f"    {line}" for line in built)]
    lines += ["def main(x, y):", "    model = build()", f'    model.compile(optimizer="sgd", loss={loss})']
    lines += ["    return model.evaluate(x, y, verbose=0)", "def predict(x):", "    model = build()"]
    lines += ["    seen = model.predict(x, verbose=0)", f"    print({reader})"]
    return "\n".join([*lines, ""])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(KERAS)
@examples(8)
def test_numbers_of_keras(program: dict[str, Any]) -> None:
    """Compiled once repaired, the loss is that of the bare scores, and what is predicted is what it was."""
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    text = keras_program(**program)
    after, report = repaired(encoded(text))
    again, second = repaired(after)
    assert (again, second.changed) == (after, ()), told(report)
    new = measured(after["main.py"].decode(), program)
    if report.applied and not (program["activation"] is None and ">" in program["reader"]):
        assert_same(new, measured(text, program), ["printed"], f"{told(report)}\n{text}")
    if not mistakes(report.report.findings) and program["activation"] in (None, KERAS_LOSSES[program["loss"]]):
        bare = keras_program(**{**program, "activation": None, "loss": fused_keras(program), "reader": "seen"})
        assert_same(new, measured(bare, program), ["loss"], f"{told(report)}\n{text}")


def fused_keras(program: Mapping[str, Any]) -> str:
    """The loss of the same activation that takes logits."""
    same = (each for each, activation in KERAS_LOSSES.items() if activation == KERAS_LOSSES[program["loss"]])
    return next(each for each in same if "from_logits" in each)


def measured(text: str, program: Mapping[str, Any]) -> dict[str, Any]:
    """What a program of Keras measures and prints, on the same input and weights for all programs."""
    import keras
    import numpy as np

    x = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")
    classes = KERAS_LOSSES[program["loss"]] == "softmax"
    y = np.array([0, 2, 1, 1]) if classes else np.array([[0.0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]])
    script: dict[str, Any] = {}
    exec(compile(text, "main.py", "exec"), script)
    keras.utils.set_random_seed(0)
    loss = script["main"](x, y)
    keras.utils.set_random_seed(0)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        script["predict"](x)
    return {"loss": float(loss), "printed": numbers(printed.getvalue())}
