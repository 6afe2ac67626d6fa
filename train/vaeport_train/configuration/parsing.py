"""Configurations from presets, plain values and `key=value` settings; each mistake is named in one sentence."""

import dataclasses
import difflib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vaeport.errors import InputError

from ..networks.registry import NetworkConfig, kind_of, kinds
from .config import DataConfig, ObjectiveConfig, RunConfig, TrainingConfig
from .preset_files import read_preset

_TABLES: dict[str, type[Any]] = {"objective": ObjectiveConfig, "training": TrainingConfig, "data": DataConfig}
"""Tables beside `network`, whose fields its kind decides."""

Settings = Sequence[str] | Mapping[str, object]
"""`["training.epochs=3"]`, as on the command line, or `{"training.epochs": 3}`."""


def parse_config(values: object, where: str) -> RunConfig:
    """Check plain values and make them a configuration.

    Args:
        values: nested tables, as JSON has them.
        where: the file or preset they come from, for messages.

    Raises:
        InputError: a key is unknown, missing or wrong; the sentence names it, and suggests the key that was meant.
    """
    if not isinstance(values, dict) or not all(isinstance(table, dict) for table in values.values()):
        raise InputError(f"{where}: a configuration has the tables network, {', '.join(_TABLES)}")
    if unknown := sorted(set(values) - {"network", *_TABLES}, key=str):
        raise InputError(f"{where}: unknown key {unknown[0]!r}; known tables are network, {', '.join(_TABLES)}")
    if missing := [table for table in ("network", *_TABLES) if table not in values]:
        raise InputError(f"{where}: the table {missing[0]!r} is missing")
    try:
        types = {"network": kind_of(values["network"].get("kind")).load().Config, **_TABLES}
    except InputError as error:
        raise InputError(f"{where}: 'network.kind': {error}") from error
    parsed: dict[str, Any] = {}
    problems: list[tuple[str, Any]] = []
    for table, type_ in types.items():
        try:
            parsed[table] = TypeAdapter(type_).validate_json(json.dumps(values[table]), strict=True)
        except ValidationError as error:
            problems += [(table, problem) for problem in error.errors()]
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"{where}: {table!r}: {error}") from error
    if problems:
        raise InputError(f"{where}: {_sentence(problems)}")
    return RunConfig(**parsed)


def load_preset(
    name: str | os.PathLike[str], settings: Settings = (), *, network: NetworkConfig | None = None
) -> RunConfig:
    """Read a preset and lay settings over it.

    Args:
        name: a shipped preset (`preset_names`), or a TOML file of yours.
        settings: see `override`.
        network: takes the place of the preset's networks. Their initial weights stay as their code makes them, unless a
            setting names `training.initialisation`.

    Raises:
        InputError: no such preset, a file that is no TOML, or a key or value that does not fit.
    """
    where, text = read_preset(name)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where} is no TOML: {error}") from error
    if network is not None:
        given = [key for key, _ in _pairs(settings) if key.startswith("network.")]
        if given:
            raise InputError(f"--set {given[0]} has no effect on networks of your own; change their code")
        values["network"] = dataclasses.asdict(network)  # type: ignore[call-overload]  # kinds have dataclasses
        if isinstance(values.get("training"), dict):
            values["training"]["initialisation"] = "torch"
    values = override(values, settings, where=where)
    if network is None and isinstance(table := values.get("network"), dict) and table.get("kind") == "own":
        raise InputError(f"{where}: networks of your own are given with --network FILE.py:NAME, not by network.kind")
    return parse_config(values, where)


def override(values: dict[str, Any], settings: Settings, *, where: str = "preset") -> dict[str, Any]:
    """Lay settings over plain configuration values.

    Args:
        values: nested tables, as read from a preset.
        settings: values by key, or `key=value` texts whose values are JSON, or plain text where they are no JSON.
        where: the preset, for messages.

    Raises:
        InputError: a setting without `=`, or a key that no configuration has.
    """
    result = {table: dict(fields) if isinstance(fields, dict) else fields for table, fields in values.items()}
    for key, value in _pairs(settings):
        table, _, field = key.partition(".")
        if key not in _known_keys():
            raise InputError(f"--set: unknown key {key!r}{_suggestion(key)}")
        if not isinstance(result.setdefault(table, {}), dict):
            raise InputError(f"{where}: {table!r} must be a table")
        result[table][field] = value
    return result


def _pairs(settings: Settings) -> list[tuple[str, object]]:
    if isinstance(settings, Mapping):
        return [(str(key), value) for key, value in settings.items()]
    if isinstance(settings, str):
        raise InputError(f"settings must be a list of KEY=VALUE texts or a mapping, but are the text {settings!r}")
    pairs: list[tuple[str, object]] = []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting!r} must be KEY=VALUE, such as training.epochs=3")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        pairs.append((key.strip(), value))
    return pairs


def _sentence(problems: list[tuple[str, Any]]) -> str:
    # A misspelt key is also a missing one; the misspelling is the sentence that helps.
    table, problem = min(problems, key=lambda each: each[1]["type"] != "unexpected_keyword_argument")
    place = ".".join([table, *(str(part) for part in problem["loc"])])
    if problem["type"] == "unexpected_keyword_argument":
        if place in _known_keys():
            return f"{place!r} belongs to another kind of network"
        return f"unknown key {place!r}{_suggestion(place)}"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return f"{place!r}: {problem['msg']}, got {_shortened(problem['input'])}"


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_keys() -> list[str]:
    tables = [("network", kind.load().Config) for kind in kinds()] + list(_TABLES.items())
    keys = [f"{table}.{field.name}" for table, type_ in tables for field in dataclasses.fields(type_)]
    return list(dict.fromkeys(keys))


def _suggestion(key: str) -> str:
    by_field = {known.rpartition(".")[2]: known for known in _known_keys()}
    close = difflib.get_close_matches(key, _known_keys(), 1) or [
        by_field[name] for name in difflib.get_close_matches(key.rpartition(".")[2], list(by_field), 1)
    ]
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(_known_keys())}"
