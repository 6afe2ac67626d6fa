"""Put a program in front of the zip: to the shell a script, to a zip reader a bundle."""

from pathlib import Path

from tests.attacks.archives import hostile_bytes
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return hostile_bytes(folder, lambda content: b"#!/bin/sh\ntouch outside/ran\nexit\n" + content)


CASE = Attack(make, load, BundleError, "bytes|begin|zip", after="polyglot files")
