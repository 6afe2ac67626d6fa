"""OpenCV's dnn module on the CPU."""

import importlib
from typing import Any

from .base import Arrays, Facts, GraphFile, Runner, Shapes, installed_version, per_shape, refuse_types

_TYPES = ("float32", "int64", "int32", "uint8", "bool")


class OpencvDnn:
    """OpenCV's own reader and kernels."""

    facts = Facts(
        "opencv",
        module="cv2",
        packages=("opencv-python-headless", "numpy"),
        pinned=("opencv-python-headless",),
        empty_batch=False,
    )

    def version(self) -> str:
        """Version of OpenCV."""
        return installed_version("opencv-python-headless")

    def load(self, graph: GraphFile) -> Runner:
        """Read the file once for each combination of input shapes.

        Raises:
            TypeError: the graph has an input or output of a type that it does not take.
        """
        refuse_types(graph, _TYPES, "OpenCV")
        cv2: Any = importlib.import_module("cv2")
        cv2.setNumThreads(1)
        names = list(graph.outputs)

        def load(_: Shapes) -> Runner:
            network = cv2.dnn.readNetFromONNX(str(graph.path))

            def run(inputs: Arrays) -> dict[str, Any]:
                for name, values in inputs.items():
                    network.setInput(values, name)
                return {name: answer.copy() for name, answer in zip(names, network.forward(names), strict=True)}

            return run

        return per_shape(load)
