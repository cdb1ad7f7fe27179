"""The language server, spoken to as an editor does: a real client over standard input and output."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from pytest_lsp import LanguageClient
from pytest_lsp.client import make_test_lsp_client

from command import RIGHT, WRONG, project
from rawlogits import edits
from rawlogits.finding import Edit
from rawlogits.server import text as texts
from rawlogits.server.imports import Graph, imported
from rawlogits.server.project import Project

pytestmark = pytest.mark.filterwarnings("ignore::pytest_lsp.LspSpecificationWarning")
CAPABILITIES = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        publish_diagnostics=types.PublishDiagnosticsClientCapabilities(related_information=True)
    ),
    window=types.WindowClientCapabilities(work_done_progress=True),
    general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16]),
)
COMMAND = [sys.executable, "-m", "rawlogits", "server"]


class Editor:
    """A client with one folder, and short words for what it does."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str | None = None) -> None:
        content = (self.folder / name).read_text() if text is None else text
        item = types.TextDocumentItem(self.uri(name), "python", 1, content)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, name: str, text: str, version: int = 2) -> None:
        document = types.VersionedTextDocumentIdentifier(version, self.uri(name))
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    async def until(self, name: str, fits: Callable[[list[types.Diagnostic]], bool]) -> list[types.Diagnostic]:
        """The diagnostics of a file, as soon as they are as expected."""
        for _ in range(1500):
            found = list(self.client.diagnostics.get(self.uri(name), ()))
            if self.uri(name) in self.client.diagnostics and fits(found):
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"{name} still has {self.client.diagnostics.get(self.uri(name))}")

    async def codes(self, name: str, *codes: str) -> list[types.Diagnostic]:
        return await self.until(name, lambda found: [each.code for each in found] == list(codes))


@pytest_asyncio.fixture
async def editor(tmp_path: Path) -> AsyncIterator[Editor]:
    project(tmp_path, WRONG)
    client = make_test_lsp_client()
    await client.start_io(*COMMAND)
    folder = types.WorkspaceFolder(tmp_path.as_uri(), "p")
    await client.initialize_session(types.InitializeParams(CAPABILITIES, workspace_folders=[folder]))
    yield Editor(client, tmp_path)
    await client.shutdown_session()
    assert client._server is not None
    assert client._server.returncode == 0
    await client.stop()


@pytest.mark.asyncio
async def test_the_whole_folder_is_checked_at_the_start(editor: Editor) -> None:
    (found,) = await editor.codes("train.py", "RL101")
    assert (found.source, found.severity) == ("rawlogits", types.DiagnosticSeverity.Error)
    assert found.message.startswith(
        "double-softmax: CrossEntropyLoss wants logits, got softmax probabilities\nnet.py:10"
    )
    assert "write: " in found.message
    assert (found.range.start.line, found.range.start.character) == (8, 25)
    assert found.related_information is not None
    assert found.related_information[0].location.uri == editor.uri("net.py")
    assert found.related_information[-1].location.uri == editor.uri("train.py")
    (hint,) = await editor.codes("net.py", "RL101")
    assert (hint.severity, hint.range.start.line) == (types.DiagnosticSeverity.Hint, 9)
    for _ in range(200):
        kinds = [report.kind for reports in editor.client.progress_reports.values() for report in reports]
        if "end" in kinds:
            break
        await asyncio.sleep(0.02)
    assert (kinds[0], kinds[-1]) == ("begin", "end")


@pytest.mark.asyncio
async def test_an_unsaved_edit_of_the_model_changes_the_file_of_the_loss(editor: Editor) -> None:
    await editor.codes("train.py", "RL101")
    wrong = (editor.folder / "net.py").read_text()
    editor.open("net.py")
    editor.change("net.py", wrong.replace("F.softmax(self.fc(x), dim=1)", "self.fc(x)"))
    await editor.codes("train.py")
    await editor.codes("net.py")
    editor.change("net.py", wrong, 3)
    await editor.codes("train.py", "RL101")


@pytest.mark.asyncio
async def test_a_text_that_does_not_parse_keeps_what_was_said(editor: Editor) -> None:
    await editor.codes("train.py", "RL101")
    editor.open("train.py")
    editor.change("train.py", "def (", 2)
    editor.change("train.py", (editor.folder / "train.py").read_text(), 3)
    await editor.codes("train.py", "RL101")


