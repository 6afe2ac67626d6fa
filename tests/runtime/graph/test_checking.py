"""A graph must be what the manifest says and hold nothing but operators on the list, within limits."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.runtime.graph.small import check, decoder
from vaeport.errors import BundleError
from vaeport.graph import limits


def refused(model: onnx.ModelProto | bytes, *, trusted: bool = False, rows: int = 256) -> str:
    """The sentence with which a graph is refused: one line, without names of files."""
    with pytest.raises(BundleError) as caught:
        check(model, trusted=trusted, rows=rows)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "model.onnx" not in sentence
    return sentence


def test_clean_decoder_passes() -> None:
    found = check(decoder())
    assert (found.rows, found.steady, found.row_elements) == (256, True, 16)
    found.check_rows(1)
    found.check_rows(256)


@pytest.mark.parametrize(("rows", "most"), [(0, 1), (1, 1), (2, 2), (7, 7)])
def test_largest_batch_is_the_one_that_was_tried(rows: int, most: int) -> None:
    assert check(decoder(), rows=rows).rows == most


@pytest.mark.parametrize(("opset", "ir_version"), [(7, 3), (13, 7), (18, 8), (23, 11), (24, 11)])
def test_supported_versions_pass(opset: int, ir_version: int) -> None:
    check(decoder(opset=opset, ir_version=ir_version))


@pytest.mark.parametrize(
    ("opset", "ir_version", "sentence"),
    [
        (6, 8, "the opset 6; from 7 to 24"),
        (25, 8, "the opset 25"),
        (-1, 8, "the opset -1"),
        (18, 2, "the IR version 2; from 3 to 13"),
        (18, 14, "the IR version 14"),
    ],
)
def test_other_versions_are_refused(opset: int, ir_version: int, sentence: str) -> None:
    assert sentence in refused(decoder(opset=opset, ir_version=ir_version))


def _swapped_labels(model: onnx.ModelProto) -> None:
    next(entry for entry in model.metadata_props if entry.key == "vaeport.labels").value = '["dog", "cat", "owl"]'


def _other_graph(model: onnx.ModelProto) -> None:
    next(entry for entry in model.metadata_props if entry.key == "vaeport.graph").value = "encoder_classifier"


def _other_contract(model: onnx.ModelProto) -> None:
    next(entry for entry in model.metadata_props if entry.key == "vaeport.contract").value = "9"


def _other_bundle(model: onnx.ModelProto) -> None:
    next(entry for entry in model.metadata_props if entry.key == "vaeport.bundle").value = "mnist"


def _no_shapes(model: onnx.ModelProto) -> None:
    del model.metadata_props[4]


def _renamed_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "noise"


def _further_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, ["batch"]))


def _swapped_inputs(model: onnx.ModelProto) -> None:
    first = onnx.ValueInfoProto()
    first.CopyFrom(model.graph.input[0])
    model.graph.input[0].CopyFrom(model.graph.input[1])
    model.graph.input[1].CopyFrom(first)


def _input_twice(model: onnx.ModelProto) -> None:
    model.graph.input.append(model.graph.input[0])


def _fixed_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def _larger_latent(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**40


def _symbolic_latent(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "z"


def _no_shape(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.ClearField("shape")


def _double_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def _sequence_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.sequence_type.elem_type.tensor_type.elem_type = 1


def _default_for_input(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 2), np.float32), "z"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_swapped_labels, "the file says vaeport.labels"),
        (_other_graph, "the file says vaeport.graph 'encoder_classifier', but the manifest says 'decoder'"),
        (_other_contract, "the file says vaeport.contract '9'"),
        (_other_bundle, "the file says vaeport.bundle 'mnist'"),
        (_no_shapes, "does not say vaeport.shapes"),
        (_renamed_input, "the inputs 'noise', 'class_probs', but must have 'z', 'class_probs'"),
        (_further_input, "the inputs 'z', 'class_probs', 'extra'"),
        (_swapped_inputs, "the inputs 'class_probs', 'z'"),
        (_input_twice, "the inputs 'z', 'class_probs', 'z'"),
        (_fixed_batch, "the input 'z' has the shape [1, 2], but must have [batch, 2]"),
        (_larger_latent, "the input 'z' has the shape [batch, 1099511627776]"),
        (_symbolic_latent, "the input 'z' has the shape [batch, z]"),
        (_no_shape, "the output 'image' has no shape"),
        (_double_output, "the output 'image' is double"),
        (_sequence_output, "the output 'image' is sequence"),
        (_default_for_input, "the inputs 'class_probs'"),
    ],
)
def test_graph_that_is_not_the_manifests_is_refused(change: Callable[[onnx.ModelProto], None], sentence: str) -> None:
    model = decoder()
    change(model)
    assert sentence in refused(model)
    assert sentence in refused(model, trusted=True), "the contract holds for trusted bundles too"


def test_weights_may_be_listed_as_inputs_as_old_files_do() -> None:
    model = decoder(opset=9, ir_version=3)
    for weight in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims))
    check(model)


def _branch(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [helper.make_tensor_value_info("code", 1, None)])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(helper.make_node("If", ["yes"], ["out"], "choose", then_branch=body, else_branch=body))


def _function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("own", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 18)]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node.append(helper.make_node("F", ["code"], ["out"], "call", domain="own"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(_branch, "holds a graph of its own (control flow)"), (_function, "defines functions")],
)
def test_control_flow_and_functions_need_trust(change: Callable[[onnx.ModelProto], None], sentence: str) -> None:
    model = decoder()
    change(model)
    assert sentence in refused(model)
    check(model, trusted=True)


def _custom_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Gelu", ["code"], ["out"], "own", domain="com.microsoft"))


def _custom_import(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _custom_in_branch(model: onnx.ModelProto) -> None:
    node = helper.make_node("Gelu", ["code"], ["out"], "own", domain="com.microsoft")
    body = helper.make_graph([node], "body", [], [])
    model.graph.node.append(helper.make_node("If", ["yes"], ["out"], "choose", then_branch=body, else_branch=body))


def _custom_in_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], "own", domain="com.microsoft")
    model.functions.append(helper.make_function("own", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 18)]))


def _standard_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(helper.make_function("", "Gemm", ["x"], ["y"], [node], [helper.make_opsetid("", 18)]))


@pytest.mark.parametrize(
    "change", [_custom_operator, _custom_import, _custom_in_branch, _custom_in_function, _standard_function]
)
def test_foreign_domains_are_refused_even_if_trusted(change: Callable[[onnx.ModelProto], None]) -> None:
    model = decoder()
    change(model)
    refused(model)
    assert "domain" in refused(model, trusted=True)


def test_standard_domain_may_be_imported_once_under_either_name() -> None:
    model = decoder()
    model.opset_import[0].domain = "ai.onnx"
    check(model)
    model.opset_import.append(helper.make_opsetid("", 18))
    assert "imports the standard operators 2 times" in refused(model)
    del model.opset_import[:]
    assert "imports the standard operators 0 times" in refused(model)


@pytest.mark.parametrize(
    "operator",
    [
        *("If", "Loop", "Scan", "RandomNormal", "RandomUniformLike", "Multinomial", "Bernoulli", "SequenceAt"),
        *("Optional", "StringConcat", "RegexFullMatch", "TfIdfVectorizer", "ImageDecoder", "NonZero", "Compress"),
        *("Unique", "Made up"),
    ],
)
def test_operator_off_the_list_is_refused(operator: str) -> None:
    model = decoder()
    model.graph.node.append(helper.make_node(operator, ["code"], ["out"], "odd"))
    assert f"the node 'odd' ({operator}) has an operator that is not allowed" in refused(model)


def test_names_are_made_once_and_before_use() -> None:
    model = decoder([helper.make_node("Relu", ["later"], ["now"], "early")])
    assert "the node 'early' (Relu) takes 'later', which nothing before it makes" in refused(model)
    model = decoder([helper.make_node("Relu", ["code"], ["code"], "again")])
    assert "makes 'code', which is there already" in refused(model)
    model = decoder([helper.make_node("Relu", ["code"], ["weight"], "over")])
    assert "makes 'weight', which is there already" in refused(model)
    model = decoder([helper.make_node("Relu", ["code"], ["z"], "over")])
    assert "makes 'z', which is there already" in refused(model)
    model = decoder()
    model.graph.initializer.append(model.graph.initializer[0])
    assert "the weight 'weight' twice" in refused(model)
    model = decoder()
    del model.graph.node[-1]
    assert "the output 'image' is made by no node" in refused(model)


def test_tensors_are_not_said_to_be_anything_else() -> None:
    model = decoder()
    value = model.graph.value_info.add(name="code")
    value.type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
    assert "says that 'code' is a sequence; a graph holds tensors only" in refused(model)


def test_weight_of_text_is_refused() -> None:
    model = decoder()
    model.graph.initializer.append(numpy_helper.from_array(np.array(["x"], object), "words"))
    assert "the weight 'words' has the element type string" in refused(model)


def test_answer_of_another_shape_is_refused() -> None:
    first_row = {"start": np.array([0]), "end": np.array([1])}
    cut = helper.make_node("Slice", ["code", "start", "end", "start"], ["first"], "cut")
    assert "answers 'image' as float [1, 1, 4, 4] to a batch of 256" in refused(
        decoder([cut], first_row, feeds="first")
    )
    twice = helper.make_node("Concat", ["code", "code"], ["both"], "twice", axis=0)
    assert "answers 'image' as float [2, 1, 4, 4] to a batch of 1," in refused(decoder([twice], feeds="both"))


def test_answer_of_another_type_is_refused() -> None:
    model = decoder()
    model.graph.node[-1].output[0] = "picture"
    model.graph.node.append(helper.make_node("Cast", ["picture"], ["image"], to=TensorProto.DOUBLE))
    assert "answers 'image' as double" in refused(model)


def test_batch_that_costs_too_much_runs_in_pieces() -> None:
    """2^19 elements a row: 256 rows of them would be too much to hold, a few are not."""
    nodes = [
        helper.make_node("Unsqueeze", ["code", "axis"], ["narrow"], "narrow"),
        helper.make_node("Expand", ["narrow", "wide"], ["large"], "large"),
        helper.make_node("ReduceMean", ["large", "axis"], ["small"], "small", keepdims=0),
    ]
    model = decoder(nodes, {"axis": np.array([2]), "wide": np.array([1, 1, 100_000])}, feeds="small")
    found = check(model)
    assert found.row_elements == 500_000
    assert 1 < found.rows < 256
    found.check_rows(found.rows)
    with pytest.raises(BundleError, match="the limit is"):
        found.check_rows(256)


def test_row_that_costs_too_much_is_refused() -> None:
    nodes = [
        helper.make_node("Unsqueeze", ["code", "axis"], ["narrow"], "narrow"),
        helper.make_node("Expand", ["narrow", "wide"], ["large"], "large"),
        helper.make_node("ReduceMean", ["large", "axis"], ["small"], "small", keepdims=0),
    ]
    wide = np.array([1, 1, limits.MAX_ROW_ELEMENTS])
    sentence = refused(decoder(nodes, {"axis": np.array([2]), "wide": wide}, feeds="small"))
    assert "the node 'large' (Expand) brings the graph to 167772160 elements in one tensor" in sentence


def test_batch_that_is_cut_in_the_middle_is_run_for_every_size() -> None:
    """The slice [-10:20] of the batch is empty for one row too few and many, and longest between: nothing is steady."""
    nodes = [
        helper.make_node("Slice", ["code", "start", "end", "first"], ["some"], "cut"),
        helper.make_node("Unsqueeze", ["some", "axis"], ["narrow"], "narrow"),
        helper.make_node("Expand", ["narrow", "wide"], ["large"], "large"),
        helper.make_node("ReduceMean", ["large", "all"], ["number"], "number", keepdims=0),
        helper.make_node("Add", ["code", "number"], ["sum"], "sum"),
    ]
    weights = {
        "start": np.array([-10]),
        "end": np.array([20]),
        "first": np.array([0]),
        "axis": np.array([2]),
        "all": np.array([0, 1, 2]),
        "wide": np.array([1, 1, 2_500_000]),
    }
    found = check(decoder(nodes, weights, feeds="sum"))
    assert not found.steady
    found.check_rows(2)
    with pytest.raises(BundleError, match="the limit is"):
        found.check_rows(15)
    found.check_rows(31)


def test_shape_operators_are_followed_for_every_batch() -> None:
    nodes = [
        helper.make_node("Shape", ["code"], ["shape"], "shape"),
        helper.make_node("Gather", ["shape", "zero"], ["rows"], "rows"),
        helper.make_node("Concat", ["rows", "rest"], ["target"], "target", axis=0),
        helper.make_node("Reshape", ["code", "target"], ["same"], "same"),
    ]
    found = check(decoder(nodes, {"zero": np.array([0]), "rest": np.array([5])}, feeds="same"))
    assert not found.steady
    for rows in (1, 2, 7, 255, 256, 1000):
        found.check_rows(rows)


def test_graph_that_fails_for_one_batch_only_is_refused_there() -> None:
    """A range of as many numbers as rows, added to a table of seven: it fits seven rows, one row, and no others."""
    nodes = [
        helper.make_node("Shape", ["code"], ["shape"], "shape"),
        helper.make_node("Gather", ["shape", "zero"], ["rows"], "rows"),
        helper.make_node("Div", ["rows", "seven"], ["sevenths"], "sevenths"),
        helper.make_node("Mul", ["sevenths", "large"], ["size"], "size"),
        helper.make_node("Expand", ["one", "size"], ["filled"], "fill"),
        helper.make_node("ReduceMean", ["filled", "zero"], ["mean"], "mean", keepdims=0),
        helper.make_node("Add", ["code", "mean"], ["sum"], "sum"),
    ]
    weights = {
        "zero": np.array([0]),
        "seven": np.array([7]),
        "large": np.array([2**27]),
        "one": np.array([1.0], np.float32),
    }
    found = check(decoder(nodes, weights, feeds="sum"), rows=4)
    found.check_rows(6)
    with pytest.raises(BundleError, match=r"the node 'fill' \(Expand\) brings the graph to 134217728 elements"):
        found.check_rows(7)


def test_trusted_graph_is_not_followed() -> None:
    nodes = [helper.make_node("NonZero", ["code"], ["places"], "places")]
    found = check(decoder(nodes), trusted=True)
    assert found.row_elements == 0
    found.check_rows(10**9)
