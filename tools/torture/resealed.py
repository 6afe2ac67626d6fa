"""Bundles that are hostile from end to end, their hashes and digest right: manifests, graphs, arrays, checkpoints.

Whatever is in them, a call raises a VaeportError or gives what it promises, in bounded time and memory. One case again:
python -m tools.torture.resealed --seed S --case I [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch: cases run beside each other, and in forks

import torch

from vaeport.bundle.opening import open_bundle
from vaeport.contract import FP32, GRAPHS, MANIFEST_FILE
from vaeport.errors import VaeportError
from vaeport.sessions.session import import_onnxruntime
from vaeport_export.bundle.original import read_original
from vaeport_train.running.trained import load_trained

from .enemy.array_changes import change_arrays
from .enemy.bases import second_base, small_base
from .enemy.bundle import (
    Files,
    dice,
    entries_of,
    manifest_of,
    opened,
    scratch,
    sealed,
    with_digest,
    write_files,
)
from .enemy.checkpoint_changes import aten_operators, change_checkpoint, change_given_graph, checkpoint_files
from .enemy.graph_changes import change_graph
from .enemy.json_changes import change_json
from .enemy.operators import recorded_nodes
from .enemy.usage import ANSWERED, place_of, stage_of, use
from .enemy.whole_changes import change_whole
from .enemy.zip_changes import archive_of, written
from .trial import Trial
from .workers import Limits, PromiseBrokenError, Tally, alone, run_cases, shown

NAME = "the same, resealed"
ASKED = (
    "a VaeportError or an answer of the promised shape; no crash, no other exception, at most 500 MB and 10 s a case"
)

_LIMITS = Limits(seconds=10.0, growth=500_000_000, cases_a_worker=1000)
_GRAPHS, _MANIFESTS, _GOLDEN, _CHECKPOINTS = 0.55, 0.78, 0.90, 0.94  # upper ends of their shares; the rest are whole
_SHARE_TINY, _SHARE_ZIP, _SHARE_GIVEN = 0.6, 0.3, 0.15
_REACHED = 0.2
"""Share of the cases with changed graphs that must get past our own readers, or the trial would prove nothing."""
_AGAIN = "python -m tools.torture.resealed --seed {seed} --case {{index}}"


@dataclass(frozen=True)
class Made:
    """A hostile bundle."""

    kind: str
    """What was changed: graph, manifest, golden, checkpoint or whole."""
    what: str
    """How, in words."""
    files: Files
    """Its files."""


def make(index: int, *, seed: int, canary: Path) -> tuple[Made, random.Random]:
    """The bundle of a case, and the random numbers that say how it is used.

    Args:
        index: number of the case.
        seed: seed of the trial.
        canary: a folder that is made if anybody unpickles what lies in the bundle.
    """
    numbers = dice(seed, index)
    files, drawn = small_base(), numbers.random()
    if drawn < _GRAPHS:
        files = files if numbers.random() < _SHARE_TINY else second_base()
        graph = GRAPHS[numbers.choice(list(GRAPHS))].file(FP32)
        what, content = change_graph(files[graph], numbers)
        return Made("graph", what, sealed({**files, graph: content})), numbers
    if drawn < _MANIFESTS:
        manifest = {**manifest_of(files), "files": entries_of(files)}
        text = opened(change_json(manifest, numbers, indent=None))
        return Made("manifest", "manifest", {**files, MANIFEST_FILE: with_digest(text)}), numbers
    if drawn < _GOLDEN:
        what, content = change_arrays(files["golden.npz"], numbers, canary)
        return Made("golden", what, sealed({**files, "golden.npz": content})), numbers
    if drawn < _CHECKPOINTS:
        whole = {**files, **checkpoint_files()}
        given = numbers.random() < _SHARE_GIVEN
        what, changes = change_given_graph(whole, numbers) if given else change_checkpoint(whole, numbers)
        others = {} if given else checkpoint_files()
        return Made("checkpoint", what, _with_checkpoint(files, {**others, **changes})), numbers
    what, changes, manifest = change_whole(files, numbers)
    return Made("whole", what, sealed({**files, **changes}, manifest)), numbers


def run(count: int = 100_000, *, seed: int = 0, processes: int = 1) -> list[Trial]:
    """Make hostile bundles and use them.

    Args:
        count: how many.
        seed: for other cases than the usual ones.
        processes: workers at a time.
    """
    began = time.monotonic()
    prepare()
    with scratch() as folder:
        tally = run_cases(Case(folder, seed), range(count), limits=_LIMITS, processes=processes)
    reached = _reached(tally)
    stages = Tally(findings=tally.findings)
    for outcome, times in tally.outcomes.items():
        stages.outcomes[outcome.partition(": ")[2]] += times
    measured = f"{shown(stages, again=_AGAIN.format(seed=seed))}; {100 * reached:.0f} % of the changed graphs reached "
    measured += f"onnxruntime; slowest {tally.slowest[0]:.1f} s (case {tally.slowest[1]})"
    holds = not tally.findings and reached >= _REACHED
    return [Trial(NAME, ASKED, tally.count, measured, holds, time.monotonic() - began)]


def _reached(tally: Tally) -> float:
    """The share of changed graphs that our own readers let through to onnxruntime."""
    ends = Counter[bool]()
    for outcome, times in tally.outcomes.items():
        kind, _, end = outcome.partition(": ")
        if kind == "graph":
            ends["reader" not in end] += times
    return ends[True] / max(ends.total(), 1)


def prepare() -> None:
    """Import and compute what every worker shall inherit: PyTorch imports much of itself at its first use."""
    torch.set_num_threads(1)
    import_onnxruntime()
    recorded_nodes()
    second_base()
    aten_operators()
    with scratch() as folder:
        write_files(folder, _with_checkpoint(small_base(), checkpoint_files()))
        load_trained(folder)
        read_original(open_bundle(folder))


def _with_checkpoint(files: Files, checkpoint: Files) -> Files:
    """A bundle with another original than it had."""
    kept = {name: content for name, content in files.items() if not name.startswith("checkpoint/")}
    return sealed({**kept, **checkpoint})


class Case:
    """The case of a number; each process that runs some has a folder of its own."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._desk: Desk | None = None  # made by the worker: the process that forks it never runs a case

    def __call__(self, index: int) -> str:
        """Make the case's bundle, use it, and say what came of it."""
        desk = self._desk = self._desk or Desk(Path(tempfile.mkdtemp(dir=self._folder)))
        made, numbers = make(index, seed=self._seed, canary=desk.canary)
        path = desk.put(made.files, packed=numbers.random() < _SHARE_ZIP)
        try:
            use(path, made.kind, made.files, numbers)
            end = ANSWERED
        except VaeportError as error:
            end = f"refused by {stage_of(error)}"
        except Exception as error:
            raise PromiseBrokenError(f"{made.what}: {type(error).__name__}: {error} in {place_of(error)}") from error
        if desk.canary.exists():
            desk.canary.rmdir()
            raise PromiseBrokenError(f"{made.what}: a pickle was opened")
        return f"{made.kind}: {end}"


