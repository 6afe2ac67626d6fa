"""What backends are asked about a bundle's graphs: probes, edges, pixels, doubtful, extreme and test images."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.golden import Golden
from vaeport.bundle.opening import Bundle
from vaeport.contract import (
    CLASS_PROBS,
    DECODER,
    ENCODER_CLASSIFIER,
    FP32,
    GOLDEN_FILE,
    GRAPHS,
    IMAGE,
    Z_MEAN,
    Shapes,
    Z,
)
from vaeport.errors import InputError
from vaeport.images.scaling import LEVELS, from_uint8
from vaeport_parity.reference.base import chunked_answers
from vaeport_parity.subjects.subject import CHAIN, Graph, InputSet, Recorded, SubjectOptions
from vaeport_parity.subjects.tensors import Arrays

from .original import Original
from .probes import doubtful_rows, extreme_images, hard_inputs, probe_inputs, probe_rows

NO_DATA = "none"
"""In place of a data set's name: no images beside the probes."""

DIGITS = "mnist-5k"
"""The data set that a bundle of grey images of its size is compared on unless another is named."""

_DIGITS_SHAPE = (1, 28, 28)
_PIXELS_EVERY = 6  # golden images of a network with convolutions that are asked about as raw pixels, too


def asked_images(shapes: Shapes, options: SubjectOptions, *, precision: str) -> NDArray[np.uint8] | None:
    """Images to ask about beside the probes, uint8 [N, C, H, W]: of the data set that was named, else digits.

    Below float32 the digits are left out: there a file is its own reference, and the float32 graph, which is compared
    with PyTorch on all of them, is what it is judged by.

    Raises:
        InputError: no such data set, or its images are not of the bundle's shape.
    """
    if options.data == NO_DATA:
        return None
    if options.data is None and (shapes.image != _DIGITS_SHAPE or precision != FP32):
        return None
    from vaeport_train.data import FolderOptions, load_dataset

    named = options.data or DIGITS
    dataset = load_dataset(named, data_dir=options.data_dir, folder_options=FolderOptions(shapes.image))
    if dataset.image_shape != shapes.image:
        raise InputError(
            f"the bundle takes images {list(shapes.image)}, {dataset.name} has {list(dataset.image_shape)}; give "
            f"images of that shape, or --data {NO_DATA}"
        )
    return dataset.evaluation_images()


def recorded_answers(golden: Golden, precision: str) -> Iterator[Recorded]:
    """The golden answers to a bundle's graphs, which are judged as a backend is."""
    for name in GRAPHS:
        answers = tuple(dict(answers) for answers in golden.references(name, precision))
        yield Recorded(GOLDEN_FILE, name, dict(golden.inputs(name)), answers)


def input_sets(
    bundle: Bundle,
    original: Original,
    golden: Golden,
    graphs: Mapping[str, Graph],
    images: NDArray[np.uint8] | None,
    *,
    precision: str,
    spot: bool = False,
) -> Iterator[InputSet]:
    """Everything that backends are asked about a bundle's graphs.

    Args:
        bundle: the bundle.
        original: its original.
        golden: its golden answers.
        graphs: its graphs by name, in one precision.
        images: uint8 [N, C, H, W], to ask about beside the probes; the decoder gets their posterior means.
        precision: which.
        spot: whether nobody asked for these images, so that costly backends may be spared most of them.
    """
    shapes, costly = bundle.manifest.shapes, original.convolutional
    for graph, inputs in probe_inputs(golden, shapes, rows=probe_rows(convolutional=costly)).items():
        yield InputSet("probes", graph, dict(inputs), cuts="sizes")
    for graph, inputs in hard_inputs(shapes).items():
        yield InputSet("hard", graph, dict(inputs))
    pixels = {IMAGE: golden.images[:: _PIXELS_EVERY if costly else 1]}
    divisors = {IMAGE: LEVELS}
    yield InputSet("pixels", ENCODER_CLASSIFIER, dict(pixels), divisors=divisors)
    if precision == FP32:
        yield InputSet("pixels", CHAIN, dict(pixels), divisors=divisors)
    extremes: Arrays = {IMAGE: extreme_images(golden.images, shapes)}
    yield InputSet("extremes", ENCODER_CLASSIFIER, extremes, cuts="alone")
    known = golden.labels >= 0
    whole = (golden.images[known] if known.any() else golden.images) if images is None else images
    candidates: Arrays = {IMAGE: from_uint8(whole)}
    expected = chunked_answers(graphs[ENCODER_CLASSIFIER].reference, candidates, "native")
    if len(rows := doubtful_rows(expected[CLASS_PROBS])):
        yield InputSet("doubtful", ENCODER_CLASSIFIER, {IMAGE: candidates[IMAGE][rows]}, cuts="alone", again=True)
    if images is not None:
        latents = {name: expected[name].astype(np.float32) for name in (Z_MEAN, CLASS_PROBS)}
        through: Arrays = {Z: latents[Z_MEAN], CLASS_PROBS: latents[CLASS_PROBS]}
        yield InputSet("test", ENCODER_CLASSIFIER, candidates, cuts="chunks", given=True, spot=spot, native=expected)
        yield InputSet("test", DECODER, through, cuts="chunks", given=True, spot=spot)
