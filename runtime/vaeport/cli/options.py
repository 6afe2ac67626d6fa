"""Options that several verbs take."""

import argparse
from typing import Any, Protocol, get_args

from ..bundle.opening import DEFAULT_BUNDLE
from ..common.commands import positive_int, real, whole_int
from ..contract import FP32
from ..images.fitting import Fit, Polarity
from ..model.model import Model, load


class Options(Protocol):
    """A parser, or a group of one."""

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:
        """As of `argparse`."""


def add_bundle(parser: Options) -> None:
    """`--bundle` and `--precision`: which model answers."""
    parser.add_argument(
        "-b",
        "--bundle",
        default=DEFAULT_BUNDLE,
        metavar="BUNDLE",
        help="bundle folder or zip, or name of a shipped bundle (default: %(default)s)",
    )
    add_digest(parser)
    add_trusted(parser)
    parser.add_argument(
        "--precision",
        default=FP32,
        metavar="NAME",
        help="which of the bundle's precisions answers: fp32, fp16, int8 (default: %(default)s)",
    )


def add_digest(parser: Options) -> None:
    """`--digest`: which bundle it must be."""
    parser.add_argument(
        "--digest", metavar="SHA256", help="refuse any bundle but the one of this digest (`vaeport info` prints it)"
    )


def add_trusted(parser: Options) -> None:
    """`--trusted`: what its graphs may do."""
    parser.add_argument(
        "--trusted",
        action="store_true",
        help="you trust the bundle's author: allow control flow, functions and sizes beyond the limits in its graphs",
    )


def add_device(parser: Options) -> None:
    """`--device` and `--threads`: where and how wide it runs."""
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N or auto (default: %(default)s)")
    parser.add_argument("--threads", type=positive_int, metavar="N", help="threads (default: all that it may use)")


def add_images(parser: Options) -> None:
    """Files, folders and standard input."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="image files (PNG, JPEG, BMP, GIF, WebP, TIFF), folders of them, or - for standard input",
    )


def add_reading(parser: Options) -> None:
    """`--polarity` and `--fit`: how the pictures are read."""
    parser.add_argument(
        "--polarity",
        choices=get_args(Polarity),
        help="how the images are drawn; auto looks which side of the paper's grey the ink is on, light-ink takes them "
        "as they are (default: what the bundle says)",
    )
    parser.add_argument(
        "--fit",
        choices=get_args(Fit),
        default="resize",
        help="stretch to the model's size; or crop to the ink and centre it as MNIST does; or take that size only "
        "(default: %(default)s)",
    )


def add_drawing(parser: Options) -> None:
    """`--seed`, `--start` and `--temperature`: which latents are drawn."""
    parser.add_argument(
        "--seed", type=whole_int, default=0, help="same seed, same images, everywhere (default: %(default)s)"
    )
    parser.add_argument("--start", type=whole_int, default=0, metavar="ROW", help="first row of the seed (default: 0)")
    parser.add_argument("--temperature", type=real, default=1.0, metavar="T", help="scale of the latents (default: 1)")


def add_output(parser: Options, *, metavar: str = "PNG", what: str = "picture to write") -> None:
    """`--output`: where the result goes."""
    parser.add_argument("-o", "--output", required=True, metavar=metavar, help=what)


def add_json(parser: Options) -> None:
    """`--json`: an answer for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def drawing(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_drawing` was told, as arguments of the model's methods."""
    return {"seed": arguments.seed, "start": arguments.start, "temperature": arguments.temperature}


def reading(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_reading` was told, as arguments of the model's methods."""
    return {"polarity": arguments.polarity, "fit": arguments.fit}


def load_model(arguments: argparse.Namespace) -> Model:
    """The model that `add_bundle` and `add_device` name."""
    return load(
        arguments.bundle,
        precision=arguments.precision,
        device=arguments.device,
        threads=arguments.threads,
        digest=arguments.digest,
        trusted=arguments.trusted,
    )
