"""The public face of a bundle: encode, classify, decode, generate, reconstruct."""

import os
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle, open_bundle
from .contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, FP32, GRAPHS, IMAGE, Z_LOGVAR, Z_MEAN, Z
from .errors import BundleError, InputError, LabelError
from .graphs import open_graph, run_session
from .images import ImageLike, Polarity, to_batch
from .latents import latents
from .results import Classification, Drawings, Encoding, Prediction, Reconstruction
from .sessions import OpenSession, Providers, SessionOptions

CHUNK_ROWS = 1024
"""Rows that meet a session at once; larger batches are cut, so that memory stays bounded."""

_MOST_TEMPERATURE = 1e6

LabelLike = str | int
"""A class by its name, or by its index in `Model.labels`."""


def load(
    path_or_name: str | os.PathLike[str],
    *,
    precision: str = FP32,
    device: str = "cpu",
    threads: int | None = None,
    providers: Providers | None = None,
) -> "Model":
    """Open a bundle, check its seal and make it ready to answer.

    Args:
        path_or_name: a bundle folder, or the name of a bundle that ships with vaeport.
        precision: which of the bundle's precisions to run.
        device: `cpu`, `cuda`, `cuda:N` or `auto`; a device that would not run is an error, only `auto` may fall back.
        threads: threads inside an operator; None takes what CPU affinity and container quota allow.
        providers: onnxruntime execution providers to pass through as they are, instead of those of `device`.

    Raises:
        BundleNotFoundError, BundleError, SealError: the bundle is not there, not readable, or not as it was sealed.
        InputError: an option out of its range.
    """
    options = SessionOptions(device, threads, None if providers is None else tuple(providers))
    return Model(open_bundle(path_or_name), precision=precision, options=options)


