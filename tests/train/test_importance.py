import torch
from torch import Tensor

from tests.train.small import narrow_config
from vaeport.contract import Shapes
from vaeport_train.networks.vae import ConditionalVAE, Posterior
from vaeport_train.objective.augmentation import Views
from vaeport_train.objective.importance import importance_weighted
from vaeport_train.objective.losses import compute_losses, reconstruction_nats

SAMPLES = 3
CONFIG = narrow_config("network.decoder_hidden=[]", "network.latent_dim=2", preset="mlp")


def bits(n: int) -> Tensor:
    source = torch.Generator().manual_seed(1)
    return torch.bernoulli(torch.full((1, 1, 4, 4), 0.4).double(), generator=source).expand(n, -1, -1, -1)


def network() -> ConditionalVAE:
    torch.manual_seed(0)
    return ConditionalVAE(CONFIG.network, Shapes((1, 4, 4), 2, 3)).double()


def first_weight(made: ConditionalVAE) -> Tensor:
    return next(made.decoder.parameters())


def gradients(n: int, *, doubly: bool) -> tuple[Tensor, Tensor]:
    """Gradients of -log mean weight in a shared mean and in the decoder, over n noises of one image."""
    made = network()
    mean = torch.tensor([0.7, -0.4], dtype=torch.float64, requires_grad=True)
    logvar = torch.tensor([-0.5, 0.3], dtype=torch.float64, requires_grad=True)
    posterior = Posterior(mean.expand(n, 2), logvar.expand(n, 2))
    noise = torch.randn(SAMPLES, n, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    class_probs = torch.eye(3).double()[torch.ones(n).long()]
    target = bits(SAMPLES * n)

    def reconstruction(decoded: Tensor) -> Tensor:
        return reconstruction_nats(decoded, target, CONFIG.objective)

    if doubly:
        loss = importance_weighted(made, posterior, class_probs, noise, reconstruction)[0].mean()
    else:
        z = posterior.sample(noise)
        nats = reconstruction(made.decode(z.flatten(0, 1), class_probs.repeat(SAMPLES, 1))).view(SAMPLES, n)
        log_q = -0.5 * (noise.square() + posterior.z_logvar).sum(2)
        loss = -(-0.5 * z.square().sum(2) - nats - log_q).logsumexp(0).mean()
    encoder = torch.autograd.grad(loss, (mean, logvar), retain_graph=True)
    return torch.cat(encoder), torch.autograd.grad(loss, first_weight(made))[0]


def test_decoders_gradient_is_that_of_the_bound() -> None:
    torch.testing.assert_close(gradients(200, doubly=True)[1], gradients(200, doubly=False)[1])


def test_encoders_gradient_has_the_mean_of_the_bounds() -> None:
    expected = gradients(400_000, doubly=False)[0]

    torch.testing.assert_close(gradients(400_000, doubly=True)[0], expected, atol=0.02, rtol=0)


def test_one_sample_minimises_the_elbo_in_the_decoder() -> None:
    made, label = network(), torch.ones(5).long()
    views, noise = Views(bits(5), bits(5), bits(5)), torch.randn(1, 5, 2).double()

    several = compute_losses(made, views, label, noise, CONFIG.objective)
    single = compute_losses(made, views, label, noise[0], CONFIG.objective)

    torch.testing.assert_close(several.reconstruction, single.reconstruction)
    weight = first_weight(made)
    first, second = (torch.autograd.grad(losses.surrogate.mean(), weight)[0] for losses in (several, single))
    torch.testing.assert_close(first, second)
