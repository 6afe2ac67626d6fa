"""What reading a graph's file shows."""

import numpy as np
import pytest
from onnx import ModelProto, helper, numpy_helper

from tests.parity.judging.plans import graph, probes
from vaeport_parity.judging.report import Finding
from vaeport_parity.reading.preflight import host_path, preflight
from vaeport_parity.subjects.subject import Subject


def _model(
    *nodes: tuple[str, list[str], str], ir: int = 8, opset: int = 18, domains: tuple[str, ...] = ("",)
) -> ModelProto:
    x, y = (helper.make_tensor_value_info(name, 1, ["batch", 3]) for name in "xy")
    made = [helper.make_node(kind, inputs, ["y"], domain=domain) for kind, inputs, domain in nodes]
    imports = [helper.make_opsetid(domain, opset if domain in ("", "ai.onnx") else 99) for domain in domains]
    return helper.make_model(helper.make_graph(made, "g", [x], [y]), opset_imports=imports, ir_version=ir)


def _found(model: ModelProto) -> list[Finding]:
    given = graph(content=model.SerializeToString(), file="given.onnx")
    return preflight(Subject("subject", (given,), (probes(),)))


@pytest.mark.parametrize(
    ("ir", "opset", "reach"),
    [
        (8, 18, "loads from onnxruntime 1.14 on"),
        (8, 19, "loads from onnxruntime 1.16 on"),
        (9, 18, "loads from onnxruntime 1.16 on"),
        (9, 20, "loads from onnxruntime 1.17 on"),
        (10, 20, "loads from onnxruntime 1.20 on"),
        (10, 21, "loads from onnxruntime 1.20 on"),
        (10, 22, "loads from onnxruntime 1.22 on"),
        (11, 22, "loads from onnxruntime 1.23 on"),
        (8, 23, "loads from onnxruntime 1.23 on"),
        (9, 19, "loads from onnxruntime 1.16 on"),
        (8, 20, "loads from onnxruntime 1.17 on"),
        (9, 21, "loads from onnxruntime 1.20 on"),
        (9, 22, "loads from onnxruntime 1.22 on"),
        (10, 23, "loads from onnxruntime 1.23 on"),
        (11, 18, "loads from onnxruntime 1.23 on"),
        (11, 21, "loads from onnxruntime 1.23 on"),
        (8, 24, "loads from onnxruntime 1.27 on"),
        (13, 18, "loads from onnxruntime 1.27 on"),
        (12, 18, "loads from onnxruntime 1.27 on"),
        (13, 26, "loads from onnxruntime 1.27 on"),
        (14, 18, "no onnxruntime known here loads it"),
        (8, 27, "no onnxruntime known here loads it"),
    ],
)
def test_reach_goes_by_ir_version_and_opset(ir: int, opset: int, reach: str) -> None:
    model = _model(("Relu", ["x"], ""), ir=ir, opset=opset)

    assert _found(model) == [Finding("given.onnx", f"IR {ir}, opset {opset}: {reach}", wrong=False)]


@pytest.mark.parametrize("domains", [("foreign", "ai.onnx"), ("", "foreign")])
def test_opset_is_the_standard_domain_s(domains: tuple[str, ...]) -> None:
    assert _found(_model(("Relu", ["x"], domains[0] if domains[0] == "" else "ai.onnx"), domains=domains))[
        0
    ].text.startswith("IR 8, opset 18:")


def test_graph_without_an_opset_has_the_first() -> None:
    assert _found(_model(("Relu", ["x"], ""), domains=()))[0].text.startswith("IR 8, opset 1:")


def test_random_operator_is_a_fault() -> None:
    fault, remark = _found(_model(("RandomNormalLike", ["x"], "")))

    assert (fault.subject, fault.wrong, remark.wrong) == ("given.onnx", True, False)
    assert fault.text == "node 'y' is a RandomNormalLike: the graph is not deterministic"


