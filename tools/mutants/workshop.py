"""A copy of the repository in which one file at a time is changed and the tests that run the changed lines are run."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .operators import Mutant

_COPIED = ("docs", "export", "models", "runtime", "tests", "tools", "train")

_ALSO_COPIED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "constraints.txt",
    "pyproject.toml",
)

_MOST_SECONDS = 12.0
"""Of the tests that run a changed line, the quickest that fit into this are run; seconds of processor time."""

_PATIENCE, _PATIENCE_FACTOR = 15, 4
"""Seconds of processor time after which a run is given up, beside this multiple of what its tests take unchanged."""

_SLEEP = 6
"""A run that waits is given up after this multiple of its processor time."""

_WATCHED_SECONDS = 1800
"""Of processor time, for watching all tests."""

Outcome = Literal["killed", "timed out", "survived", "not run"]
"""`not run` where no test runs the changed code at all: it survives, too."""


@dataclass(frozen=True)
class Test:
    """One test as it is without a change."""

    name: str
    """Its node id."""
    seconds: float
    """What it took, its fixtures included."""
    lines: dict[str, frozenset[int]]
    """Lines of the product that it ran, by file."""


class Workshop:
    """One copy of the repository and one warm process to run tests in. Use it in a `with` statement."""

    def __init__(self, root: Path, folders: tuple[str, ...]) -> None:
        self._folders = folders
        self._place = Path(tempfile.mkdtemp(prefix="mutants-"))
        self.tree = self._place / "tree"
        """The copy of the checkout that it changes."""
        self.tree.mkdir()
        for name in _COPIED:
            shutil.copytree(root / name, self.tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in _ALSO_COPIED:
            shutil.copy(root / name, self.tree / name)
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "tools.mutants.worker"],
            cwd=self.tree,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.stdin.close()  # type: ignore[union-attr]  # it ends with its input
        self._worker.wait()
        shutil.rmtree(self._place, ignore_errors=True)

    def watch(self, files: list[str]) -> list[Test]:
        """Run test files twice without a change, for seconds and for lines; tests that do not pass are left out."""
        seconds: dict[str, float] = self._seen(files, "seconds")
        lines: dict[str, dict[str, list[int]]] = self._seen(files, "lines")
        return [
            Test(name, seconds[name], {file: frozenset(numbers) for file, numbers in by_file.items()})
            for name, by_file in lines.items()
            if name in seconds
        ]

    def outcome(self, mutant: Mutant, tests: list[Test]) -> Outcome:
        """Change the file, run the tests, and put the file back."""
        file = self.tree / mutant.path
        source = file.read_bytes()
        try:
            _write(file, mutant.apply(source))
            return self.run(tests)
        finally:
            _write(file, source)

    def run(self, tests: list[Test]) -> Outcome:
        """Run the quickest of some tests on the copy as it stands."""
        chosen: list[Test] = []
        seconds = 0.0
        for test in sorted(tests, key=lambda test: (test.seconds, test.name)):
            if chosen and seconds + test.seconds > _MOST_SECONDS:
                break
            chosen.append(test)
            seconds += test.seconds
        if not chosen:
            return "not run"
        answer = self._ask([test.name for test in chosen], _PATIENCE + round(_PATIENCE_FACTOR * seconds))
        if answer["timed_out"]:
            return "timed out"
        return "survived" if answer["code"] in (0, 5) else "killed"  # 5: no such test

    def failed(self) -> list[str]:
        """What pytest says of the tests that failed last."""
        return [line for line in self._log().splitlines() if line.startswith(("FAILED", "ERROR"))]

    def _seen(self, files: list[str], watch: str) -> Any:
        seen = self._place / f"{watch}.json"
        answer = self._ask(files, _WATCHED_SECONDS, watch=watch, seen=str(seen))
        if not seen.exists():
            raise SystemExit(f"the tests cannot be run without a change ({answer}):\n{self._log()}")
        return json.loads(seen.read_text(encoding="utf-8"))

    def _ask(self, tests: list[str], seconds: int, *, watch: str = "", seen: str = "") -> dict[str, Any]:
        scratch = self._place / "scratch"
        job = {
            "tests": tests,
            "seconds": seconds,
            "until": _SLEEP * seconds,
            "watch": watch,
            "seen": seen,
            "folders": self._folders,
            "log": str(self._place / "log"),
            "scratch": str(scratch),
        }
        print(json.dumps(job), file=self._worker.stdin, flush=True)
        line = self._worker.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise SystemExit(f"the process that runs the tests ended with {self._worker.wait()}")
        shutil.rmtree(scratch, ignore_errors=True)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _log(self) -> str:
        return (self._place / "log").read_text(errors="replace")[-4000:]

    def _environment(self) -> dict[str, str]:
        """As this process's, but with the packages of the copy."""
        own = ("runtime", "export", "train", ".")
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(self.tree / name) for name in own),
            "TMPDIR": str(self._place),
            "OMP_NUM_THREADS": "1",
        }


