"""`vaeport-train evaluate`: measure a run or a bundle."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from vaeport.commands import positive_int, print_json, print_table

from . import options

if TYPE_CHECKING:
    from ..evaluation import Figures


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "evaluate",
        help="measure a run or a bundle",
        description="Measure a run on a data set; the figures are kept in the run folder and go into its bundle. "
        "A bundle is measured by the checkpoint in it, its seal checked first, and nothing is written.",
    )
    parser.add_argument("folder", metavar="RUN|BUNDLE", help="run folder, or a bundle by path or shipped name")
    options.add_data(parser, default=None)
    parser.add_argument("--probe", action="store_true", help="read the class from z_mean with a linear probe")
    parser.add_argument(
        "--likelihood",
        type=positive_int,
        default=0,
        metavar="K",
        help="estimate -log p(x | y) with K importance samples an image; slow",
    )
    parser.add_argument(
        "--likelihood-images",
        type=positive_int,
        metavar="N",
        help="on the first N images of each split (default: all)",
    )
    parser.add_argument("--all-classes", action="store_true", help="estimate -log p(x) over all classes too")
    parser.add_argument(
        "--judge", metavar="FILE", help="have drawn images judged by a classifier that `vaeport-train judge` trained"
    )
    parser.add_argument(
        "--judged-images", type=positive_int, metavar="N", default=10_000, help="how many to draw (default: 10000)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, keep and print the figures."""
    from vaeport.errors import InputError

    from ..evaluation import load_judge
    from ..measure import MeasureOptions, evaluate_trained
    from ..trained import load_trained

    if (arguments.all_classes or arguments.likelihood_images) and not arguments.likelihood:
        raise InputError("--all-classes and --likelihood-images need --likelihood K")

    trained = load_trained(arguments.folder)
    dataset = options.dataset_like(arguments, trained.checkpoint.record.data)
    chosen = MeasureOptions(
        probe=arguments.probe,
        likelihood_samples=arguments.likelihood,
        likelihood_images=arguments.likelihood_images,
        all_classes=arguments.all_classes,
        judge=load_judge(arguments.judge) if arguments.judge else None,
        judged_images=arguments.judged_images,
    )
    figures = evaluate_trained(trained, dataset, chosen)
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
            f"{100 * f.calibration.expected_calibration_error:.2f} %" if f.calibration else "-",
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
        "calib. error",
    )
    print_table(header, rows)
    for key, f in figures.items():
        _print_more(key, f)
    return 0


def _print_more(name: str, figures: "Figures") -> None:
    if figures.linear_probe_accuracy is not None:
        print(f"{name}: a linear probe reads the class from z_mean at {100 * figures.linear_probe_accuracy:.1f} %")
    if drawn := figures.conditional_accuracy:
        low, high = drawn.accuracy_95
        print(
            f"conditional accuracy {100 * drawn.accuracy:.2f} % of {drawn.images} drawn images (95 % interval "
            f"{100 * low:.2f} to {100 * high:.2f} %), by a judge that is right on {100 * drawn.judge.accuracy:.2f} % "
            f"of {drawn.judge.measured_images} {drawn.judge.measured_on} images of {drawn.judge.data}"
        )
    if likelihood := figures.likelihood:
        error = "unknown" if likelihood.nll_given_label_error is None else f"{likelihood.nll_given_label_error:.2f}"
        print(
            f"{name}: -log p(x | y) {likelihood.nll_given_label:.2f} nats, standard error {error}, "
            f"{likelihood.samples} samples, {likelihood.images} images"
        )
        if likelihood.nll is not None:
            print(f"{name}: -log p(x) {likelihood.nll:.2f} nats")
