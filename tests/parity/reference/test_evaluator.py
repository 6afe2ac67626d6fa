"""The evaluator in float64: on all of onnx's own cases, and on what it takes for graphs from anywhere."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper, parser
from onnx.backend.test.case.node import collect_testcases

from tests.parity.locating.graphs import GRAPHS, convolutional, inputs_of
from vaeport.errors import InputError
from vaeport_parity.reference.evaluator import doubled, doubled_inputs, every_node, float64_evaluator, native_evaluator

OTHER_IN_FLOAT64 = {
    "test_dynamicquantizelinear": "another rounding to integers",
    "test_dynamicquantizelinear_expanded": "another rounding to integers",
}
"""Cases that do not come out the same, with the reason."""

REFUSED = (
    "Bernoulli",  # draws random numbers
    "RandomUniformLike",
    "BitCast",  # takes floats apart into bits
    "CausalConvWithState",  # the evaluator computes them in float32
    "LinearAttention",
    "'sum_out' (Add of sum_in, next)",  # a Scan of opset 8
)


@dataclass(frozen=True)
class Case:
    """One of onnx's own cases: a graph of one operator, with inputs and the right outputs in their order."""

    name: str
    model: ModelProto
    inputs: dict[str, NDArray[Any]]
    outputs: tuple[NDArray[Any], ...]


