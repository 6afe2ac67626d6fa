"""One process that fuzzes one target: python -m tools.torture.fuzz.process TARGET ARGUMENTS-OF-LIBFUZZER."""

from __future__ import annotations

import random
import sys
import warnings

import atheris

from ..enemy.byte_changes import changed
from .targets import TARGETS

_SHARE_BLIND = 0.35


def main() -> None:
    """Fuzz until libFuzzer's limits are reached; an exception that gets out of the target ends the process."""
    target = TARGETS[sys.argv.pop(1)]
    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=list(target.packages)):
        read = target.prepare()
    change = target.change()

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        dice = random.Random(seed)  # noqa: S311 - cases, not secrets
        if not data or dice.random() < _SHARE_BLIND:
            return bytes(atheris.Mutate(data, min(most, target.most)))
        try:
            return change(data, dice)[:most]
        except Exception:  # noqa: BLE001 - an input that is far from its format; that is no fault of a reader
            return changed(data, dice)[:most]

    atheris.Setup(sys.argv, read, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
