"""Pillow's warnings about strangers' files, kept from the caller without touching the caller's own.

`warnings.catch_warnings` swaps a list that all threads share, so threads that use it at once undo each other's. Here
one entry stays in that list: it ignores warnings of the modules of PIL, in a thread that is reading a picture for
vaeport at that moment, and nothing else. Pillow used by the caller warns as ever.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast


class _Reading(threading.local):
    """Whether this thread is reading a picture."""

    depth = 0


_reading = _Reading()


class _PillowWhileReading:
    """Takes the place of the pattern of module names in a filter, which only has to have `match`."""

    def match(self, module: str) -> bool:
        """Whether the filter concerns a warning of this module, now and here."""
        return _reading.depth > 0 and module.partition(".")[0] == "PIL"


_FILTER = ("ignore", None, Warning, _PillowWhileReading(), 0)


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Ignore Pillow's warnings in this thread until the block ends, errors out of warnings included."""
    filters = cast("list[Any]", warnings.filters)
    if not filters or filters[0] is not _FILTER:  # others may have stood up before it, or a test has reset the list
        with suppress(ValueError):
            filters.remove(_FILTER)
        filters.insert(0, _FILTER)
    _reading.depth += 1
    try:
        yield
    finally:
        _reading.depth -= 1
