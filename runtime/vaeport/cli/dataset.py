"""`vaeport dataset`: a synthetic labelled data set."""

import argparse
from pathlib import Path

from ..common.commands import positive_int, print_json, print_line
from . import options

_ARRAYS = ".npz"


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "dataset",
        help="draw a labelled data set",
        description="Draw a labelled data set, no latent twice: a folder with one folder of PNGs a class, or arrays if "
        "the output's name ends in .npz. `vaeport-train fit --data` takes both.",
    )
    parser.add_argument("labels", nargs="*", metavar="LABEL", help="classes to draw (default: all)")
    parser.add_argument("-n", type=positive_int, default=100, metavar="N", help="images a class (default: %(default)s)")
    options.add_drawing(parser)
    options.add_output(parser, metavar="FOLDER|NPZ", what="folder or .npz file to write; a folder must be new")
    options.add_bundle(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the set."""
    model = options.load_model(arguments)
    data = model.sample_dataset(arguments.n, labels=arguments.labels or None, **options.drawing(arguments))
    arrays = Path(arguments.output).suffix.lower() == _ARRAYS
    path = data.save_npz(arguments.output) if arrays else data.save_folder(arguments.output)
    if arguments.json:
        print_json(
            {
                "output": str(path),
                "labels": data.class_names,
                "n": arguments.n,
                "images": len(data),
                "seed": arguments.seed,
            }
        )
    else:
        print_line(
            f"{path}: {len(data)} images, {arguments.n} of each of {', '.join(data.class_names)}, seed {arguments.seed}"
        )
    return 0
