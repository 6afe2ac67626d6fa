"""What every entry point opens when nothing is hostile: beside it, a trace shows what an attack made it open."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vaeport.errors import VaeportError

from . import bundles, entries, graphs
from .archives import zipped
from .attack import Attack


def _drawn(folder: Path) -> Path:
    Image.fromarray(np.full((4, 4), 128, np.uint8)).save(folder / "digit.png")
    return folder / "digit.png"


def _with_external_data(folder: Path) -> Path:
    return graphs.with_decoder(folder, lambda model: graphs.outside_weight(model, "outside/secret"))


def _images(folder: Path) -> Path:
    np.savez(folder / "images.npz", images=np.zeros((8, 4, 4), np.uint8), labels=np.arange(8) % 2)
    return folder / "images.npz"


def _begun(folder: Path) -> Path:
    from tests.train.small import few_digits, narrow_run

    return narrow_run(folder / "run", few_digits(120, held_out=20), "training.epochs=1")


_CASES: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "answer": (bundles.tiny, entries.answer),
    "zip": (lambda folder: zipped(bundles.tiny(folder), folder / "clean.vaeport"), entries.answer),
    "verify": (bundles.tiny, entries.verify),
    "original": (bundles.trained_bundle, entries.original),
    "trained": (bundles.trained_bundle, entries.trained),
    "resumed": (_begun, entries.resumed),
    "given_model": (lambda folder: graphs.given(folder, lambda model: None), entries.given_model),
    "adopted": (lambda folder: graphs.given(folder, lambda model: None), entries.adopted),
    "load_dataset": (_images, entries.load_dataset),
    "picture": (_drawn, entries.picture),
    "info": (bundles.tiny, entries.command("info", "{}")),
    "prove": (bundles.tiny, entries.command("verify", "{}")),
    "draw": (bundles.tiny, entries.command("generate", "cat", "--bundle", "{}", "--output", "drawn.png")),
    "classify": (_drawn, entries.command("classify", "{}")),
}


def _careless(bundle: Path) -> object:
    """What a reader does that takes a graph as it is: the trace must show it, or it would show nothing."""
    import onnxruntime

    onnxruntime.InferenceSession((bundle / bundles.DECODER_FILE).read_bytes(), providers=["CPUExecutionProvider"])
    subprocess.run(["true"], check=True)  # noqa: S607 - found by the system, as an enemy's command would be
    with socket.socket() as made, contextlib.suppress(OSError):
        made.connect(("127.0.0.1", 9))
    return "read"


NAMES = tuple(f"clean/{name}" for name in _CASES)


def clean_case(name: str) -> Attack:
    """An attack that is none; `careless` is one on a reader that has no care."""
    make, enter = (_with_external_data, _careless) if name == "careless" else _CASES[name]
    return Attack(make, enter, VaeportError, "")
