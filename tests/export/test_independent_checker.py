"""NVIDIA's Polygraphy, which knows nothing of vaeport, comes to the same verdict on intact and on broken bundles."""

from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import ModelProto

from tests.export.material import compared, edit_onnx, opened, sealed_again
from tests.export.test_mutations import change_a_weight, drop_the_last_sigmoid, softmax_over_the_batch
from vaeport.bundle.golden import parse_golden
from vaeport.contract import GRAPHS

pytest.importorskip("polygraphy", reason="Polygraphy is not installed")


def polygraphy_agrees(bundle: Path, graph: str) -> bool:
    """Whether Polygraphy finds the golden answers of PyTorch in onnxruntime's, within the manifest's tolerances."""
    from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx
    from polygraphy.comparator import Comparator, RunResults, SimpleCompareFunc

    opened_bundle = opened(bundle).bundle
    golden = parse_golden(opened_bundle.read("golden.npz"), opened_bundle.manifest.shapes)
    session = SessionFromOnnx(opened_bundle.read(GRAPHS[graph].file("fp32")), providers=["cpu"])
    results: RunResults = Comparator.run([OnnxrtRunner(session, name="ort")], data_loader=[golden.inputs(graph)])
    results.add([golden.answers[graph]["float32"]], runner_name="torch")
    allowed = {name: one.max_abs for name, one in opened_bundle.manifest.tolerances["fp32"][graph].items()}
    compare = SimpleCompareFunc(atol=allowed, rtol=0, check_error_stat="max")
    return bool(Comparator.compare_accuracy(results, compare_func=compare))


@pytest.mark.parametrize("graph", list(GRAPHS))
@pytest.mark.parametrize("bundle", ["narrow", "blog"])
def test_intact_bundle_passes_there_too(bundle: str, graph: str, bundles: Path) -> None:
    assert polygraphy_agrees(bundles / bundle, graph)


@pytest.mark.parametrize(
    ("graph", "change"),
    [
        ("decoder", change_a_weight),
        ("decoder", drop_the_last_sigmoid),
        ("encoder_classifier", softmax_over_the_batch),
    ],
)
def test_defect_fails_there_too(graph: str, change: Callable[[ModelProto], None], copy: Path) -> None:
    edit_onnx(copy, graph, change)

    broken = sealed_again(copy)

    assert not polygraphy_agrees(broken, graph)
    assert not compared(broken, "onnxruntime-all").holds
