"""The contract that a pair of modules must keep, checked in seconds; every failure names tensor and remedy."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, GRAPHS, IMAGE, Z_LOGVAR, Z_MEAN, Shapes
from vaeport.errors import CheckFailedError, InputError
from vaeport.model.latents import latents

from .capture import users_line

_ROWS = 7
_OFF_ONE = 1e-3
_SLACK = 1e-6
_SAME_ROW = 1e-3
"""Largest difference, in units of the largest answer, of a row alone from the same row in a batch: kernels round
otherwise by batch, batch statistics change answers at once."""

_SEED = 7


def check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Class names that a bundle can have.

    Raises:
        InputError: none, no strings, empty, unprintable or doubled ones.
    """
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise InputError(f"labels is {labels!r}, but must be a list of class names")
    names = tuple(labels)
    if not names:
        raise InputError(
            "labels is empty; name every class in the order of class_probs (one for a VAE without classes)"
        )
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name or not name.isprintable():
            raise InputError(f"labels[{place}] is {name!r}, but must be a printable text that is not empty")
        if name in names[:place]:
            raise InputError(f"labels holds {name!r} twice; give every class a name of its own")
    return names


def check_module(module: object, graph: str) -> nn.Module:
    """What can be seen without running: a module in evaluation mode, its weights float32 on the CPU and finite.

    Raises:
        InputError: it is no module, or its weights cannot be used as they are.
        CheckFailedError: it is in training mode.
    """
    if not isinstance(module, nn.Module):
        raise InputError(f"{graph} is {type(module).__name__}, but must be an nn.Module or the path of an ONNX file")
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.device.type == "meta":
            raise InputError(f"{graph}: weight {name!r} has no values (device meta); load the weights first")
        if tensor.device.type != "cpu":
            raise InputError(f"{graph}: weight {name!r} is on {tensor.device}; move the module with .cpu()")
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InputError(f"{graph}: weight {name!r} is {kind}, but must be float32; call .float() on the module")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InputError(f"{graph}: weight {name!r} holds NaN or infinity; its training has diverged")
    _check_mode(module, graph)
    return module


def _check_mode(module: nn.Module, graph: str) -> None:
    """Every layer must be in evaluation mode; those whose answers depend on it are named first."""
    training = [(name, type(layer).__name__) for name, layer in module.named_modules() if layer.training]
    if not training:
        return
    telling = [(name, kind) for name, kind in training if "Norm" in kind or "Drop" in kind]
    name, kind = (telling or training)[0]
    what = f"its layer {name!r} ({kind})" if name else "the module"
    raise CheckFailedError(f"{graph}: {what} is in training mode; call .eval() on the module before the export")


def check_pair(
    encoder: Callable[..., Any], decoder: Callable[..., Any], images: NDArray[np.float32], labels: Sequence[str]
) -> Shapes:
    """Run both modules on samples, and check every answer against the contract.

    Args:
        encoder: image [N, C, H, W] -> z_mean, z_logvar, class_probs.
        decoder: z, class_probs -> image.
        images: float32 [N, C, H, W] in [0, 1], at least one.
        labels: class names.

    Returns:
        Sizes of every tensor.

    Raises:
        CheckFailedError: an answer breaks the contract; one sentence that names tensor and remedy.
    """
    rows = np.resize(images, (_ROWS, *images.shape[1:]))
    answers = _run(encoder, ENCODER_CLASSIFIER, [torch.from_numpy(rows)])
    shapes = _encoder_shapes(answers, rows.shape[1:], labels)
    _check_probabilities(answers)
    _check_rows(encoder, ENCODER_CLASSIFIER, [torch.from_numpy(rows)], answers)
    z = torch.cat([answers[0], torch.from_numpy(latents(_SEED, _ROWS, shapes.latent_dim))])
    one_hot = torch.eye(shapes.classes)[torch.arange(_ROWS) % shapes.classes]
    probs = torch.cat([answers[2], one_hot])
    (drawn,) = _run(decoder, DECODER, [z, probs])
    _expect_tensor(DECODER, IMAGE, drawn, (len(z), *shapes.image), "the encoder's images are of this size")
    low, high = float(drawn.min()), float(drawn.max())
    if low < -_SLACK or high > 1 + _SLACK:
        raise CheckFailedError(f"{DECODER}: image has values from {low:.3g} to {high:.3g}, {_range_remedy(low, high)}")
    _check_rows(decoder, DECODER, [z, probs], (drawn,))
    return shapes


