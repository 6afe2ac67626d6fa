"""One corridor from a run folder to a sealed bundle: graphs, files, golden answers, card, seal, parity, place."""

import importlib.metadata
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaeport.bundle import open_bundle
from vaeport.calibration import AnomalyCalibration, read_calibration
from vaeport.contract import CHECKPOINT_FOLDER, FP32, GOLDEN_FILE, GRAPHS, MANIFEST_FILE
from vaeport.errors import CheckFailedError, InputError
from vaeport.fileio import write_text
from vaeport.golden import Golden
from vaeport.jsonfields import Fields
from vaeport.manifest import Manifest
from vaeport_train.checkpoint import CONFIG_FILE, WEIGHTS_FILE, Checkpoint, load_checkpoint
from vaeport_train.data import Dataset
from vaeport_train.measure import EVALUATION_FILE, load_evaluation
from vaeport_train.run import load_examples

from .card import write_card
from .golden import float32_tolerances, make_golden
from .graphs import graph_modules
from .onnx_file import DEFAULT_OPSET, GraphDescription, export_graph
from .parity.backends import OWN_BACKENDS
from .parity.comparison import compare_backends
from .parity.report import ParityReport, parity_file
from .parity.sentences import shortcoming
from .parity.subject import subject_of
from .precisions import LowerPrecision, make_precisions, material_of
from .testcase import write_test_case
from .writer import check_place, put_in_place, seal, staged_folder

_NOT_PROOF = {
    "torch-float64": "the yardstick itself",
    "torch-export": "what the graphs were made from",
}
_NOT_PROOF_BELOW_FP32 = {
    **_NOT_PROOF,
    "onnx-reference": "it has no QuantizeLinear at opset 18, and takes minutes in float16",
}

_PICTURES = ("samples.png", "losses.png")


@dataclass(frozen=True)
class ExportOptions:
    """What the caller decides about a bundle."""

    name: str
    """Name of the bundle: letters, digits, `.`, `_` and `-`."""
    version: str = "1"
    """Version of the bundle."""
    description: str = ""
    """One sentence; empty for one made from the run."""
    opset: int = DEFAULT_OPSET
    """ONNX operator set."""
    replace: bool = False
    """Whether a bundle that stands in the place may be replaced."""
    precisions: tuple[str, ...] = ()
    """Lower precisions to make beside float32, of `vaeport_export.precisions.PRECISIONS`."""


@dataclass(frozen=True)
class Exported:
    """What came of an export."""

    parity: ParityReport
    """The comparison that the float32 graphs passed."""
    precisions: tuple[LowerPrecision, ...]
    """Every lower precision that was asked for, written or not."""


