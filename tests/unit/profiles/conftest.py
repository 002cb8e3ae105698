"""Hypothesis on a machine that does other things too: no deadline an example, and nothing left on disk."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared machine", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")
