"""What defects are planted in: two shipped bundles, a small convolutional one, and the networks of tests/foreign."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.export.material import digits, exported, trained_run
from tests.foreign.catalogue import HANDMADE, by_name
from tests.train.test_conv import NARROW as NARROW_CONV
from vaeport.common.fileio import scratch_folder
from vaeport_parity.building import GraphRequest, make_subject
from vaeport_parity.comparison import compare
from vaeport_parity.reporting.report import Report
from vaeport_parity.subjects.finding import find_subject
from vaeport_parity.subjects.subject import SubjectOptions

from .editing import GRAPH_FILE
from .kinds import BLOG, CONV, SHIPPED

MODELS = Path(__file__).parents[3] / "models"
BACKENDS = ("onnxruntime-none", "onnxruntime-all")
"""The file as it is, and as vaeport runs it."""

BUNDLES = (BLOG, CONV, SHIPPED)
_SHIPPED = {BLOG: "mnist-blog", SHIPPED: "mnist"}


@dataclass(frozen=True)
class Bases:
    """Bases in a folder, each made when it is first needed."""

    folder: Path
    """Where they stand; only to be read."""

    def of(self, name: str) -> Path:
        """Folder of a base: a bundle, or `graph.onnx` of a foreign network."""
        place = self.folder / name
        if not place.exists():
            if name in _SHIPPED:
                shutil.copytree(MODELS / _SHIPPED[name], place)
            elif name == CONV:
                self._convolutional(place)
            else:
                place.mkdir(parents=True)
                (HANDMADE[name].write if name in HANDMADE else by_name(name).to_onnx)(place / GRAPH_FILE)
        return place

    def copy_of(self, name: str, place: Path) -> Path:
        """A copy of a base that may be changed."""
        return Path(shutil.copytree(self.of(name), place))

    def _convolutional(self, place: Path) -> None:
        settings = [each for each in NARROW_CONV if "epochs" not in each]
        run = trained_run(self.folder / "conv-run", "conv", *settings, "training.epochs=2")
        exported(run, place, precisions=("fp16",), dataset=digits())


def compared(base: str, folder: Path, sound: Path, *, precision: str, trusted: bool) -> Report:
    """Compare a changed base by the ways that users go.

    Args:
        base: name of the base.
        folder: the changed copy.
        sound: the base itself, which is the reference where there is no PyTorch module.
        precision: which, of a bundle.
        trusted: whether the bundle's author is trusted.
    """
    if base in BUNDLES:
        subject = find_subject(str(folder), SubjectOptions(precision=precision, trusted=trusted))
        return compare(subject, BACKENDS, isolated=False)
    network = HANDMADE[base] if base in HANDMADE else by_name(base)
    request = GraphRequest(
        folder / GRAPH_FILE,
        sound / GRAPH_FILE if base in HANDMADE else _module(base),
        inputs=network.make_inputs(),
        scores=_scores(base),
    )
    with scratch_folder("vaeport-defects") as place:
        return compare(make_subject({"graph": request}, name=base, folder=place), BACKENDS, isolated=False)


@cache
def _module(name: str) -> object:
    return by_name(name).module()


def _scores(name: str) -> Sequence[str]:
    return () if name in HANDMADE else by_name(name).scores
