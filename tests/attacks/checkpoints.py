"""Hostile checkpoints: those of a shipped bundle, changed, and sealed again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from .bundles import Values, trained_bundle, with_file, with_json

CONFIG, PROGRAM, WEIGHTS = (f"checkpoint/{name}" for name in ("config.json", "decoder.json", "model.safetensors"))


def with_config(folder: Path, change: Callable[[Values], object]) -> Path:
    """A bundle, the record of its run changed in place."""
    return with_json(trained_bundle(folder), CONFIG, change)


def with_config_text(folder: Path, old: str, new: str) -> Path:
    """A bundle, one place in the text of its run's record replaced."""
    bundle = trained_bundle(folder)
    text = (bundle / CONFIG).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the record"
    return with_file(bundle, CONFIG, text.replace(old, new).encode("utf-8", "surrogatepass"))


def with_nodes(folder: Path, *calls: tuple[str, list[object]]) -> Path:
    """A bundle whose decoder's program runs these operators, too, the results named `n0`, `n1`, ...

    Args:
        folder: where it is made.
        calls: target and arguments of each.
    """

    def change(values: Values) -> None:
        for place, (target, args) in enumerate(calls):
            values["nodes"].append({"name": f"n{place}", "target": target, "args": args, "kwargs": {}})

    return with_json(trained_bundle(folder), PROGRAM, change)


def with_weights(folder: Path, change: Callable[[Values, bytes], tuple[object, bytes]]) -> Path:
    """A bundle whose weights have another header, as values or as text, and other content."""
    bundle = trained_bundle(folder)
    content = (bundle / WEIGHTS).read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header, data = change(json.loads(content[8:end]), content[end:])
    return with_file(bundle, WEIGHTS, safetensors(header, data))


def run_folder(folder: Path) -> Path:
    """A run folder made of a bundle's checkpoint: what a stranger hands over as his run."""
    return shutil.copytree(trained_bundle(folder) / "checkpoint", folder / "run")


def safetensors(header: object, data: bytes, *, length: int | None = None) -> bytes:
    """A weights file.

    Args:
        header: values, or the text itself.
        data: what stands behind it.
        length: bytes of the header that the file claims; None for the true number.
    """
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data
