"""The training loop."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from vaeport.errors import DivergedError, InputError

from ..data import Split
from ..data.batching import Images
from ..devices import in_float64
from ..evaluation import evaluate
from ..networks.parts import least_rows
from ..optimisation.averaging import move_average
from ..optimisation.finishing import finish
from ..optimisation.schedule import Schedule
from ..optimisation.step import Task, TrainingStep
from ..pictures import film_frame, sample_row, save_film, save_final_pictures, save_losses, save_samples
from ..randomness import data_order, global_randomness
from .checkpoint import RunRecord, save_weights
from .distributed import Processes
from .history import EpochLosses, EpochRecord, log_epochs, save_history
from .interruption import deferred_interrupt
from .state import TrainingState, save_state

_LOG_EVERY = 20


class Trainer:
    """Trains one run, saving everything after each epoch, and within long ones.

    Args:
        state: where to begin; is changed. It trains on the device of its networks.
        record: the run.
        train_split: images to learn from.
        held_out: images to watch.
        folder: the run folder.
        processes: this process among those that train together; the first one evaluates and writes.
        save_every: seconds after which the state is saved within an epoch.

    Raises:
        InputError: the batches are too small for the networks.
    """

    def __init__(
        self,
        state: TrainingState,
        record: RunRecord,
        train_split: Split,
        held_out: Split,
        folder: Path,
        *,
        processes: Processes,
        save_every: float,
    ) -> None:
        self.state, self.record, self.folder, self.processes = state, record, folder, processes
        self.train_split, self.held_out = train_split, held_out
        self.images = Images(train_split, state.network.device)
        self.save_every = save_every
        self.saved_step = state.step
        self.training, self.objective = record.config.training, record.config.objective
        self.least_rows = least_rows(state.network) * processes.count
        if self.training.batch_size < self.least_rows:
            raise InputError(
                f"training.batch_size={self.training.batch_size} is too small for the networks' batch "
                f"normalisation; take at least {self.least_rows}"
            )
        self.schedule = Schedule(record.config, len(train_split))
        step = TrainingStep(state.network, record.config)
        self.module: nn.Module = processes.shared(step, unused_weights=state.network.foreign)

    def train(self, *, quiet: bool = False) -> None:
        """Train until the configured number of epochs.

        Args:
            quiet: no progress bar; there is none either where stderr is no terminal.

        Raises:
            DivergedError: the loss became no number.
            KeyboardInterrupt: Ctrl-C; the step under way is done first, and the state saved.
        """
        if self.training.threads:
            torch.set_num_threads(self.training.threads)
        n = len(self.train_split)
        done = self.state.epoch * n + self.state.position
        with (
            global_randomness(self.images.device),
            tqdm(
                total=self.training.epochs * n,
                initial=done,
                unit=" images",
                disable=True if quiet or not self.processes.first else None,
                smoothing=0.1,
            ) as bar,
        ):
            while self.state.epoch < self.training.epochs:
                self._train_epoch(bar)
                self._end_epoch()
        if self.processes.first:
            save_film(self.folder / "training.gif", self.state.frames, self.record.data.labels)
            save_final_pictures(self.folder, self.state.kept, self.held_out, self.record.data.labels)

    def _train_epoch(self, bar: "tqdm[None]") -> None:
        state = self.state
        state.network.train()
        saved, before = time.monotonic(), state.seconds
        began = time.perf_counter()
        with deferred_interrupt() as interrupted:
            for rows in self._batches():
                value = self._step(rows)
                state.seconds = before + time.perf_counter() - began
                bar.update(len(rows))
                if state.step % _LOG_EVERY == 0:
                    bar.set_description(f"epoch {state.epoch + 1}, loss {value:.2f}", refresh=False)
                stop = interrupted()
                if stop or time.monotonic() - saved > self.save_every:
                    self._save_state()
                    saved = time.monotonic()
                if stop:
                    raise KeyboardInterrupt

    def _batches(self) -> Iterator[Tensor]:
        """Rows of the batches of the epoch under way that are not done.

        A last batch that is too small for batch normalisation joins the one before.
        """
        order = data_order(self.training.seed, self.state.epoch, len(self.train_split))
        batches = list(torch.split(order[self.state.position :], self.training.batch_size))
        if len(batches) > 1 and len(batches[-1]) < self.least_rows:
            batches[-2:] = [torch.cat(batches[-2:])]
        return iter(batches)

    def _step(self, rows: Tensor) -> float:
        state, n = self.state, len(self.train_split)
        seen = state.epoch * n + state.position
        own, weight = self.processes.share(rows)
        task = Task(
            step=state.step,
            rank=self.processes.rank,
            weight=weight,
            samples=self.schedule.samples(state.epoch),
            kl_weight=self.schedule.kl_weight(seen),
            vae_share=self.schedule.vae_share(state.epoch),
            distortion=self.schedule.distortion(seen),
            recognise=self.schedule.recognises(seen),
        )
        value, sums = self.module(*self.images.gather(own), task)
        measured = torch.cat([sums * (weight > 0), in_float64(value.detach()).reshape(1)])
        report = self.processes.total(measured.cpu())
        loss = report[-1].item() / self.processes.count
        if not math.isfinite(loss):
            raise DivergedError(self._diverged(loss, f"at step {state.step}, {self._batch()}"))
        state.optimisers.step(value, share=self.schedule.learning_rate(seen, len(rows)))
        state.step += 1
        state.position += len(rows)
        state.sums += report[:-1]
        if state.average is not None:
            move_average(state.average, state.network, self.training.weight_average, state.step)
        return loss

    def _end_epoch(self) -> None:
        state, n = self.state, len(self.train_split)
        last = state.epoch + 1 == self.training.epochs
        if not self.processes.first:
            state.begin_epoch()
            return
        if last:
            finish(state.kept, self.train_split, self.held_out)
        figures = evaluate(state.kept, self.held_out, self.objective, seed=self.training.seed)
        if not math.isfinite(figures.vae_loss):
            raise DivergedError(self._diverged(figures.vae_loss, f"on held-out images after epoch {state.epoch + 1}"))
        reconstruction, kl = (state.sums[:2] / state.sums[2]).tolist()
        cross_entropy, wrong = (state.sums[3:5] / state.sums[5]).tolist()
        weighted = cross_entropy * self.objective.classification_weight
        record = EpochRecord(
            epoch=state.epoch + 1,
            step=state.step,
            train=EpochLosses(reconstruction + kl, reconstruction, kl, weighted, wrong),
            held_out=EpochLosses(**{name: getattr(figures, name) for name in EpochLosses.__dataclass_fields__}),
            kl_by_dimension=figures.kl_by_dimension,
            seconds=state.seconds,
            images_per_second=n / state.seconds,
        )
        state.history.append(record)
        state.rows.append(sample_row(state.kept, seed=self.training.seed, row=state.epoch))
        state.frames.append(film_frame(state.kept, seed=self.training.seed))
        state.begin_epoch()
        self._save()

    def _save(self) -> None:
        """Write what a person looks at first and the state last: a crash between leaves a state that can go on."""
        save_samples(self.folder / "samples.png", self.state.rows, self.record.data.labels)
        save_losses(self.folder / "losses.png", self.state.history)
        save_history(self.folder, self.state.history)
        log_epochs(self.folder, self.state.history[-1:])
        save_weights(self.folder, self.state.kept, epochs=self.state.epoch)
        self._save_state()

    def _save_state(self) -> None:
        if not self.processes.first:
            return
        if not all(bool(weight.isfinite().all()) for weight in self.state.network.parameters()):
            raise DivergedError(self._diverged(math.nan, f"after step {self.state.step}, {self._batch()}"))
        save_state(self.folder, self.state)
        self.saved_step = self.state.step

    def _diverged(self, loss: float, where: str) -> str:
        last = f"the last good checkpoint is of step {self.saved_step}" if self.saved_step else "nothing is saved yet"
        return f"the loss is {loss} {where}; {last}; try a lower training.learning_rate"

    def _batch(self) -> str:
        batch = math.ceil(self.state.position / self.training.batch_size) + 1
        return f"batch {batch} of epoch {self.state.epoch + 1}"
