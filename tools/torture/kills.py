"""Kill -9 at random moments of every writer: nothing half, the next run ends as if nothing had happened, no litter."""

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .trial import Trial
from .writers import (
    PARTS,
    Server,
    Undisturbed,
    Writer,
    broken_run,
    contents,
    differences,
    files_of,
    litter,
    next_command,
    writers,
)

_ASKED = "nothing half, the next run ends as an undisturbed one to the bit, nothing left beside it"


def run(count: int, *, seed: int = 0, parts: Sequence[str] = PARTS, bundle: Path | None = None) -> list[Trial]:
    """Kill each part's writers equally often, half of the times by the clock, half before a random call that writes.

    Args:
        count: kills in all.
        seed: decides the moments.
        parts: which writers.
        bundle: what the runtime's commands take; None exports one.

    Returns:
        A trial for each part.
    """
    if not hasattr(os, "fork"):
        return [Trial("kill -9", _ASKED, 0, "this system cannot fork", None, 0.0)]
    with tempfile.TemporaryDirectory(prefix="vaeport-kills-") as place:
        server, known = Server(Path(place), parts, bundle=bundle), writers()
        return [
            _part(server, Path(place, part), [writer for writer in known if writer.name == part], each, seed)
            for part, each in zip(parts, _shares(count, len(parts)), strict=True)
            if each
        ]


def _shares(count: int, parts: int) -> list[int]:
    return [count // parts + (index < count % parts) for index in range(parts)]


def _part(server: Server, folder: Path, kinds: list[Writer], count: int, seed: int) -> Trial:
    began, killed, failure = time.monotonic(), 0, ""
    known = [Undisturbed(server, folder / f"whole{index}", writer) for index, writer in enumerate(kinds[:count])]
    for case in range(count):
        random = np.random.default_rng([seed, len(kinds[0].name), case])
        died, problem = _killed(server, folder / "case", known[case % len(known)], case, random)
        killed += died
        if problem and not failure:
            failure = f"; case {case} of seed {seed}: {problem}"
    measured = f"{killed} died, {count - killed} had ended before{failure}"
    return Trial(f"kill -9: {kinds[0].name}", _ASKED, count, measured, not failure, time.monotonic() - began)


def _killed(
    server: Server, folder: Path, known: Undisturbed, case: int, random: np.random.Generator
) -> tuple[bool, str]:
    """Kill one run; whether it died, and which promise was broken."""
    writer, work = known.writer, folder / "work"
    server.new_case(folder, writer)
    if case // 2 % 2:
        call = int(random.integers(1, len(known.calls) + 1))
        moment = f"before call {call}"
        ended = server.run(folder, writer.command(server.material, work), disturb=lambda n, *_: _die_at(n, call))
    else:
        seconds = float(random.uniform(0, known.seconds))
        moment = f"after {seconds:.3f} s"
        ended = server.run(folder, writer.command(server.material, work), kill_after=seconds)
    if ended.status not in (0, -signal.SIGKILL):
        return False, f"{moment}: ended with {ended.status}: {ended.output.strip()[-300:]}"
    left = contents(work)
    half = broken_run(work / "run") if writer.goes_on else ""
    if not writer.goes_on and files_of(left) not in (files_of(known.before), files_of(known.after)):
        half = f"neither the old nor the new, {differences(left, known.after)}"
    if half:
        return True, f"killed {moment}: {half}"
    again = server.run(folder, _next(known, server.material, work, left))
    if again.status != 0:
        return True, f"killed {moment}: the next run failed: {again.output.strip()[-300:]}"
    if found := differences(contents(work), known.after):
        return True, f"killed {moment}: the next run ends with other content: {found}"
    if found := ", ".join(litter(folder)):
        return True, f"killed {moment}: left after the next run: {found}"
    return ended.status != 0, ""


def _next(known: Undisturbed, material: Path, work: Path, left: dict[str, bytes]) -> list[str]:
    words = next_command(known.writer, material, work)
    if left == known.after and known.writer.name in ("export", "dataset") and "--replace" not in words:
        # It had come to its end, and what stands there is whole: it is refused unless it may be replaced.
        if known.writer.name == "export":
            return [*words, "--replace"]
        import shutil

        if (work / "set").is_dir():
            shutil.rmtree(work / "set")
    return words


def _die_at(number: int, call: int) -> None:
    if number == call:
        os.kill(os.getpid(), signal.SIGKILL)
