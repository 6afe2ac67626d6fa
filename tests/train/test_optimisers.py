from pathlib import Path

import pytest
import torch

from tests.train.small import narrow_config
from vaeport.contract import Shapes
from vaeport_train.networks.vae import ConditionalVAE
from vaeport_train.optimisation.muon import Muon, orthogonalised
from vaeport_train.optimisation.optimisers import Optimisers

MUON = ("training.optimiser=muon", "network.encoder_hidden=[16, 12]", "network.decoder_hidden=[12, 16]")


def made(*settings: str) -> tuple[ConditionalVAE, Optimisers]:
    torch.manual_seed(0)
    config = narrow_config(*settings)
    network = ConditionalVAE(config.network, Shapes((1, 4, 4), 4, 3))
    return network, Optimisers(network, config.training)


def loss(network: ConditionalVAE) -> torch.Tensor:
    return torch.stack([weight.square().sum() for weight in network.parameters()]).sum()


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (16, 16), (1, 5)])
def test_orthogonalised_matrix_keeps_its_vectors_and_levels_its_values(shape: tuple[int, int]) -> None:
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    levelled = orthogonalised(matrix)

    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    values = u.T @ levelled @ v.T
    assert 0.6 < values.diagonal().min() <= values.diagonal().max() < 1.3
    torch.testing.assert_close(values, values.diagonal().diag(), atol=1e-9, rtol=0)


def test_muon_moves_a_kernel_as_the_matrix_it_is() -> None:
    kernel = torch.nn.Parameter(torch.randn(4, 2, 3, 3))
    matrix = torch.nn.Parameter(kernel.detach().reshape(4, 18).clone())
    for weight in (kernel, matrix):
        weight.grad = torch.arange(72.0).cos().reshape(weight.shape)

    for weight in (kernel, matrix):
        Muon([weight], lr=0.1).step()

    torch.testing.assert_close(kernel.reshape(4, 18), matrix)


def test_each_weight_has_one_optimiser_and_only_hidden_matrices_muon() -> None:
    network, optimisers = made(*MUON, "training.weight_decay=0.1")

    weights = [weight for part in optimisers.parts for group in part.param_groups for weight in group["params"]]
    assert sorted(map(id, weights)) == sorted(map(id, network.parameters()))
    (muon,) = [part for part in optimisers.parts if isinstance(part, Muon)]
    assert [tuple(weight.shape) for weight in muon.param_groups[0]["params"]] == [(12, 16), (16, 12)]


def test_decay_shrinks_the_classifiers_matrices_alone() -> None:
    network, optimisers = made("training.weight_decay=0.5", "training.learning_rate=0.1")
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}

    optimisers.step(0 * loss(network), share=1.0)

    for name, weight in network.named_parameters():
        shrunk = 0.95 if name.startswith("classifier.") and weight.ndim > 1 else 1.0
        torch.testing.assert_close(weight, shrunk * before[name])


def test_gradient_is_bounded() -> None:
    network, optimisers = made("training.gradient_clip=0.5")

    optimisers.step(1000 * loss(network), share=1.0)

    norm = torch.stack([weight.grad.norm() for weight in network.parameters() if weight.grad is not None]).norm()
    assert norm.item() == pytest.approx(0.5, rel=1e-3)


def test_moments_come_back(tmp_path: Path) -> None:
    networks, parts = zip(*(made(*MUON, "training.weight_decay=0.1") for _ in range(2)), strict=True)
    parts[0].step(loss(networks[0]), share=1.0)
    networks[1].load_state_dict(networks[0].state_dict())

    parts[1].load(parts[0].tensors(), tmp_path)
    for network, optimisers in zip(networks, parts, strict=True):
        optimisers.step(loss(network), share=0.5)

    assert all(map(torch.equal, *(network.parameters() for network in networks)))
