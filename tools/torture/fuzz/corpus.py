"""Seeds for the fuzzer: real files of every kind, small, and the words that JSON readers look for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..enemy.array_changes import packed_arrays, read_arrays
from ..enemy.bundle import TINY, dice, entries_of, manifest_of, manifest_text, read_files, with_digest
from ..enemy.checkpoint_changes import checkpoint_files
from ..enemy.graph_changes import change_graph
from ..enemy.operators import recorded_nodes
from ..enemy.zip_changes import archive_of, written

_MODELS = Path(__file__).parents[3] / "models"
_GRAFTED = 60
_ORIENTATION = 0x0112


def write_corpus(target: str, folder: Path) -> None:
    """Write the seeds of a target into a folder, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(_SEEDS[target]()):
        (folder / f"seed{number}").write_bytes(content)


def write_words(target: str, path: Path) -> None:
    """Write the dictionary of a target: the tokens of its seeds that bytes alone would hardly hit upon."""
    path.write_text("".join(f'"{_escaped(word)}"\n' for word in sorted(_WORDS[target]())), encoding="ascii")


def _manifests() -> Iterator[bytes]:
    files = read_files(TINY)
    yield files["bundle.json"]
    manifest = {**manifest_of(files), "files": entries_of(files)}
    yield with_digest(manifest_text(manifest))
    del manifest["anomaly"]
    manifest |= {"polarity": "dark-ink", "precision_figures": {"fp16": {"psnr": 60}}}
    yield with_digest(manifest_text(manifest))
    yield (_MODELS / "mnist-blog/bundle.json").read_bytes()
    yield b"{}"


def _graphs() -> Iterator[bytes]:
    files = read_files(TINY)
    originals = [files[f"fp32/{graph}/model.onnx"] for graph in ("encoder_classifier", "decoder")]
    yield from originals
    recorded_nodes()
    for number in range(_GRAFTED):
        yield change_graph(originals[number % 2], dice(0, number))[1]


def _images() -> Iterator[bytes]:
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (9, 7, 3), np.uint8))
    pictures = {mode: colour.convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")}
    deep = Image.fromarray(rng.integers(0, 65536, (6, 5), np.uint16))
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield _saved(pictures[mode], "PNG")
    yield _saved(deep, "PNG")
    yield _saved(pictures["P"], "PNG", transparency=3)
    for mode in ("L", "RGB", "CMYK"):
        yield _saved(pictures[mode], "JPEG", exif=exif)
    yield _saved(pictures["RGB"], "JPEG", progressive=True)
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield _saved(pictures[mode], "BMP")
    yield _saved(pictures["P"], "GIF")
    yield _saved(pictures["P"], "GIF", save_all=True, append_images=[pictures["P"].rotate(90)], transparency=1)
    for lossless in (True, False):
        yield _saved(pictures["RGBA"], "WEBP", lossless=lossless, exif=exif)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "group4", "jpeg"):
        yield _saved(pictures["1" if compression == "group4" else "RGB"], "TIFF", compression=compression)
    yield _saved(deep, "TIFF")


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def _arrays() -> Iterator[bytes]:
    content = (TINY / "golden.npz").read_bytes()
    yield content
    arrays = read_arrays(content)
    yield packed_arrays(arrays, compressed=True)
    yield packed_arrays({name: np.asfortranarray(array[:1]) for name, array in arrays.items()})


def _archives() -> Iterator[bytes]:
    files = read_files(TINY)
    archive = archive_of(files)
    yield written(archive)
    yield written(replace(archive, large=True))
    yield written(replace(archive, comment=b"a comment"))
    yield written(archive_of({**files, "fp32/": b""}))
    yield written(archive_of({"bundle.json": files["bundle.json"]}))


def _checkpoints() -> Iterator[bytes]:
    files = checkpoint_files()
    yield b"c" + files["checkpoint/config.json"]
    yield b"w" + files["checkpoint/model.safetensors"]
    for name in ("encoder_classifier", "decoder"):
        yield b"p" + files[f"checkpoint/{name}.json"]


_SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "manifest": _manifests,
    "graph": _graphs,
    "images": _images,
    "arrays": _arrays,
    "archive": _archives,
    "checkpoint": _checkpoints,
}


def _keys(value: object) -> set[str]:
    """Every key and short text in a JSON value, quoted."""
    if isinstance(value, dict):
        return {json.dumps(key) for key in value} | set().union(*map(_keys, value.values()))
    if isinstance(value, list):
        return set().union(*map(_keys, value))
    return {json.dumps(value)} if isinstance(value, str) and len(value) < 40 else set()


_TOKENS = {"null", "true", "false", "1e999", "-1", "NaN", "[[", "{}", "[]", '":', "\\ud800"}

_WORDS: dict[str, Callable[[], set[str]]] = {
    "manifest": lambda: _TOKENS | _keys(json.loads((TINY / "bundle.json").read_bytes())),
    "graph": lambda: {
        "image",
        "z_mean",
        "class_probs",
        "\x08\x07",
        "\x12\x00",
        "ai.onnx",
        "location",
        "vaeport.labels",
    },
    "images": lambda: {
        "IHDR",
        "IDAT",
        "IEND",
        "PLTE",
        "tRNS",
        "eXIf",
        "iCCP",
        "acTL",
        "\xff\xd8",
        "RIFF",
        "WEBP",
        "GIF89a",
    },
    "arrays": lambda: {
        "PK\x01\x02",
        "PK\x03\x04",
        "PK\x05\x06",
        "\x93NUMPY",
        "'descr'",
        "'shape'",
        "|O",
        "<f4",
        "True",
    },
    "archive": lambda: {"PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "PK\x06\x06", "PK\x06\x07", "bundle.json", "../"},
    "checkpoint": lambda: _TOKENS | set().union(*(_keys(json.loads(c[1:])) for c in _checkpoints() if c[:1] != b"w")),
}


def _escaped(word: str) -> str:
    """A word as libFuzzer's dictionaries have it."""
    return "".join(
        character if " " <= character <= "~" and character not in '"\\' else f"\\x{byte:02X}"
        for character in word
        for byte in character.encode("latin-1", "replace")
    )
