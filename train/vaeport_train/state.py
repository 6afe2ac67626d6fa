"""All that changes while training, and `trainer.safetensors`, from which a stopped run goes on."""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaeport.errors import InputError

from .checkpoint import RunRecord, load_safetensors, load_weights, save_safetensors
from .config import TrainingConfig
from .history import EpochRecord, load_history
from .networks import ConditionalVAE, initialise
from .randomness import generator

STATE_FILE = "trainer.safetensors"


@dataclass(eq=False)
class TrainingState:
    """All that changes while training."""

    network: ConditionalVAE
    """The networks."""
    optimiser: torch.optim.Adam
    """Its moments belong to the state."""
    average: ConditionalVAE | None = None
    """Moving average of the weights, where the configuration asks for one."""
    epoch: int = 0
    """Epochs done."""
    step: int = 0
    """Optimiser steps done."""
    rows: list[NDArray[np.uint8]] = field(default_factory=list)
    """Sample row of each epoch, uint8 [K, C, H, W]."""
    frames: list[NDArray[np.uint8]] = field(default_factory=list)
    """Frame of the film of each epoch, uint8 [4, K, C, H, W]."""
    history: list[EpochRecord] = field(default_factory=list)
    """Record of each epoch."""

    @property
    def kept(self) -> ConditionalVAE:
        """The networks that are evaluated and saved."""
        return self.average or self.network


def new_state(record: RunRecord) -> TrainingState:
    """Networks with their initial weights, by the run's seed."""
    training = record.config.training
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(training.seed, "weights").initial_seed())
        network = ConditionalVAE(record.config.network, record.shapes)
        initialise(network, training.initialisation)
    average = copy.deepcopy(network).requires_grad_(False) if training.weight_average else None
    return TrainingState(network, _optimiser(network, training), average)


def save_state(folder: Path, state: TrainingState) -> None:
    """Write `trainer.safetensors`: weights, Adam's moments, sample rows and counters, all that resuming needs."""
    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    if state.average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in state.average.state_dict().items()}
    for index, moments in state.optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": tensor for name, tensor in moments.items()}
    tensors["rows"] = torch.from_numpy(np.stack(state.rows))
    tensors["frames"] = torch.from_numpy(np.stack(state.frames))
    save_safetensors(folder / STATE_FILE, tensors, {"epoch": state.epoch, "step": state.step})


def load_state(folder: Path, record: RunRecord) -> TrainingState:
    """Read `trainer.safetensors` and the history beside it.

    Raises:
        InputError: a file is missing, damaged, or of another run.
    """
    path = folder / STATE_FILE
    tensors, counters = load_safetensors(path)
    state = new_state(record)
    load_weights(state.network, _under("network.", tensors), path)
    if state.average is not None:
        load_weights(state.average, _under("average.", tensors), path)
    state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": _moments(state.network, tensors, path)})
    try:
        state.epoch, state.step = int(counters["epoch"]), int(counters["step"])
        state.rows, state.frames = list(tensors["rows"].numpy()), list(tensors["frames"].numpy())
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: its counters or pictures are missing or wrong ({error!r})") from error
    if not len(state.rows) == len(state.frames) == state.epoch:
        raise InputError(f"{path} is damaged: {state.epoch} epochs but {len(state.rows)} rows of pictures")
    state.history = load_history(folder, epochs=state.epoch)
    return state


def _moments(network: ConditionalVAE, tensors: dict[str, Tensor], path: Path) -> dict[int, dict[str, Tensor]]:
    """Adam's moments by the position of their parameter; fresh ones would go on differently, so none may lack."""
    moments: dict[int, dict[str, Tensor]] = {}
    for index, parameter in enumerate(network.parameters()):
        shapes = {"step": torch.Size(), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
        moments[index] = {name: tensors.get(f"adam.{index}.{name}", torch.empty(0)) for name in shapes}
        if any(moments[index][name].shape != shape for name, shape in shapes.items()):
            raise InputError(f"{path} is damaged: parameter {index} has no fitting optimiser state")
    return moments


def _optimiser(network: ConditionalVAE, config: TrainingConfig) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
