"""What is fuzzed: one function of bytes for each reader, which may raise nothing but a VaeportError.

A process fuzzes one target. It makes it inside `atheris.instrument_imports`, so the readers are imported late, here.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_CANARY = Path(tempfile.gettempdir(), f"vaeport-unpickled-{os.getpid()}")
"""A folder that the pickles among the inputs would make."""

Read = Callable[[bytes], None]
"""Hands bytes to readers, and lets pass what they may raise."""

Change = Callable[[bytes, random.Random], bytes]
"""Other bytes that know the structure of these."""


@dataclass(frozen=True)
class Target:
    """One reader under fuzzing."""

    name: str
    """What it reads."""
    packages: tuple[str, ...]
    """Packages whose branches steer the fuzzer."""
    prepare: Callable[[], Read]
    """Imports the reader and gives the function that is fuzzed."""
    change: Callable[[], Change]
    """Imports and gives the changes that know the format."""
    most: int
    """Bytes of an input at most."""


def _prepare_manifest() -> Read:
    from tools.torture.enemy.bundle import with_digest
    from vaeport.bundle.digest import read_digest
    from vaeport.bundle.manifest import parse_manifest
    from vaeport.errors import VaeportError

    def read(data: bytes) -> None:
        for reader, content in ((parse_manifest, data), (read_digest, data), (read_digest, with_digest(data))):
            with suppress(VaeportError):
                reader(content)

    return read


def _prepare_graph() -> Read:
    from vaeport.contract import GRAPHS, Shapes
    from vaeport.errors import VaeportError
    from vaeport.graph.checking import check_graph
    from vaeport.graph.reading import read_model

    shapes, labels = Shapes((1, 4, 4), 2, 3), ("cat", "dog", "owl")

    def read(data: bytes) -> None:
        with suppress(VaeportError):
            read_model(data)
        for spec in GRAPHS.values():
            with suppress(VaeportError):
                check_graph(data, spec, bundle="tiny", labels=labels, shapes=shapes, rows=256).check_rows(3)

    return read


def _prepare_images() -> Read:
    from vaeport.errors import VaeportError
    from vaeport.images.batch import queue_images
    from vaeport.images.files import open_picture

    def read(data: bytes) -> None:
        for mode in ("L", "RGB"):
            with suppress(VaeportError):
                open_picture(data, mode)
        with suppress(VaeportError):
            queue_images([data], (1, 8, 8), fit="mnist").read()

    return read


def _prepare_arrays() -> Read:
    from vaeport.bundle.golden import parse_golden
    from vaeport.contract import Shapes
    from vaeport.errors import VaeportError

    shapes = Shapes((1, 4, 4), 2, 3)

    def read(data: bytes) -> None:
        with suppress(VaeportError):
            parse_golden(data, shapes)
        if _CANARY.exists():
            raise AssertionError("a pickle was opened")

    return read


def _prepare_archive() -> Read:
    from vaeport.bundle.opening import open_bundle
    from vaeport.errors import VaeportError

    path = Path(tempfile.gettempdir(), f"vaeport-fuzzed-{os.getpid()}.vaeport")  # in the folder of the trial

    def read(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(VaeportError):
            open_bundle(path)

    return read


def _prepare_checkpoint() -> Read:
    from tools.torture.enemy.checkpoint_changes import checkpoint_files
    from vaeport.errors import VaeportError
    from vaeport_parity.reference.program import parse_program
    from vaeport_train.running.checkpoint import parse_record, read_checkpoint

    folder, files = Path("checkpoint"), checkpoint_files()
    config = files["checkpoint/config.json"]

    def read(data: bytes) -> None:
        kind, content = data[:1], data[1:]
        with suppress(VaeportError):
            if kind == b"c":
                parse_record(content, folder / "config.json")
            elif kind == b"w":
                read_checkpoint(folder, lambda name: config if name == "config.json" else content)
            else:
                parse_program(content, "decoder.json")

    for kind, name in ((b"c", "config.json"), (b"w", "model.safetensors"), (b"p", "decoder.json")):
        read(kind + files[f"checkpoint/{name}"])  # PyTorch imports much at its first use, which is no input's fault
    return read


def _change_manifest() -> Change:
    return _change_json


def _change_json(data: bytes, dice: random.Random) -> bytes:
    from tools.torture.enemy.bundle import with_digest
    from tools.torture.enemy.byte_changes import changed
    from tools.torture.enemy.json_changes import change_json

    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return changed(data, dice)
    text = change_json(value, dice, indent=dice.choice((None, 2)))
    return with_digest(text) if dice.random() < 0.3 else text


def _change_graph() -> Change:
    from google.protobuf.message import DecodeError

    from tools.torture.enemy.graph_changes import change_graph
    from tools.torture.enemy.operators import recorded_nodes
    from tools.torture.enemy.wire_changes import change_wire

    recorded_nodes()  # seconds, and not those of a case

    def change(data: bytes, dice: random.Random) -> bytes:
        if dice.random() < 0.4:
            return change_wire(data, dice)
        try:
            return change_graph(data, dice)[1]
        except (DecodeError, IndexError, ValueError):  # an input that is no model any more, or has nothing to change
            return change_wire(data, dice)

    return change


def _change_images() -> Change:
    from tools.torture.enemy.byte_changes import changed

    return changed


def _change_arrays() -> Change:
    from tools.torture.enemy.array_changes import change_arrays
    from tools.torture.enemy.byte_changes import changed

    def change(data: bytes, dice: random.Random) -> bytes:
        try:
            return change_arrays(data, dice, _CANARY)[1]
        except Exception:  # noqa: BLE001 - an input that is no .npz any more
            return changed(data, dice)

    return change


def _change_archive() -> Change:
    from tools.torture.enemy.bundle import TINY, read_files
    from tools.torture.enemy.byte_changes import changed
    from tools.torture.enemy.zip_changes import change_zip

    files = read_files(TINY)

    def change(data: bytes, dice: random.Random) -> bytes:
        return changed(data, dice) if dice.random() < 0.5 else change_zip(data, files, dice)[1]

    return change


def _change_checkpoint() -> Change:
    from tools.torture.enemy.byte_changes import changed

    def change(data: bytes, dice: random.Random) -> bytes:
        kind, content = data[:1], data[1:]
        if kind != b"w" or len(content) < 8:
            return kind + _change_json(content, dice)
        end = 8 + int.from_bytes(content[:8], "little")
        try:
            header = json.loads(content[8:end])
        except (ValueError, RecursionError):
            return kind + changed(content, dice)
        text = _change_json(json.dumps(header).encode(), dice)
        return kind + len(text).to_bytes(8, "little") + text + content[end:]

    return change


_WITH_CHECKPOINTS = ("vaeport", "vaeport_train", "vaeport_parity")

TARGETS = {
    target.name: target
    for target in (
        Target("manifest", ("vaeport",), _prepare_manifest, _change_manifest, 20_000),
        Target("graph", ("vaeport",), _prepare_graph, _change_graph, 20_000),
        Target("images", ("vaeport", "PIL"), _prepare_images, _change_images, 8_000),
        Target("arrays", ("vaeport",), _prepare_arrays, _change_arrays, 40_000),
        Target("archive", ("vaeport",), _prepare_archive, _change_archive, 40_000),
        Target(
            "checkpoint",
            _WITH_CHECKPOINTS,
            _prepare_checkpoint,
            _change_checkpoint,
            20_000,
        ),
    )
}
"""Every reader of a stranger's bytes, by name."""
