"""Pictures of the study: false alarms and detections by bound, by size of the defect, and by rule."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .defects import SIZES
from .results import Results, beyond, by_effect, rules_to_compare, share
from .rules import BOUNDS

_BOUNDS = np.geomspace(1, 32, 101)
_EFFECTS = (1.0, 2.0, 4.0, 8.0, 16.0)
_MARKED = 4.0


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw all pictures as SVG.

    Args:
        results: of the study.
        folder: where they are written, made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "vaeport", "font.size": 9, "svg.fonttype": "none"}):
        pictures = {"bounds": _bounds(results), "sizes": _sizes(results), "rules": _rules(results)}
    paths = []
    for name, figure in pictures.items():
        paths.append(folder / f"{name}.svg")
        figure.savefig(paths[-1], metadata={"Date": None, "Creator": None})
    return paths


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes: Axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes


def _bounds(results: Results) -> Figure:
    """False alarms and detections by bound."""
    figure, axes = _figure()
    axes.plot(_BOUNDS, _shares(results.pairs), color="black", lw=2, label="right runtimes: false alarms")
    axes.plot(_BOUNDS, _shares(results.direct), color="black", ls="--", label="the same without Strassen's product")
    for low, high, records in by_effect(results.sized, _EFFECTS):
        if low and records:
            words = (
                f"effect of {low:g} to {high:g} floors" if np.isfinite(high) else f"effect of {low:g} floors or more"
            )
            axes.plot(_BOUNDS, _shares(records), label=f"defects with an {words}: seen")
    axes.axvline(_MARKED, color="grey", ls=":")
    axes.set(xscale="log", xlabel="bound in noise floors", ylabel="share called wrong, %", xlim=(1, 32), ylim=(-2, 102))
    axes.set_xticks(BOUNDS, [f"{bound:g}" for bound in BOUNDS])
    axes.minorticks_off()
    figure.legend(loc="outside right center", fontsize=8)
    return figure


def _sizes(results: Results) -> Figure:
    """Detections by the size of the defect, for each bound."""
    figure, axes = _figure()
    for place, bound in enumerate(BOUNDS):
        shares = [100 * share([d for d in results.sized if d["size"] == size], beyond(bound)) for size in SIZES]
        axes.plot(SIZES, shares, color=mpl.colormaps["viridis"](place / len(BOUNDS)), label=f"{bound:g} floors")
    known = [[d for d in results.sized if d["size"] == size and d["effect"] is not None] for size in SIZES]
    limit = [100 * share(records, lambda record: record["effect"] >= 1) for records in known]
    axes.plot(SIZES, limit, color="black", ls="--", label="effect of a floor or more")
    axes.set(xscale="log", xlabel="size of the defect, relative to the tensor's largest weight")
    axes.set(ylabel="share of defects seen, %", ylim=(-2, 102))
    figure.legend(title="bound", loc="outside right center", fontsize=8)
    return figure


def _rules(results: Results) -> Figure:
    """Detections by the size of the defect, for the bound of 4 floors, the profile and fixed tolerances."""
    figure, axes = _figure()
    for name, says in rules_to_compare().items():
        shares = [100 * share([d for d in results.sized if d["size"] == size], says) for size in SIZES]
        alarms = 100 * share(results.pairs, says)
        width = 2.5 if name == "4 floors" else 1.2
        axes.plot(SIZES, shares, lw=width, label=f"{name} ({alarms:.1f} % false alarms)")
    axes.set(xscale="log", xlabel="size of the defect, relative to the tensor's largest weight")
    axes.set(ylabel="share of defects seen, %", ylim=(-2, 102))
    figure.legend(loc="outside right center", fontsize=8)
    return figure


def _shares(records: Iterable[object]) -> list[float]:
    ratios = np.array([record["ratio"] for record in records])  # type: ignore[index]
    return [float(100 * (ratios > bound).mean()) for bound in _BOUNDS]
