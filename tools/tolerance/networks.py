"""Random networks of ten kinds: a kind and a seed decide sizes, weights and activations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

Shape = tuple[int, ...]

_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
}
_HEADS: Mapping[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=-1),
    "tanh": nn.Tanh,
}
_UNITS = (-2.0, 2.0)  # powers of ten between which regressions answer


@dataclass(frozen=True, eq=False)
class Network:
    """One random network."""

    name: str
    """Kind and seed."""
    kind: str
    """A key of `KINDS`."""
    module: nn.Module
    """In evaluation mode, float32, on the CPU."""
    shape: Shape
    """Of one row of its only input `x`, float32."""

    @property
    def weights(self) -> int:
        """How many weights it has."""
        return sum(parameter.numel() for parameter in self.module.parameters())


class Draw:
    """Sizes and parts of one network, drawn one after the other."""

    def __init__(self, kind: str, seed: int) -> None:
        self._random = np.random.default_rng((sum(kind.encode()), seed))

    def size(self, low: int, high: int, *, of: int = 1) -> int:
        """A multiple of `of` from low to high, inclusive."""
        return int(self._random.integers(low // of, high // of + 1)) * of

    def activation(self) -> nn.Module:
        """One of six activations."""
        return _ACTIVATIONS[str(self._random.choice(list(_ACTIVATIONS)))]()

    def head(self) -> nn.Module:
        """What the last layer's answers go through; half of all networks are regressions in units of any size."""
        if self._random.random() < 0.5:
            return _Units(10.0 ** self._random.uniform(*_UNITS))
        return _HEADS[str(self._random.choice(list(_HEADS)))]()


def network(kind: str, seed: int) -> Network:
    """The network of a kind and a seed.

    Args:
        kind: a key of `KINDS`.
        seed: any whole number.
    """
    torch.manual_seed(seed)
    module, shape = KINDS[kind](Draw(kind, seed))
    _spread(module, torch.Generator().manual_seed(seed))
    return Network(f"{kind}-{seed}", kind, module.eval(), shape)


def networks(seeds: int) -> list[Network]:
    """All kinds with the seeds from 0 up, the kinds in turn."""
    return [network(kind, seed) for seed in range(seeds) for kind in KINDS]


def _spread(module: nn.Module, generator: torch.Generator) -> None:
    """Give normalisations statistics, gains and shifts as training leaves them: fresh ones do nothing."""
    for part in module.modules():
        for name in ("weight", "running_var"):
            values = getattr(part, name, None)
            if isinstance(values, Tensor) and values.dim() == 1:
                values.data.copy_(0.5 + torch.rand(values.shape, generator=generator))
        for name in ("bias", "running_mean"):
            values = getattr(part, name, None)
            if isinstance(values, Tensor) and values.dim() == 1:
                values.data.copy_(0.3 * torch.randn(values.shape, generator=generator))


class _Units(nn.Module):
    """Answers in the units of what is predicted."""

    def __init__(self, unit: float) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        return x * self.unit


class _Residual(nn.Module):
    """Adds what its inner layers make to what they are given."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)  # type: ignore[no-any-return]


class _Attention(nn.Module):
    """x [N, L, D] -> [N, L, D]: heads of scaled dot products, written out as exporters meet them."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads, self.project, self.out = heads, nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        rows, length, size = x.shape
        parts = self.project(x).reshape(rows, length, 3, self.heads, size // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
        shares = (queries @ keys.transpose(-2, -1) * (size // self.heads) ** -0.5).softmax(dim=-1)
        return self.out((shares @ values).transpose(1, 2).reshape(rows, length, size))  # type: ignore[no-any-return]


class _Pooled(nn.Module):
    """[N, L, D] -> [N, D]: the mean over positions."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1)


class _Recurrent(nn.Module):
    """x [N, L, D] -> [N, H]: the last answer of a recurrent layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        answers: Tensor = self.layer(x)[0]
        return answers[:, -1]


def _dense(draw: Draw) -> tuple[nn.Module, Shape]:
    sizes = [draw.size(16, 256), *(draw.size(16, 384) for _ in range(draw.size(1, 4)))]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), draw.activation()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], draw.size(3, 32)), draw.head()), (sizes[0],)


