"""What a shape function sees: one node's inputs as shapes and, where they are known, values; and its attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError
from ..limits import MAX_KNOWN_VALUES
from ..reading import ATTRIBUTE_FLOATS, ATTRIBUTE_INT, ATTRIBUTE_INTS, ATTRIBUTE_STRING, Node
from ..tensors import INT32, INT64, NUMPY_TYPES, Tensor, type_name

Shape = tuple[int, ...]

ELEMENT_STEPS = 8
"""Steps to write one element of an output. A step is a multiply-add in a matrix product of float32, of which one core
does some 5 * 10^9 a second; what else kernels do was measured against that in onnxruntime 1.31."""

_LARGE = 2**31
"""No attribute or size that a kernel takes as an integer of 32 bits may reach it."""


class Known:
    """What is known of one tensor: its type and shape, and its values if they depend on shapes and constants alone."""

    __slots__ = ("_source", "_value", "constant", "dtype", "shape")

    def __init__(
        self,
        dtype: int,
        shape: Shape,
        *,
        value: NDArray[Any] | None = None,
        constant: bool = False,
        source: Tensor | None = None,
    ) -> None:
        self.dtype = dtype
        """Element type by ONNX's number."""
        self.shape = shape
        """Sizes for the batch at hand."""
        self.constant = constant
        """Whether it is the same for every batch, so that onnxruntime may compute it once, when it loads the graph."""
        self._value = value
        self._source = source

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def value(self) -> NDArray[Any] | None:
        """The elements, if they are known and few. Weights are read only when somebody looks at them."""
        source = self._source  # threads that meet here both read it, and agree
        if self._value is None and source is not None:
            if source.size <= MAX_KNOWN_VALUES:
                self._value = source.values()
            self._source = None
        return self._value


