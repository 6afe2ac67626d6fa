"""Adapters compute what they say, their examples run, and each exports in a pair."""

import doctest
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.export.strangers import LABELS, Encoder, pair, samples
from vaeport.checks.verification import verify
from vaeport.images.scaling import from_uint8
from vaeport_export import adapters, export_modules
from vaeport_export.modules.capture import captured
from vaeport_export.modules.checks import check_pair


@pytest.mark.parametrize("module", ["vaeport_export", "vaeport_export.adapters"])
def test_examples_of_the_docstrings_run(module: str) -> None:
    outcome = doctest.testmod(importlib.import_module(module))

    assert outcome.failed == 0


class Flat(nn.Module):
    def __init__(self, second: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.second = second

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        flat = x.flatten(1)
        return flat[:, :5], self.second(flat[:, 5:10] + 0.5), flat[:, :5]  # the last is a sample


@pytest.mark.parametrize(
    ("second", "make"),
    [
        ("logvar", lambda std: std.log() * 2),
        ("var", lambda std: std**2),
        ("std", lambda std: std),
        ("log_std", lambda std: std.log()),
    ],
)
def test_every_second_output_becomes_the_log_variance(second: Any, make: Callable[[Tensor], Tensor]) -> None:
    x = torch.rand(3, 3, 16, 16)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(768, 2))

    mean, logvar, probs = adapters.SeparateEncoder(Flat(make), classifier, second=second)(x)

    flat = x.flatten(1)
    torch.testing.assert_close(mean, flat[:, :5])
    torch.testing.assert_close(logvar, (flat[:, 5:10] + 0.5).log() * 2)
    torch.testing.assert_close(probs, classifier(x).softmax(1))


def test_images_are_scaled_as_torchvision_does() -> None:
    x = torch.rand(2, 3, 16, 16)
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]
    inner = pair()[0]

    answers = adapters.ScaledImages(inner, mean=mean, std=std)(x)

    scaled = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    for answer, expected in zip(answers, inner(scaled), strict=True):
        torch.testing.assert_close(answer, expected)


def decoders() -> dict[str, nn.Module]:
    linear = nn.Linear(7, 768)
    shape = (3, 16, 16)
    return {
        "PixelLogits": adapters.PixelLogits(adapters.ConcatenatedDecoder(linear), image=shape),
        "SymmetricPixels": adapters.SymmetricPixels(
            adapters.ConcatenatedDecoder(nn.Sequential(linear, nn.Tanh()), image=shape)
        ),
        "NormalisedPixels": adapters.NormalisedPixels(
            adapters.ConcatenatedDecoder(linear, image=shape), mean=[0.5], std=[0.25]
        ),
        "class first": adapters.PixelLogits(adapters.ConcatenatedDecoder(linear, order="class, z", image=shape)),
        "IndexedDecoder": adapters.PixelLogits(adapters.IndexedDecoder(Embedded(), image=shape)),
    }


class Embedded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Embedding(2, 768)
        self.latent = nn.Linear(5, 768)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        answer: Tensor = self.latent(z) + self.classes(y)
        return answer


@pytest.mark.parametrize("name", list(decoders()))
def test_decoder_keeps_the_contract_and_is_captured(name: str) -> None:
    torch.manual_seed(0)
    decoder = decoders()[name].eval()

    shapes = check_pair(pair()[0], decoder, from_uint8(samples(3)), LABELS)

    program, _ = captured(decoder, "decoder", shapes)
    assert program.outputs == ("image",)


def test_adapter_is_in_the_mode_of_what_it_wraps() -> None:
    assert adapters.ScaledImages(Encoder(), mean=[0.0], std=[1.0]).training
    assert not adapters.ScaledImages(Encoder().eval(), mean=[0.0], std=[1.0]).training


def test_pair_of_adapters_becomes_a_bundle(tmp_path: Path) -> None:
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(768, 2)).eval()
    encoder = adapters.ScaledImages(
        adapters.SeparateEncoder(Flat(lambda std: std).eval(), classifier, second="log_std"), mean=[0.5], std=[0.5]
    )

    export_modules(
        encoder, decoders()["IndexedDecoder"].eval(), labels=LABELS, images=samples(), out=tmp_path / "adapted"
    )

    assert verify(tmp_path / "adapted").holds
