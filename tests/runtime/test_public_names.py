"""The public face of the runtime; a change here is a change for everyone who embeds it."""

import subprocess
import sys

import pytest

import vaeport
from vaeport import errors

PUBLIC = {
    "AnomalyScores",
    "Bundle",
    "Classification",
    "Drawings",
    "Encoding",
    "Model",
    "Prediction",
    "Reconstruction",
    "SampledDataset",
    "StyleGrid",
    "VaeportError",
    "VerifyReport",
    "latents",
    "load",
    "open_bundle",
    "shipped_bundles",
    "verify",
}


def test_public_names_are_these_and_no_others() -> None:
    assert set(vaeport.__all__) == PUBLIC
    assert len(vaeport.__all__) == len(PUBLIC)


def test_names_that_come_late_are_listed_from_the_beginning() -> None:
    code = "import vaeport; print(set(vaeport.__all__) <= set(dir(vaeport)), hasattr(vaeport, 'Modell'))"

    assert _printed(code) == "True False\n"


@pytest.mark.parametrize(
    "modules", ["vaeport.model.latents", "vaeport.checks.verification", "vaeport.model.model, vaeport.bundle.opening"]
)
def test_no_module_takes_the_place_of_a_public_function(modules: str) -> None:
    code = f"import {modules}; print(callable(vaeport.latents), callable(vaeport.verify), callable(vaeport.load))"

    assert _printed(code) == "True True True\n"


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(vaeport, name).__doc__


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.BundleError, ValueError),
        (errors.BundleNotFoundError, FileNotFoundError),
        (errors.SealError, ValueError),
        (errors.InputError, ValueError),
        (errors.LabelError, ValueError),
        (errors.ImageError, ValueError),
        (errors.ImageNotFoundError, FileNotFoundError),
        (errors.DeviceError, RuntimeError),
        (errors.MissingExtraError, ImportError),
        (errors.OutputError, OSError),
    ],
)
def test_error_is_vaeport_s_and_the_builtin_s(error: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(error, vaeport.VaeportError)
    assert issubclass(error, builtin)


def _printed(code: str) -> str:
    """What a piece of Python prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_every_error_has_a_message_as_text() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]

    assert {str(error("one sentence")) for error in classes} == {"one sentence"}
