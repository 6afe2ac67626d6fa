"""`vaeport completion`: let a shell complete commands and options."""

import argparse

from ..common.extras import needs_extra

_SHELLS = ("bash", "zsh", "tcsh")


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        description="Print a completion script, for instance: vaeport completion bash > "
        "~/.local/share/bash-completion/completions/vaeport. Needs the extra vaeport[completion].",
    )
    parser.add_argument("shell", choices=_SHELLS, help="whose syntax")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    with needs_extra("completion"):
        import shtab
    from . import make_parser

    print(shtab.complete(make_parser(), shell=arguments.shell))
    return 0
