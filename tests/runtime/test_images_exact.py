"""Which images meet in a chunk, which layouts are taken, and the numbers at the bounds of what a picture may be."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.runtime.image_reference import fit_mnist
from tests.runtime.test_image_files import _huge_png
from vaeport.errors import ImageError
from vaeport.images import files
from vaeport.images.batch import queue_images, stream, to_batch, to_uint8
from vaeport.images.files import MAX_BYTES, MAX_PIXELS, MAX_SIDE, open_picture
from vaeport.images.fitting import _is_dark_ink, _offset, _paper, _weights

GREY, COLOUR = (1, 2, 3), (3, 2, 4)


def _array(n: int, first: int = 0) -> NDArray[np.uint8]:
    return (np.arange(n, dtype=np.uint8) + first)[:, None, None, None].repeat(2, axis=2).repeat(3, axis=3)


def _chunks(images: Any, rows: int) -> list[list[int]]:
    queue = queue_images(images, GREY, polarity="light-ink")
    return [to_uint8(chunk)[:, 0, 0, 0].tolist() for chunk in queue.chunks(rows)]


@pytest.mark.parametrize(
    ("rows", "chunks"),
    [
        (1, [[0], [1], [2], [50], [9], [10], [11], [12], [13]]),
        (3, [[0, 1, 2], [50], [9, 10, 11], [12, 13]]),
        (4, [[0, 1, 2, 50], [9, 10, 11, 12], [13]]),
        (5, [[0, 1, 2, 50], [9, 10, 11, 12, 13]]),
        (9, [[0, 1, 2, 50, 9, 10, 11, 12, 13]]),
    ],
)
def test_images_of_all_forms_fill_their_chunks(rows: int, chunks: list[list[int]]) -> None:
    images: list[Any] = [_array(3), Image.new("L", (3, 2), 50), _array(5, 9)]

    assert len(queue_images(images, GREY)) == 9
    assert _chunks(images, rows) == chunks


def test_no_images_are_no_chunks_and_an_empty_batch() -> None:
    for nothing in ([], _array(0), [_array(0), _array(0)]):
        assert _chunks(nothing, 2) == []
        assert to_batch(nothing, GREY).shape == (0, *GREY)
        assert to_batch(nothing, GREY).dtype == np.float32


@pytest.mark.parametrize("size", [(2, 3), (1, 2, 3), (5, 2, 3), (5, 1, 2, 3), (2, 3, 1), (5, 2, 3, 1)])
def test_layouts_of_grey_images(size: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(size), dtype=np.uint8).reshape(size)

    np.testing.assert_array_equal(to_uint8(to_batch(pixels, GREY)).ravel(), pixels.ravel())
    assert to_batch(pixels, GREY).shape[1:] == GREY


@pytest.mark.parametrize("size", [(3, 2, 4), (5, 3, 2, 4), (2, 4, 3), (5, 2, 4, 3)])
def test_layouts_of_colour_images(size: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(size), dtype=np.uint8).reshape(size)
    first = pixels if size[-3:] == COLOUR else np.moveaxis(pixels, -1, -3)

    np.testing.assert_array_equal(to_uint8(to_batch(pixels, COLOUR)), first.reshape(-1, *COLOUR))


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((1, 1, 1, 2, 3), GREY),
        ((1, 1, 2, 3, 1), GREY),
        ((2,), GREY),
        ((3, 2), GREY),
        ((2, 2, 2, 3), GREY),
        ((2, 4), COLOUR),
        ((5, 2, 4), COLOUR),
        ((1, 1, 3, 2, 4), COLOUR),
        ((1, 1, 2, 4, 3), COLOUR),
    ],
)
def test_other_layouts_are_refused(size: tuple[int, ...], shape: tuple[int, int, int]) -> None:
    with pytest.raises(ImageError, match="has shape"):
        to_batch(np.zeros(size, np.uint8), shape)


def test_floats_from_nothing_to_one_are_pixels() -> None:
    pixels = np.array([[0, 1, 0.5], [1, 0, 0.25]])

    np.testing.assert_array_equal(to_batch(pixels, GREY)[0, 0], pixels.astype(np.float32))
    for outside in (np.nextafter(0, -1), np.nextafter(1, 2)):
        with pytest.raises(ImageError, match=r"in \[0, 1\]"):
            to_batch(np.where(pixels == 0.25, outside, pixels), GREY)


def test_image_out_of_range_is_named_by_its_row_among_all() -> None:
    wrong = np.zeros((5, 1, 2, 3))
    wrong[3, 0, 1, 1] = 2

    with pytest.raises(ImageError, match=r"\b5\b"):
        list(queue_images([np.zeros((2, 1, 2, 3)), wrong], GREY).chunks(2))


def test_limits_are_those_that_are_stated() -> None:
    assert (MAX_BYTES, MAX_PIXELS, MAX_SIDE) == (100_000_000, 64_000_000, 65_535)


def _refusal(source: Any) -> str:
    with pytest.raises(ImageError) as caught:
        open_picture(source, "L")
    return str(caught.value)


@pytest.mark.parametrize(("size", "refused"), [((8000, 8000), False), ((8000, 8001), True), ((65_536, 1), True)])
def test_size_is_read_and_refused_before_a_pixel_is_decoded(size: tuple[int, int], refused: bool) -> None:
    assert ("pixels, more than" in _refusal(_huge_png(*size))) == refused


@pytest.mark.parametrize(("size", "refused"), [((65_535, 1), False), ((65_536, 1), True), ((1, 65_536), True)])
def test_side_of_a_given_picture_is_bounded(size: tuple[int, int], refused: bool) -> None:
    picture = Image.new("L", size)

    if refused:
        assert "more than 65535 a side" in _refusal(picture)
    else:
        assert open_picture(picture, "L").size == size


def test_file_may_be_as_large_as_is_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    content = io.BytesIO()
    Image.new("L", (3, 2), 7).save(content, "PNG")
    whole = content.getvalue()
    (tmp_path / "a.png").write_bytes(whole)
    monkeypatch.setattr(files, "MAX_BYTES", len(whole))

    assert open_picture(whole, "L").size == open_picture(tmp_path / "a.png", "L").size == (3, 2)
    monkeypatch.setattr(files, "MAX_BYTES", len(whole) - 1)
    for source in (whole, tmp_path / "a.png"):
        assert f"larger than {len(whole) - 1} bytes" in _refusal(source)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_a_camera_is_turned_upright(orientation: int) -> None:
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif, content = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(content, "PNG", exif=exif)

    np.testing.assert_array_equal(np.asarray(open_picture(content.getvalue(), "L")), upright)


def test_sixteen_bits_are_cut_to_eight() -> None:
    levels = np.array([[-5, 0, 256, 257], [513, 514, 65_535, 70_000]], np.int32)

    seen = np.asarray(open_picture(Image.fromarray(levels), "L"))

    assert seen.tolist() == [[0, 0, 0, 1], [1, 2, 255, 255]]


def test_tiff_of_the_other_byte_order_is_read() -> None:
    content = io.BytesIO()
    Image.frombytes("I;16B", (2, 1), (257 * np.array([3, 200])).astype(">u2").tobytes()).save(content, "TIFF")

    assert content.getvalue()[:4] == b"MM\0*"
    assert np.asarray(open_picture(content.getvalue(), "L")).tolist() == [[3, 200]]


@pytest.mark.parametrize("start", [b"GIF88a", b"II*\1", b"MM*\0", b"RIFF1234WEBX", b"RIFF123WEBP", b" BM", b"\xff\xd8"])
def test_content_that_begins_otherwise_is_of_no_known_format(start: bytes) -> None:
    assert "not an image of a known format" in _refusal(start + bytes(100))


def test_refusal_says_what_is_wrong_and_nothing_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _refusal(b"text") == (
        "the given content is not an image of a known format (PNG, JPEG, BMP, GIF, WebP, TIFF)"
    )
    monkeypatch.setattr(files, "MAX_BYTES", 3)
    assert _refusal(b"text") == "the given content is larger than 3 bytes"


def test_decoder_s_complaint_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def complaining(*_: object) -> None:
        raise ValueError("a  b\n" + "x" * 300)

    monkeypatch.setattr(files, "_decoder", complaining)

    assert _refusal(b"") == "cannot read the given content as an image: a b " + "x" * 196


@pytest.mark.parametrize("side", [511, 512, 513, 1024])
def test_working_size_is_five_hundred_and_twelve(side: int) -> None:
    page = np.full((7, side), 220, np.uint8)
    page[2:5, side // 3 : side // 2] = np.arange(side // 2 - side // 3) % 90

    for pixels in (page, page.T):
        seen = to_batch(Image.fromarray(np.ascontiguousarray(pixels)), (1, 28, 28), fit="mnist")[0, 0]
        expected = np.array(fit_mnist(pixels.astype(float).tolist(), 28, 28))
        np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("paper", "dark"), [(0, False), (127, False), (127.5, True), (128, True), (255, True)])
def test_blank_paper_has_the_ink_that_it_leaves_room_for(paper: float, dark: bool) -> None:
    assert _is_dark_ink(np.full((3, 3), paper, np.uint8), paper, "auto") is dark or paper == 127.5


def test_side_that_differs_more_is_the_ink() -> None:
    grey = np.array([[100, 100, 100], [100, 40, 161], [100, 100, 100]], np.uint8)

    assert not _is_dark_ink(grey, 100, "auto")
    assert _is_dark_ink(grey, 101, "auto")
    assert _is_dark_ink(grey, 0, "dark-ink")
    assert not _is_dark_ink(grey, 255, "light-ink")


def test_paper_is_the_median_of_the_border() -> None:
    grey = np.array([[1, 2, 3, 4], [5, 200, 200, 6], [7, 200, 200, 8], [9, 10, 11, 12]], np.uint8)

    assert _paper(grey) == 6.5


@pytest.mark.parametrize(
    ("mass", "side", "place"),
    [([1, 1], 4, 2), ([1], 5, 3), ([1, 0, 0], 3, 0), ([0, 0, 0, 1], 5, 0), ([1, 0, 0, 0], 5, 1), ([1, 1, 1], 6, 2)],
)
def test_centre_of_mass_goes_to_the_middle_as_far_as_there_is_room(mass: list[float], side: int, place: int) -> None:
    assert _offset(np.array(mass, float), side) == place


def test_weights_are_a_triangle_about_each_centre() -> None:
    np.testing.assert_allclose(_weights(4, 0.5), np.array([[3, 3, 1, 0], [0, 1, 3, 3]]) / 7)
    np.testing.assert_allclose(_weights(2, 1.0), np.eye(2))
    np.testing.assert_allclose(_weights(2, 2.0), np.array([[4, 0], [3, 1], [1, 3], [0, 4]]) / 4)
    assert _weights(3, 0.1).shape == (1, 3)
    assert _weights(3, 0.5).shape == (2, 3)


class Silent:
    """Says that it is an array, and does not give it."""

    def __array__(self, *_: object, **__: object) -> NDArray[np.uint8]:
        """Fail."""
        raise ValueError("no")


def test_array_of_somebody_else_that_fails_is_no_image() -> None:
    with pytest.raises(ImageError, match="does not give its array") as caught:
        to_batch(Silent(), GREY)  # type: ignore[arg-type]

    assert type(caught.value) is ImageError


@pytest.mark.parametrize("images", ["a.png", b"abc", np.array(1, np.uint8), {"a": 1}, 5, Image.new("L", (3, 2))])
def test_single_image_is_no_stream(images: Any) -> None:
    with pytest.raises(ImageError, match="must be a stream of images"):
        stream(images)

    assert next(stream([images])) is images
