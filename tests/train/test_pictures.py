from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from vaeport.contract import Shapes
from vaeport.model.latents import latents
from vaeport_train.data import Dataset
from vaeport_train.networks.vae import ConditionalVAE
from vaeport_train.pictures import film_frame, sample_row, save_film, save_final_pictures, save_losses, save_samples
from vaeport_train.running.checkpoint import load_checkpoint
from vaeport_train.running.history import load_history

STEP = 2 * 28 + 2
"""Pixels from one image of a picture to the next: twice its size and a gap."""
DIGITS = tuple("0123456789")


def rows(n: int) -> list[np.ndarray]:
    return [np.full((10, 1, 28, 28), 10 * i % 256, np.uint8) for i in range(n)]


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_samples_have_a_column_a_class_and_a_row_an_epoch(tmp_path: Path) -> None:
    sizes = {}
    for n in (1, 2, 3):
        save_samples(tmp_path / f"{n}.png", rows(n), DIGITS)
        sizes[n] = size(tmp_path / f"{n}.png")

    assert [sizes[n][1] - sizes[1][1] for n in (2, 3)] == [STEP, 2 * STEP]
    assert 10 * STEP < sizes[1][0] < 11.5 * STEP
    assert sizes[1][0] == sizes[2][0] == sizes[3][0]


def test_of_many_epochs_twenty_are_shown_the_last_among_them(tmp_path: Path) -> None:
    many = rows(57)
    save_samples(tmp_path / "twenty.png", many[:20], DIGITS)
    save_samples(tmp_path / "many.png", many, DIGITS)

    with Image.open(tmp_path / "many.png") as picture:
        assert picture.size[1] == size(tmp_path / "twenty.png")[1]
        assert picture.getpixel((picture.size[0] - 10, picture.size[1] - 10)) == (many[-1][0, 0, 0, 0],) * 3


def test_runs_samples_picture_shows_the_saved_network(finished_run: Path) -> None:
    row = sample_row(load_checkpoint(finished_run).network, seed=0, row=2)

    with Image.open(finished_run / "samples.png") as picture:
        right, bottom = picture.size[0] - 2, picture.size[1] - 2
        last = np.asarray(picture.convert("L").crop((right - STEP, bottom - STEP, right, bottom)))[2:, 2:]
    shown = last[::2, ::2]
    assert min(np.abs(shown.astype(int) - row[9, 0].astype(int)).max(), 255) <= 1


def test_a_row_shares_one_latent_and_rows_differ(finished_run: Path) -> None:
    network: ConditionalVAE = load_checkpoint(finished_run).network

    first, again, other = (sample_row(network, seed=5, row=row) for row in (0, 0, 1))

    assert first.shape == (10, 1, 28, 28)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert network.shapes == Shapes((1, 28, 28), 4, 10)
    assert latents(5, 1, 4, start=1).shape == (1, 4)


@pytest.mark.parametrize("epochs", [1, 3])
def test_loss_curves_are_drawn(epochs: int, finished_run: Path, tmp_path: Path) -> None:
    save_losses(tmp_path / "losses.png", load_history(finished_run, epochs=epochs))

    with Image.open(tmp_path / "losses.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape == (360, 900, 3)
    coloured = (pixels.max(axis=2).astype(int) - pixels.min(axis=2)) > 60
    assert coloured[:, :450].sum() > 50
    assert coloured[:, 450:].sum() > 50


def test_same_curves_are_the_same_bytes(finished_run: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        save_losses(tmp_path / name, load_history(finished_run, epochs=3))

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_film_has_a_frame_an_epoch_all_of_one_size(tmp_path: Path) -> None:
    frames = [np.full((4, 10, 1, 28, 28), 20 * i, np.uint8) for i in range(11)]

    save_film(tmp_path / "film.gif", frames, DIGITS)

    with Image.open(tmp_path / "film.gif") as film:
        shown = [(frame.info["duration"], np.asarray(frame.convert("L"))) for frame in ImageSequence.Iterator(film)]
    assert [duration for duration, _ in shown] == [150] * 10 + [2500]
    assert [abs(int(pixels[-10, -10]) - 20 * index) <= 6 for index, (_, pixels) in enumerate(shown)] == [True] * 11


def test_frames_of_the_film_share_their_latents(finished_run: Path) -> None:
    network = load_checkpoint(finished_run).network

    frame = film_frame(network, seed=0)

    np.testing.assert_array_equal(frame, np.stack([sample_row(network, seed=0, row=row) for row in range(4)]))


def test_reconstructions_stand_below_their_images(finished_run: Path, digits: Dataset) -> None:
    network = load_checkpoint(finished_run).network
    _, held_out = digits.split("stratified", held_out=None, seed=0)

    save_final_pictures(finished_run, network, held_out, DIGITS)

    first = held_out.images[np.flatnonzero(held_out.labels == 9)[0], 0]
    with Image.open(finished_run / "reconstructions.png") as picture:
        right, top = picture.size[0] - 2, picture.size[1] - 2 - 6 * STEP
        shown = np.asarray(picture.convert("L").crop((right - STEP, top, right, top + STEP)))[2:, 2:]
    np.testing.assert_array_equal(shown[::2, ::2], first)
