"""A full disk at every write of every writer: one clear sentence, old data whole, nothing left."""

import errno
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .trial import Trial
from .writers import (
    PARTS,
    Ended,
    Server,
    Undisturbed,
    broken_run,
    contents,
    differences,
    litter,
    next_command,
    writers,
)

_ASKED = "exit code 2 and one sentence, old data whole, nothing left; a run that had begun goes on"
_PAGE = 4096
_ROOM = 64 * 2**20
_FAIL = frozenset({"open", "os.mkdir", "os.rename", "os.link", "fsync"})  # what needs room; removing needs none
_KINDS = (errno.ENOSPC, errno.ENOSPC, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ENOSPC, errno.EROFS, errno.EACCES)


@dataclass(frozen=True)
class _Case:
    known: Undisturbed
    call: int = 0
    """Which call fails, from 1 on; 0 where a small disk is filled instead."""
    number: int = 0
    """Its error."""
    free: int = 0
    """Bytes that are left on the disk."""

    def __str__(self) -> str:
        if not self.call:
            return f"{self.known.writer.name} with {self.free} bytes free"
        kind = self.known.calls[self.call - 1]
        return f"{self.known.writer.name} with {errno.errorcode[self.number]} at call {self.call} ({kind})"


def run(count: int, *, seed: int = 0, parts: Sequence[str] = PARTS, bundle: Path | None = None) -> list[Trial]:
    """Let every call that writes fail in turn, and fill a small disk to every page that a writer needs.

    Args:
        count: cases at the most, spread evenly over all that there are.
        seed: decides which, where not all are tried.
        parts: which writers.
        bundle: what the runtime's commands take; None exports one.

    Returns:
        A trial for each part.
    """
    if not hasattr(os, "fork"):
        return [Trial("full disk", _ASKED, 0, "this system cannot fork", None, 0.0)]
    with tempfile.TemporaryDirectory(prefix="vaeport-full-") as place, _small_disk(Path(place, "disk")) as disk:
        server = Server(Path(place, "materials"), parts, bundle=bundle)
        kinds = [writer for writer in writers() if writer.name in parts]
        known = [Undisturbed(server, (disk or Path(place)) / "whole", writer) for writer in kinds]
        shutil.rmtree((disk or Path(place)) / "whole")
        chosen = _chosen([case for each in known for case in _cases(each, with_disk=disk is not None)], count, seed)
        return [
            _part(server, part, [case for case in chosen if case.known.writer.name == part], disk or Path(place), disk)
            for part in parts
        ]


def _cases(known: Undisturbed, *, with_disk: bool) -> Iterator[_Case]:
    for index, kind in enumerate(known.calls):
        if kind in _FAIL:
            yield _Case(known, call=index + 1, number=_KINDS[index % len(_KINDS)])
    if with_disk:
        for free in range(0, known.most_bytes + _PAGE, _PAGE):
            yield _Case(known, free=free)


def _chosen(cases: list[_Case], count: int, seed: int) -> list[_Case]:
    if count >= len(cases):
        return cases
    step = len(cases) / count
    first = np.random.default_rng(seed).uniform(0, step)
    return [cases[int(first + step * index)] for index in range(count)]


def _part(server: Server, part: str, cases: list[_Case], place: Path, disk: Path | None) -> Trial:
    began, failure, refused = time.monotonic(), "", 0
    for case in cases:
        status, problem = _tried(server, case, place)
        refused += status != 0
        if problem and not failure:
            failure = f"; {case}: {problem}"
    filled = sum(not case.call for case in cases)
    disks = f"{filled} filled disks" if disk is not None else "no small disk can be mounted here"
    measured = f"{len(cases) - filled} failing calls, {disks}; {refused} refused{failure}"
    return Trial(f"full disk: {part}", _ASKED, len(cases), measured, not failure, time.monotonic() - began)


def _tried(server: Server, case: _Case, place: Path) -> tuple[int, str]:
    """The exit code of a case, and which promise was broken."""
    writer, folder = case.known.writer, place / "case"
    work = folder / "work"
    server.new_case(folder, writer)
    words = writer.command(server.material, work)
    if case.call:
        ended = server.run(folder, words, disturb=lambda call, _, path: _fail_at(call, case, path))
    else:
        with _filled(place, case.free):
            ended = server.run(folder, words)
    problem = _verdict(case, ended, folder)
    if not problem and ended.status and (work / "run").exists():
        again = server.run(folder, next_command(writer, server.material, work))
        found = differences(contents(work), case.known.after)
        if again.status != 0 or found:
            problem = f"the run does not go on: {again.output.strip()[-200:]} {found}"
    shutil.rmtree(folder)
    return ended.status, problem


def _verdict(case: _Case, ended: Ended, folder: Path) -> str:
    """Which promise is broken; nothing where none is."""
    known, work = case.known, folder / "work"
    if found := ", ".join(litter(folder)):
        return f"left: {found}"
    if ended.status == 0:
        return differences(contents(work), known.after)
    lines = ended.output.strip().splitlines()
    sentences = [line for line in lines if ": error: " in line]
    if ended.status != 2 or len(sentences) != 1 or lines[-1] != sentences[0] or "Traceback" in ended.output:
        return f"ended with {ended.status}: {ended.output.strip()[-400:]}"
    if known.writer.goes_on and (work / "run").exists():
        if "vaeport-train resume" not in sentences[0]:
            return f"a run is left, and the message does not say so: {sentences[0]}"
        return broken_run(work / "run")
    return differences(contents(work), known.before)


def _fail_at(call: int, case: _Case, path: str) -> None:
    if call == case.call:
        raise OSError(case.number, os.strerror(case.number), path)


@contextmanager
def _small_disk(place: Path) -> Iterator[Path | None]:
    """A small disk of its own; None where none can be mounted."""
    place.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    options = ["-t", "tmpfs", "-o", f"size={_ROOM}", "tmpfs", str(place)]
    if (
        mount is None
        or umount is None
        or subprocess.run([mount, *options], check=False, stderr=subprocess.DEVNULL).returncode != 0
    ):
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run([umount, "--lazy", str(place)], check=True)


@contextmanager
def _filled(disk: Path, free: int) -> Iterator[None]:
    """Take all of a disk but some bytes."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            room = os.statvfs(disk)
            os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize - free, 1))
        yield
    finally:
        with suppress(OSError):
            filler.unlink()
