"""The zoo itself: every ONNX file answers as its module does, so that what the kit says of it is about the kit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto

from tests.foreign.catalogue import HANDMADE, MODULES, Arrays, Network, by_name, load
from tests.foreign.defects import DEFECTS


def onnxruntime_answers(path: Path, inputs: Arrays) -> Arrays:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    if any(array.dtype.name == "bfloat16" for array in inputs.values()):
        return dict(zip(names, _bfloat16_answers(session, inputs), strict=True))
    return dict(zip(names, session.run(None, inputs), strict=True))


def _bfloat16_answers(session: onnxruntime.InferenceSession, inputs: Arrays) -> list[NDArray[Any]]:
    """Answers by way of OrtValue, since onnxruntime's binding takes no bfloat16 arrays."""
    values = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array.view(np.uint16), TensorProto.BFLOAT16)
        for name, array in inputs.items()
    }
    tensors = [torch.utils.dlpack.from_dlpack(value) for value in session.run_with_ort_values(None, values)]
    return [tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16) for tensor in tensors]


def eager_answers(network: Network, inputs: Arrays) -> list[torch.Tensor]:
    with torch.no_grad():
        answer = network.module()(*(as_tensor(array) for array in inputs.values()))
    return [answer] if isinstance(answer, torch.Tensor) else list(answer)


def as_tensor(array: NDArray[Any]) -> torch.Tensor:
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


@pytest.mark.parametrize("network", MODULES, ids=lambda network: network.name)
def test_file_answers_as_its_module(network: Network, written: Callable[[Network], Path]) -> None:
    path, inputs = written(network), network.make_inputs()
    expected = eager_answers(network, inputs)

    answers = onnxruntime_answers(path, inputs)

    assert len(answers) == len(expected)
    for name, wanted in zip(answers, expected, strict=True):
        assert answers[name].dtype.name == str(wanted.dtype).removeprefix("torch.")
        assert answers[name].shape == wanted.shape
        np.testing.assert_allclose(
            np.float64(answers[name]), wanted.double().numpy(), rtol=0, atol=network.rounding, err_msg=name
        )


@pytest.mark.parametrize("network", MODULES, ids=lambda network: network.name)
def test_network_does_not_answer_constants(network: Network, written: Callable[[Network], Path]) -> None:
    written(network)
    one, other = (eager_answers(network, network.make_inputs(seed)) for seed in (1, 2))
    assert all((a != b).any() for a, b in zip(one, other, strict=True) if a.is_floating_point())


@pytest.mark.parametrize("name", HANDMADE)
def test_handmade_graph_answers_as_numpy(name: str, tmp_path: Path) -> None:
    graph = HANDMADE[name]
    graph.write(tmp_path / "graph.onnx")
    answers = onnxruntime_answers(tmp_path / "graph.onnx", graph.make_inputs())
    for tensor, wanted in graph.answers(graph.make_inputs()).items():
        np.testing.assert_allclose(answers[tensor], wanted, atol=2e-6, err_msg=tensor)


@pytest.mark.parametrize("estimator", ["classifier", "forest"])
def test_estimator_answers_as_scikit_learn(estimator: str, tmp_path: Path) -> None:
    pytest.importorskip("skl2onnx")
    getattr(load("sklearn_pipeline.py"), f"write_{estimator}")(tmp_path / "e.onnx", tmp_path / "e.npz")
    recorded = dict(np.load(tmp_path / "e.npz"))
    answers = onnxruntime_answers(tmp_path / "e.onnx", {"X": recorded["X"]})
    for name, answer in answers.items():
        np.testing.assert_allclose(answer, recorded[name], atol=1e-5)


def test_every_defect_changes_answers_for_more_than_rounding(
    written: Callable[[Network], Path], tmp_path: Path
) -> None:
    silent = []
    for defect in DEFECTS:
        if defect.network in HANDMADE:
            HANDMADE[defect.network].write(tmp_path / "sound.onnx")
            sound, inputs, rounding = tmp_path / "sound.onnx", HANDMADE[defect.network].make_inputs(), 1e-5
        else:
            network = by_name(defect.network)
            sound, inputs, rounding = written(network), network.make_inputs(), network.rounding
        model = onnx.load(sound)
        assert defect.apply(model)
        onnx.save(model, tmp_path / "broken.onnx")
        right, wrong = onnxruntime_answers(sound, inputs), onnxruntime_answers(tmp_path / "broken.onnx", inputs)
        if all(np.abs(np.float64(right[name]) - np.float64(wrong[name])).max() <= 2 * rounding for name in right):
            silent.append(defect.name)
    assert silent == []
