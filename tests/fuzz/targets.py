"""What is fuzzed: how an input is drawn, and what must hold for it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import documents, settings
from tests.fuzz.programs import Files, Grammar

import rawlogits
from rawlogits.errors import RawLogitsError
from rawlogits.report import Report
from rawlogits.static.walk import Walker

__all__ = ["TARGETS", "Files", "sample", "tried"]


def _programs(draw: random.Random) -> Files:
    return Grammar(draw).files()


def _notebooks(draw: random.Random) -> Files:
    return {"a.ipynb": documents.notebook(draw)}


def _configurations(draw: random.Random) -> Files:
    return {"pyproject.toml": documents.configuration(draw), "m.py": "import torch\n"}


def _baselines(draw: random.Random) -> Files:
    return {**Grammar(draw).files(), "known.json": documents.baseline(draw)}


def _comments(draw: random.Random) -> Files:
    """Programs whose lines end in comments that may suppress something."""
    files = Grammar(draw).files()
    return {
        name: "\n".join(
            f"{line}  {documents.comment(draw)}" if draw.random() < 0.2 else line for line in text.split("\n")
        )
        for name, text in files.items()
    }


def _markdown(draw: random.Random) -> Files:
    """Markdown with fences of programs, some of them not closed."""
    texts = Grammar(draw).files().values()
    fences = [
        f"{draw.choice(('```python', '```py', '~~~python', '```', '  ```python'))}\n{text}\n```\n" for text in texts
    ]
    text = "\n# A heading\n".join(fences)
    return {"a.md": text if draw.random() < 0.8 else text[: draw.randrange(len(text) + 1)]}


TARGETS: dict[str, Callable[[random.Random], Files]] = {
    "walker": _programs,
    "notebook": _notebooks,
    "config": _configurations,
    "baseline": _baselines,
    "comments": _comments,
    "markdown": _markdown,
    "settings": settings.project,
}


def sample(target: str, draw: random.Random) -> Files:
    """An input for a target."""
    return TARGETS[target](draw)


def tried(target: str, files: Files) -> bool:
    """Check an input: only errors of ours, the same answer twice, and the same after a comment more.

    Whether it was taken: an input that is refused says little.
    """
    Walker.strict = True
    with tempfile.TemporaryDirectory(prefix="fuzz") as name:
        folder = Path(name)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        first = _said(folder, target)
        assert _said(folder, target) == first, "the second answer is another one"
        if target in ("walker", "settings") and first is not None:
            assert _said(folder, "cold") == first, "the answer without the cache is another one"
            for path in (path for path, text in files.items() if path.endswith(".py") and text.rstrip()[-1:] != "\\"):
                with (folder / path).open("a", encoding="utf-8") as file:
                    file.write("\n# one comment more\n")
            assert _said(folder, target) == first, "a comment changes the answer"
    return first is not None


def _said(folder: Path, target: str) -> list[object] | None:
    """The answer without the time; None when the input is refused."""
    known = folder / "known.json" if target == "baseline" else None
    cache = folder / "cache" if target in ("walker", "settings") else None
    try:
        found = rawlogits.check(
            [folder],
            select=[] if target == "config" else ["ALL"],
            root=folder,
            baseline=known,
            cache=cache,
            markdown=target == "markdown",
        )
    except RawLogitsError:
        return None
    return _all(found)


def _all(report: Report) -> list[object]:
    lines = [(failure.path, failure.message) for failure in report.failures]
    return [report.findings, lines, report.unresolved, report.unused_suppressions]
