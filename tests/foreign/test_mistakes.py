"""Mistakes that strangers make with an export: each is one sentence that names tensor or file, and what to do."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from PIL import Image

from tests.foreign.onnx_pair import handmade_pair
from tests.foreign.refusals import NOT_THERE, refused_call, refused_command
from tests.foreign.small_pair import CLASSES, networks_of, pictures, weights_of, write_pictures, write_source
from vaeport_export.cli import main

pytestmark = pytest.mark.filterwarnings("default")

Edit = tuple[str, str]

SOFTMAX = "torch.softmax(self.classify(h), dim=1)"
SIGMOID = "torch.sigmoid(self.out(h)).view(-1, 1, 8, 8)"
ANSWER = "return self.mean(h), self.logvar(h), probs"
EVAL = "return encoder.eval(), decoder.eval()"
HIDDEN = "h = torch.relu(self.norm(self.hidden(image.flatten(1))))"


@dataclass(frozen=True)
class Mistake:
    """A network that is wrong in one place of its source."""

    name: str
    """What the tests call it."""
    edits: tuple[Edit, ...]
    """Old and new text."""
    words: tuple[str, ...]
    """Patterns of what its author needs to read."""
    factory: str = "my_nets.py:build"
    """What is given to the command."""


NETWORKS = [
    Mistake("logits-for-probabilities", ((SOFTMAX, "self.classify(h)"),), ("class_probs", "softmax|adapters")),
    Mistake("sigmoid-for-softmax", ((SOFTMAX, "torch.sigmoid(self.classify(h))"),), ("class_probs", "sum to 1")),
    Mistake("log-softmax", ((SOFTMAX, "F.log_softmax(self.classify(h), dim=1)"),), ("class_probs", "softmax|exp")),
    Mistake(
        "softmax-over-the-batch", ((SOFTMAX, "torch.softmax(self.classify(h), dim=0)"),), ("class_probs", "row|sum")
    ),
    Mistake(
        "tanh-pixels", (("torch.sigmoid(self.out", "torch.tanh(self.out"),), (r"\bimage\b", r"\[0, 1\]|tanh", "adapter")
    ),
    Mistake(
        "logit-pixels",
        ((SIGMOID, "(9 * self.out(h)).view(-1, 1, 8, 8)"),),
        (r"\bimage\b", r"\[0, 1\]", "sigmoid|adapter"),
    ),
    Mistake("training-mode", ((EVAL, "return encoder.train(), decoder"),), ("training mode", r"eval\(\)", "encoder")),
    Mistake(
        "norm-left-in-training",
        ((EVAL, "encoder.eval().norm.train()\n    return encoder, decoder.eval()"),),
        ("training", "norm", r"eval\(\)"),
    ),
    Mistake(
        "functional-dropout",
        ((ANSWER, "h = F.dropout(h, 0.3)\n        " + ANSWER),),
        ("dropout|random", "z_mean|z_logvar|class_probs|encoder", r"self\.training|eval|remove"),
    ),
    Mistake(
        "sampling-inside",
        (("return self.mean(h),", "return self.mean(h) + torch.randn_like(self.mean(h)),"),),
        ("random|randn|sampl", "z_mean|encoder"),
    ),
    Mistake(
        "batch-fixed-by-reshape",
        (("image.flatten(1)", "image.reshape(64, 64)"),),
        ("batch", "encoder|image|reshape|view"),
    ),
    Mistake(
        "batch-of-one-in-decoder",
        ((".view(-1, 1, 8, 8)", ".view(1, 1, 8, 8)"),),
        ("batch", r"my_nets\.py, line 28", "decoder"),
    ),
    Mistake("two-outputs", ((ANSWER, "return self.mean(h), probs"),), ("z_logvar", "2|two", "3|three")),
    Mistake(
        "five-outputs",
        ((ANSWER, "return self.mean(h), self.logvar(h), probs, h, image"),),
        ("class_probs", "5|five", "3|three"),
    ),
    Mistake(
        "outputs-in-other-order",
        ((ANSWER, "return probs, self.mean(h), self.logvar(h)"),),
        ("z_mean|class_probs|z_logvar", "order|shape|columns|size"),
    ),
    Mistake(
        "answers-a-dictionary",
        ((ANSWER, 'return {"z_mean": self.mean(h), "z_logvar": self.logvar(h), "class_probs": probs}'),),
        ("dict", "tuple|tensors", "z_mean"),
    ),
    Mistake(
        "answers-none", ((ANSWER, "self.answer = self.mean(h), self.logvar(h), probs"),), ("None", "encoder|forward")
    ),
    Mistake(
        "latent-sizes-differ",
        (("nn.Linear(3 + 2, 16)", "nn.Linear(4 + 2, 16)"),),
        (r"\bz\b|z_mean|latent", "decoder", "3"),
    ),
    Mistake("flat-pixels", ((SIGMOID, "torch.sigmoid(self.out(h))"),), (r"\bimage\b", r"64\]", r"8, 8\]")),
    Mistake(
        "channels-last", ((".view(-1, 1, 8, 8)", ".view(-1, 8, 8, 1)"),), (r"\bimage\b", r"8, 8, 1\]", r"1, 8, 8\]")
    ),
    Mistake(
        "decoder-takes-z-alone",
        (("def forward(self, z, class_probs):", "def forward(self, z):\n        class_probs = z[:, :2]"),),
        ("class_probs", "decoder", "adapter|two|2"),
    ),
    Mistake(
        "branch-on-data",
        ((HIDDEN, HIDDEN + "\n        if h.mean() > 0.5:\n            h = h * 2"),),
        (r"my_nets\.py", "line|:1[0-9]|:2[0-9]", "branch|depends on|torch.where|torch.cond"),
    ),
    Mistake(
        "item-in-forward",
        ((HIDDEN, HIDDEN + "\n        h = h * 2 if image.amax().item() > 9 else h"),),
        (r"my_nets\.py", r"item|data"),
    ),
    Mistake(
        "numpy-in-forward",
        ((HIDDEN, HIDDEN + "\n        h = h + torch.from_numpy(image.detach().numpy()).mean((1, 2, 3))[:, None]"),),
        ("numpy", "encoder|my_nets"),
    ),
    Mistake(
        "operator-without-onnx",
        (("self.logvar(h), probs", "torch.special.bessel_j0(self.logvar(h)), probs"),),
        ("bessel_j0", "ONNX|operator"),
    ),
    Mistake(
        "double-precision",
        ((EVAL, "return encoder.double().eval(), decoder.eval()"),),
        ("float64|double", "float32|float\\(\\)"),
    ),
    Mistake(
        "half-precision",
        ((EVAL, "return encoder.eval(), decoder.half().eval()"),),
        ("float16|half", "float32|float\\(\\)", "decoder"),
    ),
    Mistake(
        "nan-weights",
        ((EVAL, "encoder.logvar.bias.data[1] = float('nan')\n    " + EVAL),),
        ("z_logvar|logvar", "NaN|finite"),
    ),
    Mistake(
        "infinite-weights",
        (
            (
                EVAL,
                "decoder.out.bias.data[1] = float('inf')\n    decoder.out.weight.data[1] = -float('inf')\n    " + EVAL,
            ),
        ),
        (r"\bimage\b|out\.", "NaN|finite|inf"),
    ),
    Mistake(
        "meta-device", ((EVAL, "return encoder.to('meta').eval(), decoder.to('meta').eval()"),), ("meta", "weights")
    ),
    Mistake(
        "cuda-without-cuda",
        ((EVAL, "return encoder.cuda().eval(), decoder.cuda().eval()"),),
        ("CUDA", "build", "cpu|without"),
    ),
    Mistake("factory-raises", ((EVAL, "return {}['width']"),), ("build", "KeyError|width", r"my_nets\.py")),
    Mistake(
        "factory-answers-a-dictionary",
        ((EVAL, "return {'encoder': encoder, 'decoder': decoder}"),),
        ("build", "dict", r"encoder.*decoder"),
    ),
    Mistake("factory-answers-one-network", ((EVAL, "return encoder.eval()"),), ("build", "decoder")),
    Mistake(
        "factory-answers-classes", ((EVAL, "return Encoder, Decoder"),), ("build", "class|type", "Module|instance|call")
    ),
    Mistake("factory-wants-arguments", (("def build():", "def build(width):"),), ("build", "argument|width")),
    Mistake("factory-is-misspelt", (), ("biuld", r"my_nets\.py", r"\bbuild\b"), "my_nets.py:biuld"),
    Mistake("factory-is-not-named", (), (r"my_nets\.py", ":"), "my_nets.py"),
    Mistake(
        "source-is-not-there",
        (),
        (r"your_nets\.py", NOT_THERE),
        "your_nets.py:build",
    ),
    Mistake("source-does-not-parse", (("def build():", "def build()"),), (r"my_nets\.py", "line 3[0-9]|:3[0-9]")),
    Mistake(
        "source-imports-what-is-missing",
        (("import torch\n", "import torch\nimport no_such_package\n"),),
        ("no_such_package", r"my_nets\.py"),
    ),
]


def test_network_without_mistake_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    write_pictures(tmp_path)

    assert main(["my_nets.py:build", "--images", "samples", "-o", "out/pets"]) == 0

    assert (tmp_path / "out/pets/bundle.json").is_file()


@pytest.mark.parametrize("mistake", NETWORKS, ids=lambda mistake: mistake.name)
def test_network_is_refused(
    mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path, *mistake.edits)
    write_pictures(tmp_path)
    arguments = [mistake.factory, "--images", "samples", "-o", "out/pets"]
    refused_command(main, arguments, mistake.words, tmp_path, capfd, codes=(1, 2))


def wrong_names(path: Path) -> None:
    safetensors.torch.save_file({"fc.weight": torch.zeros(3, 3)}, path)


def wrong_shapes(path: Path) -> None:
    tensors = weights_of(*networks_of(path.parent))
    name = next(name for name in tensors if name.endswith("classify.weight"))
    safetensors.torch.save_file({**tensors, name: torch.zeros(10, 16)}, path)


def one_too_many(path: Path) -> None:
    safetensors.torch.save_file(
        {**weights_of(*networks_of(path.parent)), "encoder_classifier.extra.weight": torch.zeros(2)}, path
    )


def truncated(path: Path) -> None:
    safetensors.torch.save_file(weights_of(*networks_of(path.parent)), path)
    path.write_bytes(path.read_bytes()[:-100])


def no_weights_at_all(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><html>404 Not Found</html>")


def whole_module(path: Path) -> None:
    torch.save(torch.nn.Linear(3, 3), path)


def pickled_list(path: Path) -> None:
    path.write_bytes(pickle.dumps([1, 2, 3]))


class _Attack:
    """Unpickling it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def running_code(path: Path) -> None:
    torch.save({"weight": _Attack(path.parent / "owned")}, path)


