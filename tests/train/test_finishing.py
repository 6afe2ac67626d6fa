import pytest
import torch

from tests.train.small import few_digits
from tests.train.test_conv import narrow_conv
from vaeport_train.data import Split
from vaeport_train.data.batching import Images
from vaeport_train.networks.vae import ConditionalVAE
from vaeport_train.optimisation.finishing import best_scale, class_means, finish


def network_and_digits() -> tuple[ConditionalVAE, Split]:
    digits = few_digits(300)
    torch.manual_seed(0)
    config = narrow_conv()
    from vaeport.contract import Shapes

    return ConditionalVAE(config.network, Shapes((1, 28, 28), 3, 10)).eval(), digits.development


def test_classes_share_their_mean_latent_and_images_stay_what_they_were() -> None:
    network, split = network_and_digits()
    image, label = Images(split).gather(torch.arange(20))
    one_hot = torch.eye(10)[label]
    assert class_means(network, split).abs().max() > 0.01

    with torch.no_grad():
        before = network.decode(network.encode(image, one_hot).z_mean, one_hot)
        finish(network, split, split)
        after = network.decode(network.encode(image, one_hot).z_mean, one_hot)

    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)
    assert class_means(network, split).abs().max() < 1e-6


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_scale_is_the_one_that_answers_were_drawn_with(scale: float) -> None:
    source = torch.Generator().manual_seed(0)
    logits = torch.randn(200_000, 3, generator=source, dtype=torch.float64)
    label = (scale * logits).softmax(1).multinomial(1, generator=source).squeeze(1)

    assert best_scale(logits, label) == pytest.approx(scale, rel=0.05)
