"""The command `vaeport-train`: train, go on, evaluate."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

from vaeport.commands import command_parser, print_json, print_table, run_command
from vaeport.extras import needs_extra

_EXAMPLES = """  vaeport-train fit -o runs/first                            preset mlp on the digits inside the package
  vaeport-train fit --preset blog --data mnist -o runs/blog  the article's model; MNIST is downloaded once
  vaeport-train fit --set training.epochs=3 -o runs/short    any field of a preset can be changed
  vaeport-train resume runs/first                            go on after a stop
  vaeport-train evaluate runs/blog --data mnist --json"""

_INTERRUPTED = 130
"""Exit code of a command that Ctrl-C stopped, as shells have it: 128 + SIGINT."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    parser = command_parser(
        "vaeport-train", "Train a conditional VAE with a classifier in PyTorch.", examples=_EXAMPLES
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_fit(verbs)
    _add_resume(verbs)
    _add_evaluate(verbs)
    arguments = parser.parse_args(argv)

    def command() -> int:
        with needs_extra("train"):
            import vaeport_train.run  # noqa: F401 - fails here, in one place, if a package is missing
        code: int = arguments.run(arguments)
        return code

    return run_command("vaeport-train", command)


def _add_fit(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("fit", help="train into a new run folder", description="Train into a new run folder.")
    parser.add_argument(
        "--preset", default="mlp", help="configuration to begin with: mlp or blog (default: %(default)s)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="change a field of the preset"
    )
    parser.add_argument("-o", "--output", required=True, metavar="RUN", help="run folder to make")
    _add_data(parser, default="mnist-5k")
    _add_common(parser)
    parser.set_defaults(run=_fit)


def _add_resume(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "resume", help="go on with a run", description="Go on with a run from its last whole epoch."
    )
    parser.add_argument("folder", metavar="RUN", help="run folder")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the original data files")
    _add_common(parser)
    parser.set_defaults(run=_resume)


def _add_evaluate(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "evaluate",
        help="measure a run",
        description="Measure a run on a data set; the figures are kept in the run folder and go into its bundle.",
    )
    parser.add_argument("folder", metavar="RUN", help="run folder")
    _add_data(parser, default=None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.set_defaults(run=_evaluate)


def _add_data(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    parser.add_argument(
        "--data", default=default, help="mnist-5k or mnist (default: %s)" % (default or "that of the run")
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="folder of the original files (default: VAEPORT_DATA_DIR, or download once)"
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def _fit(arguments: argparse.Namespace) -> int:
    from .data import load_dataset
    from .presets import load_preset
    from .run import fit

    config = load_preset(arguments.preset, arguments.settings)
    dataset = load_dataset(arguments.data, data_dir=arguments.data_dir)
    return _trained(
        arguments,
        arguments.output,
        lambda: fit(arguments.output, arguments.preset, config, dataset, quiet=arguments.quiet),
    )


def _resume(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from .checkpoint import load_record
    from .data import load_dataset
    from .run import resume

    dataset = load_dataset(load_record(Path(arguments.folder)).data.name, data_dir=arguments.data_dir)
    return _trained(arguments, arguments.folder, lambda: resume(arguments.folder, dataset, quiet=arguments.quiet))


def _trained(arguments: argparse.Namespace, folder: str, work: Callable[[], object]) -> int:
    """Do the training; Ctrl-C says how to go on, for every whole epoch is on the disk."""
    try:
        work()
    except KeyboardInterrupt:
        print(f"vaeport-train: stopped; go on with: vaeport-train resume {folder}", file=sys.stderr)
        return _INTERRUPTED
    return _report(folder, arguments)


def _report(folder: str, arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from .checkpoint import load_record
    from .history import load_history

    last = load_history(Path(folder), epochs=load_record(Path(folder)).config.training.epochs)[-1]
    if arguments.json:
        print_json({"run": folder, **asdict(last)})
        return 0
    print(f"{folder}: {last.epoch} epochs, {last.step} steps, {last.images_per_second:,.0f} images/s in the last epoch")
    rows = [
        (name, f"{x.vae_loss:.2f}", f"{x.reconstruction:.2f}", f"{x.kl:.2f}", f"{100 * x.classification_error:.2f} %")
        for name, x in (("training", last.train), ("held out", last.held_out))
    ]
    print_table(("images", "VAE loss", "reconstruction", "KL", "error"), rows)
    print(f"look at {folder}/samples.png and losses.png; next: vaeport-export {folder} -o BUNDLE")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from .checkpoint import load_record
    from .data import load_dataset
    from .run import evaluate_run

    name = arguments.data or load_record(Path(arguments.folder)).data.name
    figures = evaluate_run(arguments.folder, load_dataset(name, data_dir=arguments.data_dir))
    if arguments.json:
        print_json({key: asdict(value) for key, value in figures.items()})
        return 0
    rows = [
        (
            key,
            str(f.images),
            f"{f.vae_loss:.2f}",
            f"{f.reconstruction:.2f}",
            f"{f.kl:.2f}",
            f"{f.negative_elbo_given_label:.2f}",
            f"{f.classification_loss:.3f}",
            f"{100 * f.classification_error:.2f} %",
            f"{100 * f.classification_error_95[0]:.2f} to {100 * f.classification_error_95[1]:.2f} %",
        )
        for key, f in figures.items()
    ]
    header = (
        "images",
        "count",
        "VAE loss",
        "reconstr.",
        "KL",
        "-ELBO given y",
        "class. loss",
        "error",
        "95 % interval",
    )
    print_table(header, rows)
    return 0
