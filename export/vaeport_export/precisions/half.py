"""float16 weights and arithmetic, with inputs and outputs in float32."""

import warnings

import onnx
from onnx import ModelProto
from onnxconverter_common import float16

_KEPT = ("Exp", "Log")
"""Operators that stay in float32: exp leaves float16's range at 11, log may read what is below its least number."""


def to_half(content: bytes) -> bytes:
    """The same graph in float16.

    Args:
        content: an ONNX file in float32.

    Returns:
        An ONNX file whose inputs and outputs are float32; the same content gives the same bytes.
    """
    model = onnx.load_model_from_string(content)
    _part_outputs(model)
    with warnings.catch_warnings():
        # It warns of each weight below float16's least number, which becomes that number; the gate judges the outcome.
        warnings.simplefilter("ignore")
        half = float16.convert_float_to_float16(
            model, keep_io_types=True, op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, *_KEPT]
        )
    half.graph.ClearField("value_info")
    made: bytes = half.SerializeToString(deterministic=True)
    return made


def _part_outputs(model: ModelProto) -> None:
    """Give an output that the graph itself reads, too, a name of its own: the converter casts all its readers."""
    outputs = {output.name for output in model.graph.output}
    read = {name for node in model.graph.node for name in node.input} & outputs
    for name in sorted(read):
        inner = f"{name}_read_inside"
        for node in model.graph.node:
            for names in (node.input, node.output):
                for index, known in enumerate(names):
                    if known == name:
                        names[index] = inner
        model.graph.node.append(onnx.helper.make_node("Identity", [inner], [name], name=f"node_{name}"))
