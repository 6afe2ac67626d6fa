"""Anybody's pair of modules becomes a bundle that verifies, runs, and is proven without its author's code."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import vaeport
from tests.export.material import sealed_again
from tests.export.strangers import LABELS, files, pair, samples
from vaeport.bundle.opening import open_bundle
from vaeport.checks.verification import verify
from vaeport.errors import BundleError, InputError
from vaeport.images.scaling import from_uint8
from vaeport_export import adapters, export_modules
from vaeport_export.bundle.original import read_original
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.comparison import compare


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a stranger's pair with 120 labelled samples. Only to be read."""
    encoder, decoder = pair()
    out = tmp_path_factory.mktemp("pets") / "pets"
    classes = [LABELS[row % 2] for row in range(120)]
    export_modules(
        encoder, decoder, labels=LABELS, images=samples(120), image_labels=classes, precisions=("fp16",), out=out
    )
    return out


def test_bundle_is_laid_out_as_the_contract_has_it(pets: Path) -> None:
    assert {name for name in files(pets) if "/" not in name or name.startswith("checkpoint/")} == {
        "README.md",
        "bundle.json",
        "checkpoint/decoder.json",
        "checkpoint/encoder_classifier.json",
        "checkpoint/model.safetensors",
        "golden.npz",
        "parity.json",
        "reconstructions.png",
        "samples.png",
    }


def test_bundle_verifies_in_every_precision(pets: Path) -> None:
    assert open_bundle(pets).manifest.precisions == ("fp32", "fp16")
    assert verify(pets).holds


def test_runtime_answers_as_the_modules_do(pets: Path) -> None:
    encoder, decoder = pair()
    image = torch.from_numpy(from_uint8(samples(7)))

    model = vaeport.load(pets, threads=1)

    with torch.no_grad():
        mean, _, probs = encoder(image)
        drawn = decoder(mean, probs)
    encoded = model.encode(samples(7))
    np.testing.assert_allclose(encoded.z_mean, mean.numpy(), atol=1e-6)
    np.testing.assert_allclose(model.reconstruct(samples(7)).drawings.pixels, drawn.numpy(), atol=1e-5)


def test_manifest_holds_figures_scale_and_source(pets: Path) -> None:
    manifest = open_bundle(pets).manifest

    figures = manifest.evaluation["samples"]
    with torch.no_grad():
        probs = pair()[0](torch.from_numpy(from_uint8(samples(120))))[2]
    assert figures["classification_errors"] == int((probs.argmax(1).numpy() != np.arange(120) % 2).sum())
    assert manifest.anomaly is not None
    assert manifest.anomaly.images == 120
    assert manifest.training == {
        "made_from": {"encoder_classifier": "PyTorch module `Encoder`", "decoder": "PyTorch module `Decoder`"}
    }


def test_card_says_what_the_networks_are(pets: Path) -> None:
    card = (pets / "README.md").read_text()

    for told in (
        "PyTorch module `Encoder`",
        "120 images, with classes",
        "| samples | 120 |",
        "![samples](samples.png)",
    ):
        assert told in card


def test_parity_holds_where_the_authors_code_does_not_exist(pets: Path) -> None:
    program = textwrap.dedent(f"""
        import sys
        from vaeport.bundle.opening import open_bundle
        from vaeport_export.bundle.subject import subject_of
        from vaeport_parity.comparison import compare
        report = compare(subject_of(open_bundle({str(pets)!r})), "own", isolated=False)
        assert not [name for name in sys.modules if "strangers" in name]
        sys.exit(0 if report.holds else str(report))
    """)

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/")

    assert (done.returncode, done.stderr) == (0, "")


def test_parity_finds_a_weight_that_was_changed_in_the_original(pets: Path, tmp_path: Path) -> None:
    bundle = open_bundle(pets)
    subject = subject_of(bundle)
    module = subject.graphs[1].reference.module  # type: ignore[attr-defined]
    with torch.no_grad():
        module.get_parameter("spread.weight")[0, 0] += 0.01

    report = compare(subject, "onnxruntime-all", isolated=False, locate=False)

    assert not report.holds


def test_same_pair_exports_to_the_same_bytes(pets: Path, tmp_path: Path) -> None:
    encoder, decoder = pair()
    out = tmp_path / "pets"
    classes = np.arange(120) % 2

    export_modules(
        encoder, decoder, labels=LABELS, images=samples(120), image_labels=classes, precisions=("fp16",), out=out
    )

    assert files(out) == files(pets)


