"""Inputs on which answers are compared: real images, images at the edges of what is allowed, and seeded latents."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.golden import Golden
from vaeport.bundle.limits import MAX_GOLDEN_BYTES
from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, IMAGE, Shapes, Z
from vaeport.model.latents import latents

Inputs = dict[str, NDArray[np.float32]]
"""Inputs of one graph by name."""

BATCHES = (0, 1, 2, 7, 257)
"""Batch sizes in which the probes are run, beside all at once: kernels differ by batch, and so does their rounding."""

PROBE_ROWS = 600
"""Rows of the probes, at least; more where many classes make the golden inputs many."""

CONV_PROBE_ROWS = max(BATCHES)
"""The same for a network with convolutions, whose rows cost a hundred times as much."""

DOUBTFUL_ROWS = 64
"""Images whose class is most in doubt that are asked about once more, in one batch and each alone."""

_BYTES = 20
"""Bytes of an answer's number: in float32 and float64 from the original, and in float32 from two lower precisions."""

_MOST_CLASSES = 512
_NOISE_ROWS = 40
_MOST_CUTS = 8
_LEAST_NEW_ROWS = 100
_SEED = 20180  # any constant will do; golden files must not change from one export to the next
_SOFT_ROWS = 16
_LOUD_ROWS = 8
_WHITE = 255
_FAINT = 16


