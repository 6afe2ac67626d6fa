"""The model card: a bundle's README.md, for people."""

from collections.abc import Iterator
from typing import Any

from vaeport.bundle.manifest import Manifest
from vaeport_train.running.checkpoint import Checkpoint

_CARD = """# {name} {version}

{description}

| | |
|---|---|
| classes | {labels} |
| images | {width} x {height}, {kind}, float32 in [0, 1], ink is 1 |
| latent | {latent_dim} dimensions, prior N(0, I) |
| preset | `{preset}`, {epochs} epochs, seed {seed} |
| trained on | {train_images} images of {data}; {held_out_images} held out |
| data licence | {licence} |

## Use it

```python
import vaeport

model = vaeport.load("models/{name}")  # the path of this folder
model.classify("image.png")[0].label
model.generate("{first_label}", 8, seed=3).save("drawn.png")
```

## Figures

{figures}

Losses are nats an image, one latent sample each. "VAE loss" is what training minimised: reconstruction + KL, the
decoder conditioned on {condition}.
"-ELBO given y" has the true label given and is a bound on -log p(x | y).

## What it draws

Rows are epochs, columns are classes; all images of a row share one latent.

![samples](samples.png)

![losses](losses.png)

## How exactly it answers

Tolerances are 4 times the noise floor: the largest difference between PyTorch in float32 and in float64 on the same
inputs{below}.
`vaeport verify` re-runs the recorded answers anywhere, `vaeport-parity` compares with the checkpoint in here.

{tolerances}

{precisions}| graph | size |
|---|---|
{graphs}

Each graph folder is a standard ONNX test case. Made with {made_with}.
"""


_BELOW = """; below float32 it is the largest difference between faithful ways to run the same graph, whose answers are
compared with those that onnxruntime gave when the bundle was made"""


def write_card(manifest: Manifest, checkpoint: Checkpoint, sizes: dict[str, int]) -> str:
    """Text of the card.

    Args:
        manifest: the bundle's manifest; its list of files may still be empty.
        checkpoint: the network it came from.
        sizes: bytes of each graph's ONNX file by graph name.
    """
    record = checkpoint.record
    asked = record.config.training.epochs
    channels, height, width = manifest.shapes.image
    given = {"classifier": "the classifier's own answer", "label": "the true label"}
    return _CARD.format(
        name=manifest.name,
        version=manifest.version,
        description=manifest.description,
        labels=", ".join(manifest.labels),
        first_label=manifest.labels[0],
        width=width,
        height=height,
        kind="grey" if channels == 1 else "RGB",
        latent_dim=manifest.shapes.latent_dim,
        preset=record.preset,
        epochs=asked if checkpoint.epochs == asked else f"{checkpoint.epochs} of {asked}",
        seed=record.config.training.seed,
        data=record.data.name,
        train_images=record.data.train_images,
        held_out_images=record.data.held_out_images,
        licence=record.data.licence,
        condition=given[record.config.objective.decoder_condition],
        figures=figures_table(manifest.evaluation),
        tolerances=_tolerances(manifest),
        below=_BELOW if len(manifest.precisions) > 1 else "",
        precisions=_precisions(manifest.precision_figures),
        graphs="\n".join(f"| `{graph}` | {size / 1e6:.2f} MB |" for graph, size in sizes.items()),
        made_with=", ".join(f"{tool} {version}" for tool, version in manifest.made_with.items()),
    )


def figures_table(evaluation: dict[str, Any]) -> str:
    """Figures as Markdown: a table of losses and errors, then a line for each of the others that was measured."""
    if not evaluation:
        return "Not evaluated; `vaeport-train evaluate RUN` before the export fills this table."
    rows = [
        f"| {name} | {f['images']} | {f['vae_loss']:.2f} | {f['negative_elbo_given_label']:.2f} | "
        f"{f['classification_loss']:.3f} | {100 * f['classification_error']:.2f} % "
        f"({100 * f['classification_error_95'][0]:.2f} to {100 * f['classification_error_95'][1]:.2f}) |"
        for name, f in evaluation.items()
    ]
    header = "| images | count | VAE loss | -ELBO given y | classification loss (weighted) | error (95 % interval) |"
    more = [line for name, f in evaluation.items() for line in _more_figures(name, f)]
    return "\n".join([header, "|---|---|---|---|---|---|", *rows, *([""] if more else []), *more])


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


def _precisions(figures: dict[str, Any]) -> str:
    """What each precision below float32 costs, as Markdown; empty where there is none."""
    if not figures:
        return ""
    rows = [
        f"| {name} | {100 * f['error']:.2f} % (fp32 {100 * f['error_fp32']:.2f} %) on {f['images']} "
        f"{f['judged_on']} images | {'equal' if f['psnr'] is None else format(f['psnr'], '.1f') + ' dB'} | "
        f"{f['size'] / 1e6:.2f} MB | "
        f"{f['size'] / f['size_fp32']:.3f} |"
        for name, f in figures.items()
    ]
    header = "| precision | classification error | reconstructions against fp32, PSNR | both graphs | of fp32 |"
    return "\n".join([header, "|---|---|---|---|---|", *rows, "", ""])


def _tolerances(manifest: Manifest) -> str:
    rows = [
        f"| {precision} | {graph} | {output} | {bound.noise_floor:.1e} | {bound.max_abs:.1e} |"
        for precision, graphs in manifest.tolerances.items()
        for graph, outputs in graphs.items()
        for output, bound in outputs.items()
    ]
    return "\n".join(["| precision | graph | output | noise floor | tolerance |", "|---|---|---|---|---|", *rows])
