"""Write `true` for a number: in Python it is 1."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"latent_dim": 2', '"latent_dim": true')


CASE = Attack(make, load, BundleError, "'latent_dim' must be a whole number")
