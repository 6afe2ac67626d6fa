"""MNN on the CPU, through its converter's module: the command of the same name installs packages by itself."""

import importlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Arrays, Facts, GraphFile, Runner, Tensor, contiguous, installed_version, refuse_types

_AS_INT32 = ("int32", "int64", "int16", "int8", "uint16", "uint8", "bool")
_WINOGRAD_MEMORY_LEVEL = 3  # MNN::Interpreter::HintMode, which Python sees as a number


@dataclass(frozen=True)
class Mnn:
    """MNN in float32, with or without Winograd's convolution."""

    exact: bool
    """Whether convolutions are summed directly: Winograd's transforms multiply less and round more."""

    @property
    def facts(self) -> Facts:
        """`mnn` or `mnn-default`."""
        return Facts(
            "mnn" if self.exact else "mnn-default",
            module="MNN",
            packages=("mnn", "numpy"),
            environment="mnn",
            pinned=("mnn",),
            own_programs="converts",
            counts=False,
            empty_batch=False,
            remark="WINOGRAD_MEMORY_LEVEL 0; Strassen's scheme in large matrices rounds more and has no switch"
            if self.exact
            else "as it comes: Winograd's convolution, which rounds more",
        )

    def version(self) -> str:
        """Version of MNN."""
        return installed_version("mnn")

    def load(self, graph: GraphFile) -> Runner:
        """Convert and load with MNN's expression API, one thread.

        Raises:
            TypeError: the graph has an input or output of a type that MNN does not have.
            RuntimeError: MNN cannot convert the file, or not load what it made of it.
        """
        refuse_types(graph, ("float32", *_AS_INT32), "MNN")
        importlib.import_module("MNN")
        nn: Any = importlib.import_module("MNN.nn")
        expr: Any = importlib.import_module("MNN.expr")
        converted = _converted(graph)
        config = {"backend": "CPU", "numThread": 1} | ({"precision": "high"} if self.exact else {})
        manager = nn.create_runtime_manager((config,))
        if self.exact:
            manager.set_hint(_WINOGRAD_MEMORY_LEVEL, 0)
        names = list(graph.outputs)
        module = nn.load_module_from_file(str(converted), list(graph.inputs), names, runtime_manager=manager)
        if module is None:
            raise RuntimeError(f"MNN cannot load what it converted {graph.path.name} to")

        def run(inputs: Arrays) -> dict[str, Any]:
            given = [_given(expr, name, inputs[name]) for name in graph.inputs]
            found = zip(graph.outputs.values(), module.forward(given), strict=True)
            return {tensor.name: _answer(expr, tensor, answer) for tensor, answer in found}

        return run


def _given(expr: Any, name: str, values: NDArray[Any]) -> Any:
    """An input: MNN has float32 and int32, so that other integers and booleans go as int32.

    Raises:
        ValueError: an integer is too large for that.
    """
    kind = expr.float
    if values.dtype != np.float32:
        narrow = values.astype(np.int32)
        if not np.array_equal(narrow, values):
            raise ValueError(f"MNN has int32 only, and the {values.dtype.name} input {name!r} holds more than it can")
        values, kind = narrow, expr.int
    constant = expr.const(contiguous(values), list(values.shape), expr.NCHW, kind)
    return expr.convert(constant, expr.NCHW)


def _answer(expr: Any, tensor: Tensor, answer: Any) -> NDArray[Any]:
    """An output: what MNN has as int32 becomes the integer or boolean that the graph states.

    Raises:
        RuntimeError: MNN has computed no values for it.
    """
    answer = expr.convert(answer, expr.NCHW)
    if 0 in answer.shape:
        raise RuntimeError(f"MNN computes {tensor.name} as {list(answer.shape)}, which has no values")
    values = np.array(answer.read())
    return values.astype(tensor.dtype) if values.dtype == np.int32 and tensor.dtype in _AS_INT32 else values


def _converted(graph: GraphFile) -> Path:
    """The converted file; its converter gets a process of its own, since it aborts on graphs that it cannot read."""
    path = graph.scratch.resolve() / "graph.mnn"
    files = ["--modelFile", str(graph.path.resolve()), "--MNNModel", str(path)]
    program = "import sys, MNN, _tools; _tools.mnnconvert(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "mnnconvert", "-f", "ONNX", *files, "--bizCode", "x"],
        cwd=graph.scratch,  # it leaves a file in the folder where it is run
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not path.is_file():
        said = (done.stderr.strip() or done.stdout.strip() or "without a word").splitlines()[-1].strip()
        raise RuntimeError(f"MNN cannot convert {graph.path.name}: {said}")
    return path