class Model:
    """Two graphs of one bundle. Sessions open at their first use: `classify` never loads the decoder."""

    def __init__(self, bundle: Bundle, *, precision: str = FP32, options: SessionOptions | None = None) -> None:
        known = bundle.manifest.precisions
        if precision not in known:
            raise BundleError(f"{bundle.path} has no precision {precision!r} (it has {', '.join(known)})")
        self.bundle = bundle
        self.precision = precision
        self._options = options or SessionOptions()
        self._sessions: dict[str, OpenSession] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self.bundle.manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of `class_probs`."""
        return self.bundle.manifest.labels

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.bundle.manifest.shapes.image

    @property
    def latent_dim(self) -> int:
        """Z, the dimensions of the latent."""
        return self.bundle.manifest.shapes.latent_dim

    @property
    def device(self) -> str:
        """Device that really runs, `cpu` or `cuda:N`; opens the encoder's session to find out."""
        return self._open(ENCODER_CLASSIFIER).device

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that really run, the first preferred; opens the encoder's session to find out."""
        return self._open(ENCODER_CLASSIFIER).providers

    def encode(self, images: ImageLike | Sequence[ImageLike], *, polarity: Polarity = "auto") -> Encoding:
        """Posterior mean and log-variance of the latents, and class probabilities.

        Args:
            images: one or many, in any form of `vaeport.images.to_batch`.
            polarity: how files and PIL images are drawn; arrays are taken as they are.

        Raises:
            ImageError, ImageNotFoundError: an image cannot be taken.
            DeviceError: the requested device would not run.
        """
        return self._encode(to_batch(images, self.image_shape, polarity=polarity))

    def classify(self, images: ImageLike | Sequence[ImageLike], *, polarity: Polarity = "auto") -> Classification:
        """The most probable class of each image. Arguments and errors as of `encode`."""
        probs = self.encode(images, polarity=polarity).class_probs
        predictions = tuple(
            Prediction(self.labels[best], float(row[best]))
            for row, best in zip(probs, probs.argmax(axis=1), strict=True)
        )
        return Classification(predictions, probs)

    def decode(
        self, z: NDArray[np.floating], labels: LabelLike | Sequence[LabelLike] | NDArray[np.floating]
    ) -> Drawings:
        """Draw images from latents.

        Args:
            z: float [N, Z], or [Z] for one image.
            labels: one class for all rows, or one a row; or class probabilities, float [N, K].

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
        probs = self._class_probs(labels, len(rows))
        (pixels,) = self._run(DECODER, {Z: rows, CLASS_PROBS: probs})
        return Drawings(pixels, rows, probs)

    def generate(
        self, label: LabelLike, n: int = 1, *, seed: int = 0, start: int = 0, temperature: float = 1.0
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

        Raises:
            InputError: a number out of its range.
            LabelError: no such class.
        """
        if not 0 <= temperature <= _MOST_TEMPERATURE:
            raise InputError(f"temperature is {temperature}, but must be a number from 0 to {_MOST_TEMPERATURE:g}")
        z = latents(seed, n, self.latent_dim, start=start) * np.float32(temperature)
        return self.decode(z, label)

    def reconstruct(self, images: ImageLike | Sequence[ImageLike], *, polarity: Polarity = "auto") -> Reconstruction:
        """Encode images and draw them again from `z_mean` and `class_probs`. Arguments and errors as of `encode`."""
        originals = to_batch(images, self.image_shape, polarity=polarity)
        encoding = self._encode(originals)
        return Reconstruction(originals, self.decode(encoding.z_mean, encoding.class_probs), encoding)

    def label_index(self, label: LabelLike) -> int:
        """Index of a class.

        Raises:
            LabelError: no such class.
        """
        if isinstance(label, str):
            if label in self.labels:
                return self.labels.index(label)
        elif isinstance(label, int | np.integer) and 0 <= label < len(self.labels):
            return int(label)
        raise LabelError(f"unknown label {label!r}; {self.name} knows {', '.join(self.labels)}")

    def _encode(self, batch: NDArray[np.float32]) -> Encoding:
        outputs = dict(
            zip(GRAPHS[ENCODER_CLASSIFIER].outputs, self._run(ENCODER_CLASSIFIER, {IMAGE: batch}), strict=True)
        )
        return Encoding(outputs[Z_MEAN], outputs[Z_LOGVAR], outputs[CLASS_PROBS])

    def _class_probs(
        self, labels: LabelLike | Sequence[LabelLike] | NDArray[np.floating], n: int
    ) -> NDArray[np.float32]:
        classes = len(self.labels)
        if isinstance(labels, np.ndarray) and np.issubdtype(labels.dtype, np.floating):
            if labels.shape != (n, classes) or not np.isfinite(labels).all():
                raise InputError(
                    f"class probabilities have shape {list(labels.shape)}, but must be finite numbers [{n}, {classes}]"
                )
            return labels.astype(np.float32)
        if isinstance(labels, Sequence | np.ndarray) and not isinstance(labels, str):
            many: list[LabelLike] = list(labels)
        else:
            many = [labels] * n
        if len(many) != n:
            raise InputError(f"{len(many)} labels given for {n} latents; give one for all, or one a row")
        probs = np.zeros((n, classes), np.float32)
        probs[np.arange(n), [self.label_index(label) for label in many]] = 1
        return probs

    def _run(self, graph: str, inputs: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run a graph on any number of rows, chunk by chunk, into arrays made once."""
        session, spec, shapes = self._open(graph).session, GRAPHS[graph], self.bundle.manifest.shapes
        n = len(inputs[spec.inputs[0]])
        outputs = [np.empty((n, *shapes.row(name)), np.float32) for name in spec.outputs]
        for first in range(0, n, CHUNK_ROWS):
            rows = slice(first, first + CHUNK_ROWS)
            answers = run_session(session, spec, {name: array[rows] for name, array in inputs.items()})
            for output, answer in zip(outputs, answers, strict=True):
                output[rows] = answer
        return outputs

    def _open(self, graph: str) -> OpenSession:
        with self._lock:
            if graph not in self._sessions:
                self._sessions[graph] = open_graph(self.bundle, graph, self.precision, self._options)
            return self._sessions[graph]
