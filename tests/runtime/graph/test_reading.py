"""The reader takes well-formed files only: what two parsers could understand differently is refused."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.runtime.graph.small import decoder
from vaeport.errors import BundleError
from vaeport.graph import limits
from vaeport.graph.reading import ModelFile, read_model
from vaeport.graph.tensors import Tensor

CLEAN = decoder().SerializeToString()


def field(number: int, content: bytes) -> bytes:
    """A field of bytes or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def tensor_bytes(**changes: object) -> bytes:
    """A weight that is not used, with some of its fields set to others."""
    proto = numpy_helper.from_array(np.zeros(4, np.float32), "spare")
    for name, value in changes.items():
        if value is None:
            proto.ClearField(name)
        elif isinstance(value, list):
            del getattr(proto, name)[:]
            getattr(proto, name).extend(value)
        else:
            setattr(proto, name, value)
    content: bytes = proto.SerializeToString()
    return content


def with_tensor(content: bytes) -> bytes:
    """The clean file with a further weight, which protobuf's merging of graphs would join: so it is spliced in."""
    model = onnx.load_from_string(CLEAN)
    model.graph.ClearField("doc_string")
    graph = model.graph.SerializeToString() + field(5, content)
    model.ClearField("graph")
    rest: bytes = model.SerializeToString()
    return rest + field(7, graph)


def with_graph(change: bytes) -> bytes:
    """The clean file with further bytes at the end of its graph."""
    model = onnx.load_from_string(CLEAN)
    graph = model.graph.SerializeToString() + change
    model.ClearField("graph")
    rest: bytes = model.SerializeToString()
    return rest + field(7, graph)


def spare(content: bytes) -> Tensor:
    return next(tensor for tensor in read_model(content).graph.initializers if tensor.name == "spare")


def external(proto: TensorProto) -> TensorProto:
    proto.external_data.add(key="location", value="etc/passwd")
    proto.data_location = TensorProto.EXTERNAL
    return proto


WIRE = {
    "graph twice": (CLEAN + field(7, b""), "field 7 of ModelProto is given twice"),
    "scalar twice": (CLEAN + b"\x08\x08", "field 1 of ModelProto is given twice"),
    "unknown field": (CLEAN + field(99, b""), "ModelProto has the field 99"),
    "field of the future in a node": (with_graph(field(1, field(77, b"x"))), "NodeProto has the field 77"),
    "wrong wire type": (CLEAN + b"\x38\x01", "field 7 of ModelProto has the wire type 0"),
    "group": (CLEAN + b"\x3b\x3c", "field 7 of ModelProto has the wire type 3"),
    "cut off": (CLEAN[:-3], "cut off or damaged"),
    "length past the end": (CLEAN + b"\x32\x7f", "cut off or damaged"),
    "length of ten bytes": (CLEAN + b"\x32" + b"\xff" * 9 + b"\x01", "cut off or damaged"),
    "integer of eleven bytes": (CLEAN + b"\x28" + b"\xff" * 10 + b"\x01", "longer than protobuf allows"),
    "integer of 65 bits": (CLEAN + b"\x28" + b"\xff" * 9 + b"\x02", "longer than protobuf allows"),
    "tag of six bytes": (CLEAN + b"\xb8\x80\x80\x80\x80\x00\x01", "longer than protobuf allows"),
    "empty": (b"", "is empty"),
    "no graph": (b"\x08\x08", "has no graph"),
    "text": (b"# a readme\n", "ModelProto"),
    "ORT format": (b"\x00\x00\x00\x00ORTM" + bytes(50), "an ORT-format model"),
    "name that is not UTF-8": (with_graph(field(1, field(4, b"\xff\xfe"))), "is not UTF-8"),
    "long name": (with_graph(field(1, field(4, b"x" * 1025))), "has 1025 bytes; the limit is 1024"),
    "training": (CLEAN + field(20, b""), "training_info"),
    "devices": (CLEAN + field(26, b""), "configuration"),
    "devices of a node": (with_graph(field(1, field(10, b""))), "device_configurations"),
    "overload": (with_graph(field(1, field(8, b"x"))), "overload"),
    "sparse weight": (with_graph(field(15, b"")), "sparse initializers"),
    "metadata twice": (CLEAN + field(14, field(1, b"vaeport.bundle") + field(2, b"x")), "'vaeport.bundle' twice"),
    "two types": (with_graph(field(13, field(2, field(1, b"") + field(8, b"")))), "has two types"),
    "size and symbol": (
        with_graph(field(13, field(2, field(1, field(2, field(1, b"\x08\x01" + field(2, b"n"))))))),
        "a number and a symbol at once",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), WIRE.values(), ids=WIRE)
