"""A float32 graph in a lower precision, by name."""

import onnx
from onnx import ModelProto

from vaeport.errors import InputError

from ..probes import Inputs
from .half import to_half
from .integer import to_int8

PRECISIONS = ("fp16", "int8")
"""What can be made beside fp32."""


def chosen_precisions(text: str) -> tuple[str, ...]:
    """Names of precisions, given with commas between, in the order of `PRECISIONS`; none for an empty text.

    Raises:
        InputError: no such precision.
    """
    names = {name.strip() for name in text.split(",")} if text else set()
    if unknown := sorted(names - set(PRECISIONS)):
        raise InputError(f"unknown precision {unknown[0]!r}; beside fp32 there are {', '.join(PRECISIONS)}")
    return tuple(name for name in PRECISIONS if name in names)


def convert(content: bytes, precision: str, inputs: Inputs) -> bytes:
    """A graph in a lower precision.

    Args:
        content: an ONNX file in float32.
        precision: one of `PRECISIONS`.
        inputs: what ranges are measured on where the precision needs them, float32 [N, ...] by input name.

    Returns:
        An ONNX file with the inputs, outputs and metadata of the given one; the same arguments give the same bytes.
    """
    model = to_half(content) if precision == "fp16" else to_int8(content, inputs)
    _describe_as(model, onnx.load_model_from_string(content))
    made: bytes = model.SerializeToString(deterministic=True)
    return made


def _describe_as(model: ModelProto, original: ModelProto) -> None:
    """What the converters dropped or added beside the graph: meanings of axes, notes to themselves, inferred shapes."""
    model.producer_name, model.producer_version = original.producer_name, original.producer_version
    for mine, theirs, fields in (
        (model, original, ("metadata_props",)),
        (model.graph, original.graph, ("input", "output", "value_info")),
    ):
        for field in fields:
            mine.ClearField(field)
            getattr(mine, field).extend(getattr(theirs, field))
