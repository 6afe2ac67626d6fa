"""All that changes while training, and `trainer.safetensors`, from which a stopped run goes on."""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaeport.errors import InputError

from ..networks.vae import ConditionalVAE, initialise, use_fast_layout
from ..optimisation.optimisers import Optimisers
from ..randomness import generator
from .checkpoint import RunRecord, load_safetensors, load_weights, save_safetensors
from .history import EpochRecord, load_history
from .sizes import misfit, outline
from .tensor_file import TensorEntry, TensorHeader

STATE_FILE = "trainer.safetensors"
_CPU = torch.device("cpu")
_SUMS = 6


@dataclass(eq=False)
class TrainingState:
    """All that changes while training."""

    network: ConditionalVAE
    """The networks."""
    optimisers: Optimisers
    """Their moments belong to the state."""
    average: ConditionalVAE | None = None
    """Moving average of the weights, where the configuration asks for one."""
    epoch: int = 0
    """Epochs done."""
    step: int = 0
    """Optimiser steps done."""
    position: int = 0
    """Images of the epoch under way that are done."""
    seconds: float = 0.0
    """Time that they took."""
    sums: Tensor = field(default_factory=lambda: torch.zeros(_SUMS, dtype=torch.float64))
    """Their losses, as `step.sums` has them."""
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

    def begin_epoch(self) -> None:
        """Forget what belonged to the epoch before."""
        self.epoch += 1
        self.position, self.seconds = 0, 0.0
        self.sums = torch.zeros_like(self.sums)


def new_state(record: RunRecord, folder: Path | None = None, *, device: torch.device = _CPU) -> TrainingState:
    """Networks with their initial weights, by the run's seed.

    Args:
        record: the run.
        folder: its folder, for networks whose code is kept there.
        device: where it trains; the weights are drawn on the CPU and moved.
    """
    training = record.config.training
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(training.seed, "weights").initial_seed())
        network = ConditionalVAE(record.config.network, record.shapes, folder=folder)
        initialise(network, training.initialisation)
    network.to(device)
    use_fast_layout(network)
    average = copy.deepcopy(network).requires_grad_(False) if training.weight_average else None
    return TrainingState(network, Optimisers(network, training), average)


def save_state(folder: Path, state: TrainingState) -> None:
    """Write `trainer.safetensors`: weights, moments, sample rows and counters, all that resuming needs."""
    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    if state.average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in state.average.state_dict().items()}
    tensors |= state.optimisers.tensors()
    if state.rows:
        tensors["rows"] = torch.from_numpy(np.stack(state.rows))
        tensors["frames"] = torch.from_numpy(np.stack(state.frames))
    tensors["sums"] = state.sums
    counters = {"epoch": state.epoch, "step": state.step, "position": state.position, "seconds": state.seconds}
    save_safetensors(folder / STATE_FILE, tensors, counters)


def load_state(folder: Path, record: RunRecord, *, device: torch.device = _CPU) -> TrainingState:
    """Read `trainer.safetensors` and the history beside it; the state may have been saved on another device.

    Raises:
        InputError: a file is missing, damaged, or of another run.
    """
    path = folder / STATE_FILE
    tensors, counters = load_safetensors(path)
    _check_fits(record, _under("network.", tensors), path)
    state = new_state(record, folder, device=device)
    load_weights(state.network, _under("network.", tensors), path)
    if state.average is not None:
        load_weights(state.average, _under("average.", tensors), path)
    state.optimisers.load(tensors, path)
    try:
        state.epoch, state.step, state.position = (_count(counters[name]) for name in ("epoch", "step", "position"))
        state.seconds = _seconds(counters["seconds"])
        state.sums = tensors["sums"].to(torch.float64).reshape(_SUMS)
        if state.epoch:
            state.rows, state.frames = (_pictures(tensors[name], axes) for name, axes in (("rows", 5), ("frames", 6)))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is damaged: its counters or pictures are missing or wrong ({error!r})") from error
    if not (0 <= state.position < record.data.train_images and 0 <= state.epoch <= record.config.training.epochs):
        raise InputError(f"{path} is damaged: image {state.position} of epoch {state.epoch + 1} is not of this run")
    if not len(state.rows) == len(state.frames) == state.epoch:
        raise InputError(f"{path} is damaged: {state.epoch} epochs but {len(state.rows)} rows of pictures")
    state.history = load_history(folder, epochs=state.epoch) if state.epoch else []
    return state


def _check_fits(record: RunRecord, tensors: dict[str, Tensor], path: Path) -> None:
    """Refuse a configuration that needs other weights than the state has, before memory is asked for."""
    header = TensorHeader({name: TensorEntry(each.dtype, tuple(each.shape)) for name, each in tensors.items()}, {})
    config = record.config.network
    network = outline(lambda: ConditionalVAE(config, record.shapes), config.kind)
    if network and (fault := misfit(network, header)):
        raise InputError(f"{path} does not fit the configuration beside it: {fault}")


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r:.60} is no whole number from 0 up")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r:.60} is no number of seconds")
    return float(value)


def _pictures(tensor: Tensor, axes: int) -> list[NDArray[np.uint8]]:
    if tensor.dtype != torch.uint8 or tensor.dim() != axes:
        raise ValueError(f"pictures are {tensor.dtype} of {tensor.dim()} axes, not bytes of {axes}")
    return list(tensor.numpy())


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
