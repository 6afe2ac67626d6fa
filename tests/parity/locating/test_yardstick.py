"""Tensors of the reference, looked up by value."""

import numpy as np
import torch
from torch import nn

from tests.parity.locating.graphs import GRAPHS, inputs_of
from vaeport_parity.locating.graph_run import GraphRun
from vaeport_parity.locating.weights import change, unknown_entries
from vaeport_parity.locating.yardstick import Yardstick, tells, torch_yardstick, turned, yardstick_of

VALUES = np.random.default_rng(0).standard_normal((4, 6))


def yardstick() -> Yardstick:
    made = Yardstick("the original")
    made.put("values", VALUES, None)
    return made


def test_tensor_is_found_in_any_shape_and_in_any_order() -> None:
    assert yardstick().same(VALUES.reshape(2, 12)) == ["values"]
    assert yardstick().same(VALUES.T) == []
    assert yardstick().same(VALUES.T, ordered=False) == ["values"]


def test_small_fault_is_near_and_not_the_same() -> None:
    changed = VALUES.copy()
    changed[1, 2] += 1e-4

    assert yardstick().same(changed) == []
    assert yardstick().near(changed) == ["values"]
    assert yardstick().near(changed + 1) == []


def test_large_tensor_that_differs_in_one_entry_is_not_the_same() -> None:
    large = np.random.default_rng(0).standard_normal(100_000)
    made = Yardstick("the original")
    made.put("large", large, None)
    changed = large.copy()
    changed[77_777] += 1

    assert made.same(large.copy()) == ["large"]
    assert made.same(changed) == []
    assert made.same(large[::-1], ordered=False) == ["large"]
    assert made.same(changed[::-1], ordered=False) == []


def test_constant_tensors_tell_nothing() -> None:
    assert not tells(np.zeros((3, 3)))
    assert not tells(np.ones(1))
    assert tells(np.concatenate([np.zeros(5000), [1.0]]))


def test_axes_are_turned_to_the_nearest_order() -> None:
    cube = np.random.default_rng(0).standard_normal((3, 3, 3))

    assert np.array_equal(turned(cube, cube.transpose(2, 0, 1) + 1e-3), cube.transpose(2, 0, 1))  # type: ignore[arg-type]
    assert turned(VALUES, np.zeros((5, 5))) is None


def test_tensors_inside_functions_and_taken_branches_are_known() -> None:
    calling = yardstick_of(GraphRun(GRAPHS["calling"](), inputs_of("calling")), "the original")
    branching = yardstick_of(GraphRun(GRAPHS["branching"](), inputs_of("branching")), "the original")

    assert "active/shifted" in calling.made
    assert "active/result/small" in calling.made
    assert "chosen/doubled" in branching.made
    assert "chosen/c" not in branching.made


def test_attention_of_pytorch_is_recorded_step_by_step() -> None:
    query = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    recorded = torch_yardstick(lambda: nn.functional.scaled_dot_product_attention(query, query, query), {})

    sums = [values.sum(-1) for values in recorded.values.values() if values.shape[-2:] == (3, 3)]
    assert any(np.allclose(each, 1) for each in sums)


def test_recorded_tensors_keep_what_they_were_when_they_are_changed_in_place() -> None:
    def compute() -> None:
        values = torch.ones(3, dtype=torch.float64) * 2
        values.add_(1)

    recorded = [values.tolist() for values in torch_yardstick(compute, {}).values.values()]

    assert [2.0] * 3 in recorded
    assert [3.0] * 3 in recorded


def test_what_pytorch_reads_is_known_as_input_or_weight() -> None:
    layer, x = nn.Linear(6, 2).double(), torch.from_numpy(VALUES)

    recorded = torch_yardstick(lambda: layer(x), {"x": VALUES})

    made = recorded.made[next(name for name in recorded.made if name.startswith("addmm"))]
    assert "x" in made.reads
    assert any(np.array_equal(each, layer.bias.detach().numpy()) for each in recorded.weights.values())


def test_change_of_a_weight_is_told_in_any_layout() -> None:
    changed = VALUES.T.copy()
    changed[0, 0] += 0.5

    assert change(VALUES.T, VALUES, "it") == ""
    assert change(changed, VALUES, "it") == "differs from that of it in 1 of 24 values, by up to 0.5"
    assert change(VALUES[::-1], VALUES, "it") == "holds the values of it in another order in 24 of 24 places"
    assert unknown_entries(changed, VALUES) == 1
