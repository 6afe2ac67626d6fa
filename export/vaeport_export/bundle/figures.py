"""Figures of a trained run as Markdown, for the card."""

from collections.abc import Iterator
from typing import Any

_NOTE = """
Losses are nats an image, one latent sample each. "VAE loss" is what training minimised: reconstruction + KL, the
decoder conditioned on {condition}.
"-ELBO given y" has the true label given and is a bound on -log p(x | y)."""

_CONDITIONS = {"classifier": "the classifier's own answer", "label": "the true label"}


def figures_table(evaluation: dict[str, Any], *, condition: str) -> str:
    """A table of losses and errors, then a line for each of the others that was measured, then what they mean.

    Args:
        evaluation: figures by images, as of `vaeport-train evaluate`.
        condition: what the decoder was given in training, `classifier` or `label`.
    """
    note = _NOTE.format(condition=_CONDITIONS[condition])
    if not evaluation:
        return f"Not evaluated; `vaeport-train evaluate RUN` before the export fills this table.\n{note}"
    rows = [
        f"| {name} | {f['images']} | {f['vae_loss']:.2f} | {f['negative_elbo_given_label']:.2f} | "
        f"{f['classification_loss']:.3f} | {100 * f['classification_error']:.2f} % "
        f"({100 * f['classification_error_95'][0]:.2f} to {100 * f['classification_error_95'][1]:.2f}) |"
        for name, f in evaluation.items()
    ]
    header = "| images | count | VAE loss | -ELBO given y | classification loss (weighted) | error (95 % interval) |"
    more = [line for name, f in evaluation.items() for line in _more_figures(name, f)]
    return "\n".join([header, "|---|---|---|---|---|---|", *rows, *([""] if more else []), *more, note])


def _more_figures(name: str, figures: dict[str, Any]) -> Iterator[str]:
    """Lines for what was measured beside losses and errors."""
    if calibration := figures.get("calibration"):
        yield f"- {name}: expected calibration error {100 * calibration['expected_calibration_error']:.2f} %"
    if probes := figures.get("probe_accuracies"):
        yield (
            f"- {name}: the class is read from z_mean at {100 * probes['linear']:.1f} % by a linear probe, at "
            f"{100 * probes['mlp']:.1f} % by an MLP probe with one hidden layer"
        )
    if drawn := figures.get("conditional_accuracy"):
        judge = drawn["judge"]
        yield (
            f"- conditional accuracy: {100 * drawn['accuracy']:.2f} % of {drawn['images']} images drawn from N(0, I), "
            "the classes in turn, show what was asked for, says a judge that is right on "
            f"{100 * judge['accuracy']:.2f} % of {judge['measured_images']} {judge['measured_on']} images of "
            f"{judge['data']}"
        )
    if likelihood := figures.get("likelihood"):
        for key, what in (("nll_given_label", "-log p(x given y)"), ("nll", "-log p(x)")):
            if estimate := likelihood[key]:
                yield f"- {name}: {what} {_estimate(estimate)}, {_samples(likelihood)}"


def _estimate(estimate: dict[str, Any]) -> str:
    error = "unknown" if estimate["images_error"] is None else f"{estimate['images_error']:.2f}"
    return f"{estimate['mean']:.2f} nats (standard error {error} by images, {estimate['subset_error']:.3f} by subset)"


def _samples(likelihood: dict[str, Any]) -> str:
    others = likelihood["images"] - likelihood["subset"]
    text = f"images binarised once, {likelihood['samples']} importance samples of {likelihood['subset']}"
    return text + (f" and {likelihood['first_samples']} of the other {others}" if others else "")
