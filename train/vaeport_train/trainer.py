"""The training loop."""

import math
import time
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from vaeport.errors import DivergedError

from .batching import batches
from .checkpoint import RunRecord, save_weights
from .config import TrainingConfig
from .data import Split
from .evaluation import evaluate
from .history import EpochLosses, EpochRecord, save_history
from .losses import Losses, compute_losses, recognition_loss
from .networks import ConditionalVAE
from .pictures import film_frame, sample_row, save_film, save_final_pictures, save_losses, save_samples
from .randomness import data_order, generator, prior_draw, step_noise
from .state import TrainingState, save_state
from .views import training_views

_WARMUP_SHARE = 0.05
_LOG_EVERY = 20


def train(
    state: TrainingState, record: RunRecord, train_split: Split, held_out: Split, folder: Path, *, quiet: bool = False
) -> None:
    """Train until the configured number of epochs, saving everything after each.

    Args:
        state: where to begin; is changed.
        record: the run.
        train_split: images to learn from.
        held_out: images to watch.
        folder: the run folder.
        quiet: no progress bar; there is none either where stderr is no terminal.

    Raises:
        DivergedError: the loss became no number.
    """
    config = record.config
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    steps = config.training.epochs * math.ceil(len(train_split) / config.training.batch_size)
    images = config.training.epochs * len(train_split)
    done = state.epoch * len(train_split)
    with (
        torch.random.fork_rng(devices=[]),  # dropout draws from the global generator, which is the caller's
        tqdm(total=images, initial=done, unit=" images", disable=True if quiet else None, smoothing=0.1) as bar,
    ):
        while state.epoch < config.training.epochs:
            began = time.perf_counter()
            losses = _train_epoch(state, record, train_split, steps, bar)
            seconds = time.perf_counter() - began
            figures = evaluate(state.kept, held_out, config.objective, seed=config.training.seed)
            if not math.isfinite(figures.vae_loss):
                raise DivergedError(_diverged(figures.vae_loss, state, "on held-out images after"))
            held = EpochLosses(**{name: getattr(figures, name) for name in EpochLosses.__dataclass_fields__})
            state.epoch += 1
            state.history.append(
                EpochRecord(
                    epoch=state.epoch,
                    step=state.step,
                    train=losses,
                    held_out=held,
                    kl_by_dimension=figures.kl_by_dimension,
                    seconds=seconds,
                    images_per_second=len(train_split) / seconds,
                )
            )
            state.rows.append(sample_row(state.kept, seed=config.training.seed, row=state.epoch - 1))
            state.frames.append(film_frame(state.kept, seed=config.training.seed))
            _save(state, record, folder)
    save_film(folder / "training.gif", state.frames, record.data.labels)
    save_final_pictures(folder, state.kept, held_out, record.data.labels)


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """Learning rate of a step: constant, or a linear warm-up over 5 % of the run and half a cosine down to 0."""
    if config.schedule == "constant":
        return config.learning_rate
    warmup = max(1, round(_WARMUP_SHARE * steps))
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def _train_epoch(state: TrainingState, record: RunRecord, split: Split, steps: int, bar: "tqdm[None]") -> EpochLosses:
    training, objective = record.config.training, record.config.objective
    state.network.train()
    order = data_order(training.seed, state.epoch, len(split))
    sums = torch.zeros(4, dtype=torch.float64)
    for image, label in batches(split, order, training.batch_size):
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate(training, state.step, steps)
        losses, value = _forward(state, record, image, label)
        if not math.isfinite(value.item()):
            raise DivergedError(_diverged(value.item(), state, f"at step {state.step} in"))
        state.optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        state.optimiser.step()
        state.step += 1
        if state.average is not None:
            _move_average(state.average, state.network, training.weight_average, state.step)
        sums += _sums(losses)
        bar.update(len(label))
        if state.step % _LOG_EVERY == 0:
            bar.set_description(f"epoch {state.epoch + 1}, loss {value.item():.2f}", refresh=False)
    reconstruction, kl, cross_entropy, wrong = (sums / len(split)).tolist()
    return EpochLosses(reconstruction + kl, reconstruction, kl, cross_entropy * objective.classification_weight, wrong)


def _forward(state: TrainingState, record: RunRecord, image: Tensor, label: Tensor) -> tuple[Losses, Tensor]:
    """Losses of a batch and what is minimised; all randomness is that of the step, however the run got there."""
    training, objective = record.config.training, record.config.objective
    n, dim, classes = len(label), state.network.latent_dim, len(record.data.labels)
    noise = step_noise(training.seed, state.step, n, dim)
    views = training_views(image, objective, seed=training.seed, step=state.step)
    torch.manual_seed(generator(training.seed, "dropout", state.step).initial_seed())
    with torch.autocast("cpu", torch.bfloat16, enabled=training.precision == "bfloat16"):
        losses = compute_losses(state.network, views, label, noise, objective)
        value = losses.objective(objective)
        if objective.recognition_weight:
            z, asked = prior_draw(training.seed, state.step, n, dim, classes)
            value = value + objective.recognition_weight * recognition_loss(state.network, z, asked)
    return losses, value


def _diverged(loss: float, state: TrainingState, where: str) -> str:
    return (
        f"the loss is {loss} {where} epoch {state.epoch + 1}; "
        f"the run folder keeps the state after epoch {state.epoch}; try a lower training.learning_rate"
    )


def _move_average(average: ConditionalVAE, network: ConditionalVAE, decay: float, step: int) -> None:
    """Exponential moving average of weights and normalisation statistics; young averages forget faster."""
    share = 1 - min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for kept, current in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(current, share)
            else:
                kept.copy_(current)


def _sums(losses: Losses) -> Tensor:
    terms = (losses.reconstruction, losses.kl, losses.cross_entropy, ~losses.correct)
    return torch.stack([term.detach().double().sum() for term in terms])


def _save(state: TrainingState, record: RunRecord, folder: Path) -> None:
    """Write what a person looks at first and the state last: a crash between leaves a state that can go on."""
    save_samples(folder / "samples.png", state.rows, record.data.labels)
    save_losses(folder / "losses.png", state.history)
    save_history(folder, state.history)
    save_weights(folder, state.kept, epochs=state.epoch)
    save_state(folder, state)
