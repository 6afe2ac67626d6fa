"""Recorded answers as the reference: they answer to the inputs they were recorded with, and to no others."""

from dataclasses import dataclass

import numpy as np

from vaeport.errors import InputError

from ..subjects.tensors import Arrays
from .base import Precision


@dataclass(eq=False)
class RecordedReference:
    """Answers from a file."""

    inputs: Arrays
    """By input name."""
    outputs: Arrays
    """By output name."""
    words: str = "the recorded answers"
    has_noise: bool = False
    any_inputs: bool = False

    def answers(self, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:  # noqa: ARG002 - has but one
        """The answers by output name, floats as float64 where that is asked for.

        Raises:
            InputError: the inputs are not the recorded ones.
        """
        if any(not np.array_equal(values, inputs[name]) for name, values in self.inputs.items()):
            raise InputError(f"{self.words} hold for the recorded inputs only")
        if precision == "native":
            return dict(self.outputs)
        return {
            name: values if values.dtype.kind in "biu" else values.astype(np.float64)
            for name, values in self.outputs.items()
        }
