import pytest
import torch
from torch import Tensor

from tests.train.small import narrow_config
from vaeport.contract import Shapes
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.networks.mlp import MlpEncoder
from vaeport_train.networks.vae import ConditionalVAE, Posterior, initialise

MNIST = Shapes((1, 28, 28), 10, 10)


def network(*settings: str, preset: str = "mlp", image: tuple[int, int, int] = (1, 28, 28)) -> ConditionalVAE:
    config = narrow_config(*settings, preset=preset).network
    torch.manual_seed(0)
    return ConditionalVAE(config, Shapes(image, config.latent_dim, 10))


def encoder_of(made: ConditionalVAE) -> MlpEncoder:
    assert isinstance(made.encoder, MlpEncoder)
    return made.encoder


def images(n: int, image: tuple[int, int, int] = (1, 28, 28)) -> Tensor:
    return torch.rand(n, *image, generator=torch.Generator().manual_seed(0))


def uniform(n: int) -> Tensor:
    return torch.full((n, 10), 0.1)


@pytest.mark.parametrize("preset", ["mlp", "blog"])
@pytest.mark.parametrize("image", [(1, 28, 28), (3, 8, 6)])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_networks_keep_the_contracts_shapes(n: int, image: tuple[int, int, int], preset: str) -> None:
    made = network(preset=preset, image=image)

    logits = made.classify(images(n, image))
    posterior = made.encode(images(n, image), uniform(n))
    decoded = made.decode(posterior.z_mean, uniform(n))

    assert logits.shape == (n, 10)
    assert posterior.z_mean.shape == posterior.z_logvar.shape == (n, 4)
    assert decoded.shape == (n, *image)


def test_blog_has_as_many_parameters_as_the_article() -> None:
    made = ConditionalVAE(load_preset("blog").network, MNIST)
    pixels, hidden, z, classes = 784, 128, 10, 10

    encoder = (pixels * hidden + hidden) + (hidden * 2 * z + 2 * z)
    classifier = (pixels * hidden + hidden) + (hidden * classes + classes)
    decoder = ((z + classes) * hidden + hidden) + (hidden * pixels + pixels)
    assert sum(weight.numel() for weight in made.parameters()) == encoder + classifier + decoder == 308_654


def test_blog_adds_its_floor_to_the_variance() -> None:
    made = network(preset="blog")
    linear = encoder_of(made).layers(images(5).flatten(1))[:, made.latent_dim :]

    variance = made.encode(images(5), uniform(5)).z_logvar.exp()

    torch.testing.assert_close(variance, 1e-5 + linear.exp())


def test_variance_never_falls_below_the_floor() -> None:
    made = network(preset="blog")
    torch.nn.init.constant_(encoder_of(made).get_parameter("layers.2.bias"), -200.0)

    assert made.encode(images(2), uniform(2)).z_logvar.min().exp().item() == pytest.approx(1e-5)


def test_without_a_floor_the_log_variance_is_the_linear_layer() -> None:
    made = network("network.variance_floor=0", preset="blog")

    linear = encoder_of(made).layers(images(5).flatten(1))[:, made.latent_dim :]

    assert torch.equal(made.encode(images(5), uniform(5)).z_logvar, linear)


@pytest.mark.parametrize(("preset", "matters"), [("mlp", True), ("blog", False)])
def test_class_matters_only_to_an_encoder_that_sees_it(preset: str, matters: bool) -> None:
    made = network(preset=preset)

    means = [made.encode(images(1), torch.eye(10)[[label]]).z_mean for label in (0, 1)]

    assert torch.equal(*means) is not matters


def test_sample_is_mean_plus_deviation_times_noise() -> None:
    posterior = Posterior(torch.tensor([[1.0, -2.0]]), torch.tensor([[4.0, 9.0]]).log())

    assert posterior.sample(torch.tensor([[0.5, -1.0]])).tolist() == [[2.0, -5.0]]


def test_glorot_bounds_the_weights_and_zeroes_the_biases() -> None:
    layer = torch.nn.Linear(30, 10)

    initialise(layer, "glorot")

    assert layer.weight.abs().max().item() <= (6 / 40) ** 0.5
    assert layer.weight.std().item() == pytest.approx((2 / 40) ** 0.5, rel=0.2)
    assert torch.equal(layer.bias, torch.zeros(10))
