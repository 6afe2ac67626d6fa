"""Name a precision so that its folder lies outside the bundle."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import Values, tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(values: Values) -> None:
        values["precisions"].append("../outside")
        values["tolerances"]["../outside"] = values["tolerances"]["fp32"]

    return with_manifest(tiny(folder), change)


CASE = Attack(make, load, BundleError, "../outside")
