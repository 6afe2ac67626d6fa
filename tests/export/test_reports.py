import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from onnx import ModelProto

from tests.export.crooked import Crooked, refusing, unchanged
from tests.export.material import compared, edit_onnx, opened, sealed_again
from tests.export.test_mutations import drop_the_last_sigmoid
from vaeport.bundle.folder import open_bundle
from vaeport.contract import GOLDEN_FILE
from vaeport.errors import InputError
from vaeport_export.bundle.sealing import seal_report, sealed_report
from vaeport_export.bundle.subject import Subject
from vaeport_parity.backends import BACKENDS
from vaeport_parity.comparison import compare_backends
from vaeport_parity.judging.summary import summary
from vaeport_parity.reporting.files import write_reports
from vaeport_parity.reporting.markdown import markdown
from vaeport_parity.reporting.page import html_page
from vaeport_parity.reporting.report import BackendReport, ParityReport
from vaeport_parity.running.machine import machine


@pytest.fixture
def broken(copy: Path) -> ParityReport:
    edit_onnx(copy, "decoder", drop_the_last_sigmoid)
    return compared(sealed_again(copy), "torch-float32", "onnxruntime-all")


def test_reports_are_written_and_name_what_falls_short(broken: ParityReport, tmp_path: Path) -> None:
    write_reports(broken, tmp_path / "out")

    values = json.loads((tmp_path / "out/parity.json").read_text())
    cases = ET.parse(tmp_path / "out/junit.xml").findall("testcase")  # noqa: S314 - our own file
    page = (tmp_path / "out/index.html").read_text()
    assert not values["holds"]
    failed = {(case.get("classname"), case.get("name")) for case in cases if case.find("failure") is not None}
    assert failed == {("onnxruntime-all", "decoder/image"), ("onnxruntime-all", "chain/image")}
    assert page.count("data:image/png;base64,") == 4
    assert "http" not in page
    assert "**falls short**" in (tmp_path / "out/parity.md").read_text()