def golden_inputs(images: NDArray[np.uint8], labels: NDArray[np.int64], shapes: Shapes) -> Golden:
    """Inputs of `golden.npz`, its answers still empty.

    Args:
        images: uint8 [N, C, H, W], held-out images of all classes.
        labels: int64 [N].
        shapes: sizes of the tensors.

    Returns:
        The images, then all-black, all-white, noise and one-pixel images without a class; for the decoder latents of
        the prior with every class in turn, soft class mixtures, latents three times as wide, and the zero latent.
        Of large images or many classes only some rows, so that a reader's limit on the file is kept.
    """
    special = _special_images(shapes)
    z, probs = decoder_inputs(shapes, 8 * min(shapes.classes, _MOST_CLASSES))
    values, numbers = int(np.prod(shapes.image)), 2 * shapes.latent_dim + shapes.classes
    looked = _spread(len(images) + len(special), MAX_GOLDEN_BYTES // 4 // (values + _BYTES * numbers))
    drawn = _spread(len(z), 3 * MAX_GOLDEN_BYTES // 4 // (_BYTES * values + 4 * numbers))
    return Golden(
        images=np.concatenate([images, special])[looked],
        labels=np.concatenate([labels, np.full(len(special), -1, np.int64)])[looked],
        z=z[drawn],
        class_probs=probs[drawn],
        answers={},
    )


def _spread(n: int, most: int) -> NDArray[np.intp]:
    """At most `most` of n rows, at least one, evenly spread, the first and the last among them."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, max(most, 1)).round().astype(np.intp)


def probe_rows(*, convolutional: bool) -> int:
    """Rows of the probes that a network is measured on, at least."""
    return CONV_PROBE_ROWS if convolutional else PROBE_ROWS


def probe_inputs(
    golden: Golden, shapes: Shapes, *, rows: int = PROBE_ROWS
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Inputs of both graphs by name, at least `rows` each: the golden ones, then more of the same kinds.

    Images go on with blends of two golden images, which look like neither and lie between them, and end with noise. The
    tolerances are measured on these rows, and every backend is compared on them.
    """
    images = golden.inputs(ENCODER_CLASSIFIER)[IMAGE]
    n = max(_LEAST_NEW_ROWS, rows - len(images) - _NOISE_ROWS)
    share = random_rows(n, 1).reshape(n, *(1,) * (images.ndim - 1))
    at = np.arange(n)
    blends = share * images[at % len(images)] + (1 - share) * images[(at * 7 + 3) % len(images)]
    noise = random_rows(_NOISE_ROWS, int(np.prod(shapes.image))).reshape(-1, *shapes.image)
    drawn = max(_LEAST_NEW_ROWS, rows - len(golden.z))
    z, probs = decoder_inputs(shapes, drawn)
    return {
        ENCODER_CLASSIFIER: {IMAGE: np.concatenate([images, np.clip(blends, 0, 1), noise])},
        DECODER: {
            Z: np.concatenate([golden.z, z[::-1][:drawn]]),
            CLASS_PROBS: np.concatenate([golden.class_probs, probs[:drawn]]),
        },
    }


def hard_inputs(shapes: Shapes) -> dict[str, Inputs]:
    """Inputs at the edge of float32: all 0 and all 1, the least normal and subnormal numbers, latents of 3."""
    tiny = np.finfo(np.float32)
    levels = np.array([0, 1, tiny.smallest_subnormal, tiny.smallest_subnormal * 1000, tiny.tiny, 1 - tiny.epsneg], "f4")
    images = np.broadcast_to(levels.reshape(-1, 1, 1, 1), (len(levels), *shapes.image)).copy()
    z = np.concatenate([levels[:5], -levels[:5], np.array([3, -3], np.float32)])
    even = np.full((len(z), shapes.classes), 1 / shapes.classes, np.float32)
    return {
        ENCODER_CLASSIFIER: {IMAGE: images},
        DECODER: {Z: np.repeat(z[:, None], shapes.latent_dim, axis=1), CLASS_PROBS: even},
    }


def extreme_images(images: NDArray[np.uint8], shapes: Shapes) -> NDArray[np.float32]:
    """Images that preprocessing or a forgotten case makes: blank, full, inverted and faint ones.

    Args:
        images: uint8 [N, C, H, W], of which the first is inverted and made faint.
        shapes: sizes of the tensors.

    Returns:
        float32 [7, C, H, W]: all 0, all 1, half-way, the image inverted, at a sixteenth and at a 255th of its ink, and
        a single faint pixel.
    """
    image = images[0].astype(np.float32) / np.float32(_WHITE)
    flat = [np.full(shapes.image, level, np.float32) for level in (0, 1, 0.5)]
    dot = np.zeros(shapes.image, np.float32)
    dot[:, shapes.image[1] // 2, shapes.image[2] // 2] = np.float32(1 / _WHITE)
    faint = [image / np.float32(_FAINT), image / np.float32(_WHITE)]
    return np.stack([*flat, 1 - image, *faint, dot]).astype(np.float32)


def doubtful_rows(class_probs: NDArray[np.floating], *, most: int = DOUBTFUL_ROWS) -> NDArray[np.intp]:
    """The rows whose class is most in doubt, a quarter of all at most: the second class is closest to the first.

    Args:
        class_probs: float [N, K]; of a single class no row is in doubt.
        most: how many rows to take, if a quarter of all is more.

    Returns:
        intp [min(N / 4 rounded up, most)], the most doubtful row first.
    """
    if class_probs.shape[1] < 2:
        return np.zeros(0, np.intp)
    second, first = np.sort(class_probs, axis=1)[:, -2:].T
    return np.argsort(first - second, kind="stable")[: min(-(-len(class_probs) // 4), most)]


def probe_cuts(n: int) -> Iterator[slice]:
    """All of n rows at once, then the first few batches of each size; none twice."""
    bounds = [(0, n)]
    for size in BATCHES:
        bounds += [(first, min(first + size, n)) for first in range(0, max(min(n, _MOST_CUTS * size), 1), size or 1)]
    return (slice(*bound) for bound in dict.fromkeys(bounds))


def decoder_inputs(shapes: Shapes, n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Latents and class probabilities: `n` rows of one-hot classes in turn, then a few unusual rows."""
    one_hot = np.zeros((n, shapes.classes), np.float32)
    one_hot[np.arange(n), np.arange(n) % shapes.classes] = 1
    soft = random_rows(_SOFT_ROWS, shapes.classes).astype(np.float64) ** 4
    mixed = (soft / soft.sum(axis=1, keepdims=True)).astype(np.float32)
    loud = one_hot[:_LOUD_ROWS]
    z = latents(_SEED, n + _SOFT_ROWS + len(loud) + 1, shapes.latent_dim)
    z[n + _SOFT_ROWS :] *= 3
    z[-1] = 0
    return z, np.concatenate([one_hot, mixed, loud, one_hot[:1]])


def random_rows(n: int, size: int) -> NDArray[np.float32]:
    """Seeded numbers in [0, 1), float32 [n, size]: fractional parts of latents, which no library version changes."""
    return latents(_SEED + 1, n, size) % np.float32(1)


def _special_images(shapes: Shapes) -> NDArray[np.uint8]:
    size = int(np.prod(shapes.image))
    noise = (random_rows(8, size) * 256).astype(np.uint8)
    dot = np.zeros((1, size), np.uint8)
    dot[0, size // 2] = 255
    flat = np.concatenate([np.full((1, size), level, np.uint8) for level in (0, 1, 128, 255)])
    return np.concatenate([flat, dot, noise]).reshape(-1, *shapes.image)
