"""Anybody's pair as a source: two modules, two ONNX files, or one of each."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vaeport.bundle.anomaly_scale import AnomalyCalibration, calibration_of
from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, GRAPHS, IMAGE, Z_LOGVAR, Z_MEAN, Z
from vaeport.errors import InputError
from vaeport.images.fitting import Polarity
from vaeport.images.scaling import from_uint8
from vaeport.model.anomaly import kl_nats, reconstruction_nats
from vaeport_parity.reference.base import chunked_answers
from vaeport_parity.subjects.tensors import Arrays
from vaeport_train.evaluation import wilson_interval

from ..bundle.original import Original, original_of
from ..graph.adoption import contract_form, read_onnx, row_shape
from ..modules.capture import captured
from ..modules.checks import check_labels, check_module, check_pair
from ..options import ExportOptions
from ..pipeline import Exported, export_source
from ..precisions.material import sample_material
from .samples import ImageSamples, ImageShape, Samples, read_samples
from .source import Source

LEAST_SCALED = 100
"""Samples from which on their scores become the scale for unusual images."""

Part = nn.Module | str | os.PathLike[str]
"""A module, or the path of an ONNX file."""


def export_modules(
    encoder_classifier: Part,
    decoder: Part,
    *,
    labels: Sequence[str],
    images: ImageSamples,
    image_labels: Sequence[str | int] | NDArray[np.generic] | None = None,
    image_shape: ImageShape | None = None,
    polarity: Polarity = "light-ink",
    out: str | os.PathLike[str],
    name: str | None = None,
    version: str = "1",
    description: str = "",
    author: str = "",
    opset: int = 18,
    precisions: Sequence[str] = (),
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Export anybody's pair of networks as a sealed bundle that has been proven to answer as they do.

    Both networks are checked before anything is written: shapes and types, probabilities that sum to 1, images in
    [0, 1], evaluation mode, rows that do not influence each other, a free batch, no sampling, no branches on values.
    `vaeport_export.adapters` brings networks of other habits to this form.

    Args:
        encoder_classifier: image float32 [N, C, H, W] in [0, 1] -> (z_mean [N, Z], z_logvar [N, Z], class_probs
            [N, K]); a module in evaluation mode on the CPU, or the path of an ONNX file of the same form, whose inputs
            and outputs are taken in this order if they have other names.
        decoder: (z [N, Z], class_probs [N, K]) -> image [N, C, H, W] in [0, 1]; the same.
        labels: the K class names, in the columns' order; one for a VAE without classes.
        images: samples: uint8 or float in [0, 1], [N, C, H, W] or [N, H, W]; a folder; or a list of files, arrays or
            PIL images. One will do, a hundred give the scale for unusual images, and lower precisions need a hundred.
        image_labels: class of each image, by name or index; a folder with sub-folders named as the classes needs none.
        image_shape: channels, height and width that the networks take, where the images do not tell.
        polarity: how grey files and PIL images are read, here and by the bundle's users: `light-ink` takes them as they
            are, `dark-ink` inverts them, `auto` inverts drawings on light paper.
        out: bundle folder to make.
        name: name of the bundle; None for that of the folder.
        version: version of the bundle.
        description: one sentence; empty for one made from the networks.
        author: who exports, for the card.
        opset: ONNX operator set, 18 to 23; an ONNX file keeps its own.
        precisions: lower precisions to make beside float32: `fp16`, `int8`. One that misses its gate
            (`vaeport_export.precisions.GATES`) is left out.
        replace: whether an intact bundle that stands in the place may be replaced.
        progress: called with the name of each step.

    Returns:
        What came of it: the report, and every lower precision.

    Raises:
        InputError: an argument does not fit; one sentence.
        CheckFailedError: a network breaks the contract, cannot be captured or written as ONNX, or its graph does not
            answer as it does; one sentence.
        OutputError: the bundle cannot be written.
    """
    options = ExportOptions.of(
        out,
        name=name,
        version=version,
        description=description,
        opset=opset,
        precisions=tuple(precisions),
        replace=replace,
    )
    if not author.isprintable():
        raise InputError("author has characters that cannot be shown; give plain text")

    def read() -> Source:
        parts = {ENCODER_CLASSIFIER: encoder_classifier, DECODER: decoder}
        return modules_source(
            parts, labels, images, image_labels, options, shape=image_shape, polarity=polarity, author=author
        )

    return export_source(read, out, options, progress=progress)


