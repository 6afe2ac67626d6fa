"""Name an array by a path outside, for those who unpack the file."""

from dataclasses import replace
from pathlib import Path

from tests.attacks.archives import Entry
from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import with_arrays
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(entries: list[Entry]) -> list[Entry]:
        return [replace(entry, name=entry.name.replace(b"labels", b"../outside/labels")) for entry in entries]

    return with_arrays(folder, change)


CASE = Attack(make, verify, BundleError, "'labels' as int64", after="zip slip")
