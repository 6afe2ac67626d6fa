"""Arrays from a stranger: headers first, then only what is wanted, and never more than a stated size."""

import io
import resource
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import vaeport
from tests.runtime.tampering import read_arrays, reseal, reseal_arrays
from vaeport.bundle.arrays import ArraysFile
from vaeport.errors import BundleError


def _npz(arrays: dict[str, np.ndarray], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", part.getvalue())
    return content.getvalue()


def _raw(header: bytes, values: bytes = b"") -> bytes:
    """An `.npz` of one array `x` whose header is as given."""
    padded = header + b" " * (63 - (10 + len(header)) % 64) + b"\n"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + values)
    return content.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        np.arange(6, dtype=">i8"),
        np.zeros((0, 3), np.float32),
        np.array(3, np.uint8),
    ],
)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_array_is_read_as_numpy_reads_it(array: np.ndarray, compression: int) -> None:
    content = _npz({"x": array}, compression=compression)

    read = ArraysFile(content, "file").read(["x"])["x"]

    expected = np.load(io.BytesIO(content))["x"]
    np.testing.assert_array_equal(read, expected)
    assert (read.shape, read.dtype) == (expected.shape, array.dtype.newbyteorder("="))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x05\x06",
        _npz({"x": np.array([object()], object)}),
        _raw(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", b"\0" * 8),
        _raw(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", b"\0" * 16),
        _raw(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }", b"\0" * 12),
        _raw(b"{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }", b"\0" * 4),
        _raw(b"{'descr': '<f4', 'fortran_order': False, 'shape': 3, }", b"\0" * 12),
        _raw(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\0" * 8),
        _raw(b"{'descr': '<f4', 'fortran_order': False, 'shape': (10**9,)*9, }"),
        _raw(b"__import__('os').system('true')"),
        _raw(b"(" * 500),
        _raw(b"{" + b"'a':" * 500),
        _raw(b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"1," * 1200 + b"), }", b"\0" * 4),
    ],
)
def test_file_that_lies_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"^file (cannot be read|holds)"):
        ArraysFile(content, "file")


def test_array_that_stands_twice_is_refused() -> None:
    content = io.BytesIO(_npz({"x": np.zeros(3)}))
    with zipfile.ZipFile(content, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("x.npy", b"")

    with pytest.raises(BundleError, match="an array twice"):
        ArraysFile(content.getvalue(), "file")


def test_more_than_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaeport.bundle.arrays.MAX_GOLDEN_BYTES", 1000)
    file = ArraysFile(_npz({"small": np.zeros(100), "large": np.zeros(1000)}), "file")

    assert len(file.read(["small"])["small"]) == 100
    with pytest.raises(BundleError, match="holds arrays of 8800 bytes, more than 1000"):
        file.read(["small", "large"])


def test_flood_of_arrays_is_refused() -> None:
    with pytest.raises(BundleError, match="holds 1025 arrays, more than 1024"):
        ArraysFile(_npz({f"{n}": np.zeros(1) for n in range(1025)}), "file")


def test_array_that_nobody_asked_for_is_never_inflated(tiny_bundle: Path) -> None:
    arrays = read_arrays(tiny_bundle)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in {**arrays, "bomb": np.zeros(60_000_000, np.float32)}.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array)
    reseal(tiny_bundle, "golden.npz", content.getvalue())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert vaeport.verify(tiny_bundle).holds
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    assert grown < 100_000_000


def test_more_rows_than_the_limit_are_refused_by_their_headers(tiny_bundle: Path) -> None:
    arrays = read_arrays(tiny_bundle)
    rows = 2**22
    for name, array in arrays.items():
        if name == "labels" or name.startswith("encoder_classifier"):
            arrays[name] = np.zeros((rows, *array.shape[1:]), array.dtype)
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    reseal(tiny_bundle, "golden.npz", content.getvalue())

    with pytest.raises(BundleError, match=r"golden\.npz holds arrays of \d+ bytes, more than 268435456"):
        vaeport.verify(tiny_bundle)


def test_big_endian_golden_answers_hold(tiny_bundle: Path) -> None:
    arrays = {name: array.astype(array.dtype.newbyteorder(">")) for name, array in read_arrays(tiny_bundle).items()}
    reseal_arrays(tiny_bundle, arrays)

    assert vaeport.verify(tiny_bundle).holds
