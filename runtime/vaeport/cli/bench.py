"""`vaeport bench`: how fast a bundle answers on this machine."""

import argparse
from dataclasses import asdict

from ..checks.bench import bench
from ..common.commands import positive_int, print_json, print_line, print_table, real
from ..sessions.threads import usable_processors
from . import options

_BATCHES = (1, 32, 256)


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "bench",
        help="measure how fast a bundle answers here",
        description="Measure encode and decode, arrays in and arrays out: the median of five blocks of calls.",
    )
    parser.add_argument(
        "--batch",
        type=positive_int,
        action="append",
        metavar="N",
        help="images a call, may be given again (1, 32, 256)",
    )
    parser.add_argument("--seconds", type=real, default=1.0, metavar="S", help="time a measurement (default: 1)")
    options.add_bundle(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a row a measurement."""
    model = options.load_model(arguments)
    speeds = bench(model, batches=arguments.batch or _BATCHES, seconds=arguments.seconds)
    threads = arguments.threads or usable_processors()
    if arguments.json:
        rows = [asdict(speed) for speed in speeds]
        print_json(
            {
                "bundle": model.name,
                "precision": model.precision,
                "device": model.device,
                "threads": threads,
                "speeds": rows,
            }
        )
        return 0
    print_line(f"{model.name}, {model.precision}, on {model.device}, {threads} threads")
    rows_shown = [(s.verb, str(s.batch), f"{s.milliseconds:.3f}", f"{s.images_per_second:.0f}") for s in speeds]
    print_table(("verb", "batch", "ms a call", "images/s"), rows_shown)
    return 0
