"""One process tries all attacks once, under a tracer where there is one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .runner import Runner
from .trace import tracer, why_no_trace


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file to which the tracer writes."""
    return tmp_path_factory.mktemp("trace") / "log"


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[Runner]:
    """The process that tries attacks."""
    before = tracer(log) if why_no_trace() is None else ()
    made = Runner(tmp_path_factory.mktemp("attacks").resolve(), before=before)
    yield made
    made.close()