def cases() -> Iterator[Case]:
    """onnx's own cases of single operators whose inputs and outputs are tensors of numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collected = collect_testcases(None)
    for case in collected:
        if case.model is None or {node.domain for node in case.model.graph.node} != {""}:
            continue
        names = [info.name for info in case.model.graph.input]
        for given, wanted in case.data_sets or ():
            if all(isinstance(values, np.ndarray) and values.dtype.kind in "fiubV" for values in (*given, *wanted)):
                yield Case(case.name, case.model, dict(zip(names, given, strict=False)), tuple(wanted))


def _is_narrow(values: NDArray[Any]) -> bool:
    return values.dtype in (np.float16, ml_dtypes.bfloat16)


def test_all_of_onnxs_own_cases_come_out_the_same_in_float64() -> None:
    wrong, refused, sound = [], [], 0
    for case in cases():
        try:
            answers: Any = float64_evaluator(case.model).run(None, doubled_inputs(case.inputs))
        except InputError as error:
            refused.append(str(error))
            continue
        loose = any(_is_narrow(values) for values in (*case.inputs.values(), *case.outputs))
        rtol, atol = (2e-2, 1e-2) if loose else (1e-3, 1e-5)
        pairs = [(np.asarray(a, np.float64), w.astype(np.float64)) for a, w in zip(answers, case.outputs, strict=True)]
        if all(a.shape == w.shape and np.allclose(a, w, rtol, atol, equal_nan=True) for a, w in pairs):
            sound += 1
        else:
            wrong.append(case.name)

    assert set(wrong) <= set(OTHER_IN_FLOAT64)
    assert [text for text in refused if not any(word in text for word in REFUSED)] == []
    assert sound > 1400


@pytest.mark.parametrize("name", list(GRAPHS))
def test_graphs_with_subgraphs_and_functions_have_no_narrow_tensor_left(name: str) -> None:
    inputs = doubled_inputs(inputs_of(name))

    values: Any = float64_evaluator(GRAPHS[name]()).run(None, inputs, intermediate=True)

    kinds = {np.asarray(value).dtype.name for value in values.values() if value is not None}
    assert kinds <= {"float64", "int64", "bool"}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_float64_answers_agree_with_onnxruntime_in_the_graphs_own_type(dtype: str) -> None:
    model = convolutional(dtype)
    inputs = {"x": inputs_of("convolutional")["x"].astype(dtype)}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    native: Any = session.run(None, inputs)[0]

    answer = run(model, **inputs)

    np.testing.assert_allclose(answer, native.astype(np.float64), atol=3e-3 if dtype == "float16" else 1e-6)
    assert answer.dtype == np.float64


def run(model: ModelProto | str, **inputs: NDArray[Any]) -> NDArray[Any]:
    """The first output of a graph, given as text or whole, in float64."""
    whole = parser.parse_model(model) if isinstance(model, str) else model
    answers: Any = float64_evaluator(whole).run(None, doubled_inputs(inputs))
    return np.asarray(answers[0])


def test_bfloat16_weights_and_inputs_become_float64() -> None:
    weight = np.array([[0.1, 0.2], [0.3, 0.4]]).astype(ml_dtypes.bfloat16)
    model = parser.parse_model(
        """<ir_version: 9, opset_import: ["": 18]>
        g (bfloat16[n, 2] x) => (bfloat16[n, 2] y) {
            wide = Cast <to = 1> (x)
            back = CastLike (wide, w)
            y = MatMul (back, w)
        }"""
    )
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    given = np.array([[1.0, 2.0]]).astype(ml_dtypes.bfloat16)

    answer = run(model, x=given)

    np.testing.assert_array_equal(answer, given.astype(np.float64) @ weight.astype(np.float64))


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ("c = Constant <value_float = 0.1> () y = Mul (x, c)", 0.7 * np.float64(np.float32(0.1))),
        ("c = Constant <value_floats = [0.1]> () y = Mul (x, c)", 0.7 * np.float64(np.float32(0.1))),
        ("c = Constant <value_int = 3> () d = Cast <to = 1> (c) y = Div (x, d)", 0.7 / 3),
        ("c = Constant <value_ints = [3]> () d = Cast <to = 10> (c) e = CastLike (d, x) y = Div (x, e)", 0.7 / 3),
        ("s = Shape (x) z = ConstantOfShape (s) y = Add (x, z)", 0.7),
        (
            "s = Shape (x) z = ConstantOfShape <value = float[1] {0.1}> (s) y = Add (x, z)",
            0.7 + np.float64(np.float32(0.1)),
        ),
        ("t = Unsqueeze (x, zero) e = EyeLike <dtype = 1> (t) f = MatMul (e, t) y = Squeeze (f, zero)", 0.7),
        ("e = Erf (x) y = Identity (e)", 0.6778011938374184),
        ("g = Gelu (x) y = Identity (g)", 0.5 * 0.7 * (1 + 0.5160726955538553)),
        ("a = Mish (x) y = Identity (a)", 0.7 * np.tanh(np.log1p(np.exp(0.7)))),
    ],
)
def test_constants_conversions_and_functions_are_computed_in_float64(nodes: str, expected: float) -> None:
    text = f"""<ir_version: 9, opset_import: ["": 20]>
        g (double[1] x) => (double[1] y) <int64[1] zero = {{0}}> {{ {nodes} }}"""

    answer = run(text, x=np.array([0.7]))

    assert answer.dtype == np.float64
    assert answer[0] == pytest.approx(expected, rel=1e-12)


def test_attributes_and_casts_in_branches_loops_and_functions_are_doubled() -> None:
    text = """<ir_version: 9, opset_import: ["": 18, "local": 1]>
        g (float[n] x, bool yes) => (float[n] y) <int64 three = {3}, bool go = {1}> {
            branch = If (yes) <
                then_branch = a () => (float[n] t) { c = Constant <value_float = 0.1> () t = Add (x, c) },
                else_branch = b () => (float[n] e) { e = Neg (x) }>
            looped = Loop (three, go, branch) <body = l (int64 i, bool on, float[n] s) => (bool still, float[n] next) {
                still = Identity (on) f = Cast <to = 1> (i) next = Add (s, f) }>
            y = local.Shift <kind: int = 1> (looped)
        }
        <domain: "local", opset_import: ["": 18]>
        Shift <kind> (v) => (r) {
            c = Constant <value = int64[1] {7}> ()
            d = Cast <to: int = @kind> (c)
            r = Div (v, d)
        }"""
    x = np.array([0.3, 0.7])

    answer = run(text, x=x, yes=np.array(True))

    np.testing.assert_array_equal(answer, (x + np.float64(np.float32(0.1)) + 0 + 1 + 2) / 7)


def test_what_a_loop_collects_is_stacked_and_a_loop_needs_no_condition() -> None:
    text = """<ir_version: 8, opset_import: ["": 17]> g (float[n, 2] x) => (float[t, n, 2] y) <int64 three = {3}> {
        last, y = Loop (three, , x) <
            body = l (int64 i, bool on, float[n, 2] s) => (bool still, float[n, 2] next, float[n, 2] seen) {
                still = Identity (on) next = Add (s, s) seen = Identity (s) }> }"""
    x = np.ones((4, 2))

    np.testing.assert_array_equal(run(text, x=x), np.stack([x, 2 * x, 4 * x]))


def test_sparse_initializers_and_constants_become_dense() -> None:
    values = helper.make_tensor("w", TensorProto.FLOAT, [2], [2.0, 3.0])
    places = helper.make_tensor("w_places", TensorProto.INT64, [2], [1, 2])
    model = parser.parse_model(
        '<ir_version: 9, opset_import: ["": 17]> g (float[n, 4] x) => (float[n, 4] y) { s = Add (x, w) y = Mul (s, c) }'
    )
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4]))
    pairs = helper.make_tensor("", TensorProto.INT64, [1, 2], [0, 3])
    constant = helper.make_sparse_tensor(helper.make_tensor("", TensorProto.FLOAT, [1], [5.0]), pairs, [1, 4])
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], sparse_value=constant))

    np.testing.assert_array_equal(run(model, x=np.ones((1, 4))), [[0, 0, 0, 5]])


@pytest.mark.parametrize("opset", [7, 9, 11, 12, 13, 17])
def test_softmax_means_what_it_meant_in_its_opset(opset: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    text = (
        f'<ir_version: 8, opset_import: ["": {opset}]> g (float[2, 3, 4] x) => (float[2, 3, 4] y) {{ y = Softmax (x) }}'
    )
    session = onnxruntime.InferenceSession(parser.parse_model(text).SerializeToString())
    (expected,) = session.run(None, {"x": x.astype(np.float32)})

    np.testing.assert_allclose(run(text, x=x), np.asarray(expected), atol=1e-6)


@pytest.mark.parametrize("kind", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("mode", ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"])
def test_resize_is_as_onnxruntime_has_it_and_quick(kind: str, mode: str) -> None:
    x = np.random.default_rng(0).standard_normal((1, 16, 9, 7))
    text = f"""<ir_version: 8, opset_import: ["": 13]>
        g (float[n, 16, 9, 7] x) => (float[n, 16, h, w] y) <float[0] roi = {{}}, float[4] scales = {{1, 1, 2, 3}}> {{
            y = Resize <mode = "{kind}", coordinate_transformation_mode = "{mode}"> (x, roi, scales) }}"""
    session = onnxruntime.InferenceSession(parser.parse_model(text).SerializeToString())
    (expected,) = session.run(None, {"x": x.astype(np.float32)})

    np.testing.assert_allclose(run(text, x=x), np.asarray(expected), atol=1e-5)


def test_resize_of_opset_10_takes_scales_alone() -> None:
    text = """<ir_version: 5, opset_import: ["": 10]>
        g (float[n, 1, 2, 2] x) => (float[n, 1, 4, 4] y) <float[4] scales = {1, 1, 2, 2}> { y = Resize (x, scales) }"""
    x = np.arange(4.0).reshape(1, 1, 2, 2)

    np.testing.assert_array_equal(run(text, x=x), x.repeat(2, axis=2).repeat(2, axis=3))


def test_transposed_convolution_takes_groups_with_bias_and_an_empty_batch() -> None:
    import torch

    rng = np.random.default_rng(0)
    shapes = ((6, 2, 3, 3), (4,), (2, 6, 4, 4))
    weight, bias, x = (rng.standard_normal(shape).astype(np.float32).astype(np.float64) for shape in shapes)
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["": 17]> g (float[n, 6, 4, 4] x) => (float[n, 4, h, w] y) {
            y = ConvTranspose <group = 2, strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]> (x, w, b) }"""
    )
    model.graph.initializer.extend(
        numpy_helper.from_array(values.astype(np.float32), name) for name, values in (("w", weight), ("b", bias))
    )
    layer = torch.nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2).double()
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    expected = layer(torch.from_numpy(x)).detach()

    np.testing.assert_allclose(run(model, x=x), expected.numpy(), atol=1e-12)
    assert run(model, x=x[:0]).shape == (0, 4, 8, 8)


