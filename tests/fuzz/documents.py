"""Notebooks, configurations, baselines and suppression comments that nobody would write."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.fuzz.programs import Grammar

WORDS = (
    "nbformat",
    "cells",
    "cell_type",
    "code",
    "markdown",
    "source",
    "metadata",
    "kernelspec",
    "language",
    "python",
    "R",
)
MAGICS = (
    "%matplotlib inline",
    "!pip install torch",
    "%%bash\nls",
    "%%time",
    "?x",
    "x?",
    "%%html",
    "%%writefile a.py",
    "",
)
RIGHT: dict[str, tuple[str, ...]] = {
    "select": ("['RL1']", "['double-softmax']", "['ALL']"),
    "ignore": ("['RL502']", "[]", "['sigmoid-then-bce']"),
    "exclude": ("['old/', '*.pyi']", "['**']", "[]"),
    "per-file-ignores": ("{'m*' = ['RL1']}", "{}"),
    "show": ("['unresolved']", "['suppressions', 'unresolved']"),
    "baseline": ("'known.json'",),
}
ROW: dict[str, tuple[str, ...]] = {
    "names": ("['mylib.focal']", "['a.b.Focal', 'a.b.focal']", "['torch.softmax']"),
    "verb": ("'loss'", "'op'", "'keeps'", "'source'"),
    "arg": ("'x'", "'scores'"),
    "params": ("['x', 'y']", "['scores', 'x']"),
    "build": ("['x']", "[]"),
    "call": ("['x']", "['scores']"),
    "wants": ("'logits'", "['probs', 'sigmoid']"),
    "gives": ("'probs'", "'logits'"),
    "activation": ("'softmax'", "'sigmoid'", "'probs'"),
}
WRONG = (
    "[]", "7", "true", "'x'", "{}", "{'a' = ['RL1']}", "[['x']]", "''", "['[', '**']", "['../..']", "1979-05-27", "nan",
    "['nope']", "[{names = 3}]", "[{verb = 'no'}]",
)  # fmt: skip
KINDS = ("code", "code", "code", "markdown", "raw")


def anything(draw: random.Random, depth: int = 0) -> Any:
    """A value that JSON can hold."""
    kind = draw.randrange(8 if depth < 3 else 5)
    if kind < 5:
        return (None, draw.randrange(-3, 9), draw.choice(WORDS), draw.random() < 0.5, draw.choice(MAGICS))[kind]
    if kind < 7:
        return [anything(draw, depth + 1) for _ in range(draw.randrange(4))]
    return {draw.choice(WORDS): anything(draw, depth + 1) for _ in range(draw.randrange(4))}


def notebook(draw: random.Random) -> str:
    """The text of a notebook: sound cells, odd ones, and now and then no notebook at all."""
    cells: list[Any] = []
    for _ in range(draw.randrange(6)):
        text = draw.choice((*MAGICS, *list(Grammar(draw).files().values())[:1]))
        source = text.splitlines(keepends=True) if draw.random() < 0.7 else text
        cells.append({"cell_type": draw.choice(KINDS) if draw.random() < 0.9 else 3, "source": source, "metadata": {}})
        if draw.random() < 0.2:
            cells.append(anything(draw))
    document: Any = {"nbformat": draw.choice((4, 4, 3, "4", None)), "nbformat_minor": 5, "cells": cells, "metadata": {}}
    if draw.random() < 0.3:
        document["metadata"] = anything(draw)
    if draw.random() < 0.2:
        document[draw.choice(WORDS)] = anything(draw)
    if draw.random() < 0.1:
        document = {"nbformat": 3, "worksheets": [{"cells": cells}, anything(draw)]}
    text = json.dumps(anything(draw) if draw.random() < 0.1 else document)
    if draw.random() < 0.2:
        text = text[: draw.randrange(len(text) + 1)]
    return text


def _some(draw: random.Random, keys: dict[str, tuple[str, ...]], most: int) -> list[str]:
    """Lines with some keys, each once and four times out of five with a value that fits."""
    chosen = draw.sample(sorted(keys), draw.randrange(min(most, len(keys)) + 1))
    return [f"{key} = {draw.choice(keys[key] if draw.random() < 0.8 else WRONG)}" for key in chosen]


def configuration(draw: random.Random) -> str:
    """A pyproject.toml with some keys of ours, most of them right, and rows of the user's."""
    lines = [
        "[tool.rawlogits]" if draw.random() < 0.9 else draw.choice(("[tool]\nrawlogits = 3", "[[tool.rawlogits]]"))
    ]
    lines += _some(draw, {key: values for key, values in RIGHT.items() if key != "baseline"}, 3)
    if draw.random() < 0.05:
        lines.append("selct = []")
    if draw.random() < 0.5:
        row = {
            "names": ("['mylib.focal']",),
            "verb": ("'loss'",),
            "params": ("['x', 'y']",),
            "arg": ("'x'",),
            "wants": ("'logits'",),
        }
        lines += [
            "[[tool.rawlogits.rows]]",
            *(f"{key} = {values[0]}" for key, values in row.items() if draw.random() < 0.95),
        ]
        if draw.random() < 0.4:
            lines += ["[[tool.rawlogits.rows]]", *_some(draw, ROW, 7)]
    return "\n".join(lines) + ("\n" if draw.random() < 0.95 else draw.choice(("", "\n[", "\x00")))


def baseline(draw: random.Random) -> str:
    """A baseline: one of ours, two times out of three with nothing wrong in it."""
    entries: list[Any] = [
        {
            "path": f"m{draw.randrange(3)}.py",
            "code": draw.choice(("RL101", "RL401")),
            "fingerprint": f"{draw.randrange(16):016x}",
        }
        for _ in range(draw.randrange(4))
    ]
    document: dict[str, Any] = {"version": 1, "findings": entries}
    if draw.random() < 0.33:
        spoiled: Any = draw.choice((document, *entries))
        spoiled[draw.choice((*spoiled, "more"))] = anything(draw)
    text = json.dumps(document)
    return text if draw.random() < 0.95 else draw.choice((text[: draw.randrange(len(text))], "[" * 100_000, "null", ""))


def comment(draw: random.Random) -> str:
    """A comment that may suppress something."""
    return draw.choice(
        (
            "# rawlogits: ignore", "# rawlogits: ignore[]", "# rawlogits: ignore[double-softmax, nope,,RL101]",
            "# noqa: RL101",
            "# noqa: RL101,E501 # rawlogits: ignore[x]", "# rawlogits: ignore[[", "# rawlogits:ignore[é]", "# noqa:RL1",
        )
    )  # fmt: skip
