"""onnx's ReferenceEvaluator: the operators as the standard words them, in numpy; where it has one wrong, corrected."""

from typing import Any

from .base import Arrays, Facts, GraphFile, Runner


class OnnxReference:
    """The standard's own evaluator."""

    facts = Facts(
        "onnx-reference",
        module="onnx",
        precisions=("fp32", "int8"),  # numpy takes minutes for convolutions in float16
        any_names=True,
        empty_batch=False,  # some of its operators take none
        slow=True,
        remark="the standard's own words, in numpy",
    )

    def version(self) -> str:
        """Version of onnx."""
        import onnx

        return onnx.__version__

    def load(self, graph: GraphFile) -> Runner:
        """An evaluator of the graph."""
        import onnx

        from ..reference.evaluator import native_evaluator, reference_arithmetic  # other backends have no onnx

        evaluator = native_evaluator(onnx.load(graph.path))
        names = list(graph.outputs)

        def run(inputs: Arrays) -> dict[str, Any]:
            with reference_arithmetic():
                return dict(zip(names, evaluator.run(names, dict(inputs)), strict=True))

        return run
