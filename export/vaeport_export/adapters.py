"""Small modules that bring networks of other habits to the contract.

The contract wants an encoder with a classifier, image [N, C, H, W] in [0, 1] -> (z_mean, z_logvar, class_probs), and a
decoder, (z, class_probs) -> image in [0, 1]. Wrap what differs, in any combination:

>>> from torch import nn
>>> from vaeport_export import adapters
>>> encoder = adapters.SeparateEncoder(nn.Flatten(), nn.Flatten(), second="std")  # two networks in place of one
>>> decoder = adapters.PixelLogits(adapters.ConcatenatedDecoder(nn.Linear(12, 784)), image=(1, 28, 28))

Every adapter is an `nn.Module`; it takes over the mode of what it wraps, so call `.eval()` on that first.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vaeport.errors import InputError

Second = Literal["logvar", "var", "std", "log_std"]
"""What an encoder gives beside the mean: log-variance, variance, standard deviation, or its logarithm."""

_LEAST = 1e-20


class SeparateEncoder(nn.Module):
    """An encoder and a classifier that are two networks.

    >>> import torch
    >>> from torch import nn
    >>> from vaeport_export.adapters import SeparateEncoder
    >>> class Encoder(nn.Module):
    ...     def forward(self, x):
    ...         flat = x.flatten(1)
    ...         return flat[:, :2], flat[:, 2:4].abs()  # mean, standard deviation
    >>> classifier = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))  # logits
    >>> pair = SeparateEncoder(Encoder().eval(), classifier.eval(), second="std")
    >>> [tuple(answer.shape) for answer in pair(torch.rand(5, 1, 4, 4))]
    [(5, 2), (5, 2), (5, 3)]
    """

    def __init__(
        self, encoder: nn.Module, classifier: nn.Module, *, second: Second = "logvar", logits: bool = True
    ) -> None:
        """Join them.

        Args:
            encoder: image -> (mean, second), each [N, Z]; further outputs, such as a sample, are left out.
            classifier: image -> logits or probabilities [N, K].
            second: what the encoder's second output is.
            logits: whether the classifier gives logits, and not probabilities.
        """
        super().__init__()
        _check_choice("second", second, ("logvar", "var", "std", "log_std"))
        self.encoder = encoder
        self.classifier = classifier
        self.second = second
        self.logits = logits
        self.train(encoder.training or classifier.training)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Answers of the contract."""
        mean, second = _pair(self.encoder(image))
        probs: Tensor = self.classifier(image)
        return mean, _logvar(second, self.second), probs.softmax(dim=1) if self.logits else probs


