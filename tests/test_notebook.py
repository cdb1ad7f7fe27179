"""Notebooks and Markdown: their code is one module, and every place in it is one of theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command import rawlogits
from rawlogits.api import check
from rawlogits.report import Report
from rawlogits.static import notebook
from rawlogits.static.source import Raw, Unreadable

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F"
NET = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x):
        return F.softmax(self.fc(x), dim=1)"""
CLEAN = NET.replace("F.softmax(self.fc(x), dim=1)", "self.fc(x)")
LOSS = "criterion = nn.CrossEntropyLoss()\nmodel = Net()"
STEP = "loss = criterion(model(x), y)"


def code(source: Any, **changes: Any) -> dict[str, Any]:
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    return {**empty, "source": source, **changes}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def book(*cells: Any, **changes: Any) -> str:
    metadata = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    listed = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return json.dumps({"cells": listed, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5, **changes}, indent=1)


def checked(folder: Path, content: str | bytes, name: str = "a.ipynb", **options: Any) -> Report:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return check(options.pop("paths", [name]), root=folder, use_config=False, **options)


def spots(report: Report) -> list[tuple[int | None, int, int]]:
    return [(each.place.cell, each.place.line, each.place.column) for each in report.findings]


# --- places


def test_cells_count_all_and_lines_count_within(tmp_path: Path) -> None:
    report = checked(tmp_path, book(text("# A"), HEAD, text("b"), NET, LOSS, "x, y = data()\n\n" + STEP))
    assert spots(report) == [(5, 3, 18)]
    origin, last = report.findings[0].trace[0], report.findings[0].trace[-1]
    assert (origin.place.cell, origin.place.line, origin.place.column) == (3, 7, 16)
    assert last.text == "reaches CrossEntropyLoss, built at a.ipynb:cell 4:1"


def test_how_formats_show_a_cell(tmp_path: Path) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/a.ipynb").write_text(book(HEAD, NET, LOSS, STEP), encoding="utf-8")
    done = rawlogits("check", ".", cwd=tmp_path)
    assert done.status == 1
    assert done.out.startswith("nets/a.ipynb:cell 3:1:18: error: double-softmax [RL101]: ")
    assert "\n    nets/a.ipynb:cell 1:7:16  made here: F.softmax(self.fc(x), dim=1)\n" in done.out
    finding = json.loads(rawlogits("check", "--format", "json", cwd=tmp_path).out)["findings"][0]
    place = {key: finding[key] for key in ("path", "cell", "line", "column", "end_line", "end_column")}
    assert place == {"path": "nets/a.ipynb", "cell": 3, "line": 1, "column": 18, "end_line": 1, "end_column": 26}
    assert finding["trace"][0].items() >= {"path": "nets/a.ipynb", "cell": 1, "line": 7, "column": 16}.items()


def test_line_ends_and_characters_outside_ascii(tmp_path: Path) -> None:
    report = checked(tmp_path, book(HEAD, NET, LOSS, '# größer\r\nname = "ü"; ' + STEP))
    assert spots(report) == [(3, 2, 30)]


@pytest.mark.parametrize("split", [str, lambda source: source.splitlines(keepends=True)], ids=["text", "lines"])
def test_source_as_text_and_as_lines(tmp_path: Path, split: Any) -> None:
    report = checked(tmp_path, book(*(code(split(source)) for source in (HEAD, NET, LOSS, "\n" + STEP))))
    assert spots(report) == [(3, 2, 18)]


def test_format_3(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "language": "python", "input": cell} for cell in (HEAD, NET, LOSS, STEP)]
    old = {"metadata": {"name": ""}, "nbformat": 3, "worksheets": [{"cells": cells[:2]}, {"cells": cells[2:]}]}
    assert spots(checked(tmp_path, json.dumps(old))) == [(3, 1, 18)]


# --- what only IPython understands


@pytest.mark.parametrize(
    ("cell", "lines"),
    [
        ("%matplotlib inline\nx = 1", ["", "x = 1"]),
        ("%%time\nx = 1", ["", "x = 1"]),
        ("%%capture out\n%%time\nx = 1", ["", "", "x = 1"]),
        ("\n%%bash\nls\n", ["", "", "", ""]),
        ("%%writefile net.py\nx = 1", ["", ""]),
        ("!pip install a \\\n    b\nx = 1", ["", "", "x = 1"]),
        ("if x:\n    !ls", ["if x:", "    pass"]),
        ("names = !ls\nrows, n = %sql select 1", ["names = get_ipython()", "rows, n = get_ipython()"]),
        ("model?\nnn.Linear??\n?x\n%time?", ["", "", "", ""]),
        ("for x in y:\n    %time out = model(x)", ["for x in y:", "    None; out = model(x)"]),
        ('s = """\n%d of\n!x\n"""\n%who', ['s = """', "%d of", "!x", '"""', ""]),
        ("x = (a\n  % b)\n!ls", ["x = (a", "  % b)", ""]),
        ("x = a \\\n  % b\n!ls", ["x = a \\", "  % b", ""]),
        ("x = 1  # why?\n!ls", ["x = 1  # why?", ""]),
        ("!echo \"it's (\nx = 1", ["", "x = 1"]),
        ("cd nets/\nrm -rf a.b\nx = 1", ["", "", "x = 1"]),
        ("cd = 3\nls -cd", ["cd = 3", "ls -cd"]),
        ("x = 1 if y != 2 else 3\n!ls", ["x = 1 if y != 2 else 3", ""]),
        ("f(a=1, b='=!x')\n!ls", ["f(a=1, b='=!x')", ""]),
    ],
)
def test_magics_are_blanked(cell: str, lines: list[str]) -> None:
    assert notebook.python(cell) == lines


