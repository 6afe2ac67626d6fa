"""`vaeport classify`: which class each image shows."""

import argparse
import sys

from ..common.commands import in_steps, print_json, print_table, share
from ..common.plain import plain_text
from ..model.answers import Prediction
from . import options
from .inputs import find_images

_ROWS_AT_ONCE = 256

Row = tuple[str, Prediction, list[float]]
"""A file, its class, and the probabilities of all classes."""


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "classify",
        help="say which class images show",
        description="Classify image files. Dark ink on light paper is turned round, other sizes are fitted.",
    )
    options.add_images(parser)
    parser.add_argument(
        "--reject-below",
        type=share,
        default=0.0,
        metavar="P",
        help="mark answers less probable than this as rejected (default: none)",
    )
    options.add_bundle(parser)
    options.add_reading(parser)
    options.add_device(parser)
    form = parser.add_mutually_exclusive_group()
    options.add_json(form)
    form.add_argument("--csv", action="store_true", help="print comma-separated values instead of text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a label and its probability for each file."""
    model = options.load_model(arguments)
    reading = options.reading(arguments)
    rows: list[Row] = []
    for some in in_steps(find_images(arguments.files), _ROWS_AT_ONCE, what="images"):
        answer = model.classify([image for _, image in some], reject_below=arguments.reject_below, **reading)
        for (name, _), prediction, probs in zip(some, answer.predictions, answer.class_probs.tolist(), strict=True):
            rows.append((name, prediction, probs))
    if arguments.json:
        _print_json(rows, model.labels)
    elif arguments.csv:
        _print_csv(rows, model.labels)
    else:
        shown = [(name, _word(prediction), f"{prediction.confidence:.4f}") for name, prediction, _ in rows]
        print_table(("file", "label", "confidence"), shown)
    return 0


def _word(prediction: Prediction) -> str:
    return f"rejected ({prediction.label}?)" if prediction.rejected else prediction.label


def _print_json(rows: list[Row], labels: tuple[str, ...]) -> None:
    print_json(
        [
            {
                "file": name,
                "label": prediction.label,
                "confidence": prediction.confidence,
                "rejected": prediction.rejected,
                "class_probs": dict(zip(labels, probs, strict=True)),
            }
            for name, prediction, probs in rows
        ]
    )


def _print_csv(rows: list[Row], labels: tuple[str, ...]) -> None:
    import csv  # slower to import than a table is to print

    table = csv.writer(sys.stdout, lineterminator="\n")
    columns = (plain_text(f"p({label})") for label in labels)
    table.writerow(("file", "label", "confidence", "rejected", *columns))
    for name, prediction, probs in rows:
        rejected = str(prediction.rejected).lower()
        table.writerow((plain_text(name), plain_text(prediction.label), prediction.confidence, rejected, *probs))