def export_bundle(
    run: str | os.PathLike[str],
    target: str | os.PathLike[str],
    options: ExportOptions,
    *,
    dataset: Dataset | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Export a run as a sealed bundle that has been proven to answer as PyTorch does.

    A lower precision that misses its gate (`vaeport_export.precisions.GATES`) is left out; the rest is written.

    Args:
        run: run folder.
        target: where the bundle shall stand; nothing is left there unless all checks hold.
        options: see `ExportOptions`.
        dataset: the data that the run was trained on, to calibrate and judge lower precisions with.
        progress: called with the name of each step.

    Raises:
        InputError: the run cannot be read, changed meanwhile, or the place is taken; or the data is not the run's.
        CheckFailedError: a graph breaks the contract, or does not answer as PyTorch does.
        OutputError: the bundle cannot be written.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", options.name):
        raise InputError(f"bundle name is {options.name!r}, but must be of letters, digits, '.', '_' and '-'")
    for what, text in (("version", options.version), ("description", options.description)):
        if not text.isprintable():
            raise InputError(f"the bundle's {what} has characters that cannot be shown; give plain text")
    source, place = Path(run), Path(target).absolute()
    check_place(place, replace=options.replace)
    checkpoint = load_checkpoint(source)
    examples = load_examples(source)
    if options.precisions and dataset is None:
        raise InputError(f"precision {options.precisions[0]} is calibrated and judged on images; give the run's data")
    material = None if dataset is None or not options.precisions else material_of(checkpoint, dataset)
    with staged_folder(place) as stage:
        progress("golden answers")
        golden = make_golden(checkpoint.network, examples.images, examples.labels, checkpoint.record.shapes)
        sizes = _write_graphs(stage, checkpoint, golden, options, progress)
        lower = (
            tuple(
                make_precisions(
                    stage, options.precisions, checkpoint, golden, material, opset=options.opset, progress=progress
                )
            )
            if material
            else ()
        )
        written = [one for one in lower if not one.missed]
        golden = replace(golden, lower={graph: {one.name: one.answers[graph] for one in written} for graph in GRAPHS})
        _write_companions(stage, source, golden)
        _check_unchanged(checkpoint, stage / CHECKPOINT_FOLDER, source)
        manifest = _manifest(checkpoint, source, golden, options, written)
        (stage / "README.md").write_text(write_card(manifest, checkpoint, sizes), encoding="utf-8")
        seal(stage, manifest)
        reports = _prove(stage, manifest, progress)
        for precision, report in reports.items():
            write_text(stage / parity_file(precision), report.to_json())
        (stage / MANIFEST_FILE).unlink()
        seal(stage, manifest)
        put_in_place(stage, place, replace=options.replace)
    return Exported(reports[FP32], lower)


def _prove(stage: Path, manifest: Manifest, progress: Callable[[str], None]) -> dict[str, ParityReport]:
    """Compare what is sealed with PyTorch, every precision on the backends that vaeport brings."""
    reports = {}
    for precision in manifest.precisions:
        left_out = _NOT_PROOF if precision == FP32 else _NOT_PROOF_BELOW_FP32
        report = compare_backends(
            subject_of(open_bundle(stage), precision),
            [name for name in OWN_BACKENDS if name not in left_out],
            isolated=False,
            progress=lambda name, precision=precision: progress(f"parity, {precision}: {name}"),  # type: ignore[misc]
        )
        if not report.holds:
            raise CheckFailedError(f"no bundle was written: {precision}, {shortcoming(report)}")
        reports[precision] = report
    return reports


def _check_unchanged(checkpoint: Checkpoint, copy: Path, source: Path) -> None:
    """The weights that travel must be those that were exported: a run that still trains writes others meanwhile."""
    copied = load_checkpoint(copy).network.state_dict()
    if not all(torch.equal(tensor, copied[name]) for name, tensor in checkpoint.network.state_dict().items()):
        raise InputError(f"{source} got other weights while it was exported; export it when its training has ended")


def _write_graphs(
    stage: Path, checkpoint: Checkpoint, golden: Golden, options: ExportOptions, progress: Callable[[str], None]
) -> dict[str, int]:
    record = checkpoint.record
    description = GraphDescription(options.name, record.data.labels, record.shapes)
    sizes = {}
    for graph, module in graph_modules(checkpoint.network).items():
        progress(f"export: {graph}")
        content = export_graph(module, graph, description, opset=options.opset)
        file = stage / GRAPHS[graph].file(FP32)
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        write_test_case(file.parent, graph, golden.inputs(graph), golden.answers[graph]["float32"])
        sizes[graph] = len(content)
    return sizes


def _write_companions(stage: Path, source: Path, golden: Golden) -> None:
    with (stage / GOLDEN_FILE).open("wb") as file:
        np.savez_compressed(file, **golden.to_arrays())  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    (stage / CHECKPOINT_FOLDER).mkdir()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        shutil.copyfile(source / name, stage / CHECKPOINT_FOLDER / name)
    for name in _PICTURES:
        if (source / name).is_file():
            shutil.copyfile(source / name, stage / name)


def _manifest(
    checkpoint: Checkpoint, source: Path, golden: Golden, options: ExportOptions, lower: Sequence[LowerPrecision]
) -> Manifest:
    record = checkpoint.record
    described = options.description or (
        f"Conditional VAE with a classifier, preset {record.preset}, trained on {record.data.train_images} images of "
        f"{record.data.name}."
    )
    evaluation = load_evaluation(source)
    software = ("vaeport", "torch", "onnx", "onnxscript", *(("onnxconverter-common",) if lower else ()))
    tools = {name: importlib.metadata.version(name) for name in software}
    return Manifest(
        name=options.name,
        version=options.version,
        description=described,
        labels=record.data.labels,
        shapes=record.shapes,
        precisions=(FP32, *(one.name for one in lower)),
        tolerances={
            FP32: float32_tolerances(checkpoint.network, golden, record.shapes),
            **{one.name: one.tolerances for one in lower},
        },
        training={
            "preset": record.preset,
            "epochs_done": checkpoint.epochs,
            "config": record.config.to_dict(),
            "data": asdict(record.data),
        },
        evaluation=evaluation,
        made_with=tools,
        files={},
        detachable=(CHECKPOINT_FOLDER,),
        anomaly=_taken_out(evaluation),
        precision_figures={one.name: asdict(one.figures) for one in lower},
    )


def _taken_out(evaluation: dict[str, Any]) -> AnomalyCalibration | None:
    """The scale for unusual images, which the manifest has in a place of its own."""
    scales = [figures.pop("anomaly", None) for figures in evaluation.values()]
    return next((read_calibration(Fields(scale, EVALUATION_FILE)) for scale in scales if scale is not None), None)