@pytest.mark.asyncio
async def test_hover_shows_the_page_and_the_action_silences(editor: Editor) -> None:
    (found,) = await editor.codes("train.py", "RL101")
    editor.open("train.py")
    document = types.TextDocumentIdentifier(editor.uri("train.py"))
    hover = await editor.client.text_document_hover_async(types.HoverParams(document, found.range.start))
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.contents.value.startswith("# double-softmax [RL101]")
    nothing = await editor.client.text_document_hover_async(types.HoverParams(document, types.Position(0, 0)))
    assert nothing is None
    actions = await editor.client.text_document_code_action_async(
        types.CodeActionParams(document, found.range, types.CodeActionContext([found]))
    )
    assert actions is not None
    action = actions[-1]
    assert isinstance(action, types.CodeAction)
    assert action.edit is not None
    assert action.edit.changes is not None
    (edit,) = action.edit.changes[editor.uri("train.py")]
    assert edit.new_text == "  # rawlogits: ignore[double-softmax]"
    lines = (editor.folder / "train.py").read_text().splitlines()
    lines[edit.range.start.line] += edit.new_text
    editor.change("train.py", "\n".join(lines))
    await editor.codes("train.py")


@pytest.mark.asyncio
async def test_an_action_makes_the_fix_also_in_another_file(editor: Editor) -> None:
    (found,) = await editor.codes("train.py", "RL101")
    document = types.TextDocumentIdentifier(editor.uri("train.py"))
    actions = await editor.client.text_document_code_action_async(
        types.CodeActionParams(document, found.range, types.CodeActionContext([found]))
    )
    assert actions is not None
    fix = actions[0]
    assert isinstance(fix, types.CodeAction)
    assert fix.kind == types.CodeActionKind.QuickFix
    assert fix.edit is not None
    assert fix.edit.changes is not None
    assert list(fix.edit.changes) == [editor.uri("net.py")]
    spans = [(each.range.start, each.range.end, each.new_text) for each in fix.edit.changes[editor.uri("net.py")]]
    changes = [
        Edit("net.py", start.line + 1, start.character + 1, end.line + 1, end.character + 1, new)
        for start, end, new in spans
    ]
    fixed = edits.apply("net.py", (editor.folder / "net.py").read_bytes(), changes).decode()
    assert "return self.fc(x)\n" in fixed
    editor.open("net.py", fixed)
    await editor.codes("train.py")


@pytest.mark.asyncio
async def test_the_configuration_of_the_folder_counts(editor: Editor) -> None:
    await editor.codes("train.py", "RL101")
    (editor.folder / "pyproject.toml").write_text('[tool.rawlogits]\nignore = ["RL101"]\n')
    event = types.FileEvent(editor.uri("pyproject.toml"), types.FileChangeType.Created)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await editor.codes("train.py")


@pytest.mark.asyncio
async def test_columns_are_code_units(editor: Editor) -> None:
    editor.open("new.py", 'import torch.nn.functional as F\n("🙂é", F.cross_entropy(F.softmax(z, dim=1), y))\n')
    (found,) = await editor.codes("new.py", "RL101")
    assert found.range.start.character == len('("🙂é", F.cross_entropy(') + 1


@pytest.mark.asyncio
async def test_cells_of_a_notebook_have_their_own_diagnostics(editor: Editor) -> None:
    uri, first, second = (editor.folder / "a.ipynb").as_uri(), "cell:1", "cell:2"
    cells = [types.NotebookCell(types.NotebookCellKind.Code, each) for each in (first, second)]
    sources = {first: "import torch.nn.functional as F\n", second: "loss = F.cross_entropy(F.softmax(z, dim=1), y)"}
    items = [types.TextDocumentItem(each, "python", 1, text) for each, text in sources.items()]
    book = types.NotebookDocument(uri, "jupyter-notebook", 1, cells)
    editor.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(book, items))
    for _ in range(500):
        if editor.client.diagnostics.get(second):
            break
        await asyncio.sleep(0.02)
    (found,) = editor.client.diagnostics[second]
    assert (found.code, found.range.start.line) == ("RL101", 0)
    assert not editor.client.diagnostics.get(first)


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def message(method: str, params: object, number: int | None = None) -> bytes:
    body = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
    return frame(json.dumps(body).encode())


