"""What breaks the contract in a bundle's own files."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from vaeport.bundle.golden import Golden
from vaeport.bundle.opening import Bundle
from vaeport.checks.comparison import max_abs_error
from vaeport.common.strict_json import parse_strict
from vaeport.contract import (
    CHECKPOINT_FOLDER,
    ENCODER_CLASSIFIER,
    FP32,
    GOLDEN_FILE,
    GRAPHS,
    IMAGE,
    MANIFEST_FILE,
    METADATA_LABELS,
    graph_metadata,
)
from vaeport_parity.judging.report import Finding, Row
from vaeport_parity.reference.base import chunked_answers
from vaeport_parity.subjects.subject import Blame, Graph
from vaeport_train.running.checkpoint import MAX_CONFIG_BYTES

from ..graph.checking import graph_faults, image_metadata
from .claims import anomaly_claims, figure_claims, label_claims, standard_case_claims, tolerance_claims
from .lower_claims import lower_claims
from .seen import seen_of
from .witnesses import Witnesses


def bundle_findings(witnesses: Witnesses, rows: Sequence[Row]) -> Iterator[Finding]:
    """What breaks the contract in a bundle's own files, and what they claim that is not so.

    Args:
        witnesses: the bundle, its original and its graphs in one precision.
        rows: rows of the report.
    """
    yield from _contract_findings(witnesses)
    yield from tolerance_claims(witnesses.bundle.manifest, witnesses.precision, rows)
    short = {row.graph for row in rows if row.graph in GRAPHS and not row.holds}
    blames = {name: witnesses.blame(name) for name in sorted(short)}
    if not any(blame and blame.file.startswith(f"{CHECKPOINT_FOLDER}/") for blame in blames.values()):
        # Else the original itself is in doubt, and nobody is measured by it.
        yield from _claims(witnesses, rows, [name for name, blame in blames.items() if blame])
    yield from _contradictions(witnesses, rows, blames)


def _claims(witnesses: Witnesses, rows: Sequence[Row], blamed: Sequence[str]) -> Iterator[Finding]:
    bundle, golden, precision, graphs = witnesses.bundle, witnesses.golden, witnesses.precision, witnesses.graphs
    manifest = bundle.manifest
    judged = {name: graph for name, graph in graphs.items() if name not in blamed}
    yield from standard_case_claims(bundle, judged, golden, precision, rows)
    labels = _other_labels(witnesses) or manifest.labels
    seen = seen_of(witnesses.original, golden, manifest.shapes, labels)
    if precision != FP32:
        full = {name: bundle.read(spec.file(FP32)) for name, spec in GRAPHS.items()}
        lower = {name: graph.content for name, graph in graphs.items()}
        yield from lower_claims(precision, lower, full, golden, seen, manifest)
        return
    yield from label_claims(golden, seen, dataclasses.replace(manifest, labels=labels))
    yield from figure_claims(seen, manifest)
    yield from anomaly_claims(seen, manifest)


def _contract_findings(witnesses: Witnesses) -> Iterator[Finding]:
    bundle, precision = witnesses.bundle, witnesses.precision
    manifest = bundle.manifest
    if others := _other_labels(witnesses):
        who = "the checkpoint has" if others == _trained_labels(bundle) else "both graphs have"
        yield Finding(MANIFEST_FILE, f"labels are {list(manifest.labels)}, {who} {list(others)}")
    for name, graph in witnesses.graphs.items():
        spec = GRAPHS[name]
        metadata = graph_metadata(spec, bundle=manifest.name, labels=others or manifest.labels, shapes=manifest.shapes)
        metadata |= image_metadata(manifest.shapes)
        model = onnx.load_model_from_string(graph.content)
        faults = graph_faults(model, graph.content, spec, manifest.shapes, precision=precision, metadata=metadata)
        for text in faults:
            yield Finding(graph.file, text)


def _contradictions(witnesses: Witnesses, rows: Sequence[Row], blames: Mapping[str, Blame | None]) -> Iterator[Finding]:
    """The file that stands alone where rows do not hold, else the golden answers where they are not the reference's."""
    bundle, precision, graphs = witnesses.bundle, witnesses.precision, witnesses.graphs
    wrong = {row.graph for row in rows if row.backend == GOLDEN_FILE and not row.holds}
    if precision == FP32 and wrong == {ENCODER_CLASSIFIER} and _recorded_by_256(bundle, witnesses.golden, graphs):
        yield Finding(GOLDEN_FILE, "its answers are to pixels divided by 256; the contract divides by 255")
        return
    for blame in dict.fromkeys(blame for blame in blames.values() if blame):
        yield Finding(blame.file, blame.text)
    whose = "the checkpoint's" if precision == FP32 else f"those of the {precision} file"
    for name in sorted(wrong):
        if blames[name] is None:
            yield Finding(GOLDEN_FILE, f"its answers of {name} are not {whose}")


def _other_labels(witnesses: Witnesses) -> tuple[str, ...]:
    """Labels on which all that speak of them agree against the manifest; empty where there are none."""
    said = [_said_labels(graph.content) for graph in witnesses.graphs.values()]
    trained = _trained_labels(witnesses.bundle)
    manifest = witnesses.bundle.manifest
    if trained is not None and trained != manifest.labels and len(trained) == len(manifest.labels):
        return trained
    agreed = set(said)
    first = said[0]
    if trained is None and len(agreed) == 1 and first != manifest.labels and len(first) == len(manifest.labels):
        return first
    return ()


def _said_labels(content: bytes) -> tuple[str, ...]:
    """Class names in a graph's metadata; empty where it has none."""
    props = {entry.key: entry.value for entry in onnx.load_model_from_string(content).metadata_props}
    try:
        values: Any = parse_strict(props.get(METADATA_LABELS, "[]").encode(), most=MAX_CONFIG_BYTES)
        return tuple(str(label) for label in values)
    except (ValueError, TypeError):
        return ()


def _trained_labels(bundle: Bundle) -> tuple[str, ...] | None:
    """Class names in the record of a run of vaeport-train; None where the networks came from elsewhere."""
    name = f"{CHECKPOINT_FOLDER}/config.json"
    if name not in bundle.manifest.files:
        return None
    try:
        values: Any = parse_strict(bundle.read(name), most=MAX_CONFIG_BYTES)
        return tuple(str(label) for label in values["data"]["labels"])
    except (ValueError, KeyError, TypeError):
        return None


def _recorded_by_256(bundle: Bundle, golden: Golden, graphs: Mapping[str, Graph]) -> bool:
    images = golden.images.astype(np.float32) / np.float32(256)
    expected = chunked_answers(graphs[ENCODER_CLASSIFIER].reference, {IMAGE: images}, "float64")
    return all(
        max_abs_error(golden.answers[ENCODER_CLASSIFIER]["float64"][name], values)
        <= bundle.manifest.tolerances[FP32][ENCODER_CLASSIFIER][name].max_abs
        for name, values in expected.items()
    )
