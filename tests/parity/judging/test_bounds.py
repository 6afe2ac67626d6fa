"""Bounds: as they are given, or measured from the reference's own noise."""

from typing import Any

import numpy as np
import pytest

from tests.parity.judging.plans import Formula, bound, graph, numbers, planned, probes, thirds
from vaeport.contract import Tolerance
from vaeport.errors import InputError
from vaeport_parity.judging.bounds import NO_BOUND, Bounds, given_bounds
from vaeport_parity.subjects.subject import Chain, Graph, InputSet
from vaeport_parity.subjects.tensors import Arrays, TensorSpec

EPS = float(np.finfo(np.float32).eps)

ONE = (TensorSpec("y", "float32", ("batch", 3)),)


def _noisy(error: float, largest: float = 1.0) -> Graph:
    """Answers of at most 1, off in float32 by an error in the last row of every batch."""

    def answers(inputs: Arrays) -> Arrays:
        y = inputs["x"] * 0 + np.array([largest, largest / 2, largest / 4], inputs["x"].dtype)
        if inputs["x"].dtype == np.float32 and len(y):
            y[-1, -1] += np.float32(error)
        return {"y": y}

    return graph(of=answers, outputs=ONE, scores=frozenset())


def test_bound_is_four_noise_floors() -> None:
    found = Bounds(planned(graphs=(_noisy(0.25),))).of("graph", "y")

    assert found == Tolerance(max_abs=1.0, noise_floor=0.25)


@pytest.mark.parametrize("largest", [1.0, -8.0])
def test_exact_answers_have_a_rounding_step_of_the_largest(largest: float) -> None:
    found = Bounds(planned(graphs=(_noisy(0, largest),))).of("graph", "y")

    assert found == Tolerance(4 * EPS * abs(largest), EPS * abs(largest))


def test_noise_is_found_in_every_batch_that_is_asked() -> None:
    def answers(inputs: Arrays) -> Arrays:
        y = np.ones_like(inputs["x"])
        if inputs["x"].dtype == np.float32 and len(y) == 2:
            y += np.float32(0.5)
        return {"y": y - y.mean(axis=0) if len(y) == 7 else y}  # so that rows influence each other

    cut, whole = (
        Bounds(planned(probes(cuts=cuts), graphs=(graph(of=answers, outputs=ONE, scores=frozenset()),)))
        for cuts in ("sizes", "whole")
    )

    assert (cut.of("graph", "y").noise_floor, whole.of("graph", "y").noise_floor) == (0.5, EPS)


def test_batch_that_the_reference_refuses_is_passed_over() -> None:
    def answers(inputs: Arrays) -> Arrays:
        if len(inputs["x"]) == 1:
            raise InputError("no single rows")
        y = np.ones_like(inputs["x"])
        return {"y": y + np.float32(0.5 if y.dtype == np.float32 and len(y) == 2 else 0)}

    plan = planned(graphs=(graph(of=answers, outputs=ONE, scores=frozenset()),))

    assert Bounds(plan).of("graph", "y").noise_floor == 0.5


@pytest.mark.parametrize(("rows", "every"), [(10, 4), (749, 4), (750, 5), (899, 5), (900, 6)])
def test_plain_sums_count_on_every_fourth_row_or_a_hundred_and_fifty(rows: int, every: int) -> None:
    def answers(inputs: Arrays) -> Arrays:
        return {"y": inputs["x"] * 0 + 1}

    class Plain(Formula):
        def answers(self, inputs: Arrays, precision: Any, *, plain: bool = False) -> Arrays:
            found = super().answers(inputs, precision, plain=plain)
            if plain:
                asked.append(inputs["x"][:, 0].tolist())
                found["y"][-1] += np.float32(0.125)
            return found

    asked: list[list[float]] = []
    given = probes(rows, cuts="whole")
    plan = planned(given, graphs=(graph(reference=Plain(answers, plain=True), outputs=ONE, scores=frozenset()),))

    assert Bounds(plan).of("graph", "y") == Tolerance(0.5, 0.125)
    assert asked == [given.inputs["x"][::every, 0].tolist()]


def test_sets_of_the_user_and_of_another_scale_have_no_part_in_the_floor() -> None:
    sets = (
        probes(4, cuts="whole"),
        InputSet("yours", "graph", {"x": numbers(4, scale=1e6)}, given=True),
        InputSet("large", "graph", {"x": numbers(4, scale=100)}, scale="large"),
    )
    bounds = Bounds(planned(*sets))

    small, large = (bounds.of("graph", "y", name).noise_floor for name in ("probes", "large"))

    assert bounds.of("graph", "y") == bounds.of("graph", "y", "probes")
    assert 20 * small < large < 500 * small
    assert small < 2 * EPS


