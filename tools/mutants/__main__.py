"""`python -m tools.mutants`: change the code in a sample of small ways; a test must fail for each (mutation testing).

Prints, by area, how many of the changes a test noticed, and every change that none did. Exit code 1 if fewer than 92 %
were noticed.
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

from .equivalent import Equivalent, read_equivalents
from .operators import Mutant, mutants_of
from .workshop import Outcome, Test, Workshop, covering, imported, traced

ROOT = Path(__file__).resolve().parents[2]

AREAS = {
    "model": "runtime/vaeport/model",
    "bundle": "runtime/vaeport/bundle",
    "graph": "runtime/vaeport/graph",
    "sessions": "runtime/vaeport/sessions",
    "images": "runtime/vaeport/images",
    "checks": "runtime/vaeport/checks",
    "common": "runtime/vaeport/common",
    "judging": "export/vaeport_parity/judging",
}
"""What is changed: the runtime's core, and what decides in vaeport-parity."""

TESTS = (
    *("tests/runtime", "tests/parity/judging", "tests/parity/reporting"),
    *("tests/parity/test_check.py", "tests/parity/test_cli.py"),
)
"""The tests that run it; for each change those that run the changed lines. What other processes run is not seen, so
that tests/attacks, which tries every attack in one of its own, would add nothing."""

EQUIVALENTS = ROOT / "tools/mutants/equivalent_mutants.toml"

ASKED = 0.92
"""Share of the changes that a test must notice."""

_ALIVE = ("survived", "not run")

_CONTROLS = 6
"""Unchanged runs: what fails in one of them would fail for any change."""


def main() -> int:
    """Run it; the exit code."""
    arguments = _arguments()
    began = time.monotonic()
    mutants = _mutants(arguments.paths)
    if arguments.again is None:
        chosen = _sample(mutants, arguments.sample, arguments.seed)
    else:
        chosen = _unnoticed(mutants, json.loads(arguments.again.read_text(encoding="utf-8")))
    files = sorted({path.relative_to(ROOT).as_posix() for path in _files(arguments.tests, "test_*.py")})
    print(f"{len(chosen)} changes, seed {arguments.seed}, tests of {len(files)} files", flush=True)
    with ExitStack() as stack:
        # All copies are taken now: the checkout may change while they are used.
        workshops = [stack.enter_context(Workshop(ROOT, tuple(AREAS.values()))) for _ in range(arguments.jobs)]
        tests = traced(workshops[0], ROOT, files, arguments.memory)
        print(f"{len(tests)} tests take {sum(test.seconds for test in tests):.0f} s", flush=True)
        imports = {file: imported(workshops[0].tree, file) for file in files}
        covered = {mutant: covering(mutant, tests, imports) for mutant in chosen}
        if spoilt := _spoilt(workshops[0], list(covered.values())):
            print(
                f"{len(spoilt)} of {_CONTROLS} runs without a change failed, so nothing can be said:", *spoilt, sep="\n"
            )
            return 1
        outcomes = _tried(covered, workshops)
    return _report(chosen, outcomes, read_equivalents(EQUIVALENTS), out=arguments.out, seconds=time.monotonic() - began)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, default=500, help="how many changes; 0 takes all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--paths", nargs="*", default=[], help="files and folders to change, instead of all areas")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="files and folders of tests, instead of all")
    parser.add_argument("--jobs", type=int, default=1, help="changes tried at once")
    parser.add_argument("--again", type=Path, help="a JSON file of --out: try what no test noticed then, and no sample")
    parser.add_argument("--out", type=Path, help="a JSON file with every change and what became of it")
    parser.add_argument(
        "--memory", type=Path, default=ROOT / "out/mutants/lines.json", help="where lines by test are remembered"
    )
    return parser.parse_args()


def _mutants(paths: list[str]) -> list[Mutant]:
    files = sorted(_files(paths or AREAS.values(), "*.py"))
    return [mutant for file in files for mutant in mutants_of(file.relative_to(ROOT).as_posix(), file.read_bytes())]