def test_weights_stored_as_integers_are_dequantised_in_float64() -> None:
    text = """<ir_version: 9, opset_import: ["": 18]> g (float[n, 2] x) => (float[n, 2] y)
        <int8[2, 2] q = {100, -50, 25, 7}, float[2] scale = {0.1, 0.3}, int8[2] zero = {1, -2}> {
            w = DequantizeLinear <axis = 1> (q, scale, zero) y = MatMul (x, w) }"""
    scale = np.array([0.1, 0.3], np.float32).astype(np.float64)

    answer = run(text, x=np.eye(2))

    np.testing.assert_array_equal(answer, (np.array([[100, -50], [25, 7]]) - np.array([1, -2])) * scale)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (
            "r = RandomNormalLike (x) y = Add (x, r)",
            "node 'r' is a RandomNormalLike: a graph that draws random numbers",
        ),
        ("y = Mystery (x)", "node 'y' is a Mystery, which the reference evaluator"),
        ("y = com.microsoft.FastGelu (x)", "node 'y' is a com.microsoft::FastGelu, which the reference evaluator"),
    ],
)
def test_what_cannot_be_evaluated_is_named(nodes: str, words: str) -> None:
    text = f'<ir_version: 9, opset_import: ["": 18, "com.microsoft": 1]> g (float[n] x) => (float[n] y) {{ {nodes} }}'

    with pytest.raises(InputError, match=words):
        doubled(parser.parse_model(text))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ('activations = ["Relu", "Tanh"]', "GRU with activations relu, tanh is not evaluated"),
        ("clip = 0.5", "GRU with clip is not evaluated"),
    ],
)
def test_what_the_evaluator_would_leave_out_is_refused(attributes: str, words: str) -> None:
    text = f"""<ir_version: 8, opset_import: ["": 17]> g (float[t, n, 1] x) => (float[t, 1, n, 1] y)
        <float[1, 3, 1] w = {{1, 1, 1}}, float[1, 3, 1] r = {{1, 1, 1}}> {{
            y = GRU <hidden_size = 1, {attributes}> (x, w, r) }}"""

    with pytest.raises(InputError, match=f"cannot compute 'y' .GRU of x, w, r.: {words}"):
        run(text, x=np.zeros((2, 1, 1)))


