import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.parity.reporting.made import HOSTILE, backend, broken, chained, crowded, figures, precisions, report, row
from vaeport.errors import InputError, OutputError
from vaeport_parity.reporting.files import write_reports
from vaeport_parity.reporting.junit import junit_xml
from vaeport_parity.reporting.markdown import markdown
from vaeport_parity.reporting.report import Report, Reports, read_report

FILES = {"parity.json", "junit.xml", "parity.md", "index.html"}


@pytest.mark.parametrize("made", [broken, crowded, chained])
def test_all_files_are_written_and_the_report_reads_back_as_it_was(made: Callable[[], Report], tmp_path: Path) -> None:
    made().write(tmp_path / "new/out")

    assert {path.name for path in (tmp_path / "new/out").iterdir()} == FILES
    content = (tmp_path / "new/out/parity.json").read_text()
    read = read_report(content, "parity.json")
    assert read.to_dict() == made().to_dict()
    assert json.loads(content)["holds"] == read.holds == made().holds


def test_infinite_figures_and_those_that_are_no_numbers_survive_json() -> None:
    made = report(row(error=float("inf")), row(output="z", figures=figures(float("nan")), rows=0, failed="died"))

    content = made.to_json()

    assert "Infinity" not in content
    assert "NaN" not in content
    assert read_report(content, "x").to_json() == content


def test_report_of_another_form_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"^old.json is no report of this vaeport, samples: Field required$"):
        read_report('{"name": "a", "backends": [], "rows": []}', "old.json")
    with pytest.raises(InputError, match=r"^bad.json is no report of this vaeport, its text: Invalid JSON"):
        read_report("{", "bad.json")


