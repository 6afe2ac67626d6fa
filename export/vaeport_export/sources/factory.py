"""A pair from a stranger's own Python file, with weights from a file of tensors."""

import re
from pathlib import Path
from typing import Any

from torch import nn

from vaeport.contract import DECODER, ENCODER_CLASSIFIER
from vaeport.errors import InputError
from vaeport_parity.reference.loading import load_object, load_weights

_FACTORY = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)")


def load_pair(source: str, weights: str | None = None) -> tuple[nn.Module, nn.Module]:
    """Encoder with classifier, and decoder, from `FILE.py:NAME`; the file is run.

    Args:
        source: the name is a function without arguments that returns the pair, or the pair itself; or an object with
            the attributes `encoder_classifier` and `decoder`.
        weights: file of weights, `.safetensors` or tensors in a `.pt`; for a pair its keys begin with
            `encoder_classifier.` and `decoder.`, for one module they are that module's own.

    Raises:
        InputError: no such file or name, it raises, gives no pair, or the weights do not fit.
    """
    matched = _FACTORY.fullmatch(source)
    if matched is None:
        raise InputError(f"{source} names no object; add the name of a function in it, as {source}:build")
    made = load_object(Path(matched["file"]), matched["name"])
    if callable(made) and not isinstance(made, nn.Module):
        made = _called(made, source)
    pair, whole = _pair(made, source)
    if weights is not None:
        load_weights(whole, Path(weights), source)
    return pair


def _called(factory: Any, source: str) -> Any:
    try:
        return factory()
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"{source} raises {type(error).__name__} when it is called without arguments: {said}"
        ) from error


def _pair(made: Any, source: str) -> tuple[tuple[nn.Module, nn.Module], nn.Module]:
    """The pair, and the module that weights are loaded into."""
    if isinstance(made, tuple | list) and len(made) == 2:
        pair = made[0], made[1]
        whole: nn.Module | None = None
    elif hasattr(made, ENCODER_CLASSIFIER) and hasattr(made, DECODER):
        pair = getattr(made, ENCODER_CLASSIFIER), getattr(made, DECODER)
        whole = made if isinstance(made, nn.Module) else None
    else:
        raise InputError(
            f"{source} gives {_kind(made)}, but must give two modules, (encoder_classifier, decoder), or a function "
            "that returns them"
        )
    for name, module in zip((ENCODER_CLASSIFIER, DECODER), pair, strict=True):
        if not isinstance(module, nn.Module):
            raise InputError(f"{source} gives {_kind(module)} as {name}, but must give an nn.Module")
    return pair, whole or _Both(*pair)


def _kind(value: Any) -> str:
    size = f" of {len(value)}" if isinstance(value, tuple | list) else ""
    return f"{type(value).__name__}{size}"


class _Both(nn.Module):
    """Names both modules as their weights' file does."""

    def __init__(self, encoder_classifier: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder_classifier = encoder_classifier
        self.decoder = decoder
