"""The public face of a bundle: look at images, draw images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .anomaly import calibration_needed, score
from .classes import LabelLike, Labels, class_probs, label_names
from .dataset import SampledDataset, check_size
from .drawings import Drawings, Reconstruction, StyleGrid
from .errors import InputError
from .fitting import Fit, Polarity
from .images import ImageLike, ImageQueue, Images, queue_images, to_uint8
from .interpolation import spherical
from .latents import latents
from .loaded import LoadedBundle
from .results import AnomalyScores, Classification, Encoding, Prediction

_MOST_TEMPERATURE = 1e6


class Model(LoadedBundle):
    """A bundle that answers: `classify` never loads the decoder, `generate` never the encoder.

    Wherever images are taken, they are one or many in any form of `vaeport.images.queue_images`; `polarity` and `fit`
    concern files and PIL images only. Errors there: ImageError, ImageNotFoundError for an image that cannot be taken,
    DeviceError where the requested device would not run.
    """

    def encode(
        self, images: Images, *, polarity: Polarity = "auto", fit: Fit = "resize", out: Encoding | None = None
    ) -> Encoding:
        """Posterior mean and log-variance of the latents, and class probabilities.

        Args:
            images: see `Model`.
            polarity: see `Model`.
            fit: see `Model`.
            out: arrays to write to instead of new ones; after an error their content is undefined.

        Raises:
            InputError: `out` has another shape or type.
        """
        queue = self._queue(images, polarity, fit)
        return self._encode(len(queue), queue.chunks(self.chunk_rows), out)

    def encode_iter(
        self, images: Iterable[ImageLike], *, batch: int = 32, polarity: Polarity = "auto", fit: Fit = "resize"
    ) -> Iterator[Encoding]:
        """Encode a stream, `batch` of its items at a time; nothing is taken from it before it is needed."""
        if batch < 1:
            raise InputError(f"batch is {batch}, but must be at least 1")
        source = iter(images)
        while items := list(islice(source, batch)):
            yield self.encode(items, polarity=polarity, fit=fit)

    def classify(
        self, images: Images, *, reject_below: float = 0.0, polarity: Polarity = "auto", fit: Fit = "resize"
    ) -> Classification:
        """The most probable class of each image; one that is less probable than `reject_below` is marked so."""
        if not 0 <= reject_below <= 1:
            raise InputError(f"reject_below is {reject_below}, but must be a probability from 0 to 1")
        probs = self.encode(images, polarity=polarity, fit=fit).class_probs
        best = probs.max(axis=1).tolist()
        predictions = tuple(
            Prediction(self.labels[index], confidence, confidence < reject_below)
            for index, confidence in zip(probs.argmax(axis=1), best, strict=True)
        )
        return Classification(predictions, probs)

    def decode(self, z: NDArray[np.floating], labels: Labels, *, out: NDArray[np.float32] | None = None) -> Drawings:
        """Draw images from latents.

        Args:
            z: float [N, Z], or [Z] for one image.
            labels: one class for all rows, or one a row; or class probabilities, float [N, K].
            out: float32 [N, C, H, W] to write to instead of a new array.

        Raises:
            InputError: a shape that does not fit.
            LabelError: no such class.
        """
        try:
            rows = np.atleast_2d(np.asarray(z, np.float32))
        except (TypeError, ValueError) as error:
            raise InputError(f"z is {type(z).__name__}, but must be numbers [N, {self.latent_dim}]") from error
        if rows.ndim != 2 or rows.shape[1] != self.latent_dim or not np.isfinite(rows).all():
            raise InputError(f"z has shape {list(np.shape(z))}, but must be finite numbers [N, {self.latent_dim}]")
        probs = class_probs(self.bundle.manifest, labels, len(rows))
        return Drawings(self._decode(rows, probs, out), rows, probs)

    def generate(
        self,
        label: LabelLike,
        n: int = 1,
        *,
        seed: int = 0,
        start: int = 0,
        temperature: float = 1.0,
        out: NDArray[np.float32] | None = None,
    ) -> Drawings:
        """Draw new images of a class.

        Row r of a seed has the same latent whatever `n`, batch, machine or language (docs/CONTRACT.md): the first four
        of eight drawings are the four drawings of a call for four.

        Args:
            label: the class.
            n: how many.
            seed: 0 to 2**64 - 1.
            start: number of the first row, to go on where an earlier call ended.
            temperature: scale of the latents; below 1 more typical, above 1 more unusual.
            out: as of `decode`.

        Raises:
            InputError: a number out of its range.
            LabelError: no such class.
        """
        return self.decode(self._latents(seed, n, start, temperature), label, out=out)

    def reconstruct(self, images: Images, *, polarity: Polarity = "auto", fit: Fit = "resize") -> Reconstruction:
        """Encode images and draw them again from `z_mean` and `class_probs`."""
        originals = self._queue(images, polarity, fit).read()
        encoding = self._encode(len(originals), self._cut(originals))
        return Reconstruction(originals, self.decode(encoding.z_mean, encoding.class_probs), encoding)

    def restyle(
        self,
        images: Images,
        labels: Sequence[LabelLike] | None = None,
        *,
        polarity: Polarity = "auto",
        fit: Fit = "resize",
    ) -> StyleGrid:
        """Draw each image's handwriting (`z_mean`) as other classes, all of them by default.

        Raises:
            LabelError: no such class.
        """
        return self._styled(self.encode(images, polarity=polarity, fit=fit).z_mean, labels)

    def style_grid(
        self,
        n: int = 10,
        *,
        labels: Sequence[LabelLike] | None = None,
        seed: int = 0,
        start: int = 0,
        temperature: float = 1.0,
    ) -> StyleGrid:
        """Draw `n` new handwritings as each class, all of them by default. Arguments and errors as of `generate`."""
        return self._styled(self._latents(seed, n, start, temperature), labels)

    def interpolate(
        self,
        first: ImageLike,
        second: ImageLike,
        steps: int = 10,
        *,
        label: LabelLike | None = None,
        polarity: Polarity = "auto",
        fit: Fit = "resize",
    ) -> Drawings:
        """Draw the way from one image to another: latents on the arc, class probabilities on the line between.

        Args:
            first: one image, whose reconstruction is the first drawing.
            second: one image, whose reconstruction is the last.
            steps: how many drawings, at least 2.
            label: a class to draw all of them as, instead of the classifier's answers.
            polarity: see `Model`.
            fit: see `Model`.

        Raises:
            InputError: fewer steps, or not one image at each end.
            LabelError: no such class.
        """
        if steps < 2:
            raise InputError(f"steps is {steps}, but both ends need one: give at least 2")
        ends = self.encode([first, second], polarity=polarity, fit=fit)
        if len(ends) != 2:
            raise InputError(f"{len(ends)} images given to interpolate between, but it takes one at each end")
        z = spherical(ends.z_mean[0], ends.z_mean[1], steps)
        t = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        return self.decode(z, (1 - t) * ends.class_probs[0] + t * ends.class_probs[1] if label is None else label)

    def anomaly_score(self, images: Images, *, polarity: Polarity = "auto", fit: Fit = "resize") -> AnomalyScores:
        """How unusual images are, beside the held-out images that the bundle's manifest remembers.

        Raises:
            BundleError: the bundle has no such record.
        """
        known = calibration_needed(self.bundle)
        scores = [
            score(batch, encoding, self.decode(encoding.z_mean, encoding.class_probs).pixels, known)
            for batch in self._queue(images, polarity, fit).chunks(self.chunk_rows)
            for encoding in [self._encode(len(batch), [batch])]
        ]
        return AnomalyScores.joined(scores)

    def sample_dataset(
        self,
        n: int,
        *,
        labels: Sequence[LabelLike] | None = None,
        seed: int = 0,
        start: int = 0,
        temperature: float = 1.0,
    ) -> SampledDataset:
        """Draw a labelled data set, `n` images a class, no latent twice. Other arguments and errors as of `generate`.

        Image i of class k is drawn from row (start + i) * K + k of the seed, with K the classes of the model: the
        first images of a larger set are those of a smaller one.
        """
        names = label_names(self.bundle.manifest, labels)
        check_size(n, names, self.image_shape)
        images = np.empty((len(names), n, *self.image_shape), np.uint8)
        for place, name in enumerate(names):
            k, classes = self.labels.index(name), len(self.labels)
            for first in range(0, n, self.chunk_rows):
                rows = min(self.chunk_rows, n - first)
                z = self._latents(seed, rows * classes, (start + first) * classes, temperature)[k::classes]
                images[place, first : first + rows] = to_uint8(self.decode(z, name).pixels)
        indices = np.repeat(np.arange(len(names), dtype=np.int64), n)
        return SampledDataset(images.reshape(-1, *self.image_shape), indices, names)

    def _queue(self, images: Images, polarity: Polarity, fit: Fit) -> ImageQueue:
        return queue_images(images, self.image_shape, polarity=polarity, fit=fit)

    def _latents(self, seed: int, n: int, start: int, temperature: float) -> NDArray[np.float32]:
        if not 0 <= temperature <= _MOST_TEMPERATURE:
            raise InputError(f"temperature is {temperature}, but must be a number from 0 to {_MOST_TEMPERATURE:g}")
        return latents(seed, n, self.latent_dim, start=start) * np.float32(temperature)

    def _styled(self, z: NDArray[np.float32], labels: Sequence[LabelLike] | None) -> StyleGrid:
        names = label_names(self.bundle.manifest, labels)
        pixels = np.empty((len(z), len(names), *self.image_shape), np.float32)
        for place, name in enumerate(names):
            pixels[:, place] = self.decode(z, name).pixels
        return StyleGrid(pixels, z, names)
