"""`vaeport generate`: draw new images of the classes one asks for."""

import argparse

import numpy as np

from ..commands import positive_int, print_json
from ..pictures import draw_grid, save_picture
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
    parser.add_argument("--seed", type=int, default=0, help="same seed, same images, everywhere (default: %(default)s)")
    parser.add_argument("--temperature", type=float, default=1.0, metavar="T", help="scale of the latents (default: 1)")
    parser.add_argument("-o", "--output", required=True, metavar="PNG", help="picture to write")
    options.add_bundle(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the picture."""
    model = options.load_model(arguments)
    labels = arguments.labels or list(model.labels)
    drawn = [
        model.generate(label, arguments.n, seed=arguments.seed, temperature=arguments.temperature).to_uint8()
        for label in labels
    ]
    path = save_picture(draw_grid(np.stack(drawn, axis=1), columns=labels), arguments.output)
    if arguments.json:
        print_json({"output": str(path), "labels": labels, "n": arguments.n, "seed": arguments.seed})
    else:
        print(f"{path}: {arguments.n} of each of {', '.join(labels)}, seed {arguments.seed}")
    return 0
