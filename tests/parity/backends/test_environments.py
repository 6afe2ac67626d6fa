import dataclasses
from pathlib import Path

import pytest

from vaeport_parity.backends import BUILT_IN, Facts
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.running import environments
from vaeport_parity.running.environments import install, interpreter_of, missing_reason

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


def test_installation_that_failed_says_why_and_is_remembered(place: Path) -> None:
    facts = dataclasses.replace(FACTS, packages=(str(place.parent / "thing-2-py3-none-any.whl"),))

    outcome = install(facts)

    assert not outcome.succeeded
    assert "thing-2-py3-none-any.whl" in outcome.reason
    assert str(outcome) == f"cannot be installed: {outcome.reason}"
    assert missing_reason(facts) == f"could not be installed: {outcome.reason}"


def test_failure_of_other_packages_is_forgotten(place: Path) -> None:
    (place / ".vaeport-failed").write_text("thing==1\nnumpy\nno network")

    assert "--install" in (missing_reason(FACTS) or "")


def test_missing_program_is_the_reason_of_a_failed_installation(place: Path) -> None:
    outcome = install(dataclasses.replace(FACTS, programs=("no-such-program",)))

    assert (outcome.succeeded, outcome.reason) == (False, "the program no-such-program is not installed")


def test_module_that_is_not_there_is_not_to_be_installed_by_vaeport() -> None:
    assert missing_reason(Facts("plain", module="no_such_module")) == (
        "the module no_such_module is not installed in this environment"
    )


def test_options_of_a_package_are_its_own(tmp_path: Path) -> None:
    """pnnx asks for PyTorch, which takes gigabytes; onnxruntime-node's own step downloads CUDA."""
    made, *pip = environments._commands(BUILT_IN["ncnn"].facts, tmp_path)
    (npm,) = environments._commands(BUILT_IN["onnxruntime-node"].facts, tmp_path)

    assert [command[command.index("--disable-pip-version-check") + 1 :] for command in pip] == [
        ["ncnn", "numpy"],
        ["--no-deps", "pnnx"],
    ]
    assert made[1:] == ["-m", "venv", "--clear", str(tmp_path)]
    assert "--onnxruntime-node-install=skip" in npm


def test_installer_names_no_backend() -> None:
    source = Path(environments.__file__).read_text()

    assert [name for name in BUILT_IN if f'"{name}"' in source or f"{name}-" in source] == []
