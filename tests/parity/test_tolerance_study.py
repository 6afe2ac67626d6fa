"""The study of the bound in its quick form: one network, onnxruntime, all defects, and the page that comes of it."""

import dataclasses
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from polygraphy.comparator import IterationResult, SimpleCompareFunc
from polygraphy.logger import G_LOGGER
from torch import nn

from tools.tolerance.cases import export
from tools.tolerance.defects import SIZED, SIZES, sized_defects
from tools.tolerance.networks import KINDS, Network, network
from tools.tolerance.page import write_page
from tools.tolerance.results import beyond, read_results, rules_to_compare, share, upper_limit
from tools.tolerance.rules import BOUNDS, RULES, calibrated, profile, profile_excess
from tools.tolerance.strassen import widened_content
from tools.tolerance.study import study_into
from vaeport_parity.judging.bounds import TOLERANCE_FACTOR

KIND, SEED = "normalisation", 0


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the result of one network."""
    folder = tmp_path_factory.mktemp("tolerance")
    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own deprecations
        study_into(folder, KIND, SEED, ["onnxruntime-none"], limit=60)
        study_into(folder, KIND, SEED, ["onnxruntime-none", "onnxruntime-all"], limit=60)
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="module")
def result(results: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((results / f"{KIND}-{SEED}.json").read_text())
    return found


def test_networks_are_of_ten_kinds_and_decided_by_their_seed() -> None:
    assert len(KINDS) == 10
    for kind in KINDS:
        first, again, other = network(kind, 3), network(kind, 3), network(kind, 4)
        x = torch.ones(2, *first.shape)
        assert torch.equal(first.module(x), again.module(x))
        assert first.weights != other.weights or first.shape != other.shape
        assert torch.isfinite(first.module(x)).all()


def test_right_runtimes_are_within_the_bound(result: dict[str, Any]) -> None:
    assert [each["runtime"] for each in result["runtimes"]] == ["onnxruntime-none", "onnxruntime-all"]
    for each in result["runtimes"]:
        assert not each["failed"]
        assert 0 < each["ratio"] <= TOLERANCE_FACTOR
        assert each["by_batch"].keys() >= {"1", "2", "7", "257", "300"}
        assert each["more"].keys() == {"300", "1000", "3000"}


def test_error_of_a_defect_is_its_effect_in_float64_but_for_rounding(result: dict[str, Any]) -> None:
    noise = max(each["ratio"] for each in result["runtimes"])
    known = [each for each in result["defects"] if each["effect"] is not None]
    assert {each["kind"] for each in known} >= set(SIZED)
    for each in known:
        assert abs(each["ratio"] - each["effect"]) <= noise + 1


def test_defects_grow_with_their_size_and_the_bound_sees_those_beyond_five_floors(result: dict[str, Any]) -> None:
    sized = [each for each in result["defects"] if each["kind"] in SIZED]
    assert {each["size"] for each in sized} == set(SIZES)
    for kind in SIZED:
        effects = [each["effect"] for each in sized if each["kind"] == kind and each["effect"] is not None]
        assert max(effects) > 1000 * (min(effects) + 0.01)
    beyond_five = [each for each in sized if each["effect"] is not None and each["effect"] > 5]
    assert beyond_five
    assert all(map(beyond(TOLERANCE_FACTOR), beyond_five))


def test_tiny_changes_leave_the_smallest_defects_without_effect() -> None:
    model = onnx.helper.make_model(
        onnx.helper.make_graph([], "g", [], [], [onnx.numpy_helper.from_array(np.full((2, 2), 3, np.float32), "w")])
    )
    defects = list(sized_defects(model, 0))
    smallest = [each for each in defects if each.size == SIZES[0]]
    assert smallest
    for each in smallest:
        assert each.weight is not None
        assert np.array_equal(each.weight.old, each.weight.new)
    changed = onnx.numpy_helper.to_array(defects[-1].model.graph.initializer[0])
    assert not np.array_equal(changed, onnx.numpy_helper.to_array(model.graph.initializer[0]))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_fixed_tolerances_are_those_of_their_libraries(rule: Any) -> None:
    random = np.random.default_rng(0)
    expected = (random.standard_normal(200) * 10.0 ** random.uniform(-6, 3, 200)).astype(np.float32)
    for error in 1.03 * 10.0 ** np.linspace(-8, -2, 25):  # never just at a tolerance, where rounding decides
        for part in (error * np.abs(expected), np.full(200, error)):
            actual = (expected + part).astype(np.float32)
            assert (rule.excess(actual, expected) <= 1) == _their_verdict(rule.name, actual, expected)


def _their_verdict(rule: str, actual: np.ndarray, expected: np.ndarray) -> bool:
    if rule == "polygraphy":
        with G_LOGGER.verbosity(G_LOGGER.CRITICAL):
            both = (IterationResult({"y": each}) for each in (actual, expected))
            return all(map(bool, SimpleCompareFunc()(*both).values()))
    if rule == "optimum":
        return bool(np.allclose(expected, actual, atol=1e-5))
    if rule == "numpy":
        return bool(np.allclose(actual, expected))
    try:
        if rule == "torch":
            torch.testing.assert_close(torch.from_numpy(actual), torch.from_numpy(expected))
        else:
            np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-7)
    except AssertionError:
        return False
    return True


def test_profile_sees_a_shift_that_the_largest_error_hides() -> None:
    random = np.random.default_rng(1)
    exact = random.standard_normal((400, 3))
    native = exact.astype(np.float32)
    native[0, 0] += np.float32(1e-4)
    known = calibrated([(native, exact)])
    shifted = native + np.float32(2e-5)
    assert profile_excess(profile(native, exact), known) == pytest.approx(1)
    assert profile_excess(profile(shifted, exact), known) > 16
    assert np.abs(shifted - exact).max() < 1.5 * np.abs(native - exact).max()


def test_upper_limit_is_above_the_rate_and_falls_with_tries() -> None:
    assert 0.02 < upper_limit(2, 100) < upper_limit(2, 50) < 0.2
    assert upper_limit(0, 1000) < 0.004


def test_a_unit_of_zero_weights_more_changes_no_answer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 32), nn.GELU(), nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 3)).eval()
    path = export(Network("mlp", "dense", module, (6,)), tmp_path / "mlp.onnx")
    wide = onnx.load_model_from_string(widened_content(path.read_bytes()))
    shapes = {tuple(tensor.dims) for tensor in wide.graph.initializer if len(tensor.dims) == 2}
    assert shapes == {(33, 6), (17, 33), (3, 17)}
    x = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    answers = [
        onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for content in (path.read_bytes(), wide.SerializeToString())
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)


def test_page_has_every_bound_and_rule(results: Path, tmp_path: Path) -> None:
    (tmp_path / "tolerance.md").write_text("before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n")
    write_page(results, tmp_path)
    page = (tmp_path / "tolerance.md").read_text()
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "old" not in page
    for bound in BOUNDS:
        assert f"\n| {bound:g} | 0 |" in page or bound < 4
    for name in rules_to_compare():
        assert f"\n| {name} |" in page
    assert (tmp_path / "tolerance/bounds.svg").read_text().count("<path") > 5
    assert (tmp_path / "tolerance/runtimes.csv").read_text().count(f"{KIND}-{SEED},") == 2


def test_shares_are_of_the_records_that_are_there(results: Path) -> None:
    found = read_results(results)
    assert share(found.pairs, beyond(0)) == 1
    assert share(found.pairs, beyond(float("inf"))) == 0
    assert np.isnan(share([], beyond(4)))
    assert dataclasses.replace(found, networks=()).pairs == []
