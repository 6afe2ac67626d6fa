"""What all of vaeport's commands share: errors as one sentence, and exit codes that mean something."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Any, NoReturn, TypeVar

from ..errors import VaeportError
from .plain import plain_text

T = TypeVar("T")

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C stopped, as shells have it: 128 + SIGINT."""

_COLUMNS = 80

_MOST_DIGITS = 100
"""Of a number on a command line."""

_MOST_NESTING = 64
"""Levels of lists and objects that JSON is printed with."""

_MOST_BITS = 1024
"""Of an integer that is printed as a number in JSON: the range of float64, in which programs read it."""

_TERMINATED = 143
"""Exit code of a command that SIGTERM ended: 128 + SIGTERM."""

_NUMBER = re.compile(r"-?[\d.,]+(e[-+]\d+)?( [%s])?|-|inf|nan")

EXIT_CODES = """exit codes:
  0  done, and everything checked holds
  1  a check fell short: a mismatch, or a broken seal where checking was asked for
  2  cannot run: bad usage, bad input, a missing file or extra
  3  the requested device is not the one that would run"""


def command_parser(prog: str, description: str, *, examples: str) -> argparse.ArgumentParser:
    """A parser whose help ends with examples and the exit codes."""
    _open_streams()
    parser = _Parser(
        prog=prog,
        description=description,
        epilog=f"examples:\n{examples}\n\n{EXIT_CODES}",
        formatter_class=_RawFormatter,
    )
    parser.add_argument("--version", action=_VersionAction, help="print the version and leave")
    return parser


class _Formatter(argparse.HelpFormatter):
    """As wide as the terminal, without the slow import by which argparse finds that out for every single argument."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _RawFormatter(_Formatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the examples."""


class _Parser(argparse.ArgumentParser):
    """Verbs take its class, and so its formatter; what cannot be written ends with the right exit code."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": _Formatter, **settings})

    def print_help(self, file: Any = None) -> None:
        """Write the help and leave; argparse itself would ignore a full disk."""
        text = self.format_help()
        sys.exit(run_command(_name(self), lambda: print(text, end="", file=file) or 0))

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and leave."""
        _complain(f"{self.format_usage()}{self.prog}: error: {plain_text(message)}")
        sys.exit(2)


def _name(parser: argparse.ArgumentParser) -> str:
    """Name of the command, without its verb."""
    return parser.prog.split()[0]


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _COLUMNS  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return _COLUMNS


class _VersionAction(argparse.Action):
    """Look the version up only when it is asked for: importlib.metadata is slow to import."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib import metadata

        line = f"{parser.prog} {metadata.version('vaeport')}"
        sys.exit(run_command(_name(parser), lambda: print(line) or 0))


def positive_int(text: str) -> int:
    """An argument that is a whole number of at least 1."""
    value = whole_int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


def whole_int(text: str) -> int:
    """An argument that is a whole number in plain decimals."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        raise argparse.ArgumentTypeError(f"{text[:_MOST_DIGITS]!r} is no whole number")
    return int(text)


def real(text: str) -> float:
    """An argument that is a number."""
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:_MOST_DIGITS]!r} is no number") from error


def share(text: str) -> float:
    """An argument that is a number from 0 to 1."""
    value = real(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{value:g} is not from 0 to 1")
    return value


def run_command(prog: str, command: Callable[[], int]) -> int:
    """Run a command; an expected error becomes one sentence on stderr and its exit code."""
    _open_streams()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that half-made folders are cleared away
    try:
        code = command()
    except VaeportError as error:
        return _failed(prog, str(error), error.exit_code)
    except MemoryError:
        return _failed(prog, "not enough memory for what was asked; ask for less at once", 2)
    except KeyboardInterrupt:
        _complain(f"{prog}: stopped")
        return INTERRUPTED
    except BrokenPipeError:
        _drop(sys.stdout)  # the reader (head, less) has gone
        return 0
    except OSError as error:
        _drop(sys.stdout)
        if isinstance(error, io.UnsupportedOperation):
            return _failed(prog, "cannot write the answer: standard output is closed", 2)
        what = "write the answer" if error.filename is None else f"read or write {error.filename}"
        return _failed(prog, f"cannot {what}: {error.strerror or error}", 2)
    return _flushed(prog, code)


def _flushed(prog: str, code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop(sys.stdout)
    except OSError as error:
        _drop(sys.stdout)
        return _failed(prog, f"cannot write the answer: {error.strerror or error}", 2)
    return code


def _failed(prog: str, sentence: str, code: int) -> int:
    _complain(f"{prog}: error: {plain_text(sentence)}")
    return code


def _complain(lines: str) -> None:
    try:
        print(lines, file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def _drop(stream: IO[str]) -> None:
    """Send what is left to nowhere, or Python complains again when it flushes the stream at exit."""
    with suppress(OSError):  # a stream in memory has no file to redirect
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_streams() -> None:
    """Make the standard streams ready for anything.

    One that the shell has closed (`>&-`) is opened on nothing, in the order of their numbers, so that no file of ours
    takes its number; writing to a closed stdout is an error, and what stderr would say is lost.
    """
    for name, mode in (("stdin", "r"), ("stdout", "r"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for the whole process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be text


def in_steps(items: Sequence[T], size: int, *, what: str) -> Iterator[Sequence[T]]:
    """Go through items in steps of `size`; where stderr is a terminal, a line there tells how far."""
    shown = sys.stderr.isatty() and len(items) > size
    for first in range(0, len(items), size):
        if shown:
            share = first / len(items)
            bar = "#" * round(30 * share)
            print(f"\r{bar:<30} {first} of {len(items)} {what}", end="", file=sys.stderr, flush=True)
        yield items[first : first + size]
    if shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def print_json(value: object) -> None:
    """Print an answer for programs: one JSON value.

    Numbers are finite and within float64's range, or null; what is nested more than 64 levels deep is null; characters
    that are not printable are escaped.
    """
    text = json.dumps(_finite(value, _MOST_NESTING), indent=2, ensure_ascii=False, allow_nan=False)
    print("\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n")))


def print_line(text: str, *, file: IO[str] | None = None) -> None:
    """Print one line, on stdout if no other stream is given; what is not printable in it is escaped."""
    print(plain_text(text), file=file)


def print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print columns of text, each as wide as its widest cell; columns of numbers stand to the right."""
    header, *rows = (tuple(map(plain_text, row)) for row in (header, *rows))
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(_NUMBER.fullmatch(cell) for cell in column[1:]) for column in columns]
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _finite(value: object, nesting: int) -> object:
    """The value as JSON can have it, at most `nesting` levels of it."""
    if isinstance(value, dict | list | tuple) and not nesting:
        return None
    if isinstance(value, dict):
        return {str(key): _finite(inner, nesting - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner, nesting - 1) for inner in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return None
    return value


def _escaped(line: str) -> str:
    """A line of JSON in which what is not printable, which only strings hold, is written as JSON escapes it."""
    return "".join(c if plain_text(c) == c else json.dumps(c)[1:-1] for c in line)
