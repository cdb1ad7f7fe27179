"""The server itself: what the client says goes to `Documents` and the `Worker`, what comes of it goes back."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method

from rawlogits import __version__
from rawlogits.finding import Finding
from rawlogits.server.documents import Change, Document, Documents, Notebook
from rawlogits.server.messages import SOURCE, Shown, Wording, path_of, uri_of
from rawlogits.server.text import Units
from rawlogits.server.worker import Outcome, Snapshot, Worker

MOST_BODY = 256 * 1024 * 1024
"""A message that claims to be longer is none."""
BAR_DELAY_S = 1.0
"""After the first one, a check of a folder is shown when it has lasted as long."""
WATCHED = ("**/*.{py,pyw,ipynb}", "**/pyproject.toml", "**/.gitignore")
_LENGTH = re.compile(rb"content-length:[ \t]*(\d+)[ \t]*\r?\n?$", re.IGNORECASE)


class Framed:
    """Standard input with its headers made plain, so that after a broken message the next one is found.

    >>> import io
    >>> Framed(io.BytesIO(b'"left over"}content-length: 2\\r\\n')).readline()
    b'Content-Length: 2\\r\\n'
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.read = stream.read

    def readline(self) -> bytes:
        line = self._stream.readline()
        found = _LENGTH.search(line)
        if found is None:
            return line if line.strip() else b"\r\n" * bool(line)
        length = int(found[1][:20])
        return b"Content-Length: %d\r\n" % length if 0 < length <= MOST_BODY else b"ignored\r\n"


class Protocol(LanguageServerProtocol):
    """Keeps texts in our own `Documents`: lines end only where editors end them, and strange ranges do no harm."""

    _server: Server

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        path = path_of(item.uri)
        if path is not None:
            document = Document(item.uri, item.text, item.version, item.language_id)
            self._server.documents.open(path, document)
            self._server.opened(path)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        uri, documents = params.text_document.uri, self._server.documents
        path = documents.path(uri)
        if path is not None:
            documents.change(uri, _changes(params.content_changes), params.text_document.version)
            self._server.submit([path])

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        documents, uri = self._server.documents, params.text_document.uri
        path = documents.path(uri)
        if path is not None:
            differs = documents.differs(path)
            documents.close(uri)
            self._server.closed(path, differs)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> None:
        book = params.notebook_document
        path = path_of(book.uri)
        if path is not None:
            cells = [_document(item) for item in params.cell_text_documents]
            notebook = Notebook(path, _cells(book.cells), book.metadata if isinstance(book.metadata, dict) else {})
            self._server.documents.open_notebook(book.uri, notebook, cells)
            self._server.opened(path)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: types.DidChangeNotebookDocumentParams) -> None:
        documents, uri, cells = self._server.documents, params.notebook_document.uri, params.change.cells
        notebook = documents.notebooks.get(uri)
        if notebook is None or cells is None:
            return
        structure = cells.structure
        edits = [
            (each.document.uri, _changes(each.changes), each.document.version) for each in cells.text_content or ()
        ]
        if structure is None:
            documents.change_notebook(uri, edits=edits)
        else:
            documents.change_notebook(
                uri,
                start=structure.array.start,
                removed=structure.array.delete_count,
                added=_cells(structure.array.cells or ()),
                opened=[_document(item) for item in structure.did_open or ()],
                closed=[each.uri for each in structure.did_close or ()],
                edits=edits,
            )
        self._server.submit([notebook.path])

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: types.DidCloseNotebookDocumentParams) -> None:
        notebook = self._server.documents.notebooks.get(params.notebook_document.uri)
        if notebook is not None:
            self._server.documents.close_notebook(params.notebook_document.uri)
            self._server.closed(notebook.path, True)