def cells(text: str, backend: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {backend} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_page_has_a_line_for_each_backend(broken: ParityReport) -> None:
    text = markdown([broken])

    assert cells(text, "torch-float32")[-1] == "holds"
    assert cells(text, "onnxruntime-all")[-1] == "**falls short**"


def test_page_keeps_its_table_narrow_and_tells_the_rest_below(broken: ParityReport) -> None:
    text = markdown([broken])

    assert max(len(line) for line in text.splitlines() if line.startswith("|")) < 120
    assert "- onnxruntime-all: as vaeport runs it.\n" in text
    assert "- onnxruntime-all: First wrong: fp32/decoder/model.onnx: node 'node_sigmoid'" in text


def test_page_says_once_what_a_backend_is(broken: ParityReport) -> None:
    assert markdown([broken, broken]).count("as vaeport runs it") == 1


def test_sealed_report_is_the_one_that_was_sealed(copy: Path) -> None:
    report = compared(copy, "onnxruntime-all")

    seal_report(open_bundle(copy), report)

    read = sealed_report(open_bundle(copy), "fp32")
    assert read.to_dict() == report.to_dict()
    assert read.holds


def test_sealed_report_of_another_form_is_one_sentence(copy: Path) -> None:
    (copy / "parity.json").write_text('{"bundle": "narrow"}')

    with pytest.raises(InputError, match="parity.json is no report of this vaeport, images: Field required"):
        sealed_report(open_bundle(sealed_again(copy)), "fp32")


def test_page_tells_how_many_test_images_who_got_fewer_and_on_what_machine(narrow: Subject) -> None:
    backends = (BackendReport("a", "1", True, "", test_images=600), BackendReport("b", "1", True, "", test_images=500))
    row = compared(narrow.bundle.path, "torch-float32").rows[0]
    rows = tuple(dataclasses.replace(row, backend=name) for name in (GOLDEN_FILE, "a", "b"))
    report = ParityReport("digits", 1299, backends, rows, test_images=600, machine="AMD EPYC, 2 cores")

    assert (
        "2 backends, 1299 images, 600 of them test images (of which b got 500). All that count hold. "
        "Test images that changed class: none on backends that count. Durations on AMD EPYC, 2 cores."
    ) in markdown([report])


def test_page_tells_whose_test_images_changed_class(narrow: Subject) -> None:
    backends = (BackendReport("a", "1", True, "", test_images=600), BackendReport("b", "1", False, "", test_images=600))
    row = next(row for row in compared(narrow.bundle.path, "torch-float32").rows if row.output == "class_probs")
    flipped = dataclasses.replace(row, class_flips=5, flips_by_set={"test": 3, "probes": 2})
    rows = tuple(dataclasses.replace(flipped, backend=name) for name in ("a", "b"))

    text = markdown([ParityReport("digits", 1299, backends, rows, test_images=600)])

    assert "**Not all that count hold.** Test images that changed class: a 3 on backends that count." in text
    assert "- b: Flips by input set: test 3, probes 2." in text


def test_backend_without_any_answer_to_a_graph_refuses(narrow: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    def has_split(model: ModelProto) -> bool:
        return any(node.op_type == "Split" for node in model.graph.node)

    monkeypatch.setitem(BACKENDS, "crooked", Crooked("crooked", refusing(has_split, unchanged)))

    report = compare_backends(narrow, ["crooked"], isolated=False)

    assert not report.holds
    assert summary(report, report.backends[0]).verdict == "refuses"
    assert cells(markdown([report]), "crooked")[2:] == ["-"] * 6 + ["**refuses**"]
    assert "- crooked: No answer to encoder_classifier, batch " in markdown([report])
    assert html_page(report).count(">no answer<") == 4


def test_durations_are_told_in_relation_to_what_vaeport_runs(narrow: Subject) -> None:
    report = compare_backends(narrow, ["onnx-reference", "onnxruntime-all"])

    slow, own = (summary(report, one).latencies[257] for one in report.backends)
    assert own.relative == 1
    assert slow.relative == pytest.approx(slow.milliseconds / own.milliseconds)
    assert cells(markdown([report]), "onnxruntime-all")[-2].endswith("(x1)")
    assert report.machine


def test_html_page_says_what_falls_short_and_where_and_shares_the_chains_error(broken: ParityReport) -> None:
    page = html_page(broken)

    assert "Backends: 1 holds, 1 falls short." in page
    assert '<b class="no">onnxruntime-all falls short</b>: fp32/decoder/model.onnx: node &#x27;node_sigmoid' in page
    assert page.index("What falls short, and where") < page.index("Every backend") < page.index("By inputs")
    assert page.count('<span class="split">') == 2
    assert '<th class="n">most doubtful' in page


def test_html_page_of_what_holds_has_no_list_of_what_falls_short(bundles: Path) -> None:
    page = html_page(compared(bundles / "narrow", "onnxruntime-all"))

    assert "narrow answers as PyTorch does: at most " in page
    assert "What falls short" not in page
    assert 'class="no"' not in page


def test_report_is_sealed_into_its_bundle(copy: Path) -> None:
    before = open_bundle(copy).manifest

    seal_report(opened(copy).bundle, compared(copy, "onnxruntime-all"))

    after = open_bundle(copy)
    assert {row["backend"] for row in json.loads(after.read("parity.json"))["rows"]} == {
        "golden.npz",
        "onnxruntime-all",
    }
    assert set(after.manifest.files) == set(before.files)
    assert after.manifest.tolerances == before.tolerances


def test_exported_bundle_carries_its_proof(bundles: Path) -> None:
    values = json.loads(open_bundle(bundles / "narrow").read("parity.json"))

    assert values["holds"]
    assert {"onnxruntime-all", "onnx-reference"} <= {one["name"] for one in values["backends"]}


def test_machine_is_named_by_its_processor(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast 9000\n")

    assert machine(tmp_path).startswith("Fast 9000, ")
    assert "core" in machine(tmp_path / "nowhere")
