"""From answers to rows: every kind of fault is seen, put down to its row, and counted once."""

import numpy as np
import pytest

from tests.parity.judging.plans import ROWS, answered, bound, graph, index_of, measured, numbers, planned, probes, row
from vaeport_parity.asking.steps import Step, make_plan
from vaeport_parity.judging.bounds import Bounds
from vaeport_parity.judging.measurement import recorded_rows
from vaeport_parity.subjects.subject import Chain, InputSet, Recorded, Subject
from vaeport_parity.subjects.tensors import TensorSpec


def test_answers_of_the_native_reference_hold() -> None:
    plan = planned()

    found = measured(plan, answered(plan))

    assert [each.output for each in found.rows] == ["y", "scores", "best"]
    assert all(each.holds and each.backend == "backend" and each.graph == "graph" for each in found.rows)
    y, best = row(found, "y"), row(found, "best")
    assert (y.figures.error_float32, y.rows, y.alone, y.repeatable, y.failed) == (0, ROWS, 0, True, "")
    assert y.figures.error_float64 == y.by_set["probes"] <= y.noise_floor
    assert y.tolerance == 4 * y.noise_floor > 0
    assert (y.exact, y.mismatches, y.flips, y.flips_by_set) == (False, 0, None, {})
    assert (best.exact, best.mismatches, best.in_doubt, best.tolerance, best.noise_floor) == (True, 0, 0, 0, 0)
    assert (row(found, "scores").flips, row(found, "scores").flips_by_set) == (0, {"probes": 0})
    assert (found.refusals, found.milliseconds) == ((), {})


def test_largest_error_is_found_in_its_batch_and_row() -> None:
    plan = planned()
    outcome = answered(plan)
    outcome.answers[index_of(plan, 2, 4)]["y"][1, 2] += 1e-3
    outcome.answers[index_of(plan, 0, 7)]["y"][5, 0] += 1e-4

    found = measured(plan, outcome)

    y = row(found, "y")
    assert y.worst == ("probes", 3)
    assert y.figures.max_abs == pytest.approx(1e-3, rel=1e-3)
    assert y.by_set["probes"] == y.figures.max_abs
    assert not y.holds
    assert row(found, "scores").holds


def test_first_of_equal_errors_is_named() -> None:
    plan = planned(probes(2, cuts="whole"), probes(2, "edges", cuts="whole"))
    outcome = answered(plan)
    for answers in outcome.answers.values():
        answers["y"][:, 0] = np.float32(np.nan)

    assert row(measured(plan, outcome), "y").worst == ("probes", 0)


def test_answer_that_is_no_number_is_the_worst() -> None:
    plan = planned(probes(4, cuts="whole"))
    outcome = answered(plan)
    outcome.answers[0]["y"][1, 0] += 1
    outcome.answers[0]["y"][2, 1] = np.nan

    y = row(measured(plan, outcome), "y")

    assert (y.worst, y.figures.max_abs) == (("probes", 2), float("inf"))


def test_answer_of_another_shape_is_infinitely_wrong_and_has_no_row() -> None:
    plan = planned(probes(4, cuts="whole"))
    outcome = answered(plan)
    outcome.answers[0] = {"y": np.zeros((4, 2)), "scores": np.zeros((3, 2)), "best": np.zeros(3, np.int64)}

    found = measured(plan, outcome)

    assert (row(found, "y").figures.max_abs, row(found, "y").worst) == (float("inf"), ("", 0))
    assert row(found, "scores").flips == 4
    assert (row(found, "best").mismatches, row(found, "best").ratio) == (4, float("inf"))


def test_single_number_in_place_of_scores_flips_every_row() -> None:
    plan = planned(probes(4, cuts="whole"))
    outcome = answered(plan)
    outcome.answers[0]["scores"] = np.array(1, np.float32)

    assert row(measured(plan, outcome), "scores").flips == 4


def test_unequal_integers_are_counted_in_every_batch() -> None:
    plan = planned()
    outcome = answered(plan)
    for cut in ((0, ROWS), (3, 4)):
        outcome.answers[index_of(plan, *cut)]["best"][-1] += 1

    best = row(measured(plan, outcome), "best")

    assert (best.mismatches, best.holds) == (2, False)


