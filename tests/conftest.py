"""How tests run: a mistake of the walker fails them; property tests go to the law and not to the clock.

Property tests see the same examples each time; `pytest --hypothesis-profile=explore` looks for new ones, ten times as
long.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("laws", patient, derandomize=True)
settings.register_profile("explore", patient, max_examples=1000)
settings.load_profile("laws")


@pytest.fixture(autouse=True)
def strict_walker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake inside the walker fails the test, where users would read one line about it."""
    from rawlogits.static.walk import Walker

    monkeypatch.setattr(Walker, "strict", True)
