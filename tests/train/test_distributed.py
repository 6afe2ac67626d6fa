import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.train.small import NARROW, contents, metrics_without_time, narrow_run
from vaeport.errors import InputError
from vaeport_train.data import Dataset
from vaeport_train.running.distributed import Processes, environment
from vaeport_train.running.run import resume

TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "vaeport_train"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
SETTINGS = [f"--set={setting}" for setting in (*NARROW, "training.epochs=2", "training.weight_average=0.9")]


def together(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TWO, *arguments], check=False, capture_output=True, text=True, env=ENVIRONMENT)


@pytest.fixture(scope="module")
def pair_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("pair") / "run"
    finished = together("fit", *SETTINGS, "-o", str(run))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("2 epochs") == 1
    return run


def test_two_processes_train_one_network_and_one_writes(pair_run: Path) -> None:
    first, last = metrics_without_time(pair_run)

    assert json.loads((pair_run / "config.json").read_text())["config"]["training"]["processes"] == 2
    assert last["step"] == 2 * 90
    assert last["held_out"]["vae_loss"] < first["held_out"]["vae_loss"]
    assert "samples.png" in contents(pair_run)


def test_two_processes_learn_as_one_does(pair_run: Path, tmp_path: Path) -> None:
    alone = [sys.executable, "-m", "vaeport_train", "fit", *SETTINGS, "-o", str(tmp_path / "alone")]
    subprocess.run(alone, check=True, capture_output=True, env=ENVIRONMENT)

    losses = [metrics_without_time(run)[-1]["held_out"]["vae_loss"] for run in (pair_run, tmp_path / "alone")]

    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_killed_pair_resumes_to_the_same_end(pair_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with subprocess.Popen(
        [*TWO, "fit", *SETTINGS, "-o", str(run)], env=ENVIRONMENT, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while not (run / "trainer.safetensors").exists() and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)

    assert together("resume", str(run)).returncode == 0
    assert (run / "trainer.safetensors").read_bytes() == (pair_run / "trainer.safetensors").read_bytes()


def test_another_number_of_processes_is_refused(pair_run: Path, mnist_5k: Dataset) -> None:
    with pytest.raises(InputError, match="began with 2 processes, now there are 1: use torchrun --nproc-per-node 2"):
        resume(pair_run, mnist_5k)


def test_folder_that_holds_something_is_refused_by_both(tmp_path: Path, digits: Dataset) -> None:
    run = narrow_run(tmp_path / "run", digits, "training.epochs=1")
    before = contents(run)

    assert together("fit", *SETTINGS, "-o", str(run)).returncode != 0
    assert contents(run) == before


@pytest.mark.parametrize("n", [1, 2, 5, 8])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_weighted_means_of_the_shares_average_to_the_mean(n: int, count: int) -> None:
    rows = torch.arange(1, n + 1)

    shares = [Processes(rank, count).share(rows) for rank in range(count)]

    average = sum(weight * own.double().mean().item() for own, weight in shares) / count
    assert average == pytest.approx(rows.double().mean().item())


@pytest.mark.parametrize(
    "variables", [{"WORLD_SIZE": "two"}, {"WORLD_SIZE": "0"}, {"WORLD_SIZE": "2", "RANK": "2"}, {"WORLD_SIZE": "2"}]
)
def test_variables_that_torchrun_did_not_set_are_refused(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InputError, match="torchrun"):
        environment()
