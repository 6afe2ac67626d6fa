"""Matrix products."""

from __future__ import annotations

import math

from ..tensors import DOUBLE, FLOAT, FLOAT16, INT32
from .call import Call, Known, Shape


def cost(known: Known) -> int:
    """Steps of one multiply-add for inputs of this type: kernels without fast loops take more of them."""
    return _STEPS.get(known.dtype, 8)


def gemm(call: Call) -> Known:
    """Gemm: two matrices, and a third that is added."""
    a, b = call.shape(0, rank=2), call.shape(1, rank=2)
    rows, inner = a[::-1] if call.flag("transA") else a
    other, columns = b[::-1] if call.flag("transB") else b
    if inner != other:
        call.fail(f"multiplies {rows} x {inner} by {other} x {columns}")
    if call.given(2):
        call.expand_to(call.input(2).shape, (rows, columns))
    call.work += rows * inner * columns * cost(call.input(0))
    return call.like(0, (rows, columns))


def matmul(call: Call) -> Known:
    """MatMul by numpy's rule."""
    a, b = call.shape(0, least=1), call.shape(1, least=1)
    return call.like(0, _product(call, a, b, cost(call.input(0))))


def matmul_integer(call: Call) -> Known:
    """MatMulInteger: integers of 8 bits to 32."""
    a, b = call.shape(0, least=1), call.shape(1, least=1)
    for index, matrix in ((2, a), (3, b)):
        _check_zero_point(call, index, matrix, by_row=index == _A_ZERO)
    return call.like(0, _product(call, a, b, 1), dtype=INT32)


def qlinear_matmul(call: Call) -> Known:
    """QLinearMatMul: integers of 8 bits with scales and zero points."""
    a, b = call.shape(0, least=1), call.shape(3, least=1)
    for first, matrix, by_row in ((1, a, True), (4, b, False)):
        for index in (first, first + 1):
            _check_zero_point(call, index, matrix, by_row=by_row)
    for index in (6, 7):
        if call.input(index).size != 1:
            call.fail(f"takes one number as input {index}")
    return call.like(7, _product(call, a, b, 1))


def einsum(call: Call) -> Known:
    """Einsum of letters, with an ellipsis; no letter twice in one term of the output."""
    equation = call.text("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(equation) > _EQUATION or len(terms) != len(call.inputs):
        call.fail(f"has an equation of {len(terms)} terms for {len(call.inputs)} inputs")
    sizes: dict[str, int] = {}
    ellipsis: Shape = ()
    for index, term in enumerate(terms):
        shape = call.input(index).shape
        letters = term.replace("...", "", 1)
        extra = len(shape) - len(letters)
        if not all("a" <= letter.lower() <= "z" for letter in letters) or extra < 0 or (extra and "..." not in term):
            call.fail(f"has the term {term[:20]!r} for the shape {list(shape)}")
        before = term.index("...") if "..." in term else len(letters)
        if "..." in term:
            ellipsis = call.broadcast(ellipsis, shape[before : before + extra])
        for letter, size in zip(letters, (*shape[:before], *shape[before + extra :]), strict=True):
            if sizes.setdefault(letter, size) != size and 1 not in (size, sizes[letter]):
                call.fail(f"gives the letter {letter} the sizes {sizes[letter]} and {size}")
            sizes[letter] = max(sizes[letter], size)
    if not arrow:
        right = "..." * ("..." in left) + "".join(sorted(x for x in sizes if left.count(x) == 1))
    letters = right.replace("...", "", 1)
    if len(set(letters)) != len(letters) or not set(letters) <= set(sizes):
        call.fail(f"has the output {right[:20]!r}")
    before = right.index("...") if "..." in right else len(letters)
    middle = ellipsis if "..." in right else ()
    call.work += 4 * math.prod(sizes.values()) * math.prod(ellipsis) * cost(call.input(0))
    call.workspace += sum(known.size for known in call.inputs if known is not None) * 2
    return call.like(0, (*(sizes[x] for x in letters[:before]), *middle, *(sizes[x] for x in letters[before:])))


def det(call: Call) -> Known:
    """Det of each matrix."""
    shape = call.shape(0, least=2)
    if shape[-1] != shape[-2]:
        call.fail(f"takes square matrices, but has the shape {list(shape)}")
    call.work += 8 * call.input(0).size * shape[-1]
    return call.like(0, shape[:-2])


def _product(call: Call, a: Shape, b: Shape, step: int) -> Shape:
    left = (1, *a) if len(a) == 1 else a
    right = (*b, 1) if len(b) == 1 else b
    if left[-1] != right[-2]:
        call.fail(f"multiplies the shapes {list(a)} and {list(b)}, which do not fit")
    batch = call.broadcast(left[:-2], right[:-2])
    call.work += math.prod(batch) * left[-2] * left[-1] * right[-1] * step
    rows = () if len(a) == 1 else (left[-2],)
    columns = () if len(b) == 1 else (right[-1],)
    return (*batch, *rows, *columns)


def _check_zero_point(call: Call, index: int, matrix: Shape, *, by_row: bool) -> None:
    """A scale or zero point is one number, or one a row of the first matrix, one a column of the second."""
    if not call.given(index):
        return
    shape = call.input(index).shape
    if math.prod(shape) == 1:
        return
    size = matrix[-2] if by_row and len(matrix) > 1 else matrix[-1]
    if by_row or math.prod(shape) != size or max(shape) != size:
        call.fail(f"has {list(shape)} as input {index}, which does not fit the matrix {list(matrix)}")


_STEPS = {FLOAT: 1, FLOAT16: 2, DOUBLE: 2}
_A_ZERO = 2
_EQUATION = 200
