"""LiteRT (TensorFlow Lite), converted by onnx2tf."""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version


class Litert:
    """LiteRT's interpreter with its reference and XNNPACK kernels."""

    facts = Facts(
        "litert",
        module="ai_edge_litert",
        packages=("ai-edge-litert", "onnx2tf", "numpy"),
        empty_batch=False,
        remark="converted by onnx2tf",
    )

    def version(self) -> str:
        """Version of LiteRT."""
        return f"{installed_version('ai-edge-litert')} with onnx2tf {installed_version('onnx2tf')}"

    def load(self, graph: GraphFile) -> Runner:
        """Convert each output by itself, since onnx2tf gives several in an order and under names of its own."""
        models = {name: _interpreter(graph, name) for name in graph.outputs}

        def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
            return {name: _answer(model, inputs, graph.outputs[name]) for name, model in models.items()}

        return run


def _interpreter(graph: GraphFile, output: str) -> Any:
    onnx: Any = importlib.import_module("onnx")
    onnx2tf: Any = importlib.import_module("onnx2tf")
    interpreter: Any = importlib.import_module("ai_edge_litert.interpreter")
    part, folder = graph.scratch / f"{graph.name}.{output}.onnx", graph.scratch / f"{graph.name}.{output}"
    whole = onnx.shape_inference.infer_shapes(onnx.load(graph.path))
    needed = list(graph.inputs)
    onnx.save(onnx.utils.Extractor(whole).extract_model(needed, [output]), part)
    onnx2tf.convert(
        input_onnx_file_path=str(part),
        output_folder_path=str(folder),
        copy_onnx_input_output_names_to_tflite=True,
        keep_shape_absolutely_input_names=needed,
        non_verbose=True,
    )
    return interpreter.Interpreter(model_path=str(folder / f"{part.stem}_float32.tflite"), num_threads=1)


def _answer(model: Any, inputs: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> NDArray[Any]:
    given = [(detail["index"], inputs[_plain(detail["name"])]) for detail in model.get_input_details()]
    for index, values in given:
        model.resize_tensor_input(index, list(values.shape))
    model.allocate_tensors()
    for index, values in given:
        model.set_tensor(index, np.ascontiguousarray(values))
    model.invoke()
    answer: NDArray[Any] = model.get_tensor(model.get_output_details()[0]["index"])
    if len(shape) == 3 and answer.shape[1:] == (*shape[1:], shape[0]):
        return np.moveaxis(answer, -1, 1)
    return answer


def _plain(name: str) -> str:
    """A graph's own name of an input that TensorFlow calls `serving_default_image:0`, for instance."""
    return name.removeprefix("serving_default_").partition(":")[0]
