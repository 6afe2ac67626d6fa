"""OpenCV's dnn module on the CPU."""

import importlib
from typing import Any

from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version, per_batch


class OpencvDnn:
    """OpenCV's own reader and kernels."""

    facts = Facts(
        "opencv",
        module="cv2",
        packages=("opencv-python-headless", "numpy"),
        empty_batch=False,
    )

    def version(self) -> str:
        """Version of OpenCV."""
        return installed_version("opencv-python-headless")

    def load(self, graph: GraphFile) -> Runner:
        """Read the file once for each batch size."""
        cv2: Any = importlib.import_module("cv2")
        cv2.setNumThreads(1)
        names = list(graph.outputs)

        def load(_: int) -> Runner:
            network = cv2.dnn.readNetFromONNX(str(graph.path))

            def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
                for name, values in inputs.items():
                    network.setInput(values, name)
                return {name: answer.copy() for name, answer in zip(names, network.forward(names), strict=True)}

            return run

        return per_batch(load, graph.inputs)
