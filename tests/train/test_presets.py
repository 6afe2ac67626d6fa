import json

import pytest

from vaeport.errors import InputError
from vaeport_train.configuration.parsing import load_preset, parse_config, preset_names

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
"""The table of docs/CONTRACT.md."""

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
