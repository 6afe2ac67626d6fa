"""Bundles that are hostile from end to end, their hashes and digest right: manifests, graphs, arrays, checkpoints.

Whatever is in them, a call raises a VaeportError or gives what it promises, in bounded time and memory. One case again:
python -m tools.torture.resealed --seed S --case I [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch: cases run beside each other, and in forks

import numpy as np
import torch

import vaeport
from vaeport.bundle.opening import open_bundle
from vaeport.contract import FP32, GRAPHS, MANIFEST_FILE
from vaeport.errors import VaeportError
from vaeport.sessions.session import import_onnxruntime
from vaeport_export.bundle.subject import subject_of

from .enemy.array_changes import change_arrays
from .enemy.bundle import (
    TINY,
    Files,
    dice,
    entries_of,
    manifest_of,
    opened,
    read_files,
    scratch,
    sealed,
    with_digest,
    write_files,
    zipped,
)
from .enemy.checkpoint_changes import aten_operators, change_checkpoint, change_given_graph, checkpoint_files
from .enemy.graph_changes import change_graph
from .enemy.json_changes import change_json
from .enemy.let_through import forbidden
from .enemy.operators import recorded_nodes
from .enemy.whole_changes import change_whole
from .trial import Trial
from .workers import Limits, Tally, alone, run_cases, shown

NAME = "the same, resealed"
ASKED = (
    "a VaeportError or an answer of the promised shape; no crash, no other exception, at most 500 MB and 10 s a case"
)

_LIMITS = Limits(seconds=10.0, growth=500_000_000, cases_a_worker=300)
_GRAPHS, _MANIFESTS, _GOLDEN, _CHECKPOINTS = 0.55, 0.78, 0.90, 0.94  # upper ends of their shares; the rest are whole
_SHARE_ZIP, _SHARE_VERIFIED, _SHARE_GIVEN = 0.3, 0.08, 0.15
_REACHED = 0.2
"""Share of the cases with changed graphs that must get past our own readers, or the trial would prove nothing."""
_LARGEST_ANSWER = 2**20
_AGAIN = "python -m tools.torture.resealed --seed {seed} --case {{index}}"


class PromiseBrokenError(Exception):
    """An answer is not as promised, or something was let in that must not be."""


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
    files, drawn = _base(), numbers.random()
    if drawn < _GRAPHS:
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
        kept = {name: content for name, content in files.items() if not name.startswith("checkpoint/")}
        return Made("checkpoint", what, sealed({**kept, **others, **changes})), numbers
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
    measured = f"{shown(tally, again=_AGAIN.format(seed=seed))}; {100 * reached:.0f} % of the changed graphs reached "
    measured += f"onnxruntime; slowest {tally.slowest[0]:.1f} s (case {tally.slowest[1]})"
    holds = not tally.findings and reached >= _REACHED
    return [Trial(NAME, ASKED, tally.count, measured, holds, time.monotonic() - began)]


def _reached(tally: Tally) -> float:
    """The share of changed graphs that our own readers let through to onnxruntime."""
    ends = Counter[bool]()
    for outcome, times in tally.outcomes.items():
        kind, _, end = outcome.partition(": ")
        if kind == "graph":
            ends[not end.startswith(("refused by bundle.", "refused by graph."))] += times
    return ends[True] / max(ends.total(), 1)


def prepare() -> None:
    """Import and compute what every worker shall inherit."""
    torch.set_num_threads(1)
    import_onnxruntime()
    recorded_nodes()
    checkpoint_files()
    aten_operators()
    from vaeport_train.running import trained  # noqa: F401


class Case:
    """The case of a number; each process that runs some has a folder of its own."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._desks: dict[int, _Desk] = {}

    def __call__(self, index: int) -> str:
        """Make the case's bundle, use it, and say what came of it."""
        desk = self._desks.setdefault(os.getpid(), _Desk(self._folder / str(os.getpid())))
        made, numbers = make(index, seed=self._seed, canary=desk.canary)
        path = desk.put(made.files, packed=numbers.random() < _SHARE_ZIP)
        try:
            end = use(path, made, numbers)
        except VaeportError as error:
            end = f"refused by {_place(error)}"
        except Exception as error:
            raise PromiseBrokenError(f"{made.what}: {type(error).__name__}: {error} in {_place(error)}") from error
        if desk.canary.exists():
            desk.canary.rmdir()
            raise PromiseBrokenError(f"{made.what}: a pickle was opened")
        return f"{made.kind}: {end}"


