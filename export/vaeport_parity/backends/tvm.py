"""Apache TVM's Relax compiler, for the processor it runs on."""

import importlib
import os
from typing import Any

from .base import Arrays, Facts, GraphFile, Runner, Shapes, contiguous, installed_version, symbolic_or_fixed
from .fixed_shapes import model_of_shapes
from .processors import COMPILED, TARGET_VARIABLE

_CHANNELS = 4  # output channels of a convolution that share the pixels they read
_COLUMNS = 32  # columns of a matrix product that are summed side by side


class Tvm:
    """Relax from ONNX, compiled by LLVM."""

    facts = Facts(
        "tvm",
        module="tvm",
        packages=("apache-tvm", "onnx", "numpy"),
        empty_batch=False,
        remark="Relax, pipeline zero, sums vectorised",
        variables={"TVM_NUM_THREADS": "1"},
        imports=("tvm.relax.frontend.onnx", "tvm.s_tir.dlight"),
        pinned=("apache-tvm",),
        switches=COMPILED,
    )

    def version(self) -> str:
        """Version of TVM."""
        return installed_version("apache-tvm")

    def load(self, graph: GraphFile) -> Runner:
        """Import, decompose what is written for training, schedule, compile, load."""
        return symbolic_or_fixed(lambda shapes: _compiled(graph, shapes), graph)


def _compiled(graph: GraphFile, shapes: Shapes | None) -> Runner:
    tvm: Any = importlib.import_module("tvm")
    relax: Any = importlib.import_module("tvm.relax")
    dlight: Any = importlib.import_module("tvm.s_tir.dlight")
    frontend: Any = importlib.import_module("tvm.relax.frontend.onnx")
    module = frontend.from_onnx(model_of_shapes(graph, shapes), keep_params_in_input=False)
    module = relax.get_pipeline("zero")(relax.transform.DecomposeOpsForInference()(module))
    target = _target(tvm)
    with target:
        module = dlight.ApplyDefaultSchedule(_SumsOutermost())(module)
    machine = relax.VirtualMachine(tvm.compile(module, target=target), tvm.cpu())

    def run(inputs: Arrays) -> dict[str, Any]:
        given = [tvm.runtime.tensor(contiguous(values)) for values in inputs.values()]
        answer = machine["main"](*given)
        answers = [answer] if hasattr(answer, "numpy") else list(answer)
        return {name: a.numpy() for name, a in zip(graph.outputs, answers, strict=True)}

    return run


def _target(tvm: Any) -> Any:
    """The processor that it runs on, or the one that it is limited to."""
    named = os.environ.get(TARGET_VARIABLE)
    return tvm.target.Target({"kind": "llvm", "mcpu": named}) if named else tvm.target.Target.from_device("cpu")


class _SumsOutermost:
    """A dlight rule: convolutions and matrix products sum many outputs side by side, each in the order of its terms.

    dlight has no rule for them on a CPU. As they are imported, the sum is the innermost loop, which cannot become
    vector instructions without reordering its terms, and takes some twenty times as long.
    """

    def apply(self, func: Any, _target: Any, _tunable: bool) -> Any:
        """A schedule, or None where there is nothing to sum."""
        schedule = importlib.import_module("tvm.s_tir").Schedule(func)
        blocks = importlib.import_module("tvm.s_tir.dlight").normalize_prim_func(schedule) or ()
        summing = [block for block in blocks if block.dom_kind() in ("SSSSRRR", "SSR")]
        for block in summing:
            loops = [one.loop_rv for one in block.iters]
            if block.dom_kind() == "SSR":
                row, column, term = loops
                outer, inner = schedule.split(column, [None, _COLUMNS])
                schedule.reorder(row, outer, term, inner)
                schedule.vectorize(inner)
            else:
                row, channel, y, x, term, *window = loops
                outer, inner = schedule.split(channel, [None, _CHANNELS])
                schedule.reorder(row, outer, y, term, *window, inner, x)
                schedule.unroll(inner)
                if hasattr(schedule.get(x).extent, "value"):
                    schedule.vectorize(x)  # a width that is known only when it runs cannot become vectors
            schedule.decompose_reduction(block.block_rv, term)
        return schedule if summing else None
