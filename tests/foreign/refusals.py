"""What a refusal must be: one sentence with the words that its reader needs, soon, and nothing written."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vaeport.errors import VaeportError

LIMIT = 10.0
"""Seconds after which nobody waits for a refusal."""

NOT_THERE = r"no such|no [\w ]+ at|no file|not there|does not exist|not found|no folder|there is no"
"""Ways to say that a file is missing."""

LONGEST = 700
"""Characters of a sentence that is still read."""


def check_sentence(sentence: str, words: Iterable[str]) -> None:
    """One line, no traceback, every word (a pattern) in it."""
    assert "\n" not in sentence.strip(), f"more than one line: {sentence}"
    assert "Traceback" not in sentence
    assert 20 < len(sentence) <= LONGEST, f"{len(sentence)} characters: {sentence}"
    missing = [word for word in words if not re.search(word, sentence, re.IGNORECASE)]
    assert not missing, f"{missing} not in: {sentence}"


@contextmanager
def nothing_written(folder: Path) -> Iterator[None]:
    """Every file under a folder stays as it was; what Python compiles aside."""
    before = _files(folder)
    yield
    assert _files(folder) == before


@contextmanager
def soon() -> Iterator[None]:
    """Within the limit."""
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    assert seconds < LIMIT, f"took {seconds:.1f} s"


def refused_call(call: Callable[[], object], words: Iterable[str], folder: Path) -> None:
    """A call of the Python interface raises one of vaeport's own errors."""
    with nothing_written(folder), soon(), pytest.raises(VaeportError) as caught:
        call()
    check_sentence(str(caught.value), words)


def refused_command(
    main: Callable[[list[str]], int],
    arguments: list[str],
    words: Iterable[str],
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    *,
    codes: tuple[int, ...] = (2,),
) -> None:
    """A command ends with an exit code that says so, and one line on stderr."""
    capfd.readouterr()
    with nothing_written(folder), soon():
        try:
            code = main(arguments)
        except SystemExit as leave:  # argparse's own refusals
            code = int(leave.code or 0)
    printed = capfd.readouterr()
    lines = printed.err.strip().splitlines()
    assert code in codes, f"exit code {code}: {printed.out}{printed.err}"
    if lines and lines[0].startswith("usage:"):
        lines = lines[-1:]
    assert len(lines) == 1, f"{len(lines)} lines on stderr: {printed.err}"
    check_sentence(lines[0].partition("error: ")[2], words)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
