"""What every test sees: the versions that it runs with, and a bundle that is small enough to break."""

import importlib.metadata
import platform
import shutil
from pathlib import Path

import pytest

from vaeport.errors import MissingExtraError
from vaeport.sessions.session import import_onnxruntime

_TINY = Path(__file__).parent / "runtime/tiny"


def pytest_report_header() -> list[str]:
    """Versions and execution providers."""
    versions = {name: _version(name) for name in ("numpy", "pillow", "onnxruntime", "onnxruntime-gpu", "torch", "onnx")}
    installed = [f"{name} {version}" for name, version in versions.items() if version is not None]
    return [
        f"versions: python {platform.python_version()}, {', '.join(installed)}",
        f"execution providers: {_providers()}",
    ]


@pytest.fixture
def tiny_bundle(tmp_path: Path) -> Path:
    """A copy of the committed tiny bundle, to be changed at will."""
    return shutil.copytree(_TINY, tmp_path / "tiny")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _providers() -> str:
    try:
        return ", ".join(import_onnxruntime().get_available_providers())
    except MissingExtraError as error:
        return f"none, {error}"
