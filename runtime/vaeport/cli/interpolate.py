"""`vaeport interpolate`: the way from one image to another."""

import argparse
from pathlib import Path

from ..common.commands import positive_int, print_json, print_line
from ..errors import ImageError
from . import options
from .inputs import find_images

_FILM = ".gif"


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "interpolate",
        help="draw the way from one image to another",
        description="Draw the way from one image to another through the latent space: a strip, or a film if the "
        "output's name ends in .gif.",
    )
    parser.add_argument("first", metavar="FROM", help="image file, or - for standard input")
    parser.add_argument("second", metavar="TO", help="image file, or - for standard input")
    parser.add_argument("-n", type=positive_int, default=10, metavar="N", help="drawings, at least 2 (default: 10)")
    parser.add_argument("-l", "--label", metavar="LABEL", help="class of all drawings (default: those of the ends)")
    options.add_output(parser, metavar="PNG|GIF")
    options.add_bundle(parser)
    options.add_reading(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the strip or the film."""
    model = options.load_model(arguments)
    ends = find_images([arguments.first, arguments.second])
    if len(ends) != 2:
        raise ImageError(f"{len(ends)} images were named to interpolate between; name one at each end, and no folder")
    (_, first), (_, second) = ends
    way = model.interpolate(first, second, arguments.n, label=arguments.label, **options.reading(arguments))
    film = Path(arguments.output).suffix.lower() == _FILM
    path = way.save_gif(arguments.output) if film else way.save(arguments.output, columns=len(way))
    if arguments.json:
        print_json({"output": str(path), "steps": len(way), "from": arguments.first, "to": arguments.second})
    else:
        print_line(f"{path}: {len(way)} drawings from {arguments.first} to {arguments.second}")
    return 0
