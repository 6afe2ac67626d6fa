"""`vaeport classify`: which class each image shows."""

import argparse

from ..commands import print_json, print_table
from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "classify",
        help="say which class images show",
        description="Classify image files. Dark ink on light paper is turned round, other sizes are resized.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="image files: PNG, JPEG, BMP, GIF, WebP or TIFF")
    options.add_bundle(parser)
    options.add_polarity(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a label and its probability for each file."""
    model = options.load_model(arguments)
    answer = model.classify(arguments.files, polarity=arguments.polarity)
    if arguments.json:
        print_json(
            [
                {
                    "file": file,
                    "label": prediction.label,
                    "confidence": prediction.confidence,
                    "class_probs": dict(zip(model.labels, probs.tolist(), strict=True)),
                }
                for file, prediction, probs in zip(arguments.files, answer.predictions, answer.class_probs, strict=True)
            ]
        )
        return 0
    rows = [
        (file, prediction.label, f"{prediction.confidence:.4f}")
        for file, prediction in zip(arguments.files, answer.predictions, strict=True)
    ]
    print_table(("file", "label", "confidence"), rows)
    return 0