def test_integers_that_rounding_decides_are_left_out() -> None:
    given = probes(20, cuts="whole")
    given.inputs["x"][:19, :2] = 1.25  # ties
    plan = planned(given)
    outcome = answered(plan)
    doubt = plan.expectations.doubt("graph", "probes", 0, 20)["best"]
    outcome.answers[0]["best"][doubt] += 1

    best = row(measured(plan, outcome), "best")

    assert 0 < doubt.sum() < 20
    assert (best.in_doubt, best.mismatches, best.holds) == (doubt.sum(), 0, True)


def test_class_counts_as_flipped_once_however_often_its_row_is_asked() -> None:
    twin = probes(name="twin", cuts="whole", again=True)
    plan = planned(probes(), twin)
    outcome = answered(plan)
    for step, answers in zip(plan.steps, (outcome.answers[i] for i in range(len(plan.steps))), strict=True):
        if step.start <= 4 < step.stop:
            answers["scores"][4 - step.start] = answers["scores"][4 - step.start, ::-1].copy()
    outcome.answers[index_of(plan, 0, ROWS)]["scores"][0] = [0, 1] if outcome.answers[0]["best"][0] == 0 else [1, 0]

    scores = row(measured(plan, outcome), "scores")

    assert (scores.flips, scores.flips_by_set) == (2, {"probes": 2, "twin": 1})
    assert not scores.holds


def test_flip_within_the_tolerance_is_none() -> None:
    given = probes(3, cuts="whole")
    given.inputs["x"][1, :2] = [1.5, 1.5000001]
    plan = planned(given, graphs=(graph(tolerances={"scores": bound(1e-4, 1e-3)}),))
    outcome = answered(plan)
    outcome.answers[0]["scores"][1] = outcome.answers[0]["scores"][1, ::-1].copy()

    assert row(measured(plan, outcome), "scores").flips == 0


def test_flips_of_several_positions_of_one_row_are_several() -> None:
    outputs = (TensorSpec("y", "float32", ("batch", 3, 2)),)
    tokens = graph(of=lambda inputs: {"y": np.stack([inputs["x"][:, :2]] * 3, axis=1) / inputs["x"].dtype.type(3)})
    plan = planned(
        probes(3, cuts="whole"),
        graphs=(graph(outputs=outputs, reference=tokens.reference, scores=frozenset({"y"})),),
    )
    outcome = answered(plan)
    outcome.answers[0]["y"][1] = outcome.answers[0]["y"][1, :, ::-1].copy()
    outcome.answers[0]["y"][2, 1] = outcome.answers[0]["y"][2, 1, ::-1].copy()

    assert row(measured(plan, outcome), "y").flips == 4


def test_batch_without_an_answer_is_told_with_what_was_said() -> None:
    plan = planned()
    outcome = answered(plan)
    for cut, sentence in (((0, 2), "no pairs"), ((0, 1), "no single rows")):
        index = index_of(plan, *cut)
        del outcome.answers[index]
        outcome.errors[index] = sentence

    found = measured(plan, outcome)

    failed = "graph, batch 1: no single rows" if plan.steps[1].stop == 1 else "graph, batch 2: no pairs"
    assert [each.failed for each in found.rows] == [failed] * 3
    assert not row(found, "y").holds
    assert row(found, "y").ratio == float("inf")
    assert found.refusals == ()


@pytest.mark.parametrize("must", [True, False])
def test_empty_batch_may_be_refused_where_it_is_not_needed(must: bool) -> None:
    plan = planned()
    outcome = answered(plan)
    index = index_of(plan, 0, 0)
    del outcome.answers[index]
    outcome.errors[index] = "nothing to do"

    found = measured(plan, outcome, empty_batch=must)

    sentence = "graph, batch 0: nothing to do"
    assert (row(found, "y").failed, found.refusals) == ((sentence, ()) if must else ("", (sentence,)))
    assert row(found, "y").holds is not must


