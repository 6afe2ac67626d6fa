"""`vaeport reconstruct`: what the model makes of an image."""

import argparse

import numpy as np

from ..commands import print_json
from ..images import to_uint8
from ..pictures import draw_grid, save_picture
from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "reconstruct",
        help="encode images and draw them again",
        description="Encode images and draw them again from their posterior means, into one PNG of two columns.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="image files")
    parser.add_argument("-o", "--output", required=True, metavar="PNG", help="picture to write")
    options.add_bundle(parser)
    options.add_polarity(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the picture, one row an image: what the model saw, what it drew."""
    model = options.load_model(arguments)
    answer = model.reconstruct(arguments.files, polarity=arguments.polarity)
    pairs = np.stack([to_uint8(answer.originals), answer.drawings.to_uint8()], axis=1)
    path = save_picture(draw_grid(pairs, columns=("seen", "drawn"), scale=3), arguments.output)
    error = np.mean((answer.originals - answer.drawings.pixels) ** 2, axis=(1, 2, 3))
    if arguments.json:
        files = [{"file": f, "mean_squared_error": float(e)} for f, e in zip(arguments.files, error, strict=True)]
        print_json({"output": str(path), "images": files})
    else:
        print(f"{path}: {len(answer)} images, mean squared error {float(error.mean()):.4f}")
    return 0
