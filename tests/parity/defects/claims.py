"""Defects of what a bundle says beside its graphs: tolerances, recorded answers, the original, metadata, figures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto
from safetensors.numpy import load_file, save_file

from .editing import DECODER, ENCODER, Change, arrays, both, graph, json_file, manifest, tensor_file, weight
from .kinds import BLOG, CONV, Defect, Plant

_CHECKPOINT = ("checkpoint/model.safetensors", "model.safetensors")
_LAST = "network.decoder.layers.2.weight"


def _inflated(precision: str, *fields: str, factor: float = 1000) -> Plant:
    def change(values: dict[str, Any]) -> None:
        for outputs in values["tolerances"][precision].values():
            for bound in outputs.values():
                for field in fields:
                    bound[field] *= factor

    return manifest(change)


def _trained(key: str, change: Callable[[NDArray[Any]], None]) -> Plant:
    """Change a weight of the PyTorch original."""

    def plant(folder: Path) -> None:
        path = folder / "checkpoint/model.safetensors"
        tensors = {name: values.copy() for name, values in load_file(path).items()}
        change(tensors[key])
        save_file(tensors, path, metadata={"vaeport": json.dumps({"epochs": 20})})

    return plant


def _scaled(values: NDArray[Any]) -> None:
    values *= np.float32(1.01)


def _one_more(values: NDArray[Any]) -> None:
    values.flat[int(np.abs(values).argmax())] += np.float32(0.01)


def _program(name: str, node: str, change: Callable[[dict[str, Any]], None]) -> Plant:
    """Change a node of a captured program."""

    def changed(values: Any) -> None:
        change(next(each for each in values["nodes"] if each["name"] == node))

    return json_file(f"checkpoint/{name}.json", changed)


def _target(target: str) -> Callable[[dict[str, Any]], None]:
    return lambda node: node.update(target=target)


def _floor(node: dict[str, Any]) -> None:
    node["args"][1] = 0.0


def _exchange(items: list[Any], first: int = 3, second: int = 8) -> list[Any]:
    items[first], items[second] = items[second], items[first]
    return items


def _property(key: str, change: Callable[[str], str]) -> Change:
    def changed(model: ModelProto) -> None:
        next(each for each in model.metadata_props if each.key == key).value = change(
            next(each.value for each in model.metadata_props if each.key == key)
        )

    return changed


def _without(key: str) -> Change:
    def changed(model: ModelProto) -> None:
        kept = [each for each in model.metadata_props if each.key != key]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)

    return changed


def _labels(text: str) -> str:
    return json.dumps(_exchange(json.loads(text)))


def _golden(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Plant:
    """Change arrays of `golden.npz` whose names begin so."""

    def changed(held: dict[str, NDArray[Any]]) -> None:
        held.update({key: change(values.copy()) for key, values in held.items() if key.startswith(name)})

    return arrays(changed)


def _other_labels(labels: NDArray[Any]) -> NDArray[Any]:
    three, eight = labels == 3, labels == 8
    labels[three], labels[eight] = 8, 3
    return labels


def _one_wrong(labels: NDArray[Any]) -> NDArray[Any]:
    labels[20:40] = (labels[20:40] + 1) % 10
    return labels


def _rolled(values: NDArray[Any]) -> NDArray[Any]:
    return np.roll(values, 1, axis=0)


def _first_off(values: NDArray[Any]) -> NDArray[Any]:
    values.reshape(len(values), -1)[0, 0] += 1e-3
    return values


def _set(*path: str, value: Callable[[Any], Any]) -> Plant:
    def change(values: dict[str, Any]) -> None:
        holder: Any = values
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value(holder[path[-1]])

    return manifest(change)


def _twice(values: list[float]) -> list[float]:
    return [2 * value for value in values]


def _of(name: str, plant: Plant, *where: str, base: str = BLOG, refused: bool = False, precision: str = "") -> Defect:
    return Defect(name, base, plant, where, precision or "fp32", refused=refused)


_BOUND = ("tolerance", "tolerances", "max_abs", "noise_floor", "noise floor", "floor")
_GOLDEN = ("golden.npz",)
_FP32_CASE = f"fp32/{DECODER}/test_data_set_0"

BOUNDS = [
    _of(
        "tolerances and floors inflated a thousandfold",
        _inflated("fp32", "max_abs", "noise_floor"),
        *_BOUND,
        refused=True,
    ),
    _of("tolerances inflated a thousandfold", _inflated("fp32", "max_abs"), *_BOUND, refused=True),
    _of(
        "tolerances and floors inflated fivefold",
        _inflated("fp32", "max_abs", "noise_floor", factor=5),
        *_BOUND,
        refused=True,
    ),
    _of(
        "tolerances of fp16 inflated a thousandfold",
        _inflated("fp16", "max_abs", "noise_floor"),
        *_BOUND,
        refused=True,
        precision="fp16",
    ),
    _of(
        "tolerances of int8 inflated a thousandfold",
        _inflated("int8", "max_abs", "noise_floor"),
        *_BOUND,
        refused=True,
        precision="int8",
    ),
    _of(
        "a weight off under a tolerance inflated to cover it",
        both(
            graph(weight(_LAST, lambda values: values * np.float32(1.0001)), DECODER),
            _inflated("fp32", "max_abs", "noise_floor"),
        ),
        *_BOUND,
        "node_linear_1",
        _LAST,
        refused=True,
    ),
]
"""Claims about rounding."""

ORIGINAL = [
    _of("a weight of the checkpoint 1 % off", _trained("decoder.layers.2.weight", _scaled), *_CHECKPOINT),
    _of("one entry of the checkpoint off", _trained("encoder.layers.0.weight", _one_more), *_CHECKPOINT),
    _of(
        "another activation in the program",
        _program(DECODER, "sigmoid", _target("aten.tanh.default")),
        "checkpoint/decoder.json",
    ),
    _of(
        "no variance floor in the program",
        _program(ENCODER, "sub", _floor),
        "checkpoint/encoder_classifier.json",
    ),
    _of(
        "a weight of a convolutional checkpoint off",
        _trained("decoder.up.bias", _one_more),
        *_CHECKPOINT,
        base=CONV,
    ),
]
"""The PyTorch original is the one that is wrong: graphs, golden answers and test cases agree."""

RECORDED = [
    _of("golden answers of other rows", _golden(f"{DECODER}.image.float", _rolled), *_GOLDEN),
    _of("golden float64 answers 1e-3 off", _golden(f"{ENCODER}.z_mean.float64", _first_off), *_GOLDEN),
    _of("golden images of other rows", _golden(f"{ENCODER}.image", _rolled), *_GOLDEN),
    _of("golden labels exchanged", _golden("labels", _other_labels), *_GOLDEN),
    _of("twenty golden labels wrong", _golden("labels", _one_wrong), *_GOLDEN),
    _of("fp16 golden answers of other rows", _golden(f"{DECODER}.image.fp16", _rolled), *_GOLDEN, precision="fp16"),
    _of(
        "an expected output of the test case off",
        tensor_file(f"{_FP32_CASE}/output_0.pb", _first_off),
        _FP32_CASE,
        f"{_FP32_CASE}/output_0.pb",
    ),
    _of(
        "an input of the test case of other rows",
        tensor_file(f"{_FP32_CASE}/input_0.pb", _rolled),
        _FP32_CASE,
        f"{_FP32_CASE}/input_0.pb",
        f"{_FP32_CASE}/output_0.pb",
    ),
    _of(
        "an expected output of int8's test case off",
        tensor_file(f"int8/{ENCODER}/test_data_set_0/output_2.pb", _rolled),
        f"int8/{ENCODER}/test_data_set_0",
        f"int8/{ENCODER}/test_data_set_0/output_2.pb",
        precision="int8",
    ),
]
"""Recorded answers."""

WORDS = [
    _of("labels permuted in the manifest", _set("labels", value=_exchange), "labels"),
    _of("labels permuted in a graph", graph(_property("vaeport.labels", _labels), ENCODER), "labels"),
    _of("shapes in a graph are others", graph(_property("vaeport.shapes", lambda _: "{}"), DECODER), "vaeport.shapes"),
    _of("a graph of another bundle", graph(_property("vaeport.bundle", lambda _: "other"), DECODER), "vaeport.bundle"),
    _of(
        "a graph that says it is the other",
        graph(_property("vaeport.graph", lambda _: ENCODER), DECODER),
        "vaeport.graph",
    ),
    _of(
        "a graph of another contract", graph(_property("vaeport.contract", lambda _: "7"), ENCODER), "vaeport.contract"
    ),
    _of(
        "a graph says pixels up to 255",
        graph(_property("Image.NominalPixelRange", lambda _: "NominalRange_0_255"), ENCODER),
        "Image.NominalPixelRange",
    ),
    _of("a graph without its labels", graph(_without("vaeport.labels"), ENCODER), "vaeport.labels"),
    _of("anomaly scores doubled", _set("anomaly", "negative_elbo", value=_twice), "anomaly", "negative_elbo"),
    _of(
        "anomaly scale by another likelihood",
        _set("anomaly", "likelihood_std", value=lambda _: 1.0),
        "anomaly",
        "likelihood_std",
    ),
    _of(
        "fp16's error flattered",
        _set("precision_figures", "fp16", "error", value=lambda _: 0.001),
        "precision_figures",
        "error",
        "figures",
        precision="fp16",
    ),
    _of(
        "int8's signal-to-noise ratio flattered",
        _set("precision_figures", "int8", "psnr", value=lambda _: 90.0),
        "precision_figures",
        "psnr",
        "PSNR",
        precision="int8",
    ),
    _of(
        "fp16's size flattered",
        _set("precision_figures", "fp16", "size", value=lambda size: size // 2),
        "precision_figures",
        "size",
        precision="fp16",
    ),
]
"""What manifest and graphs say of themselves."""

CLAIMS = [*BOUNDS, *ORIGINAL, *RECORDED, *WORDS]
"""All of these."""
