"""The messages of an ONNX file by the numbers of their fields, as onnx 1.23's onnx.proto has them."""

from .wire import Kind, Message

_NAME, _NAMES, _TEXT, _SPAN, _SPANS = Kind.NAME, Kind.NAMES, Kind.TEXT, Kind.SPAN, Kind.SPANS
_INT, _INTS, _INTEGERS, _FLOAT, _FLOATS, _DOUBLES = (
    *(Kind.INT, Kind.INTS, Kind.INTEGERS),
    *(Kind.FLOAT, Kind.FLOATS, Kind.DOUBLES),
)


class ModelField:
    """Numbers of ModelProto's fields."""

    IR_VERSION, PRODUCER_NAME, PRODUCER_VERSION, DOMAIN, MODEL_VERSION, DOC, GRAPH, OPSETS = 1, 2, 3, 4, 5, 6, 7, 8
    METADATA, TRAINING, FUNCTIONS, CONFIGURATION = 14, 20, 25, 26


class GraphField:
    """Numbers of GraphProto's fields."""

    NODE, NAME, INITIALIZER, DOC, INPUT, OUTPUT, VALUE_INFO, QUANTIZATION, SPARSE, METADATA = (
        *(1, 2, 5, 10, 11, 12, 13, 14),
        *(15, 16),
    )


class NodeField:
    """Numbers of NodeProto's fields."""

    INPUT, OUTPUT, NAME, OP_TYPE, ATTRIBUTE, DOC, DOMAIN, OVERLOAD, METADATA, DEVICES = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10


class AttributeField:
    """Numbers of AttributeProto's fields."""

    (
        NAME,
        FLOAT,
        INT,
        STRING,
        TENSOR,
        GRAPH,
        FLOATS,
        INTS,
        STRINGS,
        TENSORS,
        GRAPHS,
        DOC,
        TP,
        TYPES,
        TYPE,
        REF,
        SPARSE,
        SPARSES,
    ) = (
        *(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
        *(13, 14, 15, 20, 21, 22, 23),
    )


class TensorField:
    """Numbers of TensorProto's fields."""

    DIMS, DTYPE, SEGMENT, FLOATS, INT32S, STRINGS, INT64S, NAME, RAW, DOUBLES, UINT64S, DOC, EXTERNAL, LOCATION = (
        *(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
        *(12, 13, 14),
    )
    METADATA = 16


class FunctionField:
    """Numbers of FunctionProto's fields."""

    NAME, INPUT, OUTPUT, ATTRIBUTE, NODE, DOC, OPSETS, DOMAIN, ATTRIBUTE_PROTO, VALUE_INFO, OVERLOAD, METADATA = (
        *(1, 4, 5, 6, 7, 8),
        *(9, 10, 11, 12, 13, 14),
    )


MODEL = Message(
    "ModelProto",
    {1: _INT, 2: _TEXT, 3: _TEXT, 4: _TEXT, 5: _INT, 6: _TEXT, 7: _SPAN, 8: _SPANS, 14: _SPANS}
    | {20: _SPANS, 25: _SPANS, 26: _SPANS},
)
GRAPH = Message(
    "GraphProto",
    {1: _SPANS, 2: _TEXT, 5: _SPANS, 10: _TEXT, 11: _SPANS, 12: _SPANS, 13: _SPANS, 14: _SPANS, 15: _SPANS, 16: _SPANS},
)
NODE = Message(
    "NodeProto",
    {1: _NAMES, 2: _NAMES, 3: _NAME, 4: _NAME, 5: _SPANS, 6: _TEXT, 7: _NAME, 8: _NAME, 9: _SPANS, 10: _SPANS},
)
ATTRIBUTE = Message(
    "AttributeProto",
    {1: _NAME, 2: _FLOAT, 3: _INT, 4: _SPAN, 5: _SPAN, 6: _SPAN, 7: _FLOATS, 8: _INTS, 9: _SPANS, 10: _SPANS}
    | {11: _SPANS, 13: _TEXT, 14: _SPAN, 15: _SPANS, 20: _INT, 21: _NAME, 22: _SPAN, 23: _SPANS},
)
TENSOR = Message(
    "TensorProto",
    {1: _INTS, 2: _INT, 3: _SPAN, 4: _FLOATS, 5: _INTEGERS, 6: _SPANS, 7: _INTEGERS, 8: _NAME, 9: _SPAN}
    | {10: _DOUBLES, 11: _INTEGERS, 12: _TEXT, 13: _SPANS, 14: _INT, 16: _SPANS},
)
VALUE_INFO = Message("ValueInfoProto", {1: _NAME, 2: _SPAN, 3: _TEXT, 4: _SPANS})
TYPE = Message("TypeProto", {1: _SPAN, 4: _SPAN, 5: _SPAN, 6: _TEXT, 7: _SPAN, 8: _SPAN, 9: _SPAN})
TENSOR_TYPE = Message("TypeProto.Tensor", {1: _INT, 2: _SPAN})
SEQUENCE_TYPE = Message("TypeProto.Sequence", {1: _SPAN})
MAP_TYPE = Message("TypeProto.Map", {1: _INT, 2: _SPAN})
OPAQUE_TYPE = Message("TypeProto.Opaque", {1: _NAME, 2: _NAME})
SHAPE = Message("TensorShapeProto", {1: _SPANS})
DIMENSION = Message("TensorShapeProto.Dimension", {1: _INT, 2: _NAME, 3: _TEXT})
OPSET = Message("OperatorSetIdProto", {1: _NAME, 2: _INT})
ENTRY = Message("StringStringEntryProto", {1: _NAME, 2: _TEXT})
FUNCTION = Message(
    "FunctionProto",
    {1: _NAME, 4: _NAMES, 5: _NAMES, 6: _NAMES, 7: _SPANS, 8: _TEXT, 9: _SPANS, 10: _NAME, 11: _SPANS, 12: _SPANS}
    | {13: _NAME, 14: _SPANS},
)
