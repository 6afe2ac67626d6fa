"""Each graph folder as a standard ONNX test case: `test_data_set_0` with inputs and expected outputs as TensorProto."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from vaeport.contract import GRAPHS

_ROWS = 16


def write_test_case(
    folder: Path, graph: str, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]
) -> None:
    """Write the first rows beside a model.

    Args:
        folder: the graph's folder, which holds `model.onnx`.
        graph: name of the graph.
        inputs: float32 [N, ...] by input name.
        outputs: expected answers, float32 [N, ...] by output name.
    """
    spec, place = GRAPHS[graph], folder / "test_data_set_0"
    place.mkdir()
    for kind, names, arrays in (("input", spec.inputs, inputs), ("output", spec.outputs, outputs)):
        for index, name in enumerate(names):
            _write(place / f"{kind}_{index}.pb", name, arrays[name][:_ROWS])


def _write(path: Path, name: str, array: NDArray[Any]) -> None:
    tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
    path.write_bytes(tensor.SerializeToString(deterministic=True))
