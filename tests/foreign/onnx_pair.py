"""A pair of ONNX files written with onnx.helper in opset 13, as a converter of another framework would."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper


def handmade_pair(folder: Path) -> tuple[Path, Path]:
    """An encoder and a decoder of one layer each."""
    rng = np.random.default_rng(3)

    def tensor(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), name)

    def value(name: str, *sizes: int) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *sizes])

    encoder = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"], "flatten"),
            helper.make_node("Gemm", ["flat", "w_mean", "b"], ["z_mean"], "mean"),
            helper.make_node("Gemm", ["flat", "w_logvar", "b"], ["z_logvar"], "logvar"),
            helper.make_node("MatMul", ["flat", "w_class"], ["logits"], "logits"),
            helper.make_node("Softmax", ["logits"], ["class_probs"], "softmax", axis=1),
        ],
        "encoder",
        [value("image", 1, 5, 6)],
        [value("z_mean", 3), value("z_logvar", 3), value("class_probs", 2)],
        [tensor("w_mean", 30, 3), tensor("w_logvar", 30, 3), tensor("b", 3), tensor("w_class", 30, 2)],
    )
    decoder = helper.make_graph(
        [
            helper.make_node("Concat", ["z", "class_probs"], ["both"], "both", axis=1),
            helper.make_node("MatMul", ["both", "w"], ["logits"], "product"),
            helper.make_node("Sigmoid", ["logits"], ["flat"], "squash"),
            helper.make_node("Reshape", ["flat", "shape"], ["image"], "picture"),
        ],
        "decoder",
        [value("z", 3), value("class_probs", 2)],
        [value("image", 1, 5, 6)],
        [tensor("w", 5, 30), numpy_helper.from_array(np.array([-1, 1, 5, 6]), "shape")],
    )
    for name, graph in (("encoder", encoder), ("decoder", decoder)):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
        onnx.save(model, folder / f"{name}.onnx")
    return folder / "encoder.onnx", folder / "decoder.onnx"
