"""Compare the networks of tests/foreign on runtimes that share no code with PyTorch or onnxruntime: docs/foreign.md.

A runtime that falls short on somebody's network is a finding about that runtime or its adapter, told with its figure.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import vaeport_parity as parity  # noqa: E402 - the tests' networks are found from the checkout
from tests.foreign.catalogue import MODULES, by_name  # noqa: E402
from tests.foreign.runtimes import INDEPENDENT  # noqa: E402
from vaeport.common.commands import run_command  # noqa: E402
from vaeport.common.fileio import write_text  # noqa: E402
from vaeport_parity.running.machine import machine  # noqa: E402

_PAGE = """# Strangers' networks on independent runtimes

Made by `python tools/foreign.py`: the networks of `tests/foreign/networks`, written and exported as their authors
would, on runtimes that share no code with PyTorch or onnxruntime. Bound: 4 noise floors. Measured on {machine}, at most
{limit:g} s a runtime. *holds* has the worst ratio behind it; *refuses* means that the runtime, its converter or its
adapter says that it does not take the graph; *falls short* is a wrong answer, with its ratio.
`vaeport-parity` names the node behind it; `recommender`'s, for instance, is a Selu in tract, off by 4.7e-06.

| network | {backends} |
|---|{bars}|
{rows}
"""


def main() -> int:
    """Compare, keep what was compared in a file as it comes, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", help="names of networks (default: all)")
    parser.add_argument("--time-limit", type=float, default=60, help="seconds for each runtime")
    parser.add_argument(
        "--out", default=ROOT / "out/foreign.json", type=Path, help="results so far; known networks are skipped"
    )
    arguments = parser.parse_args()
    known: dict[str, dict[str, str]] = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    names = arguments.networks or [network.name for network in MODULES if not network.needs]
    for name in names:
        if name not in known:
            print(name, flush=True)
            known[name] = compared(name, arguments.time_limit)
            write_text(arguments.out, json.dumps(known, indent=1))
    rows = [f"| {name} | {' | '.join(cells.get(each, '-') for each in INDEPENDENT)} |" for name, cells in known.items()]
    page = _PAGE.format(
        machine=machine(),
        limit=arguments.time_limit,
        backends=" | ".join(INDEPENDENT),
        bars="---|" * (len(INDEPENDENT) - 1) + "---",
        rows="\n".join(rows),
    )
    write_text(ROOT / "docs/foreign.md", page)
    return 0


def compared(name: str, limit: float) -> dict[str, str]:
    """What each runtime makes of one network, in a cell's words."""
    network = by_name(name)
    with tempfile.TemporaryDirectory() as place:
        report = parity.check(
            network.to_onnx(Path(place, f"{name}.onnx")),
            reference=network.module(),
            inputs=network.make_inputs(),
            backends=list(INDEPENDENT),
            time_limit=limit,
            locate=False,
        )
    return {one.name: _cell(report, one.name, one.missing) for one in report.backends}


def _cell(report: parity.Report, backend: str, missing: str | None) -> str:
    if missing is not None:
        return "missing"
    rows = report.of(backend)
    if all(row.holds for row in rows):
        return f"holds {max(row.ratio for row in rows):.2f}"
    if any("time limit" in row.failed for row in rows):
        return "out of time"
    if all(row.failed for row in rows):
        return "refuses"
    return f"**falls short** {max(row.ratio for row in rows if not row.failed):.3g}"


if __name__ == "__main__":
    sys.exit(run_command("tools/foreign.py", main))