def test_magics_keep_places(tmp_path: Path) -> None:
    cell = f"%%time\n!nvidia-smi\nfor x, y in data:\n    %time out = model(x)\n    {STEP.replace('model(x)', 'out')}"
    assert spots(checked(tmp_path, book(HEAD, NET, LOSS, cell))) == [(3, 5, 22)]


def test_an_indented_cell_and_an_await_outside_a_function(tmp_path: Path) -> None:
    report = checked(tmp_path, book(HEAD, NET, LOSS, "    " + STEP, "x = await get()\n" + STEP))
    assert spots(report) == [(3, 1, 22), (4, 2, 18)]


# --- order


def test_a_later_cell_defines_a_name_again(tmp_path: Path) -> None:
    report = checked(tmp_path, book(HEAD, NET, LOSS, STEP, CLEAN, LOSS, STEP))
    assert spots(report) == [(3, 1, 18)]
    report = checked(tmp_path, book(HEAD, CLEAN, LOSS, STEP, NET, STEP, "model = Net()", STEP))
    assert spots(report) == [(7, 1, 18)]


def test_a_notebook_uses_the_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(f"{HEAD}\n{NET}\n", encoding="utf-8")
    fit = "def fit(model, criterion, x, y):\n    return criterion(model(x), y)\n"
    (tmp_path / "fit.py").write_text(fit, encoding="utf-8")
    report = checked(tmp_path, book("from net import Net\nfrom fit import fit\nfrom torch import nn",
                                    "fit(Net(), nn.CrossEntropyLoss(), x, y)"), paths=["."])  # fmt: skip
    assert [(each.place.path, each.trace[0].place.path) for each in report.findings] == [("fit.py", "net.py")]


def test_a_notebook_that_names_no_loss_calls_what_does(tmp_path: Path) -> None:
    (tmp_path / "fit.py").write_text(f"{HEAD}\ndef fit(model, x, y):\n    return F.cross_entropy(model(x), y)\n")
    (tmp_path / "net.py").write_text(f"{HEAD}\n{NET}\n", encoding="utf-8")
    report = checked(tmp_path, book("from net import Net\nfrom fit import fit", "fit(Net(), x, y)"), paths=["."])
    assert [each.place.path for each in report.findings] == ["fit.py"]


# --- suppressions


def test_suppressions_are_of_a_cell_and_a_line(tmp_path: Path) -> None:
    quiet = STEP + "  # rawlogits: ignore"
    report = checked(tmp_path, book(HEAD, NET, LOSS, quiet, STEP, "x = 1  # rawlogits: ignore"))
    assert spots(report) == [(4, 1, 18)]
    assert [(each.path, each.cell, each.line) for each in report.unused_suppressions] == [("a.ipynb", 5, 1)]
    done = rawlogits("check", "--show", "suppressions", cwd=tmp_path)
    assert "\na.ipynb:cell 5:1: unused suppression of all rules\n" in done.out


# --- what cannot be read


def test_a_broken_cell_is_named_and_the_others_are_checked(tmp_path: Path) -> None:
    report = checked(tmp_path, book(HEAD, NET, "x = 1\ndef f(:", LOSS, 'print "a"', 'print "b"', STEP))
    assert spots(report) == [(6, 1, 18)]
    assert [(each.path, each.cell) for each in report.failures] == [("a.ipynb", 2), ("a.ipynb", 4)]
    assert [each.message.split(": ")[0] for each in report.failures] == ["cell 2, line 2", "cell 4, line 1"]
    assert (report.summary.files_scanned, report.summary.files_failed) == (1, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty, not a notebook"),
        (book(HEAD, LOSS)[:-40], "is not a notebook: its JSON ends in an error"),
        ("[1, 2]", "is not a notebook: wants a JSON object with cells, got list"),
        ('{"name": "x"}', "is not a notebook: it has neither cells nor a format"),
        ('{"cells": 3}', "is not a notebook: its cells want a list, got int"),
        ('{"cells": [{"cell_type": "code", "source": 3}]}', "is not a notebook: cell 0 wants text as its source"),
        (b'{"cells": ["\xff"]}', "is not a notebook: "),
        ("[" * 100_000, "is not a notebook: "),
    ],
)
def test_what_is_no_notebook(tmp_path: Path, content: str | bytes, message: str) -> None:
    report = checked(tmp_path, content)
    assert report.exit_status == 2
    assert report.failures[0].message.startswith(message)


