import dataclasses
import gc
import gzip
import hashlib
import struct
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest

from vaeport.errors import InputError
from vaeport_train.data import Dataset, load_dataset
from vaeport_train.data.published import MNIST
from vaeport_train.data.sources import PUBLISHED

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
"""pooch never reads the answer of a mirror that says 404, and leaves its socket to the garbage collector."""

IMAGES = {"train": 7, "t10k": 3}
"""Images of the made-up data set, by prefix of the file names."""


class Mirrors:
    """Folders `first` and `second` served over HTTP, and the paths that were asked for."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.asked: list[str] = []

    def publish(self, mirror: str, files: dict[str, bytes]) -> None:
        (self.folder / mirror).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (self.folder / mirror / f"{name}.gz").write_bytes(gzip.compress(content))


def made_up_files() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for prefix, n in IMAGES.items():
        pixels = np.random.default_rng(n).integers(0, 256, n * 784, np.uint8)
        files[f"{prefix}-images-idx3-ubyte"] = b"\x00\x00\x08\x03" + struct.pack(">3I", n, 28, 28) + pixels.tobytes()
        files[f"{prefix}-labels-idx1-ubyte"] = b"\x00\x00\x08\x01" + struct.pack(">I", n) + bytes(range(n))
    return files


@pytest.fixture
def mirrors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    """Two empty mirrors on this machine, in the place of the real ones, and an empty cache."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            asked.append(self.path)

    root = tmp_path / "www"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made = Mirrors(root, f"http://127.0.0.1:{server.server_port}/")
    made.asked = asked
    hashes = {
        name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in made_up_files().items()
    }
    urls = (f"{made.url}first/", f"{made.url}second/")
    monkeypatch.setitem(PUBLISHED, "mnist", dataclasses.replace(MNIST, mirrors=urls, md5=hashes))
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.delenv("VAEPORT_DATA_DIR", raising=False)
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def sizes(dataset: Dataset) -> tuple[int, int]:
    assert dataset.test is not None
    return len(dataset.development), len(dataset.test)


def test_mnist_is_downloaded_from_the_first_mirror(mirrors: Mirrors) -> None:
    mirrors.publish("first", made_up_files())

    assert sizes(load_dataset("mnist")) == (IMAGES["train"], IMAGES["t10k"])
    assert all(path.startswith("/first/") for path in mirrors.asked)


def test_second_mirror_is_tried_where_the_first_has_nothing(mirrors: Mirrors) -> None:
    mirrors.publish("second", made_up_files())

    assert sizes(load_dataset("mnist")) == (IMAGES["train"], IMAGES["t10k"])
    assert any(path.startswith("/first/") for path in mirrors.asked)


def test_second_call_asks_no_mirror(mirrors: Mirrors) -> None:
    mirrors.publish("first", made_up_files())
    load_dataset("mnist")
    mirrors.asked.clear()

    load_dataset("mnist")

    assert mirrors.asked == []


def test_wrong_content_is_refused(mirrors: Mirrors) -> None:
    for mirror in ("first", "second"):
        mirrors.publish(mirror, dict.fromkeys(made_up_files(), b"a login page"))

    with pytest.raises(InputError, match="is not the train-images-idx3-ubyte of mnist"):
        load_dataset("mnist")


def test_wrong_content_does_not_stay_in_the_cache(mirrors: Mirrors) -> None:
    for mirror in ("first", "second"):
        mirrors.publish(mirror, dict.fromkeys(made_up_files(), b"a login page"))
    with pytest.raises(InputError):
        load_dataset("mnist")
    mirrors.publish("first", made_up_files())

    assert sizes(load_dataset("mnist")) == (IMAGES["train"], IMAGES["t10k"])


def test_no_mirror_at_all_says_what_to_do(mirrors: Mirrors) -> None:
    with pytest.raises(InputError, match=r"^cannot download train-images-idx3-ubyte [^\n]*--data-dir[^\n]*$"):
        load_dataset("mnist")
    assert {path.split("/")[1] for path in mirrors.asked} == {"first", "second"}