class Server(LanguageServer):
    """One client, its folders and its documents. Everything here runs on the thread of the event loop."""

    protocol: Protocol

    def __init__(self) -> None:
        books = types.NotebookDocumentFilterWithNotebook(types.NotebookDocumentFilterNotebookType("jupyter-notebook"))
        super().__init__(
            SOURCE,
            __version__,
            types.TextDocumentSyncKind.Incremental,
            types.NotebookDocumentSyncOptions([books], save=True),
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )
        self.documents = Documents()
        self.wording = Wording(self.documents)
        self.worker: Worker | None = None
        self.stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._folders: tuple[Path, ...] = ()
        self._known: dict[Path, tuple[Finding, ...]] = {}
        self._shown: dict[str, list[Shown]] = {}
        self._problem = ""
        self._bars: dict[Path, _Bar] = {}
        self._begun: set[Path] = set()

    def report_server_error(self, error: Exception, source: Any) -> None:
        """What the client sends wrongly is told in its log, without a window for each time."""
        self.log(f"{getattr(source, '__name__', source)}: {error}", types.MessageType.Warning)

    def log(self, text: str, kind: types.MessageType = types.MessageType.Info) -> None:
        self.window_log_message(types.LogMessageParams(kind, text))

    # -- from the client -----------------------------------------------------------------------------------------

    def agree(self, params: types.InitializeParams) -> None:
        """Take in what the client can do, and which folders it shows."""
        can = params.capabilities
        text, general, workspace = can.text_document, can.general, can.workspace
        offered = [str(getattr(word, "value", word)) for word in (general and general.position_encodings) or ()]
        units = next((word for word in offered if word in ("utf-8", "utf-16", "utf-32")), "utf-16")
        self.documents.units = cast(Units, units)
        diagnostics, hover = text and text.publish_diagnostics, text and text.hover
        edits = workspace and workspace.workspace_edit
        self.wording = Wording(
            self.documents,
            related=bool(diagnostics and diagnostics.related_information),
            tags=bool(diagnostics and diagnostics.tag_support),
            markdown=not (hover and hover.content_format) or types.MarkupKind.Markdown in (hover.content_format or ()),
            versioned=bool(edits and edits.document_changes),
        )
        listed = [folder.uri for folder in params.workspace_folders or ()]
        root = params.root_uri or (uri_of(Path(params.root_path)) if params.root_path else None)
        self.set_folders(listed or ([root] if root else []))

    def begin(self) -> None:
        """The client is ready: check its folders, and ask to hear of files that others change."""
        self._loop = asyncio.get_running_loop()
        self.worker = Worker(self._from_worker(self.take), self._from_worker(self.show_progress))
        self.submit(self.documents.buffers(), forget=True)
        workspace = self.client_capabilities.workspace
        watching = workspace and workspace.did_change_watched_files
        if watching and watching.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions(
                [types.FileSystemWatcher(each) for each in WATCHED]
            )
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = types.Registration(str(uuid.uuid4()), method, options)
            self.client_register_capability(types.RegistrationParams([registration]))

    def set_folders(self, addresses: Iterable[str]) -> None:
        paths = dict.fromkeys(path for uri in addresses if (path := path_of(uri)) is not None and path.is_dir())
        self._folders = tuple(paths)
        for folder in [folder for folder in self._known if folder not in paths]:
            del self._known[folder]

    def change_folders(self, event: types.WorkspaceFoldersChangeEvent) -> None:
        gone = {path_of(folder.uri) for folder in event.removed}
        kept = [uri_of(path) for path in self._folders if path not in gone]
        self.set_folders([*kept, *(folder.uri for folder in event.added)])
        self._publish(lambda path: False)
        self.submit((), forget=True)

    def submit(self, changed: Iterable[Path], *, forget: bool = False) -> None:
        """Tell the worker how things stand."""
        if self.worker is not None:
            self.worker.submit(self._snapshot(), list(changed), forget=forget)

    def opened(self, path: Path) -> None:
        """A file is open; what is known of it is said at once, unless the editor has something else than the disk."""
        if self._snapshot().owner(path)[0] not in self._known or self.documents.differs(path):
            self.submit([path])
        else:
            self._publish(lambda each: each == path)

    def closed(self, path: Path, differs: bool) -> None:
        """A file is closed: what the disk has counts again; one outside of all folders is forgotten."""
        folder, inside = self._snapshot().owner(path)
        if not inside and all(self._snapshot().owner(other)[0] != folder for other in self.documents.buffers()):
            self._known.pop(folder, None)
        self._publish(lambda each: False)
        if differs or not inside:
            self.submit([path])

    def watched(self, events: Iterable[types.FileEvent]) -> None:
        """Files changed on the disk; of those that are open the editor's content counts."""
        paths = [path for event in events if (path := path_of(event.uri)) is not None]
        open_ = self.documents.buffers()
        self.submit([path for path in paths if path not in open_], forget=True)

    def stop(self) -> None:
        self.stopped = True
        if self.worker is not None:
            self.worker.stop()

    def shown(self, uri: str) -> Sequence[Shown]:
        """The diagnostics that the client shows in a text."""
        return self._shown.get(uri, ())

    def _snapshot(self) -> Snapshot:
        return Snapshot(self._folders, self.documents.buffers(), self.documents.versions())

    # -- from the worker -----------------------------------------------------------------------------------------

    def _from_worker(self, function: Callable[..., None]) -> Callable[..., None]:
        """The function, run on the thread of the loop."""

        def call(*arguments: object) -> None:
            if self._loop is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(function, *arguments)

        return call

    def take(self, outcome: Outcome) -> None:
        """Publish what a check has changed."""
        if outcome.crash:
            self.log(f"a mistake in rawlogits, please report it: {outcome.crash}", types.MessageType.Error)
        if outcome.problem and outcome.problem != self._problem:
            message = f"rawlogits checks nothing below {outcome.folder}: {outcome.problem}"
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))
        self._problem = outcome.problem
        now = self._snapshot()
        if now.owner(outcome.folder / "_")[0] != outcome.folder:
            return  # the folder was closed meanwhile
        self._known[outcome.folder] = outcome.findings
        current = {path for path in now.buffers if outcome.snapshot.versions.get(path) == now.versions[path]}
        held = {path for path in now.buffers if path not in current or path in outcome.broken}
        self._publish(lambda path: path in outcome.changed, held)

    def _publish(self, always: Callable[[Path], bool], held: Iterable[Path] = ()) -> None:
        """Send what differs from what the client has, and what `always` names; nothing of the files that are `held`."""
        found: dict[str, list[Shown]] = {}
        owner, held = self._snapshot().owner, set(held)
        for folder, findings in self._known.items():
            own = [finding for finding in findings if owner(folder / finding.place.path)[0] == folder]
            for uri, shown in self.wording.diagnostics(folder, own).items():
                found.setdefault(uri, []).extend(shown)
        open_ = {uri: path for uri in self.documents.texts if (path := self.documents.path(uri)) is not None}
        for uri in dict.fromkeys([*found, *self._shown, *open_]):
            path = open_.get(uri) or path_of(uri)
            new, old = found.get(uri, []), self._shown.get(uri, [])
            same = [each.diagnostic for each in new] == [each.diagnostic for each in old]
            if path in held or (same and not (uri in open_ and path is not None and always(path))):
                continue
            self._shown[uri] = new
            document = self.documents.texts.get(uri)
            sent = [each.diagnostic for each in new]
            version = document.version if document is not None else None
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, sent, version))
            if not new:
                del self._shown[uri]

    def show_progress(self, folder: Path, percent: int) -> None:
        """A check of a folder goes on; the first one is shown from its beginning, others when they last."""
        window = self.client_capabilities.window
        if not (window and window.work_done_progress):
            return
        if percent == 0:
            first = folder not in self._begun
            self._begun.add(folder)
            self._bars[folder] = _Bar(self, folder.name, 0.0 if first else BAR_DELAY_S)
        bar = self._bars.get(folder)
        if bar is not None:
            bar.at(percent)
            if percent == 100:
                del self._bars[folder]


