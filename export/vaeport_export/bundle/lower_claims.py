"""What a bundle says of a lower precision, measured again against the original: its gate, its figures."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vaeport.bundle.golden import Golden
from vaeport.bundle.manifest import Manifest
from vaeport.checks.comparison import psnr
from vaeport.contract import (
    CLASS_PROBS,
    DECODER,
    ENCODER_CLASSIFIER,
    GRAPHS,
    IMAGE,
    MANIFEST_FILE,
    Z_LOGVAR,
    Z_MEAN,
    Z,
)
from vaeport.images.scaling import from_uint8
from vaeport.sessions.session import first_line
from vaeport_parity.judging.report import Finding

from ..graph.running import Answers, onnxruntime_answers
from ..precisions.gates import GATES, Chained, Gate, PrecisionFigures, judge, missed
from ..precisions.material import Material
from .claims import CHANCE, binomial_tail, number_of
from .ranges import range_faults
from .seen import Seen
from .witnesses import converted

PSNR_OFF = 3.0
"""dB by which a stated PSNR may be off from that of a few hundred other images; on the shipped bundles: 1.1 at most."""

PSNR_OFF_ALONE = 6.0
"""The same where only golden images can be looked at."""

_GATE_SLACK = 1.5  # dB that a few images may be below the mean of those that the gate was kept on
_MOST_LATENT = {"fp16": 0.02}
"""Root mean square of a latent's error from the original's, in units of its spread; 0.001 on the shipped bundles."""
_MOST_LATENT_ELSE = 0.25  # 0.05 on the shipped bundles in int8
_TIMES = 2.0  # times a stated largest difference that other images may reach
_LEAST = 1e-5


def lower_claims(
    precision: str,
    graphs: Mapping[str, bytes],
    full: Mapping[str, bytes],
    golden: Golden,
    seen: Seen,
    manifest: Manifest,
) -> Iterator[Finding]:
    """What is wrong with a lower precision, and with what is said of it.

    The gate that it passed when it was made is run again, against the original instead of the float32 graphs.

    Args:
        precision: its name.
        graphs: content of its graphs, by name.
        full: content of the float32 graphs, by name.
        golden: golden inputs.
        seen: images with the original's answers.
        manifest: the bundle's manifest.
    """
    kinds = seen.kinds
    if not kinds.any():
        return
    try:
        encoded, drawn = _drawn_again(graphs, seen)
    except Exception as error:  # noqa: BLE001 - onnxruntime's own errors share no base
        yield Finding(f"{precision} graphs", f"they cannot be run on {len(seen.images)} images: {first_line(error)}")
        return
    material = Material({}, seen.images[kinds], None, "golden")
    figures = judge(
        Chained(encoded[CLASS_PROBS][kinds], drawn[kinds], sum(map(len, graphs.values()))),
        Chained(seen.encoded[CLASS_PROBS][kinds], seen.drawn[kinds], sum(map(len, full.values()))),
        material,
    )
    faults = list(_gate_faults(figures, precision, encoded, seen))
    on = f"on {int(kinds.sum())} images"
    if faults and _follows(full, precision, encoded, drawn, seen):
        text = f"the fp32 and {precision} graphs agree with each other and not with it: {faults[0][1]}, {on}"
        yield Finding("the original", text)
    else:
        for output, text in faults:
            name = _maker(output, graphs, precision, seen)
            yield Finding(GRAPHS[name].file(precision), f"{text}, {on} against the original")
    for name, content in graphs.items():
        for text in range_faults(name, content, full[name], golden, seen):
            yield Finding(GRAPHS[name].file(precision), text)
    stated = manifest.precision_figures.get(precision)
    # Figures are of the graphs that were made; of others, which are told by themselves, they say nothing.
    sound = all(converted(full[name], precision, content) == content for name, content in graphs.items())
    if isinstance(stated, dict) and sound:
        for text in _figure_faults(stated, figures, manifest, own=seen.own):
            yield Finding(MANIFEST_FILE, f"figures of {precision}: {text}")


def _drawn_again(graphs: Mapping[str, bytes], seen: Seen) -> tuple[Answers, Any]:
    encoded = onnxruntime_answers(graphs[ENCODER_CLASSIFIER], ENCODER_CLASSIFIER, {IMAGE: from_uint8(seen.images)})
    latents = {Z: encoded[Z_MEAN], CLASS_PROBS: encoded[CLASS_PROBS]}
    return encoded, onnxruntime_answers(graphs[DECODER], DECODER, latents)[IMAGE]


def _follows(graphs: Mapping[str, bytes], precision: str, encoded: Answers, drawn: Any, seen: Seen) -> bool:
    """Whether a precision keeps its gate against what the bundle's float32 graphs answer, be that right or wrong."""
    try:
        right, right_drawn = _drawn_again(graphs, seen)
    except Exception:  # noqa: BLE001 - onnxruntime's own errors share no base
        return False
    full, kinds = dataclasses.replace(seen, encoded=dict(right), drawn=right_drawn), seen.kinds
    figures = judge(
        Chained(encoded[CLASS_PROBS][kinds], drawn[kinds], 0),
        Chained(full.encoded[CLASS_PROBS][kinds], full.drawn[kinds], 1),
        Material({}, full.images[kinds], None, "golden"),
    )
    return not any(_gate_faults(figures, precision, encoded, full))


