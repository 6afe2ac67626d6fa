import json
import subprocess
import sys
from pathlib import Path

import pytest

from vaeport.errors import InputError
from vaeport_train import NetworkKind, evaluate, fit, load_checkpoint, register_kind, resume
from vaeport_train.cli import main
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.data import Dataset
from vaeport_train.networks import registry


@pytest.fixture
def toy_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A preset of a kind that one line registers; forgotten afterwards."""
    monkeypatch.setattr(registry, "_KINDS", dict(registry._KINDS))
    register_kind(NetworkKind("toy", "one linear layer each", "tests.train.toy_kind"))
    tables = load_preset("blog").to_dict() | {"network": {"kind": "toy", "latent_dim": 3}}
    tables["training"] |= {"epochs": 2, "batch_size": 50}
    lines = []
    for table, fields in tables.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items() if value is not None)]
    path = tmp_path / "toy.toml"
    path.write_text("\n".join(lines))
    return path


def test_new_kind_trains_resumes_and_is_evaluated(toy_preset: Path, digits: Dataset, tmp_path: Path) -> None:
    run = fit(tmp_path / "run", data=digits, preset=toy_preset, settings={"network.stretch": 0.5})

    assert run.history[1].held_out.vae_loss < run.history[0].held_out.vae_loss
    assert resume(run.folder, data=digits).history == run.history
    assert evaluate(run.folder, data=digits, splits=["held-out"])["mnist-5k held-out"].images == 100
    config = load_checkpoint(run.folder).record.config.network
    assert (config.kind, config.latent_dim, config.stretch) == ("toy", 3, 0.5)  # type: ignore[attr-defined]


def test_new_kind_is_in_the_help_and_its_keys_are_known(toy_preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "--help"])

    assert "toy: one linear layer each" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(InputError, match="did you mean 'network.stretch'"):
        load_preset(toy_preset, ["network.strech=1"])
    with pytest.raises(InputError, match="'network.stretch' belongs to another kind"):
        load_preset("mlp", ["network.stretch=1"])


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["evaluate", "--help"], ["judge", "--help"]])
def test_help_needs_no_heavy_package(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom vaeport_train.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    print([name for name in ('torch', 'pydantic', 'matplotlib') if name in sys.modules])\n"
    )

    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "[]"
