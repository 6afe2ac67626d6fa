"""Make the lower precisions of a bundle that is being built: each is written only if it keeps its gate."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vaeport.contract import FP32, GRAPHS
from vaeport.golden import Golden
from vaeport.manifest import Tolerance
from vaeport_train.checkpoint import Checkpoint

from ..answers import Answers, onnxruntime_answers
from ..onnx_file import check_graph
from ..testcase import write_test_case
from .bounds import lower_tolerances
from .conversion import convert
from .gates import GATES, PrecisionFigures, chained, judge, missed
from .material import Material


@dataclass(frozen=True)
class LowerPrecision:
    """What became of one precision."""

    name: str
    """`fp16` or `int8`."""
    figures: PrecisionFigures
    """What it costs."""
    missed: str
    """Which bound it does not keep, in words; empty where it was written."""
    tolerances: dict[str, dict[str, Tolerance]]
    """By graph and output; empty where it was not written."""
    answers: dict[str, Answers]
    """To the golden inputs, by graph; empty where it was not written."""


def make_precisions(
    stage: Path,
    names: Sequence[str],
    checkpoint: Checkpoint,
    golden: Golden,
    material: Material,
    *,
    opset: int,
    progress: Callable[[str], None],
) -> Iterator[LowerPrecision]:
    """Write graphs and test cases of each precision that keeps its gate.

    Args:
        stage: folder of the bundle, whose float32 graphs are written.
        names: of `PRECISIONS`.
        checkpoint: the network.
        golden: golden inputs.
        material: images to calibrate and judge on.
        opset: of the float32 graphs.
        progress: called with the name of each step.

    Raises:
        CheckFailedError: what came out does not keep the contract.
    """
    full = {graph: (stage / spec.file(FP32)).read_bytes() for graph, spec in GRAPHS.items()}
    progress("fp32 on the images to judge on")
    yardstick = chained(full, material)
    for name in names:
        progress(f"precision: {name}")
        graphs = {graph: convert(content, name, material.calibration[graph]) for graph, content in full.items()}
        for graph, content in graphs.items():
            check_graph(content, GRAPHS[graph], checkpoint.record.shapes, opset=opset)
        figures = judge(chained(graphs, material), yardstick, material)
        if problem := missed(figures, GATES[name]):
            yield LowerPrecision(name, figures, problem, {}, {})
            continue
        answers = {}
        for graph, content in graphs.items():
            file = stage / GRAPHS[graph].file(name)
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
            inputs = golden.inputs(graph)
            answers[graph] = onnxruntime_answers(content, graph, inputs, optimised=False)
            write_test_case(file.parent, graph, inputs, answers[graph])
        yield LowerPrecision(name, figures, "", lower_tolerances(checkpoint, graphs, golden), answers)
