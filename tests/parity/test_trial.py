"""Who is asked everything where rows cost much, and how several subjects are compared at once."""

import dataclasses
from pathlib import Path

from tests.parity.networks import changed_weight
from vaeport_parity.backends import OWN_BACKENDS
from vaeport_parity.building import GraphRequest, make_subject
from vaeport_parity.comparison import compare_all
from vaeport_parity.subjects.subject import Subject
from vaeport_parity.trial import leading_backends


def subject(candidate: Path, reference: Path, folder: Path, **changes: object) -> Subject:
    made = make_subject({"graph": GraphRequest(candidate, reference)}, name=candidate.name, folder=folder)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_one_backend_of_each_runtime_leads_and_none_that_runs_the_original() -> None:
    assert leading_backends(OWN_BACKENDS) == {"onnxruntime-all", "onnx-reference"}
    assert leading_backends(["onnxruntime-basic", "onnxruntime-none"]) == {"onnxruntime-basic"}
    assert leading_backends(["mnn", "mnn-default", "tract"]) == {"mnn", "tract"}


def test_precisions_are_compared_at_once_and_reported_in_order(written: Path, tmp_path: Path) -> None:
    source = written / "classifier.onnx"
    bad = changed_weight(source, tmp_path / "bad.onnx", 1.01)
    subjects = [
        subject(source, source, tmp_path / "a"),
        subject(bad, source, tmp_path / "b", label="int8"),
    ]
    told: list[str] = []

    reports = compare_all(subjects, "onnxruntime-all,onnxruntime-none", locate=False, progress=told.append)

    assert [report.holds for report in reports] == [True, False]
    assert [[one.name for one in report.backends] for report in reports] == [
        ["onnxruntime-all", "onnxruntime-none"]
    ] * 2
    assert told == [
        "fp32: classifier.onnx",
        "int8: classifier.onnx",
        "fp32: onnxruntime-all",
        "fp32: onnxruntime-none",
        "int8: onnxruntime-all",
        "int8: onnxruntime-none",
    ]
    assert all(report.processor and not report.machine for report in reports)


def test_costly_subject_says_who_was_asked_less(written: Path, tmp_path: Path) -> None:
    source = written / "classifier.onnx"

    (report,) = compare_all(
        [subject(source, source, tmp_path / "a", costly=True)], "onnxruntime-all,onnxruntime-none", locate=False
    )

    (text,) = [text for text in report.left_out if "a row costs much" in text]
    assert text.startswith("batches of more than 300 rows, and most of the given rows, of onnxruntime-none: ")
    assert text.endswith("onnxruntime-all is asked about all")
