"""Input sets: checked, extended, drawn, and tried at other sizes."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from vaeport.errors import InputError
from vaeport_parity.asking.inputs import Domain, checked_inputs, given_sets, seeded_sets
from vaeport_parity.subjects.tensors import TensorSpec

X = TensorSpec("x", "float32", ("batch", 3))
TOKENS = TensorSpec("tokens", "int64", ("batch", "length"))
MASK = TensorSpec("mask", "bool", ("batch", "length"))


def takes_all(_: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"x": np.ones((2, 4), "f4")}, r"input 'x' is \[2, 4\], the graph takes \[batch, 3\]"),
        ({"x": np.full((2, 3), 0.1)}, r"input 'x' is float64, the graph takes float32, and converting would change"),
        ({"x": np.full((2, 3), np.nan, "f4")}, r"input 'x' holds NaN"),
        ({"y": np.ones((2, 3), "f4")}, r"the graph has no input 'y'; its inputs are x"),
        ({}, r"inputs lack 'x', float32 \[batch, 3\]"),
        ({"x": np.array([["a"]])}, r"input 'x' is <U1, the graph takes float32"),
    ],
)
def test_unfit_inputs_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        checked_inputs(given, [X])


def test_conversion_without_loss_is_made() -> None:
    assert checked_inputs({"x": np.ones((2, 3))}, [X])["x"].dtype == np.float32
    assert checked_inputs({"tokens": [[1, 2]]}, [TOKENS])["tokens"].dtype == np.int64


def test_axis_of_two_sizes_is_refused() -> None:
    with pytest.raises(InputError, match="the axis 'length' is 4 in input 'tokens' and 5 in 'mask'"):
        checked_inputs({"tokens": np.ones((2, 4), int), "mask": np.ones((2, 5), bool)}, [TOKENS, MASK])


def test_rows_are_blended_where_all_inputs_are_floats() -> None:
    rows = np.array([[0, 0, 0], [1, 2, 3], [4, 4, 4]], np.float32)

    asked = given_sets(Domain("g", (X,)), {"x": rows}, takes_all)

    probes = asked.sets[0].inputs["x"]
    assert probes.shape == (300, 3)
    np.testing.assert_array_equal(probes[:3], rows)
    assert len(np.unique(probes, axis=0)) > 250
    assert probes.min() >= 0
    assert probes.max() <= 4


def test_rows_are_repeated_where_integers_are_among_them() -> None:
    arrays = {"tokens": np.arange(8).reshape(2, 4), "mask": np.ones((2, 4), bool)}

    asked = given_sets(Domain("g", (TOKENS, MASK)), arrays, takes_all)

    assert {tuple(row) for row in asked.sets[0].inputs["tokens"]} == {(0, 1, 2, 3), (4, 5, 6, 7)}
    assert [each.name for each in asked.sets[1:]] == ["length=1", "length=2", "length=5", "length=8"]
    assert asked.sets[-1].inputs["mask"].shape == (4, 8)


def test_integers_need_a_range_and_stay_in_it() -> None:
    with pytest.raises(InputError, match=r"--range tokens=LOW:HIGH"):
        seeded_sets(Domain("g", (TOKENS,)), takes_all)

    asked = seeded_sets(Domain("g", (TOKENS,), {"tokens": (3, 9)}), takes_all)

    for each in asked.sets:
        assert each.inputs["tokens"].min() >= 3
        assert each.inputs["tokens"].max() <= 8
    edges = next(each for each in asked.sets if each.name == "edges").inputs["tokens"]
    assert set(np.unique(edges)) == {3, 8}


def test_seed_decides_what_is_drawn() -> None:
    first, second, other = (
        seeded_sets(Domain("g", (X,), seed=seed), takes_all).sets[0].inputs["x"] for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_edges_hold_the_smallest_numbers_and_large_ones_have_a_scale() -> None:
    spec = TensorSpec("x", "bfloat16", ("batch", 2))

    sets = {each.name: each for each in seeded_sets(Domain("g", (spec,)), takes_all).sets}

    edges = sets["edges"].inputs["x"]
    assert edges.dtype == ml_dtypes.bfloat16
    assert 0 < float(edges[3, 0]) < 1e-38
    assert sets["large"].scale
    assert np.abs(sets["large"].inputs["x"].astype(np.float64)).max() > 500


def test_no_mask_hides_everything() -> None:
    asked = seeded_sets(Domain("g", (MASK,)), takes_all)

    assert all(each.inputs["mask"].any(axis=1).all() for each in asked.sets)


def test_sizes_that_the_reference_refuses_are_named() -> None:
    asked = seeded_sets(Domain("g", (MASK,)), lambda arrays: arrays["mask"].shape[1] % 4 == 0)

    assert asked.sets[0].inputs["mask"].shape[1] == 8
    assert [each.name for each in asked.sets if "=" in each.name] == ["length=16"]
    assert [text.split(":")[0] for text in asked.left_out] == ["g, length=1", "g, length=2", "g, length=9"]
