"""What `bundle.json` says of an exported pair."""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict

from vaeport.bundle.golden import Golden
from vaeport.bundle.manifest import Manifest
from vaeport.contract import CHECKPOINT_FOLDER, FP32

from ..options import ExportOptions
from ..precisions import LowerPrecision
from ..sources.source import Source
from .golden import float32_tolerances


def manifest_of(source: Source, golden: Golden, options: ExportOptions, lower: Sequence[LowerPrecision]) -> Manifest:
    """The manifest of a source's bundle, its list of files still empty.

    Args:
        source: the networks and what is known of them.
        golden: golden inputs, on which tolerances are measured.
        options: what the caller decided.
        lower: precisions below float32 that were written.
    """
    software = (
        "vaeport",
        *(("torch", "onnxscript") if source.original.programs else ()),
        "onnx",
        *(("onnxconverter-common",) if lower else ()),
    )
    return Manifest(
        name=options.name,
        version=options.version,
        description=options.description or source.description,
        labels=source.labels,
        shapes=source.shapes,
        precisions=(FP32, *(each.name for each in lower)),
        tolerances={
            FP32: float32_tolerances(source.original, golden, source.shapes),
            **{each.name: each.tolerances for each in lower},
        },
        training=dict(source.training),
        evaluation=dict(source.evaluation),
        made_with={name: importlib.metadata.version(name) for name in software},
        files={},
        detachable=(CHECKPOINT_FOLDER,),
        anomaly=source.anomaly,
        precision_figures={each.name: asdict(each.figures) for each in lower},
        polarity=source.polarity,
    )
