"""Mistakes that strangers make: each is one sentence that names tensor and remedy, and nothing is written."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.export.strangers import LABELS, Decoder, Encoder, pair, samples
from vaeport.errors import CheckFailedError, InputError, VaeportError
from vaeport_export import adapters, export_modules

SECONDS = 10.0


class Changed(nn.Module):
    """An encoder whose answers something is done to."""

    def __init__(self, change: Callable[[Tensor, Tensor, Tensor], Any], inner: nn.Module | None = None) -> None:
        super().__init__()
        self.inner = inner or pair()[0]
        self.change = change
        self.train(self.inner.training)

    def forward(self, x: Tensor) -> Any:
        return self.change(*self.inner(x))


class Drawn(nn.Module):
    """A decoder whose image something is done to."""

    def __init__(self, change: Callable[[Tensor], Any], inner: nn.Module | None = None) -> None:
        super().__init__()
        self.inner = inner or pair()[1]
        self.change = change
        self.train(False)

    def forward(self, z: Tensor, y: Tensor) -> Any:
        return self.change(self.inner(z, y))


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = pair()[0]
        self.train(False)

    def forward(self, x: Tensor) -> Any:
        if x.mean() > 0.5:
            x = x * 1
        return self.inner(x)


class FixedBatch(nn.Module):
    """Works for every batch in eager code, through a number that is read from the input at capture."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = pair()[0]
        self.train(False)

    def forward(self, x: Tensor) -> Any:
        whole = torch.cat([x[row : row + 1] for row in range(len(x))])
        return self.inner(whole)