class Unclassified(nn.Module):
    """The encoder of a VAE without classes: one class, whose probability is 1.

    >>> import torch
    >>> from vaeport_export.adapters import Unclassified
    >>> class Encoder(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.flatten(1)[:, :2], x.flatten(1)[:, 2:4]
    >>> Unclassified(Encoder().eval())(torch.rand(3, 1, 4, 4))[2].tolist()
    [[1.0], [1.0], [1.0]]
    """

    def __init__(self, encoder: nn.Module, *, second: Second = "logvar") -> None:
        """Wrap an encoder; arguments as of `SeparateEncoder`. Export it with one label, `labels=["image"]`."""
        super().__init__()
        _check_choice("second", second, ("logvar", "var", "std", "log_std"))
        self.encoder = encoder
        self.second = second
        self.train(encoder.training)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Answers of the contract."""
        mean, second = _pair(self.encoder(image))
        return mean, _logvar(second, self.second), torch.ones_like(mean[:, :1])


class UnconditionalDecoder(nn.Module):
    """A decoder that takes the latent alone.

    >>> import torch
    >>> from vaeport_export.adapters import UnconditionalDecoder
    >>> decoder = UnconditionalDecoder(torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Sigmoid()), image=(1, 4, 4))
    >>> tuple(decoder.eval()(torch.zeros(3, 2), torch.ones(3, 1)).shape)
    (3, 1, 4, 4)
    """

    def __init__(self, decoder: nn.Module, *, image: Sequence[int] | None = None) -> None:
        """Wrap a decoder.

        Args:
            decoder: z [N, Z] -> image.
            image: channels, height and width, where the decoder gives rows of pixels.
        """
        super().__init__()
        self.decoder = decoder
        self.image = _image(image)
        self.train(decoder.training)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:  # noqa: ARG002 - the contract's second input
        """The image; the class does not matter."""
        return _shaped(self.decoder(z), self.image)


class ConcatenatedDecoder(nn.Module):
    """A decoder over one vector: latent and class probabilities side by side.

    >>> import torch
    >>> from vaeport_export.adapters import ConcatenatedDecoder
    >>> decoder = ConcatenatedDecoder(torch.nn.Linear(2 + 3, 16), image=(1, 4, 4))
    >>> tuple(decoder.eval()(torch.zeros(5, 2), torch.eye(3)[[0, 1, 2, 0, 1]]).shape)
    (5, 1, 4, 4)
    """

    def __init__(
        self,
        decoder: nn.Module,
        *,
        order: Literal["z, class", "class, z"] = "z, class",
        image: Sequence[int] | None = None,
    ) -> None:
        """Wrap a decoder.

        Args:
            decoder: [N, Z + K] -> image.
            order: what stands first in the vector.
            image: channels, height and width, where the decoder gives rows of pixels.
        """
        super().__init__()
        _check_choice("order", order, ("z, class", "class, z"))
        self.decoder = decoder
        self.order = order
        self.image = _image(image)
        self.train(decoder.training)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """The image."""
        parts = (z, class_probs) if self.order == "z, class" else (class_probs, z)
        return _shaped(self.decoder(torch.cat(parts, dim=1)), self.image)


class IndexedDecoder(nn.Module):
    """A decoder that takes the class as an index, for an embedding for instance; the most probable class is drawn.

    >>> import torch
    >>> from vaeport_export.adapters import IndexedDecoder
    >>> class Decoder(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.table = torch.nn.Embedding(3, 16)
    ...     def forward(self, z, y):
    ...         return self.table(y).sigmoid()
    >>> decoder = IndexedDecoder(Decoder().eval(), image=(1, 4, 4))
    >>> tuple(decoder(torch.zeros(2, 2), torch.eye(3)[:2]).shape)
    (2, 1, 4, 4)
    """

    def __init__(self, decoder: nn.Module, *, image: Sequence[int] | None = None) -> None:
        """Wrap a decoder.

        Args:
            decoder: z [N, Z], class int64 [N] -> image.
            image: channels, height and width, where the decoder gives rows of pixels.
        """
        super().__init__()
        self.decoder = decoder
        self.image = _image(image)
        self.train(decoder.training)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """The image of the most probable class."""
        return _shaped(self.decoder(z, class_probs.argmax(dim=1)), self.image)


class PixelLogits(nn.Module):
    """A decoder that gives logits: a sigmoid makes them pixels.

    >>> import torch
    >>> from vaeport_export.adapters import ConcatenatedDecoder, PixelLogits
    >>> decoder = PixelLogits(ConcatenatedDecoder(torch.nn.Linear(5, 16)), image=(1, 4, 4)).eval()
    >>> image = decoder(torch.zeros(1, 2), torch.eye(3)[:1])
    >>> bool((image >= 0).all() and (image <= 1).all())
    True
    """

    def __init__(self, decoder: nn.Module, *, image: Sequence[int] | None = None) -> None:
        """Wrap a decoder.

        Args:
            decoder: z, class_probs -> logits.
            image: channels, height and width, where the decoder gives rows of pixels.
        """
        super().__init__()
        self.decoder = decoder
        self.image = _image(image)
        self.train(decoder.training)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """The image."""
        return _shaped(self.decoder(z, class_probs).sigmoid(), self.image)


class SymmetricPixels(nn.Module):
    """A decoder that gives pixels in [-1, 1], as a tanh does.

    >>> import torch
    >>> from vaeport_export.adapters import ConcatenatedDecoder, SymmetricPixels
    >>> net = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.Tanh())
    >>> image = SymmetricPixels(ConcatenatedDecoder(net), image=(1, 4, 4)).eval()(torch.zeros(1, 2), torch.eye(3)[:1])
    >>> bool((image >= 0).all() and (image <= 1).all())
    True
    """

    def __init__(self, decoder: nn.Module, *, image: Sequence[int] | None = None) -> None:
        """Wrap a decoder; arguments as of `PixelLogits`, with pixels in [-1, 1] in place of logits."""
        super().__init__()
        self.decoder = decoder
        self.image = _image(image)
        self.train(decoder.training)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """The image."""
        return _shaped(self.decoder(z, class_probs) * 0.5 + 0.5, self.image)


class NormalisedPixels(nn.Module):
    """A decoder whose pixels are normalised by mean and deviation; what leaves [0, 1] is cut off.

    >>> import torch
    >>> from vaeport_export.adapters import ConcatenatedDecoder, NormalisedPixels
    >>> net = ConcatenatedDecoder(torch.nn.Linear(5, 16), image=(1, 4, 4))
    >>> image = NormalisedPixels(net, mean=[0.1307], std=[0.3081]).eval()(torch.zeros(1, 2), torch.eye(3)[:1])
    >>> bool((image >= 0).all() and (image <= 1).all())
    True
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, decoder: nn.Module, *, mean: Sequence[float], std: Sequence[float], image: Sequence[int] | None = None
    ) -> None:
        """Wrap a decoder.

        Args:
            decoder: z, class_probs -> (pixels - mean) / std.
            mean: one number, or one for each channel.
            std: the same.
            image: channels, height and width, where the decoder gives rows of pixels.
        """
        super().__init__()
        self.decoder = decoder
        self.image = _image(image)
        self.register_buffer("mean", _channels("mean", mean))
        self.register_buffer("std", _channels("std", std))
        self.train(decoder.training)

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """The image."""
        pixels = _shaped(self.decoder(z, class_probs), self.image) * self.std + self.mean
        return pixels.clamp(0, 1)