def traced(workshop: Workshop, root: Path, files: list[str], memory: Path) -> list[Test]:
    """The tests of some files with the lines that they run; what is unchanged since the last time is remembered.

    Args:
        workshop: where files that have changed are run.
        root: root of the repository.
        files: test files, from the root.
        memory: a JSON file to remember by.
    """
    every = sorted(path for folder in ("runtime", "export", "tests") for path in (root / folder).rglob("*.py"))
    common = _digest(path for path in every if not path.name.startswith("test_"))
    known: dict[str, Any] = json.loads(memory.read_text()) if memory.exists() else {}
    keys = {file: f"{common}:{_digest([root / file])}" for file in files}
    stale = [file for file in files if known.get(file, {}).get("key") != keys[file]]
    if stale:
        for file in stale:
            known[file] = {"key": keys[file], "tests": []}
        for test in workshop.watch(stale):
            lines = {name: sorted(numbers) for name, numbers in test.lines.items()}
            known[_file(test)]["tests"].append([test.name, test.seconds, lines])
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(known))
    return [
        Test(name, seconds, {path: frozenset(numbers) for path, numbers in lines.items()})
        for file in files
        for name, seconds, lines in known[file]["tests"]
    ]


def _write(file: Path, source: bytes) -> None:
    """Write a source file and forget what was compiled of it, which Python takes for new within the same second."""
    file.write_bytes(source)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def covering(mutant: Mutant, tests: list[Test], imports: dict[str, set[str]]) -> list[Test]:
    """Tests that a change can matter to.

    They run the changed lines, or at least its function. What stands in no function (a constant, a field's default) has
    run before any test began: then it is all tests in the files of tests that run anything of the changed file, or that
    import it; of its folder, where there are none.

    Args:
        mutant: the change.
        tests: all tests.
        imports: by test file the modules that it names, as of `imported`.
    """
    for first, last in ((mutant.line, mutant.last_line), mutant.around):
        found = [
            test for test in tests if any(first <= line <= last for line in test.lines.get(mutant.path, frozenset()))
        ]
        if found:
            return found
    module = mutant.path.partition("/")[2].removesuffix(".py").replace("/", ".")
    folder = f"{mutant.path.rpartition('/')[0]}/"
    naming = {file for file, names in imports.items() if module in names}
    for place in (mutant.path, folder):
        files = naming | {_file(test) for test in tests if any(path.startswith(place) for path in test.lines)}
        if files:
            return [test for test in tests if _file(test) in files]
    return []


def imported(root: Path, file: str) -> set[str]:
    """Modules that a test file, or what it imports of other tests, names in its imports."""
    found: set[str] = set()
    waiting = [file]
    while waiting:
        path = root / waiting.pop()
        package = path.relative_to(root).parent.as_posix().replace("/", ".")
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                start = package if node.level else ""
                base = ".".join(part for part in (start, node.module) if part)
                names = [base, *(f"{base}.{name}" for name in names)]
            for name in set(names) - found:
                found.add(name)
                inner = f"{name.replace('.', '/')}.py"
                if name.startswith("tests.") and (root / inner).is_file():
                    waiting.append(inner)
    return found


def _file(test: Test) -> str:
    return test.name.partition("::")[0]
