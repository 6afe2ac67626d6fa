"""Each graph folder as a standard ONNX test case: `test_data_set_0` with inputs and expected outputs as TensorProto."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from vaeport.contract import GRAPHS
from vaeport.golden import Golden

_ROWS = 16


def write_test_case(folder: Path, graph: str, golden: Golden) -> None:
    """Write the first golden rows of a graph beside its model, expected outputs as PyTorch float32 gave them.

    Args:
        folder: the graph's folder, which holds `model.onnx`.
        graph: name of the graph.
        golden: inputs and answers.
    """
    spec, place = GRAPHS[graph], folder / "test_data_set_0"
    place.mkdir()
    inputs, outputs = golden.inputs(graph), golden.answers[graph]["float32"]
    for kind, names, arrays in (("input", spec.inputs, inputs), ("output", spec.outputs, outputs)):
        for index, name in enumerate(names):
            _write(place / f"{kind}_{index}.pb", name, arrays[name][:_ROWS])


def _write(path: Path, name: str, array: NDArray[np.floating]) -> None:
    tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
    path.write_bytes(tensor.SerializeToString(deterministic=True))
