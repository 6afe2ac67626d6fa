"""Write 10^400 for a size."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"latent_dim": 2', f'"latent_dim": 1{"0" * 400}')


CASE = Attack(make, load, BundleError, "latent_dim")
