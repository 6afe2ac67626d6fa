"""onnxruntime without prepacked weights, as a backend of vaeport-parity."""

import importlib
from typing import Any

from vaeport_parity.backends import Facts, GraphFile, Runner


class Unpacked:
    """onnxruntime's kernels on weights as they stand in the file."""

    facts = Facts("onnxruntime-unpacked", module="onnxruntime", any_names=True, remark="session.disable_prepacking")

    def version(self) -> str:
        """Version of onnxruntime."""
        return str(importlib.import_module("onnxruntime").__version__)

    def load(self, graph: GraphFile) -> Runner:
        """A session with one thread."""
        ort: Any = importlib.import_module("onnxruntime")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.disable_prepacking", "1")
        session = ort.InferenceSession(graph.path, options, providers=["CPUExecutionProvider"])
        names = list(graph.outputs)
        return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


BACKEND = Unpacked()
