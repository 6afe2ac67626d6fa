"""Carry an array twice, by its name and by its name without the ending."""

from dataclasses import replace
from pathlib import Path

from tests.attacks.archives import Entry
from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import with_arrays
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(entries: list[Entry]) -> list[Entry]:
        labels = next(entry for entry in entries if entry.name == b"labels.npy")
        return [*entries, replace(labels, name=b"labels")]

    return with_arrays(folder, change)


CASE = Attack(make, verify, BundleError, "array twice")
