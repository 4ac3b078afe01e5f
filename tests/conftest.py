"""What all tests share."""

from hypothesis import HealthCheck, settings

# Machines are shared and noisy: a slow example says nothing of the code. Timings are benchmarks.
settings.register_profile(
    "fedtag", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("fedtag")