def _run(module: Callable[..., Any], graph: str, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Answers, twice the same."""
    first, again = _called(module, graph, inputs), _called(module, graph, inputs)
    for name, answer, other in zip(GRAPHS[graph].outputs, first, again, strict=True):
        if answer.shape == other.shape and not torch.equal(answer, other) and bool(torch.isfinite(answer).all()):
            difference = float((answer - other).abs().max())
            raise CheckFailedError(
                f"{graph}: {name} differs by {difference:.2g} between two runs on the same input; return the mean "
                "instead of a sample, and leave no dropout on (functional.dropout needs training=self.training)"
            )
    return first


def _called(module: Callable[..., Any], graph: str, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    spec = GRAPHS[graph]
    try:
        with torch.no_grad():
            answer = module(*(tensor.clone() for tensor in inputs))
    except Exception as error:
        given = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in zip(spec.inputs, inputs, strict=True))
        said = " ".join(str(error).split())[:200]
        hint = ""
        if "is invalid for input of size" in said:
            hint = f"; take the batch from the input ({spec.inputs[0]}.shape[0], or -1) and never write it as a number"
        elif graph == DECODER:
            hint = f"; the encoder gives z of {inputs[0].shape[1]} dimensions and {inputs[1].shape[1]} classes"
            if "positional argument" in said:
                hint += "; vaeport_export.adapters.UnconditionalDecoder is for a decoder that takes z alone"
        raise CheckFailedError(
            f"{graph} fails on {given}: {type(error).__name__}: {said}{users_line(error)}{hint}"
        ) from error
    answers = (answer,) if isinstance(answer, Tensor) else answer
    wanted = ", ".join(spec.outputs)
    if not isinstance(answers, tuple | list) or not all(isinstance(each, Tensor) for each in answers):
        raise CheckFailedError(f"{graph} answers with {type(answer).__name__}, but must answer with tensors: {wanted}")
    if len(answers) != len(spec.outputs):
        raise CheckFailedError(
            f"{graph} gives {len(answers)} outputs, but must give {len(spec.outputs)}: {wanted}"
            + (
                "; vaeport_export.adapters joins separate encoders and classifiers"
                if graph == ENCODER_CLASSIFIER
                else ""
            )
        )
    for name, tensor in zip(spec.outputs, answers, strict=True):
        if tensor.dtype != torch.float32:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise CheckFailedError(f"{graph}: {name} is {kind}, but must be float32; convert it with .float()")
        if not bool(torch.isfinite(tensor).all()):
            raise CheckFailedError(f"{graph}: {name} holds NaN or infinity on the samples; check weights and scaling")
    return tuple(answers)


def _encoder_shapes(answers: Sequence[Tensor], image: tuple[int, ...], labels: Sequence[str]) -> Shapes:
    mean, logvar, probs = answers
    for name, tensor in zip(GRAPHS[ENCODER_CLASSIFIER].outputs, answers, strict=True):
        if tensor.ndim != 2 or tensor.shape[0] != _ROWS:
            raise CheckFailedError(
                f"{ENCODER_CLASSIFIER}: {name} is {list(tensor.shape)} for {_ROWS} images, but must be [{_ROWS}, "
                f"{'K' if name == CLASS_PROBS else 'Z'}]; flatten it, and keep the batch first"
            )
    sums = [name for name, tensor in zip((Z_MEAN, Z_LOGVAR), (mean, logvar), strict=True) if _is_probabilities(tensor)]
    if sums and not _is_probabilities(probs):
        raise CheckFailedError(
            f"{ENCODER_CLASSIFIER}: rows of the output at {sums[0]}'s place sum to 1, those of class_probs do not; "
            "the order must be z_mean, z_logvar, class_probs"
        )
    if mean.shape != logvar.shape:
        raise CheckFailedError(
            f"{ENCODER_CLASSIFIER}: z_mean is {list(mean.shape)} and z_logvar {list(logvar.shape)}, but both must be "
            "[N, Z]; the order must be z_mean, z_logvar, class_probs"
        )
    if probs.shape[1] != len(labels):
        raise CheckFailedError(
            f"{ENCODER_CLASSIFIER}: class_probs has {probs.shape[1]} columns, but there are {len(labels)} labels "
            f"({', '.join(labels[:5])}{', ...' if len(labels) > 5 else ''}); name every class, in the columns' order"
        )
    channels, height, width = image
    return Shapes((channels, height, width), mean.shape[1], probs.shape[1])


def _check_probabilities(answers: Sequence[Tensor]) -> None:
    probs = answers[2]
    if _is_probabilities(probs):
        return
    low, high, sums = float(probs.min()), float(probs.max()), probs.sum(dim=1)
    logs = _is_probabilities(probs.exp())
    guess = (
        "they look like log-probabilities: take .exp()"
        if logs
        else "they look like logits: add .softmax(dim=1), or use vaeport_export.adapters.SeparateEncoder"
        if low < 0 or high > 1
        else "they look like a softmax over the batch: take softmax(dim=1)"
        if _is_probabilities(probs.T)
        else "they look like sigmoids: divide by their sum, or train with a softmax"
    )
    raise CheckFailedError(
        f"{ENCODER_CLASSIFIER}: rows of class_probs are from {low:.3g} to {high:.3g} and sum to "
        f"{float(sums.min()):.4g} to {float(sums.max()):.4g}, but must be probabilities that sum to 1; {guess}"
    )


def _is_probabilities(tensor: Tensor) -> bool:
    sums = tensor.sum(dim=1)
    return bool((tensor >= -_SLACK).all()) and bool(((sums - 1).abs() <= _OFF_ONE).all())


def _check_rows(module: Callable[..., Any], graph: str, inputs: Sequence[Tensor], whole: Sequence[Tensor]) -> None:
    """Rows must not influence each other, and a batch of one must do."""
    for row in (0, len(inputs[0]) - 1):
        alone = _called(module, graph, [tensor[row : row + 1] for tensor in inputs])
        for name, answer, batch in zip(GRAPHS[graph].outputs, alone, whole, strict=True):
            if answer.shape[1:] != batch.shape[1:] or len(answer) != 1:
                raise CheckFailedError(
                    f"{graph}: {name} is {list(answer.shape)} for one row and {list(batch.shape)} for {len(batch)}; "
                    "keep the batch as the first axis (no squeeze() without dim)"
                )
            difference = float((answer[0] - batch[row]).abs().max())
            if difference > _SAME_ROW * max(1.0, float(batch.abs().max())):
                raise CheckFailedError(
                    f"{graph}: {name} of a row alone differs by {difference:.2g} from the same row in a batch; rows "
                    "influence each other: call .eval(), give BatchNorm track_running_stats=True, and take no mean, "
                    "maximum or softmax over the batch"
                )


def _expect_tensor(graph: str, name: str, tensor: Tensor, expected: tuple[int, ...], why: str) -> None:
    if tuple(tensor.shape) != expected:
        raise CheckFailedError(f"{graph}: {name} is {list(tensor.shape)}, but must be {list(expected)}: {why}")


def _range_remedy(low: float, high: float) -> str:
    if low >= -1 - _SLACK and high <= 1 + _SLACK:
        return "which look like tanh: wrap the decoder in vaeport_export.adapters.SymmetricPixels"
    return (
        "but must be in [0, 1]: wrap the decoder in vaeport_export.adapters.PixelLogits if these are logits, in "
        "adapters.NormalisedPixels if pixels were normalised by mean and deviation"
    )
