from collections.abc import Callable

import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from tests.export.material import Opened
from vaeport.contract import GRAPHS
from vaeport.errors import CheckFailedError
from vaeport_export.graph.checking import check_graph

ENCODER = "encoder_classifier"


def check(subject: Opened, graph: str, change: Callable[[ModelProto], object]) -> None:
    """Check a graph after a change to its file."""
    model = onnx.load_model_from_string(subject.onnx(graph))
    change(model)
    check_graph(model.SerializeToString(), GRAPHS[graph], subject.bundle.manifest.shapes, opset=18)


def add_noise(model: ModelProto) -> None:
    """z_mean + noise, as an exporter would trace a network that samples."""
    for node in model.graph.node:
        node.output[:] = ["quiet" if name == "z_mean" else name for name in node.output]
    model.graph.node.append(helper.make_node("RandomNormalLike", ["quiet"], ["noise"], "draw"))
    model.graph.node.append(helper.make_node("Add", ["quiet", "noise"], ["z_mean"], "add"))


def fix_batch(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


def rename_batch(model: ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"


def swap_outputs(model: ModelProto) -> None:
    first, second, *rest = list(model.graph.output)
    del model.graph.output[:]
    model.graph.output.extend([second, first, *rest])


def drop_output(model: ModelProto) -> None:
    del model.graph.output[-1]


def add_input(model: ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("temperature", TensorProto.FLOAT, ["batch"]))


def make_output_double(model: ModelProto) -> None:
    for node in model.graph.node:
        node.output[:] = ["single" if name == "z_mean" else name for name in node.output]
    model.graph.node.append(helper.make_node("Cast", ["single"], ["z_mean"], "cast", to=TensorProto.DOUBLE))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def add_domain(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def set_opset(model: ModelProto) -> None:
    model.opset_import[0].version = 19


def set_ir(model: ModelProto) -> None:
    model.ir_version = 10


def break_edge(model: ModelProto) -> None:
    model.graph.node[0].input[0] = "nowhere"


@pytest.mark.parametrize("graph", list(GRAPHS))
def test_exported_graph_passes(graph: str, narrow: Opened) -> None:
    check(narrow, graph, lambda model: model)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (add_noise, "'draw' is a RandomNormalLike: sampling is the host's"),
        (fix_batch, "image is .*2, 1, 28, 28"),
        (rename_batch, "image is .*'N'"),
        (swap_outputs, "output z_logvar is .*the contract has z_mean"),
        (drop_output, "2 outputs"),
        (add_input, "2 inputs .*temperature"),
        (make_output_double, "z_mean is DOUBLE, not FLOAT"),
        (add_domain, "operator sets are .*com.example"),
        (set_opset, "operator sets are .*19.*but must be .*18"),
        (set_ir, "IR version.* 10, but must be 8"),
        (break_edge, "onnx.checker refuses"),
    ],
)
def test_graph_that_breaks_the_contract_is_refused(
    change: Callable[[ModelProto], object], complaint: str, narrow: Opened
) -> None:
    with pytest.raises(CheckFailedError, match=complaint):
        check(narrow, ENCODER, change)


def test_bytes_that_are_no_graph_are_refused(narrow: Opened) -> None:
    with pytest.raises(CheckFailedError):
        check_graph(b"no ONNX", GRAPHS[ENCODER], narrow.bundle.manifest.shapes, opset=18)
