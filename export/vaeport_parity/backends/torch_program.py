"""The program captured again by torch.export, run by PyTorch: it tells a wrong capture from a wrong conversion."""

import logging
from typing import Any

from .base import Facts, GraphFile, Runner, Shapes, numpy_dtype, symbolic_or_fixed
from .torch_eager import SWITCHES, module_runner, original_module, torch_tensor

_SMALLEST_EXAMPLE = 3  # torch.export takes sizes of 0 and 1 for fixed


class TorchProgram:
    """torch.export of the original, as the exporter sees it."""

    facts = Facts(
        "torch-export",
        module="torch",
        switches=SWITCHES,
        from_original=True,
        remark="the captured program, before it becomes ONNX",
        imports=("torch.export._trace",),  # torch.export imports it, and a thousand modules with it, at its first call
    )

    def version(self) -> str:
        """Version of PyTorch."""
        import torch

        return torch.__version__

    def load(self, graph: GraphFile) -> Runner:
        """Capture with the graph's symbolic axes, as the exporter does; where these do not hold, for fixed sizes.

        Raises:
            ValueError: there is no original of this graph, or it is not a program of as many inputs and outputs.
        """
        module = original_module(graph)

        def load(shapes: Shapes | None) -> Runner:
            return module_runner(_captured(module, graph, shapes), graph)

        return symbolic_or_fixed(load, graph)


def _captured(module: Any, graph: GraphFile, shapes: Shapes | None) -> Any:
    """The module that torch.export makes of the program, with symbolic axes if no shapes are given."""
    import numpy as np
    import torch

    symbols = dict.fromkeys(axis for tensor in graph.inputs.values() for axis in tensor.shape if isinstance(axis, str))
    sizes = {axis: _SMALLEST_EXAMPLE + 2 * place for place, axis in enumerate(symbols)}
    given = shapes or {name: tensor.sized(sizes) for name, tensor in graph.inputs.items()}
    examples = tuple(
        torch_tensor(np.ones(given[name], numpy_dtype(tensor.dtype))) for name, tensor in graph.inputs.items()
    )
    axes = [
        {place: torch.export.Dim.DYNAMIC for place, axis in enumerate(tensor.shape) if isinstance(axis, str)}
        for tensor in graph.inputs.values()
    ]
    logging.getLogger("torch").setLevel(logging.CRITICAL)  # what it says of a failed capture is not the user's concern
    # Guards refuse sizes for the sake of memory layouts (a batch of 1); whether answers are right is compared anyway.
    # A module takes its inputs as one tuple of any length, so the axes of all of them are one entry.
    spec = None if shapes else (tuple(axes),)
    with torch.no_grad():
        return torch.export.export(module, examples, dynamic_shapes=spec).module(check_guards=False)
