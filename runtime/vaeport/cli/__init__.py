"""The command `vaeport`: look at a bundle, prove it, classify and draw with it."""

import argparse
import warnings
from collections.abc import Sequence

from ..commands import command_parser, run_command
from . import (
    bench,
    classify,
    completion,
    dataset,
    doctor,
    generate,
    info,
    interpolate,
    reconstruct,
    restyle,
    style_grid,
    verify,
)

_VERBS = (
    doctor,
    info,
    verify,
    classify,
    generate,
    reconstruct,
    restyle,
    interpolate,
    style_grid,
    dataset,
    bench,
    completion,
)

_EXAMPLES = """  vaeport doctor                                 what this machine has, and what stands in the way
  vaeport verify models/mnist-blog               does it answer as PyTorch did, here?
  vaeport classify scans/ photo.jpg --fit mnist --csv
  vaeport generate 7 -n 8 --seed 3 -o sevens.png
  vaeport generate -o all-digits.png             every class, one column each
  vaeport reconstruct digit.png -o pair.png
  vaeport restyle digit.png -o my-hand.png       the same handwriting, every class
  vaeport interpolate two.png seven.png -o way.gif
  vaeport dataset -n 1000 -o synthetic.npz"""


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = command_parser("vaeport", "Run a vaeport bundle with numpy and onnxruntime alone.", examples=_EXAMPLES)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in _VERBS:
        verb.add_parser(verbs)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    arguments = make_parser().parse_args(argv)
    return run_command("vaeport", lambda: _dispatch(arguments))


def _dispatch(arguments: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn about files that they then refuse or repair
        code: int = arguments.run(arguments)
    return code
