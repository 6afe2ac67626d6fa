"""Every public call over types, shapes, strides and byte orders, as hypothesis draws them."""

from tools.torture.suites import run_suite
from tools.torture.trial import Trial


def run(count: int, *, seed: int = 0) -> list[Trial]:
    """Run the property tests of tests/properties with their thorough profile, `count` times with other seeds."""
    asked = "only VaeportErrors and right answers"
    return [
        run_suite(
            f"property tests, seed {seed + again}",
            asked,
            ["tests/properties", "--hypothesis-profile=thorough", f"--hypothesis-seed={seed + again}"],
        )
        for again in range(count)
    ]
