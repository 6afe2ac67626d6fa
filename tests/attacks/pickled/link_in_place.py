"""Put a link to a file outside in the place from which a pickled model opens its bundle."""

import pickle
from pathlib import Path

import vaeport
from tests.attacks.attack import Attack, secret_of
from tests.attacks.bundles import tiny
from tests.attacks.entries import unpickled
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (folder / "model.pickle").write_bytes(pickle.dumps(vaeport.load(bundle, threads=1)))
    (bundle / "golden.npz").unlink()
    (bundle / "golden.npz").symlink_to(secret_of(folder))
    return folder / "model.pickle"


CASE = Attack(make, unpickled, SealError, "'golden.npz' is a link")
