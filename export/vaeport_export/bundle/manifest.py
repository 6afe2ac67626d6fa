"""What `bundle.json` says of an exported run."""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vaeport.bundle.anomaly_scale import AnomalyCalibration, read_calibration
from vaeport.bundle.fields import Fields
from vaeport.bundle.golden import Golden
from vaeport.bundle.manifest import Manifest
from vaeport.contract import CHECKPOINT_FOLDER, FP32
from vaeport_train.evaluation.measure import EVALUATION_FILE, load_evaluation
from vaeport_train.running.checkpoint import Checkpoint

from ..options import ExportOptions
from ..precisions import LowerPrecision
from .golden import float32_tolerances


def manifest_of(
    checkpoint: Checkpoint, source: Path, golden: Golden, options: ExportOptions, lower: Sequence[LowerPrecision]
) -> Manifest:
    """The manifest of a run's bundle, its list of files still empty.

    Args:
        checkpoint: the run's network and record.
        source: the run folder, for what was evaluated.
        golden: golden inputs, on which tolerances are measured.
        options: what the caller decided.
        lower: precisions below float32 that were written.
    """
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