@pytest.mark.parametrize(
    "content",
    [
        book(),
        book(text("only words")),
        book("%load_ext x", "!ls"),
        book("", "\n\n"),
        book(None, 3, {}, {"cell_type": "code"}, code([1, "import torch\n"]), code("x = '\ud800\0'")),
        book(metadata=None, cells=[]),
        '{"nbformat": 3, "worksheets": null}',
        '{"nbformat": 3, "worksheets": [{"cells": true}, 7, {"cells": 1.5}]}',
    ],
)
def test_notebooks_with_little_in_them(tmp_path: Path, content: str) -> None:
    report = checked(tmp_path, content.replace("{}", "{}"))
    assert not report.findings
    assert report.exit_status == 0


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "ir", "language": "R"}},
        {"kernelspec": {"name": "ir"}},
        {"language_info": {"name": "julia"}, "kernelspec": {"name": "julia-1.9"}},
    ],
)
def test_other_languages(tmp_path: Path, metadata: dict[str, Any]) -> None:
    (tmp_path / "b.py").write_text("x = 1\n", encoding="utf-8")
    content = book("x <- softmax(cross_entropy)", metadata=metadata)
    report = checked(tmp_path, content, paths=["."])
    assert not report.failures
    assert report.summary.files_scanned == 1
    named = checked(tmp_path, content)
    assert named.exit_status == 2
    assert named.failures[0].message in {
        f"is a notebook in {each}; only Python is read" for each in ("R", "ir", "julia")
    }


@pytest.mark.parametrize("name", ["conda-env-ml-py", "python3", "pysparkkernel", "irene"])
def test_kernels_of_all_kinds_are_python(tmp_path: Path, name: str) -> None:
    content = book(HEAD, NET, LOSS, STEP, metadata={"kernelspec": {"name": name}})
    assert len(checked(tmp_path, content).findings) == 1


def test_a_cell_in_another_language(tmp_path: Path) -> None:
    other = code("let x = 1;", metadata={"vscode": {"languageId": "javascript"}})
    report = checked(tmp_path, book(HEAD, other, NET, LOSS, STEP))
    assert spots(report) == [(4, 1, 18)]
    assert not report.failures


def test_what_is_not_worth_it_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(book("import numpy as np\nfrom net import Net", "x = 1"), encoding="utf-8")
    raw = notebook.read(path, lambda data: False)
    assert raw == Raw(path, b"import numpy as np\nfrom net import Net")
    path.write_text("not JSON", encoding="utf-8")
    with pytest.raises(Unreadable, match="is not a notebook"):
        notebook.read(path, lambda data: False)


# --- Markdown

PAGE = f"""# Training

```python
{HEAD}
p = F.softmax(z, 1)
```

```
loss = F.cross_entropy(p, y)
```

- in a list:

  ```py
  loss = F.cross_entropy(p, y)
  ```

```python
no code (
```

~~~pycon
>>> def f(x):
...     return F.softmax(x, 1)
>>> F.cross_entropy(f(z),
...                 y)
tensor(1.2)
~~~
"""


def lines_of(report: Report) -> list[tuple[int, int]]:
    assert all(each.place.cell is None for each in report.findings)
    return [(each.place.line, each.place.column) for each in report.findings]


def test_fences_are_one_module_with_the_lines_of_the_file(tmp_path: Path) -> None:
    report = checked(tmp_path, PAGE, "a.md")
    assert lines_of(report) == [(17, 26), (27, 21)]
    assert report.findings[0].trace[0].place.line == 7
    assert report.findings[0].trace[0].text == "made here: F.softmax(z, 1)"
    assert not report.failures


def test_markdown_is_found_only_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("x = 1\n", encoding="utf-8")
    assert not checked(tmp_path, PAGE, "a.md", paths=["."]).findings
    assert len(checked(tmp_path, PAGE, "a.md", paths=["."], markdown=True).findings) == 2
    assert rawlogits("check", cwd=tmp_path).status == 0
    assert rawlogits("check", "--markdown", cwd=tmp_path).out.startswith("a.md:17:26: error: double-softmax")


def test_a_fence_is_told_from_text(tmp_path: Path) -> None:
    page = f"""````python
{HEAD}
s = '''
```
'''
F.cross_entropy(F.softmax(z, 1), y)  # rawlogits: ignore
````
```{{.python .numbered}}
F.cross_entropy(F.softmax(z, 1), y)
```
```js
F.cross_entropy(F.softmax(z, 1), y)
```
```python
F.cross_entropy(F.softmax(z, 1), y)
"""
    report = checked(tmp_path, page.replace("\n", "\r\n"), "a.md")
    assert lines_of(report) == [(11, 17)]
    assert report.unused_suppressions == ()
