"""Facts read off a node once, kept on the node for as long as its tree lives.

A cache beside the trees would keep them alive from scan to scan: a server scans all day.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

N = TypeVar("N", bound=ast.AST)
T = TypeVar("T")


def once(function: Callable[[N], T]) -> Callable[[N], T]:
    """Remember what a function of one node gives.

    >>> @once
    ... def size(node: ast.AST) -> int:
    ...     return len(list(ast.walk(node)))
    >>> tree = ast.parse("x = 1")
    >>> size(tree), size(tree)
    (5, 5)
    """
    name = f"once {function.__module__}.{function.__qualname__}"

    @wraps(function)
    def remembered(node: N) -> T:
        kept: dict[str, Any] = node.__dict__
        if name not in kept:
            kept[name] = function(node)
        found: T = kept[name]
        return found

    return remembered
