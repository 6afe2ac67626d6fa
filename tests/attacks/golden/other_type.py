"""Carry float labels: comparisons hold that no class has."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_golden
from tests.attacks.entries import verify
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_golden(tiny(folder), lambda arrays: arrays.update(labels=arrays["labels"].astype(np.float64)))


CASE = Attack(make, verify, BundleError, "'labels' as int64")
