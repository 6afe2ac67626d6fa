"""Options that several verbs take."""

import argparse

from ..bundle import DEFAULT_BUNDLE
from ..commands import positive_int
from ..loading import load
from ..model import Model


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """`--bundle`: which model answers."""
    parser.add_argument(
        "-b",
        "--bundle",
        default=DEFAULT_BUNDLE,
        metavar="BUNDLE",
        help="bundle folder, or name of a shipped bundle (default: %(default)s)",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device` and `--threads`: where and how wide it runs."""
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N or auto (default: %(default)s)")
    parser.add_argument("--threads", type=positive_int, metavar="N", help="threads (default: all that it may use)")


def add_polarity(parser: argparse.ArgumentParser) -> None:
    """`--polarity`: how the pictures are drawn."""
    parser.add_argument(
        "--polarity",
        choices=("auto", "dark-ink", "light-ink"),
        default="auto",
        help="how the images are drawn; auto looks at the border (default: %(default)s)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`: an answer for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def load_model(arguments: argparse.Namespace) -> Model:
    """The model that `add_bundle` and `add_device` name."""
    return load(arguments.bundle, device=arguments.device, threads=arguments.threads)
