from pathlib import Path

import numpy as np
import pytest
import torch

from tests.train.small import few_digits
from vaeport.contract import Shapes
from vaeport.errors import InputError
from vaeport_train.configuration.config import RunConfig
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.data import dataset_of_arrays
from vaeport_train.evaluation import evaluate
from vaeport_train.networks.towers import ConvClassifier
from vaeport_train.networks.vae import ConditionalVAE
from vaeport_train.running import trainer
from vaeport_train.running.history import load_history
from vaeport_train.running.run import fit, resume

NARROW = (
    "network.encoder_channels=[4, 6]",
    "network.decoder_channels=[6, 5, 4]",
    "network.decoder_hidden=16",
    "network.tower_layers=[[4, 3, 2], [5, 3, 2]]",
    "network.latent_dim=3",
    "training.threads=1",
    "training.batch_size=50",
    "training.epochs=2",
)


def narrow_conv(*settings: str) -> RunConfig:
    return load_preset("conv", [*NARROW, *settings])


def _network(shapes: Shapes, *settings: str) -> ConditionalVAE:
    torch.manual_seed(0)
    return ConditionalVAE(narrow_conv(*settings).network, shapes).eval()


@pytest.mark.parametrize("image", [(1, 28, 28), (3, 16, 24)])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_outputs_have_the_shapes_of_the_contract(n: int, image: tuple[int, int, int]) -> None:
    network = _network(Shapes(image, 3, 5))
    pixels, probs = torch.rand(n, *image), torch.full((n, 5), 0.2)

    with torch.no_grad():
        posterior = network.encode(pixels, probs)
        outputs = (*posterior, network.classify(pixels), network.decode(posterior.z_mean, probs))

    assert [tuple(output.shape) for output in outputs] == [(n, 3), (n, 3), (n, 5), (n, *image)]


def test_images_whose_size_cannot_be_halved_twice_are_refused() -> None:
    with pytest.raises(InputError, match="30 x 28 must be multiples of 4"):
        _network(Shapes((1, 30, 28), 3, 5))


def test_images_that_the_towers_use_up_are_refused() -> None:
    with pytest.raises(InputError, match="8 x 28 are too small for network.tower_layers"):
        _network(Shapes((1, 8, 28), 3, 5), "network.tower_layers=[[4, 5, 1], [4, 5, 1]]")


def test_classifier_is_the_mean_of_its_towers_scaled() -> None:
    classifier = _network(Shapes((1, 16, 16), 3, 5)).classifier
    assert isinstance(classifier, ConvClassifier)
    image = torch.rand(3, 1, 16, 16)

    with torch.no_grad():
        classifier.scale.fill_(1.5)
        mean = classifier.each(image).log_softmax(2).mean(0)
        torch.testing.assert_close(classifier(image), 1.5 * mean)


def test_run_that_died_after_an_epoch_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = few_digits(300, held_out=100)
    whole = fit(tmp_path / "whole", "conv", narrow_conv(), digits)
    real, calls = evaluate, []

    def dies_in_the_second_epoch(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "evaluate", dies_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "died", "conv", narrow_conv(), digits)
    resume(tmp_path / "died", digits)

    assert (tmp_path / "died" / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_last_batch_of_one_image_joins_the_one_before(tmp_path: Path) -> None:
    run = fit(tmp_path / "run", "conv", narrow_conv("training.epochs=1"), few_digits(151, held_out=50))

    assert load_history(run, epochs=1)[0].step == 2


@pytest.mark.parametrize(
    ("settings", "image", "problem"),
    [
        (["training.batch_size=1"], (1, 28, 28), "training.batch_size=1 is too small .*; take at least 2"),
        ([], (1, 30, 28), "must be multiples of 4"),
    ],
)
@pytest.mark.parametrize("existed", [False, True])
def test_networks_that_do_not_fit_leave_nothing_behind(
    existed: bool, settings: list[str], image: tuple[int, int, int], problem: str, tmp_path: Path
) -> None:
    pixels = np.zeros((40, *image), np.uint8)
    data = dataset_of_arrays(pixels, np.arange(40) % 4)
    if existed:
        (tmp_path / "run").mkdir()

    with pytest.raises(InputError, match=problem):
        fit(tmp_path / "run", "conv", narrow_conv(*settings), data)

    assert list(tmp_path.iterdir()) == ([tmp_path / "run"] if existed else [])
    assert not existed or not list((tmp_path / "run").iterdir())
