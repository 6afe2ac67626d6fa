"""`vaeport pack`: a bundle as one file."""

import argparse

from ..bundle.opening import open_bundle
from ..common.commands import print_json, print_line
from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "pack",
        help="write a bundle as one file",
        description="Write a bundle as one file, a plain zip whose entries are stored. It is used like the folder "
        "(`--bundle mnist.vaeport`), has the same digest, and the same bundle always gives the same bytes.",
    )
    parser.add_argument("bundle", help="folder, zip or shipped name")
    options.add_output(parser, metavar="FILE", what="file to write, usually NAME.vaeport")
    options.add_digest(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file."""
    bundle = open_bundle(arguments.bundle, digest=arguments.digest)
    path = bundle.pack(arguments.output)
    size = path.stat().st_size
    if arguments.json:
        print_json({"output": str(path), "bytes": size, "digest": bundle.digest})
    else:
        print_line(f"{path}: {bundle.manifest.name} {bundle.manifest.version}, {size / 1e6:.1f} MB, {bundle.digest}")
    return 0
