"""A run of vaeport-train as a source: its networks, held-out examples, figures and pictures."""

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load as load_tensors

from vaeport.bundle.anomaly_scale import AnomalyCalibration, read_calibration
from vaeport.bundle.fields import Fields
from vaeport.contract import ENCODER_CLASSIFIER, WEIGHTS_FILE
from vaeport.errors import InputError
from vaeport_train.evaluation.measure import EVALUATION_FILE, load_evaluation
from vaeport_train.running.checkpoint import CONFIG_FILE, Checkpoint, load_checkpoint
from vaeport_train.running.run import data_record, load_examples, splits_of_run

from ..bundle.figures import figures_table
from ..bundle.original import Original
from ..modules.capture import captured
from ..modules.vae import PREFIX, graph_modules
from ..options import ExportOptions
from ..pipeline import Exported, export_source
from ..precisions.material import Material, calibration_inputs
from .source import Picture, Source

if TYPE_CHECKING:
    from vaeport_train.data import Dataset

_PICTURES = {
    "samples.png": "Rows are epochs, columns are classes; all images of a row share one latent.",
    "losses.png": "",
}


def export_run(
    run: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    version: str = "1",
    description: str = "",
    opset: int = 18,
    precisions: tuple[str, ...] = (),
    dataset: "Dataset | None" = None,
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Export a run of vaeport-train as a sealed bundle that has been proven to answer as PyTorch does.

    A lower precision that misses its gate (`vaeport_export.precisions.GATES`) is left out; the rest is written.

    Args:
        run: run folder.
        out: where the bundle shall stand; nothing is left there unless all checks hold.
        name: name of the bundle; None for that of the folder.
        version: version of the bundle.
        description: one sentence; empty for one made from the run.
        opset: ONNX operator set, 18 to 23.
        precisions: lower precisions to make beside float32: `fp16`, `int8`.
        dataset: the data that the run was trained on, to calibrate and judge lower precisions with.
        replace: whether an intact bundle that stands in the place may be replaced.
        progress: called with the name of each step.

    Raises:
        InputError: the run cannot be read, changed meanwhile, or the place is taken; or the data is not the run's.
        CheckFailedError: a graph breaks the contract, or does not answer as PyTorch does.
        OutputError: the bundle cannot be written.
    """
    options = ExportOptions.of(
        out, name=name, version=version, description=description, opset=opset, precisions=precisions, replace=replace
    )
    return export_source(lambda: run_source(Path(run), options, dataset), out, options, progress=progress)


def run_source(folder: Path, options: ExportOptions, dataset: "Dataset | None" = None) -> Source:
    """Read a run folder.

    Raises:
        InputError: the run cannot be read, or the data is not the run's.
        CheckFailedError: PyTorch cannot capture its networks.
    """
    checkpoint = load_checkpoint(folder)
    examples = load_examples(folder)
    if options.precisions and dataset is None:
        raise InputError(f"precision {options.precisions[0]} is calibrated and judged on images; give the run's data")
    record = checkpoint.record
    original = run_original(checkpoint, lambda name: (folder / name).read_bytes())
    evaluation = load_evaluation(folder)
    anomaly = _taken_out(evaluation)
    return Source(
        original=original,
        labels=record.data.labels,
        shapes=record.shapes,
        images=examples.images,
        image_labels=examples.labels,
        description=f"Conditional VAE with a classifier, preset {record.preset}, trained on "
        f"{record.data.train_images} images of {record.data.name}.",
        facts=_facts(checkpoint),
        material=run_material(checkpoint, original, dataset) if dataset and options.precisions else None,
        training={
            "preset": record.preset,
            "epochs_done": checkpoint.epochs,
            "config": record.config.to_dict(),
            "data": asdict(record.data),
        },
        evaluation=evaluation,
        anomaly=anomaly,
        pictures=tuple(
            Picture(name, (folder / name).read_bytes(), caption)
            for name, caption in _PICTURES.items()
            if (folder / name).is_file()
        ),
        figures=figures_table(evaluation, condition=record.config.objective.decoder_condition),
        unchanged=lambda: _check_unchanged(checkpoint, original, folder),
    )


def run_original(checkpoint: Checkpoint, read: Callable[[str], bytes]) -> Original:
    """The captured programs of a run, beside the two files from which vaeport-train rebuilds its networks.

    Args:
        checkpoint: the run's networks.
        read: gives the content of `config.json` and `model.safetensors` by name.
    """
    programs = {}
    for graph, module in graph_modules(checkpoint.network).items():
        program, weights = captured(module, graph, checkpoint.record.shapes)
        programs[graph] = replace(program, keys={path: path.removeprefix(PREFIX) for path in weights})
    companions = {name: read(name) for name in (CONFIG_FILE, WEIGHTS_FILE)}
    return Original(programs, checkpoint.network.state_dict(), companions=companions)


def run_material(checkpoint: Checkpoint, original: Original, dataset: "Dataset") -> Material:
    """Cut the data of a run as the run did.

    Raises:
        InputError: it is not the data that the run was trained on.
    """
    record = checkpoint.record
    train_split, held_out = splits_of_run(record.config, dataset)
    given = data_record(dataset, train_split, held_out)
    # The fingerprint tells whether the images are the same; the same images may lie elsewhere, under another name.
    if replace(given, name=record.data.name, licence=record.data.licence) != record.data:
        raise InputError(
            f"the run was trained on {record.data.train_images} images of {record.data.name} that are not in "
            f"{dataset.name} as it is given now; a precision is calibrated on the run's own training images"
        )
    judged, part = (held_out, "held-out") if dataset.test is None else (dataset.test, "test")
    return Material(
        calibration_inputs(original.reference(ENCODER_CLASSIFIER), train_split.images, record.shapes),
        judged.images,
        judged.labels,
        f"{dataset.name} {part}",
    )


def _facts(checkpoint: Checkpoint) -> dict[str, str]:
    record, data = checkpoint.record, checkpoint.record.data
    wanted = record.config.training.epochs
    epochs = str(wanted) if checkpoint.epochs == wanted else f"{checkpoint.epochs} of {wanted}"
    return {
        "preset": f"`{record.preset}`, {epochs} epochs, seed {record.config.training.seed}",
        "trained on": f"{data.train_images} images of {data.name}; {data.held_out_images} held out",
        "data licence": data.licence,
    }


def _check_unchanged(checkpoint: Checkpoint, original: Original, folder: Path) -> None:
    """The weights that travel must be those that were exported: a run that still trains writes others meanwhile."""
    copied = load_tensors(original.companions[WEIGHTS_FILE])
    kept = checkpoint.network.state_dict()
    if not all(torch.equal(tensor, kept[name]) for name, tensor in copied.items()) or (
        (folder / WEIGHTS_FILE).read_bytes() != original.companions[WEIGHTS_FILE]
    ):
        raise InputError(f"{folder} got other weights while it was exported; export it when its training has ended")


def _taken_out(evaluation: dict[str, Any]) -> AnomalyCalibration | None:
    """The scale for unusual images, which the manifest has in a place of its own."""
    scales = [figures.pop("anomaly", None) for figures in evaluation.values()]
    return next((read_calibration(Fields(scale, EVALUATION_FILE)) for scale in scales if scale is not None), None)
