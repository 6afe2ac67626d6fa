"""The calls that a soak mixes: every public verb of the runtime on small and large batches, and bad inputs among them.

A call has one outcome, as bytes: the bits of its answer, or the name and sentence of the error that a bad input must
raise. Each call makes its own arguments, so any number of threads may make it at once.
"""

import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import vaeport
from tools.torture.bad_calls import bad_arguments, bad_bundles, bad_images, picture_content, random_images
from vaeport.errors import InputError
from vaeport.images.fitting import Fit

_CLOSED = "was closed"
"""What the error of a closed model says."""

_TRIES = 1000
"""How often a call on a model that others close is made again; they close it far less often."""


@dataclass(frozen=True)
class Call:
    """One call with fixed arguments."""

    name: str
    """What it does, on which model; one of a kind."""
    weight: int
    """How often it is made, beside the others."""
    act: Callable[[], bytes]
    """Makes the call and gives the bits of its answer."""
    bad: bool = False
    """Whether it must be refused by a VaeportError."""

    def outcome(self) -> bytes:
        """The bits of the answer, or the error of a bad input; an error of any other kind is raised."""
        if not self.bad:
            return self.act()
        try:
            self.act()
        except vaeport.VaeportError as error:
            return f"{type(error).__name__}: {error}".encode()
        return b"not refused"


