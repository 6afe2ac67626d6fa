"""Make `tests/runtime/tiny/`: a sealed bundle of a few kilobytes, so that the runtime's tests need no PyTorch.

Its weights and inputs are fractions with small denominators, taken from Philox words, and its answers are summed term
by term: the same bytes on every machine. Run it from the root of a checkout: python -m tests.runtime.make_tiny_bundle
"""

import argparse
import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vaeport.bundle.anomaly_scale import AnomalyCalibration, calibration_of
from vaeport.bundle.golden import Arrays, Golden
from vaeport.bundle.manifest import Manifest, Tolerances
from vaeport.checks.comparison import max_abs_error
from vaeport.contract import (
    BATCH,
    CLASS_PROBS,
    DECODER,
    ENCODER_CLASSIFIER,
    FP32,
    GRAPHS,
    IMAGE,
    TOLERANCE_FACTOR,
    Shapes,
    Tolerance,
    Z,
    graph_metadata,
)
from vaeport.model.anomaly import kl_nats, reconstruction_nats
from vaeport.model.latents import philox4x32
from vaeport_export.bundle.standard_case import write_test_case
from vaeport_export.bundle.writer import seal

TINY = Path(__file__).parent / "tiny"
NAME = "tiny"
LABELS = ("cat", "dog", "owl")
SHAPES = Shapes((1, 4, 4), 2, len(LABELS))

_PIXELS, _OPSET, _IR_VERSION = 16, 18, 8
_LUCKY = 2.0
"""Times the measured noise that the floor is: that of so few and so short sums can be one lucky rounding."""


def main() -> None:
    """Replace the committed bundle, or write to the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=TINY, help="folder to make (default: %(default)s)")
    make(parser.parse_args().out)


def make(folder: Path) -> None:
    """Write the sealed bundle to a folder; what stood there goes."""
    shutil.rmtree(folder, ignore_errors=True)
    weights = _weights()
    golden = _golden(weights)
    for graph, model in (
        (ENCODER_CLASSIFIER, _encoder_classifier(weights)),
        (DECODER, _decoder(weights)),
    ):
        file = folder / GRAPHS[graph].file(FP32)
        file.parent.mkdir(parents=True)
        file.write_bytes(model.SerializeToString(deterministic=True))
        write_test_case(file.parent, graph, golden.inputs(graph), golden.answers[graph]["float32"])
    with (folder / "golden.npz").open("wb") as stream:
        np.savez(stream, **golden.to_arrays())  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint/config.json").write_bytes(b"{}\n")
    (folder / "checkpoint/model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")  # no tensors
    seal(folder, _manifest(golden, weights))


def _fractions(stream: int, *shape: int) -> NDArray[np.float32]:
    """Multiples of 1/256 in [-1, 1), exact in float32."""
    n = int(np.prod(shape))
    counter = np.zeros((n, 4), np.uint64)
    counter[:, 0] = np.arange(n)
    words = philox4x32(counter, (stream, 0))[:, 0].astype(np.int64)
    return ((words % 512 - 256) / 256).astype(np.float32).reshape(shape)


def _weights() -> dict[str, NDArray[np.float32]]:
    latent, classes = SHAPES.latent_dim, SHAPES.classes
    return {
        "mean.weight": _fractions(1, _PIXELS, latent),
        "mean.bias": _fractions(2, latent),
        "logvar.weight": _fractions(3, _PIXELS, latent),
        "logvar.bias": _fractions(4, latent),
        "classes.weight": 2 * _fractions(5, _PIXELS, classes),
        "classes.bias": _fractions(6, classes),
        "decoder.weight": 2 * _fractions(7, latent + classes, _PIXELS),
        "decoder.bias": _fractions(8, _PIXELS),
    }


def _encoder_classifier(weights: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Flatten", [IMAGE], ["pixels"], axis=1),
        helper.make_node("Gemm", ["pixels", "mean.weight", "mean.bias"], ["z_mean"]),
        helper.make_node("Gemm", ["pixels", "logvar.weight", "logvar.bias"], ["z_logvar"]),
        helper.make_node("Gemm", ["pixels", "classes.weight", "classes.bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [CLASS_PROBS], axis=-1),
    ]
    used = {name: value for name, value in weights.items() if not name.startswith("decoder")}
    return _model(ENCODER_CLASSIFIER, nodes, used)


def _decoder(weights: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Concat", [Z, CLASS_PROBS], ["code"], axis=1),
        helper.make_node("Gemm", ["code", "decoder.weight", "decoder.bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["pixels"]),
        # A 0 copies the batch axis, which a -1 could not infer for an empty batch.
        helper.make_node("Reshape", ["pixels", "image.shape"], [IMAGE], allowzero=0),
    ]
    used: dict[str, NDArray[np.generic]] = {k: v for k, v in weights.items() if k.startswith("decoder")}
    return _model(DECODER, nodes, {**used, "image.shape": np.array([0, *SHAPES.image], np.int64)})


def _model(graph: str, nodes: list[onnx.NodeProto], constants: Mapping[str, NDArray[np.generic]]) -> onnx.ModelProto:
    def values(names: tuple[str, ...]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *SHAPES.row(name)]) for name in names]

    spec = GRAPHS[graph]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, graph, values(spec.inputs), values(spec.outputs), initializers),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="make_tiny_bundle",
    )
    helper.set_model_props(model, graph_metadata(spec, bundle=NAME, labels=LABELS, shapes=SHAPES))
    onnx.checker.check_model(model, full_check=True)
    return model


def _golden(weights: dict[str, NDArray[np.float32]]) -> Golden:
    images = ((_fractions(9, 13, *SHAPES.image) + 1) * 127.5).astype(np.uint8)
    one_hot = np.eye(SHAPES.classes, dtype=np.float32)[np.arange(12) % SHAPES.classes]
    golden = Golden(
        images=images,
        labels=np.arange(len(images), dtype=np.int64) % SHAPES.classes,
        z=2 * _fractions(10, 13, SHAPES.latent_dim),
        class_probs=np.concatenate([one_hot, np.array([[0.5, 0.25, 0.25]], np.float32)]),
        answers={},
    )
    for graph, answer in ((ENCODER_CLASSIFIER, _answer_encoder), (DECODER, _answer_decoder)):
        golden.answers[graph] = {
            "float32": answer(golden, weights, np.dtype(np.float32)),
            "float64": answer(golden, weights, np.dtype(np.float64)),
        }
    return golden


def _answer_encoder(golden: Golden, weights: dict[str, NDArray[np.float32]], dtype: np.dtype[np.floating]) -> Arrays:
    pixels = golden.inputs(ENCODER_CLASSIFIER)[IMAGE].reshape(-1, _PIXELS).astype(dtype)
    mean, logvar, logits = (_gemm(pixels, weights, name) for name in ("mean", "logvar", "classes"))
    powers = _exp(logits - logits.max(axis=1, keepdims=True))
    return {
        "z_mean": _rounded(mean),
        "z_logvar": _rounded(logvar),
        CLASS_PROBS: _rounded(powers / powers.sum(axis=1, keepdims=True)),
    }


def _answer_decoder(golden: Golden, weights: dict[str, NDArray[np.float32]], dtype: np.dtype[np.floating]) -> Arrays:
    code = np.concatenate([golden.z, golden.class_probs], axis=1).astype(dtype)
    pixels = 1 / (1 + _exp(-_gemm(code, weights, "decoder")))
    return {IMAGE: _rounded(pixels.reshape(-1, *SHAPES.image))}


def _gemm(rows: NDArray[np.floating], weights: dict[str, NDArray[np.float32]], name: str) -> NDArray[np.floating]:
    """Rows times weights plus bias, term by term: a BLAS sums in an order of its own on every machine."""
    weight, total = weights[f"{name}.weight"].astype(rows.dtype), weights[f"{name}.bias"].astype(rows.dtype)
    for term in range(rows.shape[1]):
        total = total + rows[:, term, None] * weight[term]
    return total


def _exp(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """By way of float64: the last bit of a float32 exponential differs between processors."""
    return np.exp(values.astype(np.float64)).astype(values.dtype)


def _rounded(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Float64 answers without the last bits, in which processors differ."""
    return np.round(values, 12) if values.dtype == np.float64 else values


