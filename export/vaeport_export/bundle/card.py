"""The model card: a bundle's README.md, for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vaeport.bundle.manifest import Manifest

from ..sources.source import Picture, Source

_CARD = """# {name} {version}

{description}

| | |
|---|---|
| classes | {labels} |
| images | {width} x {height}, {kind}, float32 in [0, 1], ink is 1 |
| latent | {latent_dim} dimensions, prior N(0, I) |
{facts}

## Use it

```python
import vaeport

model = vaeport.load("models/{name}")  # the path of this folder
model.classify("image.png")[0].label
model.generate({first_label}, 8, seed=3).save("drawn.png")
```

## Figures

{figures}

{pictures}## How exactly it answers

Tolerances are 4 times the noise floor: the largest difference between {yardstick} in float32 and in
float64 on the same inputs{below}.
`vaeport verify` re-runs the recorded answers anywhere, `vaeport-parity` compares with the original in `checkpoint/`.

{tolerances}

{precisions}| graph | size |
|---|---|
{graphs}

Each graph folder is a standard ONNX test case. Made with {made_with}.
"""


_BELOW = """; below float32 it is the largest difference between faithful ways to run the same graph, whose answers are
compared with those that onnxruntime gave when the bundle was made"""


def write_card(manifest: Manifest, source: Source, pictures: Sequence[Picture], sizes: Mapping[str, int]) -> str:
    """Text of the card.

    Args:
        manifest: the bundle's manifest; its list of files may still be empty.
        source: where the networks came from.
        pictures: pictures that stand beside the card.
        sizes: bytes of each graph's ONNX file by graph name.
    """
    channels, height, width = manifest.shapes.image
    return _CARD.format(
        name=manifest.name,
        version=manifest.version,
        description=manifest.description,
        labels=", ".join(manifest.labels),
        first_label=json.dumps(manifest.labels[0], ensure_ascii=False),
        width=width,
        height=height,
        kind="grey" if channels == 1 else "RGB",
        latent_dim=manifest.shapes.latent_dim,
        facts="\n".join(f"| {fact} | {text} |" for fact, text in source.facts.items()),
        figures=source.figures,
        pictures=_pictures(pictures),
        tolerances=_tolerances(manifest),
        yardstick=source.original.yardstick,
        below=_BELOW if len(manifest.precisions) > 1 else "",
        precisions=_precisions(manifest.precision_figures),
        graphs="\n".join(f"| `{graph}` | {size / 1e6:.2f} MB |" for graph, size in sizes.items()),
        made_with=", ".join(f"{tool} {version}" for tool, version in manifest.made_with.items()),
    )


def _pictures(pictures: Sequence[Picture]) -> str:
    """The section of pictures, Markdown; empty where there are none."""
    if not pictures:
        return ""
    parts: list[str] = []
    for each in pictures:
        parts += [*([each.caption] if each.caption else []), f"![{Path(each.file).stem}]({each.file})"]
    return "\n\n".join(["## What it draws", *parts, ""])


def _precisions(figures: dict[str, Any]) -> str:
    """What each precision below float32 costs, as Markdown; empty where there is none."""
    if not figures:
        return ""
    rows = [
        f"| {name} | {_task(f)} on {f['images']} {f['judged_on']} images | "
        f"{'equal' if f['psnr'] is None else format(f['psnr'], '.1f') + ' dB'} | "
        f"{f['size'] / 1e6:.2f} MB | {f['size'] / f['size_fp32']:.3f} |"
        for name, f in figures.items()
    ]
    header = "| precision | classification error | reconstructions against fp32, PSNR | both graphs | of fp32 |"
    return "\n".join([header, "|---|---|---|---|---|", *rows, "", ""])


def _task(figures: Mapping[str, Any]) -> str:
    if figures["error"] is None:
        return f"{100 * figures['flipped']:.2f} % of another class than fp32"
    return f"{100 * figures['error']:.2f} % (fp32 {100 * figures['error_fp32']:.2f} %)"


def _tolerances(manifest: Manifest) -> str:
    rows = [
        f"| {precision} | {graph} | {output} | {bound.noise_floor:.1e} | {bound.max_abs:.1e} |"
        for precision, graphs in manifest.tolerances.items()
        for graph, outputs in graphs.items()
        for output, bound in outputs.items()
    ]
    return "\n".join(["| precision | graph | output | noise floor | tolerance |", "|---|---|---|---|---|", *rows])
