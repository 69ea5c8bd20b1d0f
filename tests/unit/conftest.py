"""Property tests say what is true, not how fast: a machine at work with other things must not make them fail.

They look at the same examples each time; ``make soak`` looks for others. What it finds becomes an ``@example``.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("search", settings.get_profile("same"), derandomize=False, max_examples=1000)
settings.load_profile("same")
