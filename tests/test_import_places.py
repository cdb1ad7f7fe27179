"""Where a repair puts the import of what it writes, and that it keeps to the cells and fences of a document."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from rawlogits import edits, fixing
from rawlogits.static.repair.spot import Spot

IMPORT = "import torch.nn.functional as F"


def imported(tmp_path: Path, text: str) -> str:
    """A file with the import of which the call of `here` is the use."""
    (tmp_path / "a.py").write_text(text)
    spot = Spot(tmp_path, "a.py")
    here = [node for node in ast.walk(spot.tree) if isinstance(node, ast.Name) and node.id == "here"]
    made = spot.importing(IMPORT, here[0] if here else None)
    return edits.apply("a.py", text.encode(), made).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("import os\nimport sys\n\nx = 1\n", f"import os\nimport sys\n{IMPORT}\n\nx = 1\n", id="last"),
        pytest.param("import os\n\nimport sys", f"import os\n\nimport sys\n{IMPORT}", id="no end of line"),
        pytest.param("from os import (\n    path,\n)\n", f"from os import (\n    path,\n)\n{IMPORT}\n", id="brackets"),
        pytest.param(
            "import os\nx = 1\nimport sys\n", f"import os\n{IMPORT}\nx = 1\nimport sys\n", id="the first block"
        ),
        pytest.param(
            "from __future__ import annotations\n\nx = 1\nimport os\n",
            f"from __future__ import annotations\n\nx = 1\nimport os\n{IMPORT}\n",
            id="not among those from the future",
        ),
        pytest.param(
            "from __future__ import annotations\n\nx = 1\n",
            f"from __future__ import annotations\n\n{IMPORT}\n\nx = 1\n",
            id="only from the future",
        ),
        pytest.param(
            "try:\n    import os\nexcept ImportError:\n    os = None\nimport sys\n",
            f"try:\n    import os\nexcept ImportError:\n    os = None\nimport sys\n{IMPORT}\n",
            id="not in a try",
        ),
        pytest.param(
            "import os; x = [\n    1,\n]\n", f"import os; x = [\n    1,\n]\n{IMPORT}\n", id="behind a semicolon"
        ),
        pytest.param('"""Losses."""\n\nx = 1\n', f'"""Losses."""\n\n{IMPORT}\n\nx = 1\n', id="behind the docstring"),
        pytest.param(
            "#!/usr/bin/python\nx = 1\n", f"#!/usr/bin/python\n{IMPORT}\nx = 1\n", id="below the first comment"
        ),
        pytest.param(
            "# A.\n\n@f\ndef g():\n    pass\n",
            f"# A.\n\n{IMPORT}\n\n\n@f\ndef g():\n    pass\n",
            id="above a decorator",
        ),
        pytest.param("x = here\nimport os\n", f"{IMPORT}\nx = here\nimport os\n", id="never behind its use"),
        pytest.param(
            "def f():\n    return here\nimport os\n",
            f"def f():\n    return here\nimport os\n{IMPORT}\n",
            id="a function runs later",
        ),
        pytest.param(f"{IMPORT}\nx = 1\n", f"{IMPORT}\nx = 1\n", id="there already"),
    ],
)
def test_an_import_goes_behind_the_first_ones(tmp_path: Path, before: str, after: str) -> None:
    assert imported(tmp_path, before) == after
    ast.parse(after)


@pytest.mark.parametrize(
    ("head", "spelled"),
    [
        ("import torch.nn.functional as F", ("F.logsigmoid", "")),
        ("import torch", ("torch.nn.functional.logsigmoid", "")),
        ("from torch import nn", ("nn.functional.logsigmoid", "")),
        ("from torch.nn.functional import logsigmoid as ls", ("ls", "")),
        ("import os", ("F.logsigmoid", IMPORT)),
        ("import factory as F", ("torch.nn.functional.logsigmoid", "import torch.nn.functional")),
        ("from torch import nn\nfrom flax import linen as nn", ("F.logsigmoid", IMPORT)),
        ("y = here\nfrom torch import nn", ("F.logsigmoid", IMPORT)),
    ],
)
def test_a_name_is_written_as_the_file_imports_it(tmp_path: Path, head: str, spelled: tuple[str, str]) -> None:
    (tmp_path / "a.py").write_text(f"{head}\nx = 1\n")
    spot = Spot(tmp_path, "a.py")
    use = next((node for node in ast.walk(spot.tree) if isinstance(node, ast.Name) and node.id == "here"), None)
    assert spot.spelled("torch.nn.functional.logsigmoid", use) == spelled


def notebook(*cells: str) -> str:
    written = [
        {"cell_type": "code", "id": f"c{number}", "metadata": {}, "outputs": [], "execution_count": 1, "source": cell}
        for number, cell in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": written}, indent=1)


def repaired(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text)
    report = fixing.fix([tmp_path], root=tmp_path, use_config=False, markdown=True)
    assert not report.refused
    assert not report.report.findings
    return report.changed[0].new.decode()


def cells(text: str) -> list[str]:
    return [cell["source"].rstrip("\n") for cell in json.loads(text)["cells"]]


def test_an_import_of_a_notebook_goes_into_the_cell_of_the_first_ones(tmp_path: Path) -> None:
    before = notebook(
        "%matplotlib inline\nfrom torch import exp\nimport flax.linen as nn",
        "z = nn.Dense(3)(x)\ne = exp(z)",
        "p = e / e.sum(-1, keepdim=True)\nprint(p)",
    )
    assert cells(repaired(tmp_path, "a.ipynb", before)) == [
        "%matplotlib inline\nfrom torch import exp\nimport flax.linen as nn\nimport torch",
        "z = nn.Dense(3)(x)",
        "p = torch.softmax(z, dim=-1)\nprint(p)",
    ]


def test_a_formula_over_the_cells_of_a_notebook(tmp_path: Path) -> None:
    before = notebook(
        "import torch\nfrom torch import nn",
        "net = nn.Linear(6, 3)\nz = net(torch.randn(4, 6))\np = torch.softmax(z, dim=1)",
        "%%time\nloss = -torch.log(p).mean()",
        "total = torch.exp(z).sum(1)",
        "energy = total.log()",
    )
    assert cells(repaired(tmp_path, "a.ipynb", before)) == [
        "import torch\nfrom torch import nn",
        "net = nn.Linear(6, 3)\nz = net(torch.randn(4, 6))\nlog_p = torch.log_softmax(z, dim=1)",
        "%%time\nloss = -log_p.mean()",
        "",
        "energy = torch.logsumexp(z, dim=1)",
    ]


MARKDOWN = """\
# Two ways

1. PyTorch

   ```python
   import torch
   from torch import nn

   net = nn.Sequential(nn.Linear(6, 3), nn.Softmax(dim=1))
   loss = nn.NLLLoss()(net(torch.randn(4, 6)), y)
   ```

2. JAX

```python
import jax.numpy as jnp
from flax import linen

z = linen.Dense(3)(x)
energy = jnp.log(jnp.exp(z).sum(-1))
```
"""
REPAIRED = """\
# Two ways

1. PyTorch

   ```python
   import torch
   from torch import nn

   net = nn.Sequential(nn.Linear(6, 3), nn.LogSoftmax(dim=1))
   loss = nn.NLLLoss()(net(torch.randn(4, 6)), y)
   ```

2. JAX

```python
import jax.numpy as jnp
from flax import linen
import jax.nn

z = linen.Dense(3)(x)
energy = jax.nn.logsumexp(z, axis=-1)
```
"""


def test_an_import_of_markdown_goes_into_the_fence_that_needs_it(tmp_path: Path) -> None:
    assert repaired(tmp_path, "a.md", MARKDOWN) == REPAIRED
