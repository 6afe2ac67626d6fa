"""The public face of a bundle: look at images, draw images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray

from ..bundle.opening import Bundle, open_bundle
from ..common.arguments import real_number, shown, text, whole_number
from ..common.arrays import check_answer_size, empty, read_rows
from ..contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, FP32, GRAPHS, IMAGE, Z
from ..errors import BundleError, InputError
from ..images.batch import ImageLike, ImageQueue, Images, queue_images, stream, to_uint8
from ..images.fitting import Fit, Polarity
from ..sessions.engine import Engine, Feed
from ..sessions.session import Providers, SessionOptions, read_providers
from .anomaly import calibration_needed, score
from .answers import AnomalyScores, Classification, Drawings, Encoding, Prediction, Reconstruction, StyleGrid
from .classes import LabelLike, Labels, class_probs, label_names
from .dataset import SampledDataset, check_size
from .latents import latents, spherical

CHUNK_ROWS = 256
"""Rows that meet a session at once by default; larger batches are cut, so that memory stays bounded."""

_MOST_ROWS = 2**31 - 1

_MOST_STEPS = 2**16

Rows = NDArray[np.float32]


class LoadedBundle:
    """Two graphs of one bundle; a graph is loaded at its first use.

    Threads may share it. It can be pickled: bundle path, digest and options travel, the bundle is opened and checked
    anew, and another bundle in its place is refused.
    After a fork the child's sessions open anew. `close`, or `with`, lets the sessions go.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: str = FP32,
        options: SessionOptions | None = None,
        chunk_rows: int = CHUNK_ROWS,
        trusted: bool = False,
    ) -> None:
        known = bundle.manifest.precisions
        precision = text(precision, "precision")
        if precision not in known:
            raise BundleError(f"{bundle.path} has no precision {shown(precision)} (it has {', '.join(known)})")
        self.bundle = bundle
        self.precision = precision
        rows = whole_number(chunk_rows, "chunk_rows", least=1, most=_MOST_ROWS)
        self._engine = Engine(bundle, precision, options or SessionOptions(), rows=rows, trusted=trusted)
        self.chunk_rows = self._engine.rows

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
        return self._engine.opened(ENCODER_CLASSIFIER).device

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that really run, the first preferred; opens the encoder's session to find out."""
        return self._engine.opened(ENCODER_CLASSIFIER).providers

    def close(self) -> None:
        """Let the sessions go; the model answers no more."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        bundle = str(self.bundle.path), self.bundle.digest
        settings = self.precision, self._engine.options, self.chunk_rows, self._engine.trusted
        return _reopened, (type(self), *bundle, *settings)

    def _cut(self, rows: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        return (rows[first : first + self.chunk_rows] for first in range(0, len(rows), self.chunk_rows))

    def _encode(self, n: int, batches: Iterable[NDArray[np.float32]], out: Encoding | None = None) -> Encoding:
        if out is not None and not isinstance(out, Encoding):
            raise InputError(f"out is {shown(out)}, but must be an Encoding of three arrays")
        shapes = self.bundle.manifest.shapes
        check_answer_size(n, (max(shapes.latent_dim, shapes.classes),), "encodings")
        given = None if out is None else (out.z_mean, out.z_logvar, out.class_probs)
        feeds = ({IMAGE: batch} for batch in batches)
        z_mean, z_logvar, probs = self._run(ENCODER_CLASSIFIER, n, feeds, given)
        return Encoding(z_mean, z_logvar, probs)

    def _decode(self, z: Rows, probs: Rows, out: Rows | None) -> Rows:
        check_answer_size(len(z), self.image_shape, "images")
        feeds = ({Z: some, CLASS_PROBS: p} for some, p in zip(self._cut(z), self._cut(probs), strict=True))
        (pixels,) = self._run(DECODER, len(z), feeds, None if out is None else [out])
        return pixels

    def _run(self, graph: str, n: int, feeds: Iterable[Feed], out: Sequence[Rows] | None) -> list[Rows]:
        try:
            return self._engine.run(graph, n, feeds, out=out)
        except MemoryError as error:
            raise InputError(f"no memory for {n} rows of {graph}; ask for them in parts") from error


def _reopened(
    kind: type[LoadedBundle],
    path: str,
    digest: str,
    precision: str,
    options: SessionOptions,
    chunk_rows: int,
    trusted: bool,
) -> LoadedBundle:
    bundle = open_bundle(path, digest=digest)
    return kind(bundle, precision=precision, options=options, chunk_rows=chunk_rows, trusted=trusted)


_MOST_TEMPERATURE = 1e6

_LAST_ROW = 2**64 - 1


class Model(LoadedBundle):
    """A bundle that answers: `classify` never loads the decoder, `generate` never the encoder.

    Wherever images are taken, they are one or many in any form of `queue_images`; `polarity` and `fit` concern files
    and PIL images only, and a polarity of None is that of the bundle (`bundle.manifest.polarity`). Errors there:
    ImageError, ImageNotFoundError for an image that cannot be taken, DeviceError where the requested device would not
    run.
    """

    def read_images(
        self, images: Images, *, polarity: Polarity | None = None, fit: Fit = "resize"
    ) -> NDArray[np.float32]:
        """The pixels that the model sees: float32 [N, C, H, W] in [0, 1], ink is 1."""
        queue = self._queue(images, polarity, fit)
        check_answer_size(len(queue), self.image_shape, "images")
        return queue.read()

    def encode(
        self, images: Images, *, polarity: Polarity | None = None, fit: Fit = "resize", out: Encoding | None = None
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
        self, images: Iterable[ImageLike], *, batch: int = 32, polarity: Polarity | None = None, fit: Fit = "resize"
    ) -> Iterator[Encoding]:
        """Encode a stream, `batch` of its items at a time; nothing is taken from it before it is needed.

        Raises:
            InputError: `batch` is no whole number of at least 1, or `images` is no stream; at the call, not later.
        """
        batch = whole_number(batch, "batch", least=1, most=_MOST_ROWS)
        return self._encoded(stream(images), batch, polarity, fit)

    def _encoded(
        self, source: Iterator[ImageLike], batch: int, polarity: Polarity | None, fit: Fit
    ) -> Iterator[Encoding]:
        while items := list(islice(source, batch)):
            yield self.encode(items, polarity=polarity, fit=fit)

    def classify(
        self, images: Images, *, reject_below: float = 0.0, polarity: Polarity | None = None, fit: Fit = "resize"
    ) -> Classification:
        """The most probable class of each image; one that is less probable than `reject_below` is marked so.

        Raises:
            InputError: `reject_below` is no number from 0 to 1.
        """
        reject_below = real_number(reject_below, "reject_below", least=0, most=1)
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
            z: float [N, Z], or [Z] for one image; each number finite and at most 1e9 in absolute value.
            labels: one class for all rows, or one a row; or class probabilities, float [N, K] in [0, 1].
            out: float32 [N, C, H, W] to write to instead of a new array.

        Raises:
            InputError: a shape or type that does not fit, or a row with a number out of its range.
            LabelError: no such class.
        """
        rows = read_rows(z, "z", self.latent_dim)
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

        Row r of a seed has the same latent whatever `n`, batch, machine or language (docs/contract.md): the first four
        of eight drawings are the four drawings of a call for four.

        Args:
            label: the class.
            n: how many, 0 or more.
            seed: 0 to 2**64 - 1.
            start: number of the first row, to go on where an earlier call ended.
            temperature: scale of the latents, 0 to 1e6; below 1 more typical, above 1 more unusual.
            out: as of `decode`.

        Raises:
            InputError: a number out of its range.
            LabelError: no such class.
        """
        return self.decode(self._latents(seed, n, start, temperature), label, out=out)

    def reconstruct(self, images: Images, *, polarity: Polarity | None = None, fit: Fit = "resize") -> Reconstruction:
        """Encode images and draw them again from `z_mean` and `class_probs`."""
        originals = self.read_images(images, polarity=polarity, fit=fit)
        encoding = self._encode(len(originals), self._cut(originals))
        return Reconstruction(originals, self.decode(encoding.z_mean, encoding.class_probs), encoding)

    def restyle(
        self,
        images: Images,
        labels: Sequence[LabelLike] | None = None,
        *,
        polarity: Polarity | None = None,
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
        polarity: Polarity | None = None,
        fit: Fit = "resize",
    ) -> Drawings:
        """Draw the way from one image to another: latents on the arc, class probabilities on the line between.

        Args:
            first: one image, whose reconstruction is the first drawing.
            second: one image, whose reconstruction is the last.
            steps: how many drawings, 2 to 65536.
            label: a class to draw all of them as, instead of the classifier's answers.
            polarity: see `Model`.
            fit: see `Model`.

        Raises:
            InputError: fewer or more steps, or not one image at each end.
            LabelError: no such class.
        """
        steps = whole_number(steps, "steps", least=2, most=_MOST_STEPS)
        ends = self.encode([first, second], polarity=polarity, fit=fit)
        if len(ends) != 2:
            raise InputError(f"{len(ends)} images given to interpolate between, but it takes one at each end")
        z = spherical(ends.z_mean[0], ends.z_mean[1], steps)
        t = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        return self.decode(z, (1 - t) * ends.class_probs[0] + t * ends.class_probs[1] if label is None else label)

    def anomaly_score(self, images: Images, *, polarity: Polarity | None = None, fit: Fit = "resize") -> AnomalyScores:
        """How unusual images are, beside the held-out images that the bundle's manifest remembers.

        Raises:
            BundleError: the bundle has no such record.
        """
        known = calibration_needed(self.bundle)
        queue = self._queue(images, polarity, fit)
        check_answer_size(len(queue), self.image_shape, "images")
        scores = [
            score(batch, encoding, self.decode(encoding.z_mean, encoding.class_probs).pixels, known)
            for batch in queue.chunks(self.chunk_rows)
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
        n, start = whole_number(n, "n", least=0), whole_number(start, "start", least=0, most=_LAST_ROW)
        check_size(n, names, self.image_shape)
        images = empty((len(names), n, *self.image_shape), np.uint8)
        for place, name in enumerate(names):
            k, classes = self.labels.index(name), len(self.labels)
            for first in range(0, n, self.chunk_rows):
                rows = min(self.chunk_rows, n - first)
                z = self._latents(seed, rows, (start + first) * classes + k, temperature, step=classes)
                images[place, first : first + rows] = to_uint8(self.decode(z, name).pixels)
        indices = np.repeat(np.arange(len(names), dtype=np.int64), n)
        return SampledDataset(images.reshape(-1, *self.image_shape), indices, names)

    def _queue(self, images: Images, polarity: Polarity | None, fit: Fit) -> ImageQueue:
        usual = cast("Polarity", self.bundle.manifest.polarity)
        return queue_images(images, self.image_shape, polarity=usual if polarity is None else polarity, fit=fit)

    def _latents(self, seed: int, n: int, start: int, temperature: float, *, step: int = 1) -> NDArray[np.float32]:
        scale = np.float32(real_number(temperature, "temperature", least=0, most=_MOST_TEMPERATURE))
        n = whole_number(n, "n", least=0)
        check_answer_size(n, self.image_shape, "images")
        return latents(seed, n, self.latent_dim, start=start, step=step) * scale

    def _styled(self, z: NDArray[np.float32], labels: Sequence[LabelLike] | None) -> StyleGrid:
        names = label_names(self.bundle.manifest, labels)
        check_answer_size(len(z) * len(names), self.image_shape, "images")
        pixels = empty((len(z), len(names), *self.image_shape), np.float32)
        for place, name in enumerate(names):
            pixels[:, place] = self.decode(z, name).pixels
        return StyleGrid(pixels, z, names)


def load(
    path_or_name: str | os.PathLike[str],
    *,
    precision: str = FP32,
    device: str = "cpu",
    threads: int | None = None,
    spinning: bool | None = None,
    providers: Providers | None = None,
    chunk_rows: int = CHUNK_ROWS,
    digest: str | None = None,
    trusted: bool = False,
) -> Model:
    """Open a bundle, check its seal and its graphs and make it ready to answer.

    The bundle may come from a stranger: docs/security.md has what is refused.

    Args:
        path_or_name: a bundle's folder or zip (`NAME.vaeport`), or the name of a bundle that ships with vaeport.
        precision: which of the bundle's precisions to run.
        device: `cpu`, `cuda`, `cuda:N` or `auto`; a device that would not run is an error, only `auto` may fall back.
        threads: threads inside an operator; None takes what CPU affinity and container quota allow.
        spinning: whether waiting threads burn their processor a while, for speed; None lets those of graphs of 32 MB
            and more.
        providers: onnxruntime execution providers to pass through as they are, instead of those of `device`.
        chunk_rows: rows that meet a session at once; memory grows with it, answers do not change beyond rounding.
        digest: the digest that the bundle must have (`sha256:...`, see `vaeport info`); None takes any. An app that
            pins it takes that bundle and no other.
        trusted: whether the bundle's author is trusted: its graphs may hold control flow (If, Loop, Scan) and
            functions, and take any time and memory. They never read files or leave the standard operators.

    Raises:
        BundleNotFoundError, BundleError, SealError: the bundle is not there, not readable, or not as it was sealed; or
            a graph is not what the manifest says, or could read files, hang, or take too much.
        InputError: an option out of its range.
    """
    options = SessionOptions(device, threads, spinning, read_providers(providers))
    graphs = [spec.file(text(precision, "precision")) for spec in GRAPHS.values()]
    bundle = open_bundle(path_or_name, digest=digest, keep=graphs)
    return Model(bundle, precision=precision, options=options, chunk_rows=chunk_rows, trusted=trusted)
