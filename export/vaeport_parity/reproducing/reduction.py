"""Delta debugging of a small graph: change after change that makes it smaller and keeps the fault."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vaeport.contract import TOLERANCE_FACTOR

from .axes import shorter
from .case import Case
from .faults import Answer, Bench, Fault
from .simplifying import bare, plainer_nodes, plainer_tensors, plainer_values

Change = Callable[[Case, tuple[int, ...]], Iterator[Case]]
"""Cases that a case could become, the smallest first; the second argument is the index of the wrong number."""

_MOST = 4 * TOLERANCE_FACTOR
_ROOM = 0.1

_CHANGES: tuple[Change, ...] = (plainer_nodes, shorter, plainer_tensors, plainer_values)


@dataclass(frozen=True)
class Reduced:
    """The smallest case that was found."""

    case: Case
    """The case."""
    answer: Answer
    """What the backend answers to it."""
    in_time: bool
    """Whether nothing more could be found, not just in the time there was."""


def fault_of(answer: Answer) -> Fault:
    """What must stay of an answer while the graph gets smaller.

    An error must stay clearly above the bound, so that a large one does not turn into one that is nearly allowed: a
    tenth of what it is, but not more than 16 floors.
    """
    least = min(max(TOLERANCE_FACTOR, _ROOM * answer.ratio), _MOST)
    return Fault(answer.kind, least if answer.kind == "off" else TOLERANCE_FACTOR, answer.said)


def reduced(case: Case, answer: Answer, fault: Fault, bench: Bench, until: float, last: float) -> Reduced:
    """Make a case smaller while it keeps its fault.

    Args:
        case: a case with the fault.
        answer: what the backend answers to it.
        fault: what must stay.
        bench: runs cases.
        until: monotonic time at which the best so far is taken.
        last: monotonic time at which it must be done, with plain names too.
    """
    found = Reduced(case, answer, in_time=True)
    refused: set[str] = set()
    changed = True
    while changed:
        changed = False
        for change in _CHANGES:
            while (smaller := _first(change, found, fault, bench, until, refused)) is not None:
                found, changed = smaller, True
        if time.monotonic() >= until:
            break
    for named in bare(found.case):
        answer = bench.answer(named, last)
        if fault.is_in(answer):
            found = Reduced(named, answer, found.in_time)
    return Reduced(found.case, found.answer, time.monotonic() < until)


def _first(
    change: Change, found: Reduced, fault: Fault, bench: Bench, until: float, refused: set[str]
) -> Reduced | None:
    """The first smaller case that keeps the fault; None where there is none, or no time."""
    for candidate in change(found.case, found.answer.worst):
        if time.monotonic() >= until:
            return None
        if candidate.key in refused or not candidate.size < found.case.size:
            continue
        if fault.kind == "silent" and not candidate.is_consistent:
            continue
        answer = bench.answer(candidate, until)
        if fault.is_in(answer):
            return Reduced(candidate, answer, in_time=True)
        refused.add(candidate.key)
    return None
