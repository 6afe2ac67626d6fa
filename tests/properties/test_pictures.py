"""Pictures of any size, mode and content become pixels in range, the same from a file as from PIL; and bytes."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import vaeport
from tests.properties.oracles import attempt, bits
from vaeport.errors import ImageError
from vaeport.images.batch import to_batch, to_uint8
from vaeport.images.fitting import Fit, Polarity, fit_picture
from vaeport.images.scaling import from_uint8

SIDES = st.one_of(st.integers(1, 40), st.sampled_from([1, 2, 28, 511, 513, 1025]))
FITS = st.sampled_from(["resize", "mnist"])
POLARITIES = st.sampled_from(["auto", "dark-ink", "light-ink"])
MODES = st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I"])
CONTENTS = st.sampled_from(["noise", "black", "white", "grey", "dot", "line", "frame"])


def drawn(content: str, width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """A grey picture, uint8 [height, width]."""
    if content == "noise":
        return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    grey = np.full((height, width), {"black": 0, "grey": 128}.get(content, 255), np.uint8)
    if content == "dot":
        grey[seed % height, seed % width] = 0
    elif content == "line":
        grey[:, seed % width] = 10
    elif content == "frame":
        grey[[0, -1]] = 0
        grey[:, [0, -1]] = 0
    return grey


@given(
    width=SIDES,
    height=SIDES,
    content=CONTENTS,
    seed=st.integers(0, 2**16),
    fit=FITS,
    polarity=POLARITIES,
    shape=st.tuples(st.just(1), st.integers(1, 40), st.integers(1, 40)),
)
def test_any_size_is_fitted_into_range(
    width: int, height: int, content: str, seed: int, fit: Fit, polarity: Polarity, shape: tuple[int, int, int]
) -> None:
    picture = Image.fromarray(drawn(content, width, height, seed))
    before = picture.tobytes()

    pixels = fit_picture(picture, shape, fit=fit, polarity=polarity)

    assert pixels.shape == shape
    assert pixels.dtype == np.float32
    assert np.isfinite(pixels).all()
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    assert picture.tobytes() == before


@given(width=st.integers(1, 60), height=st.integers(1, 60), content=CONTENTS, seed=st.integers(0, 2**16), fit=FITS)
def test_inverted_picture_is_read_as_the_same_ink(width: int, height: int, content: str, seed: int, fit: Fit) -> None:
    grey = drawn(content, width, height, seed)
    light, dark = (Image.fromarray(pixels) for pixels in (grey, 255 - grey))

    as_light = fit_picture(light, (1, 28, 28), fit=fit, polarity="light-ink")
    as_dark = fit_picture(dark, (1, 28, 28), fit=fit, polarity="dark-ink")

    # Resampling rounds to bytes along each axis: half a level up in one picture is half a level down in the other.
    np.testing.assert_allclose(as_light, as_dark, rtol=0, atol=0 if fit == "mnist" else 3.01 / 255)


@given(width=SIDES, height=SIDES, seed=st.integers(0, 2**16), polarity=POLARITIES)
def test_only_the_models_own_size_passes_unfitted(width: int, height: int, seed: int, polarity: Polarity) -> None:
    grey = drawn("noise", width, height, seed)

    found, error = attempt(lambda: to_batch(Image.fromarray(grey), (1, 28, 28), fit="none", polarity="light-ink"))

    assert (error is None) == (grey.shape == (28, 28))
    own = to_batch(Image.fromarray(grey), (1, height, width), fit="none", polarity=polarity)
    assert to_uint8(own)[0, 0].tobytes() in (grey.tobytes(), (255 - grey).tobytes())
    assert found is None or to_uint8(found)[0, 0].tobytes() == grey.tobytes()


@given(mode=MODES, width=st.integers(1, 12), height=st.integers(1, 12), seed=st.integers(0, 2**16), fit=FITS)
def test_every_mode_is_read_like_its_file(
    mode: str, width: int, height: int, seed: int, fit: Fit, model: vaeport.Model
) -> None:
    picture = _of_mode(mode, width, height, seed)

    answer, _ = attempt(lambda: model.read_images(picture, fit=fit))

    if answer is not None:
        assert answer.shape == (1, 1, 4, 4)
    if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        file = io.BytesIO()
        picture.save(file, "PNG")
        assert bits(model.read_images(file.getvalue(), fit=fit)) == bits(answer)


@given(
    kind=st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"]),
    seed=st.integers(0, 2**16),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=6),
    cut=st.one_of(st.none(), st.integers(0, 2**16)),
)
def test_damaged_file_is_read_or_refused_in_words(
    kind: str, seed: int, changes: list[tuple[int, int]], cut: int | None, model: vaeport.Model
) -> None:
    file = io.BytesIO()
    Image.fromarray(drawn("noise", 9, 7, seed)).save(file, kind)
    content = bytearray(file.getvalue())
    for place, byte in changes:
        content[place % len(content)] = byte
    if cut is not None:
        del content[cut % len(content) :]

    answer, error = attempt(lambda: model.read_images(bytes(content)))

    assert isinstance(error, ImageError) or (answer is not None and answer.shape == (1, 1, 4, 4))


@given(
    start=st.sampled_from(
        [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF89a", b"RIFF\4\0\0\0WEBP", b"II*\0", b"MM\0*"]
    ),
    rest=st.binary(max_size=200),
)
def test_bytes_of_no_image_are_refused(start: bytes, rest: bytes, model: vaeport.Model) -> None:
    with pytest.raises(ImageError):
        model.read_images(start + rest)


@given(values=st.lists(st.integers(0, 255), max_size=40), shape=st.sampled_from([(-1,), (1, -1), (-1, 1, 1)]))
def test_bytes_survive_the_round_trip(values: list[int], shape: tuple[int, ...]) -> None:
    pixels = np.array(values, np.uint8).reshape(shape)

    np.testing.assert_array_equal(to_uint8(from_uint8(pixels)), pixels)


@given(values=st.lists(st.floats(-(2.0**100), 2.0**100, width=32), max_size=40))
def test_pixels_become_the_nearest_byte(values: list[float]) -> None:
    found = to_uint8(np.array(values, np.float32))

    for value, byte in zip(values, found.tolist(), strict=True):
        # float32 rounds the product: half a level may fall on either side.
        assert abs(min(max(value, 0.0), 1.0) * 255 - byte) <= 0.5 + 1e-4


def _of_mode(mode: str, width: int, height: int, seed: int) -> Image.Image:
    chance = np.random.default_rng(seed)
    if mode in ("I;16", "I"):
        levels: NDArray[Any] = chance.integers(0, 65536, (height, width), np.uint16)
        return Image.fromarray(levels if mode == "I;16" else levels.astype(np.int32))
    if mode in ("LAB", "HSV", "CMYK", "YCbCr"):
        bands = len(Image.new(mode, (1, 1)).getbands())
        return Image.frombytes(mode, (width, height), chance.bytes(width * height * bands))
    grey = Image.fromarray(chance.integers(0, 256, (height, width), np.uint8))
    return grey if mode == "L" else grey.convert(mode)
