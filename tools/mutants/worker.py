"""A warm process that runs tests in forks of itself: what the tests import from outside is imported once.

Reads jobs from standard input, one JSON object a line, and answers each with a line. A job has `tests` to run, seconds
of processor time (`seconds`) and of any time (`until`) that they may take, and, where the tests are to be watched, a
file to write what was seen to (`seen`) and whether that is lines or seconds (`watch`). The process knows nothing of the
product before it forks, so each child imports the files as they then stand.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

_IMPORTED_BEFORE = (
    "numpy.testing",
    "PIL.Image",
    "PIL.ImageOps",
    "pytest",
    "hypothesis",
    "torch",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "safetensors.torch",
    "pydantic",
    "jinja2",
    "tqdm",
)

_MOST_MEMORY = 6 * 2**30
"""Bytes of address space of one child: a change may ask for all there is."""

_PYTEST = (
    *("-x", "-q", "--tb=no", "--no-header", "-m", "not torture and not wheel"),
    *("-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what is imported before
)


def main() -> None:
    """Answer jobs until there are none."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    for name in _IMPORTED_BEFORE:
        with suppress(ImportError):
            importlib.import_module(name)
    with suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("onnx.backend.test.case.node").collect_testcases(None)  # seconds, and then remembered
    del os.environ["ORT_DISABLE_TELEMETRY"]
    known = [name for name in sys.modules if name.partition(".")[0].startswith("vaeport")]
    if known:
        raise SystemExit(f"imported before the fork: {known[0]}")
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(job: dict[str, Any]) -> dict[str, object]:
    began = time.monotonic()
    child = os.fork()
    if not child:
        _run(job)
    until = began + job["until"]
    timed_out = False
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        timed_out = time.monotonic() > until
        if timed_out:
            os.killpg(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            break
        time.sleep(0.005)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests have started and left
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "timed_out": timed_out or code == -signal.SIGXCPU, "took": time.monotonic() - began}


def _run(job: dict[str, Any]) -> None:
    """The child: never returns."""
    code = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (job["seconds"], job["seconds"]))
        with Path(job["log"]).open("wb") as log:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        code = _tests(job)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tests(job: dict[str, Any]) -> int:
    import pytest

    from tools.mutants.tracing import LinesByTest, Only, SecondsByTest

    files = list(dict.fromkeys(test.partition("::")[0] for test in job["tests"]))
    options = [*_PYTEST, f"--basetemp={job['scratch']}"]
    if not job["watch"]:
        return pytest.main([*options, *files], plugins=[Only(job["tests"])])
    options.remove("-x")
    seen = Path(job["seen"])
    watcher = LinesByTest(Path.cwd(), tuple(job["folders"]), seen) if job["watch"] == "lines" else SecondsByTest(seen)
    return pytest.main([*options, *files], plugins=[watcher])


if __name__ == "__main__":
    main()
