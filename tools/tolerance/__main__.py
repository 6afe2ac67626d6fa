"""Measure how often bounds of 1.5 to 16 noise floors raise false alarms and how small a defect they see.

    python -m tools.tolerance --out out/tolerance                all networks, all runtimes that are installed
    python -m tools.tolerance --out out/tolerance --seeds 1 --runtimes onnxruntime-all
    python -m tools.tolerance --out out/tolerance --write        docs/tolerance.md and its pictures from what is there

Each network leaves a file of its own in the folder; what it holds is not measured again.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from vaeport_parity.backends import all_backends
from vaeport_parity.running.environments import missing_reason

from .explain import explain
from .networks import KINDS
from .page import write_page
from .runtimes import CONTROLS, FOREIGN, OWN, SLOW
from .strassen import STRASSEN_FILE, measure_strassen
from .study import study_into

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "out/tolerance", help="folder of the results")
    parser.add_argument("--seeds", type=int, default=4, help="networks of each kind (default: 4)")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS), help="default: all")
    parser.add_argument("--runtimes", nargs="*", default=[*OWN, *FOREIGN, *CONTROLS], help="default: all")
    parser.add_argument("--limit", type=float, default=60, help="seconds for each runtime on a network (default: 60)")
    parser.add_argument("--jobs", type=int, default=1, help="networks at once (default: 1)")
    parser.add_argument("--write", action="store_true", help="write docs/tolerance.md from the results")
    arguments = parser.parse_args()
    if arguments.write:
        write_page(arguments.out, ROOT / "docs")
        return 0
    runtimes = [name for name in arguments.runtimes if _can_run(name)]
    quick = [name for name in runtimes if name not in SLOW]
    each = [(kind, seed) for seed in range(arguments.seeds) for kind in arguments.kinds]
    tasks = [(*one, quick) for one in each]
    tasks += [(*one, [name for name in runtimes if one[1] < SLOW.get(name, 0)]) for one in each]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(study_into, arguments.out, *task, limit=arguments.limit) for task in tasks]
        for done in as_completed(waiting):
            print(f"failed: {done.exception()}" if done.exception() else done.result(), flush=True)
    if "mnn" in runtimes and not (arguments.out / STRASSEN_FILE).is_file():
        measure_strassen(arguments.out)
    explain(arguments.out, progress=lambda pair: print(f"looking into {pair}", flush=True))
    return int(any(done.exception() for done in waiting))


def _can_run(name: str) -> bool:
    reason = missing_reason(all_backends()[name].facts)
    if reason:
        print(f"{name} is left out: {reason}", flush=True)
    return reason is None


if __name__ == "__main__":
    sys.exit(main())
