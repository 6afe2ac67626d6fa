"""One backend in a line."""

import pytest

from tests.parity.reporting.made import backend, figures, report, row
from vaeport_parity.judging.summary import Latency, summary

TIMES = {"a x 1": 1.0, "b x 1": 0.5, "a x 257": 20.0, "b x 257": 10.0}


def test_worst_row_is_named_in_noise_floors() -> None:
    rows = (row(output="y", error=2e-7), row(output="z", figures=figures(3e-3), noise_floor=1e-3, tolerance=1))

    found = summary(report(*rows), backend())

    assert (found.verdict, found.at) == ("holds", "graph/z")
    assert found.ratio == pytest.approx(3)


def test_flips_are_summed_and_largest_difference_alone_is_told() -> None:
    rows = (
        row(output="y", flips=2, flips_by_set={"probes": 2}, alone=1e-7),
        row(output="z", alone=3e-7),
        row(output="w", flips=1, flips_by_set={"edges": 1}),
    )

    found = summary(report(*rows), backend(counts=False))

    assert (found.flips, found.flips_by_set) == (3, {"probes": 2, "edges": 1})
    assert found.alone == pytest.approx(3)
    assert found.verdict == "falls short, shown"


def test_durations_are_sums_over_graphs_in_relation_to_the_baseline() -> None:
    slow, own = (
        backend(name, milliseconds=times)
        for name, times in (("tract", TIMES), ("onnxruntime-all", {k: v / 2 for k, v in TIMES.items()}))
    )
    whole = report(row(), row("onnxruntime-all"), backends=(backend("jax"), slow, own))

    assert summary(whole, slow).latencies == {1: Latency(1.5, 2.0), 257: Latency(30.0, 2.0)}
    assert summary(whole, own).latencies == {1: Latency(0.75, 1.0), 257: Latency(15.0, 1.0)}


def test_duration_without_a_baseline_has_no_relation() -> None:
    one = backend(milliseconds={"a x 1": 1.0})

    assert summary(report(row(), backends=(one,)), one).latencies == {1: Latency(1.0, None)}


def test_duration_of_some_graphs_only_is_none() -> None:
    one = backend(milliseconds={"a x 1": 1.0, "a x 257": 9.0, "b x 257": 1.0})

    assert summary(report(row(), backends=(one,)), one).latencies == {257: Latency(10.0, None)}


def test_graph_may_be_named_like_a_duration() -> None:
    one = backend(milliseconds={"a x 2 x 1": 1.0, "a x 3 x 1": 2.0})

    assert summary(report(row(), backends=(one,)), one).latencies == {1: Latency(3.0, None)}


def test_what_was_said_leaves_out_what_followed_from_it() -> None:
    rows = (
        row(graph="one", failed="one, batch 7: no int64"),
        row(graph="two", failed="two, batch 1: not tried, since it died before"),
        row(graph="three"),
    )
    refusals = ("one, batch 0: no int64", "three, batch 0: no empty batch", "four, batch 0: not tried, since")
    one = backend(refusals=refusals)

    assert summary(report(*rows, backends=(one,)), one).said == (
        "no answer to one, batch 7: no int64",
        "does not take three, batch 0: no empty batch",
    )


def test_steps_that_were_not_tried_are_said_where_there_is_nothing_else() -> None:
    rows = (row(failed="graph, batch 1: not tried, since it died before"),)

    assert summary(report(*rows), backend()).said == ("no answer to graph, batch 1: not tried, since it died before",)
