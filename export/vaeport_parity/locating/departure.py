"""Where a file leaves its reference: the node whose right output, put in its place, makes the file's answer right.

Both are computed side by side on the same batch, and their tensors are matched by value. A tensor of the file that the
reference has too is right; so is what it was made from. Of the others the first is wanted for which there is a tensor
of the reference that, put in its place, brings the rest of the file to the right answer. What is renamed, inserted
without effect, split up or spelled otherwise stands above a tensor that is right, and is passed over.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .graph_run import GraphRun, Values, function_of, reads_of
from .tensors import difference
from .weights import tampered
from .yardstick import Made, Yardstick, tells, turned

_HEALED = 0.2  # share of the error that may be left behind where the place is right
_RIGHT = 0.1  # share of the bound below which nothing better is looked for
_MOST_FAULTS = 3
_MOST_TRIALS = 12  # tensors of the reference that are tried in the place of one
_CONTAINERS = ("If", "Loop", "Scan")
_MOVING = (
    *("Cast", "Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile"),
    *("Transpose", "Unsqueeze"),
)


@dataclass(frozen=True, eq=False)
class Departure:
    """A node that gives something else than the reference has there."""

    tensor: str
    """Its output."""
    right: str
    """Name of what the reference has there; empty where the reference goes on with what the node reads."""
    given: NDArray[Any] | None
    """What the node gives; None where it fails."""
    wanted: NDArray[Any] | None
    """What it should give; None where that is not known."""
    bypassed: str = ""
    """What the node reads that should stand in the place of its output: the node should not be there."""
    others: tuple[str, ...] = ()
    """Tensors on the way to it that the reference does not have either."""
    healed: bool = True
    """Whether the file's answer is right once this tensor is."""


