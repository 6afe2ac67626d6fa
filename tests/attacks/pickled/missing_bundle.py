"""Take the bundle of a pickled model away, so that a shipped one of the same name could answer."""

import pickle
import shutil
from pathlib import Path

import vaeport
from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import unpickled
from vaeport.errors import BundleNotFoundError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (folder / "model.pickle").write_bytes(pickle.dumps(vaeport.load(bundle, threads=1)))
    shutil.move(bundle, folder / "outside/bundle")
    return folder / "model.pickle"


CASE = Attack(make, unpickled, BundleNotFoundError, "does not exist")
