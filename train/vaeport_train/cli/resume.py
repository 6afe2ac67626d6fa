"""`vaeport-train resume`: go on with a run."""

import argparse
from pathlib import Path

from . import options
from .training import trained


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "resume", help="go on with a run", description="Go on with a run from where it was saved last."
    )
    parser.add_argument("folder", metavar="RUN", help="run folder")
    options.add_data(parser, default=None)
    options.add_device(parser)
    options.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train on and print the last epoch."""
    from .. import api
    from ..running.checkpoint import load_record

    record = load_record(Path(arguments.folder))
    return trained(
        arguments,
        arguments.folder,
        lambda: api.resume(
            arguments.folder,
            data=options.dataset_like(arguments, record.data),
            device=arguments.device,
            quiet=arguments.quiet,
        ),
    )
