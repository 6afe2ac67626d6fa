from pathlib import Path

import pytest

from vaeport_parity.backends import Facts
from vaeport_parity.running.environments import ENVIRONMENTS_VARIABLE, interpreter_of, missing_reason

FACTS = Facts("newest", module="no_such_module", packages=("thing==2", "numpy"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the backend's environment."""
    monkeypatch.setenv(ENVIRONMENTS_VARIABLE, str(tmp_path))
    (tmp_path / "newest").mkdir()
    return tmp_path / "newest"


def test_environment_that_was_finished_is_used(place: Path) -> None:
    (place / ".vaeport-ready").write_text("thing==2\nnumpy\n")

    assert interpreter_of(FACTS) == place / "bin/python"
    assert missing_reason(FACTS) is None


@pytest.mark.parametrize("marker", [None, "", "thing==1\nnumpy\n"], ids=["unfinished", "unmarked", "other packages"])
def test_environment_of_other_packages_is_made_anew(marker: str | None, place: Path) -> None:
    if marker is not None:
        (place / ".vaeport-ready").write_text(marker)

    assert interpreter_of(FACTS) is None
    assert missing_reason(FACTS) == (
        "not installed; vaeport-parity --backends newest --install makes an environment for it"
    )
