"""`vaeport-train fit`: train into a new run folder."""

import argparse

from . import options
from .training import trained


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser("fit", help="train into a new run folder", description="Train into a new run folder.")
    parser.add_argument("--preset", default="mlp", help="configuration to begin with: mlp, conv or blog (default: mlp)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="change a field of the preset"
    )
    parser.add_argument("-o", "--output", required=True, metavar="RUN", help="run folder to make")
    options.add_data(parser, default="mnist-5k")
    options.add_image_shape(parser)
    options.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train and print the last epoch."""
    from ..configuration.parsing import load_preset
    from ..running.run import fit

    config = load_preset(arguments.preset, arguments.settings)
    dataset = options.dataset(arguments, arguments.data, options.image_shape(arguments))
    return trained(
        arguments,
        arguments.output,
        lambda: fit(arguments.output, arguments.preset, config, dataset, quiet=arguments.quiet),
    )
