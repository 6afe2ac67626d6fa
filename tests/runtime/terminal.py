"""Running `vaeport` as people do, and seeing what they would see."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from vaeport.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    """Exit code."""
    out: str
    """Standard output."""
    err: str
    """Standard error."""


class Terminal:
    """The command `vaeport`, its output caught."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, arguments: Sequence[object]) -> Outcome:
        """Run one command; argparse leaves by SystemExit."""
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        caught = self._capsys.readouterr()
        return Outcome(code, caught.out, caught.err)
