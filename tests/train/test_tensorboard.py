import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vaeport_train.running.history import FOLDER, load_history, log_epochs, scalars


def _shown(run: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard itself reads from a run, by name and step."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / FOLDER))
    events.Reload()
    return {name: {event.step: event.value for event in events.Scalars(name)} for name in events.Tags()["scalars"]}


def test_every_figure_of_every_epoch_is_shown(run_copy: Path) -> None:
    history = load_history(run_copy, epochs=3)
    for record in history:
        log_epochs(run_copy, [record])

    shown = _shown(run_copy)

    assert shown["vae_loss/held_out"] == pytest.approx({r.epoch: r.held_out.vae_loss for r in history})
    assert shown["classification_error/train"] == pytest.approx(
        {r.epoch: r.train.classification_error for r in history}
    )
    assert shown["kl_by_dimension/3"] == pytest.approx({r.epoch: r.kl_by_dimension[3] for r in history})
    assert shown["images_per_second"] == pytest.approx({r.epoch: r.images_per_second for r in history})
    assert set(shown) == set(scalars(history[0]))


def test_epoch_that_is_logged_again_replaces_what_stood_there(run_copy: Path) -> None:
    history = load_history(run_copy, epochs=3)
    log_epochs(run_copy, history)
    again = dataclasses.replace(history[1], seconds=1234.0)

    log_epochs(run_copy, [again])

    assert _shown(run_copy)["seconds"] == pytest.approx({1: history[0].seconds, 2: 1234.0})


def test_nothing_is_written_where_it_is_not_installed(run_copy: Path) -> None:
    shutil.rmtree(run_copy / FOLDER)
    code = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "import importlib.util; find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'tensorboard' else find(name, *a)\n"
        "from pathlib import Path\n"
        "from vaeport_train.running.history import load_history\n"
        "from vaeport_train.running.history import log_epochs\n"
        f"log_epochs(Path({str(run_copy)!r}), load_history(Path({str(run_copy)!r}), epochs=3))\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True)

    assert not (run_copy / FOLDER).exists()
