"""onnx's ReferenceEvaluator: the operators as the standard words them, in numpy; slow, and apart from onnxruntime."""

from .base import Facts, GraphFile, Runner


class OnnxReference:
    """The standard's own evaluator."""

    facts = Facts("onnx-reference", module="onnx", slow=True, remark="the standard's own words, in numpy")

    def version(self) -> str:
        """Version of onnx."""
        import onnx

        return onnx.__version__

    def load(self, graph: GraphFile) -> Runner:
        """An evaluator of the graph."""
        import onnx
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(onnx.load(graph.path))
        names = list(graph.outputs)
        return lambda inputs: dict(zip(names, evaluator.run(names, dict(inputs)), strict=True))