class Call:
    """One node in the hand of its shape function."""

    __slots__ = ("asked", "inputs", "node", "opset", "work", "workspace")

    def __init__(self, node: Node, inputs: list[Known | None], opset: int) -> None:
        self.node = node
        self.inputs = inputs
        self.opset = opset
        self.work = 0
        """Steps of the kernel; the run adds ELEMENT_STEPS for each element of the outputs."""
        self.workspace = 0
        """Elements that the kernel needs beside its outputs."""
        self.asked: Shape = ()
        """Sizes on which its answer depends in another way than growing with them: asked for by Shape, or cut."""

    def fail(self, reason: str) -> NoReturn:
        """Refuse the node.

        Raises:
            BundleError: always.
        """
        raise BundleError(f"{self.node} {reason}")

    def given(self, index: int) -> bool:
        """Whether an optional input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def input(self, index: int) -> Known:
        """An input that must be there."""
        known = self.inputs[index] if index < len(self.inputs) else None
        if known is None:
            self.fail(f"has no input {index}")
        return known

    def shape(self, index: int, *, least: int = 0, rank: int | None = None) -> Shape:
        """Shape of an input that must be there, of so many axes."""
        shape = self.input(index).shape
        if len(shape) < least or (rank is not None and len(shape) != rank):
            expected = f"{rank}" if rank is not None else f"at least {least}"
            self.fail(f"takes {expected} axes, but input {index} has the shape {list(shape)}")
        return shape

    def integers(self, index: int) -> list[int]:
        """Values of an input of integers that decide on a shape.

        They must follow from shapes and constants.
        """
        known = self.input(index)
        if known.dtype not in (INT32, INT64):
            self.fail(f"takes integers as input {index}, but has {type_name(known.dtype)}")
        value = known.value
        if value is None:
            self.fail(f"takes its sizes from input {index}, whose values depend on data or are too many")
        if value.ndim > 1:
            self.fail(f"takes a list of integers as input {index}, but has the shape {list(known.shape)}")
        numbers: list[int] = value.reshape(-1).tolist()
        return numbers

    def integer(self, index: int) -> int:
        """The one value of such an input."""
        numbers = self.integers(index)
        if len(numbers) != 1:
            self.fail(f"takes one integer as input {index}, but has {len(numbers)}")
        return numbers[0]

    def has(self, name: str) -> bool:
        """Whether an attribute is given."""
        return name in self.node.attributes

    def attribute(self, name: str, kind: int, default: Any) -> Any:
        """Value of an attribute of one type."""
        found = self.node.attributes.get(name)
        if found is None:
            return default
        if found.type != kind:
            self.fail(f"has the attribute {name!r} of the wrong type")
        return found.value

    def number(self, name: str, default: int) -> int:
        """An integer attribute."""
        value: int = self.attribute(name, ATTRIBUTE_INT, default)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """An integer attribute that may be 0 or 1 only: kernels differ in what they make of others."""
        value = self.number(name, int(default))
        if value not in (0, 1):
            self.fail(f"has {name} of {value}, but it must be 0 or 1")
        return value == 1

    def numbers(self, name: str, default: Sequence[int]) -> tuple[int, ...]:
        """An attribute of integers."""
        return tuple(self.attribute(name, ATTRIBUTE_INTS, default))

    def reals(self, name: str, default: Sequence[float]) -> tuple[float, ...]:
        """An attribute of floats."""
        return tuple(self.attribute(name, ATTRIBUTE_FLOATS, default))

    def text(self, name: str, default: str) -> str:
        """A text attribute."""
        value = self.attribute(name, ATTRIBUTE_STRING, default.encode())
        return str(value.decode("utf-8", "replace"))

    def axis(self, axis: int, rank: int, what: str = "axis") -> int:
        """An axis counted from the front.

        Args:
            axis: from -rank to rank - 1.
            rank: number of axes.
            what: what messages call it.
        """
        if not -rank <= axis < rank:
            self.fail(f"has the {what} {axis}, which a tensor of {rank} axes does not have")
        return axis % rank

    def axes(self, axes: Sequence[int], rank: int) -> list[int]:
        """Several axes counted from the front, none twice."""
        found = [self.axis(axis, rank) for axis in axes]
        if len(set(found)) < len(found):
            self.fail(f"has an axis twice: {list(axes)[:16]}")
        return found

    def sizes(self, name: str, count: int, default: int, *, least: int) -> tuple[int, ...]:
        """An attribute with one integer an axis, such as the strides of a convolution."""
        values = self.numbers(name, (default,) * count)
        if len(values) != count:
            self.fail(f"has {len(values)} {name}, but {count} axes to apply them to")
        for value in values:
            if not least <= value < _LARGE:
                self.fail(f"has {name} of {list(values)}; each must be from {least} to {_LARGE - 1}")
        return values

    def like(self, index: int = 0, shape: Shape | None = None, *, dtype: int | None = None) -> Known:
        """A tensor with the type of an input, and its shape unless another is given."""
        known = self.input(index)
        return Known(known.dtype if dtype is None else dtype, known.shape if shape is None else shape)

    def broadcast(self, *shapes: Shape) -> Shape:
        """The shape of shapes together, by numpy's rule."""
        first = shapes[0]
        for other in shapes[1:]:
            if other == first or other == ():
                continue
            first = self._two(first, other)
        return first

    def _two(self, a: Shape, b: Shape) -> Shape:
        if len(a) < len(b):
            a, b = b, a
        sizes = list(a)
        for back in range(1, len(b) + 1):
            x, y = a[-back], b[-back]
            if x != y:
                if x == 1:
                    sizes[-back] = y
                elif y != 1:
                    self.fail(f"has inputs of the shapes {list(a)} and {list(b)}, which do not fit together")
        return tuple(sizes)

    def expand_to(self, shape: Shape, target: Shape) -> None:
        """Hold that a shape fits another by numpy's rule without growing it."""
        if self.broadcast(target, shape) != target:
            self.fail(f"has an input of the shape {list(shape)}, which does not fit {list(target)}")


def numpy_type(dtype: int) -> np.dtype[Any] | None:
    """The type of numpy for an element type of ONNX, None where it has none."""
    name = NUMPY_TYPES.get(dtype)
    return None if name is None else np.dtype(name)
