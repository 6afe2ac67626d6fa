"""Kill training at each of some steps, go on in another process, and print the digests of what each run ended with.

Usage: kill_at_steps.py FOLDER STEP...; the run that was never stopped comes first. Everything runs in forks of this
process, which itself never trains: PyTorch is imported once, and each fork dies as a process does.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.train.small import few_digits, metrics_without_time
from tests.train.test_conv import narrow_conv
from vaeport_train.running.run import fit, resume
from vaeport_train.running.trainer import Trainer

SETTINGS = (
    "training.batch_size=44",
    "training.importance_epochs=1",
    "objective.importance_share=0.5",
    "objective.importance_samples=3",
    "training.optimiser=muon",
)
WRITTEN = ("model.safetensors", "trainer.safetensors", "samples.png", "losses.png")


def in_fork(work: Callable[[], object]) -> int:
    """Do it in a process of its own; the status that it ended with."""
    if pid := os.fork():
        return os.waitpid(pid, 0)[1]
    work()
    os._exit(0)


def killed_at(step: int, folder: Path) -> None:
    """Train until a step, saving after every other one, and die in the next."""
    real = Trainer._step

    def deadly(trainer: Trainer, rows: object) -> float:
        if trainer.state.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        trainer.save_every = 0.0 if trainer.state.step % 2 else 1e9
        return real(trainer, rows)  # type: ignore[arg-type]

    Trainer._step = deadly  # type: ignore[method-assign, assignment]
    fit(folder, "conv", narrow_conv(*SETTINGS), few_digits(300, held_out=50), quiet=True)


def main(arguments: list[str]) -> None:
    """Print a line a run."""
    folder, steps = Path(arguments[0]), [int(step) for step in arguments[1:]]
    digits = few_digits(300, held_out=50)
    in_fork(lambda: fit(folder / "whole", "conv", narrow_conv(*SETTINGS), digits, quiet=True))
    for step in steps:
        run = folder / str(step)
        if in_fork(lambda step=step, run=run: killed_at(step, run)) != signal.SIGKILL:  # type: ignore[misc]
            raise RuntimeError(f"training was not killed at step {step}")
        in_fork(lambda run=run: resume(run, digits, quiet=True))  # type: ignore[misc]
    for run in (folder / "whole", *(folder / str(step) for step in steps)):
        digest = hashlib.sha256(repr(metrics_without_time(run)).encode())
        for name in WRITTEN:
            digest.update((run / name).read_bytes())
        print(digest.hexdigest())


if __name__ == "__main__":
    main(sys.argv[1:])
