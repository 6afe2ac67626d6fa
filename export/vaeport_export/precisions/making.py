"""Make the lower precisions of a bundle that is being built: each is written only if it keeps its gate."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import ModelProto

from vaeport.bundle.golden import Golden
from vaeport.contract import FP32, GRAPHS, Shapes, Tolerance
from vaeport.errors import InputError

from ..bundle.original import Original
from ..bundle.probes import Inputs
from ..bundle.standard_case import write_test_case
from ..graph.adoption import opset_of
from ..graph.checking import check_graph
from ..graph.running import Answers, onnxruntime_answers
from ..options import PRECISIONS
from .bounds import lower_tolerances
from .fp16 import to_half
from .gates import GATES, PrecisionFigures, chained, judge, missed
from .int8 import to_int8, to_int8_like
from .material import Material


def chosen_precisions(text: str) -> tuple[str, ...]:
    """Names of precisions, given with commas between, in the order of `PRECISIONS`; none for an empty text.

    Raises:
        InputError: no such precision.
    """
    names = {name.strip() for name in text.split(",")} if text else set()
    if unknown := sorted(names - set(PRECISIONS)):
        raise InputError(f"unknown precision {unknown[0]!r}; beside fp32 there are {', '.join(PRECISIONS)}")
    return tuple(name for name in PRECISIONS if name in names)


def convert(content: bytes, precision: str, inputs: Inputs) -> bytes:
    """A graph in a lower precision.

    Args:
        content: an ONNX file in float32.
        precision: one of `PRECISIONS`.
        inputs: what ranges are measured on where the precision needs them, float32 [N, ...] by input name.

    Returns:
        An ONNX file with the inputs, outputs and metadata of the given one; the same arguments give the same bytes.
    """
    return _described(to_half(content) if precision == "fp16" else to_int8(content, inputs), content)


def convert_like(content: bytes, precision: str, made: bytes) -> bytes:
    """A graph in a lower precision, made anew to be held against one that claims to be made of it.

    Args:
        content: an ONNX file in float32.
        precision: one of `PRECISIONS`.
        made: the file in question; the ranges of its activations are taken from it, for only the images that they were
            measured on could tell them.
    """
    if precision == "fp16":
        return _described(to_half(content), content)
    return _described(to_int8_like(content, onnx.load_model_from_string(made)), content)


def _described(model: ModelProto, content: bytes) -> bytes:
    _describe_as(model, onnx.load_model_from_string(content))
    made: bytes = model.SerializeToString(deterministic=True)
    return made


def _describe_as(model: ModelProto, original: ModelProto) -> None:
    """What the converters dropped or added beside the graph: meanings of axes, notes to themselves, inferred shapes."""
    model.producer_name, model.producer_version = original.producer_name, original.producer_version
    for mine, theirs, fields in (
        (model, original, ("metadata_props",)),
        (model.graph, original.graph, ("input", "output", "value_info")),
    ):
        for field in fields:
            mine.ClearField(field)
            getattr(mine, field).extend(getattr(theirs, field))


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
    original: Original,
    golden: Golden,
    material: Material,
    *,
    shapes: Shapes,
    progress: Callable[[str], None],
) -> Iterator[LowerPrecision]:
    """Write graphs and test cases of each precision that keeps its gate.

    Args:
        stage: folder of the bundle, whose float32 graphs are written.
        names: of `PRECISIONS`.
        original: the networks.
        golden: golden inputs.
        material: images to calibrate and judge on.
        shapes: sizes of the tensors.
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
            check_graph(content, GRAPHS[graph], shapes, opset=opset_of(full[graph]))
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
        yield LowerPrecision(name, figures, "", lower_tolerances(original, graphs, golden, shapes), answers)
