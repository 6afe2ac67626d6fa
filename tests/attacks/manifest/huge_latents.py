"""Claim latents of 10^9 numbers."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_manifest(tiny(folder), lambda values: values["shapes"].update(latent_dim=10**9))


CASE = Attack(make, load, BundleError, "dimensions of the latent")
