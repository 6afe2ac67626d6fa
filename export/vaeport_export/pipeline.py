"""One corridor from a run folder to a sealed bundle: graphs, files, golden answers, card, seal, parity, place."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from vaeport.bundle.golden import Golden
from vaeport.common.fileio import write_text
from vaeport.contract import CHECKPOINT_FOLDER, FP32, GOLDEN_FILE, GRAPHS, MANIFEST_FILE
from vaeport.errors import InputError
from vaeport_parity.reporting.report import Report, parity_file
from vaeport_train.data import Dataset
from vaeport_train.running.checkpoint import CONFIG_FILE, WEIGHTS_FILE, Checkpoint, load_checkpoint
from vaeport_train.running.run import load_examples

from .bundle.card import write_card
from .bundle.golden import make_golden
from .bundle.manifest import manifest_of
from .bundle.proof import prove
from .bundle.standard_case import write_test_case
from .bundle.writer import check_place, put_in_place, seal, staged_folder
from .graph.onnx_file import GraphDescription, export_graph
from .modules.vae import graph_modules
from .options import ExportOptions
from .precisions import LowerPrecision, make_precisions, material_of

_PICTURES = ("samples.png", "losses.png")


@dataclass(frozen=True)
class Exported:
    """What came of an export."""

    parity: Report
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
    options.check()
    source, place = Path(run), Path(target).absolute()
    check_place(place, replace=options.replace)
    checkpoint = load_checkpoint(source)
    examples = load_examples(source)
    if options.precisions and dataset is None:
        raise InputError(f"precision {options.precisions[0]} is calibrated and judged on images; give the run's data")
    with _one_thread(), staged_folder(place) as stage:
        material = None if dataset is None or not options.precisions else material_of(checkpoint, dataset)
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
        manifest = manifest_of(checkpoint, source, golden, options, written)
        (stage / "README.md").write_text(write_card(manifest, checkpoint, sizes), encoding="utf-8")
        seal(stage, manifest)
        reports = prove(stage, manifest, progress)
        for precision, report in reports.items():
            write_text(stage / parity_file(precision), report.to_json())
        (stage / MANIFEST_FILE).unlink()
        seal(stage, manifest)
        put_in_place(stage, place, replace=options.replace)
    return Exported(reports[FP32], lower)


@contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: on several it adds in another order, and the bytes would depend on the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
