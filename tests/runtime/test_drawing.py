"""Drawing: the same seed the same image, labels in every form, and what does not fit refused."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import vaeport
from vaeport import latents
from vaeport.errors import InputError, LabelError


def test_first_drawings_do_not_depend_on_how_many_are_drawn(tiny_model: vaeport.Model) -> None:
    eight, four = tiny_model.generate("cat", 8, seed=3), tiny_model.generate("cat", 4, seed=3)

    np.testing.assert_array_equal(eight.z[:4], four.z)
    np.testing.assert_allclose(eight.pixels[:4], four.pixels, rtol=0, atol=1e-6)


def test_start_goes_on_where_an_earlier_call_ended(tiny_model: vaeport.Model) -> None:
    eight, rest = tiny_model.generate("cat", 8, seed=3), tiny_model.generate("cat", 3, seed=3, start=5)

    np.testing.assert_array_equal(eight.z[5:], rest.z)
    np.testing.assert_allclose(eight.pixels[5:], rest.pixels, rtol=0, atol=1e-6)


def test_generate_draws_the_contract_s_latents(tiny_model: vaeport.Model) -> None:
    drawings = tiny_model.generate("dog", 5, seed=2**40, temperature=0.5)

    np.testing.assert_array_equal(drawings.z, latents(2**40, 5, 2) * np.float32(0.5))
    np.testing.assert_array_equal(drawings.class_probs, np.eye(3, dtype=np.float32)[[1] * 5])


def test_seeds_draw_different_images(tiny_model: vaeport.Model) -> None:
    assert not np.array_equal(tiny_model.generate("cat", seed=1).pixels, tiny_model.generate("cat", seed=2).pixels)


def test_temperature_zero_draws_the_prior_s_centre(tiny_model: vaeport.Model) -> None:
    drawings = tiny_model.generate("cat", 3, temperature=0)

    assert not drawings.z.any()
    np.testing.assert_allclose(drawings.pixels, tiny_model.decode(np.zeros((3, 2)), "cat").pixels, rtol=0, atol=1e-6)


@pytest.mark.parametrize("temperature", [-0.1, float("nan"), float("inf"), 1e39])
def test_temperature_out_of_range_raises_input_error(temperature: float, tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="temperature"):
        tiny_model.generate("cat", temperature=temperature)


@pytest.mark.parametrize(("n", "seed", "start"), [(-1, 0, 0), (1, -1, 0), (1, 2**64, 0), (1, 0, -1)])
def test_number_out_of_range_raises_input_error(n: int, seed: int, start: int, tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError):
        tiny_model.generate("cat", n, seed=seed, start=start)


@pytest.mark.parametrize("label", ["dog", 1, np.int64(1)])
def test_label_by_name_and_by_index(label: str | int, tiny_model: vaeport.Model) -> None:
    np.testing.assert_array_equal(tiny_model.generate(label, 2).pixels, tiny_model.generate("dog", 2).pixels)


@pytest.mark.parametrize("label", ["bird", "", "Cat", "1", -1, 3, 1.9, None])
def test_unknown_label_raises_an_error_that_lists_the_known(label: object, tiny_model: vaeport.Model) -> None:
    with pytest.raises(LabelError, match="tiny knows cat, dog, owl"):
        tiny_model.generate(label)  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", [["cat", "owl"], [0, 2], ("cat", 2), np.array([0, 2])])
def test_labels_one_a_row(labels: object, tiny_model: vaeport.Model) -> None:
    drawings = tiny_model.decode(np.zeros((2, 2)), labels)  # type: ignore[arg-type]

    np.testing.assert_array_equal(drawings.class_probs, np.eye(3)[[0, 2]])


def test_wrong_number_of_labels_raises_input_error(tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="2 labels given for 3 latents"):
        tiny_model.decode(np.zeros((3, 2)), ["cat", "owl"])


def test_class_probabilities_in_place_of_labels(tiny_model: vaeport.Model) -> None:
    probs = np.array([[0.5, 0.25, 0.25], [0, 0, 1]])

    drawings = tiny_model.decode(np.zeros((2, 2)), probs)

    np.testing.assert_array_equal(drawings.class_probs, probs.astype(np.float32))
    np.testing.assert_allclose(
        drawings.pixels[1:], tiny_model.decode(np.zeros((1, 2)), "owl").pixels, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("probs", [np.ones((1, 3)), np.ones((2, 2)), np.ones(3), np.full((2, 3), np.nan)])
def test_class_probabilities_that_do_not_fit_raise_input_error(
    probs: NDArray[np.float64], tiny_model: vaeport.Model
) -> None:
    with pytest.raises(InputError, match="class probabilities"):
        tiny_model.decode(np.zeros((2, 2)), probs)


def test_one_latent_may_come_without_its_batch_axis(tiny_model: vaeport.Model) -> None:
    assert tiny_model.decode(np.zeros(2), "cat").pixels.shape == (1, 1, 4, 4)


@pytest.mark.parametrize("z", [np.zeros((1, 3)), np.zeros(3), np.zeros((1, 1, 2)), np.full((1, 2), np.nan), "abc"])
def test_latents_that_do_not_fit_raise_input_error(z: NDArray[np.float64], tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match=r"^z .*\[N, 2\]|^row 0 of z holds NaN"):
        tiny_model.decode(z, "cat")


def test_drawings_are_saved_as_one_grid(tiny_model: vaeport.Model, tmp_path: Path) -> None:
    path = tiny_model.generate("cat", 5).save(tmp_path / "new/cats.png", columns=3, scale=1)

    with Image.open(path) as picture:
        assert picture.size == (3 * 6 + 2, 2 * 6 + 2)
