from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests
from onnx.reference import ReferenceEvaluator

from tests.export.material import Opened
from vaeport.bundle.golden import parse_golden
from vaeport.contract import GRAPHS


def tensors(folder: Path, kind: str) -> dict[str, NDArray[np.float32]]:
    """Tensors of a data set by the name inside the file, in the order of the file names."""
    read = [onnx.load_tensor(str(path)) for path in sorted(folder.glob(f"{kind}_*.pb"))]
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in read}


def test_onnx_finds_both_graphs_as_standard_cases(bundles: Path) -> None:
    cases = load_model_tests(str(bundles / "narrow"), "fp32")

    assert {case.name for case in cases} == set(GRAPHS)


@pytest.mark.parametrize("bundle", ["narrow", "blog"])
@pytest.mark.parametrize("graph", list(GRAPHS))
def test_reference_evaluator_passes_the_case(graph: str, bundle: str, bundles: Path) -> None:
    case = next(case for case in load_model_tests(str(bundles / bundle), "fp32") if case.name == graph)
    assert case.model_dir is not None
    folder = Path(case.model_dir)
    expected = tensors(folder / "test_data_set_0", "output")

    answers = ReferenceEvaluator(onnx.load_model(folder / "model.onnx")).run(
        None, tensors(folder / "test_data_set_0", "input")
    )

    for answer, wanted in zip(answers, expected.values(), strict=True):
        np.testing.assert_allclose(answer, wanted, rtol=case.rtol, atol=1e-6)


@pytest.mark.parametrize("graph", list(GRAPHS))
def test_case_holds_the_first_golden_rows(graph: str, narrow: Opened) -> None:
    folder = narrow.bundle.path / "fp32" / graph / "test_data_set_0"
    golden = parse_golden(narrow.bundle.read("golden.npz"), narrow.bundle.manifest.shapes)

    for kind, recorded in (("input", golden.inputs(graph)), ("output", golden.answers[graph]["float32"])):
        found = tensors(folder, kind)
        assert list(found) == list(recorded)
        assert all(np.array_equal(found[name], recorded[name][:16]) for name in found)
