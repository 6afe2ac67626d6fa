"""Which graph of a chain made its error."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.parity.judging.plans import Formula, answered, graph, numbers, planned, probes
from vaeport_parity.asking.steps import Plan
from vaeport_parity.judging.bounds import Bounds
from vaeport_parity.judging.chain import chain_shares, with_shares
from vaeport_parity.judging.measurement import measure
from vaeport_parity.judging.report import ChainShares, Row
from vaeport_parity.running.execution import Outcome
from vaeport_parity.subjects.subject import Chain, Graph, InputSet
from vaeport_parity.subjects.tensors import TensorSpec

GRAPHS = ("first", "middle", "last")


def _step(name: str, source: str, target: str, factor: int) -> Graph:
    """A graph that multiplies, with a second input that it adds where it is the last."""
    inputs = [TensorSpec(source, "float32", ("batch", 3))]
    if name == "last":
        inputs.append(TensorSpec("x", "float32", ("batch", 3)))
    return graph(
        name,
        inputs=tuple(inputs),
        outputs=(TensorSpec(target, "float32", ("batch", 3)),),
        reference=Formula(lambda given: {target: given[source] * factor + (given["x"] if name == "last" else 0)}),
        scores=frozenset(),
    )


def _plan() -> Plan:
    graphs = (_step("first", "x", "a", 2), _step("middle", "a", "b", 3), _step("last", "b", "z", 5))
    chain = Chain(GRAPHS, {("middle", "a"): ("first", "a"), ("last", "b"): ("middle", "b")}, ("z",))
    sets = (
        InputSet("probes", "first", {"x": numbers(2)}),
        InputSet("probes", "middle", {"a": numbers(2)}),
        InputSet("probes", "last", {"b": numbers(2), "x": numbers(2)}),
        probes(4, on="chain", cuts="whole"),
        probes(2, "edges", on="chain", cuts="whole"),
    )
    return planned(*sets, graphs=graphs, chain=chain)


def _answered(plan: Plan) -> Outcome:
    """Exact answers, those of the chain with the inputs that the last graph got."""
    outcome = answered(plan)
    for index, step in plan.steps_of("chain"):
        x = plan.set_of(step).inputs["x"].astype(np.float64)
        outcome.answers[index] = {"z": x * 31, "b": x * 6}
    return outcome


def _shares(plan: Plan, outcome: Outcome) -> ChainShares:
    rows = measure("backend", outcome, plan, Bounds(plan), empty_batch=True).rows
    *others, chain = with_shares(rows, outcome, plan)
    assert [row.shares for row in others] == [None] * 3
    assert chain.shares is not None
    return chain.shares


def _last(plan: Plan) -> int:
    return next(index for index, step in plan.steps_of("chain") if step.inputs == "probes")


def test_error_of_the_inputs_grows_through_the_last_graph() -> None:
    plan = _plan()
    outcome = _answered(plan)
    answers = outcome.answers[_last(plan)]
    answers["b"][1, 2] += 0.5
    answers["z"][1, 2] += 5 * 0.5 - 0.25

    shares = _shares(plan, outcome)

    assert shares == ChainShares(2.5, -0.25, 2.5, 0.25, ("middle", "last"))
    assert shares.graph == "middle"
    assert str(shares) == "of its largest error 2.2, 2.5 came from middle, -0.25 is added by last"


def test_input_that_is_no_number_is_not_the_last_graph_s_fault() -> None:
    plan = _plan()
    outcome = _answered(plan)
    answers = outcome.answers[_last(plan)]
    answers["b"][0], answers["z"][0] = np.nan, np.nan

    shares = _shares(plan, outcome)

    assert (shares.before, shares.before_max, shares.last, shares.last_max) == (np.inf, np.inf, 0, 0)


def test_answer_that_is_no_number_is_the_last_graph_s_fault_where_its_input_is_one() -> None:
    plan = _plan()
    outcome = _answered(plan)
    outcome.answers[_last(plan)]["z"][3, 1] = np.nan

    assert _shares(plan, outcome) == ChainShares(0, np.inf, 0, np.inf, ("middle", "last"))


def test_batches_without_an_answer_are_left_out() -> None:
    plan = _plan()
    outcome = _answered(plan)
    missing, there = (index for index, _ in plan.steps_of("chain"))
    del outcome.answers[missing]
    outcome.answers[there]["z"][0, 0] += 1

    assert _shares(plan, outcome) == ChainShares(0, 1, 0, 1, ("middle", "last"))


def test_without_a_chain_rows_stay_as_they_are() -> None:
    plan = planned()
    rows: list[Row] = list(measure("backend", answered(plan), plan, Bounds(plan), empty_batch=True).rows)

    assert with_shares(iter(rows), answered(plan), plan) == rows


def _errors(*values: float) -> NDArray[np.float64]:
    return np.array(values)


def test_shares_are_taken_where_the_sum_is_largest() -> None:
    parts = [(_errors(), _errors()), (_errors(1, -3), _errors(2, 2.5)), (_errors(-2), _errors(-2))]

    assert chain_shares(parts, ("a", "b", "c")) == ChainShares(-2, -2, 3, 2.5, ("a", "c"))


def test_nothing_has_no_shares() -> None:
    assert chain_shares([(_errors(), _errors())], ("a", "b")) is None


@pytest.mark.parametrize(("before", "last", "graph"), [(1, -2, "b"), (-2, 1, "a"), (1, 1, "b"), (1, -1, "b")])
def test_larger_part_names_the_graph(before: float, last: float, graph: str) -> None:
    assert ChainShares(before, last, 2, 2, ("a", "b")).graph == graph
