from collections.abc import Callable

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from tests.parity.locating.graphs import GRAPHS, attention, branching, calling, convolutional, looping, recurrent
from vaeport_parity.reading.differences import are_alike, file_differences


def told(model: ModelProto, other: ModelProto, where: str = "the original") -> list[str]:
    return [str(one) for one in file_differences(model, other, where)]


@pytest.mark.parametrize("name", list(GRAPHS))
def test_file_does_not_differ_from_itself(name: str) -> None:
    assert told(GRAPHS[name](), GRAPHS[name]()) == []
    assert are_alike(GRAPHS[name](), GRAPHS[name]())


def drop_tanh(model: ModelProto) -> None:
    last = next(node for node in model.graph.node if node.op_type == "Tanh")
    for node in model.graph.node:
        node.input[:] = [last.input[0] if name == last.output[0] else name for name in node.input]
    model.graph.node.remove(last)


def add_neg(model: ModelProto) -> None:
    model.graph.node.insert(0, helper.make_node("Neg", ["x"], ["against"], name="turn"))
    model.graph.node[1].input[0] = "against"


def other_type(model: ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def other_shape(model: ModelProto) -> None:
    tensor = model.graph.initializer[-1]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[:-1], tensor.name))


@pytest.mark.parametrize(
    ("make", "change", "expected"),
    [
        (recurrent, drop_tanh, ["node 'hidden' (Tanh of state) is missing", "reads hidden, w_head, b_head in"]),
        (recurrent, add_neg, ["node 'turn' (Neg of x) is not in the original", "reads x in the original"]),
        (recurrent, other_type, ["first is double, in the original int64"]),
        (recurrent, other_shape, ["b_head is [2], in the original [3]"]),
    ],
)
def test_difference_is_told_by_node(
    make: Callable[[], ModelProto], change: Callable[[ModelProto], None], expected: list[str]
) -> None:
    model = make()
    change(model)

    differences = told(model, make())

    assert [words for words in expected if not any(words in text for text in differences)] == []
    assert len(differences) == len(expected)


def test_other_weights_altogether_are_told_first() -> None:
    model, other = convolutional(), convolutional()
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 1, tensor.name))

    assert told(model, other)[0] == "all 6 weights differ from those of the original: it is of other weights"


def test_opset_functions_and_outputs_are_compared_too() -> None:
    model, other = calling(), calling()
    model.opset_import[0].version = 18
    model.functions.pop()
    model.functions[0].node[1].attribute[0].CopyFrom(helper.make_attribute("alpha", 0.2))
    model.graph.output[0].name = "out"

    leaky = "node 'leaky' (LeakyRelu of shifted) in function 'Block'"
    assert told(model, other) == [
        "outputs are out, in the original y",
        f"{leaky} (called by 'active') has alpha = 0.2, in the original @slope",
        "function 'Squash' is missing",
        "opset of ai.onnx is 18, in the original 17",
    ]


def test_node_in_a_nested_subgraph_is_named_with_all_that_it_is_in() -> None:
    model, other = (looping_branch() for _ in range(2))
    loop = model.graph.node[1]
    chosen = loop.attribute[0].g.node[1]
    chosen.attribute[0].g.node[0].op_type = "Sigmoid"

    assert told(model, other) == [
        "node 'a' (Sigmoid of state) in then_branch of node 'next' in body of node 'end' is a Tanh in the original"
    ]


def looping_branch() -> ModelProto:
    model = looping()
    body = model.graph.node[1].attribute[0].g
    branches = {
        f"{kind}_branch": helper.make_graph(
            [helper.make_node(operator, ["state"], ["a"])],
            kind,
            [],
            [helper.make_tensor_value_info("a", TensorProto.FLOAT, None)],
        )
        for kind, operator in (("then", "Tanh"), ("else", "Relu"))
    }
    del body.node[1:]
    body.node.append(helper.make_node("If", ["on"], ["next"], name="next", **branches))
    body.node[-1].attribute.sort(key=lambda one: one.name, reverse=True)
    return model


def test_files_of_other_names_are_not_alike() -> None:
    renamed = attention()
    for index, node in enumerate(renamed.graph.node):
        node.output[0] = f"t{index}"

    assert not are_alike(renamed, attention())
    assert not are_alike(branching(), attention())


def test_bfloat16_weights_and_text_are_compared() -> None:
    import ml_dtypes

    def model(value: float, text: bytes) -> ModelProto:
        weight = numpy_helper.from_array(np.array([1, value, 3, 4, 5]).astype(ml_dtypes.bfloat16), "w")
        words = TensorProto(name="s", data_type=TensorProto.STRING, dims=[1], string_data=[text])
        nodes = [
            helper.make_node("Mul", ["x", "w"], ["y"]),
            helper.make_node("Identity", ["s"], ["t"]),
        ]
        return helper.make_model(helper.make_graph(nodes, "g", [], [], initializer=[weight, words]))

    assert told(model(2, b"a"), model(2, b"a")) == []
    assert told(model(2.5, b"b"), model(2, b"a")) == [
        "node 'y' (Mul of x, w): w differs from that of the original in 1 of 5 values, by up to 0.5",
        "node 't' (Identity of s): s holds other text than in the original",
    ]
