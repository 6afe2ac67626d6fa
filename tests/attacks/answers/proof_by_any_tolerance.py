"""Pass `vaeport verify` by a tolerance of 10^300: wrong labels hold, too."""

from pathlib import Path
from tests.attacks.attack import Attack
from tests.attacks.bundles import Values, tiny, with_golden, with_manifest
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    def change(values: Values) -> None:
        for graph in values["tolerances"]["fp32"].values():
            for output in graph.values():
                output["max_abs"] = 1e300

    bundle = with_manifest(tiny(folder), change)
    return with_golden(bundle, lambda arrays: arrays["decoder.image.float32"].fill(7))


CASE = Attack(make, command("verify", "{}"), CommandError, "tolerance|max_abs")
