"""`check` on graphs of all kinds, against every kind of reference."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper

import vaeport_parity as parity
from tests.parity.networks import Centred, Classifier, Tagger, changed_weight, graph_file, seeded
from vaeport_parity.backends import OWN_BACKENDS
from vaeport_parity.judging.report import Row
from vaeport_parity.reporting.report import Report

pytestmark = pytest.mark.filterwarnings("default")

QUICK = "onnxruntime-all"


def row(report: Report, output: str, backend: str = QUICK) -> Row:
    return next(each for each in report.of(backend) if each.output == output)


def test_graph_holds_on_every_own_backend(written: Path) -> None:
    module = seeded(Classifier())

    report = parity.check(written / "classifier.onnx", reference=module, scores=["probs"], time_limit=120)

    assert report.holds, report
    assert [backend.name for backend in report.backends] == list(OWN_BACKENDS)
    assert all(backend.missing is None for backend in report.backends)
    assert {each.output for each in report.rows} == {"probs", "label", "sure"}
    probs, label = row(report, "probs"), row(report, "label")
    assert probs.flips == 0
    assert 0 < probs.noise_floor < 1e-5
    assert probs.tolerance == pytest.approx(4 * probs.noise_floor)
    assert (label.exact, label.mismatches, label.tolerance) == (True, 0, 0)


def test_any_names_of_parts_and_outputs_hold_on_every_own_backend(tmp_path: Path) -> None:
    module = seeded(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh()))
    linear = module.get_submodule("0")
    path = graph_file(
        tmp_path / "names.onnx",
        [
            helper.make_node("Gemm", ["x", "weight", "bias"], ["sum"], transB=1),
            helper.make_node("Tanh", ["sum"], ["7: y/0"]),
        ],
        {"x": ("float32", ["batch", 4])},
        {"7: y/0": ("float32", ["batch", 3])},
        {name: tensor.detach().numpy() for name, tensor in linear.named_parameters()},
    )

    report = parity.check(path, reference=module, time_limit=120)

    assert report.holds, report
    assert all(backend.missing is None for backend in report.backends)


def test_scaled_weight_is_found_with_its_node(written: Path, tmp_path: Path) -> None:
    bad = changed_weight(written / "classifier.onnx", tmp_path / "bad.onnx", 1.01)

    report = parity.check(bad, reference=seeded(Classifier()), backends="onnxruntime-all,onnx-reference")

    assert not report.holds
    assert not row(report, "probs").holds
    assert row(report, "probs").ratio > 100
    assert "onnxruntime-all" in str(report)
    assert "linear" in str(report)


def test_flipped_classes_and_unequal_integers_are_counted(written: Path, tmp_path: Path) -> None:
    bad = changed_weight(written / "classifier.onnx", tmp_path / "bad.onnx", -1)

    report = parity.check(bad, reference=seeded(Classifier()), scores=["probs"], backends=QUICK, locate=False)

    assert row(report, "probs").flips
    assert row(report, "label").mismatches
    assert not row(report, "sure").holds


def test_second_symbolic_axis_is_tried_at_several_sizes(written: Path) -> None:
    report = parity.check(written / "tagger.onnx", reference=seeded(Tagger()), backends=QUICK)

    assert report.holds, report
    assert {"length=1", "length=2", "length=7", "length=12"} <= row(report, "tags").by_set.keys()
    assert any("tokens uniform from 0 to below 20" in note for note in report.notes)


def test_rows_that_influence_each_other_are_compared_batch_by_batch(written: Path) -> None:
    report = parity.check(written / "centred.onnx", reference=Centred().eval(), backends=QUICK)

    assert report.holds, report
    assert any("influence each other" in text for text in report.left_out)


def test_graph_without_a_batch_is_asked_in_single_runs(tmp_path: Path) -> None:
    path = graph_file(
        tmp_path / "sum.onnx",
        [helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0), helper.make_node("Mul", ["total", "by"], ["y"])],
        {"x": ("float32", [3, 4]), "by": ("float32", [])},
        {"y": ("float32", [])},
    )

    report = parity.check(path, reference=path, backends=QUICK)

    assert report.holds, report
    assert any("do not share a symbolic first axis" in text for text in report.left_out)


def test_another_graph_is_a_reference_with_noise_of_its_own(written: Path, tmp_path: Path) -> None:
    source = written / "classifier.onnx"

    same = parity.check(source, reference=source, backends=QUICK)
    other = parity.check(
        changed_weight(source, tmp_path / "other.onnx", 1.001),
        reference=source,
        backends="onnxruntime-all,onnx-reference",
    )

    assert same.holds, same
    assert same.yardstick == "classifier.onnx"
    assert not other.holds
    assert "classifier.onnx" in str(other)


@pytest.mark.parametrize("given", ["tolerance", "measured"])
def test_recorded_answers_need_a_tolerance(written: Path, tmp_path: Path, given: str) -> None:
    features = np.random.default_rng(1).standard_normal((9, 6)).astype(np.float32)
    with torch.no_grad():
        probs, label, sure = seeded(Classifier())(torch.from_numpy(features))
    np.savez(tmp_path / "r.npz", features=features, probs=probs.numpy(), label=label.numpy(), sure=sure.numpy())

    if given == "tolerance":
        report = parity.check(
            written / "classifier.onnx", reference=tmp_path / "r.npz", tolerance={"probs": 1e-5}, backends=QUICK
        )
        assert report.holds, report
        assert row(report, "probs").tolerance == 1e-5
    else:
        with pytest.raises(ValueError, match="give a tolerance for 'probs'"):
            parity.check(written / "classifier.onnx", reference=tmp_path / "r.npz", backends=QUICK)


def test_recorded_answers_that_differ_do_not_hold(written: Path, tmp_path: Path) -> None:
    features = np.zeros((3, 6), np.float32)
    probs, label, sure = np.full((3, 4), 0.25, np.float32), np.zeros(3, np.int64), np.ones(3, bool)
    np.savez(tmp_path / "r.npz", features=features, probs=probs, label=label, sure=sure)

    report = parity.check(
        written / "classifier.onnx", reference=tmp_path / "r.npz", tolerance=1e-5, backends=QUICK, locate=False
    )

    assert not report.holds


def test_exported_program_and_its_archive_are_references(written: Path, tmp_path: Path) -> None:
    exported = torch.export.export(
        seeded(Classifier()), (torch.ones(2, 6),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    )
    torch.export.save(exported, tmp_path / "program.pt2")

    for reference in (exported, tmp_path / "program.pt2"):
        report = parity.check(written / "classifier.onnx", reference=reference, backends=QUICK)
        assert report.holds, report


def test_given_inputs_are_extended_to_the_largest_batch(written: Path) -> None:
    features = np.random.default_rng(2).standard_normal((20, 6)).astype(np.float32)

    report = parity.check(
        written / "classifier.onnx", reference=seeded(Classifier()), inputs={"features": features}, backends=QUICK
    )

    assert report.holds, report
    assert report.samples == 300
    assert "20 given rows, and 280 blends of them" in report.notes[0]


def test_bound_that_is_given_replaces_the_measured_one(written: Path, tmp_path: Path) -> None:
    bad = changed_weight(written / "classifier.onnx", tmp_path / "bad.onnx", 1.0001)
    module = seeded(Classifier())

    loose = parity.check(bad, reference=module, tolerance=0.01, backends=QUICK, inputs=few_features, locate=False)
    tight = parity.check(bad, reference=module, tolerance=1e-7, backends=QUICK, inputs=few_features, locate=False)

    assert row(loose, "probs").holds
    assert not row(tight, "probs").holds


def few_features(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"features": rng.standard_normal((40, 6)).astype(np.float32)}


def test_two_graphs_are_compared_as_a_chain_too(tmp_path: Path) -> None:
    def layer(path: Path, name: str, output: str) -> Path:
        weight = np.random.default_rng(len(output)).standard_normal((4, 4)).astype(np.float32)
        kinds = ("float32", ["batch", 4])
        node = helper.make_node("MatMul", [name, "w"], [output])
        return graph_file(path, [node], {name: kinds}, {output: kinds}, {"w": weight})

    graphs = {
        "first": layer(tmp_path / "first.onnx", "x", "code"),
        "second": layer(tmp_path / "second.onnx", "code", "y"),
    }
    wrong = {**graphs, "second": changed_weight(graphs["second"], tmp_path / "wrong.onnx", 1.01)}

    report = parity.check(graphs, reference=graphs, backends=QUICK)
    bad = parity.check(wrong, reference=graphs, backends=QUICK, locate=False)

    assert report.holds, report
    assert tuple(report.graphs) == ("first", "second", "chain")
    chain = next(each for each in bad.rows if each.graph == "chain")
    assert not chain.holds
    assert chain.shares
    assert chain.shares.graph == "second"


def test_infinite_answers_that_agree_are_equal(tmp_path: Path) -> None:
    kinds = ("float32", ["batch", 3])
    path = graph_file(tmp_path / "log.onnx", [helper.make_node("Log", ["x"], ["y"])], {"x": kinds}, {"y": kinds})
    inputs = {"x": np.array([[0, 1, 2], [3, 0, 5]], np.float32)}

    report = parity.check(path, reference=path, inputs=inputs, backends="onnxruntime-all,onnx-reference")

    assert report.holds, report


def test_half_precision_is_held_to_its_own_rounding(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((5, 5)).astype(np.float16)
    kinds = ("float16", ["batch", 5])
    path = graph_file(
        tmp_path / "half.onnx",
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"x": kinds},
        {"y": kinds},
        {"w": weight},
    )

    report = parity.check(path, reference=path, backends="onnxruntime-none,onnxruntime-all,onnx-reference")

    assert report.holds, report
    assert report.label == "fp16"
    assert row(report, "y").noise_floor > 1e-4


def test_report_is_written_and_names_the_backend(written: Path, tmp_path: Path) -> None:
    report = parity.check(written / "centred.onnx", reference=Centred().eval(), backends=QUICK)

    report.write(tmp_path / "out")

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "index.html",
        "junit.xml",
        "parity.json",
        "parity.md",
    ]
    assert json.loads((tmp_path / "out/parity.json").read_text())["holds"] is True


def test_package_is_imported_without_torch_and_onnx() -> None:
    code = (
        "import sys, vaeport_parity; from vaeport_parity import cli; "
        "assert set(dir(vaeport_parity)) == {'Report', 'check'}; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'onnx', 'onnxruntime', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_asked_does_not_hold() -> None:
    from vaeport_parity.judging.figures import figures
    from vaeport_parity.judging.report import row_holds, verdict

    silent = Row("backend", "graph", "y", figures([]), 1e-7, 4e-7, rows=0)

    assert not row_holds(silent)
    assert verdict([silent]) == "refuses"


class Either(torch.nn.Module):
    """Takes one of two branches by torch.cond, which no captured program keeps."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cond(x.sum() > 0, lambda v: v * 2.5, lambda v: v - 1, (x,))  # type: ignore[no-any-return]


def test_module_with_branches_is_compared_and_a_wrong_one_is_seen(tmp_path: Path) -> None:
    kinds = ("float32", [4])
    right, wrong = (
        graph_file(
            tmp_path / f"{name}.onnx",
            [helper.make_node("Mul", ["x", "by"], ["y"])],
            {"x": kinds},
            {"y": kinds},
            {"by": by},
        )
        for name, by in (("right", np.float32(2.5)), ("wrong", np.float32(2.6)))
    )
    inputs = {"x": np.array([1, 2, 3, 4], np.float32)}

    reports = [
        parity.check(path, reference=Either().eval(), inputs=inputs, backends=QUICK, locate=False)
        for path in (right, wrong)
    ]

    assert [report.holds for report in reports] == [True, False]
    assert row(reports[0], "y").rows == 1
