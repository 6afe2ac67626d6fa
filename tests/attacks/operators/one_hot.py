"""Write every latent as a row of 10^9 zeros and a one."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import INT64, bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("Cast", ["z"], ["whole"], to=INT64), node("OneHot", ["whole", "depth", "values"], ["bomb"])]
    return bomb(folder, nodes, depth=10**9, values=[0.0, 1.0])


CASE = Attack(make, load, BundleError, "OneHot|bomb")
