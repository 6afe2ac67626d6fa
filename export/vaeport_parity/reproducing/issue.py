"""The text of an issue to file: what happens, what should, with which versions, and how to see it."""

import platform
import re

import numpy as np
import onnx.printer
from onnx import ModelProto, numpy_helper

from ..running.machine import processor
from .case import Case
from .faults import Answer

_MOST_NUMBERS = 24
_MOST_SHOWN = 2500


def issue_title(software: str, case: Case, answer: Answer) -> str:
    """What is wrong in one line.

    Args:
        software: name and version of the runtime.
        case: the smallest graph.
        answer: what the runtime does with it.
    """
    kinds = ", ".join(dict.fromkeys(node.op_type for node in case.model.graph.node))
    if answer.kind == "silent":
        return f"{software} gives no answer to {kinds}"
    if answer.kind == "no number":
        return f"{software} answers NaN or infinity to {kinds}"
    return f"{software} computes {kinds} wrongly"


def issue_text(
    title: str, case: Case, answer: Answer, *, needs: str, said: str, found_in: str, smallest: bool, files: list[str]
) -> str:
    """Text of `ISSUE.md`.

    Args:
        title: of `issue_title`.
        case: the smallest graph.
        answer: what the runtime does with it.
        needs: what the script needs.
        said: what the script printed; empty where it could not be run.
        found_in: where the fault was found and what it did there.
        smallest: whether the graph could not be made smaller, not just in the time there was.
        files: names of the files beside it.
    """
    parts = [
        f"# {title}",
        _happens(case, answer),
        f"To reproduce: {needs}, then `python reproduce.py` beside {', '.join(files)}. It prints",
        f"```\n{said.strip()[:_MOST_SHOWN] or 'nothing'}\n```" if said else "(it was not run here)",
        "The graph:",
        f"```\n{graph_text(case.model)}\n```",
        _inputs(case),
        "" if smallest else "It may not be the smallest graph: the time for making it smaller was up.",
        f"Where it was found: {found_in}" if found_in else "",
        f"Versions: Python {platform.python_version()}, {platform.platform()}, {processor()}.",
        "The cause is not known.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def graph_text(model: ModelProto) -> str:
    """The graph as text, weights of many numbers cut short."""
    copy = ModelProto()
    copy.CopyFrom(model)
    long = [tensor for tensor in copy.graph.initializer if int(np.prod(tensor.dims)) > _MOST_NUMBERS]
    for tensor in long:
        values = numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(np.zeros((0,), values.dtype), tensor.name))
    text = onnx.printer.to_text(copy)
    for tensor, whole in ((t, next(w for w in model.graph.initializer if w.name == t.name)) for t in long):
        kind = f"{','.join(map(str, whole.dims))}"
        text = re.sub(rf"\[0\] {re.escape(tensor.name)} = +{{}}", f"[{kind}] {tensor.name} = {{...}}", text)
    return text.strip()


def _happens(case: Case, answer: Answer) -> str:
    if answer.kind == "silent":
        return f"What happens: {answer.said}\n\nExpected: an answer of shape {list(case.exact.shape)}."
    values = answer.values
    given = values[answer.worst] if values is not None else None
    right = case.exact[answer.worst]
    place = f" at {list(answer.worst)}" if answer.worst else ""
    if case.exact.dtype.kind != "f":
        wrong = f"{answer.error:.0f} of {case.exact.size} entries are wrong; {given}{place}"
        return f"What happens: {wrong}.\n\nExpected: {right}."
    floor = answer.floor[answer.worst] if answer.floor is not None else 0.0
    return (
        f"What happens: the answer is {given:.9g}{place}.\n\n"
        f"Expected: {right:.9g}, computed in float64. Rounding in the graph's own types explains differences of up to "
        f"{floor:.3g} here; this one is {answer.error:.3g}."
    )


def _inputs(case: Case) -> str:
    few = {name: values for name, values in case.inputs.items() if values.size <= _MOST_NUMBERS}
    lines = [f"- `{name}` = {values.tolist()}" for name, values in few.items()]
    lines += [f"- `{name}`: {values.shape} in inputs.npz" for name, values in case.inputs.items() if name not in few]
    return "Inputs:\n\n" + "\n".join(lines)
