from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from vaeport_parity.backends.base import Arrays
from vaeport_parity.running.arrays import read_arrays, write_arrays

NAMES = ("file", "self", "args", "allow_pickle", "arr_0", "index", "a/b:0", "выход ä y.1", "", "x" * 5000, "../x")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_comes_back(name: str, tmp_path: Path) -> None:
    arrays: Arrays = {name: np.arange(3), f"{name} ": np.ones((2, 0), np.float32)}

    write_arrays(tmp_path / "arrays.npz", arrays)

    found = read_arrays(tmp_path / "arrays.npz")
    assert list(found) == list(arrays)
    assert all(np.array_equal(found[key], values) for key, values in arrays.items())


@pytest.mark.parametrize(
    "dtype",
    ["float16", "float32", "float64", "int8", "uint64", "int64", "bool", ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn],
)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_any_type_and_shape_comes_back(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.asarray(np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype)

    write_arrays(tmp_path / "arrays.npz", {"x": values})

    found = read_arrays(tmp_path / "arrays.npz")["x"]
    assert (found.dtype, found.shape, found.tobytes()) == (values.dtype, values.shape, values.tobytes())
