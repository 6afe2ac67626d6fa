"""ncnn on the CPU, converted by pnnx; it knows no batch, so rows go one by one."""

import importlib
import math
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import (
    Arrays,
    Facts,
    GraphFile,
    Runner,
    Shapes,
    Tensor,
    contiguous,
    installed_version,
    per_shape,
    refuse_types,
    row_by_row,
)

_HALVES = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")
_WINOGRAD = "use_winograd_convolution"


@dataclass(frozen=True)
class Ncnn:
    """ncnn in float32, or as it comes."""

    exact: bool
    """Whether weights and arithmetic are float32 and convolutions summed directly, which Winograd's are not."""

    @property
    def facts(self) -> Facts:
        """`ncnn` or `ncnn-default`."""
        return Facts(
            "ncnn" if self.exact else "ncnn-default",
            module="ncnn",
            packages=("ncnn", "numpy", "pnnx"),
            pip_options={"pnnx": ("--no-deps",)},  # it asks for PyTorch, which only its Python module needs
            environment="ncnn",
            pinned=("ncnn",),
            own_programs="converts",
            counts=self.exact,
            empty_batch=False,
            remark="rows one by one, converted with fp16=0, use_winograd_convolution off"
            if self.exact
            else "rows one by one, as it comes: weights rounded to float16, Winograd's convolution",
        )

    def version(self) -> str:
        """Version of ncnn."""
        return installed_version("ncnn")

    def load(self, graph: GraphFile) -> Runner:
        """Convert a copy with one row, which is all that ncnn has, then load; once for each combination of shapes.

        Raises:
            TypeError: the graph has an input or output that is not float32.
            ValueError: the graph has no batch that all inputs and outputs share.
            RuntimeError: pnnx cannot convert the file; on a run, where ncnn says so.
        """
        refuse_types(graph, ("float32",), "ncnn")
        if graph.batch is None:
            raise ValueError("ncnn runs rows of a batch one by one, and the inputs share no symbolic first axis")
        return row_by_row(per_shape(lambda shapes: self._loaded(graph, shapes)), graph)

    def _loaded(self, graph: GraphFile, shapes: Shapes) -> Runner:
        """A network for one combination of shapes, each with a batch of 1."""
        ncnn: Any = importlib.import_module("ncnn")
        folder = graph.scratch / "_".join("x".join(map(str, shape)) for shape in shapes.values())
        folder.mkdir()
        copy = folder / "graph.onnx"
        shutil.copyfile(graph.path, copy)
        words = ",".join(f"[{','.join(map(str, shape))}]" for shape in shapes.values())
        _convert(copy, [f"inputshape={words}", *(["fp16=0"] if self.exact else [])])
        network = ncnn.Net()
        if self.exact:
            for option in (*_HALVES, _WINOGRAD):
                setattr(network.opt, option, False)
        network.opt.use_vulkan_compute = False
        network.opt.num_threads = 1
        base = copy.with_suffix("")
        if network.load_param(f"{base}.ncnn.param") or network.load_model(f"{base}.ncnn.bin"):
            raise RuntimeError("ncnn cannot load what pnnx made of the graph")

        def run(inputs: Arrays) -> dict[str, Any]:
            extractor = network.create_extractor()
            for index, values in enumerate(inputs.values()):
                # A clone, since a Mat over an array's memory does not keep the array alive.
                extractor.input(f"in{index}", ncnn.Mat(contiguous(values[0])).clone())
            sizes = _sizes(graph, shapes)
            answers = {}
            for index, (name, tensor) in enumerate(graph.outputs.items()):
                status, answer = extractor.extract(f"out{index}")
                if status:
                    raise RuntimeError(f"ncnn could not compute {name}: {status}")
                answers[name] = _as_stated(np.array(answer), tensor, sizes)
            return answers

        return run


def _sizes(graph: GraphFile, shapes: Shapes) -> dict[str, int]:
    return {
        axis: size
        for name, tensor in graph.inputs.items()
        for axis, size in zip(tensor.shape, shapes[name], strict=True)
        if isinstance(axis, str)
    }


def _as_stated(values: NDArray[Any], tensor: Tensor, sizes: dict[str, int]) -> NDArray[Any]:
    """One row in the shape that the graph states, where that is known: ncnn leaves leading axes of 1 away."""
    shape = [sizes.get(axis, -1) if isinstance(axis, str) else axis for axis in tensor.shape]
    return values.reshape(shape) if shape.count(-1) <= 1 and values.size == abs(math.prod(shape)) else values


def _convert(model: Path, options: list[str]) -> None:
    # pnnx's own module needs PyTorch, its program does not.
    program = Path(importlib.import_module("ncnn").__file__ or "").parents[1] / "pnnx/pnnx"
    done = subprocess.run(
        [program, model.name, *options], cwd=model.parent, capture_output=True, text=True, check=False
    )
    if not model.with_suffix("").with_suffix(".ncnn.param").is_file():
        said = " ".join((done.stderr or done.stdout).split())[-200:]
        raise RuntimeError(f"pnnx could not convert the graph: {said}")
