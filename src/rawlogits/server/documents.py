"""What the client has open: texts, notebooks with their cells, and what of it the checker sees."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rawlogits.server import text as texts
from rawlogits.server.text import Spot, Units

Change = tuple[tuple[Spot, Spot] | None, str]
"""A range (None: all of it) and what stands there now."""
Where = tuple[Path, int | None]
"""A file, and of a notebook the cell."""


@dataclass(slots=True)
class Document:
    """A text, or a cell of a notebook, as the client shows it."""

    uri: str
    text: str
    version: int | None = None
    language: str = "python"

    @property
    def lines(self) -> list[str]:
        return texts.lines_of(self.text)


@dataclass(slots=True)
class Notebook:
    """The cells of a notebook in order: the address of each, and whether it is code."""

    path: Path
    cells: list[tuple[str, bool]]
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Documents:
    """Everything that is open, by address; `units` are those that the client and we agreed on.

    >>> open_ = Documents()
    >>> open_.open(Path("/p/a.py"), Document("file:///p/a.py", "x = 1"))
    >>> open_.change("file:///p/a.py", [(((0, 4), (0, 5)), "2")], 2)
    >>> open_.buffers()
    {PosixPath('/p/a.py'): b'x = 2'}
    """

    units: Units = "utf-16"
    texts: dict[str, Document] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    """Of texts that are files."""
    notebooks: dict[str, Notebook] = field(default_factory=dict)
    edits: dict[Path, int] = field(default_factory=dict)
    """How often each file was opened or changed."""
    _disk: dict[Path, tuple[tuple[int, int], list[str]]] = field(default_factory=dict)
    _saved: dict[Path, tuple[int, bytes]] = field(default_factory=dict)

    def open(self, path: Path, document: Document) -> None:
        """A file is open."""
        self.texts[document.uri] = document
        self.paths[document.uri] = path
        self._edited(path)

    def change(self, uri: str, changes: Sequence[Change], version: int | None) -> None:
        """A text has changed; one that was never opened is none of ours."""
        document = self.texts.get(uri)
        if document is None:
            return
        for span, new in changes:
            document.text = new if span is None else texts.changed(document.text, *span, new, self.units)
        document.version = version
        if uri in self.paths:
            self._edited(self.paths[uri])

    def close(self, uri: str) -> None:
        """A text is closed: from now on the disk counts."""
        self.texts.pop(uri, None)
        self.paths.pop(uri, None)

    def open_notebook(self, uri: str, notebook: Notebook, cells: Sequence[Document]) -> None:
        """A notebook is open, with the texts of its cells."""
        self.notebooks[uri] = notebook
        self.texts.update((cell.uri, cell) for cell in cells)
        self._edited(notebook.path)

    def change_notebook(
        self,
        uri: str,
        *,
        start: int = 0,
        removed: int = 0,
        added: Sequence[tuple[str, bool]] = (),
        opened: Sequence[Document] = (),
        closed: Sequence[str] = (),
        edits: Sequence[tuple[str, Sequence[Change], int | None]] = (),
    ) -> None:
        """Cells came, went or have another text."""
        notebook = self.notebooks.get(uri)
        if notebook is None:
            return
        notebook.cells[start : start + removed] = added
        for cell in closed:
            self.texts.pop(cell, None)
        self.texts.update((cell.uri, cell) for cell in opened)
        for cell, changes, version in edits:
            self.change(cell, changes, version)
        self._edited(notebook.path)

    def close_notebook(self, uri: str) -> None:
        """A notebook is closed, with all its cells."""
        notebook = self.notebooks.pop(uri, None)
        for cell, _ in notebook.cells if notebook else ():
            self.texts.pop(cell, None)

    def path(self, uri: str) -> Path | None:
        """The file that an open text is, or is a cell of."""
        if uri in self.paths:
            return self.paths[uri]
        return next((n.path for n in self.notebooks.values() if any(cell == uri for cell, _ in n.cells)), None)

    def buffers(self) -> dict[Path, bytes]:
        """The content of all open files, as it would be saved."""
        files: dict[Path, Document | Notebook] = {path: self.texts[uri] for uri, path in self.paths.items()}
        files |= {notebook.path: notebook for notebook in self.notebooks.values()}
        for path, content in files.items():
            edit = self.edits[path]
            if path not in self._saved or self._saved[path][0] != edit:
                self._saved[path] = edit, self._json(content) if isinstance(content, Notebook) else _saved(content)
        return {path: self._saved[path][1] for path in files}

    def versions(self) -> dict[Path, int]:
        """Something for each open file that differs after each edit."""
        return dict(self.edits)

    def differs(self, path: Path) -> bool:
        """Whether an open file is not what the disk has."""
        data = self.buffers().get(path)
        if any(notebook.path == path for notebook in self.notebooks.values()):
            return True
        return data is not None and texts.lines_of(data.decode(errors="replace")) != self._read(path)

    def shown(self, path: Path, cell: int | None) -> tuple[str | None, list[str]]:
        """The address under which a file (or a cell) is open, None when it is not, and its lines."""
        if cell is not None:
            book = next((notebook for notebook in self.notebooks.values() if notebook.path == path), None)
            uri = book.cells[cell][0] if book is not None and cell < len(book.cells) else None
            return (uri, self.texts[uri].lines) if uri in self.texts and uri is not None else (None, [])
        for uri, open_path in self.paths.items():
            if open_path == path:
                return uri, self.texts[uri].lines
        return None, self._read(path)

    def _edited(self, path: Path) -> None:
        self.edits[path] = self.edits.get(path, 0) + 1

    def _read(self, path: Path) -> list[str]:
        """The lines on the disk, read again when they have changed."""
        try:
            status = os.stat(path)
            stamp = status.st_mtime_ns, status.st_size
            if path not in self._disk or self._disk[path][0] != stamp:
                self._disk[path] = stamp, texts.lines_of(texts.from_disk(path.read_bytes()))
        except OSError:
            return []
        return self._disk[path][1]

    def _json(self, notebook: Notebook) -> bytes:
        cells = [
            {
                "cell_type": "code" if code else "markdown",
                "metadata": {"vscode": {"languageId": document.language.lower()}},
                "source": document.text,
            }
            for uri, code in notebook.cells
            if (document := self.texts.get(uri, Document(uri, ""))) is not None
        ]
        book = {"cells": cells, "metadata": notebook.metadata, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(book, default=str).encode()


def _saved(document: Document) -> bytes:
    return texts.as_saved(document.text)
