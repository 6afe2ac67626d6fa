"""`vaeport generate`: draw new images of the classes one asks for."""

import argparse

from ..common.commands import positive_int, print_json, print_line
from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "generate",
        help="draw new images",
        description="Draw new images into one PNG: a column for each label; each row shares one latent, so one style.",
    )
    parser.add_argument("labels", nargs="*", metavar="LABEL", help="classes to draw (default: all)")
    parser.add_argument("-n", type=positive_int, default=10, metavar="N", help="images a label (default: %(default)s)")
    options.add_drawing(parser)
    options.add_output(parser)
    options.add_bundle(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the picture."""
    model = options.load_model(arguments)
    grid = model.style_grid(arguments.n, labels=arguments.labels or None, **options.drawing(arguments))
    path = grid.save(arguments.output)
    if arguments.json:
        print_json({"output": str(path), "labels": grid.labels, "n": len(grid), "seed": arguments.seed})
    else:
        print_line(f"{path}: {len(grid)} of each of {', '.join(grid.labels)}, seed {arguments.seed}")
    return 0
