"""Ranges in which an int8 graph rounds, against those that its float32 graph has on images of its kind."""

from collections.abc import Iterator, Mapping

import numpy as np
import onnx
from numpy.typing import NDArray

from vaeport.bundle.golden import Golden
from vaeport.contract import CLASS_PROBS, ENCODER_CLASSIFIER, IMAGE, Z_MEAN, Z
from vaeport.errors import InputError
from vaeport.images.scaling import from_uint8
from vaeport_parity.reference.onnx_graph import RuntimeReference
from vaeport_parity.subjects.tensors import Arrays

from ..precisions.int8 import roundings
from .seen import Seen

MOST_CUT = 0.35
"""Share of a measured range that a stated one may cut off on either side; on the shipped bundles: 0.18 at most."""

MOST_WIDER = 1.5
"""By how much of the measured range a stated one may be wider; on the shipped bundles: 0.8 at most."""

_MOST_ROWS = 64
_MOST_DRAWN = 40  # latents of the prior, which come before wider ones
_OUTER = 0.005  # percent of the values on either side that a range is made without
_LEAST = 1e-6


def range_faults(graph: str, content: bytes, full: bytes, golden: Golden, seen: Seen) -> Iterator[str]:
    """Roundings whose range does not fit the values that they round, a sentence each.

    Args:
        graph: name of the graph.
        content: the int8 file.
        full: the float32 file that it was made of.
        golden: golden inputs.
        seen: images with the original's answers.
    """
    stated = roundings(onnx.load_model_from_string(content))
    measured = _measured(full, [*stated], _inputs(graph, golden, seen))
    for tensor, rounding in stated.items():
        if tensor not in measured:
            continue
        low, high = measured[tensor]
        width = max(high - low, _LEAST)
        cut = max(rounding.low - low, high - rounding.high) / width
        wider = max(low - rounding.low, rounding.high - high) / width
        strange = (low >= 0 > rounding.low + rounding.scale / 2) or (high <= 0 < rounding.high - rounding.scale / 2)
        if cut > MOST_CUT or wider > MOST_WIDER or strange:
            yield (
                f"{rounding.names[1]} and {rounding.names[0]} round {tensor!r} from {rounding.low:.4g} to "
                f"{rounding.high:.4g}; its values go from {low:.4g} to {high:.4g}"
            )


def _inputs(graph: str, golden: Golden, seen: Seen) -> Arrays:
    rows = np.flatnonzero(seen.kinds)[:: max(1, int(seen.kinds.sum()) // _MOST_ROWS)]
    if graph == ENCODER_CLASSIFIER:
        return {IMAGE: from_uint8(seen.images[rows])}
    return {
        Z: np.concatenate([seen.encoded[Z_MEAN][rows], golden.z[:_MOST_DRAWN]]),
        CLASS_PROBS: np.concatenate([seen.encoded[CLASS_PROBS][rows], golden.class_probs[:_MOST_DRAWN]]),
    }


def _measured(full: bytes, tensors: list[str], inputs: Arrays) -> Mapping[str, tuple[float, float]]:
    """Least and largest value of tensors of a graph; empty where it cannot be run with them as outputs."""
    model = onnx.load_model_from_string(full)
    known = {name for node in model.graph.node for name in node.output} - {info.name for info in model.graph.output}
    inner = [name for name in tensors if name in known]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner)
    reference = RuntimeReference(model.SerializeToString(), tuple(inner))
    try:
        answers = reference.answers(inputs, "native") if inner else {}
    except InputError:
        return {}
    values: dict[str, NDArray[np.floating]] = {**answers, **{name: inputs[name] for name in tensors if name in inputs}}
    return {name: _most(each) for name, each in values.items() if each.size and float(np.ptp(each)) > _LEAST}


def _most(values: NDArray[np.floating]) -> tuple[float, float]:
    """Where all values lie but those few that a range is made without; of values that are never negative, the least."""
    low, high = (float(each) for each in np.percentile(values, (_OUTER, 100 - _OUTER)))
    return min(low, 0.0) if float(values.min()) < 0 else float(values.min()), high
