"""`golden.npz` that is damaged, or something else, is one BundleError; nothing in it is unpickled."""

import io
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.tampering import read_arrays
from vaeport.bundle.golden import parse_golden
from vaeport.contract import Shapes
from vaeport.errors import BundleError

TINY = Path(__file__).parent / "tiny"
SHAPES = Shapes((1, 4, 4), 2, 3)


def _packed(*, compressed: bool) -> bytes:
    content = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(content, **read_arrays(TINY))  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    return content.getvalue()


@pytest.mark.parametrize("compressed", [True, False])
def test_arrays_survive_the_round_trip(compressed: bool) -> None:
    golden = parse_golden(_packed(compressed=compressed), SHAPES)

    written = golden.to_arrays()

    assert written.keys() == read_arrays(TINY).keys()
    for name, array in read_arrays(TINY).items():
        np.testing.assert_array_equal(written[name], array)


def test_images_meet_the_graph_divided_by_255() -> None:
    golden = parse_golden(_packed(compressed=False), SHAPES)

    np.testing.assert_array_equal(
        golden.inputs("encoder_classifier")["image"], golden.images.astype(np.float32) / np.float32(255)
    )


def _npy() -> bytes:
    content = io.BytesIO()
    np.save(content, np.zeros(3))
    return content.getvalue()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x93NUMPY", _npy()], ids=repr)
def test_other_content_raises_bundle_error(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"golden\.npz cannot be read"):
        parse_golden(content, SHAPES)


@pytest.mark.parametrize("compressed", [True, False])
def test_damage_raises_nothing_but_bundle_error(compressed: bool) -> None:
    content = _packed(compressed=compressed)
    refused = 0

    for position in range(0, len(content), 7):
        damaged = content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]
        try:
            parse_golden(damaged, SHAPES)
        except BundleError:
            refused += 1

    assert refused > 100


def test_object_arrays_are_not_unpickled() -> None:
    content = io.BytesIO()
    np.savez(content, **{**read_arrays(TINY), "labels": np.array([print], dtype=object)})  # type: ignore[arg-type]

    with pytest.raises(BundleError, match=r"golden\.npz cannot be read"):
        parse_golden(content.getvalue(), SHAPES)
