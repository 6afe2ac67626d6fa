"""The first bad tensor on the way to an output, found by asking about as few tensors as possible."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Judge = Callable[[str], bool | None]
"""Whether a tensor is bad where the graph is cut off behind it; None where that cannot be known. It raises TimeoutError
where no more time is left."""


class Tensors(Protocol):
    """What the search needs of a graph."""

    @property
    def reads(self) -> Mapping[str, tuple[str, ...]]:
        """For each tensor that a node makes, the tensors that the node is computed from."""

    def above(self, tensor: str) -> Sequence[str]:
        """Tensors that nodes make on the way to one, in the order of the computation, itself last."""


@dataclass(frozen=True)
class FirstBad:
    """How far the search came."""

    tensor: str
    """The first tensor that is known to be bad."""
    unknown: tuple[str, ...] = ()
    """Tensors on the way to it of which nothing is known, behind the last one that is known to be good."""
    last_good: str | None = None
    """That one."""
    in_time: bool = True
    """Whether the time was enough."""


def first_bad(graph: Tensors, output: str, judge: Judge) -> FirstBad | None:
    """The first bad tensor on the way to an output; None if the output is not bad.

    Args:
        graph: the graph that the output is of.
        output: a tensor of it.
        judge: asked about tensors, about each at most once.

    Raises:
        TimeoutError: there was not even time to ask about the output.
    """
    known: dict[str, bool | None] = {}

    def ask(tensor: str) -> bool | None:
        if tensor not in known:
            known[tensor] = judge(tensor)
        return known[tensor]

    if not ask(output):
        return None
    whole = list(graph.above(output))
    tensor, in_time = output, True
    try:
        while True:
            tensor = _first_bad(list(graph.above(tensor)), ask)
            # A branch may have been passed over: what the node reads may be bad, too.
            above = _above(tensor, graph.reads, ask)
            if not above.bad:
                break
            tensor = above.bad[0]
    except TimeoutError:
        tensor, in_time = next(name for name in whole if known.get(name)), False
        above = _above(tensor, graph.reads, known.get)
    last_good = max((name for name in above.good if name in whole), key=whole.index, default=None)
    unknown = tuple(sorted((name for name in above.unknown if name in whole), key=whole.index))
    return FirstBad(tensor, unknown, last_good, in_time)


def _first_bad(path: list[str], ask: Judge) -> str:
    """The first bad tensor of a path whose last one is bad, if all behind it are bad."""
    good, bad = -1, len(path) - 1
    open_places = list(range(bad))
    while open_places:
        middle = open_places[len(open_places) // 2]
        answer = ask(path[middle])
        if answer is not None:
            good, bad = (good, middle) if answer else (middle, bad)
        open_places = [place for place in open_places if good < place < bad and place != middle]
    return path[bad]


@dataclass(frozen=True)
class _Above:
    """What a tensor is made from, up to the nearest tensors that are known."""

    bad: list[str]
    unknown: list[str]
    good: list[str]
    """Above one that is unknown."""


def _above(tensor: str, reads: Mapping[str, tuple[str, ...]], ask: Judge) -> _Above:
    above = _Above([], [], [])
    seen, open_names = {tensor}, [tensor]
    while open_names:
        below = open_names.pop(0)
        for name in reads[below]:
            if name in seen or name not in reads:
                continue
            seen.add(name)
            answer = ask(name)
            if answer:
                above.bad.append(name)
            elif answer is None:
                above.unknown.append(name)
                open_names.append(name)
            elif below != tensor:
                above.good.append(name)
    return above