@dataclass
class _Desk:
    """Where one process puts bundles: only what differs from the last one is written."""

    root: Path
    files: Files = field(default_factory=dict)

    @property
    def canary(self) -> Path:
        return self.root / "unpickled"

    def put(self, files: Files, *, packed: bool) -> Path:
        folder = self.root / "bundle"
        if packed:
            self.root.mkdir(exist_ok=True)
            path = self.root / "bundle.vaeport"
            path.write_bytes(zipped(files))
            return path
        for name in self.files.keys() - files.keys():
            (folder / name).unlink()
        write_files(folder, {name: content for name, content in files.items() if self.files.get(name) != content})
        self.files = files
        return folder


def use(path: Path, made: Made, numbers: random.Random) -> str:
    """Use a bundle as an app would.

    Returns:
        How far it got.

    Raises:
        VaeportError: it was refused.
        PromiseBrokenError: an answer is not as promised.
    """
    if made.kind == "checkpoint":
        return _use_checkpoint(path, numbers)
    if made.kind == "golden" or numbers.random() < _SHARE_VERIFIED:
        report = vaeport.verify(path, threads=1)
        if made.kind == "golden":
            return f"verified, {'holds' if report.holds else 'does not hold'}"
    with vaeport.load(path, threads=1) as model:
        for graph in GRAPHS.values():
            if problem := forbidden(made.files[graph.file(FP32)]):
                raise PromiseBrokenError(f"loaded {problem} in {graph.name}")
        calls: list[Callable[[vaeport.Model, int], None]] = [_encode, _classify, _generate, _decode]
        if numbers.random() < 0.5:
            calls.reverse()
        sizes = [n for n in (3, 1) if n * np.prod(model.image_shape) <= _LARGEST_ANSWER]
        refused: VaeportError | None = None
        for call in calls:
            for n in sizes:
                try:
                    call(model, n)
                except VaeportError as error:
                    refused = refused or error
        if refused is not None:
            raise refused
    return "answered" if sizes else "loaded, too large to be asked here"


def _use_checkpoint(path: Path, numbers: random.Random) -> str:
    from vaeport_train.running.trained import load_trained

    done = []
    if numbers.random() < 0.5:
        try:
            load_trained(path)
            done.append("rebuilt")
        except VaeportError as error:
            done.append(f"refused by {_place(error)}")
    subject_of(open_bundle(path))
    return ", ".join([*done, "compared"])


def _encode(model: vaeport.Model, n: int) -> None:
    encoding = model.encode(_images(model, n))
    for name in ("z_mean", "z_logvar"):
        _check(name, getattr(encoding, name), (n, model.latent_dim))
    _check("class_probs", encoding.class_probs, (n, len(model.labels)))


def _classify(model: vaeport.Model, n: int) -> None:
    answer = model.classify(_images(model, n))
    _check("class_probs", answer.class_probs, (n, len(model.labels)))
    if len(answer.predictions) != n or any(each.label not in model.labels for each in answer.predictions):
        raise PromiseBrokenError(f"classify gave {answer.predictions} for {n} images")


def _generate(model: vaeport.Model, n: int) -> None:
    _check("generate", model.generate(model.labels[0], n, seed=1).pixels, (n, *model.image_shape))


def _decode(model: vaeport.Model, n: int) -> None:
    z = np.linspace(-2, 2, n * model.latent_dim, dtype=np.float32).reshape(n, -1)
    first = model.decode(z, model.labels[-1]).pixels
    _check("decode", first, (n, *model.image_shape))
    if first.tobytes() != model.decode(z, model.labels[-1]).pixels.tobytes():
        raise PromiseBrokenError("decode gives other answers to the same question")


def _images(model: vaeport.Model, n: int) -> Any:
    return np.linspace(0, 1, n * int(np.prod(model.image_shape)), dtype=np.float32).reshape(n, *model.image_shape)


def _check(name: str, answer: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(answer, np.ndarray) or answer.dtype != np.float32 or answer.shape != shape:
        raise PromiseBrokenError(f"{name} is {getattr(answer, 'dtype', type(answer))} {np.shape(answer)}, not {shape}")
    if not np.isfinite(answer).all():
        raise PromiseBrokenError(f"{name} holds numbers that are not finite")


_ONNXRUNTIME = "onnxruntime at load", "onnxruntime at run time"


def _place(error: BaseException) -> str:
    """The module of ours that raised, or onnxruntime where it refused a graph that our own readers let through."""
    if "onnxruntime" in str(error) and "cannot load" in str(error):
        return _ONNXRUNTIME[0]
    if "fails at run time" in str(error):
        return _ONNXRUNTIME[1]
    while isinstance(error.__cause__, VaeportError):  # a wrapper that puts the file's name before the sentence
        error = error.__cause__
    trace, name = error.__traceback__, ""
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        name = module if module.startswith("vaeport") else name
        trace = trace.tb_next
    return name.removeprefix("vaeport.")


@functools.cache
def _base() -> Files:
    return read_files(TINY)


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
