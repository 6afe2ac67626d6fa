"""PyTorch itself: native types are what the graphs must answer as, float64 what rounding is measured against."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .base import Arrays, Facts, GraphFile, Runner

SWITCHES = {
    "x86-64-v2": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    "x86-64-v3": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
}
"""Of PyTorch's own kernels, of oneDNN's and of MKL's."""


@dataclass(frozen=True)
class TorchEager:
    """The captured program, its operators run one by one by PyTorch."""

    dtype: Literal["float32", "float64"]
    """`float32`: in the types that the network has; `float64`: in float64 throughout."""

    @property
    def facts(self) -> Facts:
        """`torch-float32` or `torch-float64`."""
        return Facts(
            f"torch-{self.dtype}",
            module="torch",
            switches=SWITCHES,
            from_original=True,
            float64=self.dtype == "float64",
            remark="the reference" if self.dtype == "float32" else "what rounding is measured against",
        )

    def version(self) -> str:
        """Version of PyTorch."""
        import torch

        return torch.__version__

    def load(self, graph: GraphFile) -> Runner:
        """The program and its weights.

        Raises:
            ValueError: there is no original of this graph, or it is not a program of as many inputs and outputs.
        """
        module = original_module(graph)
        if self.dtype == "float64":
            module = module.double()
        return module_runner(module, graph, float64=self.dtype == "float64")


def original_module(graph: GraphFile) -> Any:
    """The PyTorch module of a graph, in its own types.

    Raises:
        ValueError: there is no original of this graph, or it is not a program of as many inputs and outputs.
    """
    from safetensors.torch import load_file

    from ..reference.captured import CapturedModule
    from ..reference.program import parse_program

    if graph.original is None:
        raise ValueError(f"{graph.name} has no PyTorch original")
    file = graph.original / "program.json"
    program = parse_program(file.read_bytes(), str(file))
    for kind, given, wanted in (
        ("inputs", program.inputs, graph.inputs),
        ("outputs", program.outputs, graph.outputs),
    ):
        if len(given) != len(wanted):
            raise ValueError(f"the PyTorch original has {len(given)} {kind}, the graph has {len(wanted)}")
    return CapturedModule(program, load_file(graph.original / "weights.safetensors")).eval()


def module_runner(module: Callable[..., Any], graph: GraphFile, *, float64: bool = False) -> Runner:
    """Runs a module on arrays.

    Args:
        module: takes the inputs in the graph's order and gives its outputs in theirs.
        graph: the graph.
        float64: whether floating-point inputs are converted to float64.
    """
    import torch

    def run(inputs: Arrays) -> dict[str, Any]:
        given = [torch_tensor(inputs[name]) for name in graph.inputs]
        if float64:
            given = [tensor.double() if tensor.is_floating_point() else tensor for tensor in given]
        with torch.no_grad():
            answer = module(*given)
        answers = answer if isinstance(answer, (tuple, list)) else (answer,)
        return {name: numpy_array(tensor) for name, tensor in zip(graph.outputs, answers, strict=True)}

    return run


def torch_tensor(values: Any) -> Any:
    """An array as a tensor; bfloat16 goes by its bits, since PyTorch does not know the dtype of ml_dtypes."""
    import torch

    if values.dtype.name == "bfloat16":
        return torch.from_numpy(values.view("int16").copy()).view(torch.bfloat16)
    return torch.from_numpy(values.copy())


def numpy_array(tensor: Any) -> Any:
    """A tensor as an array, the other way round."""
    import torch

    from .base import numpy_dtype

    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(numpy_dtype("bfloat16"))
    return tensor.numpy()
