"""IREE: through MLIR to native code of this processor."""

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
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
    symbolic_or_fixed,
)
from .fixed_shapes import model_of_shapes
from .processors import COMPILED, TARGET_VARIABLE


class Iree:
    """IREE's llvm-cpu target, run as a local task."""

    facts = Facts(
        "iree",
        module="iree.runtime",
        packages=("iree-base-compiler[onnx]", "iree-base-runtime", "numpy"),
        empty_batch=False,
        remark="llvm-cpu, compiled for this processor",
        imports=("onnx",),
        pinned=("iree-base-compiler[onnx]", "iree-base-runtime"),
        switches=COMPILED,
        own_programs="computes",
    )

    def version(self) -> str:
        """Version of IREE's compiler."""
        return installed_version("iree-base-compiler")

    def load(self, graph: GraphFile) -> Runner:
        """Import, compile and load.

        Raises:
            RuntimeError: it cannot be imported or compiled.
        """
        return symbolic_or_fixed(lambda shapes: _compiled(graph, shapes), graph)


def _compiled(graph: GraphFile, shapes: Shapes | None) -> Runner:
    runtime: Any = importlib.import_module("iree.runtime")
    folder = graph.scratch / ("any" if shapes is None else "_".join("x".join(map(str, s)) for s in shapes.values()))
    folder.mkdir()
    model, imported, compiled = (folder / name for name in ("graph.onnx", "graph.mlir", "graph.vmfb"))
    if shapes is not None:
        model.write_bytes(model_of_shapes(graph, shapes).SerializeToString())
    _command("iree-import-onnx", str(graph.path if shapes is None else model), "-o", str(imported))
    _command(
        "iree-compile",
        str(imported),
        "--iree-hal-target-device=local",
        "--iree-hal-local-target-device-backends=llvm-cpu",
        f"--iree-llvmcpu-target-cpu={os.environ.get(TARGET_VARIABLE, 'host')}",
        "--iree-input-demote-f64-to-f32=false",
        "-o",
        str(compiled),
    )
    module = runtime.load_vm_flatbuffer_file(str(compiled), driver="local-sync")
    function = module[_entry(module.vm_module.function_names)]

    def run(inputs: Arrays) -> dict[str, Any]:
        answer = function(*(contiguous(values) for values in inputs.values()))
        answers = answer if isinstance(answer, (tuple, list)) else (answer,)
        found = zip(graph.outputs.values(), answers, strict=True)
        return {tensor.name: _as_stated(np.array(answer.to_host()), tensor) for tensor, answer in found}

    return run


def _as_stated(values: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    """The same bits as unsigned integers where the graph has such: IREE's integers have no sign."""
    unsigned = tensor.dtype.startswith("uint") and f"u{values.dtype.name}" == tensor.dtype
    return values.view(tensor.dtype) if unsigned else values


def _entry(names: Sequence[str]) -> str:
    """The function that takes and gives arrays: it bears the name that the ONNX file gives its graph."""
    return next(name for name in names if not name.startswith("__") and not name.endswith("$async"))


def _command(name: str, *words: str) -> None:
    done = subprocess.run([Path(sys.executable).with_name(name), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.partition("error: ")[2].splitlines() or done.stderr.strip().splitlines()[-1:]
        raise RuntimeError(f"{name} failed: {' '.join(said)[:250]}")
