"""Which files, programs and addresses each attack reached, as the kernel saw it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .runner import MARK

_MARK = re.compile(rf'"{MARK}/(begin|end)/([\w/]+)"')
_OPENED = re.compile(r"(?:open|openat|openat2|creat)(?:\(| resumed>).* = \d+<(.*?)(?: \(deleted\))?>$")
_EXECUTED = re.compile(r'execve(?:at)?\(.*?"(.*?)"')
_CONNECTED = re.compile(r"connect\(.*?(\{.*\})")


@dataclass(eq=False)
class Trace:
    """What one attack reached."""

    opened: set[str] = field(default_factory=set)
    """Real paths of files and folders that were opened."""
    executed: list[str] = field(default_factory=list)
    """Programs that were started."""
    connected: list[str] = field(default_factory=list)
    """Addresses that were connected to."""


def tracer(log: Path) -> tuple[str, ...]:
    """The command that runs another and writes what it and its children reach to a file."""
    calls = "trace=open,openat,openat2,creat,execve,execveat,connect"
    return (
        "strace",
        "--seccomp-bpf",
        "--output-append-mode",
        "-f",
        "-qq",
        "-y",
        "-s",
        "4096",
        "-e",
        calls,
        "-o",
        str(log),
    )


def why_no_trace() -> str | None:
    """Why nothing can be traced here; None if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    command = ["strace", "--seccomp-bpf", "-f", "-o", "/dev/null", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"strace cannot trace here: {tried.stderr.strip()}"


def read_traces(log: Path) -> dict[str, Trace]:
    """What was reached between each attack's marks, by its name."""
    traces: dict[str, Trace] = {}
    current: Trace | None = None
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if mark := _MARK.search(line):
                current = traces.setdefault(mark[2], Trace()) if mark[1] == "begin" else None
            elif current is not None:
                _note(line.rstrip("\n"), current)
    return traces


def _note(line: str, trace: Trace) -> None:
    process = line.split(" ", 1)[0]
    if found := _OPENED.search(line):
        trace.opened.add(found[1].replace(f"/proc/{process}/", "/proc/self/"))
    elif found := _EXECUTED.search(line):
        trace.executed.append(found[1])
    elif found := _CONNECTED.search(line):
        trace.connected.append(found[1])