def test_malformed_file_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(BundleError) as caught:
        read_model(content)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


TENSORS = {
    "negative size": (tensor_bytes(dims=[-4]), "negative size"),
    "size that overflows": (tensor_bytes(dims=[2**62, 4]), "above the limit"),
    "empty but overflowing": (tensor_bytes(dims=[0, 2**62], raw_data=b""), "above the limit"),
    "too many axes": (tensor_bytes(dims=[1] * 16 + [4]), "has 17 axes; the limit is 16"),
    "data too short": (tensor_bytes(raw_data=bytes(15)), "has 15 bytes of raw data, but float [4] takes 16 bytes"),
    "data too long": (tensor_bytes(raw_data=bytes(17)), "has 17 bytes of raw data"),
    "no data": (tensor_bytes(raw_data=None), "but no data"),
    "data twice": (tensor_bytes(float_data=[0, 0, 0, 0]), "has its data twice"),
    "numbers missing": (tensor_bytes(raw_data=None, float_data=[1, 2, 3]), "has 3 numbers, but its shape takes 4"),
    "wrong field": (tensor_bytes(raw_data=None, int64_data=[1, 2, 3, 4]), "in a field that is not for float"),
    "unknown type": (tensor_bytes(data_type=77), "the element type 77"),
    "type of 33 bits": (field(8, b"spare") + b"\x10" + varint(2**32 + 1), "the element type 4294967297"),
    "no type": (tensor_bytes(data_type=None), "the element type None"),
    "segment": (tensor_bytes() + field(3, b""), "cut into segments"),
    "raw text": (tensor_bytes(data_type=8), "string"),
    "external by location": (tensor_bytes() + b"\x70\x01", "external data"),
    "external by unknown location": (tensor_bytes() + b"\x70\x07", "external data"),
    "external by entry": (tensor_bytes() + field(13, b""), "external data"),
    "floats cut off": (tensor_bytes(raw_data=None) + field(4, bytes(15)), "is cut off"),
    "integers cut off": (tensor_bytes(raw_data=None, data_type=6) + field(5, b"\x01\x01\x01\x80"), "is cut off"),
}


@pytest.mark.parametrize(("content", "sentence"), TENSORS.values(), ids=TENSORS)
def test_weight_that_is_not_what_it_says_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(BundleError) as caught:
        read_model(with_tensor(content))
    assert sentence in str(caught.value)


def _in_initializer(model: onnx.ModelProto, proto: TensorProto) -> None:
    model.graph.initializer.append(proto)


def _in_attribute(model: onnx.ModelProto, proto: TensorProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=proto))


def _in_tensors_attribute(model: onnx.ModelProto, proto: TensorProto) -> None:
    model.graph.node.append(helper.make_node("Odd", [], ["c"], values=[proto]))


def _in_branch(model: onnx.ModelProto, proto: TensorProto) -> None:
    branch = helper.make_graph([], "branch", [], [], [proto])
    model.graph.node.append(helper.make_node("If", ["x"], ["c"], then_branch=branch, else_branch=branch))


def _in_nested_constant(model: onnx.ModelProto, proto: TensorProto) -> None:
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=proto)], "inner", [], [])
    outer = helper.make_graph([helper.make_node("If", ["x"], ["c"], then_branch=inner)], "outer", [], [])
    model.graph.node.append(helper.make_node("Loop", ["x"], ["c"], body=outer))


def _in_function(model: onnx.ModelProto, proto: TensorProto) -> None:
    node = helper.make_node("Constant", [], ["y"], value=proto)
    model.functions.append(helper.make_function("own", "F", [], ["y"], [node], [helper.make_opsetid("", 18)]))


