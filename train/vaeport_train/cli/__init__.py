"""The command `vaeport-train`: train, go on, judge, evaluate."""

import argparse
from collections.abc import Sequence

from vaeport.common.commands import command_parser, run_command
from vaeport.common.extras import needs_extra

from . import evaluate, fit, judge, resume

_VERBS = (fit, resume, evaluate, judge)

_EXAMPLES = """  vaeport-train fit -o runs/first                            preset mlp on the digits inside the package
  vaeport-train fit --preset blog --data mnist -o runs/blog  the article's model; MNIST is downloaded once
  vaeport-train fit --set training.epochs=3 -o runs/short    any field of a preset can be changed
  vaeport-train fit --data photos/ --image-size 32 -o runs/photos
  vaeport-train fit --network my_nets.py:build -o runs/own   networks of your own (docs/training.md)
  vaeport-train fit --preset mine.toml --device cuda -o runs/mine
  vaeport-train resume runs/first                            go on after a stop
  vaeport-train evaluate runs/blog --data mnist --json
  vaeport-train judge --data mnist -o judge.safetensors      for: evaluate runs/blog --judge judge.safetensors"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    parser = command_parser(
        "vaeport-train", "Train a conditional VAE with a classifier in PyTorch.", examples=_EXAMPLES
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in _VERBS:
        verb.add_parser(verbs)
    arguments = parser.parse_args(argv)
    return run_command("vaeport-train", lambda: _dispatch(arguments))


def _dispatch(arguments: argparse.Namespace) -> int:
    with needs_extra("train"):
        # Fails here, in one place and before any work, if a package is missing.
        import matplotlib.figure  # noqa: F401
        import pooch  # noqa: F401

        import vaeport_train.running.run  # noqa: F401
    code: int = arguments.run(arguments)
    return code
