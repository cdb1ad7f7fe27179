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
KEYS = (
    "select",
    "ignore",
    "exclude",
    "per-file-ignores",
    "baseline",
    "show",
    "rows",
    "selct",
    "names",
    "verb",
    "arg",
    "",
)
VALUES = (
    "[]", "['RL1']", "['double-softmax']", "['nope']", "7", "true", "'x'", "{}", "{'a' = ['RL1']}", "[['x']]", "''",
    "['[', '**']", "['../..']", "1979-05-27", "nan",
    "[{names = ['a.b'], verb = 'loss', arg = 'x', params = ['x'], wants = 'logits'}]",
    "[{names = 3}]", "[{verb = 'no'}]", "['ALL']", "['all']", "'rawlogits-baseline.json'",
)  # fmt: skip


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
        cells.append(
            {"cell_type": draw.choice(("code", "code", "markdown", "raw", 3)), "source": source, "metadata": {}}
        )
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


def configuration(draw: random.Random) -> str:
    """A pyproject.toml with some keys of ours, right and wrong."""
    lines = [
        draw.choice(("[tool.rawlogits]", "[tool.rawlogits]", "[tool]\nrawlogits = 3", "[[tool.rawlogits]]", "[tool.x]"))
    ]
    lines += [f"{draw.choice(KEYS) or 'x'} = {draw.choice(VALUES)}" for _ in range(draw.randrange(4))]
    if draw.random() < 0.4:
        lines.append("[[tool.rawlogits.rows]]")
        lines += [f"{draw.choice(KEYS) or 'wants'} = {draw.choice(VALUES)}" for _ in range(draw.randrange(5))]
    return "\n".join(lines) + draw.choice(("\n", "", "\n[", "\x00"))


def baseline(draw: random.Random) -> str:
    """A baseline: one of ours with odd entries, or anything."""
    entry = {
        "rule": draw.choice(("double-softmax", "RL101", 3)),
        "path": "m0.py",
        "line": anything(draw),
        "text": anything(draw),
    }
    document = {"version": draw.choice((1, 1, 2, "1", None)), "findings": [entry, anything(draw)]}
    text = json.dumps(anything(draw) if draw.random() < 0.3 else document)
    return text if draw.random() < 0.8 else text[: draw.randrange(len(text) + 1)]


def comment(draw: random.Random) -> str:
    """A comment that may suppress something."""
    return draw.choice(
        (
            "# rawlogits: ignore", "# rawlogits: ignore[]", "# rawlogits: ignore[double-softmax, nope,,RL101]",
            "# noqa: RL101",
            "# noqa: RL101,E501 # rawlogits: ignore[x]", "# rawlogits: ignore[[", "# rawlogits:ignore[é]", "# noqa:RL1",
        )
    )  # fmt: skip
