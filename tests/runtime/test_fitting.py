"""Pictures of any size, place and polarity reach the model as docs/images.md says, and digits as MNIST has them."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.runtime.image_reference import fit_mnist, fit_resize
from vaeport import open_bundle
from vaeport.errors import ImageError, InputError
from vaeport.images.batch import to_batch, to_uint8
from vaeport.images.fitting import Polarity

GREY, ODD, COLOUR = (1, 28, 28), (1, 32, 20), (3, 28, 28)

Pixels = NDArray[np.uint8]

SIDES: tuple[Polarity, ...] = ("dark-ink", "light-ink")


@pytest.fixture(scope="module")
def digits() -> Pixels:
    """Uint8 [N, 28, 28], digits of MNIST."""
    with np.load(io.BytesIO(open_bundle("mnist-blog").read("golden.npz"))) as golden:
        images, labels = golden["encoder_classifier.image"], golden["labels"]
    shown: Pixels = images[labels >= 0][:, 0]
    return shown


def _drawn(width: int, height: int, *, dark: bool = True, noise: int = 0, seed: int = 0) -> Pixels:
    """A page with a stroke somewhere."""
    rng = np.random.default_rng(seed)
    page = Image.new("L", (width, height), 210 if dark else 40)
    corners = [(float(x) * width, float(y) * height) for x, y in rng.uniform(0.15, 0.85, (4, 2))]
    ImageDraw.Draw(page).line(corners, fill=20 if dark else 250, width=max(2, width // 12))
    grain = rng.integers(-noise, noise + 1, (height, width)) if noise else 0
    pixels: Pixels = np.clip(np.asarray(page, np.int64) + grain, 0, 255).astype(np.uint8)
    return pixels


PAGES = {
    "small": _drawn(19, 23),
    "model's own size": _drawn(28, 28),
    "wide": _drawn(90, 31, seed=1),
    "tall, light ink": _drawn(33, 120, dark=False, seed=2),
    "grainy": _drawn(140, 100, noise=12, seed=3),
    "larger than the working size": _drawn(700, 530, noise=5, seed=4),
    "blank": np.full((40, 30), 200, np.uint8),
    "one dot": np.pad(np.zeros((1, 1), np.uint8), 20, constant_values=255),
    "half and half": np.repeat(np.array([[0, 255]], np.uint8), 30, axis=1).repeat(60, axis=0),
    "ink to the edges": np.tile(np.arange(0, 250, 5).astype(np.uint8), (50, 1)),
}


@pytest.mark.parametrize("shape", [GREY, ODD])
@pytest.mark.parametrize("page", PAGES)
def test_fit_mnist_is_what_the_document_says(page: str, shape: tuple[int, int, int]) -> None:
    seen = to_batch(Image.fromarray(PAGES[page]), shape, fit="mnist")[0, 0]

    np.testing.assert_allclose(seen, fit_mnist(PAGES[page].tolist(), *shape[1:]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [GREY, ODD])
@pytest.mark.parametrize("page", sorted(PAGES.keys() - {"larger than the working size"}))
def test_fit_resize_is_what_the_document_says(page: str, shape: tuple[int, int, int]) -> None:
    seen = to_uint8(to_batch(Image.fromarray(PAGES[page]), shape, fit="resize"))[0, 0]

    np.testing.assert_allclose(seen.astype(int), fit_resize(PAGES[page].tolist(), *shape[1:]), rtol=0, atol=1)


@pytest.mark.parametrize("turned_round", [False, True])
def test_digits_of_mnist_come_out_as_they_went_in(turned_round: bool, digits: Pixels) -> None:
    pictures = [Image.fromarray(255 - digit if turned_round else digit) for digit in digits]

    seen = to_batch(pictures, GREY, fit="mnist")[:, 0]

    difference = np.abs(seen - digits / 255).mean(axis=(1, 2))
    assert np.median(difference) < 0.01
    assert (difference < 0.03).mean() > 0.8  # a faint end may be cropped, and then the rest grows


@pytest.mark.parametrize("place", [(0, 0), (150, 40), (172, 92)])
def test_place_on_the_page_does_not_matter(place: tuple[int, int], digits: Pixels) -> None:
    page = Image.new("L", (200, 120), 255)
    page.paste(Image.fromarray(255 - digits[0]), place)

    np.testing.assert_array_equal(
        to_batch(page, GREY, fit="mnist"), to_batch(Image.fromarray(digits[0]), GREY, fit="mnist")
    )


@pytest.mark.parametrize("times", [2, 9, 40])
def test_size_on_the_page_hardly_matters(times: int, digits: Pixels) -> None:
    large = [Image.fromarray(255 - digit).resize((28 * times,) * 2, Image.Resampling.BICUBIC) for digit in digits[:20]]

    difference = to_batch(large, GREY, fit="mnist")[:, 0] - digits[:20] / 255

    assert np.median(np.abs(difference).mean(axis=(1, 2))) < 0.03


def test_ink_s_proportions_are_kept() -> None:
    page = np.full((100, 300), 255, np.uint8)
    page[40:60, 50:250] = 0

    seen = to_batch(Image.fromarray(page), GREY, fit="mnist")[0, 0] > 0.5

    assert (seen.any(axis=0).sum(), seen.any(axis=1).sum()) == (20, 2)


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (200, 140), (120, 20), (100, 230), (0, 255), (130, 90)])
def test_ink_is_found_on_paper_of_any_grey(paper: int, ink: int, digits: Pixels) -> None:
    grey = np.round(paper + (ink - paper) * (digits[0] / 255.0)).astype(np.uint8)

    seen = to_batch(Image.fromarray(grey), GREY, fit="mnist")[0, 0]

    np.testing.assert_allclose(seen, to_batch(Image.fromarray(digits[0]), GREY, fit="mnist")[0, 0], atol=0.05)


def test_told_polarity_is_believed() -> None:
    page = np.full((28, 28), 100, np.uint8)
    page[5:15, 5:15], page[20:23, 20:23] = 0, 255

    dark, light = (to_batch(Image.fromarray(page), GREY, fit="mnist", polarity=side)[0, 0] > 0.5 for side in SIDES)

    assert dark.sum() == light.sum() == 400  # either square fills the box


def test_fit_mnist_of_a_colour_model_raises_image_error() -> None:
    with pytest.raises(ImageError, match="models of grey images"):
        to_batch(Image.new("RGB", (28, 28)), COLOUR, fit="mnist")


def test_fit_none_takes_the_model_s_size_alone() -> None:
    page = PAGES["model's own size"]

    np.testing.assert_array_equal(to_uint8(to_batch(Image.fromarray(page), GREY, fit="none"))[0, 0], 255 - page)
    with pytest.raises(ImageError, match="picture is 90x31, this model takes 28x28"):
        to_batch(Image.fromarray(PAGES["wide"]), GREY, fit="none")


def test_unknown_fit_raises_input_error() -> None:
    with pytest.raises(InputError, match="fit is 'stretch'"):
        to_batch(Image.new("L", (28, 28)), GREY, fit="stretch")  # type: ignore[arg-type]


def test_content_of_a_file_is_an_image_too(tmp_path: Path) -> None:
    Image.fromarray(PAGES["wide"]).save(tmp_path / "page.png")
    content = (tmp_path / "page.png").read_bytes()

    np.testing.assert_array_equal(to_batch(content, GREY), to_batch(tmp_path / "page.png", GREY))
    np.testing.assert_array_equal(to_batch([content] * 3, GREY)[2:], to_batch(content, GREY))


def test_content_that_is_too_long_raises_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaeport.images.files.MAX_BYTES", 100)

    with pytest.raises(ImageError, match="the given content is larger than 100 bytes"):
        to_batch(b"\0" * 101, GREY)