def test_floor_is_measured_once() -> None:
    asked: list[int] = []

    def answers(inputs: Arrays) -> Arrays:
        asked.append(len(inputs["x"]))
        return thirds(inputs)

    plan = planned(probes(4, cuts="whole"), graphs=(graph(of=answers),))
    bounds = Bounds(plan)
    first = bounds.of("graph", "y")
    before = len(asked)

    assert bounds.of("graph", "y", "probes") is not None
    assert bounds.of("graph", "scores") != first or len(asked) == before
    assert len(asked) == before


def test_integers_must_be_equal() -> None:
    assert Bounds(planned()).of("graph", "best") is NO_BOUND
    assert Tolerance(0, 0) == NO_BOUND


@pytest.mark.parametrize(("times", "taken"), [(0.5, True), (1.9, True), (2.1, False), (1000, False)])
def test_given_bound_is_taken_unless_its_floor_is_far_above_what_is_measured(times: float, taken: bool) -> None:
    measured = Bounds(planned()).of("graph", "y")
    given = bound(times * measured.noise_floor, 4 * times * measured.noise_floor)

    found = Bounds(planned(graphs=(graph(tolerances={"y": given}),))).of("graph", "y")

    assert found == (given if taken else measured)


@pytest.mark.parametrize(("noise", "taken"), [([0.2], True), ([0.01, 0.2], True), ([0.01, 0.1], False), ([], True)])
def test_floor_of_a_reference_without_noise_is_checked_by_the_subject_s_own_ways(
    noise: list[float], taken: bool
) -> None:
    given = bound(1.0, 4.0)
    ways = graph(
        reference=Formula(thirds, has_noise=False),
        tolerances={"y": given},
        noise=lambda inputs, answers: (
            {"y": each * float(inputs["x"].shape[1] == answers["y"].shape[1])} for each in noise
        ),
    )

    assert Bounds(planned(graphs=(ways,))).of("graph", "y") == (given if taken else Tolerance(0.4, 0.1))


def test_given_bound_without_a_floor_gets_the_measured_one() -> None:
    plan = planned(graphs=(graph(tolerances={"y": bound(0, 5e-3)}),))

    found = Bounds(plan).of("graph", "y")

    assert found == Tolerance(5e-3, Bounds(planned()).of("graph", "y").noise_floor)
    assert Bounds(plan).of("graph", "scores") == Bounds(planned()).of("graph", "scores")


def test_reference_without_noise_has_the_given_bound_or_none() -> None:
    silent = Formula(thirds, has_noise=False)
    given, bare = (
        Bounds(planned(graphs=(graph(reference=silent, tolerances=tolerances),)))
        for tolerances in ({"y": bound(0, 1.0)}, None)
    )

    assert given.of("graph", "y") == Tolerance(1.0, 0.25)
    assert bare.of("graph", "y") is NO_BOUND


def test_chain_has_the_larger_of_its_own_and_its_last_graph_s_floor() -> None:
    def chained(own: float, last: float) -> Tolerance:
        def first(inputs: Arrays) -> Arrays:
            y = inputs["x"] * 0
            y[:1] += np.float32(own if y.dtype == np.float32 and len(y) == 4 else 0)
            return {"y": y}

        def second(inputs: Arrays) -> Arrays:
            off = inputs["y"].dtype == np.float32 and bool(len(inputs["y"]) == 2)
            return {"z": inputs["y"] + np.float32(last if off else 0)}

        outputs = (TensorSpec("z", "float32", ("batch", 3)),)
        takes = (TensorSpec("y", "float32", ("batch", 3)),)
        graphs = (
            graph("first", of=first, outputs=ONE, scores=frozenset()),
            graph("last", inputs=takes, outputs=outputs, reference=Formula(second), scores=frozenset()),
        )
        sets = (
            InputSet("probes", "first", {"x": numbers(2)}),
            InputSet("probes", "last", {"y": numbers(2)}),
            probes(4, "pixels", on="chain", cuts="whole"),
        )
        plan = planned(*sets, graphs=graphs, chain=Chain(("first", "last"), {("last", "y"): ("first", "y")}, ("z",)))
        return Bounds(plan).of("chain", "z")

    assert chained(0.5, 0.25) == Tolerance(2.0, 0.5)
    assert chained(0.25, 0.5) == Tolerance(2.0, 0.5)


def test_bounds_are_given_for_all_float_outputs_or_by_name() -> None:
    outputs = graph().outputs

    assert given_bounds(None, outputs) == {}
    assert given_bounds(1e-3, outputs) == {"y": Tolerance(1e-3, 0), "scores": Tolerance(1e-3, 0)}
    assert given_bounds({"y": 1}, outputs) == {"y": Tolerance(1.0, 0)}


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "1", None])
def test_bound_that_is_no_number_above_nothing_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="give a number above 0"):
        given_bounds({"y": value}, graph().outputs)


@pytest.mark.parametrize("name", ["best", "other"])
def test_bound_of_no_float_output_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="float outputs are y, scores"):
        given_bounds({name: 1.0}, graph().outputs)
    with pytest.raises(InputError, match="float outputs are none"):
        given_bounds({name: 1.0}, graph().outputs[2:])
