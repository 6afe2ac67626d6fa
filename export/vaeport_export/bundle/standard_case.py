"""Each graph folder as a standard ONNX test case: `test_data_set_0` with inputs and expected outputs as TensorProto."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from vaeport.bundle.opening import Bundle
from vaeport.contract import GRAPHS
from vaeport.errors import BundleError

_ROWS = 16
_TENSOR_FILE = re.compile(r"(input|output)_(\d+)\.pb")


@dataclass(frozen=True, eq=False)
class StandardCase:
    """What a bundle says that a graph answers to some inputs."""

    folder: str
    """Its folder in the bundle."""
    inputs: dict[str, NDArray[Any]]
    """By the names that the files give."""
    outputs: dict[str, NDArray[Any]]
    """By the names that the files give."""


def standard_cases(bundle: Bundle, precision: str, graph: str) -> Iterable[StandardCase]:
    """The test cases beside a graph, in the order of their names.

    Raises:
        BundleError: a file of one is no tensor; the sentence names it.
    """
    beside = f"{precision}/{graph}/"
    inner = [name for name in bundle.manifest.files if name.startswith(beside) and name.count("/") == 3]
    for folder in sorted({name.rpartition("/")[0] for name in inner}):
        found: dict[str, dict[str, NDArray[Any]]] = {"input": {}, "output": {}}
        for name in sorted(each for each in inner if each.startswith(f"{folder}/")):
            if matched := _TENSOR_FILE.fullmatch(name.rpartition("/")[2]):
                tensor, values = _read(bundle, name)
                found[matched[1]][tensor] = values
        yield StandardCase(folder, found["input"], found["output"])


def _read(bundle: Bundle, name: str) -> tuple[str, NDArray[Any]]:
    try:
        tensor = TensorProto.FromString(bundle.read(name))
        tensor.ClearField("data_location")  # the values of a test case lie in its file
        return tensor.name, numpy_helper.to_array(tensor)
    except (DecodeError, ValueError, TypeError, KeyError) as error:
        said = " ".join(str(error).split())[:160]
        raise BundleError(f"{bundle.path}: {name} is no tensor of a test case: {said}") from error


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
