"""How answers move from release to release."""

import dataclasses
from pathlib import Path

import pytest

from tests.parity.networks import Classifier, seeded
from vaeport.errors import InputError
from vaeport_parity.building import GraphRequest, make_subject
from vaeport_parity.reporting.drift import Release, drift_markdown, drift_of, read_drift, write_drift

OLD = Release("mnist", "fp32", "onnxruntime-all==1.30.*", "1.30.0", "holds", 1.5, None)
NEW = dataclasses.replace(OLD, backend="onnxruntime-all==1.31.*", version="1.31.1", ratio=1.25, drift=0.5)


@pytest.mark.filterwarnings("default")
def test_drift_is_measured_between_neighbours(written: Path, tmp_path: Path) -> None:
    request = GraphRequest(written / "classifier.onnx", seeded(Classifier()), scores=["probs"])
    subject = make_subject({"graph": request}, name="classifier", folder=tmp_path)

    first, other, same = drift_of(subject, ["onnxruntime-all", "onnx-reference", "onnx-reference"], limit=60)

    assert (first.verdict, first.drift) == ("holds", None)
    assert other.drift is not None
    assert 0 < other.drift < 20
    assert same.drift == 0
    assert other.ratio == same.ratio


def test_releases_are_read_back(tmp_path: Path) -> None:
    write_drift([OLD, NEW], tmp_path / "releases.json")

    assert read_drift(tmp_path / "releases.json") == [OLD, NEW]
    (tmp_path / "releases.json").write_text("[1]")
    with pytest.raises(InputError, match=r"releases\.json as a table of releases; make it anew"):
        read_drift(tmp_path / "releases.json")


def test_table_says_which_release_does_not_load_the_graph() -> None:
    silent = dataclasses.replace(
        OLD, backend="onnxruntime-all==1.13.*", version="1.13.1", verdict="refuses", ratio=None, said="opset 18"
    )

    text = drift_markdown([silent, OLD, NEW, dataclasses.replace(silent, precision="fp16")])

    assert "| release | mnist, fp32 | mnist, fp16 |" in text
    assert "| 1.13.1 | refuses | refuses |" in text
    assert "| 1.30.0 | 1.50 |  |" in text
    assert "| 1.31.1 | 1.25 (0.50) |  |" in text
    assert "- 1.13.1: opset 18, for mnist fp32, mnist fp16." in text