@dataclass(eq=False)
class Search:
    """Finds departures in one computed graph."""

    run: GraphRun
    """The file's graph, computed."""
    yardstick: Yardstick
    """What the reference computes from the same inputs."""
    output: str
    """The output that is wrong."""
    right: NDArray[Any]
    """What it should be."""
    allowed: float
    """How far it may be off."""
    until: float
    """Time (`time.monotonic`) at which the search ends with what it has."""
    right_name: str = ""
    """The reference's name for the output; empty where it is to be found by value."""
    _same: dict[str, list[str]] = field(default_factory=dict)
    _near: dict[str, list[str]] = field(default_factory=dict)
    _known: set[str] | None = None

    def departures(self) -> list[Departure]:
        """The nodes that are wrong, in order; none where the output is right."""
        found: list[Departure] = []
        replaced: Values = {}
        values: Values = self.run.values
        for _ in range(_MOST_FAULTS):
            error = self._error(values)
            if error <= self.allowed:
                break
            departure = self._first(values, replaced, error)
            if departure is None:
                break
            found.append(departure)
            if departure.wanted is None or departure.tensor == self.output:
                break
            replaced[departure.tensor] = departure.wanted
            values = self.run.again(replaced)
            self._same.clear()
            self._near.clear()
            self._known = None
        return found

    def _error(self, values: Mapping[str, Any]) -> float:
        given = values.get(self.output)
        return difference(np.asarray(given), self.right) if isinstance(given, np.ndarray) else float("inf")

    def _first(self, values: Values, replaced: Values, error: float) -> Departure | None:
        path = [name for name in self.run.above(self.output) if name not in replaced]
        sound = self._sound(path, values)
        tried: set[str] = set()
        found: Departure | None = None
        for tensor in path:
            if tensor == self.output or time.monotonic() >= self.until:
                break
            if tensor not in values and not self._is_failing(tensor, values):
                continue
            healed = self._healed(tensor, values, replaced, error, sound=tensor in sound)
            if healed is not None and (found is None or healed.right == found.right):
                found = healed
            if found is not None and tensor not in sound:
                break
            if isinstance(values.get(tensor), np.ndarray) and self._likeness(tensor, values[tensor]):
                tried.add(tensor)
        if found is None:
            found = self._at_output(values)
        others = self._between(found.tensor, sound | tried | set(replaced))
        earlier = self._frontier(others, values)
        if earlier is not None:
            return earlier
        return self._chosen(found, others, values)

    def _at_output(self, values: Values) -> Departure:
        """The departure at the output itself, which its right answer heals."""
        given = values.get(self.output)
        for read in reads_of(self.run.makers[self.output]):
            value = values.get(read)
            if read in self.run.varying and isinstance(value, np.ndarray) and value.shape == self.right.shape:
                if self.yardstick.is_same(value, self.right):
                    return Departure(self.output, "", given, self.right, read)
        return Departure(self.output, self._name_of_right(), given, self.right)

    def _sound(self, path: list[str], values: Mapping[str, Any]) -> set[str]:
        """Tensors that the reference has too, and what they are made from."""
        sound = set(self.run.inputs)
        for name in path:
            if name != self.output and self._is_right(name, values):
                sound.update(self.run.above(name))
        return sound

    def _is_right(self, name: str, values: Mapping[str, Any]) -> bool:
        value = values.get(name)
        return tells(value) and any(
            self.yardstick.values[each].shape == value.shape for each in self._names(name, value)
        )

    def _names(self, name: str, value: NDArray[Any]) -> list[str]:
        if name not in self._same:
            self._same[name] = self.yardstick.same(value)
        return self._same[name]

    def _is_failing(self, tensor: str, values: Mapping[str, Any]) -> bool:
        return all(read in values for read in reads_of(self.run.makers[tensor]))

    def _likeness(self, name: str, value: NDArray[Any]) -> list[str]:
        """What of the reference a tensor is like, though not the same: nearly, or in another order."""
        if name not in self._near:
            self._near[name] = self.yardstick.near(value) or self.yardstick.same(value, ordered=False)
        return self._near[name]

    def _healed(self, tensor: str, values: Values, replaced: Values, error: float, *, sound: bool) -> Departure | None:
        """A departure at a tensor, where something of the reference in its place makes the output right."""
        given = values.get(tensor)
        best, least = None, _HEALED * error if np.isfinite(error) else self.allowed
        for name, wanted, bypassed in (self._others if sound else self._trials)(tensor, given, values):
            if time.monotonic() >= self.until:
                break
            left = self._error(self.run.again({**replaced, tensor: wanted}))
            if left < least or (left == least and best is None):
                best, least = Departure(tensor, name, given, wanted, bypassed), left
            if best is not None and least <= _RIGHT * self.allowed:
                break
        return best

    def _trials(self, tensor: str, given: Any, values: Values) -> Iterator[tuple[str, NDArray[Any], str]]:
        """What may belong in the place of a tensor: the likeliest first, each once, in the shapes that it may have."""
        alike, others = self._counterparts(tensor, values)
        if isinstance(given, np.ndarray) and others:
            alike += self._replaced(tensor, [name for name in others if name in self._missing(given.size, values)])
        yield from self._of_yardstick(alike, given)
        for read in reads_of(self.run.makers[tensor]):
            value = values.get(read)
            if read in self.run.varying and isinstance(value, np.ndarray) and isinstance(given, np.ndarray):
                if (
                    value.shape == given.shape
                    and value.dtype.kind == given.dtype.kind
                    and not np.array_equal(value, given)
                ):
                    yield "", value, read
        names = dict.fromkeys(others)
        if isinstance(given, np.ndarray):
            like = [
                *self._likeness(tensor, given),
                *self._names(tensor, given),
            ]  # of another shape, where it is the same
            names = dict.fromkeys(like or [*others, *self._missing(given.size, values)])
        yield from self._of_yardstick([name for name in names if name not in alike][:_MOST_TRIALS], given)

    def _replaced(self, tensor: str, names: list[str]) -> list[str]:
        """Those of operators that none of the nodes has that read a tensor: else it was put before one of them."""
        readers = {node.op_type for node in self.run.makers.values() if tensor in node.input}
        return [name for name in names if self.yardstick.made[name].kind not in readers]

    def _others(self, tensor: str, given: Any, values: Values) -> Iterator[tuple[str, NDArray[Any], str]]:
        """What else the reference makes from what the node reads, where the file has it nowhere."""
        if isinstance(given, np.ndarray):
            alike, others = self._counterparts(tensor, values)
            missing = self._missing(given.size, values) if alike or others else []
            yield from self._of_yardstick([name for name in (*alike, *others) if name in missing], given)

    def _missing(self, size: int, values: Values) -> list[str]:
        """Tensors of one size that the reference has and the file has not."""
        if self._known is None:
            there = {name: value for name, value in values.items() if tells(value)}
            found = ((self._names(name, value) or self._likeness(name, value)[:1]) for name, value in there.items())
            self._known = {each for names in found for each in names}
        known = self._known
        return [name for name, value in self.yardstick.of_size(size) if name not in known and tells(value)]

    def _of_yardstick(self, names: list[str], given: Any) -> Iterator[tuple[str, NDArray[Any], str]]:
        tried = [given] if isinstance(given, np.ndarray) else []
        for name in names:
            for wanted in _shapes(self.yardstick.values[name], given):
                if not any(each.shape == wanted.shape and np.array_equal(each, wanted) for each in tried):
                    tried.append(wanted)
                    yield name, wanted, ""

    def _counterparts(self, tensor: str, values: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Tensors that the reference makes from what the node reads: with the same operator, and with others."""
        node = self.run.makers[tensor]
        place = list(node.output).index(tensor)
        telling = [read for read in reads_of(node) if read in self.run.varying and tells(values.get(read))]
        reads = [self._names(read, values[read]) for read in telling]
        fitting: dict[bool, list[str]] = {True: [], False: []}
        for name, made in self.yardstick.made.items():
            if self._holds_more(made) and made.kind != node.op_type:
                continue
            if reads and all(not set(made.reads).isdisjoint(names) for names in reads):
                outputs = list(made.node.output) if made.node is not None else [name]
                if len(outputs) == 1 or name.rpartition("/")[2] == outputs[min(place, len(outputs) - 1)]:
                    fitting[made.kind == node.op_type].append(name)
        return fitting[True], fitting[False]

    def _holds_more(self, made: Made) -> bool:
        """Whether a node of the reference has a graph of its own inside, whose tensors stand for themselves."""
        if made.node is None or made.run is None:
            return False
        return made.kind in _CONTAINERS or function_of(made.node, made.run.model) is not None

    def _name_of_right(self) -> str:
        names = [
            *([self.right_name] if self.right_name in self.yardstick.values else []),
            *self.yardstick.same(self.right),
        ]
        names = names or self.yardstick.near(self.right)[:1]
        made = [
            name for name in names if name in self.yardstick.made and not self._holds_more(self.yardstick.made[name])
        ]
        return next(iter(made or names), "")

    def _between(self, tensor: str, sound: set[str]) -> list[str]:
        """Tensors on the way to one that are not known to be sound, in order, without itself."""
        found, unread = {tensor}, [tensor]
        while unread:
            node = self.run.makers.get(unread.pop())
            for read in reads_of(node) if node is not None else ():
                if read not in found and read not in sound and read in self.run.varying and read in self.run.makers:
                    found.add(read)
                    unread.append(read)
        return [name for name in self.run.makers if name in found and name != tensor]

    def _frontier(self, others: list[str], values: Values) -> Departure | None:
        """The first of several tensors that the reference makes of the same with the same operator, to another end."""
        for tensor in others:
            node = self.run.makers[tensor]
            if any(read in others for read in reads_of(node)):
                continue
            for name in self._counterparts(tensor, values)[0]:
                given, wanted = values.get(tensor), self.yardstick.values[name]
                if isinstance(given, np.ndarray) and wanted.size == given.size:
                    return Departure(tensor, name, given, wanted.reshape(given.shape), healed=False)
        return None

    def _chosen(self, found: Departure, others: list[str], values: Values) -> Departure:
        """The departure at the one of several nodes whose weights tell that it is wrong, else at the last of them."""
        if not others:
            return found
        if found.bypassed:
            return Departure(
                found.tensor, found.right, found.given, found.wanted, found.bypassed, tuple(others), found.healed
            )
        nodes = [*others, found.tensor]
        wrong = [tensor for tensor in nodes if tampered(self.run, self.run.makers[tensor], self.yardstick)]
        if len(wrong) == 1 and wrong[0] != found.tensor:
            given = values.get(wrong[0])
            return Departure(wrong[0], "", given if isinstance(given, np.ndarray) else None, None)
        if not wrong and self.run.makers[found.tensor].op_type in _MOVING:
            makers = [tensor for tensor in others if self.run.makers[tensor].op_type not in _MOVING]
            if makers:
                given = values.get(makers[-1])
                before = tuple(tensor for tensor in others if tensor != makers[-1])
                given = given if isinstance(given, np.ndarray) else None
                return Departure(makers[-1], "", given, None, others=before, healed=found.healed)
        rest = () if wrong == [found.tensor] else tuple(others)
        return Departure(found.tensor, found.right, found.given, found.wanted, "", rest, found.healed)


def _shapes(wanted: NDArray[Any], given: Any) -> Iterator[NDArray[Any]]:
    """A tensor of the reference in the shapes and orders that it may have in the file."""
    if not isinstance(given, np.ndarray) or wanted.shape == given.shape:
        yield wanted
        return
    if (other := turned(wanted, given)) is not None:
        yield other
    if wanted.size == given.size:
        yield wanted.reshape(given.shape)
        yield wanted
