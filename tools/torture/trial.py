"""What one trial of a promise found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """One promise, how often it was tried, and whether it was kept."""

    name: str
    """What was tried, `bundle with bytes changed` for instance."""
    asked: str
    """The promise, in the words of docs/reliability.md."""
    count: int
    """How many cases were tried."""
    measured: str
    """What came out; the first failing case where the promise is broken, and how to make it again."""
    holds: bool | None
    """Whether that is as promised; None where it could not be tried here, `measured` says why."""
    seconds: float
    """Wall time."""
