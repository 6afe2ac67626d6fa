"""Try every planted defect and harmless rewrite of tests/parity/defects: is it seen, and is its place right?

Prints a line for each as it comes, then the totals, and writes `out/defects.json`. Exits with 1 unless all defects are
caught, 90 % of them with the right place, no rewrite raises an alarm and nothing ends a comparison.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.parity.defects.bases import Bases  # noqa: E402 - the tests' material is found from the checkout
from tests.parity.defects.suite import CASES, DEFECTS  # noqa: E402
from tests.parity.defects.trying import Outcome, attempt  # noqa: E402
from vaeport.common.commands import run_command  # noqa: E402
from vaeport.common.fileio import write_text  # noqa: E402
from vaeport.errors import InputError  # noqa: E402

LEAST_PLACED = 0.9
"""Share of the defects that must be told with the right place."""


def main() -> int:
    """Try the chosen cases, keep what came of them in a file as it comes, and print totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only cases whose name holds any of these words")
    parser.add_argument("--bases", type=Path, help="folder to keep the bases in (default: made anew)")
    parser.add_argument("--out", type=Path, default=ROOT / "out/defects.json", help="where the outcomes go")
    parser.add_argument("--verbose", action="store_true", help="print what was said of every case")
    arguments = parser.parse_args()
    cases = [case for case in CASES if not arguments.words or any(word in case.key for word in arguments.words)]
    if not cases:
        raise InputError(f"no case is named {' or '.join(arguments.words)}; give words of names, such as fp16")
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="vaeport-defects-") as place:
        bases = Bases(arguments.bases or Path(place) / "bases")
        for index, case in enumerate(cases):
            outcome = attempt(case, bases, Path(place) / f"case-{index}")
            outcomes.append(outcome)
            print(_line(outcome, verbose=arguments.verbose), flush=True)
            write_text(arguments.out, json.dumps([asdict(each) for each in outcomes], indent=1, ensure_ascii=False))
    text, good = totals(outcomes)
    print(text)
    return 0 if good else 1


def totals(outcomes: Sequence[Outcome]) -> tuple[str, bool]:
    """The outcomes in a few lines, and whether they are as they must be."""
    defects = {case.key for case in DEFECTS}
    planted = [each for each in outcomes if each.key in defects]
    rewritten = [each for each in outcomes if each.key not in defects]
    caught = [each for each in planted if each.verdict == "caught"]
    placed = [each for each in caught if each.placed]
    alarms = [each for each in rewritten if each.verdict == "false alarm"]
    stopped = [each for each in outcomes if each.verdict == "stopped"]
    skipped = [each for each in rewritten if each.verdict == "skipped"]
    lines = [
        f"defects: {len(planted)}, caught {len(caught)}, right place {len(placed)}",
        f"rewrites: {len(rewritten)}, false alarms {len(alarms)}, skipped {len(skipped)}",
        f"comparisons that were stopped: {len(stopped)}",
    ]
    enough = len(placed) >= LEAST_PLACED * len(planted)
    return "\n".join(lines), len(caught) == len(planted) and enough and not alarms and not stopped


def _line(outcome: Outcome, *, verbose: bool) -> str:
    place = "" if outcome.verdict != "caught" else "place right" if outcome.placed else "PLACE WRONG"
    line = f"{outcome.verdict:12}{place:12}{outcome.seconds:6.1f} s  {outcome.key}"
    if verbose or not outcome.right or (outcome.verdict == "caught" and not outcome.placed):
        line += "".join(f"\n      {text[:400]}" for text in outcome.texts)
    return line


if __name__ == "__main__":
    sys.exit(run_command("tools/defects.py", main))