def test_weights_that_are_equal_are_kept_once(tmp_path: Path) -> None:
    encoder, decoder = pair()
    with torch.no_grad():
        decoder.get_parameter("spread.bias")[:] = 0
        encoder.get_parameter("mean.bias")[:] = encoder.get_parameter("logvar.bias")[:]
    export_modules(encoder, decoder, labels=LABELS, images=samples(4), out=tmp_path / "b")

    original = read_original(open_bundle(tmp_path / "b"))

    keys = original.programs["encoder_classifier"].keys
    assert keys["mean.bias"] == keys["logvar.bias"]
    assert len(original.weights) == len({tuple(w.flatten().tolist()) for w in original.weights.values()})


def test_pair_without_labels_has_no_accuracy(tmp_path: Path) -> None:
    encoder, decoder = pair()

    exported = export_modules(
        encoder, decoder, labels=LABELS, images=samples(100), precisions=("fp16", "int8"), out=tmp_path / "b"
    )

    manifest = open_bundle(tmp_path / "b").manifest
    assert manifest.evaluation == {}
    assert manifest.precision_figures["fp16"]["error"] is None
    assert manifest.precision_figures["fp16"]["images"] == 75
    assert [each.name for each in exported.precisions if each.missed] == ["int8"]  # such small graphs do not shrink
    assert "of another class than fp32" in (tmp_path / "b" / "README.md").read_text()


class Flat(nn.Module):
    """A VAE's encoder without classes."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat = x.flatten(1)
        return flat[:, :3] * 2, flat[:, 3:6] - 1


def test_vae_without_classes_has_one_class_and_every_verb(tmp_path: Path) -> None:
    torch.manual_seed(0)
    drawing = nn.Sequential(nn.Linear(3, 64), nn.Tanh())
    decoder = adapters.SymmetricPixels(adapters.UnconditionalDecoder(drawing), image=(1, 8, 8)).eval()
    images = np.random.default_rng(0).random((120, 8, 8))

    export_modules(adapters.Unclassified(Flat()).eval(), decoder, labels=["thing"], images=images, out=tmp_path / "one")

    model = vaeport.load(tmp_path / "one", threads=1)
    assert verify(tmp_path / "one").holds
    assert model.classify(images[0])[0].label == "thing"
    assert model.generate("thing", 3, seed=1).pixels.shape == (3, 1, 8, 8)
    assert model.reconstruct(images[:2]).drawings.pixels.shape == (2, 1, 8, 8)
    assert model.restyle(images[:2]).pixels.shape[:2] == (2, 1)
    assert model.style_grid(2, seed=0).pixels.shape[:2] == (2, 1)
    assert model.interpolate(images[0], images[1], 3).pixels.shape[0] == 3
    assert (model.anomaly_score(images).percentile >= 0).all()
    assert len(model.sample_dataset(4, seed=0).labels) == 4


@pytest.mark.parametrize("lost", ["decoder.json", "model.safetensors"])
def test_checkpoint_that_lacks_a_file_is_refused(lost: str, pets: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(pets, tmp_path / "pets"))
    (copy / "checkpoint" / lost).unlink()

    with pytest.raises(BundleError, match="checkpoint/ holds no"):
        read_original(open_bundle(sealed_again(copy)))


def test_program_of_another_network_is_refused(pets: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(pets, tmp_path / "pets"))
    shutil.copy(copy / "checkpoint" / "encoder_classifier.json", copy / "checkpoint" / "decoder.json")

    with pytest.raises(BundleError, match="the original of decoder"):
        read_original(open_bundle(sealed_again(copy)))


def test_bundle_without_its_checkpoint_points_to_verify(pets: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(pets, tmp_path / "pets"))
    shutil.rmtree(copy / "checkpoint")

    with pytest.raises(InputError, match="vaeport verify"):
        read_original(open_bundle(copy))


class Recurrent(nn.Module):
    """A GRU over the rows of an image; onnxruntime ends the whole process on an empty batch of it."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 6, batch_first=True)
        self.head = nn.Linear(6, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        last = self.head(self.gru(x.squeeze(1))[1][0])
        return last[:, :3], last[:, 3:6], last[:, 6:].softmax(-1)


class Upsampling(nn.Module):
    """Bilinear upsampling behind weight normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.utils.parametrizations.weight_norm(nn.Linear(5, 64))
        self.last = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        coarse = self.spread(torch.cat([z, y], -1)).view(-1, 4, 4, 4)
        logits: Tensor = self.last(functional.interpolate(coarse, scale_factor=2, mode="bilinear"))
        return logits.sigmoid()


def test_recurrent_and_upsampling_networks_become_a_bundle(tmp_path: Path) -> None:
    torch.manual_seed(0)
    images = np.random.default_rng(0).random((5, 8, 8))

    export_modules(Recurrent().eval(), Upsampling().eval(), labels=LABELS, images=images, out=tmp_path / "b")

    assert verify(tmp_path / "b").holds
    assert vaeport.load(tmp_path / "b", threads=1).encode(images[:0]).z_mean.shape == (0, 3)
