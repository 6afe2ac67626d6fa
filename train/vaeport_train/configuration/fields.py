"""Types of the values that a configuration holds, with their ranges."""

from typing import Annotated

from pydantic import ConfigDict, Field

STRICT = ConfigDict(extra="forbid", frozen=True)
"""Unknown keys are refused, and values cannot be changed."""

_MOST = 2**31 - 1

Width = Annotated[int, Field(gt=0, le=16384)]
"""Units of a layer."""
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
