"""The model card: a bundle's README.md, for people."""

from typing import Any

from vaeport.manifest import Manifest
from vaeport_train.checkpoint import RunRecord


def write_card(manifest: Manifest, record: RunRecord, sizes: dict[str, int]) -> str:
    """Text of the card.

    Args:
        manifest: the bundle's manifest; its list of files may still be empty.
        record: the run it came from.
        sizes: bytes of each graph's ONNX file by graph name.
    """
    channels, height, width = manifest.shapes.image
    kind = "grey" if channels == 1 else "RGB"
    given = {"classifier": "the classifier's own answer", "label": "the true label"}
    condition = given[record.config.objective.decoder_condition]
    made_with = ", ".join(f"{tool} {version}" for tool, version in manifest.made_with.items())
    graphs = "\n".join(f"| `{graph}` | {size / 1e6:.2f} MB |" for graph, size in sizes.items())
    return f"""# {manifest.name} {manifest.version}

{manifest.description}

| | |
|---|---|
| classes | {", ".join(manifest.labels)} |
| images | {width} x {height}, {kind}, float32 in [0, 1], ink is 1 |
| latent | {manifest.shapes.latent_dim} dimensions, prior N(0, I) |
| preset | `{record.preset}`, {record.config.training.epochs} epochs, seed {record.config.training.seed} |
| trained on | {record.data.train_images} images of {record.data.name}; {record.data.held_out_images} held out |
| data licence | {record.data.licence} |

## Use it

```python
import vaeport

model = vaeport.load("models/{manifest.name}")  # the path of this folder
model.classify("image.png")[0].label
model.generate("{manifest.labels[0]}", 8, seed=3).save("drawn.png")
```

## Figures

{_figures(manifest.evaluation)}

Losses are nats an image, one latent sample each. "VAE loss" is what training minimised: reconstruction + KL, the
decoder conditioned on {condition}.
"-ELBO given y" has the true label given and is a bound on -log p(x | y).

## What it draws

Rows are epochs, columns are classes; all images of a row share one latent.

![samples](samples.png)

![losses](losses.png)

## How exactly it answers

Tolerances are 4 times the noise floor: the largest difference between PyTorch in float32 and in float64 on the same
inputs. `vaeport verify` re-runs the recorded answers anywhere, `vaeport-parity` compares with the checkpoint in here.

{_tolerances(manifest)}

| graph | size |
|---|---|
{graphs}

Each graph folder is a standard ONNX test case. Made with {made_with}.
"""


def _figures(evaluation: dict[str, Any]) -> str:
    if not evaluation:
        return "Not evaluated; `vaeport-train evaluate RUN` before the export fills this table."
    rows = [
        f"| {name} | {f['images']} | {f['vae_loss']:.2f} | {f['negative_elbo_given_label']:.2f} | "
        f"{f['classification_loss']:.3f} | {100 * f['classification_error']:.2f} % "
        f"({100 * f['classification_error_95'][0]:.2f} to {100 * f['classification_error_95'][1]:.2f}) |"
        for name, f in evaluation.items()
    ]
    header = "| images | count | VAE loss | -ELBO given y | classification loss (weighted) | error (95 % interval) |"
    return "\n".join([header, "|---|---|---|---|---|---|", *rows])


def _tolerances(manifest: Manifest) -> str:
    rows = [
        f"| {precision} | {graph} | {output} | {bound.noise_floor:.1e} | {bound.max_abs:.1e} |"
        for precision, graphs in manifest.tolerances.items()
        for graph, outputs in graphs.items()
        for output, bound in outputs.items()
    ]
    return "\n".join(["| precision | graph | output | noise floor | tolerance |", "|---|---|---|---|---|", *rows])
