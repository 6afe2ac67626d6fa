import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.export.material import compared, edit_onnx, opened, sealed_again
from tests.export.test_mutations import drop_the_last_sigmoid
from vaeport.bundle import open_bundle
from vaeport_export.parity.report import ParityReport
from vaeport_export.parity.reports import markdown, write_reports
from vaeport_export.parity.sealing import seal_report


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


def test_page_has_a_line_for_each_backend(broken: ParityReport) -> None:
    text = markdown([broken])

    assert [line.split(" | ")[-2] for line in text.splitlines() if line.startswith(("| torch", "| onnx"))] == [
        "holds",
        "**falls short**",
    ]


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
