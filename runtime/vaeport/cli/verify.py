"""`vaeport verify`: does the bundle answer as its original did, on this machine?"""

import argparse
from dataclasses import asdict

from ..bundle.opening import DEFAULT_BUNDLE
from ..checks.verification import VerifyReport, verify
from ..common.commands import print_json, print_line, print_table
from ..contract import FP32
from ..errors import CheckFailedError, SealError
from . import options


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "verify",
        help="prove that a bundle answers as its original did",
        description="Check a bundle's seal, re-run its golden vectors with onnxruntime, compare with what "
        "PyTorch, or the ONNX files that it was made from, answered.",
    )
    parser.add_argument(
        "bundle", nargs="?", default=DEFAULT_BUNDLE, help="folder, zip or shipped name (default: %(default)s)"
    )
    options.add_digest(parser)
    options.add_trusted(parser)
    options.add_device(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison; exit code 1 if it falls short."""
    try:
        report = verify(
            arguments.bundle,
            device=arguments.device,
            threads=arguments.threads,
            digest=arguments.digest,
            trusted=arguments.trusted,
        )
    except SealError as error:
        raise CheckFailedError(str(error)) from error
    if arguments.json:
        checks = [{**asdict(check), "ratio": check.ratio, "holds": check.holds} for check in report.checks]
        print_json({**asdict(report), "checks": checks, "holds": report.holds})
    else:
        _print(report)
    return 0 if report.holds else 1


def _print(report: VerifyReport) -> None:
    print_line(
        f"{report.bundle}: seal holds; {report.rows} golden rows, onnxruntime {report.onnxruntime} on {report.device}"
    )
    rows = [
        (
            f"{check.precision}/{check.graph}",
            check.output,
            f"{check.max_abs_error:.2e}",
            f"{check.noise_floor:.2e}",
            f"{check.ratio:.2f}",
            "-" if check.class_flips is None else str(check.class_flips),
            "holds" if check.holds else "FALLS SHORT",
        )
        for check in report.checks
    ]
    print_table(("graph", "output", "max error", "noise floor", "ratio", "flips", "verdict"), rows)
    print_line(f"{report.bundle} {_verdict(report)}")


def _verdict(report: VerifyReport) -> str:
    """What all rows come to; where some fall short, in which precision and by how much the first of them does."""
    as_original = f"as {report.yardstick} {'do' if report.yardstick.endswith('files') else 'does'}"
    short = next((check for check in report.checks if not check.holds), None)
    if short is None:
        worst = max(check.ratio for check in report.checks if check.precision == FP32)
        return f"answers {as_original}: at most {worst:.2f} times the float32 rounding noise of {report.yardstick}"
    wanted = as_original if short.precision == FP32 else f"in {short.precision} as when it was made"
    flips = f", and the class of {short.class_flips} rows flips" if short.class_flips else ""
    error = f"{short.output} is off by {short.max_abs_error:.2e}, allowed are {short.tolerance:.2e}"
    return f"does NOT answer {wanted}: {error}{flips}"