@pytest.mark.parametrize(("inputs", "faults"), [(["x"], 0), (["x", "r"], 0), (["x", "r", ""], 0), (["x", "r", "t"], 1)])
def test_dropout_is_one_where_it_has_a_training_mode(inputs: list[str], faults: int) -> None:
    assert sum(each.wrong for each in _found(_model(("Dropout", inputs, "")))) == faults


def test_operators_of_other_domains_are_told_once_in_order() -> None:
    names = ["Six", "Two", "Nine", "One", "Ten", "Four", "Five"]
    nodes = [(name, ["x"], "b.org") for name in [*names, "Two"]] + [("Zag", ["x"], "a.org"), ("Relu", ["x"], "ai.onnx")]

    *_, remark = _found(_model(*nodes))

    listed = ", ".join(["a.org.Zag", *(f"b.org.{name}" for name in sorted(names))])
    assert remark == Finding(
        "given.onnx", f"operators outside the standard, which most backends do not have: {listed}", wrong=False
    )


@pytest.mark.parametrize(
    ("domain", "reach"),
    [
        (
            "com.microsoft",
            "loads in onnxruntime alone, and only in versions that have its own operators of com.microsoft",
        ),
        ("com.microsoft.nchwc", "loads in onnxruntime alone, and only in versions that have its own operators of"),
        ("b.org", "loads only where a runtime has the operators of b.org"),
        ("ai.onnx.ml", "loads from onnxruntime 1.14 on"),
    ],
)
def test_reach_goes_by_domains_too(domain: str, reach: str) -> None:
    assert _found(_model(("Own", ["x"], domain), domains=("", domain)))[0].text.startswith(f"IR 8, opset 18: {reach}")


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_a_fault_only_in_training(training: bool) -> None:
    model = _model(("Dropout", ["x", "", "t"], ""))
    model.graph.initializer.append(numpy_helper.from_array(np.array(training), "t"))

    assert [each.wrong for each in _found(model)] == ([True, False] if training else [False])


def test_normalisation_in_training_mode_is_a_fault() -> None:
    model = _model(("BatchNormalization", ["x", "s", "b", "m", "v"], ""))
    model.graph.node[0].attribute.append(helper.make_attribute("training_mode", 1))

    assert _found(model)[0].text.startswith("node 'y' is a BatchNormalization in training mode")


def test_choice_by_the_size_of_the_batch_is_told() -> None:
    model = _model(("Where", ["many", "x", "x"], ""))
    made = [
        helper.make_node("Shape", ["x"], ["axes"]),
        helper.make_node("Gather", ["axes", "first"], ["rows"]),
        helper.make_node("Greater", ["rows", "limit"], ["many"], name="many"),
    ]
    for place, node in enumerate(made):
        model.graph.node.insert(place, node)
    for name, value in (("first", 0), ("limit", 64)):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), name))

    told = _found(model)[1]

    assert told == Finding(
        "given.onnx", "node 'y' (Where) chooses by the size of the batch or the number of a row", wrong=False
    )
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array(1, np.int64), "first"))
    assert len(_found(model)) == 1  # the second axis is no batch


def test_functions_of_the_file_itself_are_not_foreign() -> None:
    model = _model(("Own", ["x"], "here"), domains=("", "here"))
    body = [helper.make_node("Relu", ["a"], ["b"])]
    model.functions.append(helper.make_function("here", "Own", ["a"], ["b"], body, [helper.make_opsetid("", 18)]))

    assert len(_found(model)) == 1
    model.functions[0].name = "Other"
    assert len(_found(model)) == 2


def test_path_of_the_machine_is_told() -> None:
    model = _model(("Relu", ["x"], ""))
    model.doc_string = "/home/someone/net.py"

    assert _found(model)[1].text == "it names a path of the machine that made it: /home/someone/"


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"x /root/a.b-c/d", "/root/a.b-c/"),
        (b"C:\\\\Users\\\\me", "C:\\\\Users\\\\"),
        (b"/home/", ""),
        (b"/etc/passwd/", ""),
        (b"", ""),
    ],
)
def test_path_is_found_in_bytes(content: bytes, path: str) -> None:
    assert host_path(content) == path
