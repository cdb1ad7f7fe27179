"""Keep raw logits raw from a model's last layer to its loss.

>>> import rawlogits
>>> report = rawlogits.check(["examples"])  # doctest: +SKIP
>>> [finding.rule for finding in report.findings]  # doctest: +SKIP
['double-softmax']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rawlogits.api import check as check
    from rawlogits.report import Report as Report
    from rawlogits.training import StepReport as StepReport
    from rawlogits.training import verify as verify
    from rawlogits.training import watch as watch

__version__ = "0.1.0"
__all__ = ["Report", "StepReport", "__version__", "check", "verify", "watch"]
_HOMES = {"check": "api", "Report": "report", "StepReport": "training", "verify": "training", "watch": "training"}


def __getattr__(name: str) -> Any:
    """Load the public names when they are first used: `import rawlogits` alone stays cheap."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"rawlogits.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'rawlogits' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
