"""Where answers first go wrong: in the file, or on the backend, and there at which node."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from vaeport.comparison import max_abs_error
from vaeport.contract import FP32, GRAPHS

from ..golden import TOLERANCE_FACTOR
from .arithmetic import reference_arithmetic
from .execution import run_once
from .file_diff import describe, file_differences, fresh_export
from .report import ParityRow
from .steps import Questions
from .subject import Subject

_ROWS = 7
_STEPS = 16  # rounding steps of a tensor's largest value that its bound is at least

Values = dict[str, NDArray[Any]]


@dataclass(eq=False)
class Locator:
    """Finds places for one bundle; what it learns of a file serves all backends."""

    subject: Subject
    """The bundle with its checkpoint."""
    asked: Questions
    """What the backends were asked."""
    folder: Path
    """A folder to work in."""
    limit: float
    """Seconds that one run of a backend may take."""
    isolated: bool
    """Whether backends run in processes of their own."""
    _files: dict[str, str] = field(default_factory=dict)

    def place(self, rows: tuple[ParityRow, ...]) -> str:
        """The first place where a backend's answers go wrong, in words; empty if all rows hold.

        The path is followed from PyTorch on: the file as the standard's own evaluator reads it, then the backend; in
        the graph, the first node whose output leaves its bound is found by bisection over truncated graphs.

        Args:
            rows: all rows of one backend.
        """
        for graph in GRAPHS:
            failing = [row for row in rows if row.graph == graph and not row.holds]
            if not failing:
                continue
            if wrong := self._file(graph):
                return f"{self.subject.file(graph)}: {wrong}"
            if _only_pixels(failing[0]):
                return f"preprocessing of {graph}: float images hold, raw pixels do not"
            if self.subject.precision != FP32:
                return f"{graph}: the file is right, the backend computes it otherwise"
            return f"{graph}, {self._node(failing[0])}"
        if any(not row.holds for row in rows):
            return "the chain: each graph holds alone"
        return ""

    def _file(self, graph: str) -> str:
        """What is wrong with a graph's file; empty if the standard's evaluator finds PyTorch's answers in it."""
        if graph not in self._files:
            self._files[graph] = self._read(graph)
        return self._files[graph]

    def _read(self, graph: str) -> str:
        model = onnx.load_model_from_string(self.subject.onnx(graph))
        one = self.asked.sets[graph, "probes"]
        tolerances = self.subject.tolerances[graph]
        sound = True
        for batch in (len(one), _ROWS, 1):
            try:
                given = {name: values[:batch] for name, values in one.inputs.items()}
                with reference_arithmetic():
                    answers = ReferenceEvaluator(model).run(list(tolerances), given)
            except Exception:  # noqa: BLE001 - the evaluator raises whatever numpy raises
                sound = False
                break
            for (name, tolerance), answer in zip(tolerances.items(), answers, strict=True):
                error = max_abs_error(np.asarray(answer), one.expected["float64"][name][:batch])
                sound = sound and error <= tolerance.max_abs
        if sound and not any(node.op_type.startswith("Random") for node in model.graph.node):
            return ""
        if self.subject.precision != FP32:
            return f"the {self.subject.precision} file: onnx's ReferenceEvaluator is as far off"
        differences = file_differences(model, fresh_export(self.subject, graph))
        if not differences:
            return "the exporter itself converts the checkpoint wrongly"
        more = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
        return differences[0] + more

    def _node(self, row: ParityRow) -> str:
        """The first node that the backend computes wrongly in a file that is right."""
        model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(self.subject.onnx(row.graph)))
        taken = sorted({row.worst_probe, *range(_ROWS - 1)})
        inputs = {name: values[taken] for name, values in self.asked.sets[row.graph, "probes"].inputs.items()}
        expected, bounds = reference_values(model, inputs), tensor_bounds(model, inputs)
        errors: dict[str, float] = {}

        def bad(tensor: str) -> bool:
            if tensor not in errors:
                errors[tensor] = self._error(row.backend, model, tensor, inputs, expected[tensor])
            return errors[tensor] > bounds[tensor]

        node = first_bad_node(model, row.output, bad)
        if node is None:
            return f"no single node; {row.output} holds in a batch of {len(taken)} with its worst row"
        error = errors[node.output[0]]
        gave = "gives no answer" if error == float("inf") else f"is off by {error:.2g}"
        return f"{describe(node)} {gave}, allowed {bounds[node.output[0]]:.2g}"

    def _error(self, backend: str, model: ModelProto, tensor: str, inputs: Values, expected: NDArray[Any]) -> float:
        """Largest error of a backend in one tensor, as the only output of the graph that leads to it."""
        part = onnx.utils.Extractor(model).extract_model(list(inputs), [tensor])
        path = self.folder / f"part-{len(list(self.folder.iterdir()))}"
        path.mkdir()
        onnx.save(part, path / "model.onnx")
        answer = run_once(
            backend,
            path / "model.onnx",
            inputs,
            {tensor: expected.shape[1:]},
            bundle=self.subject.bundle.path,
            folder=path / "job",
            limit=self.limit,
            isolated=self.isolated,
        )
        return float("inf") if answer is None else max_abs_error(answer[tensor], expected)


