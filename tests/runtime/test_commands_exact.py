"""What commands print, to the character, and the exit code of every way to end."""

import argparse
import errno
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from vaeport.common import commands
from vaeport.common.commands import (
    INTERRUPTED,
    command_parser,
    in_steps,
    positive_int,
    print_json,
    print_line,
    print_table,
    real,
    run_command,
    share,
    whole_int,
)
from vaeport.common.extras import needs_extra
from vaeport.errors import MissingExtraError


class Screen(io.StringIO):
    """A terminal in memory."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.fixture(autouse=True)
def _old_handler() -> Any:
    """Commands take SIGTERM for themselves."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def _raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


def test_steps_are_told_on_a_terminal_and_wiped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)

    assert list(in_steps(range(5), 2, what="images")) == [range(2), range(2, 4), range(4, 5)]

    bars = ["", "#" * 12, "#" * 24]
    lines = [f"\r{bar:<30} {first} of 5 images" for bar, first in zip(bars, (0, 2, 4), strict=True)]
    assert screen.getvalue() == "".join(lines) + "\r\033[K"


@pytest.mark.parametrize("items", [2, 1, 0])
def test_a_single_step_is_not_told(items: int, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)

    assert sum(len(step) for step in in_steps(range(items), 2, what="images")) == items
    assert screen.getvalue() == ""


def test_nothing_is_told_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(list(in_steps(range(5), 2, what="images"))) == 3
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("cell", "right"),
    [
        ("1", True),
        ("-1.5", True),
        ("1,000", True),
        ("1e-05", True),
        ("2.5e+10", True),
        ("50 %", True),
        ("3 s", True),
        ("-", True),
        ("inf", True),
        ("nan", True),
        ("a1", False),
        ("1a", False),
        ("1 x", False),
        ("", False),
        ("1e5", False),
    ],
)
def test_columns_of_numbers_stand_to_the_right(cell: str, right: bool, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("heading", "x"), [(cell, "y"), ("0", "z")])

    line = capsys.readouterr().out.splitlines()[1]
    assert line == (f"{cell:>7}  y" if right else f"{cell:<7}  y")


def test_table_escapes_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a\x1b", "b"), [("\n", "c")])
    print_line("d\x1be")

    assert capsys.readouterr().out == "a\\x1b  b\n\\n     c\nd\\x1be\n"


def test_json_is_indented_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a\x1b": ["ü", 1.5, True], 2: ()})

    assert capsys.readouterr().out == '{\n  "a\\u001b": [\n    "ü",\n    1.5,\n    true\n  ],\n  "2": []\n}\n'


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (2**1024 - 1, 2**1024 - 1),
        (2**1024, None),
        (-(2**1024), None),
        (float("inf"), None),
        (float("-inf"), None),
        (float("nan"), None),
        (1.7e308, 1.7e308),
        (-1.7e308, -1.7e308),
    ],
)
def test_json_numbers_are_those_of_float64(value: object, printed: object, capsys: pytest.CaptureFixture[str]) -> None:
    print_json(value)

    assert json.loads(capsys.readouterr().out) == printed


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}, lambda inner: (inner,)])
def test_json_has_sixty_four_levels(wrap: Callable[[object], object], capsys: pytest.CaptureFixture[str]) -> None:
    for levels, inner in ((64, "1"), (65, "null")):
        value: object = 1
        for _ in range(levels):
            value = wrap(value)
        print_json(value)
        text = capsys.readouterr().out.replace("[", "").replace("{", "").replace("]", "").replace("}", "")
        assert text.replace('"a":', "").split() == [inner]


@pytest.mark.parametrize(("text", "value"), [("7", 7), ("-7", -7), ("+7", 7), ("0", 0), ("9" * 100, int("9" * 100))])
def test_whole_numbers_are_plain_decimals(text: str, value: int) -> None:
    assert whole_int(text) == value


