"""Grids are as large as they must be, in RGB, every image in its place under its heading."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vaeport.errors import OutputError
from vaeport.images.pictures import as_picture, draw_grid, save_picture


def _levels(rows: int, columns: int, channels: int = 1) -> NDArray[np.uint8]:
    """Every image one flat level of its own, 4 high and 6 wide."""
    levels = (np.arange(rows * columns, dtype=np.uint8) * 10).reshape(rows, columns, 1, 1, 1)
    return np.broadcast_to(levels, (rows, columns, channels, 4, 6)).copy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1, 3])
def test_grid_without_headings_is_tiles_and_gaps(channels: int, scale: int) -> None:
    page = draw_grid(_levels(2, 3, channels), scale=scale)

    assert page.mode == "RGB"
    assert page.size == (3 * (6 * scale + 2) + 2, 2 * (4 * scale + 2) + 2)


def test_every_image_stands_in_its_place() -> None:
    page = np.asarray(draw_grid(_levels(2, 3), scale=1))

    corners = page[2::6, 2::8][:2, :3]

    np.testing.assert_array_equal(corners[..., 0], [[0, 10, 20], [30, 40, 50]])
    assert (page == page[..., :1]).all()


def test_headings_take_room_above_and_to_the_left() -> None:
    plain = draw_grid(_levels(2, 3))

    headed = draw_grid(_levels(2, 3), columns=["a", "b", "c"], rows=["first", "second"])

    assert headed.width > plain.width
    assert headed.height > plain.height
    # The tiles themselves are the same, at the lower right.
    tiles = headed.crop((headed.width - plain.width, headed.height - plain.height, headed.width, headed.height))
    assert tiles.tobytes() == plain.tobytes()


def test_headings_stand_upright_where_one_is_wider_than_its_column() -> None:
    flat, upright = (draw_grid(_levels(1, 2), columns=[text, "b"]) for text in ("a", "ankle-boot"))

    assert upright.width == flat.width
    assert upright.height > flat.height + 40


def test_heading_too_long_for_a_page_ends_in_dots() -> None:
    long, longer = (draw_grid(_levels(1, 2), columns=["long " * times, "b"]) for times in (20, 40))

    assert long.tobytes() == longer.tobytes()
    assert long.height < 200


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (2, 0)])
def test_grid_of_nothing_is_an_empty_page(rows: int, columns: int) -> None:
    assert draw_grid(_levels(rows, columns)).getcolors() == [((2 + columns * 14) * (2 + rows * 10), (255, 255, 255))]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_image_becomes_a_picture_of_its_own_size(channels: int, mode: str) -> None:
    picture = as_picture(np.full((channels, 4, 6), 7, np.uint8))

    assert (picture.mode, picture.size) == (mode, (6, 4))


def test_saved_picture_is_a_png_whatever_its_name(tmp_path: Path) -> None:
    save_picture(as_picture(np.zeros((1, 4, 6), np.uint8)), tmp_path / "picture.dat")

    with Image.open(tmp_path / "picture.dat") as picture:
        assert picture.format == "PNG"


def test_picture_that_cannot_be_saved_raises_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        save_picture(as_picture(np.zeros((1, 4, 6), np.uint8)), tmp_path)
