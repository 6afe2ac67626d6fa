"""Configurations from presets, plain values and `key=value` settings, with sentences that help."""

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vaeport.errors import InputError

from .config import ConvConfig, DataConfig, MlpConfig, ObjectiveConfig, RunConfig, TrainingConfig

_ADAPTER = TypeAdapter(RunConfig)


def parse_config(values: dict[str, Any], where: str) -> RunConfig:
    """Check plain values and make them a configuration.

    Raises:
        InputError: a key is unknown, missing or wrong; the sentence names it, and suggests the key that was meant.
    """
    try:
        return _ADAPTER.validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is the sentence that helps.
        problem = min(error.errors(), key=lambda each: each["type"] != "unexpected_keyword_argument")
        # The discriminator stands between table and field in pydantic's path; people do not write it.
        place = ".".join(str(part) for part in problem["loc"] if part not in ("mlp", "conv"))
        if problem["type"] == "unexpected_keyword_argument" and place in _known_keys():
            raise InputError(f"{where}: {place!r} belongs to another kind of network") from error
        if problem["type"] == "unexpected_keyword_argument":
            raise InputError(f"{where}: unknown key {place!r}{_suggestion(place)}") from error
        raise InputError(f"{where}: {place!r}: {problem['msg']}, got {problem['input']!r}") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from error


def override(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Lay `key=value` settings over plain configuration values.

    Args:
        values: nested tables, as read from a preset.
        settings: `training.epochs=3` for instance; values are JSON, or plain text where they are no JSON.

    Raises:
        InputError: a setting without `=`, or a key that no configuration has.
    """
    result = {table: dict(fields) for table, fields in values.items()}
    for setting in settings:
        key, equals, text = setting.partition("=")
        table, _, field = key.strip().partition(".")
        if not equals:
            raise InputError(f"--set {setting!r} must be KEY=VALUE, such as training.epochs=3")
        if key.strip() not in _known_keys():
            raise InputError(f"--set: unknown key {key.strip()!r}{_suggestion(key.strip())}")
        try:
            result[table][field] = json.loads(text)
        except ValueError:
            result[table][field] = text
    return result


def _known_keys() -> list[str]:
    tables: dict[str, tuple[type, ...]] = {
        "network": (MlpConfig, ConvConfig),
        "objective": (ObjectiveConfig,),
        "training": (TrainingConfig,),
        "data": (DataConfig,),
    }
    return [
        f"{table}.{field.name}"
        for table, kinds in tables.items()
        for kind in kinds
        for field in dataclasses.fields(kind)
    ]


def _suggestion(key: str) -> str:
    by_field = {known.rpartition(".")[2]: known for known in _known_keys()}
    close = difflib.get_close_matches(key, _known_keys(), 1) or [
        by_field[name] for name in difflib.get_close_matches(key.rpartition(".")[2], list(by_field), 1)
    ]
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(_known_keys())}"


def preset_names() -> list[str]:
    """Names of the presets."""
    folder = files(__package__) / "presets"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load_preset(name: str, settings: Sequence[str] = ()) -> RunConfig:
    """Read a preset and lay settings over it.

    Args:
        name: one of `preset_names()`.
        settings: `table.key=value`, see `config.override`.

    Raises:
        InputError: no such preset, or a setting that does not fit.
    """
    if name not in preset_names():
        raise InputError(f"unknown preset {name!r}; known are {', '.join(preset_names())}")
    values = tomllib.loads((files(__package__) / "presets" / f"{name}.toml").read_text(encoding="utf-8"))
    return parse_config(override(values, settings), f"preset {name}")
