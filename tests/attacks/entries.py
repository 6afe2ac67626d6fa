"""The doors through which strangers' things enter vaeport. Each raises a VaeportError, or lets the attack in."""

from __future__ import annotations

import contextlib
import io
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np

import vaeport
from vaeport.errors import VaeportError
from vaeport.images.files import open_picture


class CommandError(VaeportError):
    """A command refused: it ended with its exit code for errors, and one sentence on stderr."""


class NotRefusedError(AssertionError):
    """The attack got past the door at which it should have been refused; the text says how far."""


def load(bundle: Path) -> object:
    """`vaeport.load`, which must refuse: what gets past it is tried on, to say how far it gets."""
    model = vaeport.load(bundle, threads=1)
    try:
        answers = _answers(model)
    except VaeportError as error:
        raise NotRefusedError(f"loaded, then refused: {error}") from error
    raise NotRefusedError(f"loaded, then answered {answers}")


def answer(bundle: Path) -> object:
    """`vaeport.load`, then every kind of answer."""
    return _answers(vaeport.load(bundle, threads=1))


def answer_many(bundle: Path) -> object:
    """`vaeport.load`, then a batch of 256."""
    model = vaeport.load(bundle, threads=1)
    return f"image {list(model.generate(model.labels[0], 256).pixels.shape)}"


def answer_trusted(bundle: Path) -> object:
    """The same of a bundle whose author is trusted: its graphs may hold control flow, its answers are checked still."""
    return _answers(vaeport.load(bundle, threads=1, trusted=True))


def load_trusted(bundle: Path) -> object:
    """`vaeport.load` of a bundle whose author is trusted: what even such a one may not hold."""
    return _answers(vaeport.load(bundle, threads=1, trusted=True))


def pinned(digest: str) -> Callable[[Path], object]:
    """`vaeport.load` of the bundle with this digest and no other."""
    return lambda bundle: vaeport.load(bundle, threads=1, digest=digest)


def verify(bundle: Path) -> object:
    """`vaeport.verify`."""
    return vaeport.verify(bundle, threads=1)


def original(bundle: Path) -> object:
    """What `vaeport-parity BUNDLE` does first: read the PyTorch original or the given ONNX files, and run them."""
    from vaeport_export.bundle.subject import subject_of

    return subject_of(vaeport.open_bundle(bundle))


def trained(bundle: Path) -> object:
    """What `vaeport-train evaluate BUNDLE` and `sample` do first: rebuild the network of a bundle or run folder."""
    from vaeport_train.running.trained import load_trained

    return load_trained(bundle)


def resumed(run: Path) -> object:
    """What `vaeport-train resume RUN` reads of a run that came from a stranger."""
    from vaeport_train.running.checkpoint import load_record
    from vaeport_train.running.state import load_state

    return load_state(run, load_record(run))


def given_model(path: Path) -> object:
    """What `vaeport-parity MODEL.onnx` does first: read the file, and the weights that lie beside it."""
    from vaeport_parity.subjects.files import read_graph

    return read_graph(path)


def adopted(path: Path) -> object:
    """What `vaeport-export` does first with a given ONNX file."""
    from vaeport_export.graph.adoption import read_onnx

    return read_onnx(path)


def load_dataset(path: Path) -> object:
    """What `vaeport-train fit --data PATH` does first."""
    from vaeport_train.data import load_dataset

    return load_dataset(path)


def picture(path: Path) -> object:
    """An image file from a stranger."""
    return np.asarray(open_picture(path, "L"))


def unpickled(path: Path) -> object:
    """A pickle of a Model, which names the bundle that it opens anew; the pickle itself is the application's own."""
    return _answers(pickle.loads(path.read_bytes()))  # noqa: S301 - made by vaeport in this very test


def command(*argv: str) -> Callable[[Path], object]:
    """The command `vaeport` with these arguments, `{}` standing for the hostile path."""

    def enter(path: Path) -> object:
        from vaeport.cli import main

        told, printed = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(printed):
            code = _exit_code(main, [word.replace("{}", str(path)) for word in argv])
        lines = (told.getvalue() + printed.getvalue()).splitlines()
        if unfit := [line for line in lines if not line.isprintable()]:
            raise NotRefusedError(f"the terminal got {unfit[0]!r}")
        if code == 0:
            return printed.getvalue()
        raise CommandError(f"exit code {code}: {told.getvalue().rstrip() or lines[-1]}")

    return enter


def _exit_code(main: Callable[[list[str]], int], argv: list[str]) -> int:
    try:
        return main(argv)
    except SystemExit as stop:
        return int(stop.code or 0)


def _answers(model: vaeport.Model) -> str:
    """Let a model answer in every way; the text tells what it answered."""
    images = np.full((3, *model.image_shape), 0.5, np.float32)
    seen = model.encode(images)
    drawn = model.generate(model.labels[0], 3)
    model.classify(images)
    model.reconstruct(images)
    shown = drawn.pixels.reshape(-1)[:8].tolist()
    return f"z_mean {list(seen.z_mean.shape)}, image {list(drawn.pixels.shape)} {shown}"