class ScaledImages(nn.Module):
    """An encoder whose images are scaled by mean and deviation, as torchvision's Normalize does.

    >>> import torch
    >>> from vaeport_export.adapters import ScaledImages, Unclassified
    >>> class Encoder(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.flatten(1)[:, :2], x.flatten(1)[:, 2:4]
    >>> encoder = ScaledImages(Unclassified(Encoder()), mean=[0.5], std=[0.5]).eval()  # to [-1, 1]
    >>> encoder(torch.zeros(1, 1, 4, 4))[0].tolist()
    [[-1.0, -1.0]]
    """

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: nn.Module, *, mean: Sequence[float], std: Sequence[float]) -> None:
        """Wrap an encoder with its classifier.

        Args:
            encoder: (image - mean) / std -> the contract's three answers.
            mean: one number, or one for each channel.
            std: the same; mean 0.5 and deviation 0.5 make [-1, 1].
        """
        super().__init__()
        self.encoder = encoder
        self.register_buffer("mean", _channels("mean", mean))
        self.register_buffer("std", _channels("std", std))
        self.train(encoder.training)

    def forward(self, image: Tensor) -> Any:
        """The encoder's answers."""
        return self.encoder((image - self.mean) / self.std)


def _pair(answer: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(answer, tuple | list) or len(answer) < 2:
        raise InputError("the encoder must give (mean, second), two tensors [N, Z]")
    return answer[0], answer[1]


def _logvar(second: Tensor, kind: Second) -> Tensor:
    if kind == "logvar":
        return second
    if kind == "log_std":
        return second * 2
    logarithm = second.clamp(min=_LEAST).log()
    return logarithm if kind == "var" else logarithm * 2


def _shaped(pixels: Tensor, image: tuple[int, int, int] | None) -> Tensor:
    return pixels if image is None else pixels.reshape(-1, *image)


def _image(sizes: Sequence[int] | None) -> tuple[int, int, int] | None:
    if sizes is None:
        return None
    if len(sizes) != 3 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError(f"image is {tuple(sizes)}, but must be (channels, height, width)")
    channels, height, width = sizes
    return channels, height, width


def _channels(name: str, values: Sequence[float]) -> Tensor:
    tensor = torch.tensor(values, dtype=torch.float32)
    if tensor.numel() not in (1, 3) or (name == "std" and not bool((tensor > 0).all())):
        positive = " above 0" if name == "std" else ""
        raise InputError(f"{name} is {list(values)}, but must be one number{positive}, or one for each channel")
    return tensor.reshape(1, -1, 1, 1)


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(f"{name} is {value!r}, but must be one of {', '.join(map(repr, known))}")
