"""Arrays in every memory layout and type: the plain array's answer, or a sentence that names the row."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import vaeport
from vaeport.errors import ImageError, InputError

TINY = Path(__file__).parent / "tiny"
N = 5


@pytest.fixture(scope="module")
def model() -> vaeport.Model:
    """The tiny bundle: images 1 x 4 x 4, latents of 2, three classes."""
    return vaeport.load(TINY, threads=1, chunk_rows=2)


@pytest.fixture
def images() -> NDArray[np.float32]:
    """float32 [5, 1, 4, 4]."""
    return np.random.default_rng(0).random((N, 1, 4, 4), np.float32)


@pytest.fixture
def latents() -> NDArray[np.float32]:
    """float32 [5, 2]."""
    return np.random.default_rng(1).standard_normal((N, 2), np.float32)


def _spread(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers at every third place of each axis of a larger array."""
    wide = np.full([3 * side for side in array.shape], 77, array.dtype)
    wide[tuple(slice(None, None, 3) for _ in array.shape)] = array
    return wide[tuple(slice(None, None, 3) for _ in array.shape)]


def _backwards(array: NDArray[Any]) -> NDArray[Any]:
    turned = tuple(slice(None, None, -1) for _ in array.shape)
    return np.ascontiguousarray(array[turned])[turned]


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array = array.copy()
    array.flags.writeable = False
    return array


def _unaligned(array: NDArray[Any]) -> NDArray[Any]:
    room = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    room[...] = array
    return room


class _Own(np.ndarray[Any, Any]):
    """A subclass."""


