"""Finds the formats: every module of this package that has `render`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module

from rawlogits import report
from rawlogits.errors import InputError
from rawlogits.report import Report, View

Renderer = Callable[[Report, View], str]


def names() -> tuple[str, ...]:
    """The formats there are, sorted; none is imported.

    >>> "text" in names()
    True
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(report.__path__) if module.name != "formats"))


def renderer(name: str) -> Renderer:
    """The function that renders a report in this format; an unknown name raises InputError."""
    if name not in names():
        raise InputError(f"no format {name!r}; there are {', '.join(names())}")
    render: Renderer = import_module(f"rawlogits.report.{name}").render
    return render
