"""Bundles that were changed after they were sealed: every change must be refused, as a folder and as a zip.

Every single-bit flip of the tiny bundle's `bundle.json` is among them. One case again: python -m tools.torture.tampered
--seed S --case I
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from vaeport.bundle.opening import Bundle, open_bundle, shipped_bundles
from vaeport.contract import MANIFEST_FILE
from vaeport.errors import BundleError, SealError

from .enemy.bundle import TINY, Files, dice, read_files, scratch, write_files
from .enemy.byte_changes import flipped
from .enemy.folder_changes import change_folder, restore
from .enemy.zip_changes import change_zip
from .trial import Trial
from .workers import Limits, PromiseBrokenError, Tally, alone, run_cases, shown

NAME = "bundle with bytes changed"
ASKED = "all refused by BundleError or SealError within a second; every single-bit flip of bundle.json"

_LIMITS = Limits(seconds=1.0, patience=15.0, cases_a_worker=20_000)
_SAME = "left the same bundle and are not counted"
_SHIPPED = "mnist-blog"
_SHARE_SHIPPED, _SHARE_ZIP = 0.006, 0.3
_AGAIN = "python -m tools.torture.tampered --count {count} --seed {seed} --case {{index}}"


@dataclass(frozen=True)
class _Original:
    """A bundle as it was sealed."""

    name: str
    files: Files
    digest: str
    packed: bytes


def _original(source: Path, scratch_folder: Path) -> _Original:
    bundle = open_bundle(source)
    packed = bundle.pack(scratch_folder / f"{source.name}.vaeport").read_bytes()
    return _Original(source.name, read_files(source), bundle.digest, packed)


class _Arena:
    """Where one process changes copies of bundles and tries to open them."""

    def __init__(self, root: Path, originals: tuple[_Original, _Original]) -> None:
        self.root = root
        self.tiny, self.shipped = originals

    def folder(self, original: _Original) -> Path:
        """A copy to change; there is another outside of it for links to point to."""
        folder = self.root / original.name / "bundle"
        if not folder.exists():
            write_files(folder, original.files)
            write_files(folder.parent / "outside", original.files)
        return folder

    def flip(self, bit: int) -> str:
        """Flip one bit of the tiny bundle's manifest."""
        manifest = self.folder(self.tiny) / MANIFEST_FILE
        manifest.write_bytes(flipped(self.tiny.files[MANIFEST_FILE], bit))
        try:
            return _outcome(manifest.parent, f"bit {bit} of {MANIFEST_FILE} flipped")
        finally:
            manifest.write_bytes(self.tiny.files[MANIFEST_FILE])

    def change(self, numbers: random.Random) -> str:
        """Change a bundle in one way."""
        original = self.shipped if numbers.random() < _SHARE_SHIPPED else self.tiny
        if numbers.random() < _SHARE_ZIP:
            what, content = change_zip(original.packed, original.files, numbers)
            path = self.root / "changed.vaeport"
            path.write_bytes(content)
            return _outcome(path, what, original)
        folder = self.folder(original)
        what, touched = change_folder(folder, original.files, numbers)
        try:
            return _outcome(folder, what)
        finally:
            restore(folder, original.files, touched)


def run(count: int = 100_000, *, seed: int = 0, processes: int = 1) -> list[Trial]:
    """Change bundles and open them.

    Args:
        count: how many changed bundles must be tried; a change that leaves the same bundle counts for nothing.
        seed: for other cases than the usual ones.
        processes: workers at a time.
    """
    began = time.monotonic()
    total = Tally()
    with scratch() as folder:
        case = _Case(folder, seed, count)
        first, missing = 0, count
        while missing:
            tally = run_cases(case, range(first, first + missing), limits=_LIMITS, processes=processes)
            total.outcomes += tally.outcomes
            total.findings += tally.findings
            total.slowest = max(total.slowest, tally.slowest)
            first, missing = first + missing, tally.outcomes[_SAME]
    tried = total.count - total.outcomes[_SAME]
    measured = (
        f"{shown(total, again=_AGAIN.format(count=count, seed=seed))}; {case.flips:,} were bit flips of {MANIFEST_FILE}"
    )
    measured += f"; slowest {1e3 * total.slowest[0]:.0f} ms (case {total.slowest[1]})"
    return [Trial(NAME, ASKED, tried, measured, not total.findings, time.monotonic() - began)]


class _Case:
    """The case of a number; each process that runs some has an arena of its own."""

    def __init__(self, folder: Path, seed: int, count: int) -> None:
        self._folder, self._seed = folder, seed
        self._bits = 8 * len((TINY / MANIFEST_FILE).read_bytes())
        self.flips = min(self._bits, count // 2)
        """How many of the first cases flip one bit of the manifest."""
        self._originals = (_original(TINY, folder), _original(shipped_bundles()[_SHIPPED], folder))
        self._arena: _Arena | None = None

    def __call__(self, index: int) -> str:
        arena = self._arena = self._arena or _Arena(Path(tempfile.mkdtemp(dir=self._folder)), self._originals)
        if index < self.flips:
            return arena.flip(index * self._bits // self.flips)
        return arena.change(dice(self._seed, index))


def _outcome(path: Path, what: str, original: _Original | None = None) -> str:
    try:
        bundle = open_bundle(path)
    except SealError:
        return "refused by SealError"
    except BundleError:
        return "refused by BundleError"
    if original is not None and _is_same(bundle, original):
        return _SAME
    raise PromiseBrokenError(f"opened after: {what}")


def _is_same(bundle: Bundle, original: _Original) -> bool:
    """A zip has fields that mean nothing for the files in it, dates for instance."""
    same_files = sorted(bundle.files.names()) == sorted(original.files)
    return bundle.digest == original.digest and same_files


def main() -> int:
    """Run the trial, or make one case again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="changed bundles (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for other cases (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="workers at a time (default: %(default)s)")
    parser.add_argument("--case", type=int, help="make this case of a whole trial again, alone")
    arguments = parser.parse_args()
    if arguments.case is not None:
        with scratch() as folder:
            tally = alone(_Case(folder, arguments.seed, arguments.count), arguments.case, _LIMITS)
        print(shown(tally, again=_AGAIN.format(count=arguments.count, seed=arguments.seed)))
        return int(bool(tally.findings))
    (trial,) = run(arguments.count, seed=arguments.seed, processes=arguments.processes)
    print(f"{trial.name}: {trial.count:,} cases, {trial.measured} ({trial.seconds:.0f} s)")
    return int(trial.holds is False)


if __name__ == "__main__":
    sys.exit(main())
