"""The tables of docs/tolerance.md, written from the results of the study."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from vaeport.common.fileio import write_text
from vaeport_parity.running.machine import machine

from .curves import draw
from .defects import SIZES
from .explain import PLACES_FILE
from .results import FAULT, Results, beyond, by_effect, read_results, rules_to_compare, share, upper_limit
from .rules import BOUNDS, RULES
from .runtimes import CONTROLS, FOREIGN, MORE_PREFIXES, OWN
from .strassen import STRASSEN_FILE

_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"
_EFFECTS = (1.0, 2.0, 4.0, 8.0, 16.0)
_SEEN = 0.9
_WHOLE = 100  # from which on a ratio is written without decimals
_SURE = 5.0  # floors of effect beyond which the bound of 4 leaves no doubt


def write_page(results: Path, docs: Path) -> None:
    """Replace the tables between the page's two marks, draw its pictures, and write the ratios as a table of numbers.

    Args:
        results: folder that `python -m tools.tolerance` filled.
        docs: folder of `tolerance.md`; `tolerance/` beside it gets the pictures and `runtimes.csv`.

    Raises:
        FileNotFoundError: there are no results, or no page.
    """
    found = read_results(results)
    page = docs / "tolerance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    draw(found, docs / "tolerance")
    write_text(docs / "tolerance/runtimes.csv", _csv(found))
    write_text(page, f"{before}{_BEGIN}\n{tables(found, results)}\n{_END}{after}")


def tables(results: Results, folder: Path) -> str:
    """All tables as Markdown.

    Args:
        results: of the networks.
        folder: where the other results are, if they are there.
    """
    parts = [_what(results), "### Bounds", _bounds(results), "### Rules", _rules(results)]
    parts += ["### Runtimes", _runtimes(results), "### Kinds of networks", _kinds(results)]
    parts += ["### Defects that converters leave", _converted(results), "### More rows", _more(results)]
    if (folder / PLACES_FILE).is_file():
        parts += ["### Largest ratios, and their nodes", _places(json.loads((folder / PLACES_FILE).read_text()))]
    if (folder / STRASSEN_FILE).is_file():
        parts += ["### MNN on the preset `mlp`", _strassen(json.loads((folder / STRASSEN_FILE).read_text()))]
    return "\n\n".join(parts)


def _what(results: Results) -> str:
    weights = [network["weights"] for network in results.networks]
    versions = f"PyTorch {version('torch')}, onnxruntime {version('onnxruntime')}"
    return (
        f"Measured on {machine()}, {versions}: {len(results.networks)} networks of {len(results.kinds)} kinds "
        f"({min(weights):,} to {max(weights):,} weights), {len(results.pairs)} pairs of a network and a right runtime, "
        f"{len(results.faults)} more in which a runtime is wrong by more than {FAULT:,.0f} floors (below), "
        f"{len(results.sized):,} defects of chosen sizes, {len(results.converted)} as converters leave them."
    )


def _bounds(results: Results) -> str:
    groups = by_effect(results.sized, _EFFECTS)
    heads = [f"seen, effect {low:g} to {high:g}" for low, high, _ in groups[:-1]] + [f"seen, {_EFFECTS[-1]:g} or more"]
    rows = []
    for bound in BOUNDS:
        alarms = sum(map(beyond(bound), results.pairs))
        networks = {pair["network"] for pair in results.pairs if pair["ratio"] > bound}
        direct = sum(map(beyond(bound), results.direct))
        rate = f"{_percent(alarms / len(results.pairs))} (below {_percent(upper_limit(alarms, len(results.pairs)))})"
        missed = sum(not beyond(bound)(each) for each in results.converted)
        seen = [_percent(share(records, beyond(bound))) for _, _, records in groups]
        rows.append([f"{bound:g}", alarms, rate, len(networks), direct, *seen, f"{missed} of {len(results.converted)}"])
    counts = ["defects", "", "", "", "", *(str(len(records)) for _, _, records in groups), ""]
    head = [
        "bound, floors",
        "false alarms",
        "of all pairs (95 % limit)",
        "networks",
        f"of {len(results.direct)} without Strassen's product",
        *heads,
        "converters' defects missed",
    ]
    return _table(head, [*rows, counts])


def _rules(results: Results) -> str:
    known = [each for each in results.sized if each["effect"] is not None and each["effect"] >= _SURE]
    words = {rule.name: f"{rule.source}: rtol {rule.rtol:g}, atol {rule.atol:g}" for rule in RULES}
    words |= {"4 floors": "vaeport_parity", "profile x 4": "five percentiles of the error, 4 times the calibrated ones"}
    rows = []
    for name, says in rules_to_compare().items():
        alarms = sum(map(says, results.pairs))
        missed = sum(not says(each) for each in results.converted)
        rows.append(
            [
                name,
                words[name],
                f"{alarms} ({_percent(alarms / len(results.pairs))})",
                _percent(share(known, says)),
                _smallest_size(results, says),
                f"{missed} of {len(results.converted)}",
            ]
        )
    head = ["rule", "what it is", "false alarms", f"seen of effects of {_SURE:g} floors or more ({len(known)})"]
    return _table([*head, f"size of which {_SEEN:.0%} are seen", "converters' defects missed"], rows)


def _smallest_size(results: Results, says: Any) -> str:
    """The smallest size from which on so many defects are seen."""
    smallest = "none"
    for size in reversed(SIZES):
        if share([each for each in results.sized if each["size"] == size], says) < _SEEN:
            break
        smallest = f"{size:.1e}"
    return smallest


def _runtimes(results: Results) -> str:
    rows = []
    for name in (*OWN, *FOREIGN, *CONTROLS):
        records = [each for each in (*results.pairs, *results.controls) if each["runtime"] == name]
        if not records:
            continue
        ratios = np.array([each["ratio"] for each in records])
        worst = records[int(ratios.argmax())]
        title = f"{name} (control)" if name in CONTROLS else name
        figures = [_ratio(value) for value in (np.median(ratios), np.percentile(ratios, 95), ratios.max())]
        beyond_four = int((ratios > 4).sum())
        rows.append(
            [title, worst["version"], len(records), results.refused[name], *figures, worst["network"], beyond_four]
        )
    head = ["runtime", "version", "networks", "refused", "median", "95 %", "largest", "on", "beyond 4 floors"]
    return _table(head, rows)


def _kinds(results: Results) -> str:
    rows = []
    for kind in results.kinds:
        ratios = [pair["ratio"] for pair in results.pairs if pair["kind"] == kind]
        part = Results(tuple(network for network in results.networks if network["kind"] == kind))
        sizes = [_smallest_size(part, beyond(bound)) for bound in (2.0, 4.0, 8.0)]
        figures = [_ratio(np.median(ratios)), _ratio(max(ratios)), sum(ratio > 4 for ratio in ratios)]
        rows.append([kind, len(part.networks), len(ratios), *figures, *sizes])
    head = ["kind", "networks", "pairs", "median", "largest", "beyond 4 floors"]
    return _table([*head, *(f"size of which {_SEEN:.0%} are seen at {b} floors" for b in (2, 4, 8))], rows)


def _converted(results: Results) -> str:
    rows = []
    for kind in dict.fromkeys(each["kind"] for each in results.converted):
        records = [each for each in results.converted if each["kind"] == kind]
        missed = [sum(not says(each) for each in records) for says in rules_to_compare().values()]
        rows.append([kind, len(records), _ratio(min(each["ratio"] for each in records)), *missed])
    return _table(["defect", "cases", "smallest ratio", *(f"missed: {name}" for name in rules_to_compare())], rows)


def _more(results: Results) -> str:
    records = [pair for pair in results.pairs if pair["more"]]
    rows = []
    for count in MORE_PREFIXES:
        ratios = [pair["more"][str(count)] for pair in records if str(count) in pair["more"]]
        if ratios:
            figures = [_ratio(value) for value in (np.median(ratios), np.percentile(ratios, 95), max(ratios))]
            rows.append([f"{count:,}", len(ratios), *figures, sum(ratio > 4 for ratio in ratios)])
    return _table(
        ["rows that the floor was not measured on", "pairs", "median", "95 %", "largest", "beyond 4 floors"], rows
    )


def _places(places: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        [each["runtime"], ", ".join([each["network"], *each["alike"]]), _ratio(each["ratio"]), each["place"]]
        for each in places
    ]
    return _table(["runtime", "networks", "largest ratio", "first node that is off, on the first network"], rows)


def _strassen(ratios: Sequence[Mapping[str, Any]]) -> str:
    batches = list(dict.fromkeys(each["batch"] for each in ratios))
    rows = []
    for runtime in dict.fromkeys(each["runtime"] for each in ratios):
        for widened in (False, True):
            for graph in dict.fromkeys(each["graph"] for each in ratios):
                found = [
                    max(each["ratio"] for each in ratios if _is(each, runtime, graph, batch, widened=widened))
                    for batch in batches
                ]
                units = "one unit more" if widened else "as it is"
                rows.append([runtime, graph, units, *(_ratio(ratio) for ratio in found)])
    return _table(["runtime", "graph", "hidden layers", *(f"batch {batch:,}" for batch in batches)], rows)


def _is(each: Mapping[str, Any], runtime: str, graph: str, batch: int, *, widened: bool) -> bool:
    wanted = {"runtime": runtime, "graph": graph, "batch": batch, "widened": widened}
    return all(each[key] == value for key, value in wanted.items())


def _csv(results: Results) -> str:
    lines = ["network,runtime,version,ratio,profile,more_3000,failed"]
    for network in results.networks:
        for each in network["runtimes"]:
            figures = "," if each["failed"] else f"{each['ratio']:.4g},{each['profile']:.4g}"
            more = f"{each['more'].get('3000', float('nan')):.4g}" if each["more"] else ""
            failed = "yes" if each["failed"] else ""
            lines.append(f"{network['name']},{each['runtime']},{each['version']},{figures},{more},{failed}")
    return "\n".join(lines) + "\n"


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < _WHOLE else f"{value:,.0f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(' '.join(str(cell).replace('|', '/').split()) for cell in row)} |" for row in rows]
    return "\n".join(lines)