def _files(places: Iterable[str], pattern: str) -> set[Path]:
    """Files that are named, and those of a pattern in folders that are named."""
    named = [ROOT / place for place in places]
    return {file for place in named for file in ([place] if place.is_file() else place.rglob(pattern))}


def _sample(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    if not 0 < count < len(mutants):
        return mutants
    picked = np.random.default_rng(seed).choice(len(mutants), count, replace=False)
    return [mutants[index] for index in sorted(picked)]


def _unnoticed(mutants: list[Mutant], told: list[dict[str, Any]]) -> list[Mutant]:
    alive = {(one["file"], one["before"], one["after"]) for one in told if one["outcome"] in _ALIVE}
    return [mutant for mutant in mutants if (mutant.path, mutant.before, mutant.after) in alive]


def _spoilt(workshop: Workshop, runs: list[list[Test]]) -> list[str]:
    """What is said by runs that fail without any change, of a few."""
    picked = runs[:: max(1, len(runs) // _CONTROLS)][:_CONTROLS]
    outcomes = ((workshop.run(tests), workshop.failed()) for tests in picked)
    return ["; ".join(failed) or outcome for outcome, failed in outcomes if outcome in ("killed", "timed out")]


def _tried(covered: dict[Mutant, list[Test]], workshops: list[Workshop]) -> dict[Mutant, Outcome]:
    waiting: queue.SimpleQueue[tuple[Mutant, list[Test]]] = queue.SimpleQueue()
    for pair in covered.items():
        waiting.put(pair)
    outcomes: dict[Mutant, Outcome] = {}

    def work(workshop: Workshop) -> None:
        with suppress(queue.Empty):
            while True:
                mutant, tests = waiting.get_nowait()
                outcomes[mutant] = workshop.outcome(mutant, tests)
                if outcomes[mutant] in _ALIVE:
                    print(f"{outcomes[mutant]}: {_shown(mutant)}", flush=True)
                elif len(outcomes) % 50 == 0:
                    print(f"{len(outcomes)} of {len(covered)}", file=sys.stderr, flush=True)

    workers = [threading.Thread(target=work, args=(workshop,)) for workshop in workshops]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return outcomes


def _shown(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line}\n    {mutant.before}\n -> {mutant.after}"


def _report(
    chosen: list[Mutant], outcomes: dict[Mutant, Outcome], known: list[Equivalent], *, out: Path | None, seconds: float
) -> int:
    alive = {mutant for mutant in chosen if outcomes[mutant] in _ALIVE}
    reasons = {mutant: one.reason for mutant in alive for one in known if one.is_of(mutant)}
    print()
    for line in _table(chosen, alive, set(reasons)):
        print(line)
    timed_out = sum(outcome == "timed out" for outcome in outcomes.values())
    print(f"{timed_out} of the noticed ones ran into the time limit; {seconds:.0f} s in all")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        told = [
            {
                "file": mutant.path,
                "line": mutant.line,
                "kind": mutant.kind,
                "before": mutant.before,
                "after": mutant.after,
                "outcome": outcomes[mutant],
                "equivalent": reasons.get(mutant),
            }
            for mutant in chosen
        ]
        out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return int(len(chosen) - len(alive) < ASKED * len(chosen))


def _table(chosen: list[Mutant], alive: set[Mutant], excused: set[Mutant]) -> Iterator[str]:
    """One line an area, and one for all."""
    yield f"{'area':<10} {'changes':>8} {'noticed':>8} {'%':>6} {'no change of behaviour':>23} {'% of the others':>16}"
    areas = [next((name for name, folder in AREAS.items() if one.path.startswith(folder)), "other") for one in chosen]
    counts = Counter(areas)
    for area in (*counts, "all"):
        those = [one for one, its in zip(chosen, areas, strict=True) if area in (its, "all")]
        noticed = sum(one not in alive for one in those)
        same = sum(one in excused for one in those)
        others = noticed / (len(those) - same) if len(those) > same else 1.0
        share = noticed / len(those)
        yield f"{area:<10} {len(those):>8} {noticed:>8} {100 * share:>6.1f} {same:>23} {100 * others:>16.1f}"


if __name__ == "__main__":
    sys.exit(main())
