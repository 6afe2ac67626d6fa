"""The committed tiny bundle is what its script makes."""

from pathlib import Path

import pytest

COMMITTED = Path(__file__).parent / "tiny"


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_script_makes_the_committed_bytes(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx makes the tiny bundle's graphs")
    from tests.runtime.make_tiny_bundle import make

    make(tmp_path / "tiny")

    assert _contents(tmp_path / "tiny") == _contents(COMMITTED)


def test_tiny_bundle_is_a_few_kilobytes() -> None:
    assert sum(len(content) for content in _contents(COMMITTED).values()) < 20_000