def test_set_without_a_batch_is_told_by_its_name() -> None:
    single = graph(inputs=(TensorSpec("x", "float32", (3, 3)),), outputs=(TensorSpec("y", "float32", (3, 3)),))
    given = InputSet("probes", "graph", {"x": numbers(3)}, batched=False)
    plan = planned(given, graphs=(single,))
    outcome = answered(plan)
    del outcome.answers[0]
    outcome.errors[0] = "no"

    assert row(measured(plan, outcome), "y").failed == "graph, probes: no"
    assert row(measured(plan, answered(plan)), "y").rows == 1


def test_rows_are_those_that_were_answered() -> None:
    plan = planned(probes(4, cuts="whole"), probes(3, "edges", cuts="whole"))
    outcome = answered(plan)
    del outcome.answers[0]

    y = row(measured(plan, outcome), "y")

    assert (y.rows, list(y.by_set)) == (3, ["edges"])


def test_nothing_answered_is_no_row_at_all() -> None:
    plan = planned()
    outcome = answered(plan)
    outcome.answers.clear()

    y = row(measured(plan, outcome), "y")

    assert (y.rows, y.by_set, y.worst, y.holds) == (0, {}, ("", 0), False)
    assert y.noise_floor == Bounds(plan).of("graph", "y").noise_floor


def test_row_alone_is_compared_with_itself_among_all() -> None:
    plan = planned()
    outcome = answered(plan)
    outcome.answers[index_of(plan, 3, 4)]["y"][0, 1] += 1e-3

    y = row(measured(plan, outcome), "y")

    assert y.alone == pytest.approx(1e-3, rel=1e-3)


def test_set_of_a_single_row_has_nothing_to_be_compared_with() -> None:
    plan = planned(probes(), probes(1, "one", cuts="whole"))
    outcome = answered(plan)
    outcome.answers[index_of(plan, 0, 1, "one")]["y"] += 1

    assert row(measured(plan, outcome), "y").alone == 0


def test_rows_that_influence_each_other_are_not_compared_alone() -> None:
    def centred(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"y": inputs["x"] - inputs["x"].mean(axis=0) if len(inputs["x"]) else inputs["x"]}

    whole = graph(of=centred, outputs=(TensorSpec("y", "float32", ("batch", 3)),), scores=frozenset())
    plan = planned(graphs=(whole,))

    y = row(measured(plan, answered(plan)), "y")

    assert (y.alone, y.holds) == (0, True)


def test_same_batch_with_other_bits_is_not_repeatable() -> None:
    plan = planned()
    outcome = answered(plan)
    outcome.answers[index_of(plan, 0, 7, kind="again")]["y"][6, 2] = np.nextafter(
        outcome.answers[index_of(plan, 0, 7)]["y"][6, 2], np.float32(9)
    )

    found = measured(plan, outcome)

    assert [each.repeatable for each in found.rows] == [False, True, True]


def test_second_run_without_a_first_says_nothing() -> None:
    plan = planned()
    outcome = answered(plan)
    del outcome.answers[index_of(plan, 0, 7)]

    assert row(measured(plan, outcome), "y").repeatable


def test_durations_are_told_by_graph_and_batch() -> None:
    plan = planned(timed=True)
    outcome = answered(plan)
    outcome.milliseconds.update({index: index / 2 for index, step in enumerate(plan.steps) if step.kind == "time"})
    wrong = plan.steps.index(Step("graph", "probes", 0, ROWS, "time"))
    outcome.answers[wrong] = {"y": np.zeros((1, 3)), "scores": np.zeros((1, 2)), "best": np.zeros(1, np.int64)}

    found = measured(plan, outcome)

    at = {step.stop: index for index, step in enumerate(plan.steps) if step.kind == "time"}
    assert found.milliseconds == {"graph x 1": at[1] / 2, f"graph x {ROWS}": at[ROWS] / 2}
    assert row(found, "y").rows == ROWS
    assert all(each.holds for each in found.rows)


def test_sets_of_another_scale_are_judged_in_their_own_noise() -> None:
    large = InputSet("large", "graph", {"x": numbers(5, scale=1000)}, scale="large")
    plan = planned(probes(5, cuts="whole"), large)
    bounds = Bounds(plan)
    small_floor, large_floor = (bounds.of("graph", "y", name).noise_floor for name in ("probes", "large"))
    outcome = answered(plan)
    outcome.answers[index_of(plan, 0, 5, "large")]["y"][2, 1] += np.float32(40 * large_floor)
    outcome.answers[index_of(plan, 0, 5)]["y"][1, 1] += np.float32(20 * small_floor)

    y = row(measured(plan, outcome), "y")

    assert 100 * small_floor < large_floor
    assert (y.noise_floor, y.tolerance, y.worst) == (large_floor, 4 * large_floor, ("large", 2))
    assert y.by_set["large"] == y.figures.max_abs == pytest.approx(40 * large_floor, rel=0.1)
    assert y.by_set["probes"] == pytest.approx(20 * large_floor, rel=0.1)


