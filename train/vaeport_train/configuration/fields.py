"""Types of the values that a configuration holds, with their ranges."""

from typing import Annotated

from pydantic import ConfigDict, Field

STRICT = ConfigDict(extra="forbid", frozen=True)
"""Unknown keys are refused, and values cannot be changed."""

MAX_WIDTH = 16384
"""Units of a layer, dimensions of the latent, channels of a convolution."""
MAX_LAYERS = 256
"""Layers of a network of feed-forward layers."""
MAX_BLOCKS = 64
"""Residual blocks of one size."""

_MOST = 2**31 - 1

Width = Annotated[int, Field(gt=0, le=MAX_WIDTH)]
"""Units of a layer."""
Widths = Annotated[tuple[Width, ...], Field(max_length=MAX_LAYERS)]
"""Units of layers, from the input on."""
Blocks = Annotated[int, Field(ge=0, le=MAX_BLOCKS)]
"""Residual blocks of one size."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A finite number above 0."""
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A finite number, 0 included."""
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
"""A part of a whole, below 1."""
Count = Annotated[int, Field(gt=0, le=_MOST)]
"""A whole number from 1 up."""
NotNegativeInt = Annotated[int, Field(ge=0, le=_MOST)]
"""A whole number from 0 up."""
