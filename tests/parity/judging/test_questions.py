"""What is asked: sizes that nobody can guess, the same twice, and less of backends to which rows cost much."""

import numpy as np
import pytest

from tests.parity.judging.plans import (
    Formula,
    answered,
    bound,
    graph,
    index_of,
    measured,
    numbers,
    planned,
    probes,
    row,
    thirds,
)
from vaeport_parity.asking.steps import Plan, Step, batch_cuts, drawn_batches, fewer_steps, make_plan, wider_cuts
from vaeport_parity.reference.base import Precision
from vaeport_parity.subjects.subject import InputSet, Subject
from vaeport_parity.subjects.tensors import Arrays

ROWS = 5000


def given(rows: int = ROWS, **changes: object) -> InputSet:
    return InputSet("test", "graph", {"x": numbers(rows, seed=3)}, cuts="chunks", given=True, **changes)  # type: ignore[arg-type]


def sizes(plan: Plan, kind: str = "run") -> set[int]:
    return {step.stop - step.start for step in plan.steps if step.inputs == "probes" and step.kind == kind}


def test_probes_are_asked_in_small_round_large_and_drawn_batches() -> None:
    plan = planned(probes(257))

    drawn = drawn_batches(plan.subject)
    assert sizes(plan) == {0, 1, 2, 3, 7, 64, 100, 257, 300, 1000, *drawn}
    assert sizes(plan, "again") == {1, 7, 64, 257}
    assert [low <= size <= high for size, (low, high) in zip(drawn, ((8, 63), (65, 256), (301, 999)), strict=True)]


def test_drawn_batches_are_those_of_the_content() -> None:
    subjects = [Subject("s", (graph(content=content),), (probes(),)) for content in (b"a", b"a", b"b")]

    first, same, other = map(drawn_batches, subjects)

    assert first == same != other


def test_rows_are_repeated_a_few_times_at_most() -> None:
    assert max(stop for _, stop in wider_cuts(16, (20, 200, 500))) == 64
    assert max(stop for _, stop in wider_cuts(250, ())) == 1000
    assert list(wider_cuts(9, ()))[: len(list(batch_cuts(9)))] == list(batch_cuts(9))


def test_large_batch_begins_again_with_the_first_row() -> None:
    plan = planned(probes(257))
    step = Step("graph", "probes", 0, 1000)

    values = plan.set_of(step).rows(0, 1000)["x"]

    np.testing.assert_array_equal(values, np.resize(plan.set_of(step).inputs["x"], (1000, 3)))
    np.testing.assert_array_equal(plan.expected(step).native["y"], thirds({"x": values})["y"])
    assert row(measured(plan, answered(plan)), "y").rows == 257


@pytest.mark.parametrize("size", [3, 64, 100, 300, 1000])
def test_fault_in_one_batch_size_falls_short_and_is_named(size: int) -> None:
    plan = planned(probes(257))
    outcome = answered(plan)
    outcome.answers[index_of(plan, 0, size)]["y"][size - 1, 0] += 1e-3

    y = row(measured(plan, outcome), "y")

    assert not y.holds
    assert y.step == ("probes", 0, size)
    assert y.worst == ("probes", (size - 1) % 257)


def test_fault_on_one_image_of_thousands_falls_short_and_is_named() -> None:
    plan = planned(probes(), given())
    outcome = answered(plan)
    outcome.answers[index_of(plan, 4000, 4250, "test")]["y"][77, 1] += 1e-5

    y = row(measured(plan, outcome), "y")

    assert not y.holds
    assert (y.step, y.worst) == (("test", 4000, 4250), ("test", 4077))
    assert y.by_set["probes"] <= y.noise_floor < y.by_set["test"]


class Counted(Formula):
    """Counts the rows that were answered in float64."""

    def __init__(self) -> None:
        super().__init__(thirds)
        self.wide = 0

    def answers(self, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:
        self.wide += len(inputs["x"]) if precision == "float64" else 0
        return super().answers(inputs, precision, plain=plain)


def test_float64_answers_to_given_rows_are_computed_only_where_they_decide() -> None:
    reference = Counted()
    plan = planned(probes(), given(), graphs=(graph(reference=reference),))
    outcome = answered(planned(probes(), given()))
    before = reference.wide

    assert row(measured(plan, outcome), "y").holds
    assert reference.wide - before < ROWS / 10
    before = reference.wide
    outcome.answers[index_of(plan, 250, 500, "test")]["y"][3, 0] += 1e-5
    assert not row(measured(plan, outcome), "y").holds
    assert 250 <= reference.wide - before < ROWS / 10


def test_dear_rows_are_spared_all_but_the_leading_backends() -> None:
    plan = make_plan(Subject("s", (graph(),), (probes(257), given(spot=True))), timed=False)

    narrow = fewer_steps(plan)

    assert (plan.given_samples, narrow.given_samples) == (ROWS, 250)
    assert max(sizes(narrow)) == 257
    assert sizes(narrow) == {size for size in sizes(plan) if size <= 257}
    assert sizes(narrow, "again") == {1, 7, 64}


def test_rows_that_were_asked_for_are_spared_slow_backends_alone() -> None:
    plan = planned(probes(257), given())

    assert fewer_steps(plan).given_samples == ROWS
    assert fewer_steps(plan, slow=True).given_samples == 500


def test_run_that_failed_differs_or_cannot_be_repeated_is_the_step() -> None:
    plan = planned()
    silent, alone, other = answered(plan), answered(plan), answered(plan)
    index = index_of(plan, 2, 4)
    del silent.answers[index]
    silent.errors[index] = "no pairs"
    bound = row(measured(plan, other), "y").tolerance
    alone.answers[index_of(plan, 3, 4)]["y"][0, 1] += np.float32(0.7 * bound)
    alone.answers[index_of(plan, 0, 9)]["y"][3, 1] -= np.float32(0.7 * bound)
    again = index_of(plan, 0, 7, kind="again")
    other.answers[again]["y"][6, 2] = np.nextafter(other.answers[again]["y"][6, 2], np.float32(9))

    assert row(measured(plan, silent), "y").step == ("probes", 2, 4)
    assert row(measured(plan, alone), "y").step == ("probes", 3, 4)
    assert row(measured(plan, other), "y").step == ("probes", 0, 7)


def test_file_that_is_its_own_reference_is_spared_large_batches_where_rows_are_dear() -> None:
    own = graph(
        reference=Formula(thirds, has_noise=False), tolerances={"y": bound(1e-7, 4e-7), "scores": bound(1e-7, 4e-7)}
    )

    plan = make_plan(Subject("s", (own,), (probes(257),), costly=True), timed=False)

    assert max(sizes(plan)) == 257
    assert plan.left_out == ("graph, batches of more than 257 rows: the file is its own reference",)
    assert max(sizes(planned(probes(257)))) == 1000
