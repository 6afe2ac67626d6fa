"""Apache TVM's Relax compiler, for the processor it runs on."""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version


class Tvm:
    """Relax from ONNX, compiled by LLVM."""

    facts = Facts(
        "tvm",
        module="tvm",
        packages=("apache-tvm", "onnx", "numpy"),
        empty_batch=False,
        remark="Relax, pipeline zero, plain loops",
        variables={"TVM_NUM_THREADS": "1"},
    )

    def version(self) -> str:
        """Version of TVM."""
        return installed_version("apache-tvm")

    def load(self, graph: GraphFile) -> Runner:
        """Import, decompose what is written for training, compile, load."""
        onnx: Any = importlib.import_module("onnx")
        tvm: Any = importlib.import_module("tvm")
        relax: Any = importlib.import_module("tvm.relax")
        frontend: Any = importlib.import_module("tvm.relax.frontend.onnx")
        module = frontend.from_onnx(onnx.load(graph.path), keep_params_in_input=False)
        module = relax.get_pipeline("zero")(relax.transform.DecomposeOpsForInference()(module))
        executable = tvm.compile(module, target="llvm")
        machine = relax.VirtualMachine(executable, tvm.cpu())

        def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
            given = [tvm.runtime.tensor(np.ascontiguousarray(values)) for values in inputs.values()]
            answer = machine["main"](*given)
            answers = [answer] if hasattr(answer, "numpy") else list(answer)
            return {name: a.numpy() for name, a in zip(graph.outputs, answers, strict=True)}

        return run