@pytest.mark.parametrize(("channels", "shown"), [(1, True), (3, True), (2, False)])
def test_images_have_a_map_of_their_errors(channels: int, shown: bool) -> None:
    outputs = (TensorSpec("y", "float32", ("batch", channels, 1, 3)),)

    def drawn(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"y": np.stack([inputs["x"][:, None] / inputs["x"].dtype.type(3)] * channels, axis=1)}

    image = graph(of=drawn, outputs=outputs, scores=frozenset())
    plan = planned(probes(4, cuts="whole"), graphs=(image,))
    outcome = answered(plan)
    outcome.answers[0]["y"][1, 0, 0, 1] += np.float32(0.01)
    outcome.answers[0]["y"][3, -1, 0, 2] = np.nan

    y = row(measured(plan, outcome), "y")

    if not shown:
        assert y.heat == ()
        return
    ((first, second, third),) = y.heat
    assert first == pytest.approx(0, abs=1)
    assert third == 1e9
    assert second == pytest.approx(0.01 / y.noise_floor, rel=1e-4)


def _recorded(file: str, *changes: float) -> tuple[Subject, Recorded]:
    subject = Subject("subject", (graph(),), (probes(),))
    right = graph().reference.answers({"x": numbers(4)}, "native")
    answers = tuple({**right, "y": right["y"] + np.float32(change)} for change in changes)
    return subject, Recorded(file, "graph", {"x": numbers(4)}, answers)


def test_recorded_answers_are_judged_like_a_backend_s() -> None:
    subject, recorded = _recorded("golden.npz", 0, 0.5)
    plan = make_plan(Subject(subject.name, subject.graphs, subject.input_sets, recorded=(recorded,)), timed=False)

    y, scores, best = recorded_rows(plan, Bounds(plan))

    assert [each.backend for each in (y, scores, best)] == ["golden.npz"] * 3
    assert (y.rows, y.flips, y.exact, y.holds) == (4, None, False, False)
    assert y.figures.max_abs == pytest.approx(0.5, rel=1e-6)
    assert (scores.flips, scores.holds, scores.tolerance) == (0, True, 4 * scores.noise_floor)
    assert (best.exact, best.mismatches, best.holds) == (True, 0, True)


def test_recorded_integers_and_classes_are_counted() -> None:
    subject, recorded = _recorded("golden.npz", 0, 0)
    recorded.answers[1]["best"] = 1 - recorded.answers[1]["best"]
    recorded.answers[1]["scores"] = recorded.answers[1]["scores"][:, ::-1]
    plan = make_plan(Subject(subject.name, subject.graphs, subject.input_sets, recorded=(recorded,)), timed=False)

    _, scores, best = recorded_rows(plan, Bounds(plan))

    assert (best.mismatches, scores.flips) == (4, 4)


def test_chain_has_rows_of_its_own() -> None:
    doubled = graph("last", of=lambda inputs: {"z": inputs["y"] * 2}, scores=frozenset())
    last = graph(
        "last",
        inputs=(TensorSpec("y", "float32", ("batch", 3)),),
        outputs=(TensorSpec("z", "float32", ("batch", 3)),),
        reference=doubled.reference,
        scores=frozenset({"z"}),
    )
    sets = (probes(), InputSet("probes", "last", {"y": numbers(5)}), probes(4, on="chain", cuts="whole"))
    plan = planned(
        *sets, graphs=(graph(), last), chain=Chain(("graph", "last"), {("last", "y"): ("graph", "y")}, ("z",))
    )

    chain = measured(plan, answered(plan)).rows[-1]

    assert (chain.graph, chain.output, chain.rows, chain.flips, chain.holds) == ("chain", "z", 4, None, True)
