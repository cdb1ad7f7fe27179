"""Write docs/frameworks.md: which rule is shown to work in which framework, by which case.

    python docs/make_frameworks.py

The cells are counted off the cases in tests/cases: a case belongs to the framework that it imports, and shows the rules
that it expects. A cell without a case needs a reason in REASONS; tests/test_frameworks.py refuses one without either,
and a page that is not what this script writes.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests import literate  # noqa: E402

from rawlogits.rules import book  # noqa: E402

PAGE = ROOT / "docs" / "frameworks.md"
TRAINERS = (
    "lightning pytorch_lightning transformers accelerate ignite fastai skorch catalyst segmentation_models_pytorch "
    "monai timm kornia pytorch_toolbelt torchmetrics torchvision fvcore"
).split()
FRAMEWORKS = {
    "trainers": TRAINERS,
    "JAX": ["jax", "optax", "flax", "equinox", "haiku"],
    "Keras, TensorFlow": ["keras", "tensorflow", "tf_keras"],
    "PyTorch": ["torch"],
}
"""Column -> packages; a case belongs to the first column one of whose packages it imports."""
COLUMNS = ("PyTorch", "Keras, TensorFlow", "JAX", "trainers")
_AS_PYTORCH = "the expression is PyTorch's own, wherever it stands"
REASONS = {
    ("probabilities-into-log-loss", "Keras, TensorFlow"): "no loss of Keras wants log-probabilities",
    ("logits-into-log-loss", "Keras, TensorFlow"): "no loss of Keras wants log-probabilities",
    ("sigmoid-then-bce", "Keras, TensorFlow"): "Keras clips, and TensorFlow goes back to the scores of a sigmoid",
    ("sigmoid-then-bce", "JAX"): "no loss that takes sigmoid outputs names a fused twin there",
    **{
        (rule, "trainers"): _AS_PYTORCH
        for rule in (
            "wrong-activation",
            "double-activation",
            "one-unit-softmax",
            "wrong-axis",
            "softmax-for-multilabel",
            "wrong-threshold",
            "log-of-softmax",
            "log-of-sigmoid",
            "naive-softmax",
            "naive-logsumexp",
            "redundant-log-softmax",
        )
    },
}
"""(rule, column) -> why there is no case."""
_IMPORTED = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)


def framework(case: literate.Case) -> str | None:
    """The column of a case; None for one that imports no framework."""
    imported = {name for file in case.files for name in _IMPORTED.findall(file.text)}
    return next((column for column, packages in FRAMEWORKS.items() if imported & set(packages)), None)


def shown() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(rule, column) -> the cases that show it, as page and title."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for path in sorted((ROOT / "tests" / "cases").glob("*.md")):
        for case in literate.parse(path.read_text(encoding="utf-8"), path.name):
            column = framework(case)
            for rule in {each.rule for each in case.expectations} if column else ():
                found[rule, str(column)].append((path.name, case.title))
    return found


def page() -> str:
    """The whole page."""
    found = shown()
    lines = [
        "# Rules and frameworks",
        "",
        "Made by `python docs/make_frameworks.py` out of the cases in tests/cases: a cell says how many of them",
        "show the rule at work in that framework and links to the page of the first; a dash has its reason below.",
        "Notebooks and Markdown are read as the Python in them (tests/test_notebook.py), with the same rules.",
        "",
        f"| rule | {' | '.join(COLUMNS)} |",
        f"| --- |{' --- |' * len(COLUMNS)}",
    ]
    notes: dict[str, list[str]] = defaultdict(list)
    for rule in book.rules():
        cells = []
        for column in COLUMNS:
            cases = found.get((rule.name, column), [])
            if cases:
                cells.append(f"[{len(cases)}](../tests/cases/{cases[0][0]})")
            else:
                cells.append("-")
                notes[f"{column}: {REASONS[rule.name, column]}"].append(f"{rule.code} {rule.name}")
        lines.append(f"| {rule.code} {rule.name} | {' | '.join(cells)} |")
    lines += ["", "Not applicable:", ""]
    lines += [f"- {reason}: {', '.join(rules)}" for reason, rules in notes.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
