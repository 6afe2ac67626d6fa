"""tract, the inference engine in Rust: the last version with an exact sigmoid, and the newest."""

import importlib
from dataclasses import dataclass
from typing import Any

from .base import Arrays, Facts, GraphFile, Runner, Shapes, installed_version, refuse_types, symbolic_or_fixed

_EXACT = "0.23.5"

_TYPES = {
    "float32": "f32",
    "float16": "f16",
    "float64": "f64",
    "bool": "bool",
    **{f"int{bits}": f"i{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"u{bits}" for bits in (8, 16, 32, 64)},
}
"""Element types that its Python module passes, by their names there."""


@dataclass(frozen=True)
class Tract:
    """tract, optimised for symbolic axes.

    On processors with AVX2 and without AVX-512 its sigmoid rounds more, and a decoder that ends in one is 8.8 noise
    floors off there (4 are allowed), so it does not count. From 0.23.6 on it takes inputs below -14.5 for -14.5 and
    gives 4.5e-07 there. SiLU, which multiplies that by its input, then never comes closer to 0 than -6.5e-06, and
    networks with saturated channels add this up.
    """

    newest: bool = False
    """Whether it is the version that pip brings, rather than the last one without that fault."""

    @property
    def facts(self) -> Facts:
        """`tract` or `tract-newest`."""
        return Facts(
            "tract-newest" if self.newest else "tract",
            module="tract",
            packages=("tract" if self.newest else f"tract=={_EXACT}", "numpy"),
            environment="tract" if self.newest else f"tract-{_EXACT}",
            counts=False,
            empty_batch=False,
            pinned=("tract",),
            remark="Rust; from 0.23.6 on SiLU of inputs below -14.5 is -6.5e-06 instead of 0"
            if self.newest
            else "Rust; the last version whose SiLU goes to 0; its sigmoid for AVX2 without AVX-512 rounds more",
        )

    def version(self) -> str:
        """Version of tract."""
        return installed_version("tract")

    def load(self, graph: GraphFile) -> Runner:
        """Parse, optimise and make runnable with symbolic axes; for fixed sizes where they do not carry through.

        Raises:
            TypeError: the graph has an input or output of a type that tract's module does not pass.
            ValueError: the graph has an input without axes.
            RuntimeError: tract cannot load the graph.
        """
        refuse_types(graph, _TYPES, "tract's Python module")
        for tensor in graph.inputs.values():
            if not tensor.shape:
                raise ValueError(f"tract's Python module gives the input {tensor.name!r} an axis, and it has none")
        return symbolic_or_fixed(lambda shapes: _runner(graph, shapes), graph)


def _runner(graph: GraphFile, shapes: Shapes | None) -> Runner:
    tract: Any = importlib.import_module("tract")
    try:
        model = tract.onnx().load(graph.path)
        for place, tensor in enumerate(graph.inputs.values()):
            if shapes is not None:
                sizes = ",".join(map(str, shapes[tensor.name]))
                model.set_input_fact(place, f"{sizes},{_TYPES[tensor.dtype]}")
        runnable = model.into_model().into_runnable()
    except Exception as error:
        raise RuntimeError(_words(error)) from error

    def run(inputs: Arrays) -> dict[str, Any]:
        try:
            answers = runnable.run([inputs[name] for name in graph.inputs])
        except Exception as error:
            raise RuntimeError(_words(error)) from error
        return {name: answer.to_numpy() for name, answer in zip(graph.outputs, answers, strict=True)}

    return run


def _words(error: Exception) -> str:
    """What tract says, without its stack."""
    return str(error).partition("Stack backtrace")[0].strip()
