"""Inside a node: functions and branches as they were computed, loops and scans at their first turn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, helper

from .departure import Departure, Search
from .graph_run import GraphRun, captured_by
from .tensors import difference
from .yardstick import yardstick_of

_LEFT = 0.2  # of the error, as in the outer search
_LOOP_STATE = 2  # inputs of a Loop, and of its body, before the first state


@dataclass(frozen=True, eq=False)
class Inner:
    """A search inside a node."""

    search: Search
    """Of one output of the inner graph."""
    error: float
    """How far that output is off."""
    where: str
    """Where the inner graph stands, in words."""
    is_function: bool = False
    """Whether it is the body of a function, which others may call too."""


def inner_search(departure: Departure, search: Search, until: float) -> Inner | None:
    """The search inside the node of a departure; None where there is nothing inside, or nothing to compare with.

    Args:
        departure: where the outer graph departs.
        search: the outer search.
        until: time (`time.monotonic`) at which it ends.
    """
    node = search.run.makers[departure.tensor]
    inner = search.run.inner(node)
    if inner is not None and departure.wanted is not None:
        run, outputs, where = inner
        output = outputs.get(departure.tensor, "")
        given = run.values.get(output)
        if output not in run.makers:
            return None
        is_function = node.op_type != "If"
        error = difference(given, departure.wanted) if isinstance(given, np.ndarray) else float("inf")
        allowed = _LEFT * error if np.isfinite(error) else 0.0
        return Inner(
            Search(run, search.yardstick, output, departure.wanted, allowed, until, departure.right),
            error,
            where,
            is_function,
        )
    made = search.yardstick.made.get(departure.right)
    if node.op_type not in ("Loop", "Scan") or made is None or made.node is None or made.run is None:
        return None
    if made.node.op_type != node.op_type:
        return None
    return _first_turn(node, search, made.node, made.run, until)


def _first_turn(node: NodeProto, search: Search, other: NodeProto, other_run: GraphRun, until: float) -> Inner | None:
    run, wanted = _turn(node, search.run), _turn(other, other_run)
    if run is None or wanted is None:
        return None
    yardstick = yardstick_of(wanted, search.yardstick.where, tolerance=search.yardstick.tolerance)
    outputs, expected = ([info.name for info in each.model.graph.output] for each in (run, wanted))
    for output, right in zip(outputs, expected, strict=False):
        given, value = run.values.get(output), wanted.values.get(right)
        if not isinstance(value, np.ndarray) or output not in run.makers:
            continue
        error = difference(given, value) if isinstance(given, np.ndarray) else float("inf")
        if error > yardstick.tolerance * float(np.max(np.abs(value), initial=0.0)):
            allowed = _LEFT * error if np.isfinite(error) else 0.0
            return Inner(Search(run, yardstick, output, value, allowed, until, right), error, "in its body")
    return None


def _turn(node: NodeProto, run: GraphRun) -> GraphRun | None:
    """The body of a Loop or Scan at its first turn; None where an input of it has no value."""
    body: GraphProto = next(attribute.g for attribute in node.attribute if attribute.name == "body")
    formal = [info.name for info in body.input]
    values = [run.values.get(name) for name in node.input]
    if node.op_type == "Loop":
        given: list[Any] = [np.array(0, np.int64), np.array(True), *values[_LOOP_STATE:]]
    else:
        scanned = next(attribute.i for attribute in node.attribute if attribute.name == "num_scan_inputs")
        axes = next((list(one.ints) for one in node.attribute if one.name == "scan_input_axes"), [0] * scanned)
        states = values[: len(values) - scanned]
        slices = [
            np.take(value, 0, axis=axis) if value is not None else None
            for value, axis in zip(values[len(states) :], axes, strict=True)
        ]
        given = [*states, *slices]
    inputs: Mapping[str, Any] = dict(zip(formal, given, strict=False))
    captured = {name: run.values.get(name) for name in captured_by(body)}
    if any(value is None for value in (*inputs.values(), *captured.values())):
        return None
    inputs = {**inputs, **{name: value for name, value in captured.items() if name in run.varying}}
    constants = {name: np.asarray(value) for name, value in captured.items() if name not in run.varying}
    model = helper.make_model(body, ir_version=run.model.ir_version, functions=run.model.functions)
    del model.opset_import[:]
    model.opset_import.extend(run.model.opset_import)
    return GraphRun(model, inputs, exact=run.exact, constants=constants)
