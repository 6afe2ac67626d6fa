"""Another ONNX file as the reference: in float64 by the standard's own evaluator, natively in onnxruntime."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from vaeport.errors import InputError
from vaeport.sessions.session import first_line, import_onnxruntime

from ..subjects.tensors import Arrays
from .base import Precision
from .evaluator import doubled_inputs, float64_evaluator, native_evaluator, reference_arithmetic


@dataclass(eq=False)
class OnnxReference:
    """A graph that is right: the candidate is converted, optimised or rounded from it.

    Native answers are onnxruntime's without optimisation; `plain` ones are those of onnx's ReferenceEvaluator, which
    sums in another order.
    """

    content: bytes
    """The ONNX file."""
    inputs: tuple[str, ...]
    """Its inputs, in the order of the candidate's."""
    names: tuple[str, ...]
    """The candidate's inputs."""
    outputs: tuple[tuple[str, str], ...]
    """Its outputs, each with the candidate's name for it."""
    words: str
    """Name of the file."""
    has_noise: bool = True
    any_inputs: bool = True
    _runs: dict[str, Any] = field(default_factory=dict, repr=False)

    def answers(self, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:
        """Answers by output name, as of `Reference`."""
        given = {own: inputs[name] for own, name in zip(self.inputs, self.names, strict=True)}
        wanted = [own for own, _ in self.outputs]
        try:
            if precision == "float64":
                values = self._evaluator("float64").run(wanted, doubled_inputs(given))
            elif plain or not all(values.size for values in given.values()):  # onnxruntime aborts on some empty ones
                values = self._evaluator("native").run(wanted, given)
            else:
                values = self._session().run(wanted, given)
        except InputError:
            raise
        except Exception as error:  # runtimes raise errors of all kinds
            raise InputError(f"{self.words} refuses these inputs: {first_line(error)}") from error
        return {name: np.asarray(value) for (_, name), value in zip(self.outputs, values, strict=True)}

    def _session(self) -> Any:
        if "session" not in self._runs:
            self._runs["session"] = unoptimised_session(self.content, self.words)
        return self._runs["session"]

    def _evaluator(self, precision: Precision) -> "_Quiet":
        if precision not in self._runs:
            model = onnx.load_model_from_string(self.content)
            make = float64_evaluator if precision == "float64" else native_evaluator
            self._runs[precision] = _Quiet(make(model))
        return self._runs[precision]  # type: ignore[no-any-return]


@dataclass(eq=False)
class RuntimeReference:
    """The graph itself, as onnxruntime runs it without optimisation; for graphs whose rounding is their purpose.

    It has no noise that could be measured, and no float64.
    """

    content: bytes
    """The ONNX file."""
    outputs: tuple[str, ...]
    """Its outputs."""
    words: str = "onnxruntime without optimisation"
    has_noise: bool = False
    any_inputs: bool = True
    _session: Any = field(default=None, repr=False)

    def answers(self, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:  # noqa: ARG002 - has but one
        """Answers by output name; those for float64 are the same."""
        if self._session is None:
            self._session = unoptimised_session(self.content, self.words)
        try:
            values = self._session.run(list(self.outputs), inputs)
        except Exception as error:  # onnxruntime's own errors share no base
            raise InputError(f"{self.words} refuses these inputs: {first_line(error)}") from error
        return dict(zip(self.outputs, values, strict=True))


class _Quiet:
    """An evaluator without numpy's warnings."""

    def __init__(self, evaluator: Any) -> None:
        self._evaluator = evaluator

    def run(self, outputs: Sequence[str], inputs: Arrays) -> list[Any]:
        with reference_arithmetic():
            return list(self._evaluator.run(list(outputs), dict(inputs)))


def unoptimised_session(content: bytes, what: str) -> Any:
    """An onnxruntime session on the CPU that runs the graph as it stands.

    Args:
        content: the ONNX file.
        what: the file in messages.

    Raises:
        InputError: onnxruntime cannot load it.
    """
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # backends run on the other cores meanwhile
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base
        raise InputError(f"nothing to compare with, onnxruntime cannot load {what}: {first_line(error)}") from error