def test_old_files_are_replaced_and_others_stay(tmp_path: Path) -> None:
    write_reports([broken()], tmp_path)
    (tmp_path / "mine.txt").write_text("mine")

    write_reports([chained()], tmp_path)

    assert "pets" in (tmp_path / "parity.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "mine.txt"}


def test_file_that_cannot_be_written_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    write_reports([broken()], tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "index.html"}
    (tmp_path / "index.html").unlink()
    (tmp_path / "index.html").mkdir()

    with pytest.raises(OutputError, match=r"index.html: what stands there is no file; nothing was changed there"):
        write_reports([chained()], tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_write_that_fails_halfway_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_reports([broken()], tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "parity.md":
            raise OSError(28, os.strerror(28), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)

    with pytest.raises(OutputError, match="No space left on device; nothing was changed there"):
        write_reports([chained()], tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("beside", [(), ("mine.txt",)])
def test_no_step_of_a_replacement_leaves_anything_beside_the_report(
    beside: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "out"
    write_reports([broken()], place)
    for name in beside:
        (place / name).write_text("mine")

    write_reports([chained()], place)

    assert "pets" in (place / "parity.md").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path.name for path in place.iterdir()} == {*FILES, *beside}


def test_report_in_the_working_folder_is_replaced_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    number = tmp_path.stat().st_ino

    write_reports([broken()], ".")
    write_reports([chained()], ".")

    assert tmp_path.stat().st_ino == number
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_folder_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputError, match="cannot write"):
        write_reports([broken()], tmp_path / "file/out")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_junit_failure_carries_the_place() -> None:
    cases = list(ET.fromstring(junit_xml([broken()])).iter("testcase"))  # noqa: S314 - our own text

    failures = {case.get("classname"): case.find("failure") for case in cases}
    failure = failures["tract"]
    assert failure is not None
    assert "node 'sub' (Sub of b, a) reads a, b in original.onnx" in (failure.text or "")
    assert failure.get("message") == failure.text
    assert (failure.text or "").startswith("0.002 off, 2e+04 noise floors, allowed 4e-07; first wrong: candidate.onnx")
    assert failures["jax"] is None
    skipped = {case.get("classname") for case in cases if case.find("skipped") is not None}
    assert skipped == {"tvm", "iree", "onnxruntime-cuda"}


def test_junit_takes_any_name() -> None:
    root = ET.fromstring(junit_xml([crowded()]))  # noqa: S314 - our own text

    assert any("<script>" in (case.get("name") or "") for case in root.iter("testcase"))
    assert int(root.get("tests") or 0) == len(list(root.iter("testcase")))


def cells(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_markdown_has_a_line_for_each_backend_and_each_place_once() -> None:
    text = markdown([broken()])

    assert cells(text, "jax")[-1] == "holds"
    assert cells(text, "tract")[-1] == "**falls short**"
    assert cells(text, "ncnn")[2:] == ["-"] * 6 + ["**refuses**"]
    assert text.count("node 'sub'") == 1
    assert "- First wrong on onnxruntime-all, tract: candidate.onnx: node 'sub'" in text
    assert "**Does not hold.** Candidate.onnx does NOT answer as original.onnx does" in text


def test_markdown_tells_given_rows_who_got_fewer_flips_and_the_machine() -> None:
    text = markdown([chained()])

    assert "1000 of them given; backends: 2 hold; 1 falls short, shown only." in text
    assert "Of the given rows onnxruntime-all, mnn got 500." in text
    assert "Rows that changed class: none on backends that count. Durations on a CPU." in text
    assert "- mnn: Flips by input set: test 2." in text
    assert cells(text, "tract")[-3:-1] == ["1.5 (x1)", "120 (x1)"]


def test_markdown_keeps_hostile_names_in_their_cell() -> None:
    text = markdown([report(row(HOSTILE), backends=(backend(HOSTILE),))])

    (line,) = [line for line in text.splitlines() if line.startswith("| ") and "script" in line]
    assert line.replace("\\|", "").count("|") == 10
    assert "<script>" not in text
    assert "\x1b" not in text


def test_text_of_a_report_names_backend_output_ratio_and_node() -> None:
    text = str(broken())

    assert "tract, y: 0.002 off, 2e+04 noise floors" in text
    assert text.count("node 'sub'") == 1
    assert str(chained()).startswith(
        "pets answers as PyTorch does on onnxruntime-all and tract: at most 1.00 noise floors"
    )


def test_reports_of_several_precisions_share_a_page_and_have_a_file_each(tmp_path: Path) -> None:
    whole = Reports(tuple(precisions()))

    whole.write(tmp_path / "out")
    whole.write(tmp_path / "out")

    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert files == FILES | {"fp16/parity.json", "int8/parity.json"}
    kept = [name for name in sorted(files) if name.endswith("parity.json")]
    labels = [read_report((tmp_path / "out" / name).read_text(), name).precision for name in kept]
    assert labels == ["fp16", "int8", "fp32"]
    assert not whole.holds
    assert whole.to_dict()["holds"] is False
    assert [each["label"] for each in whole.to_dict()["reports"]] == ["", "fp16", "int8"]
    suites = ET.fromstring((tmp_path / "out/junit.xml").read_text()).findall("testsuite")  # noqa: S314 - our own text
    assert [suite.get("name") for suite in suites] == [
        f"vaeport-parity pets{label}" for label in ("", " fp16", " int8")
    ]
    assert [suite.get("failures") for suite in suites] == ["0", "2", "1"]


def test_report_of_fewer_precisions_leaves_none_of_the_older_one(tmp_path: Path) -> None:
    write_reports(precisions(), tmp_path / "out")

    write_reports(precisions()[:1], tmp_path / "out")

    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES


def test_folder_of_somebody_else_is_not_taken_for_a_report(tmp_path: Path) -> None:
    write_reports(precisions(), tmp_path)
    (tmp_path / "fp16/mine.txt").write_text("mine")

    write_reports(precisions(), tmp_path)

    assert (tmp_path / "fp16/mine.txt").read_text() == "mine"


@dataclasses.dataclass(frozen=True)
class Reproducer:
    """As the one of `reproducing`."""

    name: str
    files: dict[str, bytes]


def test_reproducers_stand_in_the_report_and_their_names_in_its_json(tmp_path: Path) -> None:
    made = Reproducer("tract-graph", {"ISSUE.md": b"# wrong", "model.onnx": b"\x08"})
    short = report(row(error=1e-3), backends=(backend(reproducers=(made,)),))

    Reports((short,)).write(tmp_path / "out")
    Reports((short,)).write(tmp_path / "out")

    assert (tmp_path / "out/reproducers/tract-graph/model.onnx").read_bytes() == b"\x08"
    read = read_report((tmp_path / "out/parity.json").read_text(), "parity.json")
    assert read.backends[0].reproducers == ("tract-graph",)
    assert read.to_dict() == short.to_dict()
