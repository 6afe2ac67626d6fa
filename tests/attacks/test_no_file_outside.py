"""No attack makes vaeport open a file outside the hostile bundle, start a program or connect to a host."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from .attack import load_case, scripts, secret_of
from .clean import NAMES
from .runner import TEMPORARY, Outcome, Runner
from .trace import Trace, read_traces, why_no_trace

_REASON = why_no_trace()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=_REASON or "")

_SEMAPHORES = "/dev/shm/sem."  # noqa: S108 - of Python's own pools of processes, whose names are random
_CODE = tuple(str(Path(place).resolve()) for place in {sys.prefix, sys.base_prefix, *sys.path} if Path(place).is_dir())
"""Where Python, its packages and this project are: what is imported late is no file of an enemy's choice."""


@dataclass(frozen=True)
class Traced:
    """All attacks, tried under a tracer."""

    folder: Path
    """Folder of the attacks' folders."""
    outcomes: dict[str, Outcome]
    """What became of each, by name."""
    traces: dict[str, Trace]
    """What each reached, by name."""

    def outside(self, name: str) -> list[str]:
        """What an attack opened beside the hostile thing itself, Python's code, and what every clean run opens."""
        place = self.folder / name.replace("/", "-")
        touched = ("bundle", "given", TEMPORARY, *(() if name.startswith("clean/") else load_case(name).touches))
        own = [self.outcomes[name].path, *(str(place / each) for each in touched)]
        usual = {str(place)}.union(*(self.traces[clean].opened for clean in NAMES))
        return sorted(
            path
            for path in self.traces[name].opened - usual
            if not path.startswith((_SEMAPHORES, *_CODE)) and not any(_below(path, each) for each in own)
        )


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


@pytest.fixture(scope="module")
def traced(runner: Runner, log: Path) -> Traced:
    """Every script, once."""
    outcomes = {name: runner.run(name) for name in ("clean/careless", *NAMES, *scripts())}
    runner.close()
    return Traced(runner.folder, outcomes, read_traces(log))


def test_the_trace_sees_what_a_careless_reader_does(traced: Traced) -> None:
    place = traced.folder / "clean-careless"

    trace = traced.traces["clean/careless"]

    assert str(secret_of(place)) in traced.outside("clean/careless")
    assert [Path(program).name for program in trace.executed].count("true") >= 1
    assert "127.0.0.1" in trace.connected[0]


def test_no_file_outside_is_opened(traced: Traced) -> None:
    found = {name: outside for name in scripts() if (outside := traced.outside(name))}

    assert not found


def test_no_target_of_an_attack_is_opened(traced: Traced) -> None:
    for name in scripts():
        aims = {*load_case(name).targets, str(secret_of(traced.folder / name.replace("/", "-")))}
        assert not aims & traced.traces[name].opened, name


def test_nothing_is_started_and_nobody_called(traced: Traced) -> None:
    usual = set().union(*(traced.traces[name].connected for name in NAMES))  # the name service's own socket

    assert not {name: trace.executed for name in scripts() if (trace := traced.traces[name]).executed}
    assert not {name: new for name in scripts() if (new := set(traced.traces[name].connected) - usual)}
    assert not [address for address in usual if "AF_UNIX" not in address]


def test_every_attack_was_traced_under_its_own_name(traced: Traced) -> None:
    assert set(scripts()) <= set(traced.traces)
    assert all(traced.outcomes[name].kind != "unmade" for name in scripts())
