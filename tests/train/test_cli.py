import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.train.small import NARROW, contents
from vaeport_train.cli import main

SETTINGS = [f"--set={setting}" for setting in (*NARROW, "training.epochs=1", "training.batch_size=500")]

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that the command made."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["fit", *SETTINGS, "-o", str(folder), "--quiet"]) == 0
    return folder


def test_fit_tells_in_words_what_came_of_it(tmp_path: Path, capsys: Captured) -> None:
    code = main(["fit", *SETTINGS, "-o", str(tmp_path / "run")])

    captured = capsys.readouterr()
    assert (code, captured.err) == (0, "")
    assert f"{tmp_path / 'run'}: 1 epochs, 9 steps" in captured.out
    assert "held out" in captured.out
    assert f"vaeport-export {tmp_path / 'run'}" in captured.out


def test_fit_tells_programs_in_json(tmp_path: Path, capsys: Captured) -> None:
    code = main(["fit", *SETTINGS, "-o", str(tmp_path / "run"), "--json"])

    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert (code, captured.err) == (0, "")
    assert (answer["run"], answer["epoch"], answer["step"]) == (str(tmp_path / "run"), 1, 9)
    assert 0 < answer["held_out"]["classification_error"] < 1


def test_resume_of_a_finished_run_reports_it_again(run: Path, capsys: Captured) -> None:
    before = contents(run)

    code = main(["resume", str(run), "--json"])

    assert (code, json.loads(capsys.readouterr().out)["epoch"]) == (0, 1)
    assert contents(run) == before


def test_evaluate_prints_a_row_a_split(run: Path, capsys: Captured) -> None:
    code = main(["evaluate", str(run)])

    captured = capsys.readouterr()
    assert (code, captured.err) == (0, "")
    assert [line[:17].strip() for line in captured.out.splitlines()] == [
        "images",
        "mnist-5k train",
        "mnist-5k held-out",
        "device cpu",
    ]


def test_evaluate_prints_json_and_keeps_it(run: Path, capsys: Captured) -> None:
    code = main(["evaluate", str(run), "--json"])

    answer = json.loads(capsys.readouterr().out)
    assert (code, answer["mnist-5k held-out"]["images"]) == (0, 500)
    assert json.loads((run / "evaluation.json").read_text())["figures"] == answer


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["fit", "--preset", "nope", "-o", "{new}"], "unknown preset 'nope'"),
        (["fit", "--data", "nope", "-o", "{new}"], "unknown data set 'nope'"),
        (["fit", "--set", "training.epoch=1", "-o", "{new}"], "did you mean 'training.epochs'"),
        (["fit", "--data", "mnist", "--data-dir", "{tmp}", "-o", "{new}"], "train-images-idx3-ubyte"),
        (["fit", "-o", "{run}"], "vaeport-train resume"),
        (["resume", "{new}"], "is no run folder"),
        (["evaluate", "{new}"], "is no run folder"),
        (["evaluate", "{run}", "--data", "nope"], "unknown data set 'nope'"),
    ],
)
def test_what_cannot_run_is_one_line_and_exit_code_2(
    arguments: list[str], problem: str, run: Path, tmp_path: Path, one_line_error: Callable[[], str]
) -> None:
    code = main([a.format(new=tmp_path / "new", run=run, tmp=tmp_path) for a in arguments])

    message = one_line_error()
    assert code == 2
    assert message.startswith("vaeport-train: error: ")
    assert problem in message
    assert not (tmp_path / "new").exists()


def test_weights_of_another_network_are_one_line(run_copy: Path, run: Path, one_line_error: Callable[[], str]) -> None:
    config = json.loads((run_copy / "config.json").read_text())
    config["config"]["network"]["latent_dim"] = 5
    (run_copy / "config.json").write_text(json.dumps(config))

    assert main(["evaluate", str(run_copy)]) == 2
    assert "does not fit" in one_line_error()


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["fit"], ["resume"], ["fit", "--epochs", "3"]])
def test_bad_usage_is_exit_code_2(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert "vaeport-train" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [[], ["fit"], ["resume"], ["evaluate"]])
def test_help_explains_itself(verb: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*verb, "--help"])

    assert caught.value.code == 0
    assert "usage: vaeport-train" in capsys.readouterr().out


def test_module_is_the_command_and_silent_on_stderr(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vaeport_train", "fit", *SETTINGS, "-o", str(tmp_path / "run")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
