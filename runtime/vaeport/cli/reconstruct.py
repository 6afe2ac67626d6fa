"""`vaeport reconstruct`: what the model makes of an image."""

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
        "reconstruct",
        help="encode images and draw them again",
        description="Encode images and draw them again from their posterior means, into one PNG of two columns. Where "
        "the bundle knows how held-out images score, the answer says how unusual each one is.",
    )
    options.add_images(parser)
    options.add_output(parser)
    options.add_bundle(parser)
    options.add_reading(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the picture, one row an image: what the model saw, what it drew."""
    model = options.load_model(arguments)
    names, images = zip(*find_images(arguments.files), strict=True)
    answer = model.reconstruct(images, **options.reading(arguments))
    unusual = model.anomaly_score(answer.originals).percentile if model.bundle.manifest.anomaly else None
    pairs = np.stack([to_uint8(answer.originals), answer.drawings.to_uint8()], axis=1)
    path = save_picture(draw_grid(pairs, columns=("seen", "drawn"), scale=3), arguments.output)
    error = np.mean((answer.originals - answer.drawings.pixels) ** 2, axis=(1, 2, 3))
    if arguments.json:
        rows = [
            {"file": name, "mean_squared_error": float(error[i])}
            | ({} if unusual is None else {"anomaly_percentile": float(unusual[i])})
            for i, name in enumerate(names)
        ]
        print_json({"output": str(path), "images": rows})
    else:
        print_line(f"{path}: {len(answer)} images, mean squared error {float(error.mean()):.4f}")
        if unusual is not None:
            most = int(unusual.argmax())
            print_line(f"most unusual is {names[most]}, more than {unusual[most]:.1f} % of held-out images")
    return 0
