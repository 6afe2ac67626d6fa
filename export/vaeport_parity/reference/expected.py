"""The answers that backends must give, for whole input sets and for batches of them, alone and as a chain."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.errors import InputError

from ..running.arrays import rows_of
from ..subjects.subject import Chain, Graph, InputSet, Subject
from ..subjects.tensors import Arrays, rounding_step
from .base import Precision, chunked_answers

_PROBED = 7  # rows on which it is found out whether rows influence each other
_SHAKE = 16  # rounding steps by which inputs are moved to see what rounding decides
_SAME = 1e-9  # relative difference in float64 that is rounding, not another answer


@dataclass(frozen=True, eq=False)
class Expected:
    """Right answers to one batch."""

    native: Arrays
    """By output, in the graph's own types."""
    float64: Arrays
    """By output, floats as float64; integers and booleans are the float64 computation's own."""

    def of(self, output: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Native and float64 answers of one output."""
        return self.native[output], self.float64[output]


@dataclass(eq=False)
class Expectations:
    """Right answers for a subject; each is computed once.

    Where rows do not influence each other the whole set is computed and cut; else every batch is computed as it is.
    """

    subject: Subject
    """What is compared."""
    _whole: dict[tuple[str, str, Precision], Arrays] = field(default_factory=dict)
    _cuts: dict[tuple[str, str, int, int, Precision], Arrays] = field(default_factory=dict)
    _independent: dict[str, bool] = field(default_factory=dict)
    _doubts: dict[tuple[str, str, int, int], dict[str, NDArray[np.bool_]]] = field(default_factory=dict)

    def of(self, graph: str, inputs: str, start: int, stop: int) -> Expected:
        """The answers to some rows of an input set; to all of it where it is not batched.

        Args:
            graph: name of a graph or of the chain.
            inputs: name of the input set.
            start: first row.
            stop: row after the last.

        Raises:
            InputError: the reference does not take these rows.
        """
        return Expected(
            self._answers(graph, inputs, start, stop, "native"), self._answers(graph, inputs, start, stop, "float64")
        )

    def native(self, graph: str, inputs: str, start: int, stop: int) -> Arrays:
        """The native answers alone, as of `of`."""
        return self._answers(graph, inputs, start, stop, "native")

    def doubt(self, graph: str, inputs: str, start: int, stop: int) -> dict[str, NDArray[np.bool_]]:
        """Entries of integer and boolean outputs that rounding decides, such as the argmax of a tie; True in doubt.

        An entry is in doubt where the float64 reference has another value than the native one, or has another when the
        float inputs are off by a few rounding steps.

        Args:
            graph: name of a graph or of the chain.
            inputs: name of the input set.
            start: first row.
            stop: row after the last.
        """
        key = (graph, inputs, start, stop)
        if key not in self._doubts:
            expected = self.of(*key)
            exact = {name: values for name, values in expected.native.items() if values.dtype.kind in "biu"}
            doubts = {name: values != expected.float64[name] for name, values in exact.items()}
            for shaken in self._shaken(*key) if exact else ():
                for name, values in exact.items():
                    doubts[name] |= shaken[name] != values
            self._doubts[key] = doubts
        return self._doubts[key]

    def independent(self, graph: str) -> bool:
        """Whether each row of a batch is answered as if it were alone, by every graph of a chain.

        Found by running the float64 reference on rows of the first batched set, together and in parts.
        """
        if graph not in self._independent:
            chain = self.subject.chain
            if chain and graph == chain.name:
                self._independent[graph] = all(self.independent(name) for name in chain.graphs)
            else:
                self._independent[graph] = self._probe(self.subject.graph(graph))
        return self._independent[graph]

    def check_empty(self, graph: str, inputs: str) -> None:
        """Let the reference itself take a batch of 0.

        Raises:
            InputError: it does not.
        """
        self._run_set(self.subject.input_set(graph, inputs), self.subject.input_set(graph, inputs).rows(0, 0), "native")

    def run(self, graph: str, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:
        """What the reference answers to any inputs of a graph, in chunks where rows allow that."""
        reference = self.subject.graph(graph).reference
        if not self._independent.get(graph, False):
            return reference.answers(inputs, precision, plain=plain)
        return chunked_answers(reference, inputs, precision, plain=plain)

    def _answers(self, graph: str, inputs: str, start: int, stop: int, precision: Precision) -> Arrays:
        given = self.subject.input_set(graph, inputs)
        if precision == "float64" and not self._has_noise(graph):
            precision = "native"  # such a reference has one answer only
        spared = given.given and precision == "float64"  # given rows need float64 only here and there
        cut = given.batched and (start, stop) != (0, len(given))
        if cut and (spared or not self.independent(graph)):
            key = (graph, inputs, start, stop, precision)
            if key not in self._cuts:
                self._cuts[key] = self._run_set(given, given.rows(start, stop), precision)
            return self._cuts[key]
        whole = (graph, inputs, precision)
        if whole not in self._whole:
            known = given.native if precision == "native" else None
            self._whole[whole] = known or self._run_set(given, given.values(), precision)
        answers = self._whole[whole]
        return {name: rows_of(values, start, stop) for name, values in answers.items()} if cut else answers

    def _has_noise(self, graph: str) -> bool:
        chain = self.subject.chain
        names = chain.graphs if chain and graph == chain.name else (graph,)
        return any(self.subject.graph(name).reference.has_noise for name in names)

    def _run_set(self, given: InputSet, values: Arrays, precision: Precision) -> Arrays:
        chain = self.subject.chain
        if chain is None or given.graph != chain.name:
            self.independent(given.graph)
            return self.run(given.graph, values, precision)
        return self._run_chain(chain, values, precision)

    def _run_chain(self, chain: Chain, values: Arrays, precision: Precision) -> Arrays:
        """Each graph's reference on the answers of the one before, every precision with itself."""
        answers: dict[str, Arrays] = {}
        for name in chain.graphs:
            graph = self.subject.graph(name)
            linked = {
                spec.name: answers[chain.links[name, spec.name][0]][chain.links[name, spec.name][1]]
                if (name, spec.name) in chain.links
                else values[spec.name]
                for spec in graph.inputs
            }
            answers[name] = self.run(name, linked, precision)
        return {output: answers[chain.graphs[-1]][output] for output in chain.outputs}

    def _shaken(self, graph: str, inputs: str, start: int, stop: int) -> Iterator[Arrays]:
        """Float64 answers where float inputs are a few rounding steps of their own type larger or smaller."""
        given = self.subject.input_set(graph, inputs)
        chain = self.subject.chain
        if (chain and graph == chain.name) or not self.subject.graph(graph).reference.any_inputs:
            return
        values = given.rows(start, stop)
        floats = [name for name, each in values.items() if each.dtype.kind not in "biu" and each.size]
        for direction in (1, -1) if floats else ():
            moved = dict(values)
            for name in floats:
                step = rounding_step(values[name].dtype)
                signs = np.random.default_rng(direction + 1).choice((-1.0, 1.0), values[name].shape)
                wide = values[name].astype(np.float64) * (1 + _SHAKE * step * direction * signs)
                moved[name] = wide
            try:
                yield self.run(graph, moved, "float64")
            except InputError:
                return

    def _probe(self, graph: Graph) -> bool:
        sets = [each for each in self.subject.input_sets if each.graph == graph.name and each.batched and len(each) > 1]
        if not graph.batch or not sets or not graph.reference.any_inputs:
            return False
        if len(graph.batched_outputs) < len(graph.outputs):
            return False
        rows = min(_PROBED, len(sets[0]))
        cuts = [(0, 1), (rows // 2, rows)]
        try:
            together = graph.reference.answers(sets[0].rows(0, rows), "float64")
            parts = {cut: graph.reference.answers(sets[0].rows(*cut), "float64") for cut in cuts}
        except InputError:
            return False
        return all(
            _same(part[name], values[slice(*cut)]) for cut, part in parts.items() for name, values in together.items()
        )


def _same(part: NDArray[Any], whole: NDArray[Any]) -> bool:
    if part.shape != whole.shape:
        return False
    if part.dtype.kind in "biu":
        return bool(np.array_equal(part, whole))
    scale = float(np.max(np.abs(whole), initial=0.0, where=np.isfinite(whole)))
    return bool(np.allclose(part, whole, rtol=0, atol=_SAME * max(scale, 1e-30), equal_nan=True))
