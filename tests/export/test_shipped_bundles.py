"""The shipped bundles travel with programs that export to their very graphs."""

import pytest

from vaeport.bundle.opening import open_bundle, shipped_bundles
from vaeport.contract import GRAPHS
from vaeport_export.bundle.original import read_original
from vaeport_export.graph.onnx_file import GraphDescription, export_graph
from vaeport_export.modules.capture import captured
from vaeport_export.modules.vae import PREFIX, graph_modules
from vaeport_train.running.trained import sealed_checkpoint

pytestmark = [
    pytest.mark.parametrize("graph", list(GRAPHS)),
    pytest.mark.parametrize("name", ["mnist", "mnist-blog"]),
]


def test_program_exports_to_the_bytes_of_the_graph(name: str, graph: str) -> None:
    bundle = open_bundle(shipped_bundles()[name])
    manifest = bundle.manifest
    description = GraphDescription(manifest.name, manifest.labels, manifest.shapes)

    content = export_graph(read_original(bundle).module(graph), graph, description)

    assert content == bundle.read(GRAPHS[graph].file("fp32"))


def test_program_is_the_one_that_the_run_s_networks_are_captured_to(name: str, graph: str) -> None:
    bundle = open_bundle(shipped_bundles()[name])
    module = graph_modules(sealed_checkpoint(bundle).network)[graph]

    program, weights = captured(module, graph, bundle.manifest.shapes)

    kept = read_original(bundle).programs[graph]
    assert kept.nodes == program.nodes
    assert kept.keys == {path: path.removeprefix(PREFIX) for path in weights}