WEIGHTS: list[tuple[str, str, Callable[[Path], None] | None, tuple[str, ...]]] = [
    (
        "missing",
        "model.safetensors",
        None,
        (r"model\.safetensors", NOT_THERE),
    ),
    ("wrong-names", "model.safetensors", wrong_names, (r"model\.safetensors", r"fc\.weight|hidden\.weight")),
    ("wrong-shapes", "model.safetensors", wrong_shapes, (r"model\.safetensors", r"classify\.weight", "10", "2")),
    ("one-too-many", "model.safetensors", one_too_many, (r"model\.safetensors", r"extra\.weight")),
    ("truncated", "model.safetensors", truncated, (r"model\.safetensors", "damaged|truncated|incomplete|not a|cannot")),
    ("web-page", "model.safetensors", no_weights_at_all, (r"model\.safetensors", "safetensors|damaged|not a")),
    ("whole-module", "model.pt", whole_module, (r"model\.pt", "state_dict", "pickle|safetensors")),
    ("pickled-list", "model.pth", pickled_list, (r"model\.pth", "state_dict|safetensors")),
    ("running-code", "model.pt", running_code, (r"model\.pt", "pickle|code", "state_dict|safetensors")),
    ("unknown-suffix", "model.h5", no_weights_at_all, (r"model\.h5", r"safetensors")),
]


