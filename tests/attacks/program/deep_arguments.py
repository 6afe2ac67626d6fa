"""Nest an argument 100,000 deep."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import trained_bundle, with_file
from tests.attacks.checkpoints import PROGRAM
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = trained_bundle(folder)
    text = (bundle / PROGRAM).read_text(encoding="utf-8")
    deep = "[" * 100_000 + "]" * 100_000
    return with_file(bundle, PROGRAM, text.replace('"results":', f'"deep": {deep}, "results":').encode())


CASE = Attack(make, original, BundleError, "decoder.json")
