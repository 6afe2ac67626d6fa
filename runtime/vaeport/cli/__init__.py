"""The command `vaeport`: look at a bundle, prove it, classify and draw with it."""

import argparse
import importlib
import sys
import warnings
from collections.abc import Sequence

from ..common.commands import command_parser, run_command

VERBS = (
    "doctor",
    "info",
    "verify",
    "classify",
    "generate",
    "reconstruct",
    "restyle",
    "interpolate",
    "style-grid",
    "dataset",
    "pack",
    "bench",
    "completion",
)
"""Each has a module of its name in here, with `add_parser` and `run`."""

_EXAMPLES = """  vaeport doctor                                 what this machine has, and what stands in the way
  vaeport verify models/mnist                    does it answer as its original did, here?
  vaeport classify scans/ photo.jpg --fit mnist --csv
  vaeport generate 7 -n 8 --seed 3 -o sevens.png
  vaeport generate -o all-digits.png             every class, one column each
  vaeport reconstruct digit.png -o pair.png
  vaeport restyle digit.png -o my-hand.png       the same handwriting, every class
  vaeport interpolate two.png seven.png -o way.gif
  vaeport dataset -n 1000 -o synthetic.npz
  vaeport pack models/mnist -o mnist.vaeport     the bundle as one file"""


def make_parser(verbs: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    """The command line, with all verbs or some."""
    parser = command_parser("vaeport", "Run a vaeport bundle with numpy and onnxruntime alone.", examples=_EXAMPLES)
    group = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in verbs:
        importlib.import_module(f".{verb.replace('-', '_')}", __package__).add_parser(group)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    words = sys.argv[1:] if argv is None else argv
    named = [verb for verb in VERBS if verb in words[:1]]  # the others need not even be imported
    arguments = make_parser(named or VERBS).parse_args(words)
    return run_command("vaeport", lambda: _dispatch(arguments))


def _dispatch(arguments: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn about files that they then refuse or repair
        code: int = arguments.run(arguments)
    return code
