"""Change a weight in place, so that the second run answers otherwise than the first."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    weight = {"ref": "p_network_decoder_layers_2_bias"}
    return with_nodes(folder, ("writes into a weight", [weight, 1.0]))


CASE = Attack(make, original, BundleError, "writes into a weight")