def _in_function_default(model: onnx.ModelProto, proto: TensorProto) -> None:
    function = helper.make_function("own", "F", [], ["y"], [], [helper.make_opsetid("", 18)])
    function.attribute_proto.append(helper.make_attribute("t", proto))
    model.functions.append(function)


@pytest.mark.parametrize(
    "place",
    [
        _in_initializer,
        _in_attribute,
        _in_tensors_attribute,
        _in_branch,
        _in_nested_constant,
        _in_function,
        _in_function_default,
    ],
)
def test_external_data_are_found_everywhere(place: Callable[[onnx.ModelProto, TensorProto], None]) -> None:
    model = decoder()
    place(model, numpy_helper.from_array(np.zeros(3, np.float32), "spare"))
    read_model(model.SerializeToString())  # the same place with data of its own is read

    model = decoder()
    place(model, external(TensorProto(name="spare", dims=[3], data_type=TensorProto.FLOAT)))
    with pytest.raises(BundleError, match="external data"):
        read_model(model.SerializeToString())


def _sparse(attribute: onnx.AttributeProto) -> None:
    attribute.type = attribute.SPARSE_TENSOR
    external(attribute.sparse_tensor.values)


def _two_values(attribute: onnx.AttributeProto) -> None:
    attribute.f = 1.0


def _no_value(attribute: onnx.AttributeProto) -> None:
    attribute.ClearField("i")


def _no_type(attribute: onnx.AttributeProto) -> None:
    attribute.ClearField("type")


def _type_value(attribute: onnx.AttributeProto) -> None:
    attribute.type = attribute.TYPE_PROTO
    attribute.tp.tensor_type.elem_type = 1


def _reference_and_value(attribute: onnx.AttributeProto) -> None:
    attribute.ref_attr_name = "other"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_sparse, "sparse tensor"),
        (_two_values, "values of two types"),
        (_no_value, "has no value"),
        (_no_type, "the type None"),
        (_type_value, "the type 13"),
        (_reference_and_value, "a value and a reference"),
    ],
)
def test_attribute_must_be_one_plain_value(change: Callable[[onnx.AttributeProto], None], sentence: str) -> None:
    model = decoder()
    change(model.graph.node[0].attribute[0])
    with pytest.raises(BundleError, match=sentence):
        read_model(model.SerializeToString())


def test_attribute_given_twice_is_refused() -> None:
    model = decoder()
    model.graph.node[0].attribute.append(helper.make_attribute("axis", 0))
    with pytest.raises(BundleError, match=r"the node 'join' \(Concat\) has an attribute twice"):
        read_model(model.SerializeToString())


def test_graphs_inside_graphs_end_at_the_limit() -> None:
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(limits.MAX_GRAPH_DEPTH - 2):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "outer", [], [])
    model = decoder()
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=graph))
    read_model(model.SerializeToString())
    deeper = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "outer", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=deeper))
    with pytest.raises(BundleError, match="deep; the limit is 8"):
        read_model(model.SerializeToString())


@pytest.mark.parametrize("kind", [4, 5, 9])
def test_types_inside_types_end_at_the_limit(kind: int) -> None:
    """Sequences, maps and optionals."""

    def nested(depth: int) -> bytes:
        content = field(1, b"")
        for _ in range(depth - 1):
            content = field(kind, field(2 if kind == 5 else 1, content))
        return with_graph(field(13, field(1, b"deep") + field(2, content)))

    assert read_model(nested(limits.MAX_TYPE_DEPTH)).graph.value_infos[0].name == "deep"
    with pytest.raises(BundleError, match="the type of 'deep' holds types 9 deep; the limit is 8"):
        read_model(nested(limits.MAX_TYPE_DEPTH + 1))
    with pytest.raises(BundleError, match="the type of 'deep' holds types 9 deep"):
        read_model(nested(3_000))


