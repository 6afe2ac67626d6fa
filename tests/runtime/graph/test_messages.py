"""The tables of fields are those of onnx's own descriptors, field by field."""

from typing import Any

import onnx
import pytest

from vaeport.graph import messages
from vaeport.graph.wire import Kind, Message

_STRING, _BYTES, _MESSAGE, _FLOAT, _DOUBLE = 9, 12, 11, 2, 1
_WHOLE = (3, 4, 5, 14)  # integers of several widths, and enumerations

SINGLE = {
    _STRING: {Kind.NAME, Kind.TEXT},
    _BYTES: {Kind.SPAN},
    _MESSAGE: {Kind.SPAN},
    _FLOAT: {Kind.FLOAT},
    **{key: {Kind.INT} for key in _WHOLE},
}
REPEATED = {
    _STRING: {Kind.NAMES},
    _BYTES: {Kind.SPANS},
    _MESSAGE: {Kind.SPANS},
    _FLOAT: {Kind.FLOATS},
    _DOUBLE: {Kind.DOUBLES},
    **{key: {Kind.INTS, Kind.INTEGERS} for key in _WHOLE},
}

TABLES = [each for each in vars(messages).values() if isinstance(each, Message)]

NUMBERS = {
    messages.ModelField: "ModelProto",
    messages.GraphField: "GraphProto",
    messages.NodeField: "NodeProto",
    messages.AttributeField: "AttributeProto",
    messages.TensorField: "TensorProto",
    messages.FunctionField: "FunctionProto",
}


def _fields(name: str) -> dict[int, Any]:
    outer, *inner = name.split(".")
    descriptor = getattr(onnx, outer).DESCRIPTOR
    for each in inner:
        descriptor = descriptor.nested_types_by_name[each]
    return {field.number: field for field in descriptor.fields}


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_fields_are_onnxs(table: Message) -> None:
    fields = _fields(table.name)

    assert {tag >> 3 for tag in table.kinds} == set(fields)
    assert table.slots == max(fields) + 1
    for tag, kind in table.kinds.items():
        field = fields[tag >> 3]
        assert kind in (REPEATED if field.is_repeated else SINGLE)[field.type], field.name


@pytest.mark.parametrize(("numbers", "name"), NUMBERS.items(), ids=list(NUMBERS.values()))
def test_numbers_of_fields_are_onnxs(numbers: type, name: str) -> None:
    given = {key: value for key, value in vars(numbers).items() if key.isupper()}

    assert sorted(given.values()) == sorted(_fields(name))
    for key, field_name in (
        ("DOC", "doc_string"),
        ("METADATA", "metadata_props"),
        ("NAME", "name"),
        ("DOMAIN", "domain"),
    ):
        if key in given:
            assert _fields(name)[given[key]].name == field_name
