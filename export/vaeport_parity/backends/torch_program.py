"""The program that torch.export captures, run by PyTorch: it tells a wrong capture from a wrong conversion."""

from typing import Any

from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner
from .torch_eager import checkpoint_module


class TorchProgram:
    """torch.export of the checkpoint, as the exporter sees it."""

    facts = Facts(
        "torch-export", module="torch", from_checkpoint=True, remark="the captured program, before it becomes ONNX"
    )

    def version(self) -> str:
        """Version of PyTorch."""
        import torch

        return torch.__version__

    def load(self, graph: GraphFile) -> Runner:
        """Capture the graph with a dynamic batch, as the exporter does."""
        import torch

        from vaeport.bundle.folder import open_bundle
        from vaeport_export.graph.onnx_file import example_inputs

        module = checkpoint_module(graph)
        examples = example_inputs(graph.name, open_bundle(graph.bundle).manifest.shapes)
        batch = torch.export.Dim.DYNAMIC
        shapes = (tuple({0: batch} for _ in examples),)
        program = torch.export.export(module, tuple(examples.values()), dynamic_shapes=shapes).module()

        def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
            with torch.no_grad():
                answer = program(*(torch.from_numpy(values) for values in inputs.values()))
            answers = answer if isinstance(answer, tuple) else (answer,)
            return {name: values.numpy() for name, values in zip(graph.outputs, answers, strict=True)}

        return run
