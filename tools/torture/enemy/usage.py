"""Using a hostile bundle as an app would: every call raises a VaeportError or gives what it promises."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

import vaeport
from vaeport.bundle.opening import open_bundle
from vaeport.cli import main as command
from vaeport.contract import FP32, GRAPHS
from vaeport.errors import VaeportError
from vaeport_export.bundle.subject import subject_of
from vaeport_train.running.trained import load_trained

from ..workers import PromiseBrokenError
from .bundle import Files
from .let_through import forbidden

_SHARE_VERIFIED, _SHARE_SHOWN = 0.05, 0.1
_LARGEST_ANSWER = 2**20
_MOST_LABELS = 50

ANSWERED = "answered, verified or compared"
"""The end of a case that nobody refused."""

_STAGES = {
    "onnxruntime": "onnxruntime",
    "graph.": "the reader of graphs",
    "bundle.arrays": "the reader of arrays",
    "bundle.golden": "the reader of arrays",
    "bundle.": "the reader of manifests",
    "common.": "the check of arguments",
    "sessions.": "the check of answers",
    "model.": "the check of answers",
    "vaeport_": "the readers of checkpoints",
}
"""Parts of vaeport by the beginning of a module's name."""


def use(path: Path, kind: str, files: Files, numbers: random.Random) -> None:
    """Use a bundle.

    Args:
        path: the folder or zip.
        kind: what is hostile in it: graph, manifest, golden, checkpoint or whole.
        files: what is in it.
        numbers: random numbers of this case.

    Raises:
        VaeportError: it was refused.
        PromiseBrokenError: an answer is not as promised.
    """
    if kind == "manifest" and numbers.random() < _SHARE_SHOWN:
        _show(path)
    if kind == "checkpoint":
        _use_checkpoint(path, numbers)
    elif kind == "golden":
        vaeport.verify(path, threads=1)
    else:
        if numbers.random() < _SHARE_VERIFIED:
            vaeport.verify(path, threads=1)
        _ask(path, files, numbers)


def stage_of(error: BaseException) -> str:
    """The part of vaeport that refused, or onnxruntime where it refused what our own readers let through."""
    if ("onnxruntime" in str(error) and "cannot load" in str(error)) or "fails at run time" in str(error):
        return _STAGES["onnxruntime"]
    module = place_of(error)
    return next((stage for start, stage in _STAGES.items() if module.startswith(start)), module)


def place_of(error: BaseException) -> str:
    """The module of vaeport's that raised an error, without the name of the package `vaeport`."""
    while isinstance(error.__cause__, VaeportError):  # a wrapper that puts the file's name before the sentence
        error = error.__cause__
    trace, name = error.__traceback__, ""
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        name = module if module.startswith("vaeport") else name
        trace = trace.tb_next
    return name.removeprefix("vaeport.")


def _ask(path: Path, files: Files, numbers: random.Random) -> None:
    """Load it and ask it in several ways; the first refusal counts, but the other calls are made all the same."""
    precision = numbers.choice(_precisions(files))
    with vaeport.load(path, threads=1, precision=precision) as model:
        for graph in GRAPHS.values():
            if problem := forbidden(files[graph.file(precision)]):
                raise PromiseBrokenError(f"loaded {problem} in {graph.name}")
        calls: list[Callable[[vaeport.Model, int], None]] = [_encode, _classify, _generate, _decode]
        calls.append(numbers.choice((_reconstruct, _style, _interpolate, _score)))
        numbers.shuffle(calls)
        refused: VaeportError | None = None
        for n in (3, 1):
            if n * np.prod(model.image_shape) > _LARGEST_ANSWER:
                continue
            for call in calls:
                try:
                    call(model, n)
                except VaeportError as error:
                    refused = refused or error
        if refused is not None:
            raise refused


def _precisions(files: Files) -> list[str]:
    return sorted({name.partition("/")[0] for name in files if name.endswith("/decoder/model.onnx")}) or [FP32]


def _show(path: Path) -> None:
    """What `vaeport info` prints is one that a terminal can show, and its exit code is one of those promised."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = command(["info", str(path)])
    odd = sorted({character for character in out.getvalue() if not character.isprintable() and character != "\n"})
    if code not in (0, 2) or odd:
        raise PromiseBrokenError(f"`vaeport info` ends with {code} and prints {odd}")


def _use_checkpoint(path: Path, numbers: random.Random) -> None:
    refused: VaeportError | None = None
    if numbers.random() < 0.5:
        try:
            load_trained(path)
        except VaeportError as error:
            refused = error
    subject_of(open_bundle(path))
    if refused is not None:
        raise refused


def _encode(model: vaeport.Model, n: int) -> None:
    _check_encoding(model, model.encode(_images(model, n)), n)


def _check_encoding(model: vaeport.Model, encoding: vaeport.Encoding, n: int) -> None:
    for name in ("z_mean", "z_logvar"):
        _check(name, getattr(encoding, name), (n, model.latent_dim))
    _check("class_probs", encoding.class_probs, (n, len(model.labels)))


def _classify(model: vaeport.Model, n: int) -> None:
    answer = model.classify(_images(model, n))
    _check("class_probs", answer.class_probs, (n, len(model.labels)))
    if len(answer.predictions) != n or any(each.label not in model.labels for each in answer.predictions):
        raise PromiseBrokenError(f"classify gave {answer.predictions} for {n} images")


def _generate(model: vaeport.Model, n: int) -> None:
    _check("generate", model.generate(model.labels[0], n, seed=1).pixels, (n, *model.image_shape))


def _decode(model: vaeport.Model, n: int) -> None:
    z = np.linspace(-2, 2, n * model.latent_dim, dtype=np.float32).reshape(n, -1)
    first = model.decode(z, model.labels[-1]).pixels
    _check("decode", first, (n, *model.image_shape))
    if first.tobytes() != model.decode(z, model.labels[-1]).pixels.tobytes():
        raise PromiseBrokenError("decode gives other answers to the same question")


def _reconstruct(model: vaeport.Model, n: int) -> None:
    answer = model.reconstruct(_images(model, n))
    _check_encoding(model, answer.encoding, n)
    _check("reconstruct", answer.drawings.pixels, (n, *model.image_shape))


def _style(model: vaeport.Model, n: int) -> None:
    labels = model.labels[:2]
    _check("style_grid", model.style_grid(n, labels=labels).pixels, (n, len(labels), *model.image_shape))


def _interpolate(model: vaeport.Model, n: int) -> None:
    first, last = _images(model, 2)
    _check("interpolate", model.interpolate(first, last, n + 1).pixels, (n + 1, *model.image_shape))


def _score(model: vaeport.Model, n: int) -> None:
    scores = model.anomaly_score(_images(model, n))
    for name in ("reconstruction", "kl", "squared_error", "percentile", "negative_elbo"):
        values = getattr(scores, name)
        if values.dtype != np.float64 or values.shape != (n,) or np.isnan(values).any():
            raise PromiseBrokenError(f"anomaly_score gives {name} as {values.dtype} {values.shape}: {values[:3]}")


def _images(model: vaeport.Model, n: int) -> Any:
    return np.linspace(0, 1, n * int(np.prod(model.image_shape)), dtype=np.float32).reshape(n, *model.image_shape)


def _check(name: str, answer: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(answer, np.ndarray) or answer.dtype != np.float32 or answer.shape != shape:
        raise PromiseBrokenError(f"{name} is {getattr(answer, 'dtype', type(answer))} {np.shape(answer)}, not {shape}")
    if not np.isfinite(answer).all():
        raise PromiseBrokenError(f"{name} holds numbers that are not finite")
