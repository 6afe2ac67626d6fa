"""Put another bundle in the place from which a pickled model opens its own."""

import pickle
from pathlib import Path

import vaeport
from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import unpickled
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (folder / "model.pickle").write_bytes(pickle.dumps(vaeport.load(bundle, threads=1)))
    with_text(bundle, '"version": "1"', '"version": "2"')
    return folder / "model.pickle"


CASE = Attack(make, unpickled, SealError, "digest")
