"""`vaeport-train judge`: train an independent classifier that judges what models draw."""

import argparse
from dataclasses import asdict

from vaeport.common.commands import positive_int, print_json, print_line

from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "judge",
        help="train an independent classifier that judges drawn images",
        description="Train a classifier that shares nothing with the models, for `evaluate --judge`. It learns from "
        "all training images and is measured once, at the end, on the test images.",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="file to write")
    options.add_data(parser, default="mnist-5k")
    options.add_image_shape(parser)
    parser.add_argument("--epochs", type=positive_int, default=20, help="passes over the images (default: 20)")
    parser.add_argument(
        "--hold-out",
        action="store_true",
        help="learn without the held-out images and measure on them; the test images stay untouched",
    )
    options.add_device(parser)
    options.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, keep and report the judge."""
    from tqdm import tqdm

    from .. import api
    from ..devices import describe, resolve_device

    device = resolve_device(arguments.device)
    with tqdm(unit=" images", disable=True if arguments.quiet else None, leave=False) as bar:
        record = api.judge(
            arguments.output,
            data=options.dataset(arguments, arguments.data, options.image_shape(arguments)),
            epochs=arguments.epochs,
            hold_out=arguments.hold_out,
            device=str(device),
            progress=bar.update,
        ).record
    if arguments.json:
        print_json({"judge": arguments.output, "device": str(device), **asdict(record)})
        return 0
    low, high = record.accuracy_95
    print_line(
        f"{arguments.output}: {100 * record.accuracy:.2f} % of {record.measured_images} {record.measured_on} images of "
        f"{record.data} right ({record.errors} wrong; 95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
    )
    print_line(f"device {describe(device)}; next: vaeport-train evaluate RUN --judge {arguments.output}")
    return 0
