"""`vaeport-train evaluate`: measure a run or a bundle."""

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from vaeport.common.commands import positive_int, print_json, print_line, print_table

from . import options

if TYPE_CHECKING:
    from ..evaluation import Estimate, Figures, Likelihood, Sampling


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
    options.add_device(parser)
    parser.add_argument(
        "--probe", action="store_true", help="read the class from z_mean with a linear probe and an MLP"
    )
    parser.add_argument(
        "--split",
        action="append",
        choices=("train", "held-out", "test"),
        dest="splits",
        help="images to look at, may be given again (default: all); look at held-out images alone while choosing",
    )
    parser.add_argument(
        "--likelihood",
        type=positive_int,
        default=0,
        metavar="K",
        help="estimate -log p(x | y) with K importance samples an image, such as 5000; slow",
    )
    parser.add_argument(
        "--likelihood-subset",
        type=positive_int,
        metavar="N",
        help="take all K samples of about N images, drawn from each class, and few of the others (default: 1000)",
    )
    parser.add_argument(
        "--likelihood-first", type=positive_int, metavar="K", help="how many these few samples are (default: 50)"
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

    from .. import api
    from ..devices import describe, resolve_device
    from ..evaluation.measure import SPLITS
    from ..running.trained import recorded

    if not arguments.likelihood and (
        arguments.all_classes or arguments.likelihood_subset or arguments.likelihood_first
    ):
        raise InputError("--all-classes, --likelihood-subset and --likelihood-first need --likelihood K")

    device = resolve_device(arguments.device)
    figures = api.evaluate(
        arguments.folder,
        data=options.dataset_like(arguments, recorded(arguments.folder).data),
        device=str(device),
        splits=arguments.splits or SPLITS,
        probe=arguments.probe,
        likelihood=_sampling(arguments) if arguments.likelihood else None,
        judge=arguments.judge,
        judged_images=arguments.judged_images,
    )
    if arguments.json:
        if arguments.device == "auto":
            print_line(f"vaeport-train: device: {describe(device)}", file=sys.stderr)
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
    print_line(f"device {describe(device)}")
    return 0


def _sampling(arguments: argparse.Namespace) -> "Sampling":
    from ..evaluation import Sampling

    given = {"first_samples": arguments.likelihood_first, "subset": arguments.likelihood_subset}
    chosen = {name: value for name, value in given.items() if value}
    return Sampling(samples=arguments.likelihood, all_classes=arguments.all_classes, **chosen)


def _print_more(name: str, figures: "Figures") -> None:
    if probes := figures.probe_accuracies:
        print_line(
            f"{name}: the class is read from z_mean at {100 * probes.linear:.1f} % by a linear probe, "
            f"at {100 * probes.mlp:.1f} % by an MLP probe with one hidden layer"
        )
    if drawn := figures.conditional_accuracy:
        low, high = drawn.accuracy_95
        print_line(
            f"conditional accuracy {100 * drawn.accuracy:.2f} % of {drawn.images} drawn images (95 % interval "
            f"{100 * low:.2f} to {100 * high:.2f} %), by a judge that is right on {100 * drawn.judge.accuracy:.2f} % "
            f"of {drawn.judge.measured_images} {drawn.judge.measured_on} images of {drawn.judge.data}"
        )
    if likelihood := figures.likelihood:
        print_line(f"{name}: -log p(x | y) {_in_words(likelihood.nll_given_label)}; {_how(likelihood)}")
        if likelihood.nll is not None:
            print_line(f"{name}: -log p(x) {_in_words(likelihood.nll)}")


def _in_words(estimate: "Estimate") -> str:
    error = "unknown" if estimate.images_error is None else f"{estimate.images_error:.2f}"
    return f"{estimate.mean:.2f} nats, standard error {error} (images), {estimate.subset_error:.3f} (subset)"


def _how(likelihood: "Likelihood") -> str:
    whole = f"{likelihood.samples} samples of {likelihood.subset} images"
    others = likelihood.images - likelihood.subset
    return whole + (f", {likelihood.first_samples} of the other {others}" if others else "")
