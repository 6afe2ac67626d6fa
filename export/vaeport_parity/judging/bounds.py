"""How far each output may be from its reference: bounds that are given, or measured from the reference's own noise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from vaeport.checks.comparison import max_abs_error
from vaeport.contract import Tolerance
from vaeport.errors import InputError

from ..asking.steps import Plan, batch_cuts
from ..reference.base import NoPlainSumsError
from ..subjects.subject import Graph, InputSet
from ..subjects.tensors import Arrays, TensorSpec, rounding_step
from .figures import comparable

TOLERANCE_FACTOR = 4.0
"""Bound in noise floors: another summation order is another sample of the same rounding noise, and its distance from
the reference can be the sum of both; a factor 4 leaves room for that and stays far below any real defect."""

NO_BOUND = Tolerance(0.0, 0.0)
"""Of outputs that must be equal."""

_PLAIN_EVERY = 4
_MOST_PLAIN = 150


@dataclass(eq=False)
class Bounds:
    """Bounds of a plan's outputs; each is measured once, when it is first asked for."""

    plan: Plan
    """What is asked, and the right answers."""
    _floors: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)

    def of(self, graph: str, output: str, inputs: str = "") -> Tolerance:
        """The bound on one output.

        Args:
            graph: name of a graph or of the chain.
            output: name of the output.
            inputs: name of the input set; sets of another scale have a bound of their own.
        """
        subject = self.plan.subject
        chain = subject.chain
        scale = subject.input_set(graph, inputs).scale if inputs else ""
        if chain and graph == chain.name:
            last = self.of(chain.graphs[-1], output)
            floor = max(self._chain_floor(graph, output), last.noise_floor)
            return Tolerance(TOLERANCE_FACTOR * floor, floor)
        found = subject.graph(graph)
        if not found.output(output).is_float:
            return NO_BOUND
        given = (found.tolerances or {}).get(output)
        if given and given.noise_floor:
            return given
        if not found.reference.has_noise:
            return (given and Tolerance(given.max_abs, given.max_abs / TOLERANCE_FACTOR)) or NO_BOUND
        floor = self._measured(found, scale)[output]
        return Tolerance(given.max_abs if given else TOLERANCE_FACTOR * floor, floor)

    def _measured(self, graph: Graph, scale: str) -> dict[str, float]:
        key = graph.name, scale
        if key not in self._floors:
            self._floors[key] = self._measure(graph, scale)
        return self._floors[key]

    def _measure(self, graph: Graph, scale: str) -> dict[str, float]:
        """The largest distance of native from float64 answers, in each batch size and by plain sums.

        It is at least one rounding step of the largest answer, so that an output that happens to be exact does not ask
        for exactness of others.
        """
        floors: dict[str, float] = {spec.name: 0.0 for spec in graph.outputs if spec.is_float}
        for given in self.plan.subject.input_sets:
            if given.graph != graph.name or given.scale != scale or given.given:
                continue
            for native, exact in self._runs(graph, given):
                for name in tuple(floors):
                    right, wide = comparable(native[name], exact[name])
                    floors[name] = max(floors[name], max_abs_error(right, wide), _step(graph.output(name), wide))
        return floors

    def _runs(self, graph: Graph, given: InputSet) -> Iterator[tuple[Arrays, Arrays]]:
        """Native and float64 answers of an input set: in the batches that are asked, and by plain sums."""
        rows = len(given)
        cuts = list(batch_cuts(rows)) if given.cuts == "sizes" and given.batched else [(0, rows)]
        for start, stop in cuts:
            if start == stop:
                continue
            try:
                exact = self.plan.expectations.of(graph.name, given.name, start, stop).float64
                yield self.plan.expectations.run(graph.name, given.rows(start, stop), "native"), exact
            except InputError:
                continue  # the plan has left it out, too
        every = max(_PLAIN_EVERY, rows // _MOST_PLAIN) if self.plan.expectations.independent(graph.name) else 1
        try:
            whole = self.plan.expectations.of(graph.name, given.name, 0, rows).float64
            part = given.values()
            if given.batched:
                part = {name: values[::every] for name, values in part.items()}
                whole = {name: values[::every] for name, values in whole.items()}
            yield self.plan.expectations.run(graph.name, part, "native", plain=True), whole
        except (InputError, NoPlainSumsError):
            return

    def _chain_floor(self, graph: str, output: str) -> float:
        floor = 0.0
        for given in self.plan.subject.input_sets:
            if given.graph == graph:
                native, exact = self.plan.expectations.of(graph, given.name, 0, len(given)).of(output)
                floor = max(floor, max_abs_error(*comparable(native, exact)))
        return floor


def given_bounds(
    tolerance: float | Mapping[str, float] | None, outputs: tuple[TensorSpec, ...]
) -> dict[str, Tolerance]:
    """Bounds that a caller gives, their noise floors still to be measured.

    Args:
        tolerance: largest absolute error of every float output, or by output name.
        outputs: outputs of the graph.

    Raises:
        InputError: no such output, or a bound that is no number above 0.
    """
    if tolerance is None:
        return {}
    names = [spec.name for spec in outputs if spec.is_float]
    bounds = dict(tolerance) if isinstance(tolerance, Mapping) else dict.fromkeys(names, tolerance)
    for name, bound in bounds.items():
        if name not in names:
            raise InputError(f"tolerance names {name!r}; float outputs are {', '.join(names) or 'none'}")
        if not (isinstance(bound, int | float) and 0 < bound < float("inf")):
            raise InputError(f"tolerance of {name!r} is {bound!r}; give a number above 0, such as 1e-4")
    return {name: Tolerance(float(bound), 0.0) for name, bound in bounds.items()}


def _step(spec: TensorSpec, exact: np.ndarray) -> float:
    """One rounding step of the largest answer in the output's own type."""
    finite = np.abs(exact[np.isfinite(exact)]) if exact.size else exact
    return rounding_step(spec.dtype) * float(finite.max()) if finite.size else 0.0
