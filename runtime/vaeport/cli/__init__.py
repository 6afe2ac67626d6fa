"""The command `vaeport`: look at a bundle, prove it, classify and draw with it."""

import argparse
import warnings
from collections.abc import Sequence

from ..commands import command_parser, run_command
from . import classify, generate, info, reconstruct, verify

_VERBS = (info, verify, classify, generate, reconstruct)

_EXAMPLES = """  vaeport info                                   what the shipped bundle is
  vaeport verify models/mnist-blog               does it answer as PyTorch did, here?
  vaeport classify digit.png photo.jpg --json
  vaeport generate 7 -n 8 --seed 3 -o sevens.png
  vaeport generate -o all-digits.png             every class, one column each
  vaeport reconstruct digit.png -o pair.png"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    parser = command_parser("vaeport", "Run a vaeport bundle with numpy and onnxruntime alone.", examples=_EXAMPLES)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in _VERBS:
        verb.add_parser(verbs)
    arguments = parser.parse_args(argv)
    return run_command("vaeport", lambda: _dispatch(arguments))


def _dispatch(arguments: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn about files that they then refuse or repair
        code: int = arguments.run(arguments)
    return code
