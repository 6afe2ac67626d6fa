"""Image files of every kind that people have, and those that are none."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vaeport.errors import ImageError, ImageNotFoundError
from vaeport.images.batch import to_batch, to_uint8
from vaeport.images.files import MAX_PIXELS

GREY = (1, 4, 4)
ORIENTATION, DESCRIPTION = 0x0112, 0x010E

Pixels = NDArray[np.uint8]


def _read(path: Path) -> Pixels:
    image: Pixels = to_uint8(to_batch(path, GREY))[0, 0]
    return image


def _huge_png(width: int, height: int) -> bytes:
    """A PNG of some fifty bytes that declares any number of pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "webp"])
def test_lossless_file_gives_its_pixels(suffix: str, gradient: Pixels, tmp_path: Path) -> None:
    Image.fromarray(gradient).save(tmp_path / f"image.{suffix}", lossless=True)

    np.testing.assert_array_equal(_read(tmp_path / f"image.{suffix}"), gradient)


def test_jpeg_gives_nearly_its_pixels(gradient: Pixels, tmp_path: Path) -> None:
    Image.fromarray(gradient).save(tmp_path / "image.jpg", quality=100)

    assert np.abs(_read(tmp_path / "image.jpg").astype(int) - gradient).max() <= 4


def test_content_counts_and_not_the_suffix(gradient: Pixels, tmp_path: Path) -> None:
    Image.fromarray(gradient).save(tmp_path / "image.jpg", format="PNG")

    np.testing.assert_array_equal(_read(tmp_path / "image.jpg"), gradient)


def test_16_bit_grey_is_divided_by_257(gradient: Pixels, tmp_path: Path) -> None:
    Image.fromarray(gradient.astype(np.uint16) * 257).save(tmp_path / "image.png")

    np.testing.assert_array_equal(_read(tmp_path / "image.png"), gradient)


def test_transparency_is_laid_over_white(gradient: Pixels, tmp_path: Path) -> None:
    layer = np.zeros((4, 4, 4), np.uint8)  # black ink, invisible where alpha is 0
    layer[..., 3] = gradient
    Image.fromarray(layer).save(tmp_path / "image.png")

    # Black at alpha a over white shows as 255 - a, which is dark ink and is turned round to a.
    np.testing.assert_array_equal(_read(tmp_path / "image.png"), gradient)


def test_palette_picture_gives_its_grey_values(gradient: Pixels, tmp_path: Path) -> None:
    Image.fromarray(gradient).convert("RGB").quantize(16).save(tmp_path / "image.png")

    np.testing.assert_array_equal(_read(tmp_path / "image.png"), gradient)


def test_transparent_palette_entry_shows_white(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([0, 0, 0, 255, 255, 255])
    picture.putpixel((1, 1), 1)
    picture.save(tmp_path / "image.png", transparency=0)

    assert (_read(tmp_path / "image.png") == 0).all()


def test_exif_rotation_is_undone(gradient: Pixels, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was turned: show it a quarter turn clockwise
    Image.fromarray(np.rot90(gradient)).save(tmp_path / "image.png", exif=exif)

    np.testing.assert_array_equal(_read(tmp_path / "image.png"), gradient)


@pytest.mark.parametrize("tag", [b"\x01\x00", b"\x01\x1a"], ids=["width as text", "resolution as text"])
def test_exif_of_a_wrong_type_beside_the_orientation_does_no_harm(tag: bytes, gradient: Pixels, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[DESCRIPTION] = 6, "hello"
    Image.fromarray(gradient).save(tmp_path / "image.jpg", exif=exif)
    content = (tmp_path / "image.jpg").read_bytes()
    (tmp_path / "plain.jpg").write_bytes(content)
    (tmp_path / "image.jpg").write_bytes(content.replace(b"\x01\x0e\x00\x02", tag + b"\x00\x02"))

    np.testing.assert_array_equal(_read(tmp_path / "image.jpg"), _read(tmp_path / "plain.jpg"))


def test_damaged_tiff_raises_image_error(gradient: Pixels, tmp_path: Path) -> None:
    Image.fromarray(gradient).save(tmp_path / "image.tif")
    content = (tmp_path / "image.tif").read_bytes()
    (tmp_path / "image.tif").write_bytes(content[:60])

    with pytest.raises(ImageError, match=r"image\.tif"):
        to_batch(tmp_path / "image.tif", GREY)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp"])
def test_truncated_file_raises_image_error(suffix: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(tmp_path / f"image.{suffix}")
    content = (tmp_path / f"image.{suffix}").read_bytes()
    (tmp_path / f"image.{suffix}").write_bytes(content[: len(content) // 2])

    with pytest.raises(ImageError, match=rf"image\.{suffix}"):
        to_batch(tmp_path / f"image.{suffix}", GREY)


@pytest.mark.parametrize("content", [b"", b"hello, this is text\n", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_file_without_an_image_raises_image_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(content)

    with pytest.raises(ImageError, match=r"image\.png"):
        to_batch(tmp_path / "image.png", GREY)


def test_folder_raises_image_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot read"):
        to_batch(tmp_path, GREY)


def test_missing_file_raises_an_error_that_is_also_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError, match=r"no such image file: .*digit\.png") as caught:
        to_batch(tmp_path / "digit.png", GREY)

    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("suffix", ["ppm", "tga", "ico", "sgi", "pcx"])
def test_format_outside_the_list_stays_shut(suffix: str, gradient: Pixels, tmp_path: Path) -> None:
    Image.fromarray(gradient).resize((16, 16)).save(tmp_path / f"image.{suffix}")

    with pytest.raises(ImageError, match="not an image of a known format"):
        to_batch(tmp_path / f"image.{suffix}", GREY)


@pytest.mark.parametrize("side", [8001, 9_500, 12_000, 100_000])  # Pillow itself says nothing, warns, or refuses
def test_more_pixels_than_allowed_are_refused_before_decoding(side: int, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(_huge_png(side, side))

    with pytest.raises(ImageError, match=f"more than {MAX_PIXELS}"):
        to_batch(tmp_path / "image.png", GREY)


def test_floating_point_file_raises_image_error(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "image.tif")

    with pytest.raises(ImageError, match="8 or 16 bits"):
        to_batch(tmp_path / "image.tif", GREY)