@pytest.mark.parametrize(("name", "file", "write", "words"), WEIGHTS, ids=[case[0] for case in WEIGHTS])
def test_weights_are_refused(
    name: str,
    file: str,
    write: Callable[[Path], None] | None,
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    write_pictures(tmp_path)
    if write is not None:
        write(tmp_path / file)
    arguments = ["my_nets.py:build", "--weights", file, "--images", "samples", "-o", "out/pets"]
    refused_command(main, arguments, words, tmp_path, capfd)
    assert not (tmp_path / "owned").exists()


UINT8, KINDS = pictures()
FLOAT = UINT8.astype(np.float32) / 255

SAMPLES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("labels-too-few", {"labels": ["cat"], "image_labels": None}, ("labels", "2", "1|cat")),
    ("labels-too-many", {"labels": ["cat", "dog", "cow"], "image_labels": None}, ("labels", "3", "2")),
    ("labels-doubled", {"labels": ["cat", "cat"]}, ("labels", "cat", "twice|double|unique|different|distinct")),
    ("label-empty", {"labels": ["cat", ""]}, ("labels", "empty|name")),
    ("label-with-line-break", {"labels": ["cat", "a\ndog"]}, ("labels", "dog", "print|line|character|control")),
    ("labels-as-one-string", {"labels": "cat"}, ("labels", "list|sequence|names")),
    ("images-too-small", {"images": UINT8[:, :, :7]}, ("image", "7")),
    ("images-with-too-many-channels", {"images": UINT8.repeat(3, axis=1)}, ("image", "3")),
    ("images-of-five-axes", {"images": UINT8[None]}, ("images", "shape|axes", r"N, ?C, ?H, ?W")),
    ("images-of-bytes-as-floats", {"images": UINT8.astype(np.float32)}, ("image", r"\[0, 1\]", "255|uint8")),
    ("images-normalised", {"images": FLOAT * 2 - 1}, ("image", r"\[0, 1\]", "-1|-0|adapter")),
    ("images-with-nan", {"images": np.where(FLOAT > 0.8, np.nan, FLOAT).astype(np.float32)}, ("image", "NaN|finite")),
    ("images-as-int64", {"images": UINT8.astype(np.int64)}, ("image", "int64", "uint8")),
    ("images-as-text", {"images": np.full((24, 1, 8, 8), "a")}, ("image", "uint8|float|number")),
    ("no-images", {"images": UINT8[:0], "image_labels": []}, ("images", "at least|none|empty|no image")),
    ("folder-missing", {"images": "no/such/folder", "image_labels": None}, ("no/such/folder", NOT_THERE)),
    ("image-labels-too-few", {"image_labels": [0, 1, 0]}, ("image_labels", "3", "24")),
    ("image-label-unknown", {"image_labels": ["cat", "cow"] * 12}, ("image_labels|class|label", "cow", "cat.*dog")),
    ("image-label-out-of-range", {"image_labels": [0, 2] * 12}, ("image_labels|class|label", "2", "cat|0|1")),
    ("image-label-negative", {"image_labels": [0, -3] * 12}, ("image_labels|class|label", "-3")),
    (
        "image-labels-as-floats",
        {"image_labels": np.full(24, 0.5)},
        ("image_labels", "0.5|float", "name|index|indices|whole"),
    ),
    ("opset-of-the-future", {"opset": 99}, ("opset", "99", "18|23")),
    ("precision-unknown", {"precisions": ("int4",)}, ("int4", "fp16|int8")),
    (
        "encoder-is-a-class",
        {"encoder_classifier": torch.nn.Linear},
        ("encoder_classifier", "Module", "instance|class|call|type"),
    ),
    ("decoder-is-missing", {"decoder": None}, ("decoder", "None", "Module|ONNX")),
    ("decoder-is-a-missing-file", {"decoder": "decoder.onnx"}, (r"decoder\.onnx", NOT_THERE)),
]


