import hashlib
import json
import os
import site
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto, TensorProto

from tests.export.material import Opened
from vaeport.contract import GRAPHS
from vaeport.errors import InputError
from vaeport_export.graph.onnx_file import GraphDescription, export_graph

SIGNATURES = {
    "encoder_classifier": {
        "inputs": {"image": ["batch", 1, 28, 28]},
        "outputs": {"z_mean": ["batch", 4], "z_logvar": ["batch", 4], "class_probs": ["batch", 10]},
    },
    "decoder": {
        "inputs": {"z": ["batch", 4], "class_probs": ["batch", 10]},
        "outputs": {"image": ["batch", 1, 28, 28]},
    },
}
"""The table of docs/contract.md for 28 x 28 digits and four latent dimensions."""

IR_OF_OPSET = {18: 8, 20: 9, 23: 11}
"""Lowest IR version that onnx's own version table (docs/Versioning.md) gives an opset."""

pytestmark = pytest.mark.parametrize("graph", list(GRAPHS))


def description(subject: Opened) -> GraphDescription:
    manifest = subject.bundle.manifest
    return GraphDescription(manifest.name, manifest.labels, manifest.shapes)


def exported_again(subject: Opened, graph: str, *, opset: int = 18) -> bytes:
    return export_graph(subject.module(graph), graph, description(subject), opset=opset)


def parsed(subject: Opened, graph: str) -> ModelProto:
    return onnx.load_model_from_string(subject.onnx(graph))


def sizes(value: onnx.ValueInfoProto) -> list[str | int]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def test_inputs_and_outputs_are_the_contracts(graph: str, narrow: Opened) -> None:
    model = parsed(narrow, graph).graph

    assert list(SIGNATURES[graph]["inputs"].items()) == [(value.name, sizes(value)) for value in model.input]
    assert list(SIGNATURES[graph]["outputs"].items()) == [(value.name, sizes(value)) for value in model.output]
    types = {value.type.tensor_type.elem_type for value in (*model.input, *model.output)}
    assert types == {TensorProto.FLOAT}


@pytest.mark.parametrize("opset", [18, 20, 23])
def test_opset_and_ir_version_are_those_asked_for(opset: int, graph: str, narrow: Opened) -> None:
    model = onnx.load_model_from_string(exported_again(narrow, graph, opset=opset))

    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert model.ir_version == IR_OF_OPSET[opset]


@pytest.mark.parametrize("opset", [17, 24, 0, -1])
def test_opset_that_is_not_offered_is_refused(opset: int, graph: str, narrow: Opened) -> None:
    with pytest.raises(InputError, match=f"opset is {opset}, but must be from 18 to 23"):
        exported_again(narrow, graph, opset=opset)


def test_file_names_no_path_of_this_machine(graph: str, narrow: Opened) -> None:
    content = narrow.onnx(graph)
    places = [str(Path.cwd()), str(Path.home()), sys.prefix, *site.getsitepackages(), "site-packages", ".py", "torch/"]

    assert [place for place in places if place.encode() in content] == []


def test_file_names_no_build_of_torch(graph: str, narrow: Opened) -> None:
    """`2.9.0+cpu` on one machine is `2.9.0+cu128` on another, and the bytes shall be the same."""
    assert "+" not in parsed(narrow, graph).producer_version


def test_weights_are_inside_the_file(graph: str, narrow: Opened) -> None:
    weights = parsed(narrow, graph).graph.initializer

    assert {tensor.data_location for tensor in weights} == {TensorProto.DEFAULT}
    assert all(tensor.external_data == [] for tensor in weights)
    assert [path.name for path in (narrow.bundle.path / "fp32" / graph).iterdir() if path.is_file()] == ["model.onnx"]


def test_metadata_describes_the_graph(graph: str, narrow: Opened) -> None:
    metadata = {entry.key: entry.value for entry in parsed(narrow, graph).metadata_props}

    shapes = {**SIGNATURES[graph]["inputs"], **SIGNATURES[graph]["outputs"]}
    assert json.loads(metadata.pop("vaeport.labels")) == list("0123456789")
    assert json.loads(metadata.pop("vaeport.shapes")) == shapes
    assert metadata == {
        "vaeport.contract": "1",
        "vaeport.bundle": "narrow",
        "vaeport.graph": graph,
        "Image.BitmapPixelFormat": "Gray8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "Normalized_0_1",
    }


def test_image_is_denoted_as_the_standard_has_it(graph: str, narrow: Opened) -> None:
    model = parsed(narrow, graph).graph

    denoted = {value.name for value in (*model.input, *model.output) if value.type.denotation == "IMAGE"}
    assert denoted == {"image"}


def test_documentation_names_graph_bundle_and_tensors(graph: str, narrow: Opened) -> None:
    words = parsed(narrow, graph).doc_string

    assert all(name in words for name in (graph, "narrow", *GRAPHS[graph].inputs, *GRAPHS[graph].outputs))


def test_nothing_of_the_exporters_notes_is_left(graph: str, narrow: Opened) -> None:
    model = parsed(narrow, graph).graph

    assert len(model.value_info) == 0
    parts = (model, *model.node, *model.input, *model.output, *model.initializer)
    assert not any(part.metadata_props or part.doc_string for part in parts)


def test_same_checkpoint_gives_the_same_bytes_again(graph: str, narrow: Opened) -> None:
    assert exported_again(narrow, graph) == narrow.onnx(graph)


def test_another_process_gives_the_same_bytes(graph: str, narrow: Opened, tmp_path: Path) -> None:
    program = (
        "import sys, hashlib\n"
        "from tests.export.material import Opened, opened\n"
        "from tests.export.test_onnx_file import exported_again\n"
        "print(hashlib.sha256(exported_again(opened(sys.argv[1]), sys.argv[2])).hexdigest())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": "7"}

    done = subprocess.run(
        [sys.executable, "-c", program, narrow.bundle.path, graph],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == hashlib.sha256(narrow.onnx(graph)).hexdigest()


def test_export_leaves_the_network_as_it_was(graph: str, narrow: Opened) -> None:
    before = {name: tensor.clone() for name, tensor in narrow.original.weights.items()}

    exported_again(narrow, graph)

    after = narrow.original.weights
    assert all(tensor.equal(after[name]) for name, tensor in before.items())
    assert not narrow.module(graph).training
