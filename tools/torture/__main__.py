"""Try every promise of docs/security.md, in parallel on all processors, and print what came out.

    python -m tools.torture                 the usual length, under 20 minutes on two processors (make torture)
    python -m tools.torture --times 10      a night's length
    python -m tools.torture --only kills    one trial
    python -m tools.torture --write         write docs/reliability.md from the results in out/torture

Each trial runs in a process of its own on one processor, the soak beside all of them with what they leave. Exit code 1
if a promise is broken.
"""

import argparse
import importlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.torture.reliability import write_page
from tools.torture.trial import Trial

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "out/torture"

_BEHIND = 3  # niceness that leaves a third of a processor to what runs beside the others


@dataclass(frozen=True)
class Job:
    """A trial's module, how often it tries at the usual length, and about how long that takes."""

    name: str
    """Module in this package."""
    count: int
    """What `run` is given; grows with the length."""
    seconds: int
    """Expected time on one processor, by which long ones begin first."""
    beside: bool = False
    """Whether it runs beside the others, on any processor and behind them: it lasts as long as it is told."""


JOBS = (
    Job("soak", 500_000, 600, beside=True),
    Job("fuzzing", 600, 720),
    Job("resealed", 100_000, 750),
    Job("kills", 150, 360),
    Job("tampered", 100_000, 150),
    Job("load", 20_000, 60),
    Job("properties", 1, 60),
    Job("attacks", 1, 60),
    Job("full_disks", 400, 200),
)


def main() -> int:
    """Run the trials; exit code 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", metavar="NAME", choices=[job.name for job in JOBS], default=[])
    parser.add_argument("--times", type=float, default=1, help="multiplies every count (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other cases (default: 0)")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md from the last results")
    parser.add_argument("--run", metavar="NAME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write_page(RESULTS, ROOT / "docs/reliability.md")
        return 0
    if arguments.run:
        return _run_here(arguments.run, arguments.times, arguments.seed)
    jobs = [job for job in JOBS if not arguments.only or job.name in arguments.only]
    trials = _run_all(jobs, arguments.times, arguments.seed)
    return int(any(trial.holds is False for trial in trials))


def _run_here(name: str, times: float, seed: int) -> int:
    """One trial in this process, its results into a file of its own."""
    job = next(job for job in JOBS if job.name == name)
    began = time.perf_counter()
    trials: list[Trial] = importlib.import_module(f"tools.torture.{name}").run(round(job.count * times), seed=seed)
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {"seconds": time.perf_counter() - began, "seed": seed, "trials": [asdict(trial) for trial in trials]}
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


def _run_all(jobs: list[Job], times: float, seed: int) -> list[Trial]:
    """Trials side by side, one on each processor, the longest first; beside them those that are told how long."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    processors = os.sched_getaffinity(0)
    for job in sorted(jobs, key=lambda job: -job.seconds):
        if not job.beside:
            waiting.put(job)
    found: dict[str, list[Trial]] = {}

    def work(processor: int) -> None:
        while not waiting.empty():
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            found[job.name] = _run_apart(job, times, seed, {processor})

    def work_beside(job: Job) -> None:
        found[job.name] = _run_apart(job, times, seed, processors)

    lanes = [threading.Thread(target=work_beside, args=(job,)) for job in jobs if job.beside]
    lanes += [threading.Thread(target=work, args=(each,)) for each in sorted(processors)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    return [trial for job in jobs for trial in found[job.name]]


def _run_apart(job: Job, times: float, seed: int, processors: set[int]) -> list[Trial]:
    def settle() -> None:
        os.sched_setaffinity(0, processors)
        os.nice(_BEHIND if job.beside else 0)

    began = time.perf_counter()
    result = RESULTS / f"{job.name}.json"
    result.unlink(missing_ok=True)
    with tempfile.TemporaryFile("w+") as output:
        code = subprocess.run(
            [sys.executable, "-m", "tools.torture", "--run", job.name, "--times", str(times), "--seed", str(seed)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            preexec_fn=settle,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
        output.seek(0)
        told = output.read()
    seconds = time.perf_counter() - began
    if code != 0 or not result.is_file():
        last = (told.strip().splitlines() or ["it said nothing"])[-1]
        return [Trial(job.name, "runs to its end", 0, f"ended with {code}: {last}", holds=False, seconds=seconds)]
    trials = [Trial(**trial) for trial in json.loads(result.read_text(encoding="utf-8"))["trials"]]
    for trial in trials:
        verdict = {True: "holds", False: "BROKEN", None: "not tried"}[trial.holds]
        words = " ".join(trial.measured.split())
        print(f"{trial.name}: {words} ({trial.count:,} tried in {trial.seconds:.0f} s): {verdict}", flush=True)
    return trials


if __name__ == "__main__":
    sys.exit(main())
