"""`vaeport style-grid`: handwritings to choose from."""

import argparse

from ..common.commands import positive_int, print_json, print_line
from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "style-grid",
        help="draw handwritings to choose from",
        description="Draw new handwritings as every class into one PNG: a column a class, a row a handwriting, its row "
        "number before it. `generate --start ROW -n 1` draws that handwriting again.",
    )
    parser.add_argument("-n", type=positive_int, default=10, metavar="N", help="handwritings (default: %(default)s)")
    options.add_drawing(parser)
    options.add_output(parser)
    options.add_bundle(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the picture."""
    model = options.load_model(arguments)
    grid = model.style_grid(arguments.n, **options.drawing(arguments))
    rows = range(arguments.start, arguments.start + len(grid))
    path = grid.save(arguments.output, rows=[str(row) for row in rows])
    if arguments.json:
        print_json({"output": str(path), "labels": grid.labels, "rows": list(rows), "seed": arguments.seed})
    else:
        shown = f"handwritings {rows[0]} to {rows[-1]} of seed {arguments.seed}, as {', '.join(grid.labels)}"
        print_line(f"{path}: {shown}")
    return 0