def test_counts_end_at_their_limits() -> None:
    node, many = field(1, field(4, b"Relu")), limits.MAX_NODES
    with pytest.raises(BundleError, match=f"more than {many} nodes"):
        read_model(with_graph(node * (many + 1)))
    with pytest.raises(BundleError, match="more than 50000 tensors"):
        read_model(with_graph(field(5, b"\x10\x01\x4a\x04" + bytes(4)) * (limits.MAX_TENSORS + 1)))
    with pytest.raises(BundleError, match="more than 1024 inputs"):
        read_model(with_graph(field(1, field(1, b"x") * 1025)))
    with pytest.raises(BundleError, match="has 65 attributes"):
        read_model(with_graph(field(1, field(5, b"") * 65)))
    with pytest.raises(BundleError, match="more than 500000 fields"):
        read_model(with_graph(field(5, b"\x08\x01" * limits.MAX_FIELDS)))


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.float32, [1.5, -2.0]),
        (np.float64, [1e300, -0.5]),
        (np.float16, [0.5, 65504.0]),
        (np.int8, [-128, 127]),
        (np.uint8, [0, 255]),
        (np.int16, [-32768, 32767]),
        (np.uint16, [0, 65535]),
        (np.int32, [-(2**31), 2**31 - 1]),
        (np.int64, [-(2**63), 2**63 - 1]),
        (np.uint32, [0, 2**32 - 1]),
        (np.uint64, [0, 2**63 - 1]),
        (np.bool_, [False, True]),
    ],
)
@pytest.mark.parametrize("raw", [True, False])
def test_small_tensors_are_read_as_onnx_reads_them(dtype: type, values: list[float], raw: bool) -> None:
    array: NDArray[Any] = np.array(values, dtype)
    number = helper.np_dtype_to_tensor_dtype(array.dtype)
    proto = helper.make_tensor("spare", number, array.shape, array.tobytes() if raw else values, raw=raw)
    found = spare(with_tensor(proto.SerializeToString())).values()
    assert found is not None
    np.testing.assert_array_equal(found, array, strict=True)


def test_unpacked_numbers_are_read_too() -> None:
    packed = helper.make_tensor("spare", TensorProto.INT64, [3], [1, -1, 300])
    negative = b"\x38" + varint((1 << 64) - 1)
    content = field(8, b"spare") + b"\x08\x03\x10\x07" + b"\x38\x01" + negative + b"\x38\xac\x02"
    for form in (packed.SerializeToString(), content):
        found = spare(with_tensor(form)).values()
        assert found is not None
        assert found.tolist() == [1, -1, 300]
    floats = (
        field(8, b"spare") + b"\x08\x02\x10\x01" + b"\x25" + struct.pack("<f", 0.5) + b"\x25" + struct.pack("<f", 2)
    )
    values = spare(with_tensor(floats)).values()
    assert values is not None
    assert values.tolist() == [0.5, 2.0]


def test_number_that_does_not_fit_its_type_is_refused() -> None:
    proto = helper.make_tensor("spare", TensorProto.INT32, [1], [5])
    proto.data_type = TensorProto.INT8
    proto.int32_data[0] = 300
    with pytest.raises(BundleError, match="does not fit int8"):
        spare(with_tensor(proto.SerializeToString())).values()


def test_message_shows_no_escape_code() -> None:
    model = decoder()
    model.graph.node[0].name = "\x1b[2J\n\u202e" + "x" * 200
    model.graph.node[0].attribute.append(helper.make_attribute("axis", 0))
    with pytest.raises(BundleError) as caught:
        read_model(model.SerializeToString())
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 150


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, len(CLEAN) - 1))
def test_truncation_gives_an_error_or_a_model(cut: int) -> None:
    _read_or_refuse(CLEAN[:cut])


@settings(max_examples=600, deadline=None)
@given(flips=st.lists(st.integers(0, 8 * len(CLEAN) - 1), min_size=1, max_size=3))
def test_flipped_bits_give_an_error_or_a_model(flips: list[int]) -> None:
    content = bytearray(CLEAN)
    for flip in flips:
        content[flip // 8] ^= 1 << flip % 8
    _read_or_refuse(bytes(content))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_an_error_or_a_model(content: bytes) -> None:
    _read_or_refuse(content)


def _read_or_refuse(content: bytes) -> None:
    try:
        assert isinstance(read_model(content), ModelFile)
    except BundleError as error:
        said = str(error)
        assert said.isascii()
