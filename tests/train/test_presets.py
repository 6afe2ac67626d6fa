import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from tests.train.small import NARROW
from vaeport.errors import InputError
from vaeport_train import fit, load_checkpoint
from vaeport_train.configuration.parsing import load_preset, parse_config
from vaeport_train.configuration.preset_files import preset_label, preset_names
from vaeport_train.data import Dataset

ARTICLE: dict[str, dict[str, object]] = {
    "network": {
        "latent_dim": 10,
        "encoder_hidden": (128,),
        "classifier_hidden": (128,),
        "decoder_hidden": (128,),
        "activation": "sigmoid",
        "encoder_sees_class": False,
        "variance_floor": 1e-5,
    },
    "objective": {
        "likelihood": "normal",
        "likelihood_std": 0.5,
        "classification_weight": 10.0,
        "decoder_condition": "classifier",
        "recognition_weight": 0.0,
    },
    "training": {"epochs": 20, "batch_size": 100, "learning_rate": 1e-3, "schedule": "constant"},
    "data": {"split": "first", "held_out": None},
}
"""The table of docs/contract.md."""

FIELDS = [(table, field, value) for table, fields in ARTICLE.items() for field, value in fields.items()]


@pytest.mark.parametrize(("table", "field", "value"), FIELDS, ids=[f"{table}.{field}" for table, field, _ in FIELDS])
def test_blog_is_the_articles_table(table: str, field: str, value: object) -> None:
    assert getattr(getattr(load_preset("blog"), table), field) == value


def test_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown preset 'blgo'; known are blog, .*mlp"):
        load_preset("blgo")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_survives_json(name: str) -> None:
    config = load_preset(name)

    assert parse_config(json.loads(json.dumps(config.to_dict())), "test") == config


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_takes_its_own_values_as_settings(name: str) -> None:
    config = load_preset(name)
    settings = [f"{t}.{f}={json.dumps(value)}" for t, fields in config.to_dict().items() for f, value in fields.items()]

    assert load_preset(name, settings) == config


@pytest.fixture
def own_preset(tmp_path: Path) -> Path:
    text = (files("vaeport_train.configuration") / "presets/mlp.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("epochs = 30", "epochs = 7"), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", [str, Path])
def test_own_toml_file_is_a_preset(kind: type, own_preset: Path) -> None:
    assert load_preset(kind(own_preset)) == load_preset("mlp", ["training.epochs=7"])
    assert preset_label(kind(own_preset)) == "mine.toml"


def test_own_file_without_the_usual_ending_is_a_preset(own_preset: Path) -> None:
    other = own_preset.rename(own_preset.with_suffix(".conf"))

    assert load_preset(str(other)).training.epochs == 7


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("epochs = 7", "epoch = 7", "unknown key 'training.epoch'; did you mean 'training.epochs'"),
        ("epochs = 7", "epochs = 0", "'training.epochs'"),
        ("epochs = 7", "epochs = ", "is no TOML"),
        ("latent_dim = 16", "", "'network.latent_dim'"),
        ('kind = "mlp"', 'kind = "mpl"', "'network.kind': unknown network kind 'mpl'; known are mlp, conv, own"),
        ('kind = "mlp"', 'kind = "conv"', "'network.encoder_hidden' belongs to another kind of network"),
        ('kind = "mlp"', 'kind = "own"', "are given with --network"),
        ("[data]", "[date]", "unknown key 'date'"),
        ("[data]", "[[data]]", "the tables network"),
    ],
)
def test_mistake_in_an_own_preset_names_file_and_key(old: str, new: str, problem: str, own_preset: Path) -> None:
    text = own_preset.read_text()
    assert old in text
    own_preset.write_text(text.replace(old, new))

    with pytest.raises(InputError) as caught:
        load_preset(own_preset)

    assert str(caught.value).startswith(f"{own_preset}")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, lambda path: path.write_bytes(b"\xff\xfe")])
def test_own_preset_that_cannot_be_read_is_named(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(path := tmp_path / "none.toml")

    with pytest.raises(InputError, match=r"none\.toml"):
        load_preset(str(path))


def test_record_names_the_file_of_an_own_preset(own_preset: Path, tmp_path: Path, digits: Dataset) -> None:
    settings = [*NARROW, "training.epochs=1"]

    run = fit(tmp_path / "run", data=digits, preset=own_preset, settings=settings)

    assert load_checkpoint(run.folder).record.preset == "mine.toml"
