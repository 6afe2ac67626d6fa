"""The shipped graphs pass, read as onnx reads them, and every predicted shape is the one that onnxruntime makes."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from vaeport.bundle.manifest import Manifest, parse_manifest
from vaeport.contract import GRAPHS, MANIFEST_FILE
from vaeport.graph.checking import CheckedGraph, check_graph
from vaeport.graph.reading import read_model

ROOT = Path(__file__).parents[3]
BUNDLES = [ROOT / "models/mnist", ROOT / "models/mnist-blog", ROOT / "tests/runtime/tiny"]


def manifest_of(bundle: Path) -> Manifest:
    return parse_manifest((bundle / MANIFEST_FILE).read_bytes())


CASES = [
    pytest.param(bundle, precision, graph, id=f"{bundle.name}-{precision}-{graph}")
    for bundle in BUNDLES
    for precision in manifest_of(bundle).precisions
    for graph in GRAPHS
]
shipped = pytest.mark.parametrize(("bundle", "precision", "graph"), CASES)


def content_of(bundle: Path, precision: str, graph: str) -> bytes:
    return (bundle / GRAPHS[graph].file(precision)).read_bytes()


def checked(bundle: Path, precision: str, graph: str) -> CheckedGraph:
    manifest, content = manifest_of(bundle), content_of(bundle, precision, graph)
    return check_graph(
        content, GRAPHS[graph], bundle=manifest.name, labels=manifest.labels, shapes=manifest.shapes, rows=256
    )


@shipped
def test_shipped_graph_passes_for_all_batches_at_once(bundle: Path, precision: str, graph: str) -> None:
    found = checked(bundle, precision, graph)
    assert found.rows == 256
    assert found.steady, "no shipped graph computes shapes: two runs hold for all batches"
    largest_output = max(np.prod(manifest_of(bundle).shapes.row(name)) for name in GRAPHS[graph].outputs)
    assert largest_output <= found.row_elements < 20_000


@shipped
def test_predicted_shapes_are_onnxruntimes(bundle: Path, precision: str, graph: str) -> None:
    found, shapes = checked(bundle, precision, graph), manifest_of(bundle).shapes
    assert found.plan is not None
    model = onnx.load_from_string(content_of(bundle, precision, graph))
    outputs = {output.name for output in model.graph.output}
    for node in model.graph.node:
        for name in set(node.output) - outputs:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {name: np.full((3, *shapes.row(name)), 0.5, np.float32) for name in GRAPHS[graph].inputs}
    predicted = found.plan.run({name: feed.shape for name, feed in feeds.items()}, 3).tensors
    for output, answer in zip(session.get_outputs(), session.run(None, feeds), strict=True):
        assert predicted[output.name].shape == answer.shape, output.name


@shipped
def test_reader_agrees_with_onnx(bundle: Path, precision: str, graph: str) -> None:
    content = content_of(bundle, precision, graph)
    ours, theirs = read_model(content), onnx.load_from_string(content)
    assert ours.ir_version == theirs.ir_version
    assert ours.opsets == tuple((opset.domain, opset.version) for opset in theirs.opset_import)
    assert ours.metadata == {entry.key: entry.value for entry in theirs.metadata_props}
    for node, other in zip(ours.graph.nodes, theirs.graph.node, strict=True):
        assert (node.op_type, node.domain, node.name) == (other.op_type, other.domain, other.name)
        assert node.inputs == tuple(other.input)
        assert node.outputs == tuple(other.output)
        assert set(node.attributes) == {attribute.name for attribute in other.attribute}
        for attribute in other.attribute:
            if attribute.type in (attribute.INT, attribute.INTS, attribute.FLOAT, attribute.STRING):
                value = onnx.helper.get_attribute_value(attribute)
                assert node.attributes[attribute.name].value == (tuple(value) if isinstance(value, list) else value)
    for tensor, proto in zip(ours.graph.initializers, theirs.graph.initializer, strict=True):
        assert (tensor.name, tensor.dtype, tensor.dims) == (proto.name, proto.data_type, tuple(proto.dims))
        assert tensor.raw is None or tensor.raw.tobytes() == proto.raw_data
        np.testing.assert_array_equal(tensor.values(), onnx.numpy_helper.to_array(proto))
    for value, info in zip(
        ours.graph.inputs + ours.graph.outputs, [*theirs.graph.input, *theirs.graph.output], strict=True
    ):
        dims = info.type.tensor_type.shape.dim
        assert (value.name, value.dtype) == (info.name, info.type.tensor_type.elem_type)
        assert value.shape == tuple(dim.dim_param or dim.dim_value for dim in dims)
