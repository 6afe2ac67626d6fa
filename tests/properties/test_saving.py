"""What is saved is whole and readable, wherever a path leads, or refused with nothing left behind."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import vaeport
from tests.properties.strategies import junk
from vaeport.errors import VaeportError

SAVINGS: dict[str, Callable[[vaeport.Model, Any], Any]] = {
    "Drawings.save": lambda model, path: model.generate(0, 2).save(path),
    "Drawings.save_gif": lambda model, path: model.generate(0, 2).save_gif(path),
    "StyleGrid.save": lambda model, path: model.style_grid(1).save(path),
    "SampledDataset.save_npz": lambda model, path: model.sample_dataset(1).save_npz(path),
    "SampledDataset.save_folder": lambda model, path: model.sample_dataset(1).save_folder(path),
    "Bundle.pack": lambda model, path: model.bundle.pack(path),
}
NAMES = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(codec=None), min_size=1, max_size=4),
    st.sampled_from(
        ["", ".", "..", "a/b/c.png", "\0", "\ud800", "x" * 300, "é" * 200, "-", " ", "a\nb", "\x1b[31m", "...."]
    ),
)


@pytest.mark.parametrize("saving", SAVINGS)
@given(name=NAMES)
def test_any_name_is_written_whole_or_refused(saving: str, name: str, model: vaeport.Model) -> None:
    with TemporaryDirectory() as top:
        target = f"{top}/inner/{name}"

        written = _saved(lambda: SAVINGS[saving](model, target))

        files = [path for path in Path(top).rglob("*") if path.is_file()]
        assert bool(files) == (written is not None)
        assert all(path == written or path.is_relative_to(written) for path in files)


@pytest.mark.parametrize("saving", SAVINGS)
@given(path=junk().filter(lambda value: not isinstance(value, str)))
def test_what_is_no_path_is_refused(saving: str, path: Any, model: vaeport.Model) -> None:
    with pytest.raises(VaeportError):
        SAVINGS[saving](model, path)


@given(n=st.integers(0, 7), columns=st.integers(1, 9), scale=st.integers(1, 3), seed=st.integers(0, 99))
def test_grid_holds_the_drawings_row_by_row(n: int, columns: int, scale: int, seed: int, model: vaeport.Model) -> None:
    drawings = model.generate(0, n, seed=seed)
    with TemporaryDirectory() as folder:
        page = np.asarray(Image.open(drawings.save(Path(folder) / "grid.png", columns=columns, scale=scale)))

    step, gap = 4 * scale + 2, 2
    assert page.shape == (max(1, -(-n // columns)) * step + gap, columns * step + gap, 3)
    for number, picture in enumerate(drawings.to_pil()):
        top, left = (gap + step * place for place in divmod(number, columns))
        tile = page[top : top + 4 * scale : scale, left : left + 4 * scale : scale]
        np.testing.assert_array_equal(tile[..., 0], np.asarray(picture))
        np.testing.assert_array_equal(tile, tile[..., :1].repeat(3, axis=-1))


@given(n=st.integers(1, 6), scale=st.integers(1, 3), seed=st.integers(0, 99))
def test_film_runs_there_and_back_again(n: int, scale: int, seed: int, model: vaeport.Model) -> None:
    drawings = model.generate(0, n, seed=seed)
    with TemporaryDirectory() as folder, Image.open(drawings.save_gif(Path(folder) / "film.gif", scale=scale)) as film:
        assert film.size == (4 * scale, 4 * scale)
        frames = getattr(film, "n_frames", 1)
        film.seek(0)
        first = np.asarray(film.convert("L"))[::scale, ::scale]

    assert frames <= max(1, 2 * n - 2)  # equal neighbours count as one
    np.testing.assert_array_equal(first, drawings.to_uint8()[0, 0])


@given(
    n=st.integers(0, 4), labels=st.permutations(["cat", "dog", "owl"]), count=st.integers(1, 3), seed=st.integers(0, 99)
)
def test_data_set_is_read_back_as_it_was(
    n: int, labels: list[str], count: int, seed: int, model: vaeport.Model
) -> None:
    drawn = model.sample_dataset(n, labels=labels[:count], seed=seed)
    with TemporaryDirectory() as folder:
        with np.load(drawn.save_npz(Path(folder) / "set.npz")) as file:
            np.testing.assert_array_equal(file["images"], drawn.images)
            np.testing.assert_array_equal(file["labels"], drawn.labels)
            assert tuple(file["class_names"]) == tuple(labels[:count])
        top = drawn.save_folder(Path(folder) / "set")
        files = {name: sorted((top / name).iterdir()) for name in labels[:count]}
        pictures = [np.asarray(Image.open(path)) for name in drawn.class_names for path in files[name]]

    assert len(drawn) == n * count == len(pictures)
    for picture, image in zip(pictures, drawn.images, strict=True):
        np.testing.assert_array_equal(picture, image[0])


@given(rows=st.lists(st.one_of(st.text(), st.text(st.characters(codec=None))), max_size=3), n=st.integers(0, 3))
def test_headings_of_any_characters_are_drawn_or_refused(rows: list[str], n: int, model: vaeport.Model) -> None:
    with TemporaryDirectory() as folder:
        written = _saved(lambda: model.style_grid(n).save(Path(folder) / "grid.png", rows=rows))
        assert (written is None) == (len(rows) > n)


def _saved(save: Callable[[], Any]) -> Any:
    """Where it was written; None where that was refused."""
    try:
        return save()
    except VaeportError:
        return None
