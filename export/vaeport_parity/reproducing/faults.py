"""What a fault is, and whether a smaller graph still has the same one."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vaeport.contract import TOLERANCE_FACTOR
from vaeport.errors import InputError

from ..locating.node_search import RunPart
from ..running.process import PAST_TIME_LIMIT
from .case import Case
from .floors import NoiseFloor, noise_floor

Kind = Literal["right", "off", "no number", "silent", "unknown"]
"""`off`: numbers (or entries) are wrong; `no number`: NaN or infinity where a number is right; `silent`: no answer;
`unknown`: nothing can be said of it, for want of time or because the case cannot be evaluated."""

_ALIKE = 0.6
_WITNESS = "onnxruntime-none"
_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|<[^>]*>|\[[^\]]*\]|/[\w./-]+|\b\w*\d\w*\b""")


@dataclass(frozen=True, eq=False)
class Answer:
    """What a backend did with a case."""

    kind: Kind
    """What kind of answer it is."""
    ratio: float = 0.0
    """Largest error in floors of the number that it is in; infinite where entries that must be equal differ."""
    error: float = 0.0
    """That error; for entries that must be equal, how many differ."""
    worst: tuple[int, ...] = ()
    """Index of the number with that error."""
    values: NDArray[Any] | None = None
    """The answer."""
    floor: NDArray[np.float64] | None = None
    """Noise floor of each number."""
    said: str = ""
    """What the backend said where there is no answer."""


@dataclass(frozen=True)
class Fault:
    """What must stay while a graph gets smaller."""

    kind: Kind
    """Kind of the answer."""
    least: float = TOLERANCE_FACTOR
    """Floors that the error must exceed."""
    said: str = ""
    """For a graph that gets no answer: what was said."""

    def is_in(self, answer: Answer) -> bool:
        """Whether an answer shows the same fault, and not another one."""
        if answer.kind != self.kind:
            return False
        if self.kind == "silent":
            return alike(self.said, answer.said)
        return self.kind == "no number" or answer.ratio > self.least


@dataclass(frozen=True, eq=False)
class Reply:
    """What came back from a backend, before anybody judges it."""

    values: NDArray[Any] | None
    """The answer; None where there is none."""
    said: str = ""
    """What was said then."""
    in_time: bool = True
    """Whether the time was enough."""


@dataclass(eq=False)
class Bench:
    """Runs cases on one backend and judges the answers; a case that was run before is not run again."""

    backend: str
    """Name of the backend."""
    graph: str
    """Name of the graph that the cases come from."""
    run: RunPart
    """Runs a graph on a backend."""
    limit: float
    """Seconds that one run may take."""
    runs: int = 0
    """How many cases were run."""
    _replies: dict[str, Reply] = field(default_factory=dict)
    _answers: dict[str, Answer] = field(default_factory=dict)

    def reply(self, case: Case, until: float) -> Reply:
        """What the backend gives back.

        Args:
            case: the case.
            until: monotonic time at which there must be an answer.
        """
        if case.key not in self._replies:
            left = min(self.limit, until - time.monotonic())
            if left <= 0:
                return Reply(None, "there was no time left", in_time=False)
            self.runs += 1
            answers, said = self.run(self.backend, self.graph, case.model, case.inputs, limit=left)
            if answers is None and PAST_TIME_LIMIT in said:
                return Reply(None, said, in_time=False)
            self._replies[case.key] = Reply(None if answers is None else answers[case.output], said)
        return self._replies[case.key]

    def answer(self, case: Case, until: float) -> Answer:
        """The same, judged.

        Args:
            case: the case.
            until: monotonic time at which there must be an answer.
        """
        if case.key not in self._answers:
            reply = self.reply(case, until)
            if not reply.in_time:
                return Answer("unknown", said=reply.said)
            self._answers[case.key] = judged(case, reply, lambda: self._witness(case, until))
        return self._answers[case.key]

    def _witness(self, case: Case, until: float) -> NDArray[Any] | None:
        """What onnxruntime answers, without optimisation; None where it does not, or is the one at fault."""
        left = min(self.limit, until - time.monotonic())
        if self.backend.startswith("onnxruntime") or left <= 0:
            return None
        answers, _ = self.run(_WITNESS, self.graph, case.model, case.inputs, limit=left)
        return None if answers is None else answers[case.output]


def judged(case: Case, reply: Reply, witness: Callable[[], NDArray[Any] | None]) -> Answer:
    """What an answer is worth.

    Args:
        case: what was asked.
        reply: what came back.
        witness: gives what another runtime answers; asked if the answer is wrong otherwise, and taken for right.
    """
    if reply.values is None:
        return Answer("silent", said=reply.said)
    try:
        if reply.values.shape != case.exact.shape:
            return Answer("silent", said=f"came with the shape {list(reply.values.shape)}")
        floor = noise_floor(case)
    except InputError:
        return Answer("unknown")
    answer = _against(case.exact, reply.values, floor)
    if answer.kind == "off" and (other := witness()) is not None:
        answer = _against(case.exact, reply.values, floor.with_answer(other))
    return answer


def _against(exact: NDArray[Any], values: NDArray[Any], noise: NoiseFloor) -> Answer:
    """An answer beside the right one."""
    floor = noise.values
    if exact.dtype.kind != "f":
        wrong = (values != exact) & np.isfinite(floor)
        count = float(np.count_nonzero(wrong))
        return (
            Answer("off", np.inf, count, _first(wrong), values, floor) if count else Answer("right", 0, 0, (), values)
        )
    wide = values.astype(np.float64)
    lost = np.isfinite(exact) & ~np.isfinite(wide) & np.isfinite(floor)
    if lost.any():
        return Answer("no number", np.inf, np.inf, _first(lost), values, floor)
    if not exact.size:
        return Answer("right", 0, 0, (), values, floor)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(np.isfinite(exact), np.abs(wide - exact), 0.0)
        ratios = np.where(error > 0, error / floor, 0.0)
    worst = tuple(int(place) for place in np.unravel_index(int(np.argmax(ratios)), ratios.shape))
    ratio = float(ratios[worst])
    return Answer("off" if ratio > TOLERANCE_FACTOR else "right", ratio, float(error[worst]), worst, values, floor)


def _first(wrong: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(place) for place in np.argwhere(wrong)[0])


def alike(one: str, other: str) -> bool:
    """Whether two errors are of the same class: equal but for names, numbers and paths, or nearly so."""
    first, second = (_QUOTED.sub("_", text.partition("Stack backtrace")[0]).lower()[:200] for text in (one, other))
    if "died of" in first or "died of" in second:
        return first == second and one == other
    return first == second or SequenceMatcher(None, first, second).ratio() >= _ALIKE
