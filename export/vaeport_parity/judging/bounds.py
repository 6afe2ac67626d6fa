"""How far each output may be from its reference: bounds that are given, or measured from the reference's own noise."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from vaeport.checks.comparison import max_abs_error
from vaeport.contract import TOLERANCE_FACTOR, Tolerance
from vaeport.errors import InputError

from ..asking.steps import Plan, batch_cuts
from ..reference.base import NoPlainSumsError
from ..subjects.subject import Graph, InputSet
from ..subjects.tensors import Arrays, TensorSpec, rounding_step
from .figures import comparable

MOST_ABOVE = 2.0
"""Times the noise measured here that a stated noise floor may be. On nine sets of kernels of one processor (PyTorch's
own plain ones, for AVX2 and for AVX-512; oneDNN's for SSE4.1, AVX2 and AVX-512) the noise of the shipped bundles' four
graphs is 0.7 to 1.3 of the stated floors."""

MOST_ABOVE_IN_STEPS = 6.0
"""The same for references without noise of their own: where values are rounded to few bits, one value that rounds
the other way is the whole floor, and which values do so differs by processor."""

NO_BOUND = Tolerance(0.0, 0.0)
"""Of outputs that must be equal."""

_PLAIN_EVERY = 4
_MOST_PLAIN = 150
_QUICK_PLAIN = 40


@dataclass(eq=False)
class Bounds:
    """Bounds of a plan's outputs; each is measured once, when it is first asked for."""

    plan: Plan
    """What is asked, and the right answers."""
    _floors: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    _believed: dict[str, dict[str, Tolerance]] = field(default_factory=dict)

    def of(self, graph: str, output: str, inputs: str = "") -> Tolerance:
        """The bound on one output.

        A bound that came with its noise floor is a claim: where the floor is more than `MOST_ABOVE` times the noise
        that is measured here, the bound is measured instead.

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
            return self._checked(found)[output]
        if not found.reference.has_noise:
            return (given and Tolerance(given.max_abs, given.max_abs / TOLERANCE_FACTOR)) or NO_BOUND
        floor = self._measured(found, scale)[output]
        return Tolerance(given.max_abs if given else TOLERANCE_FACTOR * floor, floor)

    def _checked(self, graph: Graph) -> Mapping[str, Tolerance]:
        """The given bounds that state a noise floor, those with an inflated one replaced by what is measured."""
        if graph.name not in self._believed:
            given = {name: bound for name, bound in (graph.tolerances or {}).items() if bound.noise_floor}
            measured: dict[str, float] = dict.fromkeys(given, 0.0)
            most = MOST_ABOVE if graph.reference.has_noise else MOST_ABOVE_IN_STEPS
            inflated = tuple(given)
            for floors in self._quick_floors(graph):
                measured |= {name: max(measured[name], floors.get(name, 0.0)) for name in measured}
                inflated = tuple(name for name in given if given[name].noise_floor > most * measured[name])
                if not inflated:
                    break
            if not any(measured.values()):
                inflated = ()  # nothing can be measured
            if inflated and graph.reference.has_noise:
                full = self._measured(graph, "")
                measured |= {name: max(measured[name], full[name]) for name in measured}
                inflated = tuple(name for name in inflated if given[name].noise_floor > most * measured[name])
            given |= {name: Tolerance(TOLERANCE_FACTOR * measured[name], measured[name]) for name in inflated}
            self._believed[graph.name] = given
        return self._believed[graph.name]

    def _quick_floors(self, graph: Graph) -> Iterator[Mapping[str, float]]:
        """Noise of each output by ways that cost little: all probes at once, then some of them by plain sums."""
        probes = self.plan.subject.input_set(graph.name, "probes")
        expected = self.plan.expectations.of(graph.name, probes.name, 0, len(probes))
        if not graph.reference.has_noise:
            yield from graph.noise(probes.values(), expected.native) if graph.noise else ()
            return
        yield self._largest(graph, expected.native, expected.float64)
        every = max(_PLAIN_EVERY, len(probes) // _QUICK_PLAIN)
        whole = probes.batched and self.plan.expectations.independent(graph.name)
        cut = slice(None, None, every) if whole else slice(None)
        part = {name: values[cut] for name, values in probes.values().items()}
        with contextlib.suppress(InputError, NoPlainSumsError):
            rounded = self.plan.expectations.run(graph.name, part, "native", plain=True)
            yield self._largest(graph, rounded, {name: values[cut] for name, values in expected.float64.items()})

    def _largest(self, graph: Graph, rounded: Arrays, exact: Arrays) -> dict[str, float]:
        """The largest distance of each float output, at least one rounding step of the largest answer."""
        floors = {}
        for spec in graph.outputs:
            if spec.is_float:
                right, wide = comparable(rounded[spec.name], exact[spec.name])
                floors[spec.name] = max(max_abs_error(right, wide), _step(spec, wide))
        return floors

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
                for name, floor in self._largest(graph, native, exact).items():
                    floors[name] = max(floors[name], floor)
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
