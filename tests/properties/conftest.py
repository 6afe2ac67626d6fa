"""How many examples are tried, and the bundle that they are tried on.

The quick profile takes the same examples every time; `pytest tests/properties --hypothesis-profile=thorough` takes many
more, other ones each time, and prints what makes a failing one again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import vaeport

TINY = Path(__file__).parents[1] / "runtime/tiny"

_SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)

settings.register_profile(
    "quick", max_examples=25, stateful_step_count=15, derandomize=True, deadline=None, database=None
)
settings.register_profile(
    "thorough",
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=_SLOW,
)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def model() -> Iterator[vaeport.Model]:
    """The tiny bundle, 4 rows at a time, so that a handful of rows is cut."""
    with vaeport.load(TINY, threads=1, chunk_rows=4) as loaded:
        yield loaded
