"""Where a grid puts its pictures and headings, pixel by pixel, and what is cut and refused at its bounds."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vaeport.errors import InputError
from vaeport.images.pictures import MAX_PAGE_PIXELS, _cut, as_picture, check_page, draw_grid, save_film, save_picture

WHITE, GREY = (255, 255, 255), (60, 60, 60)


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(13)


def _mask(text: str) -> Image.Image:
    mask = Image.new("L", (math.ceil(_font().getlength(text)), 15))
    ImageDraw.Draw(mask).text((mask.width / 2, 7.5), text, 255, _font(), anchor="mm")
    return mask


def _tiles(rows: int, columns: int, height: int = 4, width: int = 6) -> NDArray[np.uint8]:
    """Every image of its own, no two pixels of it alike."""
    return np.arange(rows * columns * height * width, dtype=np.uint8).reshape(rows, columns, 1, height, width)


def _assert_same(page: Image.Image, expected: Image.Image) -> None:
    assert (page.mode, page.size) == (expected.mode, expected.size)
    np.testing.assert_array_equal(np.asarray(page), np.asarray(expected))


def test_images_stand_two_pixels_apart_and_twice_as_large() -> None:
    expected = np.full((22, 30), 255, np.uint8)
    tiles = _tiles(2, 2).repeat(2, axis=3).repeat(2, axis=4)
    for r in range(2):
        for c in range(2):
            expected[2 + 10 * r :, 2 + 14 * c :][:8, :12] = tiles[r, c, 0]

    page = draw_grid(_tiles(2, 2))

    _assert_same(page, Image.fromarray(expected).convert("RGB"))


def test_headings_stand_above_the_middle_of_their_columns() -> None:
    tiles = _tiles(1, 2, 4, 10)
    expected = Image.new("RGB", (2 + 2 * 22, 19 + 10 + 2), WHITE)
    expected.paste(draw_grid(tiles), (0, 19))
    for middle, text in ((2 + 10, "a"), (2 + 22 + 10, "b")):
        expected.paste(GREY, (middle - _mask(text).width // 2, 2), _mask(text))

    _assert_same(draw_grid(tiles, columns=["a", "b"]), expected)


def test_headings_stand_left_of_the_middle_of_their_rows() -> None:
    left = int(_font().getlength("owls")) + 4
    expected = Image.new("RGB", (left + 16, 22), WHITE)
    expected.paste(draw_grid(_tiles(2, 1)), (left, 0))
    draw = ImageDraw.Draw(expected)
    for middle, text in ((2 + 5, "owls"), (2 + 10 + 5, "x")):
        draw.text((left - 2, middle), text, GREY, _font(), anchor="rm")

    _assert_same(draw_grid(_tiles(2, 1), rows=["owls", "x"]), expected)


def test_heading_as_wide_as_its_column_lies_and_a_wider_one_stands() -> None:
    mask = _mask("owls")
    fits, narrow = (_tiles(1, 1, 4, mask.width - less) for less in (2, 3))
    expected = Image.new("RGB", (mask.width - 3 + 4, mask.width + 4 + 8), WHITE)
    expected.paste(draw_grid(narrow, scale=1), (0, mask.width + 4))
    upright = mask.transpose(Image.Transpose.ROTATE_90)
    expected.paste(GREY, (2 + (mask.width - 3) // 2 - 15 // 2, 2), upright)

    assert draw_grid(fits, columns=["owls"], scale=1).height == 15 + 4 + 8
    _assert_same(draw_grid(narrow, columns=["owls"], scale=1), expected)


@pytest.mark.parametrize(
    ("line", "cut"),
    [
        ("x" * 16, "x" * 16),
        ("x" * 17, "x" * 13 + "..."),
        ("x" * 80, "x" * 13 + "..."),
    ],
)
def test_line_is_cut_at_a_hundred_and_sixty_pixels(line: str, cut: str) -> None:
    assert _cut(line, lambda text: 10 * len(text)) == cut


def test_a_single_letter_is_never_cut() -> None:
    assert _cut("wide", lambda _: 1000) == "w..."


def test_colours_keep_their_places() -> None:
    pixels = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)

    np.testing.assert_array_equal(np.asarray(as_picture(pixels)), np.moveaxis(pixels, 0, -1))
    np.testing.assert_array_equal(np.asarray(as_picture(pixels[:1])), pixels[0])


def test_png_is_made_as_small_as_it_can_be(tmp_path: Path) -> None:
    picture = draw_grid(_tiles(3, 3))
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)

    assert save_picture(picture, tmp_path / "page.png").read_bytes() == content.getvalue()


@pytest.mark.parametrize("scale", [1, 64])
def test_scale_may_be_its_bounds(scale: int) -> None:
    assert check_page(1, 1, (4, 6), scale) == scale


@pytest.mark.parametrize("scale", [0, 65, -1, 1.5, "2", None, True])
def test_other_scales_are_refused(scale: object) -> None:
    with pytest.raises(InputError, match="scale is"):
        check_page(1, 1, (4, 6), scale)  # type: ignore[arg-type]


def test_page_may_have_as_many_pixels_as_are_allowed() -> None:
    assert MAX_PAGE_PIXELS == 2**28

    check_page(1, 2**13, (2**13 - 2, 2), 1)
    check_page(2**13, 1, (2, 2**13 - 2), 1)
    for rows, columns, size in ((1, 2**13, (2**13 - 1, 2)), (2**13 + 1, 1, (2, 2**13 - 2))):
        with pytest.raises(InputError, match="more than 268435456 in all"):
            check_page(rows, columns, size, 1)


@pytest.mark.parametrize("milliseconds", [10, 60_000])
def test_frames_stand_as_long_as_is_allowed(milliseconds: int, tmp_path: Path) -> None:
    frames = np.arange(2, dtype=np.uint8)[:, None, None, None].repeat(8, axis=3) * 100

    with Image.open(save_film(frames, tmp_path / "film.gif", scale=1, milliseconds=milliseconds)) as film:
        assert (film.info["duration"], film.info["loop"], film.size) == (milliseconds, 0, (8, 1))


@pytest.mark.parametrize("milliseconds", [9, 60_001])
def test_frames_that_stand_shorter_or_longer_are_refused(milliseconds: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="milliseconds is"):
        save_film(np.zeros((1, 1, 2, 2), np.uint8), tmp_path / "film.gif", scale=1, milliseconds=milliseconds)


@pytest.mark.parametrize(("n", "frames"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2, 1]), (4, [0, 1, 2, 3, 2, 1])])
def test_film_has_each_inner_frame_twice(n: int, frames: list[int], tmp_path: Path) -> None:
    given = (np.arange(n, dtype=np.uint8) * 50)[:, None, None, None].repeat(4, axis=2).repeat(4, axis=3)

    with Image.open(save_film(given, tmp_path / "film.gif", scale=2, milliseconds=50)) as film:
        seen = []
        for frame in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(frame)
            seen.append(int(np.asarray(film.convert("L"))[0, 0]))

    assert seen == [50 * frame for frame in frames]


@pytest.mark.parametrize("name", ["columns", "rows"])
def test_as_many_headings_as_there_are_images_and_no_more(name: str) -> None:
    draw_grid(_tiles(2, 2), **{name: ["a", "b"]})  # type: ignore[arg-type]
    draw_grid(_tiles(2, 2), **{name: ["a"]})  # type: ignore[arg-type]

    with pytest.raises(InputError, match="3 headings for 2"):
        draw_grid(_tiles(2, 2), **{name: ["a", "b", "c"]})  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["ab", b"ab", None, 3, {"a", "b"}, [1, 2], [None]])
def test_headings_are_a_list_of_text(given: object) -> None:
    with pytest.raises(InputError, match="heading"):
        draw_grid(_tiles(2, 2), columns=given)  # type: ignore[arg-type]


def test_heading_is_one_line_of_at_most_eighty_characters() -> None:
    page = draw_grid(_tiles(1, 1), rows=["i" * 80])

    assert draw_grid(_tiles(1, 1), rows=["i" * 81]).size == page.size
    assert draw_grid(_tiles(1, 1), rows=["i" * 79]).size != page.size
    _assert_same(draw_grid(_tiles(1, 1), rows=["a\nb"]), draw_grid(_tiles(1, 1), rows=["a\\nb"]))