@pytest.mark.parametrize("text", ["", "-", "--7", "7.0", "1e3", "0x1", "1_0", " 7", "٣", "9" * 101, "²"])
def test_other_forms_are_no_whole_numbers(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no whole number"):
        whole_int(text)


def test_numbers_on_the_command_line_have_their_ranges() -> None:
    assert (positive_int("1"), share("0"), share("1"), real("-2.5e3")) == (1, 0, 1, -2500)
    for read, text in ((positive_int, "0"), (share, "-0.001"), (share, "1.001"), (share, "nan"), (real, "x")):
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


@pytest.mark.parametrize(("told", "columns"), [("100", 100), ("0", 80), ("", 80), ("x", 80), ("-5", 80), ("٣", 80)])
def test_width_is_that_of_the_environment_or_eighty(told: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", told)
    monkeypatch.setattr(sys, "__stdout__", None)

    assert commands._columns() == columns


@pytest.mark.parametrize(("width", "columns"), [(132, 132), (0, 80)])
def test_width_is_that_of_the_terminal(width: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((width, 50)))
    with open(os.devnull) as stream:  # noqa: PTH123
        monkeypatch.setattr(sys, "__stdout__", stream)
        assert commands._columns() == columns


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_output_without_a_terminal_is_eighty_wide(stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "__stdout__", stream)

    assert commands._columns() == 80


def test_help_is_as_wide_as_is_told_less_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    parser = command_parser("tool", "Does it.", examples="")
    parser.add_argument("--option", help="word " * 40)

    longest = max(len(line) for line in parser.format_help().split("exit codes")[0].splitlines())

    assert 52 <= longest <= 58


def test_help_and_version_end_with_0_and_a_wrong_option_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    parser = command_parser("tool verb", "Does it.", examples="")

    for option, code in (("--help", 0), ("--version", 0), ("--wrong\x1b", 2)):
        with pytest.raises(SystemExit) as caught:
            parser.parse_args([option])
        assert caught.value.code == code
        said = capsys.readouterr()
        if option == "--version":
            assert said.out.startswith("tool verb ")
        if code:
            assert said.err.startswith("usage: tool verb")
            assert "tool verb: error: unrecognized arguments: --wrong\\x1b\n" in said.err
            assert said.out == ""


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MemoryError(), 2, "tool: error: not enough memory for what was asked; ask for less at once\n"),
        (KeyboardInterrupt(), INTERRUPTED, "tool: stopped\n"),
        (OSError(errno.ENOSPC, "full"), 2, "tool: error: cannot write the answer: full\n"),
        (OSError("strange"), 2, "tool: error: cannot write the answer: strange\n"),
        (PermissionError(errno.EACCES, "no", "a\nb"), 2, "tool: error: cannot read or write a\\nb: no\n"),
        (io.UnsupportedOperation("x"), 2, "tool: error: cannot write the answer: standard output is closed\n"),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_every_error_has_its_code_and_sentence(
    error: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # what is dropped has no file

    assert run_command("tool", _raising(error)) == code
    assert capsys.readouterr().err == says
    assert INTERRUPTED == 130


class Full(io.StringIO):
    """An output that fails when it is flushed."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OSError(errno.ENOSPC, "full"), 2, "tool: error: cannot write the answer: full\n"),
        (BrokenPipeError(), 7, ""),
    ],
)
def test_answer_that_cannot_be_flushed_is_an_error(
    error: OSError, code: int, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Full(error))

    assert run_command("tool", lambda: 7) == code
    assert capsys.readouterr().err == says


def test_complaint_that_nobody_can_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full(OSError(errno.EIO, "gone")))

    assert run_command("tool", _raising(MemoryError())) == 2


def test_sigterm_ends_a_command_with_143() -> None:
    def command() -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    with pytest.raises(SystemExit) as caught:
        run_command("tool", command)

    assert caught.value.code == 143


def test_command_in_a_thread_leaves_signals_alone() -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run_command("tool", lambda: 5)))
    before = signal.getsignal(signal.SIGTERM)

    thread.start()
    thread.join()

    assert codes == [5]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_stream_that_the_shell_has_closed_is_opened_on_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, name, None)

    assert run_command("tool", lambda: 4) == 4

    stream = getattr(sys, name)
    assert (stream.name, stream.mode) == (os.devnull, "w" if name == "stderr" else "r")
    stream.close()


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("cpu", "pip install 'vaeport[cpu]' (or 'vaeport[cuda]' for a GPU) brings it"),
        ("completion", "pip install 'vaeport[completion]' brings it"),
        ("train", "pip install 'vaeport[train]' brings it"),
        ("export", "pip install 'vaeport[export,cpu]' brings it"),
    ],
)
def test_each_extra_says_how_it_is_installed(extra: str, says: str) -> None:
    with pytest.raises(MissingExtraError, match="the package some is not installed") as caught, needs_extra(extra):
        raise ModuleNotFoundError("no", name="some.inner")

    assert str(caught.value).endswith(says)


@pytest.mark.parametrize("name", [None, "", "vaeport.inner", "vaeport_train"])
def test_module_of_our_own_that_is_missing_is_a_bug(name: str | None) -> None:
    with pytest.raises(ModuleNotFoundError) as caught, needs_extra("cpu"):
        raise ModuleNotFoundError("no", name=name)

    assert not isinstance(caught.value, MissingExtraError)