@dataclass
class Desk:
    """Where one process puts bundles: only what differs from the last one is written."""

    root: Path
    """A folder of its own."""
    files: Files = field(default_factory=dict)
    """What stands in the folder of the bundle now."""

    @property
    def canary(self) -> Path:
        """A folder that is made if anybody unpickles what lies in a bundle."""
        return self.root / "unpickled"

    def put(self, files: Files, *, packed: bool) -> Path:
        """Write a bundle as a folder, or as a zip beside it; gives its path."""
        folder = self.root / "bundle"
        if packed:
            path = self.root / "bundle.vaeport"
            path.write_bytes(written(archive_of(files)))
            return path
        for name in self.files.keys() - files.keys():
            (folder / name).unlink()
            for parent in (folder / name).parents:
                if parent == folder or any(parent.iterdir()):
                    break
                parent.rmdir()
        write_files(folder, {name: content for name, content in files.items() if self.files.get(name) != content})
        self.files = files
        return folder


def main() -> int:
    """Run the trial, or make one case again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="hostile bundles (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for other cases (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="workers at a time (default: %(default)s)")
    parser.add_argument("--case", type=int, help="make this case again, alone")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the case's bundle there, and use it not")
    arguments = parser.parse_args()
    if arguments.case is None:
        (trial,) = run(arguments.count, seed=arguments.seed, processes=arguments.processes)
        print(f"{trial.name}: {trial.count:,} cases, {trial.measured} ({trial.seconds:.0f} s)")
        return int(trial.holds is False)
    made, _ = make(arguments.case, seed=arguments.seed, canary=Path("unpickled"))
    print(made.what)
    if arguments.keep is not None:
        write_files(arguments.keep, made.files)
        return 0
    prepare()
    with scratch() as folder:
        tally = alone(Case(folder, arguments.seed), arguments.case, _LIMITS)
    print(shown(tally, again=_AGAIN.format(seed=arguments.seed)))
    return int(bool(tally.findings))


if __name__ == "__main__":
    sys.exit(main())