@pytest.mark.parametrize(("name", "change", "words"), SAMPLES, ids=[case[0] for case in SAMPLES])
def test_samples_and_options_are_refused(
    name: str, change: dict[str, Any], words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaeport_export import export_modules

    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    encoder, decoder = networks_of(tmp_path)
    right = {
        "encoder_classifier": encoder,
        "decoder": decoder,
        "labels": list(CLASSES),
        "images": UINT8,
        "image_labels": KINDS,
        "out": tmp_path / "out/pets",
    }
    refused_call(lambda: export_modules(**{**right, **change}), words, tmp_path)


def swap_files(encoder: Path, decoder: Path) -> None:
    first, second = encoder.read_bytes(), decoder.read_bytes()
    encoder.write_bytes(second)
    decoder.write_bytes(first)


def same_file_twice(encoder: Path, decoder: Path) -> None:
    decoder.write_bytes(encoder.read_bytes())


def cut_in_half(encoder: Path, decoder: Path) -> None:
    decoder.write_bytes(decoder.read_bytes()[:200])


def change(path: Path, edit: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(path)
    edit(model)
    onnx.save(model, path)


def fix_batch(encoder: Path, decoder: Path) -> None:
    def edit(model: onnx.ModelProto) -> None:
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = 8

    change(encoder, edit)


def identity_for(kind: str, path: Path) -> None:
    def edit(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.op_type == kind)
        del node.attribute[:]
        node.op_type = "Identity"

    change(path, edit)


def drop_softmax(encoder: Path, decoder: Path) -> None:
    identity_for("Softmax", encoder)


def drop_sigmoid(encoder: Path, decoder: Path) -> None:
    identity_for("Sigmoid", decoder)


def noise_inside(encoder: Path, decoder: Path) -> None:
    def edit(model: onnx.ModelProto) -> None:
        model.graph.node[1].output[0] = "posterior_mean"
        model.graph.node.append(onnx.helper.make_node("RandomNormalLike", ["posterior_mean"], ["noise"], "sampling"))
        model.graph.node.append(onnx.helper.make_node("Add", ["posterior_mean", "noise"], ["z_mean"], "sample"))

    change(encoder, edit)


def foreign_operator(encoder: Path, decoder: Path) -> None:
    def edit(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.op_type == "Sigmoid")
        node.op_type, node.domain = "QuickGelu", "com.microsoft"
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))

    change(decoder, edit)


