"""A full disk at every write of every writer: one clear sentence, old data whole, nothing left."""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
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
    PATIENCE,
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
_STEP = 16 * _PAGE
_FILLER = "filler"
_ROOM = 64 * 2**20
_FAIL = frozenset({"open", "os.mkdir", "os.rename", "os.link", "fsync"})  # what needs room; removing needs none
_KINDS = (errno.ENOSPC, errno.ENOSPC, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ENOSPC, errno.EROFS, errno.EACCES)


@dataclass(frozen=True)
class _Case:
    known: Undisturbed
    call: int
    """At which call it happens, from 1 on; 0 before the writer begins."""
    number: int = 0
    """The call's error; 0 where the disk is filled instead."""
    free: int = 0
    """Bytes that are left on the disk then."""

    def __str__(self) -> str:
        trouble = errno.errorcode[self.number] if self.number else f"a disk with {self.free} bytes free"
        kind = f"call {self.call} ({self.known.calls[self.call - 1]})" if self.call else "its beginning"
        return f"{self.known.writer.name} with {trouble} from {kind} on"


def run(count: int, *, seed: int = 0, parts: Sequence[str] = PARTS, bundle: Path | None = None) -> list[Trial]:
    """Let every call that writes fail in turn, and let the disk be full, or all but full, from every file on.

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
        folder = disk or Path(place)
        kinds = [writer for writer in writers() if writer.name in parts]
        known = [Undisturbed(server, folder / "whole", writer) for writer in kinds]
        shutil.rmtree(folder / "whole")
        chosen = _chosen([case for each in known for case in _cases(each, with_disk=disk is not None)], count, seed)
        return [
            _part(server, part, [case for case in chosen if case.known.writer.name == part], folder) for part in parts
        ]


def _cases(known: Undisturbed, *, with_disk: bool) -> Iterator[_Case]:
    for index, kind in enumerate(known.calls):
        if kind in _FAIL:
            yield _Case(known, index + 1, number=_KINDS[index % len(_KINDS)])
        if kind == "open" and with_disk:
            yield from (_Case(known, index + 1, free=free) for free in (0, _PAGE))
    if with_disk and not known.writer.alone:
        yield from (_Case(known, 0, free=free) for free in range(0, known.most_bytes, _STEP))


def _chosen(cases: list[_Case], count: int, seed: int) -> list[_Case]:
    if count >= len(cases):
        return cases
    step = len(cases) / count
    first = np.random.default_rng(seed).uniform(0, step)
    return [cases[int(first + step * index)] for index in range(count)]


def _part(server: Server, part: str, cases: list[_Case], place: Path) -> Trial:
    began = time.monotonic()
    found: list[tuple[int, str]] = []
    for known in dict.fromkeys(case.known for case in cases):
        own = [case for case in cases if case.known is known]
        if known.writer.alone:
            found += _branched(server, known, own, place)
        else:
            found += [_tried(server, case, place) for case in own]
    problems = [problem for _, problem in found if problem]
    failing, refused = sum(bool(case.number) for case in cases), sum(status != 0 for status, _ in found)
    measured = f"{failing} failing calls, {len(cases) - failing} filled disks; {refused} refused"
    failure = f"; {len(problems)} broken, the first: {problems[0]}" if problems else ""
    if len(found) != len(cases):
        failure += f"; {len(cases) - len(found)} could not be tried"
    return Trial(f"full disk: {part}", _ASKED, len(cases), measured + failure, not failure, time.monotonic() - began)


def _tried(server: Server, case: _Case, place: Path) -> tuple[int, str]:
    """One case in a run of its own: the exit code, and which promise was broken."""
    folder = place / "case"
    server.new_case(folder, case.known.writer)
    if not case.call:
        _fill(place, case.free)

    def disturb(call: int, _kind: str, path: str) -> None:
        if call == case.call:
            _befall(case, place, path)

    ended = server.run(folder, case.known.writer.command(server.material, folder / "work"), disturb=disturb)
    return ended.status, _judged(server, case, ended, place)


def _branched(server: Server, known: Undisturbed, cases: list[_Case], place: Path) -> list[tuple[int, str]]:
    """Cases of one writer in one run: at each call it forks for the call's cases, and goes on as if nothing had been.

    A fork meets the trouble and goes on to its end; then the folder is put back as it was before.
    """
    folder, kept, log = place / "case", place / "kept", server.material.parent / "branches"
    words = known.writer.command(server.material, folder / "work")
    log.write_text("")
    is_branch = False
    held: list[int] = []

    def disturb(call: int, _kind: str, path: str) -> None:
        nonlocal is_branch
        for case in () if is_branch else [case for case in cases if case.call == call]:
            shutil.copytree(folder, kept / "content", symlinks=True)
            shutil.copytree(folder, kept / "files", symlinks=True, copy_function=os.link)
            offsets = _offsets(folder)
            began = time.monotonic()
            sys.stdout.flush()
            os.ftruncate(1, 0)
            pid = os.fork()
            if not pid:
                is_branch = True
                _befall(case, place, path)
                return
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            ended = Ended(status, server.output(), time.monotonic() - began)
            problem = _judged(server, case, ended, place)
            with log.open("a") as file:
                file.write(json.dumps([status, problem]) + "\n")
            _put_back(kept, folder, held)
            for descriptor, offset in offsets.items():
                os.lseek(descriptor, offset, os.SEEK_SET)

    server.new_case(folder, known.writer)
    ended = server.run(folder, words, kill_after=PATIENCE * (1 + len(cases)), disturb=disturb)
    found = [(int(status), str(problem)) for status, problem in map(json.loads, log.read_text().splitlines())]
    if ended.status != 0 or (wrong := differences(contents(folder / "work"), known.after)):
        last = ended.output.strip()[-300:] if ended.status else f"other content: {wrong}"
        found.append((ended.status, f"{known.writer.name} did not go on between its branches: {last}"))
    shutil.rmtree(folder)
    return found


def _befall(case: _Case, place: Path, path: str) -> None:
    if case.number:
        raise OSError(case.number, os.strerror(case.number), path)
    _fill(place, case.free)


def _put_back(kept: Path, folder: Path, held: list[int]) -> None:
    """Make a folder what it was; those who work in it stay in it, and what was locked is locked again."""
    for place in (folder / "work", folder / "tmp"):
        for path in place.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    # The very same files, for they may be open; and what the fork wrote into them is undone.
    shutil.copytree(kept / "files", folder, symlinks=True, copy_function=os.link, dirs_exist_ok=True)
    for path in folder.rglob("*"):
        before = kept / "content" / path.relative_to(folder)
        if path.is_file() and before.is_file() and path.read_bytes() != before.read_bytes():
            with path.open("r+b") as file:
                file.write(before.read_bytes())
                file.truncate()
    shutil.rmtree(kept)
    for path in folder.rglob("*.vaeport-tmp"):
        held.append(os.open(path, os.O_RDONLY))
        with suppress(BlockingIOError):  # a file that is locked still
            fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)


def _offsets(folder: Path) -> dict[int, int]:
    """Where each file of the folder that is open will be written next; a fork shares that."""
    found = {}
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if each.readlink().is_relative_to(folder) and each.is_file():
                found[int(each.name)] = os.lseek(int(each.name), 0, os.SEEK_CUR)
    return found


def _judged(server: Server, case: _Case, ended: Ended, place: Path) -> str:
    """Which promise was broken, with the case; nothing where none was."""
    (place / _FILLER).unlink(missing_ok=True)
    writer, work = case.known.writer, place / "case/work"
    problem = _verdict(case, ended, place / "case")
    if not problem and ended.status and writer.goes_on and (work / "run").exists():
        again = server.run(place / "case", next_command(writer, server.material, work))
        found = differences(contents(work), case.known.after)
        if again.status != 0 or found:
            problem = f"the run does not go on: {again.output.strip()[-200:]} {found}"
    return problem and f"{case}: {problem}"


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


def _fill(disk: Path, free: int) -> None:
    """Take all of a disk but some bytes."""
    room = os.statvfs(disk)
    with (disk / _FILLER).open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize - free, 1))
