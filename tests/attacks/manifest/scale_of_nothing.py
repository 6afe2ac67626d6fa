"""Give a scale of anomalies on which every image is normal: infinite scores."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import Values, tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(values: Values) -> None:
        scores = values["anomaly"]["negative_elbo"]
        scores[:] = [float(10**300)] * len(scores)
        scores[0] = "1e999"

    return with_manifest(tiny(folder), change)


CASE = Attack(make, load, BundleError, "negative_elbo")
