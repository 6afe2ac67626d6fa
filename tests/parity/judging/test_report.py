"""Verdicts, what decides, and the report's JSON."""

import json
from typing import Any

import pytest

from tests.parity.reporting.made import backend, chained, figures, report, row
from vaeport_parity.judging.figures import Figures
from vaeport_parity.judging.report import (
    ChainShares,
    Finding,
    backend_verdict,
    counting_rows,
    parity_file,
    report_holds,
    row_holds,
    verdict,
    verdict_text,
)

INF = float("inf")


def test_report_stands_beside_the_manifest_or_in_its_precision_s_folder() -> None:
    assert (parity_file("fp32"), parity_file("int8")) == ("parity.json", "int8/parity.json")


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({"error": 4e-7}, True),
        ({"error": 4.1e-7}, False),
        ({"alone": 4e-7}, True),
        ({"alone": 4.1e-7}, False),
        ({"rows": 1}, True),
        ({"rows": 0}, False),
        ({"flips": 0}, True),
    ],
)
def test_row_holds_up_to_its_bound(changes: dict[str, Any], holds: bool) -> None:
    assert row_holds(row(**changes)) is row(**changes).holds is holds


@pytest.mark.parametrize(
    ("changes", "ratio"),
    [
        ({"error": 3e-7}, 3),
        ({"failed": "no"}, INF),
        ({"mismatches": 1}, INF),
        ({"error": 0}, 0),
        ({"noise_floor": 0}, INF),
    ],
)
def test_ratio_is_the_error_in_noise_floors(changes: dict[str, Any], ratio: float) -> None:
    assert row(**changes).ratio == pytest.approx(ratio)


def test_larger_of_both_errors_counts() -> None:
    for errors in ((1.0, 2.0), (2.0, 1.0)):
        assert Figures(*errors, 0, 0, 0, (), 0).max_abs == 2


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ((), "missing"),
        ((row(), row(output="z")), "holds"),
        ((row(), row(output="z", error=1)), "falls short"),
        ((row(rows=0), row(output="z")), "falls short"),
        ((row(rows=0), row(output="z", rows=0)), "refuses"),
        ((row(), row(graph="other", rows=0)), "refuses"),
    ],
)
def test_verdict_of_rows(rows: tuple[Any, ...], word: str) -> None:
    assert verdict(rows) == word


@pytest.mark.parametrize(
    ("word", "counts", "text"),
    [
        ("holds", False, "holds"),
        ("missing", False, "missing"),
        ("falls short", False, "falls short, shown"),
        ("refuses", False, "refuses, shown"),
        ("falls short", True, "falls short"),
    ],
)
def test_verdict_that_does_not_count_is_shown(word: Any, counts: bool, text: str) -> None:
    assert verdict_text(word, counts=counts) == text


def test_recorded_answers_and_backends_that_count_decide() -> None:
    whole = chained()

    assert {each.backend for each in counting_rows(whole)} == {"golden.npz", "onnxruntime-all", "tract"}
    assert whole.deciding == counting_rows(whole)
    assert whole.recorded == ("golden.npz",)
    assert whole.graphs == {"encoder": ("class_probs",), "decoder": ("image",), "chain": ("image",)}
    assert [each.output for each in whole.of("golden.npz")] == ["class_probs", "image"]


def test_report_holds_only_if_something_ran_and_nothing_is_wrong() -> None:
    good, shown = backend(), backend("other", counts=False)
    bad = row("other", error=1)

    assert report(row()).holds
    assert report_holds(report(row(), bad, backends=(good, shown)))
    assert not report(row(), bad, backends=(good, backend("other"))).holds
    assert not report(row("golden.npz")).holds  # recorded answers alone
    assert not report().holds
    assert report(row(), findings=(Finding("file", "so", wrong=False),)).holds
    assert not report(row(), findings=(Finding("file", "so"),)).holds


def test_backend_that_is_missing_has_no_verdict_of_its_rows() -> None:
    there, missing = backend(), backend("other", missing="not installed")
    whole = report(row(), row("other"), backends=(there, missing))

    assert (backend_verdict(whole, there), backend_verdict(whole, missing)) == ("holds", "missing")
    assert whole.missing == {"other": "not installed"}


def test_json_has_verdicts_and_no_map_and_writes_what_it_cannot_hold_as_text() -> None:
    shares = ChainShares(-3.0, 1.0, 3.0, 1.0, ("a", "b"))
    whole = report(row(figures=figures(INF), heat=((1.0,),), by_set={"a": INF}, shares=shares), row(output="ü"))

    text = whole.to_json()
    told = json.loads(text)

    assert text.startswith('{\n "')
    assert text.endswith("}\n")
    assert "ü" in text
    assert told["holds"] is False
    assert told["missing"] == {}
    first, second = told["rows"]
    assert (first["ratio"], first["holds"], first["figures"]["error_float32"]) == ("inf", False, "inf")
    assert (first["by_set"], first["figures"]["ulps"]) == ({"a": "inf"}, [5, 4, 3, 2, 1, 0, 0, 0])
    assert first["shares"]["graph"] == "a"
    assert "heat" not in first
    assert (second["shares"], second["holds"], second["ratio"]) == (None, True, 1.0)
    assert told["label"] == ""
    assert told["yardstick"] == "original.onnx"


def test_defaults_say_nothing() -> None:
    plain = report(row())
    one, each = backend(), row()

    assert (one.missing, one.refusals, one.given_samples, one.milliseconds) == (None, (), 0, {})
    assert (one.place, one.rung) == ("", "")
    assert (each.exact, each.mismatches, each.in_doubt, each.flips, each.alone) == (False, 0, 0, None, 0)
    assert (each.repeatable, each.failed, each.flips_by_set, each.shares, each.heat) == (True, "", {}, None, ())
    assert (plain.label, plain.given_samples, plain.machine, plain.findings) == ("", 0, "", ())
    assert Finding("file", "text").wrong
