"""What a bundle says of itself, measured again: labels, test cases, noise floors, figures, the anomaly scale."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.golden import Golden
from vaeport.bundle.manifest import Manifest
from vaeport.bundle.opening import Bundle
from vaeport.checks.comparison import max_abs_error
from vaeport.contract import CLASS_PROBS, GOLDEN_FILE, GRAPHS, MANIFEST_FILE, Z_LOGVAR, Z_MEAN
from vaeport.errors import BundleError, InputError
from vaeport.images.scaling import from_uint8
from vaeport.model.anomaly import kl_nats, reconstruction_nats
from vaeport_parity.judging.report import Finding, Row
from vaeport_parity.reference.base import chunked_answers
from vaeport_parity.subjects.subject import Graph

from .seen import DIGITS, Seen
from .standard_case import StandardCase, standard_cases

CHANCE = 1e-6
"""Probability below which a count of errors is no chance. A bundle is compared on some dozen counts, so that one in ten
thousand sound bundles would be accused."""

SCALE_OFF = 0.12
"""Share of images by which the anomaly scale may be off beside chance: the digits that the network was trained on score
a little better than those held out (measured on the shipped bundles: 0.08 at most, chance included)."""

_LEAST_KNOWN = 20  # labelled images from which labels are judged by the network's classes
_AGREED = 0.8  # share of labels that some other order of classes must explain, and
_BETTER = 0.15  # by how much more than the order that is given, to be the right one
_LEAST_ERROR = 0.001
_MOST_TAIL = 3.0  # times the worst score measured that the scale's end may be


def tolerance_claims(manifest: Manifest, precision: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """Noise floors that are far above what was measured, by which rows were then not judged."""
    told = {(row.graph, row.output): row.noise_floor for row in rows if row.graph in GRAPHS}
    for graph, outputs in manifest.tolerances[precision].items():
        for output, bound in outputs.items():
            measured = told.get((graph, output), bound.noise_floor)
            if 0 < measured < bound.noise_floor:
                yield Finding(
                    MANIFEST_FILE,
                    f"the noise floor of {precision}/{graph}/{output} is said to be {bound.noise_floor:.3g}, measured "
                    f"here it is {measured:.2g}; answers are judged by the latter",
                )


def standard_case_claims(
    bundle: Bundle, graphs: Mapping[str, Graph], golden: Golden, precision: str, rows: Sequence[Row]
) -> Iterator[Finding]:
    """Test cases whose inputs or answers are not the golden ones and those of the reference."""
    allowed = {(row.graph, row.output): row.tolerance for row in rows if row.backend == GOLDEN_FILE}
    for name, graph in graphs.items():
        bounds = {
            output: allowed.get((name, output), bound.max_abs)
            for output, bound in bundle.manifest.tolerances[precision][name].items()
        }
        try:
            for case in standard_cases(bundle, precision, name):
                yield from _case_faults(case, graph, golden, bounds)
        except BundleError as error:
            yield Finding(f"{precision}/{name}", str(error).removeprefix(f"{bundle.path}: "))


def binomial_tail(n: int, least: int, rate: float) -> float:
    """Probability that at least so many of n are wrong at an error rate from 0 to 1."""
    if rate >= 1:
        return 1.0
    return sum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(least, n + 1))


def number_of(figures: Any, key: str) -> float | None:
    """A number of a JSON object; None where there is no such number."""
    value = figures.get(key) if isinstance(figures, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _case_faults(case: StandardCase, graph: Graph, golden: Golden, bounds: Mapping[str, float]) -> Iterator[Finding]:
    spec = GRAPHS[graph.name]
    if set(case.inputs) != set(spec.inputs) or set(case.outputs) != set(spec.outputs):
        found = ", ".join([*case.inputs, *case.outputs])
        yield Finding(case.folder, f"it has {found}, not {', '.join([*spec.inputs, *spec.outputs])}")
        return
    if case.folder.endswith("/test_data_set_0"):
        for name, wanted in golden.inputs(graph.name).items():
            if not np.array_equal(case.inputs[name], wanted[: len(case.inputs[name])]):
                yield Finding(case.folder, f"its {name} is not that of the first rows of {GOLDEN_FILE}")
                return
    try:
        right = chunked_answers(graph.reference, dict(case.inputs), "native")
    except InputError as error:
        yield Finding(case.folder, f"its inputs cannot be run: {error}")
        return
    for name, values in right.items():
        given = case.outputs[name]
        off = max_abs_error(given, values) if given.shape == values.shape else math.inf
        if not off <= bounds[name]:
            text = f"its {name} is off by {off:.2g} from {graph.reference.words}, allowed is {bounds[name]:.2g}"
            yield Finding(case.folder, text)


def label_claims(golden: Golden, seen: Seen, manifest: Manifest) -> Iterator[Finding]:
    """Golden labels that are not the classes of their images."""
    labels, classes = seen.labels[: seen.golden], seen.encoded[CLASS_PROBS][: seen.golden].argmax(axis=1)
    if golden.labels.min() < -1 or golden.labels.max() >= manifest.shapes.classes:
        yield Finding(GOLDEN_FILE, f"labels must be from -1 to {manifest.shapes.classes - 1}")
        return
    if not (labels >= 0).any():
        return
    right = seen.known[: seen.golden]
    if off := int(np.count_nonzero((right >= 0) & (right != labels))):
        yield Finding(GOLDEN_FILE, f"labels of {off} images are not those that the same images have in {DIGITS}")
        return
    n, wrong = len(labels), int(np.count_nonzero(labels != classes))
    rate = _error_rate(seen, manifest)
    if rate is not None and binomial_tail(n, wrong, max(rate, _LEAST_ERROR)) < CHANCE:
        yield Finding(
            GOLDEN_FILE, f"labels of {wrong} of {n} images are not the network's classes; its error is {rate:.2%}"
        )
    elif n >= _LEAST_KNOWN and (better := _best_order(labels, classes)) >= max(_AGREED, 1 - wrong / n + _BETTER):
        yield Finding(
            GOLDEN_FILE,
            f"labels of {wrong} of {n} images are not the network's classes, and {better:.0%} are if the classes are "
            "put in another order",
        )


def figure_claims(seen: Seen, manifest: Manifest) -> Iterator[Finding]:
    """The error that the manifest states, against the one on embedded digits."""
    drawn = slice(seen.golden, None)
    labels = seen.labels[drawn]
    known = labels >= 0
    if not seen.own or not known.any():
        return
    wrong = int(np.count_nonzero((seen.encoded[CLASS_PROBS][drawn].argmax(axis=1) != labels)[known]))
    for name, figures in manifest.evaluation.items():
        rate = number_of(figures, "classification_error")
        if rate is not None and binomial_tail(int(known.sum()), wrong, max(rate, _LEAST_ERROR)) < CHANCE:
            yield Finding(
                MANIFEST_FILE,
                f"the classification error on {name} is said to be {rate:.2%}, on {int(known.sum())} images of "
                f"{DIGITS} {wrong} are wrong",
            )


def anomaly_claims(seen: Seen, manifest: Manifest) -> Iterator[Finding]:
    """The scale of scores, against the scores of images of the network's own kind."""
    scale, kinds = manifest.anomaly, seen.kinds
    n = int(kinds.sum())
    if scale is None or n < _LEAST_KNOWN:
        return
    nats = reconstruction_nats(
        from_uint8(seen.images[kinds]),
        seen.drawn[kinds],
        likelihood=scale.likelihood,
        likelihood_std=scale.likelihood_std,
    )
    scores = nats + kl_nats(seen.encoded[Z_MEAN][kinds], seen.encoded[Z_LOGVAR][kinds])
    off = _distance_from_even(scale.percentile(scores) / 100)
    words = seen.words if seen.own else f"{n} golden images"
    if off > (most := SCALE_OFF + math.sqrt(math.log(2 / CHANCE) / (2 * n))):
        yield Finding(
            MANIFEST_FILE,
            f"the anomaly scale does not fit {words}: {off:.0%} of them score elsewhere than it says, chance and "
            f"training explain {most:.0%}",
        )
    elif scale.negative_elbo[-1] > _MOST_TAIL * float(scores.max()):
        yield Finding(
            MANIFEST_FILE,
            f"the anomaly scale ends at {scale.negative_elbo[-1]:.4g} nats, the worst of {words} scores "
            f"{float(scores.max()):.4g}",
        )


