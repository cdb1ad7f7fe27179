"""How property tests run: to the law and not to the clock, with the same examples each time.

`pytest --hypothesis-profile=explore` looks for new counterexamples, ten times as long.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("laws", patient, derandomize=True)
settings.register_profile("explore", patient, max_examples=1000)
settings.load_profile("laws")
