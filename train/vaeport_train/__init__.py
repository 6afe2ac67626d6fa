"""Train a conditional VAE with a classifier in PyTorch: ours or networks of your own.

>>> import vaeport_train
>>> run = vaeport_train.fit("runs/first", preset="mlp", settings={"training.epochs": 3})
>>> figures = vaeport_train.evaluate(run.folder)
>>> checkpoint = vaeport_train.load_checkpoint(run.folder)
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import Run, evaluate, fit, judge, resume
    from .data import Dataset, load_dataset
    from .evaluation import Figures, Judge, Sampling
    from .networks.registry import NetworkKind, Parts, register_kind
    from .running.checkpoint import Checkpoint, load_checkpoint

__all__ = [
    "Checkpoint",
    "Dataset",
    "Figures",
    "Judge",
    "NetworkKind",
    "Parts",
    "Run",
    "Sampling",
    "evaluate",
    "fit",
    "judge",
    "load_checkpoint",
    "load_dataset",
    "register_kind",
    "resume",
]

_LATE = {
    "api": ("Run", "evaluate", "fit", "judge", "resume"),
    "data": ("Dataset", "load_dataset"),
    "evaluation": ("Figures", "Judge", "Sampling"),
    "networks.registry": ("NetworkKind", "Parts", "register_kind"),
    "running.checkpoint": ("Checkpoint", "load_checkpoint"),
}
"""Names by module, imported when first used, so that the command's help needs no PyTorch."""


def __getattr__(name: str) -> object:
    for module, names in _LATE.items():
        if name in names:
            value = getattr(importlib.import_module(f".{module}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