class Revolving:
    """A model that threads use while others close it and put a new one in its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._model = vaeport.load(path, threads=1)

    def renew(self) -> bytes:
        """Put a new model in place and close the old one, which others may be using."""
        old, self._model = self._model, vaeport.load(self._path, threads=1)
        old.close()
        return b"renewed"

    def ask(self) -> bytes:
        """Bits of a reconstruction, from whichever model answers."""
        images = random_images(self._model, 3)
        for _ in range(_TRIES):
            try:
                return self._model.reconstruct(images).drawings.pixels.tobytes()
            except InputError as error:
                if _CLOSED not in str(error):
                    raise
        raise RuntimeError("no model stayed open long enough to answer")

    def close(self) -> None:
        """Let the last one go."""
        self._model.close()


def make_calls(bundles: dict[str, Path], folder: Path) -> tuple[list[Call], Callable[[], None]]:
    """All calls, and what closes the models behind them.

    Args:
        bundles: folders of bundles by a short name; the first, the smallest, is loaded, closed and tampered with most.
        folder: an empty folder for damaged copies and images.
    """
    small = next(iter(bundles.values()))
    models = {
        f"{name}, {threads} threads": vaeport.load(path, threads=threads, chunk_rows=rows)
        for name, path in bundles.items()
        for threads, rows in ((1, 256), (2, 5))
    }
    revolving = Revolving(small)
    calls = [
        Call("revolving model: reconstruct", 30, revolving.ask),
        Call("revolving model: renew", 1, revolving.renew),
    ]
    for name, model in models.items():
        calls += [*_good_calls(name, model, folder), *_bad_calls(name, model, folder)]
    for name, path in bundles.items():
        calls += _openings(name, path, weight=4 if path == small else 1)
    zipped = vaeport.open_bundle(small).pack(folder / "zipped.vaeport")
    calls += _openings("zipped", zipped, weight=4)
    for title, act in bad_bundles(small, zipped, folder).items():
        calls.append(Call(f"refuse {title}", 5, partial(_ignored, act), bad=True))

    def close() -> None:
        revolving.close()
        for model in models.values():
            model.close()

    return calls, close


def _good_calls(name: str, model: vaeport.Model, folder: Path) -> list[Call]:
    """Verbs, batch sizes, and forms of images."""
    two = random_images(model, 2)
    acts: list[tuple[str, int, Callable[[], bytes]]] = [
        ("interpolate", 10, lambda: _bits(model.interpolate(two[0], two[1], 7).pixels)),
        ("interpolate as a class", 10, lambda: _bits(model.interpolate(two[0], two[1], 2, label=1).pixels)),
        ("style_grid", 2, lambda: _bits(model.style_grid(3, labels=[2, 0], seed=5, temperature=0.7).pixels)),
        ("sample_dataset", 1, lambda: _bits(model.sample_dataset(2, labels=[1, model.labels[0]], seed=9).images)),
        (
            "encode_iter left half way",
            5,
            lambda: _encoding(next(model.encode_iter(iter(random_images(model, 5)), batch=2))),
        ),
        ("encode_iter of a failing stream", 5, lambda: _failing_stream(model)),
        ("save a grid", 1, lambda: _saved(model, folder)),
    ]
    for n in (0, 1, 2, 3, 7, 40, 300):
        weight = 30 if n < 10 else 6 if n < 100 else 1
        acts += [(f"{verb} {n}", weight, act) for verb, act in _sized_acts(model, n).items()]
        if n <= 40:
            acts += [(f"{verb} {n}", weight // 4, act) for verb, act in _slow_acts(model, n).items()]
    return [
        *(Call(f"{name}: {title}", weight, act) for title, weight, act in acts),
        *_picture_calls(name, model, folder),
    ]


def _sized_acts(model: vaeport.Model, n: int) -> dict[str, Callable[[], bytes]]:
    """Quick verbs on n rows."""
    images, z = random_images(model, n), vaeport.latents(n, n, model.latent_dim)
    labels = [model.labels[row % len(model.labels)] for row in range(n)]
    return {
        "encode": lambda: _encoding(model.encode(images)),
        "encode into buffers": lambda: _encode_into(model, images),
        "classify": lambda: _classified(model.classify(images, reject_below=0.5)),
        "decode": lambda: _bits(model.decode(z, labels).pixels),
        "decode into a buffer": lambda: _decode_into(model, z, labels),
        "generate": lambda: _bits(model.generate(n % 2, n, seed=n, start=2**40).pixels),
        "reconstruct": lambda: _bits(model.reconstruct(images).drawings.pixels),
    }


def _slow_acts(model: vaeport.Model, n: int) -> dict[str, Callable[[], bytes]]:
    """Verbs that run a graph several times."""
    images = random_images(model, n)
    return {
        "anomaly_score": lambda: _scores(model, images),
        "restyle": lambda: _bits(model.restyle(images).pixels),
        "encode_iter": lambda: _streamed(model, images),
    }


def _picture_calls(name: str, model: vaeport.Model, folder: Path) -> list[Call]:
    """Files, their content, PIL images, and lists of everything."""
    grey = np.random.default_rng(3).integers(0, 256, (30, 23), np.uint8)
    picture = Image.fromarray(grey)
    png, jpeg = picture_content(picture, "PNG"), picture_content(picture.convert("RGB"), "JPEG")
    file = folder / "picture.png"
    file.write_bytes(png)
    array = random_images(model, 2)
    forms: dict[str, Callable[[], Any]] = {
        "PNG content": lambda: png,
        "JPEG content": lambda: jpeg,
        "a path": lambda: file,
        "a PIL image": lambda: Image.fromarray(grey),
        "one PIL image for all threads": lambda: picture,
        "a list of all forms": lambda: [array, png, str(file), picture, [array[0], (jpeg,)]],
        "a generator": lambda: (row for row in array),
        "Fortran order": lambda: np.asfortranarray(array),
        "floats, strided": lambda: (np.repeat(array, 2, axis=0) / 255.0)[::-2],
    }

    def classify(form: str, fit: Fit) -> bytes:
        return _classified(model.classify(forms[form](), fit=fit))

    fits: tuple[Fit, ...] = ("resize", "mnist")
    return [
        Call(f"{name}: classify {form}, fit={fit}", 3, partial(classify, form, fit)) for form in forms for fit in fits
    ]


def _bad_calls(name: str, model: vaeport.Model, folder: Path) -> list[Call]:
    """Each is refused by a VaeportError."""
    given = bad_images(model, folder)
    acts: dict[str, Callable[[], object]] = {
        **{f"encode {what}": partial(model.encode, images) for what, images in given.items()},
        **{f"anomaly_score {what}": partial(model.anomaly_score, images) for what, images in given.items()},
        **bad_arguments(model),
    }
    return [Call(f"{name}: refuse {title}", 4, partial(_ignored, act), bad=True) for title, act in acts.items()]


def _openings(name: str, path: Path, *, weight: int) -> list[Call]:
    """Opening, loading, pickling, verifying."""
    digest, other = vaeport.open_bundle(path).digest, f"sha256:{64 * '0'}"

    def load(threads: int) -> bytes:
        with vaeport.load(path, threads=threads) as model:
            return _bits(model.reconstruct(random_images(model, 2)).drawings.pixels)

    def pickled() -> bytes:
        with vaeport.load(path, threads=1) as model, pickle.loads(pickle.dumps(model)) as again:  # noqa: S301 - our own
            return _bits(again.generate(0, 2, seed=1).pixels)

    def closed() -> bytes:
        model = vaeport.load(path, threads=1)
        model.close()
        return _bits(model.generate(0).pixels)

    def verified() -> bytes:
        report = vaeport.verify(path, threads=1)
        return repr((report.holds, report.rows, report.checks)).encode()

    return [
        Call(f"{name}: open", weight, lambda: vaeport.open_bundle(path).manifest.to_json().encode()),
        Call(f"{name}: load, answer, close", weight, lambda: load(1)),
        Call(f"{name}: load with a thread of its own", weight, lambda: load(2)),
        Call(f"{name}: pickle", weight, pickled),
        Call(f"{name}: refuse to answer closed", weight, closed, bad=True),
        Call(f"{name}: load by its digest", weight, lambda: _ignored(lambda: vaeport.load(path, digest=digest))),
        Call(
            f"{name}: refuse another digest",
            weight,
            lambda: _ignored(lambda: vaeport.load(path, digest=other)),
            bad=True,
        ),
        Call(f"{name}: verify", max(1, weight // 3), verified),
    ]


def _bits(array: NDArray[np.generic]) -> bytes:
    return array.tobytes()


def _ignored(act: Callable[[], object]) -> bytes:
    return repr(type(act())).encode()


def _encoding(answer: vaeport.Encoding) -> bytes:
    return answer.z_mean.tobytes() + answer.z_logvar.tobytes() + answer.class_probs.tobytes()


def _classified(answer: vaeport.Classification) -> bytes:
    return repr(answer.predictions).encode() + answer.class_probs.tobytes()


def _scores(model: vaeport.Model, images: NDArray[np.uint8]) -> bytes:
    scores = model.anomaly_score(images)
    return scores.negative_elbo.tobytes() + scores.squared_error.tobytes() + scores.percentile.tobytes()


def _encode_into(model: vaeport.Model, images: NDArray[np.uint8]) -> bytes:
    """Into buffers of NaN: what the answer leaves unwritten shows."""
    rows = (model.latent_dim, model.latent_dim, len(model.labels))
    out = vaeport.Encoding(*(np.full((len(images), size), np.nan, np.float32) for size in rows))
    model.encode(images, out=out)
    return _encoding(out)


def _decode_into(model: vaeport.Model, z: NDArray[np.float32], labels: list[str]) -> bytes:
    out = np.full((len(z), *model.image_shape), np.nan, np.float32)
    model.decode(z, labels, out=out)
    return out.tobytes()


def _streamed(model: vaeport.Model, images: NDArray[np.uint8]) -> bytes:
    return b"".join(map(_encoding, model.encode_iter(iter(images), batch=3)))


class _StreamError(Exception):
    """What a caller's own stream raises."""


def _failing_stream(model: vaeport.Model) -> bytes:
    """A stream's own error reaches the caller as it is, after the batches before it."""

    def stream() -> Iterator[NDArray[np.uint8]]:
        yield from random_images(model, 3)
        raise _StreamError

    answers: list[bytes] = []
    try:
        for answer in model.encode_iter(stream(), batch=2):
            answers.append(_encoding(answer))  # noqa: PERF401 - what came before the error counts
    except _StreamError:
        return b"".join([*answers, b"the stream's own error"])
    return b"the stream's error is lost"


def _saved(model: vaeport.Model, folder: Path) -> bytes:
    path = model.generate(0, 3, seed=2).save(folder / f"grid-{os.urandom(8).hex()}.png", columns=2)
    content = path.read_bytes()
    path.unlink()
    return content