def _error_rate(seen: Seen, manifest: Manifest) -> float | None:
    """The largest error that is stated, or measured on digits of the network's own kind; None where nothing tells."""
    rates = [number_of(figures, "classification_error") for figures in manifest.evaluation.values()]
    known = np.flatnonzero(seen.labels[seen.golden :] >= 0) + seen.golden
    if seen.own and len(known):
        rates.append(float(np.mean(seen.encoded[CLASS_PROBS][known].argmax(axis=1) != seen.labels[known])))
    return max((rate for rate in rates if rate is not None), default=None)


def _best_order(labels: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    """Share of images whose label is their class if every class is given a label of its own, greedily."""
    known = labels >= 0
    pairs, counts = np.unique(np.stack([labels[known], classes[known]]), axis=1, return_counts=True)
    agreed, used_labels, used_classes = 0, set[int](), set[int]()
    for place in np.argsort(-counts, kind="stable"):
        label, best = (int(value) for value in pairs[:, place])
        if label not in used_labels and best not in used_classes:
            used_labels.add(label)
            used_classes.add(best)
            agreed += int(counts[place])
    return agreed / max(int(known.sum()), 1)


def _distance_from_even(shares: NDArray[np.float64]) -> float:
    """Kolmogorov's distance of numbers from evenly spread ones in [0, 1]."""
    ordered, n = np.sort(shares), len(shares)
    steps = np.arange(n + 1) / n
    return float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))
