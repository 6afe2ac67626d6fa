"""What a backend is."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vaeport.golden import Arrays

from ..subject import Subject

Runner = Callable[[dict[str, NDArray[np.float32]]], Arrays]
"""Runs a loaded graph: float32 inputs by name, outputs by name."""


class Backend(Protocol):
    """One way of running a graph."""

    @property
    def name(self) -> str:
        """Name in reports and on the command line."""

    def version(self) -> str:
        """Version of the software behind it.

        Raises:
            ModuleNotFoundError: it is not installed.
        """

    def load(self, subject: Subject, graph: str) -> Runner:
        """Make a graph ready to run."""
