"""Arrays, PIL images and files of the same picture become the same pixels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vaeport.errors import ImageError, InputError
from vaeport.images.batch import to_batch, to_uint8

GREY = (1, 4, 4)
COLOUR = (3, 4, 5)

Pixels = NDArray[np.uint8]


def _file(pixels: Pixels, folder: Path) -> Path:
    Image.fromarray(pixels).save(folder / "image.png")
    return folder / "image.png"


FORMS: dict[str, Callable[[Pixels, Path], object]] = {
    "uint8 [H, W]": lambda pixels, _: pixels,
    "uint8 [N, H, W]": lambda pixels, _: pixels[None],
    "uint8 [C, H, W]": lambda pixels, _: pixels.reshape(1, 4, 4),
    "uint8 [N, C, H, W]": lambda pixels, _: pixels.reshape(1, 1, 4, 4),
    "uint8 [H, W, C]": lambda pixels, _: pixels.reshape(4, 4, 1),
    "uint8 [N, H, W, C]": lambda pixels, _: pixels.reshape(1, 4, 4, 1),
    "float32": lambda pixels, _: pixels.astype(np.float32) / np.float32(255),
    "not contiguous": lambda pixels, _: np.asfortranarray(pixels),
    "PIL grey": lambda pixels, _: Image.fromarray(pixels),
    "PIL RGB": lambda pixels, _: Image.fromarray(pixels).convert("RGB"),
    "path": _file,
    "path as text": lambda pixels, folder: str(_file(pixels, folder)),
    "list of arrays": lambda pixels, _: [pixels],
    "tuple of PIL images": lambda pixels, _: (Image.fromarray(pixels),),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pixels(form: str, gradient: Pixels, tmp_path: Path) -> None:
    batch = to_batch(FORMS[form](gradient, tmp_path), GREY)  # type: ignore[arg-type]

    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, gradient.reshape(1, 1, 4, 4).astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_every_width_are_taken(dtype: type[np.floating]) -> None:
    batch = to_batch(np.full((4, 4), 0.5, dtype), GREY)

    assert batch.dtype == np.float32
    assert (batch == 0.5).all()


def test_booleans_are_ink_or_none() -> None:
    batch = to_batch(np.eye(4, dtype=np.bool_), GREY)

    np.testing.assert_array_equal(batch[0, 0], np.eye(4, dtype=np.float32))


@pytest.mark.parametrize("layout", [(3, 4, 5), (2, 3, 4, 5)])
def test_colour_channels_first_and_last_agree(layout: tuple[int, ...]) -> None:
    first = np.arange(np.prod(layout), dtype=np.uint8).reshape(layout)

    batch = to_batch(first, COLOUR)

    np.testing.assert_array_equal(batch, to_batch(np.moveaxis(first, -3, -1), COLOUR))
    np.testing.assert_array_equal(to_uint8(batch), first.reshape(-1, *COLOUR))


def test_colour_picture_keeps_its_channels() -> None:
    picture = Image.new("RGB", (5, 4), (255, 128, 0))

    batch = to_batch(picture, COLOUR)

    np.testing.assert_array_equal(to_uint8(batch)[0, :, 0, 0], [255, 128, 0])


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_batch_of_any_size(n: int) -> None:
    assert to_batch(np.zeros((n, 4, 4), np.uint8), GREY).shape == (n, *GREY)


def test_no_images_are_an_empty_batch() -> None:
    assert to_batch([], GREY).shape == (0, *GREY)


def test_sequence_may_mix_forms_and_batches(gradient: Pixels, tmp_path: Path) -> None:
    batch = to_batch([_file(gradient, tmp_path), np.stack([gradient] * 2), Image.fromarray(gradient)], GREY)

    np.testing.assert_array_equal(batch, to_batch(np.stack([gradient] * 4), GREY))


def test_given_array_is_left_as_it_was(gradient: Pixels) -> None:
    pixels = gradient.astype(np.float32) / np.float32(255)
    before = pixels.copy()

    to_batch(pixels, GREY)[:] = 0

    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("shape", [(5, 4), (4,), (), (2, 2, 4, 4), (1, 1, 1, 4, 4), (3, 4, 4, 3)])
def test_wrong_shape_raises_image_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"has shape .* takes \[N, 1, 4, 4\]"):
        to_batch(np.zeros(shape, np.uint8), GREY)


@pytest.mark.parametrize("value", [-0.01, 1.01, 255.0, np.nan, np.inf, -np.inf])
def test_float_outside_its_range_raises_image_error(value: float) -> None:
    pixels = np.zeros((4, 4), np.float32)
    pixels[1, 2] = value

    with pytest.raises(ImageError, match=r"must be in \[0, 1\]"):
        to_batch(pixels, GREY)


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.int8, np.complex64, np.str_, np.object_])
def test_other_number_types_raise_image_error(dtype: type[np.generic]) -> None:
    with pytest.raises(ImageError, match="must be uint8"):
        to_batch(np.zeros((4, 4), dtype), GREY)


@pytest.mark.parametrize("value", [5, None, b"abc", [[0.0] * 4] * 4])
def test_object_that_is_no_image_raises_image_error(value: object) -> None:
    with pytest.raises(ImageError, match="image"):
        to_batch(value, GREY)  # type: ignore[arg-type]


def test_dark_ink_on_light_paper_is_turned_round(gradient: Pixels) -> None:
    batch = to_batch(Image.fromarray(255 - gradient), GREY)

    np.testing.assert_array_equal(batch, to_batch(gradient, GREY))


def test_polarity_can_be_told(gradient: Pixels) -> None:
    picture = Image.fromarray(gradient)

    np.testing.assert_array_equal(to_uint8(to_batch(picture, GREY, polarity="dark-ink"))[0, 0], 255 - gradient)
    np.testing.assert_array_equal(to_uint8(to_batch(picture, GREY, polarity="light-ink"))[0, 0], gradient)


def test_unknown_polarity_raises_input_error(gradient: Pixels) -> None:
    with pytest.raises(InputError, match="polarity"):
        to_batch(Image.fromarray(gradient), GREY, polarity="sideways")  # type: ignore[arg-type]


def test_arrays_are_never_turned_round() -> None:
    white = np.full((4, 4), 255, np.uint8)

    assert (to_batch(white, GREY) == 1).all()


def test_other_sizes_are_resized() -> None:
    picture = Image.new("L", (9, 13), 40)

    assert (to_uint8(to_batch(picture, GREY)) == 40).all()


def test_bytes_are_rounded_half_up_and_cut_to_their_range() -> None:
    pixels = np.array([-1, 0, 0.4999 / 255, 0.5 / 255, 1, 2], np.float32)

    assert to_uint8(pixels).tolist() == [0, 0, 0, 1, 255, 255]


def test_every_byte_survives_the_round_trip() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 4, 4)

    np.testing.assert_array_equal(to_uint8(to_batch(levels, GREY))[:, 0], levels)