def _convolution(draw: Draw) -> tuple[nn.Module, Shape]:
    channels, side = [draw.size(1, 3), draw.size(4, 16), draw.size(8, 32)], draw.size(8, 16, of=2)
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        kernel = draw.size(1, 2) * 2 + 1
        layers += [nn.Conv2d(before, after, kernel, stride=draw.size(1, 2), padding=kernel // 2), draw.activation()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], draw.size(3, 12)), draw.head()]
    return nn.Sequential(*layers, *head), (channels[0], side, side)


def _residual(draw: Draw) -> tuple[nn.Module, Shape]:
    channels, side = draw.size(8, 24), draw.size(6, 12)
    blocks = [
        _Residual(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            draw.activation(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        for _ in range(draw.size(1, 3))
    ]
    head = [nn.Flatten(), nn.Linear(channels * side * side, draw.size(3, 12)), draw.head()]
    return nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), *blocks, draw.activation(), *head), (3, side, side)


def _normalisation(draw: Draw) -> tuple[nn.Module, Shape]:
    size = draw.size(16, 128, of=8)
    layers: list[nn.Module] = []
    for _ in range(draw.size(2, 4)):
        layers += [nn.Linear(size, size), nn.LayerNorm(size), draw.activation()]
    return nn.Sequential(*layers, nn.Linear(size, draw.size(3, 16)), draw.head()), (size,)


def _group_norm(draw: Draw) -> tuple[nn.Module, Shape]:
    channels, side = draw.size(8, 24, of=4), draw.size(6, 12)
    layers: list[nn.Module] = [nn.Conv2d(2, channels, 3, padding=1)]
    for _ in range(draw.size(1, 3)):
        layers += [nn.GroupNorm(4, channels), draw.activation(), nn.Conv2d(channels, channels, 3, padding=1)]
    return nn.Sequential(*layers, nn.Conv2d(channels, draw.size(1, 4), 1)), (2, side, side)


def _attention(draw: Draw) -> tuple[nn.Module, Shape]:
    heads = draw.size(1, 4)
    size, length = heads * draw.size(4, 12), draw.size(4, 12)
    layers: list[nn.Module] = []
    for _ in range(draw.size(1, 2)):
        inner = [nn.LayerNorm(size), nn.Linear(size, 2 * size), draw.activation(), nn.Linear(2 * size, size)]
        layers += [_Residual(nn.LayerNorm(size), _Attention(size, heads)), _Residual(*inner)]
    return nn.Sequential(*layers, _Pooled(), nn.Linear(size, draw.size(3, 12)), draw.head()), (length, size)


def _recurrent(draw: Draw) -> tuple[nn.Module, Shape]:
    layer = (nn.LSTM, nn.GRU, nn.RNN)[draw.size(0, 2)]
    size, hidden, length = draw.size(4, 16), draw.size(8, 48), draw.size(4, 12)
    cell = layer(size, hidden, num_layers=draw.size(1, 2), batch_first=True)
    return nn.Sequential(_Recurrent(cell), nn.Linear(hidden, draw.size(3, 12)), draw.head()), (length, size)


def _upsampling(draw: Draw) -> tuple[nn.Module, Shape]:
    size, channels, side = draw.size(4, 24), draw.size(8, 24, of=4), draw.size(3, 5)
    layers: list[nn.Module] = [nn.Linear(size, channels * side * side), nn.Unflatten(1, (channels, side, side))]
    ways = (
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1),
        nn.Sequential(nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2)),
    )
    for _ in range(2):
        layers += [draw.activation(), ways[draw.size(0, 3)], nn.Conv2d(channels, channels, 3, padding=1)]
    return nn.Sequential(*layers, draw.activation(), nn.Conv2d(channels, 1, 1), nn.Sigmoid()), (size,)


def _depthwise(draw: Draw) -> tuple[nn.Module, Shape]:
    channels, side = draw.size(8, 32, of=8), draw.size(6, 12)
    layers: list[nn.Module] = [nn.Conv2d(1, channels, 3, padding=1)]
    for _ in range(draw.size(1, 3)):
        layers += [
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.BatchNorm2d(channels),
            nn.Hardswish(),
            nn.Conv2d(channels, channels, 1),
        ]
    head = [nn.AvgPool2d(2), nn.Flatten(), nn.Linear(channels * (side // 2) ** 2, draw.size(3, 12)), draw.head()]
    return nn.Sequential(*layers, *head), (1, side, side)


class _Mixed(nn.Module):
    """A convolution's positions go through attention, beside a dense path; both are joined."""

    def __init__(self, draw: Draw, side: int) -> None:
        super().__init__()
        self.size = draw.size(8, 24, of=4)
        self.stem = nn.Sequential(nn.Conv2d(2, self.size, 3, stride=2, padding=1), draw.activation())
        self.attend = _Residual(nn.LayerNorm(self.size), _Attention(self.size, 2))
        self.beside = nn.Sequential(nn.Flatten(), nn.Linear(2 * side * side, self.size), draw.activation())
        self.head = nn.Sequential(nn.Linear(2 * self.size, draw.size(3, 12)), draw.head())

    def forward(self, x: Tensor) -> Tensor:
        positions = self.stem(x).flatten(2).transpose(1, 2)
        joined = torch.cat([self.attend(positions).mean(dim=1), self.beside(x)], dim=1)
        return self.head(joined)  # type: ignore[no-any-return]


def _mixed(draw: Draw) -> tuple[nn.Module, Shape]:
    side = draw.size(6, 12, of=2)
    return _Mixed(draw, side), (2, side, side)


KINDS: Mapping[str, Callable[[Draw], tuple[nn.Module, Shape]]] = {
    "dense": _dense,
    "convolution": _convolution,
    "residual": _residual,
    "normalisation": _normalisation,
    "group-norm": _group_norm,
    "attention": _attention,
    "recurrent": _recurrent,
    "upsampling": _upsampling,
    "depthwise": _depthwise,
    "mixed": _mixed,
}
"""What makes a network's module and the shape of its input's rows, by kind."""