GARBAGE = {
    "broken JSON": frame(b'{"jsonrpc": '),
    "no object": frame(b"[1, 2]"),
    "unknown request": message("no/such/thing", {}, 7),
    "unknown notification": message("no/such/thing", {}),
    "wrong parameters": message("textDocument/hover", {"textDocument": 3}, 8),
    "length without a number": b"Content-Length: many\r\n\r\n{}",
    "length too short": b'Content-Length: 3\r\n\r\n{"jsonrpc": "2.0"}',
    "length too long": b"Content-Length: 40\r\n\r\n{}",
    "length beyond memory": b"Content-Length: 99999999999999999\r\n\r\n{}",
    "change of what is not open": message(
        "textDocument/didChange",
        {"textDocument": {"uri": "file:///not/open.py", "version": 1}, "contentChanges": [{"text": ""}]},
    ),
    "range outside": message(
        "textDocument/didOpen",
        {"textDocument": {"uri": "file:///x/a.py", "languageId": "python", "version": 1, "text": "x"}},
    )
    + message(
        "textDocument/didChange",
        {
            "textDocument": {"uri": "file:///x/a.py", "version": 2},
            "contentChanges": [
                {"range": {"start": {"line": 9, "character": 9}, "end": {"line": 99, "character": 0}}, "text": "y"}
            ],
        },
    ),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_does_not_end_the_server(garbage: bytes) -> None:
    said = b"".join(
        (
            message("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1),
            message("initialized", {}),
            garbage,
            message("lost/perhaps", {}, 2),
            message("shutdown", None, 3),
            message("exit", None),
        )
    )
    done = subprocess.run(COMMAND, input=said, capture_output=True, timeout=60)
    assert b'"id": 3' in done.stdout
    assert done.returncode == 0


def test_a_client_that_vanishes() -> None:
    assert subprocess.run(COMMAND, input=b"", capture_output=True, timeout=60).returncode == 1


def test_without_pygls_it_says_how_to_install_it() -> None:
    code = "import sys; sys.modules['pygls'] = None\nfrom rawlogits.__main__ import main; sys.exit(main(['server']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'rawlogits[lsp]'" in done.stderr


def test_nothing_else_loads_pygls() -> None:
    code = "import sys; from rawlogits.__main__ import main; main(['--version']); assert 'pygls' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_after_an_edit_as_after_a_check_of_everything(tmp_path: Path) -> None:
    project(tmp_path, WRONG)
    known = Project(tmp_path)
    known.whole({}, lambda *_: None)
    before = known.findings
    for files in (RIGHT, WRONG):
        project(tmp_path, files)
        known.after([tmp_path / "net.py"], {}, lambda *_: None)
        fresh = Project(tmp_path)
        fresh.whole({}, lambda *_: None)
        assert known.findings == fresh.findings
    assert known.findings == before
    assert len(before) == 1


def test_who_imports_whom(tmp_path: Path) -> None:
    names = ("a/__init__.py", "a/net.py", "train.py", "a/b.ipynb", "other.py")
    codes = ("from .net import Net", "", "import os, a", '{"source": ["from a.net import Net\\n"]}', "import json")
    graph = Graph(tmp_path)
    graph.set_files(
        [tmp_path / name for name in names],
        {tmp_path / name: code.encode() for name, code in zip(names, codes, strict=True)},
    )
    found = {path.relative_to(tmp_path).as_posix() for path in graph.importers([tmp_path / "a/net.py"])}
    assert found == {"a/net.py", "a/__init__.py", "train.py", "a/b.ipynb"}
    assert imported(b"importlib.import_module('x.y')") == {(0, ("x", "y"))}


@given(st.text(st.sampled_from("ab🙂é\n\r\x0c\u2028"), max_size=12), st.data())
def test_an_edit_in_code_units_is_that_of_the_characters(text: str, data: st.DataObject) -> None:
    units = data.draw(st.sampled_from(("utf-8", "utf-16", "utf-32")))
    lines = texts.lines_of(text)
    assert "".join(lines) == text
    line = data.draw(st.integers(0, max(0, len(lines) - 1)))
    body = lines[line].rstrip("\r\n") if lines else ""
    column = data.draw(st.integers(0, len(body)))
    at = (line, texts.units_before(body, column, units))
    offset = sum(map(len, lines[:line])) + column
    assert texts.changed(text, at, at, "NEW", units) == text[:offset] + "NEW" + text[offset:]


SILENCED = {
    "loss = f(x)": "loss = f(x)  # rawlogits: ignore[r]",
    "loss = f(x)  # noqa: E501": "loss = f(x)  # rawlogits: ignore[r]  # noqa: E501",
    "loss = f(x)  # rawlogits: ignore[q]": "loss = f(x)  # rawlogits: ignore[q, r]",
    "loss = f('# x')": "loss = f('# x')  # rawlogits: ignore[r]",
    "loss = \\": None,
    'loss = """': None,
}


@pytest.mark.parametrize(("line", "wanted"), SILENCED.items())
def test_where_a_comment_goes(line: str, wanted: str | None) -> None:
    rest = '\n"""\n' if line.endswith('"""') else "\n1\n"
    written = texts.with_suppression(texts.lines_of(line + rest), 0, 0, "r")
    if wanted is None:
        assert written is None
    else:
        assert written is not None
        _, start, end, new = written
        assert line[:start] + new + line[end:] == wanted
