"""A small subject whose references are formulas: what is asked of a backend, and right answers to spoil."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.contract import Tolerance
from vaeport_parity.asking.steps import Plan, Step, make_plan
from vaeport_parity.judging.bounds import Bounds
from vaeport_parity.judging.measurement import Measured, measure
from vaeport_parity.judging.report import Row
from vaeport_parity.reference.base import NoPlainSumsError, Precision
from vaeport_parity.running.execution import Outcome
from vaeport_parity.subjects.subject import Chain, Graph, InputSet, Subject
from vaeport_parity.subjects.tensors import Arrays, TensorSpec

ROWS = 9


class Formula:
    """A reference that computes in numpy, in float32 or in float64."""

    words = "a formula"
    any_inputs = True

    def __init__(self, of: Callable[[Arrays], Arrays], *, has_noise: bool = True, plain: bool = False) -> None:
        self._of = of
        self._plain = plain
        self.has_noise = has_noise

    def answers(self, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:
        """As `Reference.answers`."""
        if plain and not self._plain:
            raise NoPlainSumsError
        wide = np.float64 if precision == "float64" else np.float32
        return self._of({name: values.astype(wide) for name, values in inputs.items()})


def thirds(inputs: Arrays) -> Arrays:
    """A third of each number; the first numbers of a row as scores of two classes; which is larger."""
    y = inputs["x"] / inputs["x"].dtype.type(3)
    return {"y": y, "scores": y[:, :2], "best": y[:, :2].argmax(axis=1)}


def numbers(rows: int, *, scale: float = 1.0, seed: int = 0) -> NDArray[np.float32]:
    """Float32 [rows, 3] that no float32 can be a third of."""
    return (np.random.default_rng(seed).uniform(1, 2, (rows, 3)) * scale).astype(np.float32)


def graph(name: str = "graph", of: Callable[[Arrays], Arrays] = thirds, **changes: Any) -> Graph:
    """A graph with three outputs: float, scores of classes, integers."""
    fields: dict[str, Any] = {
        "content": b"",
        "file": f"{name}.onnx",
        "inputs": (TensorSpec("x", "float32", ("batch", 3)),),
        "outputs": (
            TensorSpec("y", "float32", ("batch", 3)),
            TensorSpec("scores", "float32", ("batch", 2)),
            TensorSpec("best", "int64", ("batch",)),
        ),
        "reference": Formula(of),
        "scores": frozenset({"scores"}),
    }
    return Graph(name, **{**fields, **changes})


def probes(rows: int = ROWS, name: str = "probes", on: str = "graph", **changes: Any) -> InputSet:
    """An input set that is cut into all batch sizes."""
    return InputSet(name, on, {"x": numbers(rows)}, **{"cuts": "sizes", **changes})


def planned(*sets: InputSet, graphs: tuple[Graph, ...] = (), chain: Chain | None = None, timed: bool = False) -> Plan:
    """What is asked about one graph, or about several and their chain."""
    return make_plan(Subject("subject", graphs or (graph(),), sets or (probes(),), chain), timed=timed)


def answered(plan: Plan) -> Outcome:
    """What a backend says that answers as the native reference does; copies, to be changed at will."""
    return Outcome(
        "1",
        answers={
            index: {name: values.copy() for name, values in plan.expected(step).native.items()}
            for index, step in enumerate(plan.steps)
            if step.kind != "time"
        },
    )


def index_of(plan: Plan, start: int, stop: int, inputs: str = "probes", kind: str = "run", graph: str = "graph") -> int:
    """Index of a step."""
    return plan.steps.index(Step(graph, inputs, start, stop, kind))


def measured(plan: Plan, outcome: Outcome, *, empty_batch: bool = True) -> Measured:
    """What is made of the answers."""
    return measure("backend", outcome, plan, Bounds(plan), empty_batch=empty_batch)


def row(found: Measured, output: str) -> Row:
    """The row of an output."""
    return next(each for each in found.rows if each.output == output)


def bound(floor: float, most: float) -> Tolerance:
    """A bound and its noise floor."""
    return Tolerance(max_abs=most, noise_floor=floor)
