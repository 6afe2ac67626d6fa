"""Pictures of what finished graphs draw, for bundles whose source has none."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, IMAGE, Z_MEAN, Z
from vaeport.images.pictures import draw_grid
from vaeport.images.scaling import from_uint8, to_uint8
from vaeport.model.latents import latents

from ..graph.running import onnxruntime_answers
from .source import Picture

if TYPE_CHECKING:
    from .source import Source

_ROWS = 6
_MOST_COLUMNS = 20
_TILE_PIXELS = 56
_SEED = 1


def drawn_pictures(graphs: Mapping[str, bytes], source: "Source") -> tuple[Picture, ...]:
    """A grid of drawn classes, and samples beside their reconstructions.

    Args:
        graphs: ONNX files by graph.
        source: shapes, labels and samples.
    """
    shapes, labels = source.shapes, source.labels[:_MOST_COLUMNS]
    scale = max(1, _TILE_PIXELS // shapes.image[1])
    z = np.repeat(latents(_SEED, _ROWS, shapes.latent_dim), len(labels), axis=0)
    probs = np.tile(np.eye(shapes.classes, dtype=np.float32)[: len(labels)], (_ROWS, 1))
    drawn = onnxruntime_answers(graphs[DECODER], DECODER, {Z: z, CLASS_PROBS: probs})[IMAGE]
    samples = draw_grid(
        to_uint8(drawn).reshape(_ROWS, len(labels), *shapes.image),
        columns=labels if len(labels) > 1 else (),
        scale=scale,
    )
    seen = source.images[:: max(1, len(source.images) // _MOST_COLUMNS)][:_MOST_COLUMNS]
    encoded = onnxruntime_answers(graphs[ENCODER_CLASSIFIER], ENCODER_CLASSIFIER, {IMAGE: from_uint8(seen)})
    through = {Z: encoded[Z_MEAN], CLASS_PROBS: encoded[CLASS_PROBS]}
    rebuilt = to_uint8(onnxruntime_answers(graphs[DECODER], DECODER, through)[IMAGE])
    pairs = draw_grid(np.stack([seen, rebuilt]), rows=["given", "drawn"], scale=scale)
    columns = "Columns are classes; all images of a row share one latent."
    return (
        Picture("samples.png", _png(samples), columns if len(labels) > 1 else "Images drawn from the prior."),
        Picture("reconstructions.png", _png(pairs), "Samples, and what the decoder makes of their latent means."),
    )


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()