def modules_source(
    parts: dict[str, Part],
    labels: Sequence[str],
    images: ImageSamples,
    image_labels: Sequence[str | int] | NDArray[np.generic] | None,
    options: ExportOptions,
    *,
    shape: ImageShape | None = None,
    polarity: Polarity = "light-ink",
    author: str = "",
) -> Source:
    """Check a pair and its samples; arguments and errors as of `export_modules`."""
    names = check_labels(labels)
    taken: dict[str, nn.Module | bytes] = {
        graph: read_onnx(part) if isinstance(part, str | os.PathLike) else check_module(part, graph)
        for graph, part in parts.items()
    }
    calls = {graph: _callable(graph, part) for graph, part in taken.items()}
    size = shape or _stated_shape(taken[ENCODER_CLASSIFIER])
    samples = read_samples(images, image_labels, names, shape=size, polarity=polarity)
    shapes = check_pair(calls[ENCODER_CLASSIFIER], calls[DECODER], from_uint8(samples.images[:64]), names)
    original = original_of(
        {graph: part if isinstance(part, bytes) else captured(part, graph, shapes) for graph, part in taken.items()}
    )
    golden_images, golden_labels = samples.golden()
    evaluation, figures = _figures(original, samples, names)
    material = None
    if options.precisions:
        material = sample_material(original.reference(ENCODER_CLASSIFIER), samples.images, samples.labels, shapes)
    made_from = {graph: _words(part) for graph, part in parts.items()}
    return Source(
        original=original,
        labels=names,
        shapes=shapes,
        images=golden_images,
        image_labels=golden_labels,
        description=f"Conditional VAE with a classifier for {len(names)} {'class' if len(names) == 1 else 'classes'}, "
        f"made from {original.made_in}.",
        facts={
            "encoder and classifier": made_from[ENCODER_CLASSIFIER],
            "decoder": made_from[DECODER],
            "samples": f"{len(samples.images)} images, {'without' if samples.labels is None else 'with'} classes",
            **({"exported by": author} if author else {}),
        },
        material=material,
        training={"made_from": made_from},
        evaluation=evaluation,
        anomaly=_scale(original, samples),
        draw_pictures=True,
        figures=figures,
        polarity=polarity,
    )


def _callable(graph: str, part: nn.Module | bytes) -> Callable[..., Any]:
    """The network as a function of tensors."""
    if isinstance(part, nn.Module):
        return part
    spec, reference = GRAPHS[graph], Original(graphs={graph: part}).reference(graph)

    def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        inputs = {name: tensor.numpy() for name, tensor in zip(spec.inputs, tensors, strict=True)}
        answers = reference.answers(dict(inputs), "native")
        return tuple(torch.from_numpy(np.array(answers[name])) for name in spec.outputs)

    return run


def _stated_shape(part: nn.Module | bytes) -> ImageShape | None:
    """What an ONNX file says of its images; None where it leaves sizes open, and for modules."""
    if not isinstance(part, bytes):
        return None
    form = contract_form(part, ENCODER_CLASSIFIER)
    sizes = row_shape(form.graph.input[0])
    if len(sizes) != 3 or not all(sizes):
        axes = [axis.dim_param or axis.dim_value for axis in form.graph.input[0].type.tensor_type.shape.dim]
        raise InputError(
            f"{ENCODER_CLASSIFIER}: image is {axes} in the file, but must be [batch, C, H, W] with sizes; export it "
            "with a fixed image size, channels before height and width"
        )
    channels, height, width = sizes
    if channels not in (1, 3):
        raise InputError(
            f"{ENCODER_CLASSIFIER}: image is [batch, {channels}, {height}, {width}] in the file, but must have 1 "
            "(grey) or 3 (RGB) channels before height and width; transpose it in the graph if channels are last"
        )
    return channels, height, width


def _words(part: Part) -> str:
    if isinstance(part, nn.Module):
        return f"PyTorch module `{type(part).__qualname__}`"
    return f"ONNX file `{Path(part).name}`"


def _figures(original: Original, samples: Samples, labels: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Classification error on the samples, where their classes are known."""
    if samples.labels is None or len(labels) < 2:
        return {}, "Not evaluated: the classes of the samples are not known." if len(labels) > 1 else "One class only."
    encoded = _encoded(original, samples)
    errors = int(np.count_nonzero(encoded[CLASS_PROBS].argmax(axis=1) != samples.labels))
    n = len(samples.labels)
    low, high = wilson_interval(errors, n)
    evaluation = {
        "samples": {
            "images": n,
            "classification_errors": errors,
            "classification_error": errors / n,
            "classification_error_95": [low, high],
        }
    }
    text = (
        f"| images | count | error (95 % interval) |\n|---|---|---|\n| samples | {n} | {100 * errors / n:.2f} % "
        f"({100 * low:.2f} to {100 * high:.2f}) |\n\nMeasured on the samples that were given to the export, which "
        "the networks may have been trained on."
    )
    return evaluation, text


def _encoded(original: Original, samples: Samples) -> Arrays:
    return chunked_answers(original.reference(ENCODER_CLASSIFIER), {IMAGE: from_uint8(samples.images)}, "native")


def _scale(original: Original, samples: Samples) -> AnomalyCalibration | None:
    """How the samples score: -ELBO at z = z_mean with the classifier's own answer, pixels as Bernoulli's."""
    if len(samples.images) < LEAST_SCALED:
        return None
    encoded = _encoded(original, samples)
    latents = {Z: encoded[Z_MEAN], CLASS_PROBS: encoded[CLASS_PROBS]}
    drawn = chunked_answers(original.reference(DECODER), latents, "native")[IMAGE]
    nats = reconstruction_nats(from_uint8(samples.images), drawn, likelihood="bernoulli", likelihood_std=1.0)
    scores = nats + kl_nats(encoded[Z_MEAN], encoded[Z_LOGVAR])
    return calibration_of(scores, data="samples", likelihood="bernoulli", likelihood_std=1.0)
