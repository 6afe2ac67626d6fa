"""Where the largest ratios come from: the first node that is off, as vaeport_parity itself finds it."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaeport.common.fileio import write_text
from vaeport_parity.building import GraphRequest, make_subject
from vaeport_parity.comparison import compare

from .cases import GRAPH, export
from .networks import network
from .results import read_results

PLACES_FILE = "places.json"
"""Name of the result in the study's folder."""

ABOVE = 4.0
"""Ratio from which on a pair is looked into."""

_LIMIT = 180.0


def explain(folder: Path, *, above: float = ABOVE, progress: Callable[[str], None] = lambda _: None) -> None:
    """Compare the pairs of a network and a runtime that are beyond a ratio once more, and keep the place.

    Of several faults of one runtime on networks of one kind, the largest stands for all.

    Args:
        folder: of the study's results; gets `places.json`, of which what is there is kept.
        above: the ratio.
        progress: called with the name of each pair.
    """
    results = read_results(folder)
    faults: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for pair in sorted(results.faults, key=lambda pair: -pair["ratio"]):
        faults.setdefault((pair["runtime"], pair["kind"]), []).append(pair)
    close = [[pair] for pair in sorted(results.pairs, key=lambda pair: -pair["ratio"]) if pair["ratio"] > above]
    path = folder / PLACES_FILE
    before = json.loads(path.read_text()) if path.is_file() else []
    known = {(each["network"], each["runtime"]): each["place"] for each in before}
    found = []
    for first, *alike in [*faults.values(), *close]:
        place = known.get((first["network"], first["runtime"]), "")
        if not place:
            progress(f"{first['network']} on {first['runtime']}")
            place = _place(first["network"], first["runtime"])
        kept = {key: first[key] for key in ("network", "runtime", "ratio")}
        found.append(kept | {"alike": [pair["network"] for pair in alike], "place": place})
        asked = {(each["network"], each["runtime"]) for each in found}
        rest = [each for each in before if (each["network"], each["runtime"]) not in asked]
        write_text(path, json.dumps([*found, *rest], indent=1))
    write_text(path, json.dumps(found, indent=1))


def _place(name: str, runtime: str) -> str:
    kind, _, seed = name.rpartition("-")
    made = network(kind, int(seed))
    with tempfile.TemporaryDirectory(prefix="vaeport-tolerance-") as place:
        request = GraphRequest(export(made, Path(place) / "network.onnx"), made.module)
        subject = make_subject({GRAPH: request}, name=name, folder=Path(place) / "originals")
        report = compare(subject, [runtime], limit=_LIMIT, timed=False)
    return report.backends[0].place or "none: it holds when it is asked again"
