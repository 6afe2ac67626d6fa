"""A file held against a fresh export of the same network: by structure and weights, whatever the numbers say."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from vaeport.errors import VaeportError

from ..judging.report import Finding
from ..reference.evaluator import every_node
from ..subjects.subject import Graph, Subject
from ..subjects.tensors import Arrays, is_float
from .batch_size import batch_dependences, beyond
from .canonical import Term, Terms, differing_weights, every_term, terms_of
from .differences import are_alike, file_differences
from .equivalence import EQUAL, Effect, same_kinds, tried

_FEW = 3
_TOLD_FIRST = ("is not in the export", "in the export a ", "is a ", " has ", "differs from", "is missing", "")
"""What a difference of nodes says of itself, in the order in which it is told: what was put in leads to the rest."""

_ROWS = 4
_ROUNDED = 4  # rounding steps of float32 that constants computed by another version may be off
_BROAD = 0.25  # share of a tensor's values that a rewriting changes at least; whoever tampers changes few
_STEPS = 0.02  # relative difference of graphs that round to integers, which one value beside a step can make
_THRESHOLDS = frozenset(("Clip", "Min", "Max", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"))
_QUANTISED = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")


def held_findings(subject: Subject) -> list[Finding]:
    """What the graphs of a subject have that fresh ones have not; what hinders that is told as information.

    Where another of the subject's files stands alone, that one is wrong, and the differences are information.

    Args:
        subject: graphs; nothing is found where there is no way to make fresh ones.
    """
    found: list[Finding] = []
    if subject.fresh is None:
        return found
    for graph in subject.graphs:
        try:
            fresh = subject.fresh(graph.name)
        except VaeportError as error:
            text = f"no fresh export can be made to hold it against: {error}"
            found.append(Finding(graph.file, text, wrong=False))
            continue
        few = subject.input_set(graph.name, "probes").rows(0, _ROWS)
        told = against_fresh(graph, fresh, inputs=few, strict=subject.sealed)
        blame = subject.blame(graph.name) if subject.blame and any(each.wrong for each in told) else None
        if blame is not None and blame.file != graph.file:
            told = [Finding(blame.file, blame.text), *(dataclasses.replace(each, wrong=False) for each in told)]
        found += told
    return found


def against_fresh(graph: Graph, fresh: bytes, *, inputs: Arrays, strict: bool = True) -> list[Finding]:
    """What a file has that the export of the same network made now has not.

    Equal bytes need no words. Else both are read as computations, through functions and subgraphs: names, order,
    Identity nodes, dead nodes and the place of constants do not matter and are told as information, and so is another
    spelling. Wrong are answers that hang on the batch's size, and weights of other values unless both graphs compute
    the same in float64, dead units woken.

    Args:
        graph: the file.
        fresh: content of the export.
        inputs: a few rows, by input name, on which spellings are compared.
        strict: whether the file claims to be the export; else a conversion of it, of which everything is information.
    """
    if graph.content == fresh:
        return []
    try:
        model, other = (onnx.load_model_from_string(content) for content in (graph.content, fresh))
        given, wanted = terms_of(model), terms_of(other)
    except Exception as error:  # noqa: BLE001 - onnx raises errors of all kinds on a stranger's graph
        text = f"it cannot be held against a fresh export: {' '.join(str(error).split())[:200]}"
        return [Finding(graph.file, text, wrong=False)]
    held = _Held(model, other, given, wanted, inputs if strict else None)
    found = [Finding(graph.file, text, wrong=strict) for text in held.faults()]
    found += [Finding(graph.file, text, wrong=wrong and strict) for text, wrong in held.differences()]
    return found


@dataclass(frozen=True, eq=False)
class _Held:
    """A file beside a fresh export."""

    model: ModelProto
    other: ModelProto
    given: Terms
    wanted: Terms
    inputs: Arrays | None
    """A few rows to try both on; None where they are not tried."""

    def faults(self) -> Iterator[str]:
        """What no export has, whatever it computes."""
        told = [each.text for each in beyond(batch_dependences(self.model), batch_dependences(self.other))]
        for text in told[:1]:
            more = f"; so do {len(told) - 1} more" if len(told) > 1 else ""
            yield f"{text}, which nothing in a fresh export does{more}"

    def differences(self) -> Iterator[tuple[str, bool]]:
        """What is computed otherwise, in words, and whether that is wrong."""
        if list(self.given) != list(self.wanted):
            yield f"its outputs are {', '.join(self.given)}, a fresh export has {', '.join(self.wanted)}", True
            return
        pairs = [(self.given[name], self.wanted[name]) for name in self.given]
        if all(mine.exact == theirs.exact for mine, theirs in pairs):
            yield "it computes what a fresh export does, weight for weight, and is only spelled otherwise", False
        elif all(mine.structure == theirs.structure for mine, theirs in pairs):
            yield from self._weights()
        else:
            yield from self._spelling()

    def _weights(self) -> Iterator[tuple[str, bool]]:
        """The same structure with other weights."""
        differing = [(a, b, reader) for a, b, reader in differing_weights(self.given, self.wanted) if not _near(a, b)]
        if not differing:
            yield "its weights differ from those of a fresh export by rounding alone", False
            return
        moved = all(_is_moved(a, b) for a, b, _ in differing)
        effect = self._tried() if moved or not self._is_quantised() else None
        # What one tensor is scaled by another must give back; a threshold scales with nothing.
        broad = len(differing) > 1 and all(
            (_share(a, b) >= _BROAD or _is_moved(a, b)) and reader.operator not in _THRESHOLDS
            for a, b, reader in differing
        )
        if effect and (effect.largest <= EQUAL if moved else broad and effect.same):
            how = "in another order" if moved else "scaled"
            yield f"its weights are those of a fresh export {how}, with the same answers in float64", False
            return
        for a, b, reader in differing[:_FEW]:
            yield _weight_text(a, b, reader), True
        if len(differing) > _FEW:
            yield f"{len(differing) - _FEW} more of its weights differ from those of a fresh export", True

    def _spelling(self) -> Iterator[tuple[str, bool]]:
        """Another structure."""
        yield f"it is built otherwise than a fresh export: {self._how()}", False
        changed = list(_strange_weights(self.given, self.wanted))[:_FEW]
        effect = self._tried()
        if effect is None or (self._is_quantised() and effect.largest <= _STEPS):
            yield from ((text, self._is_quantised()) for text in changed)
        elif not effect.same:
            yield from ((text, True) for text in changed)
            yield _effect_text(effect, "" if changed else self._how()), True

    def _tried(self) -> Effect | None:
        return tried(self.model, self.other, self.inputs) if self.inputs is not None else None

    def _how(self) -> str:
        if are_alike(self.model, self.other):
            told = [one.text for one in file_differences(self.model, self.other, "the export")]
            told.sort(key=lambda text: next(place for place, part in enumerate(_TOLD_FIRST) if part in text))
            if told:
                more = f", and {len(told) - _FEW} more" if len(told) > _FEW else ""
                return "; ".join(told[:_FEW]) + more
        return same_kinds(self.given, self.wanted) or "the same operators read other tensors"

    def _is_quantised(self) -> bool:
        return any(node.op_type in _QUANTISED for node in every_node(self.model))


def _effect_text(effect: Effect, how: str) -> str:
    what = f" ({how})" if how else ""
    return (
        f"it computes something else than a fresh export{what}: in float64, {effect.output} is off by "
        f"{effect.largest:.2g} of its largest number, rounding every weight explains {effect.rounding:.2g}"
    )


def _weight_text(mine: Term, theirs: Term, reader: Term) -> str:
    values, wanted = _values(mine), _values(theirs)
    off = ~_equal(values, wanted)
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(values.astype(np.float64) - wanted.astype(np.float64)), initial=0.0, where=off)
    named = f"{mine.name} of node {reader.node!r} ({reader.operator})"
    if values.size == 1:
        return f"{named} is {values.item():.9g}, in a fresh export {wanted.item():.9g}"
    return f"{named} differs from a fresh export in {int(off.sum())} of {values.size} values, by up to {largest:.2g}"


def _strange_weights(given: Mapping[str, Term], wanted: Mapping[str, Term]) -> Iterator[str]:
    """Weights that only one of the graphs has, those of equal shape beside each other."""
    mine, theirs = (
        {term.exact: term for term in every_term(each) if term.value is not None and _is_weight(term)}
        for each in (given, wanted)
    )
    left = [term for key, term in theirs.items() if key not in mine]
    readers = {id(term): reader for reader in every_term(given) for term in reader.inputs if term is not None}
    for key, term in mine.items():
        if key in theirs:
            continue
        like = next((one for one in left if _values(one).shape == _values(term).shape and one.name == term.name), None)
        like = like or _closest(term, left)
        if like is None or _is_moved(term, like) or _near(term, like):
            continue
        left.remove(like)
        yield _weight_text(term, like, readers.get(id(term), term))


def _closest(term: Term, others: Sequence[Term]) -> Term | None:
    """The tensor of the same shape and type that has most values in common, if it has most of them."""
    values = _values(term)
    alike = [one for one in others if _values(one).shape == values.shape and _values(one).dtype == values.dtype]
    best = min(alike, key=lambda one: _share(term, one), default=None)
    return best if best is not None and _share(term, best) < 1 - _BROAD else None


def _is_weight(term: Term) -> bool:
    values = _values(term)
    return is_float(values.dtype) or values.dtype.itemsize == 1 or values.size > 1


def _values(term: Term) -> NDArray[Any]:
    return term.value if term.value is not None else np.zeros(0)


def _equal(mine: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.bool_]:
    equal = np.asarray(mine == theirs)
    return equal | (np.isnan(mine) & np.isnan(theirs)) if mine.dtype.kind == "f" else equal


def _share(mine: Term, theirs: Term) -> float:
    """Share of the values that differ."""
    values, wanted = _values(mine), _values(theirs)
    return float(np.mean(~_equal(values, wanted))) if values.size else 0.0


def _near(mine: Term, theirs: Term) -> bool:
    """Whether two weights differ by a few rounding steps in each value, as constants of two versions may."""
    values, wanted = _values(mine), _values(theirs)
    if values.dtype != np.float32 or values.shape != wanted.shape:
        return False
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(values - wanted) <= _ROUNDED * np.spacing(np.abs(wanted))))


def _is_moved(mine: Term, theirs: Term) -> bool:
    """Whether two weights hold the same values in another order."""
    values, wanted = _values(mine), _values(theirs)
    if values.size != wanted.size or values.dtype != wanted.dtype:
        return False
    return bool(np.array_equal(np.sort(values, axis=None), np.sort(wanted, axis=None)))