def test_sequences_of_several_lengths_are_refused_and_equal_ones_are_not() -> None:
    text = """<ir_version: 8, opset_import: ["": 17]> g (float[t, n, 1] x, int32[n] lengths) => (float[t, 1, n, 1] y)
        <float[1, 4, 1] w = {1, 1, 1, 1}, float[1, 4, 1] r = {1, 1, 1, 1}> {
            y = LSTM <hidden_size = 1> (x, w, r, , lengths) }"""
    x = np.zeros((2, 2, 1))

    assert run(text, x=x, lengths=np.array([2, 2], np.int32)).shape == (2, 1, 2, 1)
    with pytest.raises(InputError, match="LSTM with sequences of several lengths"):
        run(text, x=x, lengths=np.array([1, 2], np.int32))


def test_graph_itself_is_left_as_it_was() -> None:
    model = convolutional("float16")
    before = model.SerializeToString()

    doubled(model)

    assert model.SerializeToString() == before


def test_native_evaluator_keeps_the_graphs_own_types() -> None:
    answers: Any = native_evaluator(convolutional("float16")).run(
        None, {"x": inputs_of("convolutional")["x"].astype(np.float16)}
    )

    assert np.asarray(answers[0]).dtype == np.float16


def test_every_node_is_seen_in_subgraphs_and_functions_too() -> None:
    kinds = {node.op_type for name in ("branching", "looping", "calling") for node in every_node(GRAPHS[name]())}

    assert {"Relu", "If", "Loop", "LeakyRelu", "Squash"} <= kinds