class _Bar:
    """`$/progress` of one check: the client is asked for a bar, and when it has one that is moved."""

    def __init__(self, server: Server, name: str, delay: float) -> None:
        self.server = server
        self.name = name
        self.token = str(uuid.uuid4())
        self.due = time.monotonic() + delay
        self.task: asyncio.Task[None] | None = None
        self.open = False
        self.ended = False

    def at(self, percent: int) -> None:
        if self.task is None and time.monotonic() >= self.due and percent < 100:
            self.task = asyncio.ensure_future(self._show())
        self.ended = percent == 100
        if self.open and not self.ended:
            self.server.work_done_progress.report(self.token, types.WorkDoneProgressReport(percentage=percent))
        elif self.open:
            self._end()

    async def _show(self) -> None:
        try:
            await self.server.work_done_progress.create_async(self.token)
        except Exception:
            return  # a client that refuses gets no bar
        begin = types.WorkDoneProgressBegin(f"rawlogits checks {self.name}", percentage=0)
        self.server.work_done_progress.begin(self.token, begin)
        self.open = True
        if self.ended:
            self._end()

    def _end(self) -> None:
        self.open = False
        self.server.work_done_progress.end(self.token, types.WorkDoneProgressEnd())


def _changes(events: Sequence[types.TextDocumentContentChangeEvent]) -> list[Change]:
    found: list[Change] = []
    for event in events:
        if isinstance(event, types.TextDocumentContentChangePartial):
            start, end = event.range.start, event.range.end
            found.append((((start.line, start.character), (end.line, end.character)), event.text))
        else:
            found.append((None, event.text))
    return found


def _document(item: types.TextDocumentItem) -> Document:
    return Document(item.uri, item.text, item.version, item.language_id)


def _cells(cells: Sequence[types.NotebookCell]) -> list[tuple[str, bool]]:
    return [(cell.document, cell.kind == types.NotebookCellKind.Code) for cell in cells]


def build() -> Server:
    """A server that has learnt to answer."""
    server = Server()

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.agree(params)

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        server.begin()

    @server.feature(types.SHUTDOWN)
    def shutdown(params: None) -> None:
        server.stop()

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE, types.SaveOptions(include_text=False))
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        path = server.documents.path(params.text_document.uri)
        if path is not None:
            server.submit([path], forget=True)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    def notebook_saved(params: types.DidSaveNotebookDocumentParams) -> None:
        notebook = server.documents.notebooks.get(params.notebook_document.uri)
        if notebook is not None:
            server.submit([notebook.path], forget=True)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched(params: types.DidChangeWatchedFilesParams) -> None:
        server.watched(params.changes)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        server.change_folders(params.event)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        return server.wording.hover(server.shown(params.text_document.uri), params.position)

    kinds = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        only = params.context.only
        if only is not None and not any(kind in ("", types.CodeActionKind.QuickFix) for kind in only):
            return []
        uri = params.text_document.uri
        return server.wording.actions(uri, server.shown(uri), params.range)

    return server


def serve() -> int:
    """Talk to the client on standard input and output until it goes; 0 when it said goodbye, else 1."""
    output, sys.stdout = sys.stdout, sys.stderr  # whatever prints must not print into the protocol
    sys.setswitchinterval(0.001)  # so that a message is read at once while the other thread computes
    server = build()
    try:
        server.start_io(cast(BinaryIO, Framed(sys.stdin.buffer)), output.buffer)
    finally:
        said_goodbye = server.stopped
        server.stop()
    return 0 if said_goodbye else 1
