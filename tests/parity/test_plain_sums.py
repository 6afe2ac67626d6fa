import pytest
import torch
from torch import nn

from vaeport_parity.reference.plain_sums import PlainSums

LAYERS = [
    (nn.Conv2d(4, 6, 3, 2, 1, groups=2), (2, 4, 7, 9)),
    (nn.Conv1d(3, 5, 3, padding=1, dilation=2), (2, 3, 11)),
    (nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1), (2, 4, 5, 6)),
    (nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=2), (2, 4, 5, 6)),
    (nn.ConvTranspose1d(3, 2, 3, 2), (2, 3, 5)),
    (nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4)),
    (nn.Linear(784, 12), (3, 784)),
    (nn.Linear(5, 4, bias=False), (0, 5)),
    (nn.Conv2d(3, 8, 3, 2, 1), (2, 3, 12, 16)),
    (nn.Conv2d(1, 4, 4, 2, 1, bias=False), (2, 1, 8, 8)),
    (nn.Conv2d(2, 3, 3, padding=0), (1, 2, 5, 7)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_plain_sums_are_the_same_layer(layer: nn.Module, shape: tuple[int, ...]) -> None:
    given = torch.rand(shape)

    with torch.no_grad(), PlainSums():  # type: ignore[no-untyped-call]  # torch has no types here
        plain = layer(given)

    with torch.no_grad():
        torch.testing.assert_close(plain, layer(given), rtol=0, atol=1e-5)


def test_terms_are_added_in_their_order() -> None:
    layer = nn.Linear(3, 1, bias=False)
    nn.init.ones_(layer.weight)

    with torch.no_grad(), PlainSums():  # type: ignore[no-untyped-call]  # torch has no types here
        answer = layer(torch.tensor([[1.0, 1e8, -1e8]]))

    assert answer.item() == 0  # the 1 is lost in 1e8 before that is taken away again
