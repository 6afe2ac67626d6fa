"""MNN on the CPU, through its converter's module: the command of the same name installs packages by itself."""

import importlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .base import Arrays, Facts, GraphFile, Runner, contiguous, installed_version

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
            counts=self.exact,
            empty_batch=False,
            remark="converted to .mnn, precision high, WINOGRAD_MEMORY_LEVEL 0"
            if self.exact
            else "as it comes: Winograd's convolution, which rounds more",
        )

    def version(self) -> str:
        """Version of MNN."""
        return installed_version("mnn")

    def load(self, graph: GraphFile) -> Runner:
        """Convert and load with MNN's expression API, one thread.

        Raises:
            RuntimeError: MNN cannot convert the file, or not load what it made of it.
        """
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
            given = [
                expr.convert(expr.const(contiguous(v), list(v.shape), expr.NCHW), expr.NCHW) for v in inputs.values()
            ]
            answers = [expr.convert(answer, expr.NCHW) for answer in module.forward(given)]
            return {name: np.array(answer.read()) for name, answer in zip(names, answers, strict=True)}

        return run


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
