"""Defects are caught and told with their place, harmless rewrites raise no alarm: a few each day, all by torture."""

from pathlib import Path

import pytest

from tests.parity.defects.bases import Bases
from tests.parity.defects.editing import DECODER, graph, weight
from tests.parity.defects.kinds import BLOG, Defect, Rewrite
from tests.parity.defects.suite import CASES, DEFECTS
from tests.parity.defects.trying import Outcome, attempt, leads_to
from tools.defects import totals

DAILY = {
    "blog fp32: bias off behind many an Identity",
    "blog fp32: mean and log-variance exchanged",
    "blog fp32: tolerances and floors inflated a thousandfold",
    "blog fp32: a batch of 3 is off",
    "blog int8: a row negated and golden answers made from it",
    "blog fp32: hidden units permuted",
    "function fp32: noise inside a function",
}
"""One of each kind."""


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(tmp_path_factory.mktemp("bases"))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.key, marks=[] if case.key in DAILY else pytest.mark.torture) for case in CASES],
)
def test_verdict_and_place_are_right(case: Defect | Rewrite, bases: Bases, tmp_path: Path) -> None:
    outcome = attempt(case, bases, tmp_path / "copy")
    if outcome.verdict == "skipped":
        pytest.skip(outcome.texts[0])
    assert outcome.right, f"{outcome.verdict}: {outcome.texts}"
    assert outcome.placed, f"the place is not {' or '.join(getattr(case, 'where', ()))}: {outcome.texts}"


def test_suite_is_as_large_as_it_must_be_and_names_each_case_once() -> None:
    assert len(DEFECTS) >= 60
    assert len(CASES) - len(DEFECTS) >= 20
    assert len({case.key for case in CASES}) == len(CASES)
    assert {case.key for case in CASES} >= DAILY


@pytest.mark.filterwarnings("default")
def test_sound_bundle_is_no_catch(bases: Bases, tmp_path: Path) -> None:
    """A defect that changes nothing must be missed, or everything would count as caught."""
    nothing = Defect(
        "nothing", BLOG, graph(weight("network.decoder.layers.2.bias", lambda values: values), DECODER), ()
    )

    assert attempt(nothing, bases, tmp_path / "copy").verdict == "missed"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("decoder.onnx: node 'node_linear_1' (Gemm of sigmoid) has alpha = 0.99", True),
        ("decoder.onnx: node 'node_sigmoid' (Sigmoid of linear) is not node_linear_1", False),
        ("decoder.onnx: node 'node_linear_10' is off", False),
        ("decoder/image is 5 noise floors off", False),
        ("node_linear_1.", True),
    ],
)
def test_place_is_right_when_its_first_name_is_the_culprit(text: str, right: bool) -> None:
    nodes = ("node_linear", "node_linear_1", "node_linear_10", "node_sigmoid")
    assert leads_to(text, ("node_linear_1", "network.bias"), nodes) is right


def test_totals_are_good_only_if_all_is_right() -> None:
    def outcome(index: int, verdict: str, *, placed: bool = True) -> Outcome:
        return Outcome(CASES[index].key, verdict, placed, (), 1.0)  # type: ignore[arg-type]  # verdicts as plain text

    rewrite = len(CASES) - 1
    good = [*(outcome(index, "caught") for index in range(10)), outcome(rewrite, "holds")]

    assert totals(good)[1]
    assert totals([outcome(0, "caught", placed=False), *good[1:]])[1]
    assert not totals([outcome(0, "caught", placed=False), outcome(1, "caught", placed=False), *good[2:]])[1]
    assert not totals([outcome(0, "missed"), *good[1:]])[1]
    assert not totals([*good[:-1], outcome(rewrite, "false alarm")])[1]
    assert not totals([*good, outcome(rewrite - 1, "stopped")])[1]
