"""Write a second JSON value behind the first."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import manifest_text, tiny, write_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    return write_manifest(bundle, manifest_text(bundle) + '{"labels": ["dog", "cat", "owl"]}\n')


CASE = Attack(make, load, BundleError, "valid JSON: Extra data")
