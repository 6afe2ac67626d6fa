"""A file held against a fresh export: what is harmless, and what is wrong."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from vaeport_parity.reading.batch_size import batch_dependences
from vaeport_parity.reading.canonical import terms_of
from vaeport_parity.reading.held import against_fresh
from vaeport_parity.reference.onnx_graph import RuntimeReference
from vaeport_parity.subjects.subject import Graph
from vaeport_parity.subjects.tensors import input_specs, output_specs

FEATURES, HIDDEN = 6, 16
Change = Callable[[ModelProto], None]


def network() -> ModelProto:
    """x [batch, 6] -> Gemm, Relu (one unit is dead), Gemm, Sigmoid -> y [batch, 3]."""
    random = np.random.default_rng(0)
    bias = random.standard_normal(HIDDEN).astype(np.float32)
    bias[3] = -1000
    weights = {
        "w1": random.standard_normal((HIDDEN, FEATURES)).astype(np.float32),
        "b1": bias,
        "w2": random.standard_normal((3, HIDDEN)).astype(np.float32),
        "b2": random.standard_normal(3).astype(np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], name="first", transB=1),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["s"], name="second", transB=1),
        helper.make_node("Sigmoid", ["s"], ["y"], name="sigmoid"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FEATURES])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])
    tensors = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    return helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], initializer=tensors),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )


def told(change: Change, *, strict: bool = True, both: Change = lambda _: None) -> list[tuple[bool, str]]:
    """What is said of a changed network beside the unchanged one; `both` is done to each of them before."""
    model, fresh = network(), network()
    both(model)
    both(fresh)
    change(model)
    content = model.SerializeToString()
    reference = RuntimeReference(content, ("y",))
    graph = Graph("g", content, "g.onnx", input_specs(model), output_specs(model), reference)
    inputs = {"x": np.random.default_rng(1).standard_normal((4, FEATURES)).astype(np.float32)}
    found = against_fresh(graph, fresh.SerializeToString(), inputs=inputs, strict=strict)
    return [(each.wrong, each.text) for each in found]


def values(model: ModelProto, name: str) -> np.ndarray:
    return numpy_helper.to_array(next(each for each in model.graph.initializer if each.name == name)).copy()


def put(model: ModelProto, name: str, array: np.ndarray) -> None:
    held = next((each for each in model.graph.initializer if each.name == name), None)
    made = numpy_helper.from_array(np.ascontiguousarray(array), name)
    if held is None:
        model.graph.initializer.append(made)
    else:
        held.CopyFrom(made)


def replace(model: ModelProto, name: str, nodes: Sequence[NodeProto]) -> None:
    """Put nodes in the place of one."""
    kept = list(model.graph.node)
    at = next(place for place, node in enumerate(kept) if node.name == name)
    kept[at : at + 1] = nodes
    del model.graph.node[:]
    model.graph.node.extend(kept)


def nothing(model: ModelProto) -> None:
    """Leave it as it is."""


def renamed(model: ModelProto) -> None:
    for node in model.graph.node:
        node.name = f"other_{node.name}"
        node.input[:] = [f"t_{name}" if name != "x" else name for name in node.input]
        node.output[:] = [f"t_{name}" if name != "y" else name for name in node.output]
    for tensor in model.graph.initializer:
        tensor.name = f"t_{tensor.name}"


def with_identities(model: ModelProto) -> None:
    replace(model, "relu", [helper.make_node("Identity", ["h"], ["i"]), helper.make_node("Relu", ["i"], ["r"])])


def with_dead_nodes(model: ModelProto) -> None:
    model.graph.node.insert(1, helper.make_node("Tanh", ["h"], ["unused"], name="dead"))


def with_constants(model: ModelProto) -> None:
    for tensor in list(model.graph.initializer):
        model.graph.node.insert(0, helper.make_node("Constant", [], [tensor.name], value=tensor))
    del model.graph.initializer[:]


def in_a_function(model: ModelProto) -> None:
    body = [helper.make_node("Relu", ["a"], ["b"])]
    model.functions.append(helper.make_function("own", "Act", ["a"], ["b"], body, [helper.make_opsetid("", 18)]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    replace(model, "relu", [helper.make_node("Act", ["h"], ["r"], domain="own")])


def turned_weight(model: ModelProto) -> None:
    put(model, "turned", values(model, "w1").T)
    turn = helper.make_node("Transpose", ["turned"], ["w1"], perm=[1, 0])
    del model.graph.initializer[0]
    model.graph.node.insert(0, turn)


@pytest.mark.parametrize(
    "change", [renamed, with_identities, with_dead_nodes, with_constants, in_a_function, turned_weight]
)
def test_spelling_of_the_same_computation_is_information(change: Change) -> None:
    ((wrong, text),) = told(change)

    assert not wrong
    assert text == "it computes what a fresh export does, weight for weight, and is only spelled otherwise"


def test_equal_files_need_no_words() -> None:
    assert told(nothing) == []


def permuted(model: ModelProto) -> None:
    order = np.random.default_rng(2).permutation(HIDDEN)
    put(model, "w1", values(model, "w1")[order])
    put(model, "b1", values(model, "b1")[order])
    put(model, "w2", values(model, "w2")[:, order])


def scaled_units(model: ModelProto) -> None:
    factors = np.linspace(0.5, 3, HIDDEN, dtype=np.float32)
    put(model, "w1", values(model, "w1") * factors[:, None])
    put(model, "b1", values(model, "b1") * factors)
    put(model, "w2", values(model, "w2") / factors)


def product_apart(model: ModelProto) -> None:
    put(model, "w1t", values(model, "w1").T)
    replace(
        model,
        "first",
        [helper.make_node("MatMul", ["x", "w1t"], ["p"]), helper.make_node("Add", ["p", "b1"], ["h"])],
    )


def sigmoid_apart(model: ModelProto) -> None:
    put(model, "one", np.array(1, np.float32))
    replace(
        model,
        "sigmoid",
        [
            helper.make_node("Neg", ["s"], ["n"]),
            helper.make_node("Exp", ["n"], ["e"]),
            helper.make_node("Add", ["e", "one"], ["d"]),
            helper.make_node("Reciprocal", ["d"], ["y"]),
        ],
    )


@pytest.mark.parametrize("change", [permuted, scaled_units, product_apart, sigmoid_apart])
def test_rewriting_that_computes_the_same_is_information(change: Change) -> None:
    found = told(change)

    assert found
    assert not any(wrong for wrong, _ in found)


def one_weight(model: ModelProto) -> None:
    array = values(model, "w2")
    array[1, 2] += 1e-3
    put(model, "w2", array)


def weight_of_a_dead_unit(model: ModelProto) -> None:
    array = values(model, "w2")
    array[:, 3] += 1
    put(model, "w2", array)


def rows_exchanged(model: ModelProto) -> None:
    put(model, "w1", values(model, "w1")[::-1])


def bias_and_names(model: ModelProto) -> None:
    array = values(model, "b1")
    array[5] += 0.01
    put(model, "b1", array)
    renamed(model)
    model.graph.node[1].op_type = "Relu"


def all_scaled(model: ModelProto) -> None:
    put(model, "w1", values(model, "w1") * np.float32(1.0001))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (one_weight, "w2 of node 'second' (Gemm) differs from a fresh export in 1 of 48 values, by up to 0.001"),
        (weight_of_a_dead_unit, "w2 of node 'second' (Gemm) differs from a fresh export in 3 of 48 values, by up to 1"),
        (rows_exchanged, "w1 of node 'first' (Gemm) differs from a fresh export in"),
        (bias_and_names, "t_b1 of node 'other_first' (Gemm) differs from a fresh export in 1 of 16 values"),
        (all_scaled, "w1 of node 'first' (Gemm) differs from a fresh export in 96 of 96 values"),
    ],
)
def test_weight_of_another_value_is_wrong_though_no_input_shows_it(change: Change, named: str) -> None:
    assert [text for wrong, text in told(change) if wrong and text.startswith(named)]


def clamped(model: ModelProto) -> None:
    put(model, "low", np.array(-100, np.float32))
    put(model, "high", np.array(100, np.float32))
    replace(
        model,
        "relu",
        [
            helper.make_node("Clip", ["h", "low", "high"], ["c"], name="clamp"),
            helper.make_node("Relu", ["c"], ["r"], name="relu"),
        ],
    )


@pytest.mark.parametrize("bounds", [{"high": 50}, {"low": -50, "high": 50}])
def test_threshold_of_another_value_is_wrong_though_no_input_reaches_it(bounds: dict[str, float]) -> None:
    def change(model: ModelProto) -> None:
        for name, bound in bounds.items():
            put(model, name, np.array(bound, np.float32))

    wrong = [text for is_wrong, text in told(change, both=clamped) if is_wrong]

    assert len(wrong) == len(bounds)
    assert all("of node 'clamp' (Clip) is" in text for text in wrong)


def test_weight_of_a_dead_unit_is_found_behind_another_spelling() -> None:
    def change(model: ModelProto) -> None:
        weight_of_a_dead_unit(model)
        product_apart(model)

    assert [text for wrong, text in told(change) if wrong and text.startswith("w2 of node 'second'")]


def test_conversion_may_differ_in_all_this() -> None:
    assert not any(wrong for wrong, _ in told(one_weight, strict=False))
    assert any("w2 of node" in text for _, text in told(one_weight, strict=False))


def test_node_that_was_put_in_is_named_first() -> None:
    def change(model: ModelProto) -> None:
        put(model, "third", np.array(0.9, np.float32))
        replace(
            model,
            "sigmoid",
            [
                helper.make_node("Sigmoid", ["s"], ["q"], name="sigmoid"),
                helper.make_node("Mul", ["q", "third"], ["y"], name="dimmed"),
            ],
        )

    wrong = [text for is_wrong, text in told(change) if is_wrong]

    assert wrong
    assert wrong[-1].startswith("it computes something else than a fresh export (node 'dimmed' (Mul of q, third)")


def test_graph_that_cannot_be_read_as_a_computation_is_told() -> None:
    def change(model: ModelProto) -> None:
        model.graph.node[0].input[0] = "nowhere"

    ((wrong, text),) = told(change)

    assert not wrong
    assert text == "it cannot be held against a fresh export: nothing makes the tensor 'nowhere'"


def by_size(model: ModelProto, kind: str) -> None:
    """Answer otherwise to batches beyond 64."""
    put(model, "none", np.array(0, np.int64))
    put(model, "many", np.array(64, np.int64))
    put(model, "half", np.array(0.5, np.float32))
    count = [
        helper.make_node("Shape", ["x"], ["axes"]),
        helper.make_node("Gather", ["axes", "none"], ["rows"]),
        helper.make_node("Greater", ["rows", "many"], ["beyond"]),
    ]
    if kind == "Where":
        last = [helper.make_node("Where", ["beyond", "half", "good"], ["y"], name="choice")]
    elif kind == "Mul":
        last = [
            helper.make_node("Cast", ["beyond"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["good", "number"], ["y"], name="choice"),
        ]
    else:
        branches = {
            f"{name}_branch": helper.make_graph(
                [helper.make_node("Mul", ["good", factor], [name])],
                name,
                [],
                [helper.make_empty_tensor_value_info(name)],
            )
            for name, factor in (("then", "half"), ("else", "one"))
        }
        put(model, "one", np.array(1, np.float32))
        last = [helper.make_node("If", ["beyond"], ["y"], name="choice", **branches)]
    replace(model, "sigmoid", [helper.make_node("Sigmoid", ["s"], ["good"], name="sigmoid"), *count, *last])


@pytest.mark.parametrize("kind", ["Where", "Mul", "If"])
def test_answers_by_the_size_of_the_batch_are_wrong(kind: str) -> None:
    wrong = [text for is_wrong, text in told(lambda model: by_size(model, kind)) if is_wrong]

    assert any("node 'choice'" in text and "the size of the batch" in text for text in wrong)


def test_rows_taken_by_their_number_are_wrong() -> None:
    def change(model: ModelProto) -> None:
        for name, number in (("start", 0), ("end", 64), ("axis", 0), ("rest", 2**40)):
            put(model, name, np.array([number], np.int64))
        put(model, "half", np.array(0.5, np.float32))
        cut = [
            helper.make_node("Slice", ["good", "start", "end", "axis"], ["first_rows"], name="cut"),
            helper.make_node("Slice", ["good", "end", "rest", "axis"], ["others"]),
            helper.make_node("Mul", ["others", "half"], ["dimmed"]),
            helper.make_node("Concat", ["first_rows", "dimmed"], ["y"], axis=0),
        ]
        replace(model, "sigmoid", [helper.make_node("Sigmoid", ["s"], ["good"]), *cut])

    assert any(
        wrong and "node 'cut' (Slice) takes rows of the batch by their number" in text for wrong, text in told(change)
    )


def test_sizes_that_only_shape_tensors_are_no_branches() -> None:
    model = network()
    put(model, "none", np.array([0], np.int64))
    put(model, "width", np.array([3], np.int64))
    shape = [
        helper.make_node("Shape", ["x"], ["axes"]),
        helper.make_node("Gather", ["axes", "none"], ["rows"]),
        helper.make_node("Concat", ["rows", "width"], ["target"], axis=0),
        helper.make_node("Reshape", ["s", "target"], ["again"]),
        helper.make_node("Sigmoid", ["again"], ["y"]),
    ]
    replace(model, "sigmoid", shape)

    assert batch_dependences(model) == []


def test_terms_are_equal_where_sums_are_in_another_order() -> None:
    def summed(*order: str) -> ModelProto:
        model = network()
        put(model, "more", np.ones(3, np.float32))
        replace(model, "sigmoid", [helper.make_node("Add", list(order), ["y"])])
        return model

    first, second = (terms_of(summed(*order))["y"] for order in (("s", "more"), ("more", "s")))

    assert first.exact == second.exact
    assert first.exact != terms_of(network())["y"].exact
