"""`vaeport restyle`: somebody's handwriting, in other classes."""

import argparse

import numpy as np

from ..common.commands import print_json, print_line
from ..images.batch import to_uint8
from ..images.pictures import draw_grid, save_picture
from . import options
from .inputs import find_images


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "restyle",
        help="draw a handwriting as other classes",
        description="Draw the handwriting of each image as other classes, into one PNG: a row an image, what the model "
        "saw of it first, then a column a class.",
    )
    options.add_images(parser)
    parser.add_argument(
        "-l", "--label", action="append", metavar="LABEL", help="class to draw, may be given again (default: all)"
    )
    options.add_output(parser)
    options.add_bundle(parser)
    options.add_reading(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the picture."""
    model = options.load_model(arguments)
    names, images = zip(*find_images(arguments.files), strict=True)
    seen = model.read_images(images, **options.reading(arguments))
    grid = model.restyle(seen, arguments.label)
    tiles = np.concatenate([to_uint8(seen)[:, None], grid.to_uint8()], axis=1)
    path = save_picture(draw_grid(tiles, columns=("seen", *grid.labels), scale=2), arguments.output)
    if arguments.json:
        print_json({"output": str(path), "files": names, "labels": grid.labels})
    else:
        print_line(f"{path}: {len(grid)} handwriting{'s' * (len(grid) != 1)} as {', '.join(grid.labels)}")
    return 0