def weights_beside(encoder: Path, decoder: Path) -> None:
    onnx.save(onnx.load(decoder), decoder, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (decoder.parent / "weights.bin").unlink()


ONNX_FILES: list[tuple[Callable[[Path, Path], None], tuple[str, ...]]] = [
    (swap_files, ("encoder|decoder", "order|swap|first|image|inputs?")),
    (same_file_twice, ("decoder", r"\bz\b|class_probs|input")),
    (cut_in_half, (r"decoder\.onnx", "ONNX|damaged|truncated")),
    (fix_batch, (r"encoder\.onnx|encoder_classifier|image", "batch", "8")),
    (drop_softmax, ("class_probs", "sum to 1|softmax")),
    (drop_sigmoid, (r"\bimage\b", r"\[0, 1\]")),
    (noise_inside, ("encoder|z_mean", "sampl|random")),
    (foreign_operator, ("QuickGelu|com.microsoft",)),
    (weights_beside, (r"decoder", r"weights\.bin|external")),
]


@pytest.mark.parametrize(("damage", "words"), ONNX_FILES, ids=[case[0].__name__ for case in ONNX_FILES])
def test_onnx_file_is_refused(
    damage: Callable[[Path, Path], None],
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    damage(*handmade_pair(tmp_path))
    (tmp_path / "samples").mkdir()
    for number in range(4):
        Image.fromarray(np.full((5, 6), 40 * number, np.uint8)).save(tmp_path / f"samples/{number}.png")
    arguments = ["encoder.onnx", "decoder.onnx", "--labels", "odd,even", "--images", "samples", "-o", "out/made"]
    refused_command(main, arguments, words, tmp_path, capfd, codes=(1, 2))


def test_classes_without_names_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    handmade_pair(tmp_path)
    (tmp_path / "samples").mkdir()
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(tmp_path / "samples/0.png")
    arguments = ["encoder.onnx", "decoder.onnx", "--images", "samples", "-o", "out/made"]
    refused_command(main, arguments, ("--labels", "2|sub-?folder|class"), tmp_path, capfd)


def test_folder_that_exists_is_not_replaced_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    write_pictures(tmp_path)
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets/thesis.txt").write_text("three years of work")
    arguments = ["my_nets.py:build", "--images", "samples", "-o", "pets"]
    refused_command(main, arguments, ("pets", "exist", "no bundle|another place"), tmp_path, capfd)


def test_folder_that_is_no_bundle_is_not_replaced_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    write_pictures(tmp_path)
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets/thesis.txt").write_text("three years of work")
    arguments = ["my_nets.py:build", "--images", "samples", "-o", "pets", "--replace"]
    refused_command(main, arguments, ("pets", "bundle"), tmp_path, capfd)


def test_labels_that_the_folders_do_not_have_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    write_pictures(tmp_path)
    arguments = ["my_nets.py:build", "--images", "samples", "-o", "out/pets", "--labels", "cat,cow"]
    refused_command(main, arguments, ("dog", "cat.*cow|labels"), tmp_path, capfd)


def test_damaged_picture_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path)
    folder = write_pictures(tmp_path)
    broken = folder / "cat/4.png"
    broken.write_bytes(broken.read_bytes()[:60])
    arguments = ["my_nets.py:build", "--images", "samples", "-o", "out/pets"]
    refused_command(main, arguments, (r"cat/4\.png", "image|damaged|read"), tmp_path, capfd)
