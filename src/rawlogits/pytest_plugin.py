"""The fixture `assert_raw_logits`, for tests of projects that train with PyTorch (loaded by pytest itself).

```python
def test_the_loss_gets_logits(assert_raw_logits):
    assert_raw_logits(Net(), nn.CrossEntropyLoss(), (images, labels))
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest


@pytest.fixture
def assert_raw_logits() -> Callable[..., Any]:
    """Fails unless `rawlogits.verify` finds a model and its loss clean; what is not known fails as well.

    Takes what `verify` takes, and gives its report back.
    """

    def check(
        model: Any, loss_fn: Callable[..., Any] | None, batch: Sequence[Any] | Mapping[str, Any], **options: Any
    ) -> Any:
        __tracebackhide__ = True
        from rawlogits.training import CLEAN, verify

        report = verify(model, loss_fn, batch, **options)
        if report.verdict != CLEAN:
            pytest.fail(str(report), pytrace=False)
        return report

    return check