def _maker(output: str, graphs: Mapping[str, bytes], precision: str, seen: Seen) -> str:
    """The graph that an error comes from: the decoder, if its images have it with the original's latents too."""
    if output != IMAGE:
        return ENCODER_CLASSIFIER
    latents = {name: seen.encoded[source][seen.kinds] for name, source in ((Z, Z_MEAN), (CLASS_PROBS, CLASS_PROBS))}
    alone = onnxruntime_answers(graphs[DECODER], DECODER, latents)[IMAGE]
    least = GATES.get(precision, GATES["int8"]).least_psnr - _GATE_SLACK
    return DECODER if psnr(alone, seen.drawn[seen.kinds]) < least else ENCODER_CLASSIFIER


def _gate_faults(figures: PrecisionFigures, precision: str, encoded: Answers, seen: Seen) -> Iterator[tuple[str, str]]:
    """What does not keep the gate, each with the output that shows it."""
    gate = GATES.get(precision, GATES["int8"])
    flips = next(k for k in range(1, figures.images + 2) if _is_no_chance(figures.images, k, gate)) - 1
    relaxed = dataclasses.replace(
        gate, least_psnr=gate.least_psnr - _GATE_SLACK, most_flipped_points=100 * flips / figures.images
    )
    if text := missed(figures, dataclasses.replace(relaxed, least_psnr=-math.inf)):
        yield CLASS_PROBS, text
    elif text := missed(figures, relaxed):
        yield IMAGE, text
    most = _MOST_LATENT.get(precision, _MOST_LATENT_ELSE)
    for name in (Z_MEAN, Z_LOGVAR):
        right = seen.encoded[name][seen.kinds].astype(np.float64)
        error = np.sqrt(np.mean(np.square(encoded[name][seen.kinds] - right)))
        spread = float(right.std())
        if not error <= most * max(spread, _LEAST):
            yield (
                name,
                f"its {name} is off by {float(error):.2g}, {float(error) / max(spread, _LEAST):.2g} of its spread",
            )


def _is_no_chance(images: int, flips: int, gate: Gate) -> bool:
    return binomial_tail(images, flips, gate.most_flipped_points / 100) < CHANCE


def _figure_faults(
    stated: Mapping[str, Any], figures: PrecisionFigures, manifest: Manifest, *, own: bool
) -> Iterator[str]:
    for key, size in (("size", figures.size), ("size_fp32", figures.size_fp32)):
        if stated.get(key) != size:
            yield f"{key} is {stated.get(key)!r}, the files have {size} bytes"
    measured = math.inf if figures.psnr is None else figures.psnr
    said = math.inf if stated.get("psnr", 0) is None else number_of(stated, "psnr")
    off = PSNR_OFF if own else PSNR_OFF_ALONE
    if said is None or (said != measured and not abs(said - measured) <= off):
        yield f"psnr is {stated.get('psnr')!r} dB, measured here it is {measured:.1f} dB"
    for key, here in (("class_probs", figures.class_probs), ("sums", figures.sums)):
        said = number_of(stated, key)
        if said is None or here > max(_TIMES * said, _LEAST):
            yield f"{key} is {stated.get(key)!r}, measured here it is {here:.2g}"
    yield from _error_faults(stated, figures, manifest)


def _error_faults(stated: Mapping[str, Any], figures: PrecisionFigures, manifest: Manifest) -> Iterator[str]:
    """Errors must be those of the float32 graphs that the manifest has elsewhere, but for what flips explain."""
    flipped, error, full = (number_of(stated, key) for key in ("flipped", "error", "error_fp32"))
    if "flipped" in stated and (
        flipped is None or binomial_tail(figures.images, round(figures.flipped * figures.images), flipped) < CHANCE
    ):
        yield f"flipped is {stated['flipped']!r}, measured here it is {figures.flipped:.2%}"
    if error is None or full is None:
        return
    known = manifest.evaluation.get(str(stated.get("judged_on")))
    expected, images = number_of(known, "classification_error"), number_of(known, "images")
    if expected is not None and images and abs(full - expected) > 3 / images:
        yield f"error_fp32 is {full:.2%}, the evaluation on {stated.get('judged_on')} says {expected:.2%}"
    if images and stated.get("images") != images:
        yield f"images is {stated.get('images')!r}, the evaluation on {stated.get('judged_on')} has {images:.0f}"
    points = max(100 * (flipped or 0.0), GATES.get("int8", GATES["fp16"]).most_flipped_points)
    if 100 * abs(error - full) > points:
        yield f"error is {error:.2%} and error_fp32 {full:.2%}, which no flips explain"
