"""Lies that agree with each other: name, labels and sizes changed in the manifest and in both graphs alike."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from vaeport.contract import (
    BATCH,
    CLASS_PROBS,
    DECODER,
    ENCODER_CLASSIFIER,
    FP32,
    GRAPHS,
    IMAGE,
    Shapes,
    Z,
    graph_metadata,
)

from .array_changes import packed_arrays
from .bundle import Files, manifest_of

_NAMES = (
    "x",
    "mnist",
    "a" * 3000,
    "\u202eeman",
    "na\u00efve",
    "../escape",
    "\U0001f600",
    "name with spaces",
    "--option",
    "%s",
)
_SIDES = (1, 2, 3, 4, 5, 28, 64, 1000, 4000, 16384, 65535)
_LATENTS = (1, 2, 3, 64, 4096, 65536, 65537)
_CLASSES = (1, 2, 3, 10, 1000, 20_000)
_MOST_GOLDEN = 200_000
_SHARE_LOWER, _SHARE_ODD = 0.3, 0.25
_OPSET, _IR_VERSION = 18, 8


@dataclass(frozen=True)
class Described:
    """What a bundle says of itself, in every place alike."""

    name: str
    labels: tuple[str, ...]
    shapes: Shapes


def change_whole(files: Files, dice: random.Random) -> tuple[str, Files, dict[str, Any]]:
    """Make another bundle in the place of this one, whole and consistent, with sizes and words of the enemy's choice.

    Args:
        files: a bundle to begin with.
        dice: random numbers of this case.

    Returns:
        The name of the change, the files that are other now, and the manifest without its list of files.
    """
    classes = dice.choice(_CLASSES)
    names = _NAMES if dice.random() < _SHARE_ODD else _NAMES[:2]
    labels = tuple(dice.choice(names)[:40] + str(number) for number in range(classes))
    side = dice.choice(_SIDES)
    shapes = Shapes((dice.choice((1, 1, 3)), side, dice.choice((side, 4))), dice.choice(_LATENTS), classes)
    described = Described(dice.choice(names), labels, shapes)
    if dice.random() < 0.3:
        described = replace(described, shapes=replace(shapes, latent_dim=2, image=(1, 4, 4)))
    changes: Files = {
        GRAPHS[ENCODER_CLASSIFIER].file(FP32): _encoder(described).SerializeToString(),
        GRAPHS[DECODER].file(FP32): _decoder(described).SerializeToString(),
    }
    manifest = manifest_of(files)
    precisions = [FP32, *(("fp16",) if dice.random() < _SHARE_LOWER else ())]
    for precision in precisions[1:]:  # the same graphs under another name
        changes |= {spec.file(precision): changes[spec.file(FP32)] for spec in GRAPHS.values()}
        manifest["tolerances"][precision] = manifest["tolerances"][FP32]
    manifest["precisions"] = precisions
    if (golden := _golden(described.shapes, precisions, dice)) is not None:
        changes["golden.npz"] = golden
    manifest |= {
        "name": described.name,
        "labels": list(labels),
        "shapes": {"image": list(described.shapes.image), "latent_dim": described.shapes.latent_dim},
    }
    return "whole: another name, other labels and sizes", changes, manifest


def _encoder(described: Described) -> onnx.ModelProto:
    """Averages of the image, stretched to the sizes of the answers; a few hundred bytes whatever the sizes."""
    nodes = [
        helper.make_node("ReduceMean", [IMAGE, "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["level"]),
    ]
    spec, constants = GRAPHS[ENCODER_CLASSIFIER], [_integers("axes", [1, 2, 3]), _integers("column", [-1, 1])]
    for name in spec.outputs:
        constants.append(_integers(f"{name}.size", [1, *described.shapes.row(name)]))
        last = f"{name}.wide" if name == CLASS_PROBS else name
        nodes.append(helper.make_node("Expand", ["level", f"{name}.size"], [last]))
    nodes.append(helper.make_node("Softmax", [f"{CLASS_PROBS}.wide"], [CLASS_PROBS], axis=1))
    return _model(ENCODER_CLASSIFIER, nodes, constants, described)


def _decoder(described: Described) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Concat", [Z, CLASS_PROBS], ["code"], axis=1),
        helper.make_node("ReduceMean", ["code", "axes"], ["mean"], keepdims=0),
        helper.make_node("Sigmoid", ["mean"], ["level"]),
        helper.make_node("Reshape", ["level", "column"], ["corner"]),
        helper.make_node("Expand", ["corner", "size"], [IMAGE]),
    ]
    constants = [
        _integers("axes", [1]),
        _integers("column", [-1, 1, 1, 1]),
        _integers("size", [1, *described.shapes.image]),
    ]
    return _model(DECODER, nodes, constants, described)


def _integers(name: str, values: list[int]) -> TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def _model(
    graph: str, nodes: list[onnx.NodeProto], constants: list[TensorProto], described: Described
) -> onnx.ModelProto:
    spec, shapes = GRAPHS[graph], described.shapes

    def values(names: tuple[str, ...]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shapes.row(name)]) for name in names]

    model = helper.make_model(
        helper.make_graph(nodes, graph, values(spec.inputs), values(spec.outputs), constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    helper.set_model_props(
        model, graph_metadata(spec, bundle=described.name, labels=described.labels, shapes=described.shapes)
    )
    return model


def _golden(shapes: Shapes, precisions: list[str], dice: random.Random) -> bytes | None:
    """Recorded answers of the right shapes, all of them zero; none where they would be large."""
    rows = dice.choice((1, 2, 5))
    sizes = {name: (rows, *shapes.row(name)) for name in (IMAGE, Z, CLASS_PROBS)}
    if sum(int(np.prod(size)) for size in sizes.values()) > _MOST_GOLDEN:
        return None
    arrays: dict[str, Any] = {
        "labels": np.zeros(rows, np.int64),
        f"{ENCODER_CLASSIFIER}.{IMAGE}": np.zeros(sizes[IMAGE], np.uint8),
        f"{DECODER}.{Z}": np.zeros(sizes[Z], np.float32),
        f"{DECODER}.{CLASS_PROBS}": np.zeros(sizes[CLASS_PROBS], np.float32),
    }
    for graph, spec in GRAPHS.items():
        for name in spec.outputs:
            for precision in ("float32", "float64", *precisions[1:]):
                dtype = np.float64 if precision == "float64" else np.float32
                arrays[f"{graph}.{name}.{precision}"] = np.zeros((rows, *shapes.row(name)), dtype)
    return packed_arrays(arrays)
