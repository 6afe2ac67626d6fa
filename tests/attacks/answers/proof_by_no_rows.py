"""Pass `vaeport verify` by golden rows that are not there."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_golden
from tests.attacks.entries import verify
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(arrays: dict[str, NDArray[Any]]) -> None:
        for name, values in arrays.items():
            arrays[name] = values[:0]

    return with_golden(tiny(folder), change)


CASE = Attack(make, verify, BundleError, "no rows")
