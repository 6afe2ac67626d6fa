"""Double a tensor forty times."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    calls: list[tuple[str, list[object]]] = [("aten.cat.default", [[{"ref": "z"}, {"ref": "z"}]])]
    calls += [("aten.cat.default", [[{"ref": f"n{i}"}, {"ref": f"n{i}"}]]) for i in range(40)]
    return with_nodes(folder, *calls)


CASE = Attack(make, original, BundleError, "aten.cat|original of decoder", after="the billion laughs of XML")
