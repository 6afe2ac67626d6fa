"""Give pixels that are not numbers, in a TIFF of floats."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(folder / "hostile.tif")
    return folder / "hostile.tif"


CASE = Attack(make, picture, ImageError, "floating-point")
