"""Presets: configurations that come with the package, as TOML files that can be read."""

import tomllib
from collections.abc import Sequence
from importlib.resources import files

from vaeport.errors import InputError

from .config import RunConfig
from .parsing import override, parse_config


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