def _tolerances(golden: Golden) -> Tolerances:
    tolerances: Tolerances = {FP32: {graph: {} for graph in GRAPHS}}
    for graph, answers in golden.answers.items():
        for name, exact in answers["float64"].items():
            step = float(np.finfo(np.float32).eps) * float(np.max(np.abs(exact)))
            floor = _LUCKY * float(f"{max(max_abs_error(answers['float32'][name], exact), step):.3g}")
            tolerances[FP32][graph][name] = Tolerance(max_abs=TOLERANCE_FACTOR * floor, noise_floor=floor)
    return tolerances


def _anomaly(golden: Golden, weights: dict[str, NDArray[np.float32]]) -> AnomalyCalibration:
    """The golden images stand for held-out ones, reconstructed as `Model.reconstruct` does, but in float64."""
    seen = golden.answers[ENCODER_CLASSIFIER]["float64"]
    again = dataclasses.replace(golden, z=seen["z_mean"], class_probs=seen[CLASS_PROBS])
    drawn = _answer_decoder(again, weights, np.dtype(np.float64))[IMAGE]
    images = golden.inputs(ENCODER_CLASSIFIER)[IMAGE]
    nats = reconstruction_nats(images, drawn, likelihood="bernoulli", likelihood_std=1.0)
    score = nats + kl_nats(seen["z_mean"], seen["z_logvar"])
    return calibration_of(score, data="golden", likelihood="bernoulli", likelihood_std=1.0)


def _manifest(golden: Golden, weights: dict[str, NDArray[np.float32]]) -> Manifest:
    best = golden.answers[ENCODER_CLASSIFIER]["float64"][CLASS_PROBS].argmax(axis=1)
    return Manifest(
        name=NAME,
        version="1",
        description="A bundle for tests, of seeded weights that were never trained.",
        labels=LABELS,
        shapes=SHAPES,
        precisions=(FP32,),
        tolerances=_tolerances(golden),
        training={},
        evaluation={
            "golden": {"images": len(best), "classification_error": round(float(np.mean(best != golden.labels)), 4)}
        },
        made_with={"make_tiny_bundle": "1"},
        files={},
        detachable=("checkpoint",),
        anomaly=_anomaly(golden, weights),
    )


if __name__ == "__main__":
    main()
