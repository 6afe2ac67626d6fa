"""What a network of a stranger's configuration would cost, found on the meta device before memory is asked for."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vaeport.errors import InputError

from ..networks.registry import kind_of
from ..networks.vae import ConditionalVAE
from .tensor_file import TensorEntry, TensorHeader

MAX_ROW_VALUES = 2**24
"""Values that a layer of a bundle's network may answer with to one image: 64 channels of 512 x 512."""
MAX_ROW_OPERATIONS = 25 * 10**9
"""Additions and multiplications that a bundle's network may cost an image, twice those of a ResNet-50."""

_ROWS = 2
_OWN = "own"
_PACKAGE = "vaeport_train."


def misfit(network: ConditionalVAE, header: TensorHeader) -> str:
    """How the tensors that a network needs differ from those that a file has, by name, shape and type.

    Args:
        network: it may be on the meta device.
        header: the file's.

    Returns:
        Some words about the first difference; empty where there is none.
    """
    needed = {name: TensorEntry(tensor.dtype, tuple(tensor.shape)) for name, tensor in network.state_dict().items()}
    for name, entry in needed.items():
        given = header.tensors.get(name)
        if given is None:
            return f"it has no {name}"
        if given.shape != entry.shape:
            return f"{name} is {list(given.shape)}, not {list(entry.shape)}"
        if given.dtype != entry.dtype:
            return f"{name} is {given.dtype}, not {entry.dtype}"
    extra = [name for name in header.tensors if name not in needed]
    return f"it has {extra[0][:60]!a}, which no network of this configuration has" if extra else ""


def outline(build: Callable[[], ConditionalVAE], kind: str) -> ConditionalVAE | None:
    """A network on the meta device: with shapes and no values.

    Args:
        build: makes the network; it draws no random numbers that anybody would miss.
        kind: the kind of network.

    Returns:
        The network; None for kinds that cannot be built so: networks of one's own, and kinds of other packages whose
        code needs values.

    Raises:
        InputError: the networks cannot be built for these shapes.
    """
    if kind == _OWN:
        return None
    try:
        with torch.device("meta"):
            return build()
    except InputError:
        raise
    except Exception as error:
        if kind_of(kind).module.startswith(_PACKAGE):
            said = " ".join(str(error).split())[:200]
            raise InputError(f"its network cannot be built: {said}") from error
        return None


def check_costs(network: ConditionalVAE) -> None:
    """Refuse a network whose answers to one image would take much more memory or time than images are worth.

    Args:
        network: on the meta device, in evaluation mode.

    Raises:
        InputError: it is beyond `MAX_ROW_VALUES` or `MAX_ROW_OPERATIONS`, or cannot run at all.
    """
    most = 0

    def measured(_module: nn.Module, _inputs: Any, answer: Any) -> None:
        nonlocal most
        for each in answer if isinstance(answer, tuple) else (answer,):
            most = max(most, each.numel() // _ROWS) if isinstance(each, Tensor) else most

    hooks = [module.register_forward_hook(measured) for module in network.modules()]
    try:
        with torch.no_grad(), torch.device("meta"), FlopCounterMode(display=False) as counter:
            image = torch.zeros(_ROWS, *network.shapes.image)
            class_probs = network.classify(image).softmax(dim=1)
            network.decode(network.encode(image, class_probs).z_mean, class_probs)
    except Exception as error:
        raise InputError(f"its network cannot run: {' '.join(str(error).split())[:200]}") from error
    finally:
        for hook in hooks:
            hook.remove()
    if most > MAX_ROW_VALUES:
        raise InputError(f"a layer of its network has {most} values for each image, more than {MAX_ROW_VALUES}")
    if (operations := counter.get_total_flops() // _ROWS) > MAX_ROW_OPERATIONS:
        raise InputError(f"its network takes {operations} operations for each image, more than {MAX_ROW_OPERATIONS}")
