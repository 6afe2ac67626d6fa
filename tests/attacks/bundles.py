"""Hostile bundles: a clean one, changed, and sealed again so that every size, hash and digest is right."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.contract import MANIFEST_FILE

_ROOT = Path(__file__).parents[2]

Values = dict[str, Any]

DECODER_FILE = "fp32/decoder/model.onnx"
ENCODER_FILE = "fp32/encoder_classifier/model.onnx"


def tiny(folder: Path) -> Path:
    """The clean tiny bundle of the runtime's tests, `folder/bundle`."""
    return shutil.copytree(_ROOT / "tests/runtime/tiny", folder / "bundle")


def trained_bundle(folder: Path) -> Path:
    """A clean bundle with its PyTorch original and the record of its run, `folder/bundle`."""
    return shutil.copytree(_ROOT / "models/mnist-blog", folder / "bundle")


def sealed_text(text: str) -> str:
    """A manifest's text with the digest that covers it, as docs/security.md has it; written here a second time."""
    assert text.startswith("{\n")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return text[:2] + f'  "digest": "sha256:{digest}",\n' + text[2:]


def manifest_text(bundle: Path) -> str:
    """The manifest's text without its digest line."""
    lines = (bundle / MANIFEST_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith('  "digest"'))


def write_manifest(bundle: Path, text: str) -> Path:
    """Replace the manifest by a text, digest and all; gives the bundle."""
    (bundle / MANIFEST_FILE).write_bytes(sealed_text(text).encode("utf-8", "surrogatepass"))
    return bundle


def with_manifest(bundle: Path, change: Callable[[Values], object]) -> Path:
    """Change the manifest's values in place."""
    values = json.loads(manifest_text(bundle))
    change(values)
    return write_manifest(bundle, json.dumps(values, indent=2) + "\n")


def with_text(bundle: Path, old: str, new: str) -> Path:
    """Replace the one place in the manifest's text."""
    text = manifest_text(bundle)
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the manifest"
    return write_manifest(bundle, text.replace(old, new))


def with_file(bundle: Path, name: str, content: bytes) -> Path:
    """Replace or add a file, and make the manifest vouch for it."""
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_bytes(content)
    entry = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return with_manifest(bundle, lambda values: values["files"].update({name: entry}))


def with_golden(bundle: Path, change: Callable[[dict[str, NDArray[Any]]], object]) -> Path:
    """Change the golden arrays in place."""
    with np.load(bundle / "golden.npz") as file:
        arrays = {name: file[name] for name in file.files}
    change(arrays)
    content = io.BytesIO()
    np.savez(content, **arrays)
    return with_file(bundle, "golden.npz", content.getvalue())


def with_json(bundle: Path, name: str, change: Callable[[Values], object]) -> Path:
    """Change the values of a JSON file of the bundle in place."""
    values = json.loads((bundle / name).read_text(encoding="utf-8"))
    change(values)
    return with_file(bundle, name, json.dumps(values).encode())
