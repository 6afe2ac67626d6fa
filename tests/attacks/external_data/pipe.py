"""Hang for ever: the data lie in a pipe that nobody writes to."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return with_decoder(folder, lambda model: outside_weight(model, "pipe"))


CASE = Attack(make, load, BundleError, "external data")
