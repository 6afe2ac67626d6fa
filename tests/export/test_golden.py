from pathlib import Path

import numpy as np
import pytest

from tests.export.material import Opened
from vaeport.bundle.golden import parse_golden
from vaeport.contract import GRAPHS, Shapes
from vaeport.errors import BundleError
from vaeport_export.bundle.golden import float32_tolerances, make_golden
from vaeport_export.bundle.probes import (
    PROBE_ROWS,
    decoder_inputs,
    golden_inputs,
    probe_cuts,
    probe_inputs,
    probe_rows,
    random_rows,
)
from vaeport_train.running.run import load_examples

SHAPES = Shapes((1, 28, 28), 4, 10)


def some_images(n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(0).integers(0, 256, (n, 1, 28, 28), np.uint8)
    return images, np.arange(n, dtype=np.int64) % 10


def test_golden_file_reads_back_as_it_was_made(narrow: Opened, runs: Path) -> None:
    examples = load_examples(runs / "narrow")

    made = make_golden(narrow.original, examples.images, examples.labels, SHAPES)

    read = parse_golden(narrow.bundle.read("golden.npz"), SHAPES).to_arrays()
    assert set(read) == set(made.to_arrays())
    for name, array in made.to_arrays().items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)


def test_golden_file_of_other_shapes_is_refused(narrow: Opened) -> None:
    with pytest.raises(BundleError, match=r"golden\.npz must hold"):
        parse_golden(narrow.bundle.read("golden.npz"), Shapes((1, 28, 28), 5, 10))


def test_golden_inputs_begin_with_the_given_images() -> None:
    images, labels = some_images()

    golden = golden_inputs(images, labels, SHAPES)

    assert np.array_equal(golden.images[:20], images)
    assert np.array_equal(golden.labels[:20], labels)
    assert set(golden.labels[20:].tolist()) == {-1}
    assert len(golden.labels) == len(golden.images)


def test_golden_images_hold_the_extremes() -> None:
    special = golden_inputs(*some_images(), SHAPES).images[20:]

    flat = {int(image[0, 0, 0]) for image in special if image.min() == image.max()}
    assert flat == {0, 1, 128, 255}
    dots = [image for image in special if np.count_nonzero(image) == 1]
    assert [int(dot.max()) for dot in dots] == [255]
    noise = [image for image in special if image.std() > 50]
    assert len(noise) == 8


def test_decoder_rows_hold_every_class_and_unusual_ones() -> None:
    z, probs = decoder_inputs(SHAPES, 80)

    one_hot = probs.max(axis=1) == 1
    assert np.bincount(probs[:80].argmax(axis=1)).tolist() == [8] * 10
    assert one_hot[:80].all()
    assert (~one_hot).sum() == 16
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)
    assert (z == 0).all(axis=1).nonzero()[0].tolist() == [len(z) - 1]
    assert np.abs(z[-9:-1]).std() > 2 * np.abs(z[:80]).std()


def test_probes_are_six_hundred_rows_that_begin_with_the_golden_ones() -> None:
    golden = golden_inputs(*some_images(), SHAPES)

    probes = probe_inputs(golden, SHAPES)

    for graph in GRAPHS:
        for name, values in probes[graph].items():
            recorded = golden.inputs(graph)[name]
            assert values.dtype == np.float32
            assert values.shape == (PROBE_ROWS, *SHAPES.row(name))
            assert np.array_equal(values[: len(recorded)], recorded)
    image = probes["encoder_classifier"]["image"]
    assert 0 <= image.min() <= image.max() <= 1


def test_probes_of_a_convolutional_network_are_fewer() -> None:
    probes = probe_inputs(golden_inputs(*some_images(), SHAPES), SHAPES, rows=probe_rows(convolutional=True))

    assert {len(values) for inputs in probes.values() for values in inputs.values()} == {257}


@pytest.mark.parametrize("n", [257, 600])
def test_probes_are_cut_in_every_batch_size_and_never_twice(n: int) -> None:
    cuts = [(rows.start, rows.stop) for rows in probe_cuts(n)]

    assert {stop - start for start, stop in cuts} >= {0, 1, 2, 7, 257, n}
    assert len(cuts) == len(set(cuts))


@pytest.mark.parametrize("n", [1, 20, 80])
def test_probes_are_the_same_every_time(n: int) -> None:
    first, second = (probe_inputs(golden_inputs(*some_images(n), SHAPES), SHAPES) for _ in range(2))

    for graph, inputs in first.items():
        assert all(np.array_equal(values, second[graph][name]) for name, values in inputs.items())


def test_random_rows_fill_the_unit_interval() -> None:
    rows = random_rows(50, 100)

    assert rows.dtype == np.float32
    assert 0 <= rows.min() <= rows.max() < 1
    assert np.histogram(rows, 4, (0, 1))[0].min() > 1000
    assert np.array_equal(rows[:10], random_rows(10, 100))


def test_noise_floor_is_measured_not_guessed(narrow: Opened) -> None:
    golden = parse_golden(narrow.bundle.read("golden.npz"), SHAPES)

    measured = float32_tolerances(narrow.original, golden, SHAPES)

    recorded = narrow.bundle.manifest.tolerances["fp32"]
    for graph, outputs in measured.items():
        for name, tolerance in outputs.items():
            # Another batch or thread count may sum in another order; the size of the noise stays.
            assert tolerance.noise_floor == pytest.approx(recorded[graph][name].noise_floor, rel=0.5)


@pytest.mark.parametrize("classes", [2, 69, 120])
def test_probes_of_many_classes_still_go_beyond_the_golden_rows(classes: int) -> None:
    shapes = Shapes((1, 4, 4), 3, classes)
    images = np.zeros((8 * classes, 1, 4, 4), np.uint8)

    golden = golden_inputs(images, np.arange(8 * classes) % classes, shapes)
    probes = probe_inputs(golden, shapes)

    assert len(probes["encoder_classifier"]["image"]) >= max(600, len(golden.images) + 100)
    assert len(probes["decoder"]["z"]) == len(probes["decoder"]["class_probs"]) >= max(600, len(golden.z) + 100)
