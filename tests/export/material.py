"""What the tests of export share: small trained runs, and copies of bundles that are changed and sealed again."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from tests.train.test_conv import NARROW as NARROW_CONV
from vaeport.bundle.manifest import parse_manifest
from vaeport.bundle.opening import Bundle, open_bundle
from vaeport.contract import GRAPHS, MANIFEST_FILE
from vaeport_export.bundle.original import Original, read_original
from vaeport_export.bundle.subject import subject_of
from vaeport_export.bundle.writer import seal
from vaeport_export.sources.run import export_run
from vaeport_parity.comparison import compare
from vaeport_parity.reference.captured import CapturedModule
from vaeport_parity.reporting.report import Report
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.data import Dataset, load_dataset
from vaeport_train.running.run import fit

NARROW = (
    "network.latent_dim=4",
    "network.encoder_hidden=[24]",
    "network.classifier_hidden=[32]",
    "network.decoder_hidden=[24]",
)

COLOURED = (3, 12, 16)
"""Shape of the images of `convolutional_run`."""


def digits() -> Dataset:
    """A thousand digits of mnist-5k, 200 of them held out."""
    whole = load_dataset("mnist-5k")
    return dataclasses.replace(whole, development=whole.development.take(np.arange(1000)), held_out=200)


def trained_run(folder: Path, preset: str, *settings: str) -> Path:
    """Train a preset for two epochs."""
    return fit(folder, preset, load_preset(preset, ["training.epochs=2", *settings]), digits())


def convolutional_run(folder: Path) -> Path:
    """Train a convolutional network for an epoch on colour images that are no squares."""
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = rng.integers(0, 80, (90, *COLOURED), np.uint8)
    images[np.arange(90), labels, 2:9, 3:11] = 250
    names = np.array(["red", "green", "blue"])
    np.savez(folder / "colours.npz", images=images, labels=labels, class_names=names)
    config = load_preset("conv", [*NARROW_CONV, "training.epochs=1"])
    return fit(folder / "run", "conv", config, load_dataset(folder / "colours.npz"))


def exported(run: Path, folder: Path, **options: object) -> Path:
    """Export a run under the name of the folder."""
    export_run(run, folder, **options)  # type: ignore[arg-type]
    return folder


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """A bundle with its original, its seal checked."""

    bundle: Bundle
    original: Original

    def onnx(self, graph: str) -> bytes:
        """Content of a float32 graph's file."""
        return self.bundle.read(GRAPHS[graph].file("fp32"))

    def module(self, graph: str) -> CapturedModule:
        """The program of a graph on its weights."""
        return self.original.module(graph)


def opened(bundle: Path) -> Opened:
    """A bundle with its original, its seal checked."""
    return Opened(open_bundle(bundle), read_original(open_bundle(bundle)))


def sealed_again(bundle: Path) -> Path:
    """Seal a changed copy of a bundle, as someone would who does not know that it no longer answers as it should."""
    manifest = parse_manifest((bundle / MANIFEST_FILE).read_bytes())
    (bundle / MANIFEST_FILE).unlink()
    seal(bundle, manifest)
    return bundle


def edit_onnx(bundle: Path, graph: str, change: Callable[[onnx.ModelProto], None]) -> None:
    """Change the ONNX file of a graph in place."""
    path = bundle / "fp32" / graph / "model.onnx"
    model = onnx.load_model(path)
    change(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def rewritten(model: onnx.ModelProto, change: Callable[[onnx.ModelProto], None]) -> onnx.ModelProto:
    """A copy of a graph, changed, that onnx's checker takes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    change(copy)
    onnx.checker.check_model(copy, full_check=True)
    return copy


def shortcomings(report: Report) -> set[tuple[str, str]]:
    """Graph and output of every row that does not hold, of each graph alone."""
    return {(row.graph, row.output) for row in report.rows if not row.holds and row.graph in GRAPHS}


def compared(bundle: Path, *backends: str) -> Report:
    """Compare a bundle on the named backends of vaeport's own, in this process."""
    return compare(subject_of(open_bundle(bundle)), backends, isolated=False)
