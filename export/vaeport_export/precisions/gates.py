"""What a lower precision may cost on the task, and what it does cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaeport.checks.comparison import max_abs_error, psnr
from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, IMAGE, Z_MEAN, Z
from vaeport.images.scaling import from_uint8

from ..graph.running import onnxruntime_answers
from .material import Material


@dataclass(frozen=True)
class Gate:
    """Bounds that a precision must keep to be written."""

    most_error_points: float
    """Percentage points that the classification error may rise."""
    most_flipped_points: float
    """Percentage points of images that may get another class, where there are no labels to tell errors."""
    least_psnr: float
    """dB of peak signal-to-noise ratio that reconstructions must have against those in float32."""
    most_size: float
    """Share of float32's bytes that both files may have."""


_MOST_OFF_ONE = 0.001  # float16 rounds each of them to 11 bits

GATES = {"fp16": Gate(0.05, 0.20, 50.0, 1.0), "int8": Gate(0.10, 1.00, 35.0, 0.30)}
"""By precision."""


@dataclass(frozen=True)
class PrecisionFigures:
    """What a precision costs, against the float32 graphs on the same images, both in onnxruntime."""

    images: int
    """Images it was judged on."""
    judged_on: str
    """Which images."""
    error: float | None
    """Share that is misclassified; None where the images have no labels."""
    error_fp32: float | None
    """The same in float32."""
    class_probs: float
    """Largest absolute difference of any class probability from float32's."""
    sums: float
    """Largest distance of an image's class probabilities from a sum of 1."""
    psnr: float | None
    """Peak signal-to-noise ratio in dB of image -> latent mean -> image against float32; None for equal bits."""
    size: int
    """Bytes of both files."""
    size_fp32: int
    """The same in float32."""
    flipped: float = 0.0
    """Share whose most probable class is another than float32's."""

    def in_words(self) -> str:
        """One line for people."""
        drawn = (
            "the same reconstructions" if self.psnr is None else f"reconstructions {self.psnr:.1f} dB against fp32's"
        )
        task = f"{100 * self.flipped:.2f} % of {self.images} {self.judged_on} images have another class than in fp32"
        if self.error is not None and self.error_fp32 is not None:
            task = (
                f"error {100 * self.error:.2f} % on {self.images} {self.judged_on} images "
                f"(fp32 {100 * self.error_fp32:.2f} %)"
            )
        return f"{task}, {drawn}, {self.size / 1e6:.2f} MB ({self.size / self.size_fp32:.3f} of fp32)"


@dataclass(frozen=True, eq=False)
class Chained:
    """Both graphs one after the other, on the images that are judged on."""

    class_probs: NDArray[np.float32]
    """float32 [N, K]."""
    reconstructions: NDArray[np.float32]
    """image -> latent mean and class probabilities -> image: float32 [N, C, H, W]."""
    size: int
    """Bytes of both files."""


def chained(graphs: Mapping[str, bytes], material: Material) -> Chained:
    """Run both graphs in onnxruntime.

    Args:
        graphs: ONNX files by graph.
        material: what to judge on.
    """
    images = from_uint8(material.images)
    encoded = onnxruntime_answers(graphs[ENCODER_CLASSIFIER], ENCODER_CLASSIFIER, {IMAGE: images})
    latents = {Z: encoded[Z_MEAN], CLASS_PROBS: encoded[CLASS_PROBS]}
    drawn = onnxruntime_answers(graphs[DECODER], DECODER, latents)[IMAGE]
    return Chained(encoded[CLASS_PROBS], drawn, sum(map(len, graphs.values())))


def judge(lower: Chained, full: Chained, material: Material) -> PrecisionFigures:
    """Compare a precision with float32 on the same images."""
    ratio = psnr(lower.reconstructions, full.reconstructions)
    return PrecisionFigures(
        images=len(material.images),
        judged_on=material.name,
        error=_error(lower, material),
        error_fp32=_error(full, material),
        class_probs=max_abs_error(lower.class_probs, full.class_probs),
        sums=max_abs_error(lower.class_probs.sum(axis=1, dtype=np.float64), np.ones(len(material.images))),
        psnr=ratio if np.isfinite(ratio) else None,
        size=lower.size,
        size_fp32=full.size,
        flipped=float(np.mean(lower.class_probs.argmax(axis=1) != full.class_probs.argmax(axis=1))),
    )


def missed(figures: PrecisionFigures, gate: Gate) -> str:
    """Which bound is not kept, in words; empty if all are."""
    share = figures.size / figures.size_fp32
    if figures.error is None or figures.error_fp32 is None:
        if round(100 * figures.flipped, 6) > gate.most_flipped_points:
            return (
                f"{100 * figures.flipped:.2f} % of the images get another class than in float32, allowed are "
                f"{gate.most_flipped_points:.2f} %"
            )
    elif round(points := 100 * (figures.error - figures.error_fp32), 6) > gate.most_error_points:
        return f"its error is {points:.3f} points above float32's, allowed are {gate.most_error_points:.2f}"
    if figures.sums > _MOST_OFF_ONE:
        return f"its class probabilities sum to 1 within {figures.sums:.4f} only, wanted is {_MOST_OFF_ONE}"
    if figures.psnr is not None and figures.psnr < gate.least_psnr:
        return f"its reconstructions have {figures.psnr:.2f} dB against float32's, wanted are {gate.least_psnr:.0f} dB"
    if share > gate.most_size:
        return f"it takes {share:.4f} of float32's bytes, allowed are {gate.most_size:.2f}"
    return ""


def _error(answers: Chained, material: Material) -> float | None:
    if material.labels is None:
        return None
    return float(np.mean(answers.class_probs.argmax(axis=1) != material.labels))
