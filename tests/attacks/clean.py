"""What every entry point opens when nothing is hostile: beside it, a trace shows what an attack made it open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vaeport.errors import VaeportError

from . import bundles, entries
from .archives import zipped
from .attack import Attack


def _drawn(folder: Path) -> Path:
    Image.fromarray(np.full((4, 4), 128, np.uint8)).save(folder / "digit.png")
    return folder / "digit.png"


_CASES: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "answer": (bundles.tiny, entries.answer),
    "zip": (lambda folder: zipped(bundles.tiny(folder), folder / "clean.vaeport"), entries.answer),
    "verify": (bundles.tiny, entries.verify),
    "original": (bundles.trained_bundle, entries.original),
    "trained": (bundles.trained_bundle, entries.trained),
    "picture": (_drawn, entries.picture),
    "command": (bundles.tiny, entries.command("info", "{}")),
}

NAMES = tuple(f"clean/{name}" for name in _CASES)


def clean_case(name: str) -> Attack:
    """An attack that is none."""
    make, enter = _CASES[name]
    return Attack(make, enter, VaeportError, "")
