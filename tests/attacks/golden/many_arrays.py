"""Carry 20,000 arrays of nothing."""

from pathlib import Path

from tests.attacks.archives import Entry
from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_arrays
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    more = [Entry(f"a{i}.npy".encode(), npy("{}", b"")) for i in range(20_000)]
    return with_arrays(folder, lambda entries: [*entries, *more])


CASE = Attack(make, verify, BundleError, "more than 1024")
