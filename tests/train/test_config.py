import json
from typing import Any

import pytest

from vaeport.errors import InputError
from vaeport_train.configuration.config import RunConfig
from vaeport_train.configuration.parsing import load_preset, parse_config


def plain() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(load_preset("mlp").to_dict()))
    return values


def refusal(settings: list[str]) -> str:
    with pytest.raises(InputError) as caught:
        load_preset("mlp", settings)
    return str(caught.value)


def test_settings_change_only_what_they_name() -> None:
    config = load_preset("mlp", ["training.epochs=3", "network.encoder_hidden=[64, 32]", "network.activation=relu"])

    expected = plain()
    expected["training"]["epochs"] = 3
    expected["network"] |= {"encoder_hidden": [64, 32], "activation": "relu"}
    assert config == parse_config(expected, "test")


def test_the_last_setting_of_a_key_wins() -> None:
    assert load_preset("mlp", ["training.seed=1", "training.seed=2"]).training.seed == 2


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("training.epoch", "training.epochs"),
        ("trainig.epochs", "training.epochs"),
        ("learning_rate", "training.learning_rate"),
        ("network.latent_dims", "network.latent_dim"),
        ("epochs", "training.epochs"),
    ],
)
def test_typo_in_a_setting_suggests_the_key(typo: str, meant: str) -> None:
    message = refusal([f"{typo}=3"])

    assert f"unknown key {typo!r}" in message
    assert f"did you mean {meant!r}?" in message


def test_own_networks_are_not_a_setting() -> None:
    assert "are given with --network" in refusal(["network.kind=own"])


def test_setting_without_a_value_is_refused() -> None:
    assert "must be KEY=VALUE" in refusal(["training.epochs"])


WRONG = [
    "training.epochs=0",
    "training.epochs=-1",
    "training.epochs=2.5",
    "training.epochs=true",
    "training.epochs=many",
    'training.epochs="3"',
    "training.epochs=null",
    "training.batch_size=0",
    "training.learning_rate=0",
    "training.learning_rate=-0.001",
    "training.learning_rate=NaN",
    "training.learning_rate=Infinity",
    "training.learning_rate=true",
    'training.learning_rate="0.001"',
    "training.seed=-1",
    "training.seed=9223372036854775808",
    "training.threads=-1",
    "training.schedule=linear",
    "network.latent_dim=0",
    "network.latent_dim=16385",
    "network.encoder_hidden=32",
    "network.encoder_hidden=[0]",
    "network.encoder_hidden=[true]",
    "network.activation=tanh",
    "network.encoder_sees_class=1",
    "network.variance_floor=-1e-5",
    "objective.likelihood=laplace",
    "objective.likelihood_std=0",
    "objective.classification_weight=NaN",
    "objective.decoder_condition=both",
    "data.held_out=0",
    "data.split=last",
]


@pytest.mark.parametrize("setting", WRONG)
def test_wrong_value_is_refused_in_one_line_that_names_the_key(setting: str) -> None:
    message = refusal([setting])

    assert setting.partition("=")[0] in message
    assert "\n" not in message


def test_missing_key_is_named() -> None:
    values = plain()
    del values["training"]["epochs"]

    with pytest.raises(InputError, match=r"'training\.epochs'"):
        parse_config(values, "test")


def test_unknown_key_in_a_file_suggests_the_key() -> None:
    values = plain()
    values["training"]["epoch"] = values["training"].pop("epochs")

    with pytest.raises(InputError, match=r"unknown key 'training\.epoch'; did you mean 'training\.epochs'"):
        parse_config(values, "test")


@pytest.mark.parametrize("values", [{}, {"network": 1}, [], None, "text"])
def test_what_is_no_configuration_is_refused(values: Any) -> None:
    with pytest.raises(InputError, match=r"^test: "):
        parse_config(values, "test")


def test_configuration_cannot_be_changed() -> None:
    config: RunConfig = load_preset("mlp")

    with pytest.raises(AttributeError):
        config.training.epochs = 1
