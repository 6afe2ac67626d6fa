import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from vaeport.errors import InputError
from vaeport_train.data import load_dataset
from vaeport_train.data.idx import parse_idx


def idx(shape: tuple[int, ...], data: bytes) -> bytes:
    return b"\x00\x00\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


def test_idx_becomes_an_array() -> None:
    array = parse_idx(idx((2, 3), bytes(range(6))))

    assert array.dtype == np.uint8
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert array.flags.writeable


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x08", "not an IDX file"),
        (b"\x00\x00\x0d\x01" + bytes(8), "not an IDX file"),
        (b"\x89PNG" + bytes(20), "not an IDX file"),
        (b"\x00\x00\x08\x03" + bytes(8), "truncated"),
        (idx((2, 3), bytes(5)), "holds 5 bytes"),
        (idx((2, 3), bytes(7)), "holds 7 bytes"),
        (idx((2**31, 2**31, 4), b""), "holds 0 bytes"),
    ],
    ids=["empty", "short-magic", "floats", "png", "short-header", "short-data", "long-data", "overflowing-sizes"],
)
def test_damaged_idx_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse_idx(content)


def test_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz.*--data-dir"):
        load_dataset("mnist", data_dir=tmp_path)


def test_data_folder_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEPORT_DATA_DIR", str(tmp_path / "from-environment"))

    with pytest.raises(InputError, match="from-environment"):
        load_dataset("mnist")


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip at all", gzip.compress(bytes(1000))[:-9], gzip.compress(bytes(1000))[:20] + b"\xff" * 20],
    ids=["empty", "text", "truncated", "scrambled"],
)
def test_corrupt_gzip_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)

    with pytest.raises(InputError, match=r"^[^\n]*train-images-idx3-ubyte\.gz[^\n]*$"):
        load_dataset("mnist", data_dir=tmp_path)


@pytest.mark.parametrize("folder", ["", "mnist"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_file_that_is_not_mnist_is_refused(folder: str, suffix: str, tmp_path: Path) -> None:
    content = idx((1, 28, 28), bytes(784))
    (tmp_path / folder).mkdir(exist_ok=True)
    file = tmp_path / folder / f"train-images-idx3-ubyte{suffix}"
    file.write_bytes(gzip.compress(content) if suffix else content)

    with pytest.raises(InputError, match="train-images-idx3-ubyte.*MD5"):
        load_dataset("mnist", data_dir=tmp_path)
