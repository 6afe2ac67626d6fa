"""`vaeport-train evaluate`: measure a run."""

import argparse
from dataclasses import asdict

from vaeport.commands import print_json, print_table

from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "evaluate",
        help="measure a run",
        description="Measure a run on a data set; the figures are kept in the run folder and go into its bundle.",
    )
    parser.add_argument("folder", metavar="RUN", help="run folder")
    options.add_data(parser, default=None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, keep and print the figures."""
    from ..run import evaluate_run

    figures = evaluate_run(arguments.folder, options.dataset_of_run(arguments))
    if arguments.json:
        print_json({key: asdict(value) for key, value in figures.items()})
        return 0
    rows = [
        (
            key,
            str(f.images),
            f"{f.vae_loss:.2f}",
            f"{f.reconstruction:.2f}",
            f"{f.kl:.2f}",
            f"{f.negative_elbo_given_label:.2f}",
            f"{f.classification_loss:.3f}",
            f"{100 * f.classification_error:.2f} %",
            f"{100 * f.classification_error_95[0]:.2f} to {100 * f.classification_error_95[1]:.2f} %",
        )
        for key, f in figures.items()
    ]
    header = (
        "images",
        "count",
        "VAE loss",
        "reconstr.",
        "KL",
        "-ELBO given y",
        "class. loss",
        "error",
        "95 % interval",
    )
    print_table(header, rows)
    return 0
