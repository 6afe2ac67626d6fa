"""What the corridor takes: an original, samples, and what is known of it; every kind of source brings one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.anomaly_scale import AnomalyCalibration
from vaeport.contract import Shapes
from vaeport.images.fitting import Polarity

from ..bundle.original import Original
from ..precisions.material import Material


@dataclass(frozen=True)
class Picture:
    """A picture for the card."""

    file: str
    """Name in the bundle."""
    content: bytes
    """The PNG file."""
    caption: str = ""
    """Sentence above it."""


@dataclass(frozen=True, eq=False)
class Source:
    """A pair of networks on its way into a bundle."""

    original: Original
    """The networks."""
    labels: tuple[str, ...]
    """Class names in the order of `class_probs`."""
    shapes: Shapes
    """Sizes of every tensor."""
    images: NDArray[np.uint8]
    """uint8 [N, C, H, W], images to record answers to: a few of each class, none that was trained on if possible."""
    image_labels: NDArray[np.int64]
    """int64 [N], their classes; -1 where the class is not known."""
    description: str
    """One sentence, unless the caller has another."""
    facts: Mapping[str, str]
    """Rows of the card's first table, where the networks come from."""
    material: Material | None = None
    """Images for lower precisions; None where there are none."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """The manifest's `training`."""
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    """The manifest's `evaluation`."""
    anomaly: AnomalyCalibration | None = None
    """Scale for unusual images."""
    pictures: tuple[Picture, ...] = ()
    """Pictures for the card."""
    draw_pictures: bool = False
    """Whether pictures are drawn from the finished graphs, because the source has none."""
    figures: str = ""
    """The card's section of figures, Markdown."""
    polarity: Polarity = "auto"
    """How the runtime reads grey files and PIL images unless its caller says otherwise."""
    unchanged: Callable[[], None] = lambda: None
    """Raises InputError where the source is no longer what was read."""
