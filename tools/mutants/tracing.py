"""Plugins for pytest: what each test takes, which lines it runs, and how to run some tests only, the quickest first."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest


class SecondsByTest:
    """Writes the seconds of processor time that each test takes, its fixtures and processes included."""

    def __init__(self, result: Path) -> None:
        self._result = result
        self._tests: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Time one test."""
        began = sum(os.times()[:4])
        yield
        self._tests[item.nodeid] = sum(os.times()[:4]) - began

    def pytest_sessionfinish(self) -> None:
        """Write everything down."""
        self._result.write_text(json.dumps(self._tests), encoding="utf-8")


class LinesByTest:
    """Writes the lines of the product that each test runs in its own process, for all tests that pass."""

    def __init__(self, root: Path, folders: tuple[str, ...], result: Path) -> None:
        self._root = f"{root}/"
        self._folders = tuple(f"{root}/{folder}/" for folder in folders)
        self._result = result
        self._watched: dict[CodeType, str] = {}
        self._lines: set[tuple[str, int]] = set()
        self._tests: dict[str, dict[str, list[int]]] = {}
        self._dropped: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch one test, its fixtures included."""
        self._lines = set()
        threading.settrace(self._called)
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)
            lines = self._tests.setdefault(item.nodeid, {})
            for name, line in sorted(self._lines):
                lines.setdefault(name, []).append(line)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that tells nothing of a change."""
        if not report.passed:
            self._dropped.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write everything down."""
        kept = {name: lines for name, lines in self._tests.items() if name not in self._dropped}
        self._result.write_text(json.dumps(kept), encoding="utf-8")

    def _called(self, frame: FrameType, _event: str, _arg: object) -> Any:
        code = frame.f_code
        if code not in self._watched:
            inside = code.co_filename.startswith(self._folders)
            self._watched[code] = code.co_filename.removeprefix(self._root) if inside else ""
        name = self._watched[code]
        if not name:
            return None
        lines = self._lines
        lines.add((name, frame.f_lineno))

        def stepped(frame: FrameType, _event: str, _arg: object) -> Any:
            lines.add((name, frame.f_lineno))
            return stepped

        return stepped


class Only:
    """Runs the named tests, the quickest first, files kept together."""

    def __init__(self, tests: list[str]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}
        self._functions = {test.partition("[")[0] for test in tests}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was named; where a change has given cases other names, all cases of the test."""
        kept = [item for item in items if item.nodeid in self._place]
        if len(kept) < len(self._place):
            kept = [item for item in items if item.nodeid.partition("[")[0] in self._functions]
        files: dict[str, int] = {}
        for item in kept:
            file = item.nodeid.partition("::")[0]
            files[file] = min(files.get(file, len(items)), self._place.get(item.nodeid, len(items)))
        kept.sort(key=lambda item: (files[item.nodeid.partition("::")[0]], self._place.get(item.nodeid, len(items))))
        items[:] = kept
