"""The public face of the runtime; a change here is a change for everyone who embeds it."""

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


def test_every_error_has_a_message_as_text() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]

    assert {str(error("one sentence")) for error in classes} == {"one sentence"}
