"""The language server, `rawlogits server`: the findings of a workspace while it is being edited.

`documents` and `text` know what the editor shows, `imports` and `project` what to check after an edit, `worker` when,
`messages` how to say it, and `language` speaks the protocol; the last two need pygls.
"""

from __future__ import annotations

from rawlogits.errors import InputError


def serve() -> int:
    """Serve a client on standard input and output; 0 when it said goodbye before it went, else 1.

    Without pygls this raises InputError, which says how to install it.
    """
    try:
        import pygls.lsp.server  # noqa: F401
    except ImportError:
        raise InputError("the language server needs pygls 2; install it with: pip install 'rawlogits[lsp]'") from None
    from rawlogits.server import language

    return language.serve()
