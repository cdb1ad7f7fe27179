"""The errors of rawlogits.

RawLogitsError
├── InputError(ValueError)   an argument, a path or a file is not what is allowed
└── TableError               a row, a rule or a user's own row is not well formed
"""

from __future__ import annotations


class RawLogitsError(Exception):
    """Every error that rawlogits raises on purpose: what was given, what is allowed, what to do."""


class InputError(RawLogitsError, ValueError):
    """What the caller gave is not allowed."""


class StepError(RawLogitsError):
    """A training step was proved to be wrong."""


class StepWarning(UserWarning):
    """A training step is wrong, or shows nothing."""


class TableError(RawLogitsError):
    """A row or a rule is malformed; the message names it."""
