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
from typing import Any, NoReturn, TypeVar

from ..errors import VaeportError

T = TypeVar("T")

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C stopped, as shells have it: 128 + SIGINT."""

_COLUMNS = 80

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
    """Verbs take its class, and so its formatter."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": _Formatter, **settings})


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

        print(f"{parser.prog} {metadata.version('vaeport')}")
        parser.exit()


def positive_int(text: str) -> int:
    """An argument that is a whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


def share(text: str) -> float:
    """An argument that is a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{value:g} is not from 0 to 1")
    return value


def run_command(prog: str, command: Callable[[], int]) -> int:
    """Run a command; an expected error becomes one sentence on stderr and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be text
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that half-made folders are cleared away
    try:
        code = command()
    except VaeportError as error:
        return _failed(prog, str(error), error.exit_code)
    except MemoryError:
        return _failed(prog, "not enough memory for what was asked; ask for less at once", 2)
    except KeyboardInterrupt:
        print(f"{prog}: stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # the reader (head, less) has gone
        return 0
    except OSError as error:
        _drop_output()
        what = "the answer" if error.filename is None else error.filename
        return _failed(prog, f"cannot read or write {what}: {error.strerror or error}", 2)
    return _flushed(prog, code)


def _flushed(prog: str, code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        return _failed(prog, f"cannot write the answer: {error.strerror or error}", 2)
    return code


def _failed(prog: str, sentence: str, code: int) -> int:
    print(f"{prog}: error: {sentence}", file=sys.stderr)
    return code


def _drop_output() -> None:
    """Send what is left to nowhere, or Python complains again when it flushes stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    """Print an answer for programs: one JSON value, numbers finite or null."""
    print(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print columns of text, each as wide as its widest cell; columns of numbers stand to the right."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(_NUMBER.fullmatch(cell) for cell in column[1:]) for column in columns]
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
