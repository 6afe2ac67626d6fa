"""`vaeport-train fit`: train into a new run folder."""

import argparse
from pathlib import Path

from ..configuration.preset_files import preset_names
from ..networks.registry import kinds
from . import options
from .training import trained


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    known = "; ".join(f"{kind.name}: {kind.help}" for kind in kinds())
    parser = verbs.add_parser(
        "fit",
        help="train into a new run folder",
        description="Train into a new run folder.",
        epilog=f"kinds of networks: {known}.",
    )
    parser.add_argument(
        "--preset",
        default="mlp",
        metavar="NAME|FILE.toml",
        help=f"configuration to begin with: {', '.join(preset_names())}, or a TOML file of yours (default: mlp)",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="change a field of the preset"
    )
    parser.add_argument(
        "--network",
        metavar="FILE.py:NAME",
        help="train networks of your own: a function that returns an object with encoder, classifier and decoder; the "
        "preset gives the objective and the training",
    )
    parser.add_argument("-o", "--output", required=True, metavar="RUN", help="run folder to make")
    options.add_data(parser, default="mnist-5k")
    options.add_image_shape(parser)
    options.add_device(parser)
    options.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train and print the last epoch."""
    from .. import api
    from ..running.distributed import environment
    from ..running.run import check_folder

    if environment().first:
        check_folder(Path(arguments.output))
    return trained(
        arguments,
        arguments.output,
        lambda: api.fit(
            arguments.output,
            data=options.dataset(arguments, arguments.data, options.image_shape(arguments)),
            preset=arguments.preset,
            settings=arguments.settings,
            network=arguments.network,
            device=arguments.device,
            quiet=arguments.quiet,
        ),
    )