class BatchStatistics(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = pair()[0]
        self.train(False)

    def forward(self, x: Tensor) -> Any:
        return self.inner((x - x.mean(0)).sigmoid())


class CumulativeSum(torch.autograd.Function):
    """An operator that only its author has."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.from_numpy(np.cumsum(x.numpy(), axis=1))


class Foreign(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = pair()[1]
        self.train(False)

    def forward(self, z: Tensor, y: Tensor) -> Any:
        return self.inner(CumulativeSum.apply(z), y)  # type: ignore[no-untyped-call]  # PyTorch's stub


def half(module: nn.Module) -> nn.Module:
    return module.half()


def broken(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        next(iter(module.parameters())).fill_(float("nan"))
    return module


def on_meta(module: nn.Module) -> nn.Module:
    return module.to("meta")


def encoder() -> nn.Module:
    return pair()[0]


ENCODERS: dict[str, tuple[Callable[[], Any], str]] = {
    "training mode": (
        Encoder,
        r"its layer 'features\.1' \(BatchNorm2d\) is in training mode; call \.eval\(\)",
    ),
    "logits": (lambda: Changed(lambda m, v, p: (m, v, p.log() * 3)), "class_probs .* look like log|look like logits"),
    "plain logits": (lambda: Changed(lambda m, v, p: (m, v, p * 9 - 5)), r"look like logits: add \.softmax\(dim=1\)"),
    "sigmoids": (lambda: Changed(lambda m, v, p: (m, v, p * 0.5)), "look like sigmoids"),
    "two outputs": (lambda: Changed(lambda m, v, p: (m, v)), "gives 2 outputs, but must give 3: z_mean, z_logvar"),
    "dictionary": (lambda: Changed(lambda m, v, p: {"mu": m}), "answers with dict, but must answer with tensors"),
    "order": (lambda: Changed(lambda m, v, p: (p, m, v)), "the order must be z_mean, z_logvar, class_probs"),
    "another Z": (lambda: Changed(lambda m, v, p: (m, v[:, :2], p)), r"z_mean is \[7, 5\] and z_logvar \[7, 2\]"),
    "three axes": (lambda: Changed(lambda m, v, p: (m[:, :, None], v, p)), r"z_mean is \[7, 5, 1\] for 7 images"),
    "float64": (lambda: Changed(lambda m, v, p: (m.double(), v, p)), r"z_mean is float64, .* \.float\(\)"),
    "NaN": (lambda: Changed(lambda m, v, p: (m / 0 * 0, v, p)), "z_mean holds NaN or infinity"),
    "sampling": (
        lambda: Changed(lambda m, v, p: (m + torch.randn_like(m), v, p)),
        "z_mean differs by .* two runs",
    ),
    "dropout": (lambda: Changed(lambda m, v, p: (functional.dropout(m), v, p)), "leave no dropout on"),
    "batch statistics": (BatchStatistics, "a row alone differs by .* rows influence each other"),
    "branch on data": (
        Branching,
        r"branches on values of its input \(test_mistakes\.py, line \d+: if x\.mean",
    ),
    "fixed batch": (FixedBatch, "fixes the batch"),
    "half precision": (lambda: half(encoder()), r"'features\.0\.weight' is float16, but must be float32; call \.float\(\)"),
    "diverged weights": (lambda: broken(encoder()), "'features.0.weight' holds NaN"),
    "meta": (lambda: on_meta(encoder()), "has no values .device meta.; load the weights first"),
    "no module": (lambda: 7, "encoder_classifier is int, but must be an nn.Module"),
    "raises": (lambda: Encoder(channels=1).eval(), r"encoder_classifier fails on image \[7, 3, 16, 16\]: RuntimeError"),
    "path": (lambda: "nowhere.onnx", "no such file: nowhere.onnx"),
}

DECODERS: dict[str, tuple[Callable[[], Any], str]] = {
    "tanh": (
        lambda: Drawn(lambda x: x * 2 - 1),
        "look like tanh: wrap the decoder in .*adapters.SymmetricPixels",
    ),
    "logits": (lambda: Drawn(lambda x: x * 9 - 4), "wrap the decoder in vaeport_export.adapters.PixelLogits"),
    "another size": (lambda: Drawn(lambda x: x[:, :, :8]), r"image is \[14, 3, 8, 16\], but must be \[14, 3, 16, 16\]"),
    "pixels in a row": (lambda: Drawn(lambda x: x.flatten(1)), r"image is \[14, 768\], but must be \[14, 3, 16, 16\]"),
    "another latent": (lambda: Decoder(latent=6).eval(), "the encoder gives z of 5 dimensions and 2 classes"),
    "unknown operator": (Foreign, "PyTorch cannot capture the network|cannot be kept as data"),
    "bytes": (lambda: Drawn(lambda x: (x * 255).to(torch.uint8)), "image is uint8, but must be float32"),
}


def refused(
    out: Path, error: type[VaeportError] | tuple[type[VaeportError], ...], complaint: str, **given: Any
) -> None:
    """Export something wrong: one line, in time, and nothing left."""
    arguments = {
        "encoder_classifier": encoder(),
        "decoder": pair()[1],
        "labels": LABELS,
        "images": samples(),
        "out": out / "bundle",
    }
    began = time.perf_counter()

    with pytest.raises(error, match=complaint) as caught:
        export_modules(**{**arguments, **given})

    assert "\n" not in str(caught.value)
    assert time.perf_counter() - began < SECONDS
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("mistake", list(ENCODERS))
def test_encoder_that_breaks_the_contract_is_refused(mistake: str, tmp_path: Path) -> None:
    make, complaint = ENCODERS[mistake]

    refused(tmp_path, (CheckFailedError, InputError), complaint, encoder_classifier=make())


@pytest.mark.parametrize("mistake", list(DECODERS))
def test_decoder_that_breaks_the_contract_is_refused(mistake: str, tmp_path: Path) -> None:
    make, complaint = DECODERS[mistake]

    refused(tmp_path, (CheckFailedError, InputError), complaint, decoder=make())


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([], "labels is empty"),
        (["cat"], r"class_probs has 2 columns, but there are 1 labels \(cat\)"),
        (["cat", "dog", "cow"], "class_probs has 2 columns, but there are 3 labels"),
        (["cat", "cat"], "labels holds 'cat' twice"),
        (["cat", "d\nog"], r"labels\[1\] is 'd\\nog', but must be a printable text"),
        (["cat", ""], r"labels\[1\] is ''"),
        (["cat", 1], r"labels\[1\] is 1"),
        ("cat", "labels is 'cat', but must be a list"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: Any, complaint: str, tmp_path: Path) -> None:
    refused(tmp_path, (CheckFailedError, InputError), complaint, labels=labels)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"images": samples().astype(np.int32)}, "image array is int32"),
        ({"images": samples() / 1.0}, "divide by 255, or give uint8"),
        ({"images": samples()[:, :, :8]}, "encoder_classifier fails on image|shape"),
        ({"image_labels": [0, 1]}, "image_labels has 2 entries for 24 images"),
        ({"precisions": ["fp16"]}, "a lower precision needs at least 100 images, .* but 24 are given"),
        ({"precisions": ["fp8"]}, "unknown precision 'fp8'; beside fp32 there are fp16, int8"),
        ({"opset": 12}, "opset is 12, but must be from 18 to 23"),
        ({"name": "a b"}, "bundle name is 'a b'"),
        ({"author": "a\nb"}, "author has characters that cannot be shown"),
    ],
)
def test_other_arguments_that_do_not_fit_are_refused(given: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    refused(tmp_path, VaeportError, complaint, **given)


def test_place_that_is_taken_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "thesis.tex").write_text("precious")

    with pytest.raises(InputError, match="exists and is no bundle"):
        export_modules(7, 7, labels=[], images="nowhere", out=tmp_path / "bundle")  # type: ignore[arg-type]


def test_adapter_that_is_used_wrongly_says_so() -> None:
    with pytest.raises(InputError, match=r"image is \(28, 28\), but must be \(channels, height, width\)"):
        adapters.PixelLogits(nn.Identity(), image=(28, 28))
    with pytest.raises(InputError, match="second is 'sd', but must be one of 'logvar', 'var', 'std', 'log_std'"):
        adapters.Unclassified(nn.Identity(), second="sd")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="std is .* one number above 0"):
        adapters.ScaledImages(nn.Identity(), mean=[0.5], std=[0.0])
