"""One corridor to a sealed bundle: graphs, golden answers, precisions, card, seal, parity, place."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from vaeport.bundle.golden import Golden
from vaeport.bundle.opening import open_bundle
from vaeport.common.fileio import staged_folder, write_text
from vaeport.contract import CHECKPOINT_FOLDER, FP32, GOLDEN_FILE, GRAPHS, MANIFEST_FILE
from vaeport.errors import BundleError
from vaeport.sessions.engine import check_sealed_graph
from vaeport_parity.judging.report import parity_file
from vaeport_parity.reporting.report import Report

from .bundle.card import write_card
from .bundle.golden import make_golden
from .bundle.manifest import manifest_of
from .bundle.proof import prove
from .bundle.standard_case import write_test_case
from .bundle.writer import check_place, put_in_place, seal
from .graph.adoption import adopt_graph
from .graph.onnx_file import GraphDescription, export_graph
from .options import ExportOptions
from .precisions import LowerPrecision, make_precisions
from .sources.drawings import drawn_pictures

if TYPE_CHECKING:
    from .sources.source import Source


@dataclass(frozen=True)
class Exported:
    """What came of an export."""

    path: Path
    """Folder of the bundle."""
    parity: Report
    """The comparison that the float32 graphs passed."""
    precisions: tuple[LowerPrecision, ...]
    """Every lower precision that was wanted, written or not."""
    refusal: str = ""
    """Why a reader refuses the bundle unless its author is trusted (`trusted=True`); empty where it does not."""


def export_source(
    read: "Callable[[], Source]",
    out: str | os.PathLike[str],
    options: ExportOptions,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Take a source to a sealed bundle that has been proven to answer as its original does.

    Args:
        read: reads and checks the source; called when the place is known to be free, on one thread.
        out: where the bundle shall stand; nothing is left there unless all checks hold.
        options: what the caller decided.
        progress: called with the name of each step.

    Raises:
        InputError: the source cannot be read, changed meanwhile, or the place is taken.
        CheckFailedError: a graph breaks the contract, or does not answer as the original does.
        OutputError: the bundle cannot be written.
    """
    place = Path(out).absolute()
    check_place(place, replace=options.replace)
    with _one_thread():
        progress("reading and checking")
        source = read()
        with staged_folder(place) as stage:
            exported = _build(stage, source, options, progress)
            put_in_place(stage, place, replace=options.replace)
    return replace(exported, path=place)


def _build(stage: Path, source: "Source", options: ExportOptions, progress: Callable[[str], None]) -> Exported:
    graphs = _graphs(source, options, progress)
    progress("golden answers")
    golden = make_golden(source.original, source.images, source.image_labels, source.shapes)
    _write_graphs(stage, graphs, golden)
    lower: tuple[LowerPrecision, ...] = ()
    if options.precisions and source.material:
        lower = tuple(
            make_precisions(
                stage,
                options.precisions,
                source.original,
                golden,
                source.material,
                shapes=source.shapes,
                progress=progress,
            )
        )
    written = [each for each in lower if not each.missed]
    golden = replace(golden, lower={graph: {each.name: each.answers[graph] for each in written} for graph in GRAPHS})
    _write_companions(stage, source, golden)
    source.unchanged()
    progress("tolerances")
    manifest = manifest_of(source, golden, options, written)
    pictures = drawn_pictures(graphs, source) if source.draw_pictures else source.pictures
    for picture in pictures:
        (stage / picture.file).write_bytes(picture.content)
    sizes = {graph: len(content) for graph, content in graphs.items()}
    (stage / "README.md").write_text(write_card(manifest, source, pictures, sizes), encoding="utf-8")
    seal(stage, manifest)
    reports = prove(stage, manifest, progress)
    for precision, report in reports.items():
        write_text(stage / parity_file(precision), report.to_json())
    (stage / MANIFEST_FILE).unlink()
    seal(stage, manifest)
    return Exported(stage, reports[FP32], lower, _refusal(stage))


def _refusal(stage: Path) -> str:
    """Why a reader would refuse the bundle from a stranger; empty where it would not."""
    bundle = open_bundle(stage)
    try:
        for precision in bundle.manifest.precisions:
            for graph in GRAPHS:
                check_sealed_graph(bundle, graph, precision, rows=1)
    except BundleError as error:
        return str(error).removeprefix(f"{bundle.path}: ")
    return ""


@contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: on several it adds in another order, and the bytes would depend on the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _graphs(source: "Source", options: ExportOptions, progress: Callable[[str], None]) -> dict[str, bytes]:
    """The float32 graphs: programs are exported, ONNX files adopted."""
    description = GraphDescription(options.name, source.labels, source.shapes)
    graphs = {}
    for graph in GRAPHS:
        progress(f"export: {graph}")
        if graph in source.original.graphs:
            graphs[graph] = adopt_graph(source.original.graphs[graph], graph, description)
        else:
            graphs[graph] = export_graph(source.original.module(graph), graph, description, opset=options.opset)
    return graphs


def _write_graphs(stage: Path, graphs: dict[str, bytes], golden: Golden) -> None:
    for graph, content in graphs.items():
        file = stage / GRAPHS[graph].file(FP32)
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        write_test_case(file.parent, graph, golden.inputs(graph), golden.answers[graph]["float32"])


def _write_companions(stage: Path, source: "Source", golden: Golden) -> None:
    with (stage / GOLDEN_FILE).open("wb") as file:
        np.savez_compressed(file, **golden.to_arrays())  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    (stage / CHECKPOINT_FOLDER).mkdir()
    for name, content in source.original.files().items():
        (stage / CHECKPOINT_FOLDER / name).write_bytes(content)