def _only_pixels(row: ParityRow) -> bool:
    off = {name for name, error in row.by_set.items() if error > row.tolerance}
    return off == {"pixels"}


def first_bad_node(model: ModelProto, output: str, bad: Callable[[str], bool]) -> NodeProto | None:
    """The node that makes the first bad tensor on the way to an output; None if the output is good.

    Args:
        model: the graph, with inferred shapes.
        output: a tensor of it.
        bad: whether a tensor is outside its bound, when the graph is cut off there; it is asked as seldom as can be.
    """
    if not bad(output):
        return None
    makers: dict[str, NodeProto] = {name: node for node in model.graph.node for name in node.output}
    needed = _ancestors(output, makers)
    floats = {info.name for info in (*model.graph.value_info, *model.graph.output) if _is_float(info)}
    path = [node for node in model.graph.node if node.output[0] in needed and node.output[0] in floats]
    low, high = 0, len(path) - 1
    while low < high:
        middle = (low + high) // 2
        if bad(path[middle].output[0]):
            high = middle
        else:
            low = middle + 1
    node: NodeProto = path[high]
    while True:  # a branch may have been passed over: go up as long as what the node reads is bad
        above = [makers[name] for name in node.input if name in makers and name in floats and bad(name)]
        if not above:
            return node
        node = above[0]


def reference_values(model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> Values:
    """Every tensor of a graph by name, as onnx's ReferenceEvaluator computes it."""
    with reference_arithmetic():
        values = ReferenceEvaluator(model).run(None, dict(inputs), intermediate=True)
    return {name: np.asarray(value) for name, value in values.items() if value is not None}  # type: ignore[union-attr]


def tensor_bounds(model: ModelProto, inputs: Values) -> dict[str, float]:
    """Bound on the error of every float tensor: 4 times its distance in float32 from the same graph in float64."""
    single = reference_values(model, inputs)
    double = reference_values(doubled(model), {name: values.astype(np.float64) for name, values in inputs.items()})
    bounds = {}
    for name, values in double.items():
        if name in single and values.dtype == np.float64 and values.size:
            least = _STEPS * float(np.finfo(np.float32).eps) * float(np.max(np.abs(values)))
            bounds[name] = max(TOLERANCE_FACTOR * max_abs_error(single[name], values), least)
    return bounds


def doubled(model: ModelProto) -> ModelProto:
    """The same graph in float64."""
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    for tensor in graph.initializer:
        _double(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _double(attribute.t)
            elif (node.op_type, attribute.name, attribute.i) == ("Cast", "to", TensorProto.FLOAT):
                attribute.i = TensorProto.DOUBLE
    for info in (*graph.input, *graph.output, *graph.value_info):
        if _is_float(info):
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    return copy


def _double(tensor: TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def _is_float(info: ValueInfoProto) -> bool:
    return bool(info.type.tensor_type.elem_type == TensorProto.FLOAT)


def _ancestors(tensor: str, makers: Mapping[str, NodeProto]) -> set[str]:
    """The tensor and all that it is computed from."""
    found, open_names = set(), [tensor]
    while open_names:
        name = open_names.pop()
        if name in makers and name not in found:
            found |= set(makers[name].output)
            open_names += makers[name].input
    return found
