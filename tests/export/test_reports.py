import json
from pathlib import Path

import pytest
from onnx import ModelProto

from tests.export.crooked import Crooked, refusing, unchanged
from tests.export.material import compared, sealed_again
from vaeport.bundle.opening import open_bundle
from vaeport.errors import InputError
from vaeport_export.bundle.sealing import seal_report, sealed_report
from vaeport_parity.backends import BACKENDS
from vaeport_parity.comparison import compare
from vaeport_parity.judging.summary import summary
from vaeport_parity.reporting.markdown import markdown
from vaeport_parity.reporting.page import html_page
from vaeport_parity.running.machine import machine
from vaeport_parity.subjects.subject import Subject


def test_sealed_report_is_the_one_that_was_sealed(copy: Path) -> None:
    report = compared(copy, "onnxruntime-all")

    seal_report(open_bundle(copy), report)

    read = sealed_report(open_bundle(copy), "fp32")
    assert read.to_dict() == report.to_dict()
    assert read.holds


def test_sealed_report_of_another_form_is_one_sentence(copy: Path) -> None:
    (copy / "parity.json").write_text('{"bundle": "narrow"}')

    with pytest.raises(InputError, match="parity.json is no report of this vaeport, "):
        sealed_report(open_bundle(sealed_again(copy)), "fp32")


def test_backend_without_any_answer_to_a_graph_refuses(
    narrow_subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def has_split(model: ModelProto) -> bool:
        return any(node.op_type == "Split" for node in model.graph.node)

    monkeypatch.setitem(BACKENDS, "crooked", Crooked("crooked", refusing(has_split, unchanged)))

    report = compare(narrow_subject, ["crooked"], isolated=False)

    assert not report.holds
    assert summary(report, report.backends[0]).verdict == "refuses"
    assert "- crooked: No answer to encoder_classifier, batch " in markdown([report])
    assert html_page([report]).count(">no answer<") == 4


def test_durations_are_told_in_relation_to_what_vaeport_runs(narrow_subject: Subject) -> None:
    report = compare(narrow_subject, ["onnx-reference", "onnxruntime-all"])

    slow, own = (summary(report, one).latencies[257] for one in report.backends)
    assert own.relative == 1
    assert slow.relative == pytest.approx(slow.milliseconds / own.milliseconds)
    assert (
        next(line for line in markdown([report]).splitlines() if line.startswith("| onnxruntime-all")).count("(x1)")
        == 2
    )
    assert report.machine


def test_report_is_sealed_into_its_bundle(copy: Path) -> None:
    before = open_bundle(copy).manifest

    seal_report(open_bundle(copy), compared(copy, "onnxruntime-all"))

    after = open_bundle(copy)
    assert {row["backend"] for row in json.loads(after.read("parity.json"))["rows"]} == {
        "golden.npz",
        "onnxruntime-all",
    }
    assert set(after.manifest.files) == set(before.files)
    assert after.manifest.tolerances == before.tolerances


def test_report_is_sealed_into_a_zipped_bundle(copy: Path, tmp_path: Path) -> None:
    zipped = open_bundle(copy).pack(tmp_path / "narrow.vaeport")
    digest = open_bundle(zipped).digest

    seal_report(open_bundle(zipped), compared(zipped, "onnxruntime-all"))

    after = open_bundle(zipped)
    assert after.digest != digest
    assert zipped.is_file()
    assert {row["backend"] for row in json.loads(after.read("parity.json"))["rows"]} == {
        "golden.npz",
        "onnxruntime-all",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"narrow", "narrow.vaeport"}


def test_exported_bundle_carries_its_proof(bundles: Path) -> None:
    values = json.loads(open_bundle(bundles / "narrow").read("parity.json"))

    assert values["holds"]
    assert {"onnxruntime-all", "onnx-reference"} <= {one["name"] for one in values["backends"]}


def test_machine_is_named_by_its_processor(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast 9000\n")

    assert machine(tmp_path).startswith("Fast 9000, ")
    assert "core" in machine(tmp_path / "nowhere")
