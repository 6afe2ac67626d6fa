"""float16 weights and arithmetic, with inputs and outputs in float32."""

import warnings

import onnx
from onnx import ModelProto
from onnxconverter_common import float16

_KEPT = ("Exp", "Log", "Softmax", "LogSoftmax", "ReduceMean")
"""Operators that stay in float32: exp leaves float16's range at 11, log may read what is below its least
number, and softmax and means add terms, which are rounded once instead of one by one."""


def to_half(content: bytes) -> ModelProto:
    """The same graph in float16.

    Args:
        content: an ONNX file in float32.

    Returns:
        A graph whose inputs and outputs are float32; the same content gives the same graph.
    """
    model = onnx.load_model_from_string(content)
    _part_outputs(model)
    with warnings.catch_warnings():
        # It warns of each weight below float16's least number, which becomes that number; the gate judges the outcome.
        warnings.simplefilter("ignore")
        half: ModelProto = float16.convert_float_to_float16(
            model, keep_io_types=True, op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, *_KEPT]
        )
    return half


def _part_outputs(model: ModelProto) -> None:
    """Part every output from what the graph computes with.

    The converter mistakes the types of outputs that the graph itself reads, or that an operator makes which stays in
    float32.
    """
    for output in model.graph.output:
        name, inner = output.name, f"{output.name}_inside"
        for node in model.graph.node:
            for names in (node.input, node.output):
                for index, known in enumerate(names):
                    if known == name:
                        names[index] = inner
        model.graph.node.append(onnx.helper.make_node("Identity", [inner], [name], name=f"node_{name}"))
