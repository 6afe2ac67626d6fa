import shutil
from pathlib import Path

import pytest

from tests.export.material import NARROW, Opened, convolutional_run, exported, opened, trained_run
from vaeport.bundle.opening import open_bundle
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.subjects.subject import Subject


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of three trained runs: `narrow`, `blog` in its full shape, and `sibling`, narrow with another seed."""
    folder = tmp_path_factory.mktemp("runs")
    trained_run(folder / "narrow", "mlp", *NARROW)
    trained_run(folder / "blog", "blog")
    trained_run(folder / "sibling", "mlp", *NARROW, "training.seed=1")
    return folder


@pytest.fixture(scope="session")
def bundles(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the three runs as bundles, by the same names. Only to be read."""
    folder = tmp_path_factory.mktemp("bundles")
    for run in ("narrow", "blog", "sibling"):
        exported(runs / run, folder / run)
    return folder


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a convolutional network. Only to be read."""
    folder = tmp_path_factory.mktemp("conv")
    return exported(convolutional_run(folder), folder / "colours")


@pytest.fixture(scope="session")
def narrow(bundles: Path) -> Opened:
    """The narrow bundle with its checkpoint."""
    return opened(bundles / "narrow")


@pytest.fixture(scope="session")
def narrow_subject(bundles: Path) -> Subject:
    """The narrow bundle as something to compare."""
    return subject_of(open_bundle(bundles / "narrow"))


@pytest.fixture
def copy(bundles: Path, tmp_path: Path) -> Path:
    """The narrow bundle in a place where it may be changed."""
    return Path(shutil.copytree(bundles / "narrow", tmp_path / "narrow"))
