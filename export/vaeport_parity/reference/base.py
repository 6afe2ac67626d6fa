"""What a reference is: the answers that backends are compared with, and how exact they are."""

from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np

from ..subjects.tensors import Arrays

Precision = Literal["native", "float64"]
"""In the types that the graph has, or with every float widened to float64."""

_CHUNKS: Mapping[Precision, int] = {"native": 64, "float64": 16}  # what is quickest, in cache, and as exact
_PLAIN_CHUNK = 1000  # a loop over the terms of a sum costs the same for any number of rows


class Reference(Protocol):
    """Gives the right answers of one graph."""

    @property
    def words(self) -> str:
        """What it is, for sentences: `PyTorch`, `original.onnx`, `the recorded answers`."""

    @property
    def has_noise(self) -> bool:
        """Whether native and float64 answers differ by rounding, so that a tolerance can be measured."""

    @property
    def any_inputs(self) -> bool:
        """Whether it answers to any inputs; recorded answers only to their own, in their own batch."""

    def answers(self, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:
        """Answers by output name, in the graph's order.

        Args:
            inputs: one batch, by input name, in the types and shapes that the graph states.
            precision: `native` computes in the graph's own types; `float64` widens every float, and answers with
                float64 in place of each float output. Integers and booleans stay what they are.
            plain: sums products one term after the other, as a plain kernel does; only for `native`, and only where
                the reference can (`NotImplementedError` else).

        Raises:
            InputError: the reference does not take these inputs, such as a size of an axis that it refuses; one
                sentence with what it said.
        """


class NoPlainSumsError(NotImplementedError):
    """The reference has no way to sum term by term."""


def chunked_answers(reference: Reference, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:
    """What a reference answers to many rows, by output name; rows must not influence each other.

    Args:
        reference: gives the answers.
        inputs: by input name, each with the batch as its first axis.
        precision: `native` or `float64`.
        plain: whether products are summed term by term, where the reference can.

    Raises:
        InputError: the reference does not take these inputs.
    """
    rows, size = len(next(iter(inputs.values()))), _PLAIN_CHUNK if plain else _CHUNKS[precision]
    parts = [
        reference.answers(
            {name: values[first : first + size] for name, values in inputs.items()}, precision, plain=plain
        )
        for first in range(0, max(rows, 1), size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
