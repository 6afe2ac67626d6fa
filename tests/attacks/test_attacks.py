"""Every attack is refused by its own sentence, in time and in memory. The scripts are listed in README.md."""

import re
from pathlib import Path

import pytest

from .attack import load_case, scripts
from .clean import NAMES
from .runner import MOST_BYTES, MOST_SECONDS, Runner

_MOST_CHARACTERS = 1500
"""Of a sentence without the path of the bundle: it quotes the enemy, and must not repeat all that he wrote."""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured as Linux tells it")
@pytest.mark.parametrize("name", scripts())
def test_attack_is_refused_by_its_own_sentence(name: str, runner: Runner) -> None:
    case = load_case(name)

    outcome = runner.run(name)

    assert outcome.kind == ("answered" if case.error is None else "refused"), outcome
    assert case.error is None or case.error.__name__ in outcome.classes, outcome
    assert re.search(case.says, outcome.says), outcome
    assert case.error is None or outcome.says.isprintable(), (
        "the sentence is for a terminal: no line break, no control character"
    )
    assert case.error is None or len(outcome.says) < _MOST_CHARACTERS
    assert not outcome.warned
    assert not outcome.harmed
    assert outcome.seconds < MOST_SECONDS
    assert outcome.grown < MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_hostile_gets_in(name: str, runner: Runner) -> None:
    """Else every attack would be refused for another reason than its own."""
    assert runner.run(name).kind == "answered"


def test_there_are_more_than_a_hundred_attacks() -> None:
    assert len([name for name in scripts() if load_case(name).error is not None]) >= 100