class _Lends:
    """No array, but lends one."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        return self._array


FORMS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "strided": _spread,
    "negative strides": _backwards,
    "Fortran order": np.asfortranarray,
    "read-only": _frozen,
    "unaligned": _unaligned,
    "byte-swapped": lambda array: array.astype(array.dtype.newbyteorder()),
    "float64": lambda array: array.astype(np.float64),
    "byte-swapped float64": lambda array: array.astype(">f8"),
    "long double": lambda array: array.astype(np.longdouble),
    "subclass": lambda array: array.view(_Own),
    "lent": _Lends,
}


@pytest.mark.parametrize("form", FORMS)
def test_images_of_every_form_give_the_same_bits(form: str, model: vaeport.Model, images: NDArray[np.float32]) -> None:
    given, expected = FORMS[form](images), model.encode(images)

    for answer in (model.encode(given), model.encode([given])):
        np.testing.assert_array_equal(answer.z_mean, expected.z_mean)
        np.testing.assert_array_equal(answer.class_probs, expected.class_probs)


@pytest.mark.parametrize("form", FORMS)
def test_latents_of_every_form_give_the_same_bits(
    form: str, model: vaeport.Model, latents: NDArray[np.float32]
) -> None:
    expected = model.decode(latents, "cat")

    np.testing.assert_array_equal(model.decode(FORMS[form](latents), "cat").pixels, expected.pixels)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "lent"])
def test_probabilities_of_every_form_give_the_same_bits(
    form: str, model: vaeport.Model, latents: NDArray[np.float32]
) -> None:
    probs = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 0]]

    drawn = model.decode(latents, FORMS[form](probs))

    np.testing.assert_array_equal(drawn.pixels, model.decode(latents, [0, 1, 2, 1, 0]).pixels)


def test_float16_and_matrix_are_taken(model: vaeport.Model) -> None:
    halves = np.full((4, 4), 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        matrix = np.matrix(halves)

    expected = model.encode(halves).z_mean
    np.testing.assert_array_equal(model.encode(halves.astype(np.float16)).z_mean, expected)
    np.testing.assert_array_equal(model.encode(matrix).z_mean, expected)


def test_memory_mapped_file_is_taken(model: vaeport.Model, images: NDArray[np.float32], tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)

    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")

    np.testing.assert_array_equal(model.encode(mapped).z_mean, model.encode(images).z_mean)


def test_nested_lists_of_numbers_are_latents(model: vaeport.Model) -> None:
    expected = model.decode(np.array([[1, 2], [3, 4]], np.float32), "cat").pixels

    np.testing.assert_array_equal(model.decode([[1, 2], [3, np.float32(4)]], "cat").pixels, expected)  # type: ignore[arg-type]


def test_answers_never_share_memory_with_what_was_given(
    model: vaeport.Model, images: NDArray[np.float32], latents: NDArray[np.float32]
) -> None:
    probs = np.full((N, 3), 1 / 3, np.float32)
    drawn = model.decode(latents, probs)

    assert not np.shares_memory(drawn.z, latents)
    assert not np.shares_memory(drawn.class_probs, probs)
    assert not np.shares_memory(model.read_images(images), images)


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4), dtype) for dtype in ("c8", "M8[s]", "m8[s]", "O", "S3", "U3", "i8", "u2", [("a", "f4")], "V4")],
    ids=lambda array: str(array.dtype),
)
def test_other_types_are_no_images_and_no_latents(array: NDArray[Any], model: vaeport.Model) -> None:
    with pytest.raises(ImageError, match="must be uint8"):
        model.encode(array)
    if array.dtype.kind not in "iu":
        with pytest.raises(InputError, match="^z is "):
            model.decode(array[:, :2], "cat")


def test_masked_array_is_refused(model: vaeport.Model, images: NDArray[np.float32]) -> None:
    masked = np.ma.masked_array(images, mask=images > 0.5)

    with pytest.raises(ImageError, match="masked"):
        model.encode(masked)
    with pytest.raises(InputError, match="masked"):
        model.decode(np.ma.masked_array(np.zeros((1, 2)), mask=True), "cat")


@pytest.mark.parametrize("shape", [(0, 4, 4), (0, 1, 4, 4)])
def test_no_images_give_no_rows(shape: tuple[int, ...], model: vaeport.Model) -> None:
    assert len(model.encode(np.zeros(shape))) == 0
    assert model.decode(np.zeros((0, 2)), "cat").pixels.shape == (0, 1, 4, 4)


@pytest.mark.parametrize("shape", [(), (0,), (4, 0), (2, 0, 4), (0, 0, 0, 0), (1,) * 32])
def test_empty_arrays_of_other_shapes_are_refused(shape: tuple[int, ...], model: vaeport.Model) -> None:
    with pytest.raises(ImageError, match="has shape"):
        model.encode(np.zeros(shape))
    with pytest.raises(InputError, match="z has shape"):
        model.decode(np.zeros(shape), "cat")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "NaN"),
        (np.inf, "an infinite number"),
        (-np.inf, "an infinite number"),
        (1.5, "the number 1.5"),
        (-0.25, "the number -0.25"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_image_out_of_its_range_is_named_by_row(
    value: float, words: str, dtype: type[np.floating], model: vaeport.Model, images: NDArray[np.float32]
) -> None:
    wrong = images.astype(dtype)
    wrong[3, 0, 1, 2] = wrong[4, 0, 0, 0] = value

    with pytest.raises(ImageError) as caught:
        model.encode([np.zeros((2, 4, 4), np.uint8), wrong])
    assert str(caught.value).startswith(f"row 5 of the images holds {words} (2 rows are wrong)")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN"), (np.inf, "an infinite number")])
def test_latent_that_is_no_number_is_named_by_row(
    value: float, words: str, dtype: type[np.floating], model: vaeport.Model
) -> None:
    z = np.zeros((4, 2), dtype)
    z[2, 1] = value

    with pytest.raises(InputError, match=f"^row 2 of z holds {words}, but numbers must be from -1e"):
        model.decode(z, "cat")


@pytest.mark.parametrize("value", [1.1e9, -1e300, np.longdouble("1e400"), 2**40])
def test_latent_beyond_the_range_is_named_by_row(value: Any, model: vaeport.Model) -> None:
    z = np.zeros((4, 2), np.longdouble)
    z[1, 0] = value

    with pytest.raises(InputError, match="^row 1 of z holds "):
        model.decode(z, "cat")


def test_probability_out_of_its_range_is_named_by_row(model: vaeport.Model) -> None:
    probs = np.full((3, 3), 1 / 3)
    probs[2, 0] = 1.5

    with pytest.raises(InputError, match=r"^row 2 of the class probabilities holds the number 1\.5"):
        model.decode(np.zeros((3, 2)), probs)


def test_no_floating_point_setting_of_the_caller_matters(model: vaeport.Model) -> None:
    tiny = np.full((1, 4, 4), 1e-300)
    signalling = np.frombuffer(b"\x01\x00\xa0\x7f" * 16, np.float32).reshape(1, 4, 4)

    with np.errstate(all="raise"):
        model.encode(tiny)
        model.decode(np.full((1, 2), 1e-300), "cat")
        model.anomaly_score(np.zeros((4, 4)))
        with pytest.raises(ImageError, match="NaN"):
            model.encode(signalling)
        with pytest.raises(InputError, match="NaN"):
            model.decode(signalling[0, :1, :2], "cat")


def test_endless_array_is_refused_before_it_is_read(model: vaeport.Model) -> None:
    for call, shape in (
        (model.encode, (2**40, 4, 4)),
        (model.read_images, (2**40, 4, 4)),
        (model.anomaly_score, (2**40, 4, 4)),
        (lambda z: model.decode(z, "cat"), (2**40, 2)),
    ):
        with pytest.raises(InputError, match="too many at once"):
            call(np.broadcast_to(np.float32(0.5), shape))


@pytest.mark.parametrize("bundle", ["mnist", "mnist-blog"])
@pytest.mark.parametrize("size", [30.0, 1e6, 1e9])
def test_latents_far_outside_the_prior_draw_something_finite(bundle: str, size: float) -> None:
    with vaeport.load(bundle, threads=1) as shipped:
        z = np.concatenate([np.eye(shipped.latent_dim), -np.ones((1, shipped.latent_dim))]) * size

        pixels = shipped.decode(z, "3").pixels

    assert np.isfinite(pixels).all()
    assert pixels.min() >= 0
    assert pixels.max() <= 1
