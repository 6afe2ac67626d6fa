"""Answer other images than the graphs: an original that the comparison would take for the truth."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import Values, trained_bundle, with_json
from tests.attacks.checkpoints import PROGRAM
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(values: Values) -> None:
        values["nodes"][4]["args"][1] = [-1, 1, 56, 14]

    return with_json(trained_bundle(folder), PROGRAM, change)


CASE = Attack(make, original, BundleError, "the original of decoder gives image")
