"""Where presets are: inside the package by name, or a TOML file of yours. Imports nothing that is slow."""

import os
from importlib.resources import files
from pathlib import Path

from vaeport.errors import InputError

_FOLDER = "presets"


def preset_names() -> list[str]:
    """Names of the presets that ship with vaeport."""
    folder = files(__package__) / _FOLDER
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def preset_label(preset: str | os.PathLike[str]) -> str:
    """What a run's record calls a preset: its name, or the name of its file."""
    return Path(preset).name if _is_file(preset) else str(preset)


def read_preset(preset: str | os.PathLike[str]) -> tuple[str, str]:
    """What messages call a preset, and its text.

    Raises:
        InputError: there is no such preset, or its file cannot be read.
    """
    if not _is_file(preset):
        if preset not in preset_names():
            known = ", ".join(preset_names())
            raise InputError(f"unknown preset {preset!r}; known are {known}, and the path of a TOML file")
        return f"preset {preset}", (files(__package__) / _FOLDER / f"{preset}.toml").read_text(encoding="utf-8")
    try:
        return str(preset), Path(preset).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{preset} is no TOML: it is not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"cannot read the preset {preset}: {error.strerror}") from error


def _is_file(preset: str | os.PathLike[str]) -> bool:
    if not isinstance(preset, str):
        return True
    return preset not in preset_names() and (preset.endswith(".toml") or Path(preset).is_file())
