"""Changing a bundle on purpose, and keeping or mending its seal."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.digest import with_digest
from vaeport.contract import MANIFEST_FILE


def change_one_byte(path: Path) -> None:
    """Flip the bits of the middle byte of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def read_manifest(bundle: Path) -> dict[str, Any]:
    """Content of the manifest."""
    value: dict[str, Any] = json.loads((bundle / MANIFEST_FILE).read_text(encoding="utf-8"))
    return value


def write_manifest(bundle: Path, value: object) -> None:
    """Replace the manifest by one whose digest holds, whatever else it says."""
    if isinstance(value, dict):
        text = with_digest(json.dumps({k: v for k, v in value.items() if k != "digest"}, indent=2) + "\n")
    else:
        text = json.dumps(value)
    (bundle / MANIFEST_FILE).write_text(text, encoding="utf-8")


def reseal(bundle: Path, name: str, content: bytes) -> None:
    """Replace a file and make the manifest vouch for it."""
    (bundle / name).write_bytes(content)
    manifest = read_manifest(bundle)
    manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    write_manifest(bundle, manifest)


def read_arrays(bundle: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of the golden file."""
    with np.load(bundle / "golden.npz") as file:
        return {name: file[name] for name in file.files}


def reseal_arrays(bundle: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Replace the golden file."""
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    reseal(bundle, "golden.npz", content.getvalue())
