import torch
from torch import Tensor

from tests.train.small import narrow_config
from vaeport_train.data import Dataset
from vaeport_train.objective.augmentation import Views, evaluation_views, training_views
from vaeport_train.randomness import generator


def images(digits: Dataset, n: int = 40) -> Tensor:
    return torch.from_numpy(digits.development.images[:n]).float() / 255


def views(image: Tensor, *settings: str, seed: int = 0, step: int = 0, vae_images: int = 0) -> Views:
    config = narrow_config(*settings).objective
    strength, n = config.augment, vae_images or len(image)
    return training_views(image, config, seed=seed, number=(step, 0), distortion=strength, vae_images=n)


def test_plain_training_shows_the_images_themselves(digits: Dataset) -> None:
    seen = views(images(digits), "objective.augment=0")

    assert all(torch.equal(view, images(digits)) for view in seen)


def test_only_the_classifier_is_shown_distorted_images(digits: Dataset) -> None:
    seen = views(images(digits), "objective.augment=1")

    assert not torch.equal(seen.classified, images(digits))
    assert torch.equal(seen.encoded, images(digits))
    assert torch.equal(seen.target, images(digits))


def test_distorted_images_stay_images(digits: Dataset) -> None:
    seen = views(images(digits), "objective.augment=1").classified

    assert seen.shape == images(digits).shape
    assert 0 <= seen.min().item() <= seen.max().item() <= 1
    torch.testing.assert_close(seen.mean(), images(digits).mean(), rtol=0.2, atol=0)


def test_views_belong_to_seed_and_step(digits: Dataset) -> None:
    first, again, later, other = (
        views(images(digits), "objective.augment=1", seed=seed, step=step).classified
        for seed, step in ((0, 5), (0, 5), (0, 6), (1, 5))
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert not torch.equal(first, other)


def test_binarised_target_is_bits_with_the_pixels_as_probabilities(digits: Dataset) -> None:
    grey = images(digits, 1).expand(4000, -1, -1, -1)

    target = views(grey, "objective.binarise=true").target

    assert set(target.flatten().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(target.mean(0), grey[0], rtol=0, atol=0.05)


def test_nothing_is_distorted_when_measuring(digits: Dataset) -> None:
    seen = evaluation_views(images(digits), narrow_config("objective.augment=1").objective, generator(0, "evaluation"))

    assert all(torch.equal(view, images(digits)) for view in seen)


def test_vae_is_shown_the_first_images_and_the_classifier_all(digits: Dataset) -> None:
    seen = views(images(digits), "objective.augment=0", vae_images=10)

    assert torch.equal(seen.classified, images(digits))
    assert torch.equal(seen.encoded, images(digits)[:10])
    assert torch.equal(seen.target, images(digits)[:10])
