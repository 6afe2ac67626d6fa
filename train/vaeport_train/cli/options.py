"""Which data a verb works on, and options that several take."""

import argparse
import sys
from typing import TYPE_CHECKING

from vaeport.common.commands import print_line

if TYPE_CHECKING:
    from ..data import Dataset
    from ..running.checkpoint import DataRecord

_MOST_PIXELS = 4096


def add_data(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    """`--data` and how it is read."""
    parser.add_argument(
        "--data",
        default=default,
        help="mnist-5k, mnist, fashion-mnist, kmnist, a folder with one sub-folder of images a class, or an .npz file "
        f"with images and labels (default: {default or 'what the run was trained on'})",
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="folder of original files (default: VAEPORT_DATA_DIR, or download once)"
    )
    parser.add_argument("--strict", action="store_true", help="an unreadable image is an error, instead of skipped")


def add_image_shape(parser: argparse.ArgumentParser) -> None:
    """`--image-size` and `--rgb`, for folders of images."""
    parser.add_argument(
        "--image-size",
        type=image_size,
        default=(28, 28),
        metavar="SIZE",
        help="of a folder's images: 28, or 32x24 (W x H)",
    )
    parser.add_argument("--rgb", action="store_true", help="read a folder's images in colour (default: grey)")


def image_shape(arguments: argparse.Namespace) -> tuple[int, int, int]:
    """Channels, height and width that `add_image_shape`'s options ask for."""
    height, width = arguments.image_size
    return 3 if arguments.rgb else 1, height, width


def image_size(text: str) -> tuple[int, int]:
    """Height and width from `28` or `WIDTHxHEIGHT`."""
    width, _, height = text.partition("x")
    size = int(height or width), int(width)
    if min(size) < 1 or max(size) > _MOST_PIXELS or text.endswith("x"):
        raise argparse.ArgumentTypeError(f"{text!r} is no image size from 1 to {_MOST_PIXELS}")
    return size


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="auto, cpu, cuda, cuda:N or mps; auto takes a GPU if there is one, and the output says which device ran "
        "(default: auto)",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """`--quiet` and `--json`."""
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def dataset(arguments: argparse.Namespace, name: str, image_shape: tuple[int, int, int]) -> "Dataset":
    """Load a data set, and name the files that were skipped on stderr."""
    from ..data import FolderOptions, load_dataset

    options = FolderOptions(image_shape, arguments.strict)
    return _reported(load_dataset(name, data_dir=arguments.data_dir, folder_options=options))


def dataset_like(arguments: argparse.Namespace, data: "DataRecord") -> "Dataset":
    """The data that was given, else what was trained on, brought to the image size that was trained on."""
    from ..api import dataset_of_run

    return _reported(
        dataset_of_run(arguments.folder, data, arguments.data, data_dir=arguments.data_dir, strict=arguments.strict)
    )


def _reported(loaded: "Dataset") -> "Dataset":
    from ..running.distributed import environment

    if environment().first:
        for reason in loaded.skipped:
            print_line(f"vaeport-train: skipped: {reason}", file=sys.stderr)
    return loaded
