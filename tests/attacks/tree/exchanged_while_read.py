"""Exchange a graph for another ten thousand times a second, while bundles are opened."""

import contextlib
import threading
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, ENCODER_FILE, tiny
from vaeport import open_bundle
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return tiny(folder)


def enter(bundle: Path) -> object:
    """Every load must see the true graph or refuse; the last one, after the exchanges, must refuse."""
    true = (bundle / DECODER_FILE).read_bytes()
    false, stop = (bundle / ENCODER_FILE).read_bytes(), threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            for content in (true, false):
                (bundle.parent / "next").write_bytes(content)
                (bundle.parent / "next").replace(bundle / DECODER_FILE)

    worker = threading.Thread(target=exchange)
    worker.start()
    try:
        for _ in range(100):
            with contextlib.suppress(SealError):
                assert open_bundle(bundle).read(DECODER_FILE) == true
    finally:
        stop.set()
        worker.join()
    return open_bundle(bundle)


CASE = Attack(
    make,
    enter,
    SealError,
    "is not the file that was sealed",
    after="races between check and use (CWE-367)",
    touches=("next",),
)
