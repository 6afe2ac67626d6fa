"""`vaeport doctor`: what this machine has, and what stands in the way."""

import argparse
from dataclasses import asdict

from ..bundle.opening import DEFAULT_BUNDLE
from ..checks.doctor import Diagnosis, diagnose
from ..common.commands import print_json, print_line
from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "doctor",
        help="say what this machine has, and what stands in the way",
        description="Look at versions, onnxruntime's wheels and providers, threads, telemetry, and a bundle's seal. "
        "Exit code 1 if something must be mended.",
    )
    parser.add_argument(
        "bundle", nargs="?", default=DEFAULT_BUNDLE, help="folder or shipped name (default: %(default)s)"
    )
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; exit code 1 if something must be mended."""
    found = diagnose(arguments.bundle)
    if arguments.json:
        usable = {"processors": {**asdict(found.processors), "usable": found.processors.usable}}
        print_json({**asdict(found), **usable, "holds": found.holds})
    else:
        _print(found)
    return 0 if found.holds else 1


def _print(found: Diagnosis) -> None:
    have = found.processors
    quota = "none" if have.quota is None else f"{have.quota:g}"
    print_line(f"versions    {', '.join(f'{name} {version}' for name, version in found.versions.items())}")
    print_line(f"providers   {', '.join(found.providers) or 'none'}")
    print_line(f"CUDA        {found.cuda or 'offered; device=cuda will try it'}")
    print_line(
        f"threads     {have.usable} (of {have.present} processors, affinity {have.affinity}, container quota {quota})"
    )
    print_line(f"telemetry   {found.telemetry}")
    print_line(f"bundle      {found.bundle}, {'seal holds' if found.seal_holds else 'cannot be used'}")
    for problem in found.problems:
        print_line(f"PROBLEM     {problem}")
    if found.holds:
        print_line("nothing stands in the way")
