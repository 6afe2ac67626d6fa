"""The wheel of this checkout, built once, and environments it is installed into."""

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.e2e.environments import CHECKOUT, Environment, make_environment, must_run


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    # With hatchling at hand nothing need be fetched; without it, build installs it into a place of its own.
    isolation = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    must_run([sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", str(folder), str(CHECKOUT)])
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def cpu(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with vaeport[cpu]."""
    return make_environment(tmp_path_factory.mktemp("cpu"), f"{wheel}[cpu]")


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with vaeport and no extra."""
    return make_environment(tmp_path_factory.mktemp("bare"), str(wheel))
