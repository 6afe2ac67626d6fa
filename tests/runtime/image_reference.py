"""docs/images.md in plain Python, a pixel at a time: what other languages would write."""

import math
from statistics import median

Rows = list[list[float]]


def fit_mnist(grey: Rows, h: int, w: int) -> Rows:
    """`fit="mnist"` with `polarity="auto"` of a grey picture of bytes."""
    side = max(len(grey), len(grey[0]))
    k = math.ceil(side / 512)
    if k > 1:
        grey = _means(grey, k)
    paper = _paper(grey)
    sign = -1 if _dark(grey) else 1
    ink = [[max(0.0, sign * (p - paper)) for p in row] for row in grey]
    field = [[0.0] * w for _ in range(h)]
    most = max(map(max, ink))
    if most == 0:
        return field
    ink = [[max(0.0, p - 0.1 * most) for p in row] for row in ink]
    most = max(map(max, ink))
    ys = [y for y, row in enumerate(ink) if max(row) >= 0.3 * most]
    xs = [x for x in range(len(ink[0])) if max(row[x] for row in ink) >= 0.3 * most]
    crop = [row[xs[0] : xs[-1] + 1] for row in ink[ys[0] : ys[-1] + 1]]
    f = min(h, w) * 20 / 28 / max(len(crop), len(crop[0]))
    small = _transposed([_scaled(column, f) for column in _transposed([_scaled(row, f) for row in crop])])
    most = max(map(max, small))
    small = [[p / most for p in row] for row in small]
    top = _place([sum(row) for row in small], h)
    left = _place([sum(column) for column in _transposed(small)], w)
    for y, row in enumerate(small):
        field[top + y][left : left + len(row)] = row
    return field


def fit_resize(grey: Rows, h: int, w: int) -> Rows:
    """`fit="resize"` with `polarity="auto"`, as bytes."""
    if len(grey[0]) != w:
        grey = [_lanczos(row, w) for row in grey]
    if len(grey) != h:
        grey = _transposed([_lanczos(column, h) for column in _transposed(grey)])
    return [[255 - p for p in row] for row in grey] if _dark(grey) else grey


def _means(grey: Rows, k: int) -> Rows:
    def mean(y: int, x: int) -> float:
        block = [p for row in grey[y : y + k] for p in row[x : x + k]]
        return math.floor(sum(block) / len(block) + 0.5)

    return [[mean(y, x) for x in range(0, len(grey[0]), k)] for y in range(0, len(grey), k)]


def _paper(grey: Rows) -> float:
    return median(grey[0] + grey[-1] + [p for row in grey[1:-1] for p in (row[0], row[-1])])


def _dark(grey: Rows) -> bool:
    paper = _paper(grey)
    darker = sum((p - paper) ** 2 for row in grey for p in row if p < paper)
    lighter = sum((p - paper) ** 2 for row in grey for p in row if p > paper)
    return paper > 127 if darker == lighter else darker > lighter


def _scaled(line: list[float], f: float) -> list[float]:
    m = max(1, math.floor(len(line) * f + 0.5))
    s = len(line) / m
    result = []
    for i in range(m):
        weights = [max(0.0, 1 - abs(x + 0.5 - (i + 0.5) * s) / max(s, 1)) for x in range(len(line))]
        result.append(sum(a * b for a, b in zip(weights, line, strict=True)) / sum(weights))
    return result


def _place(mass: list[float], d: int) -> int:
    g = sum((i + 0.5) * value for i, value in enumerate(mass)) / sum(mass)
    return min(max(math.floor((d + 1) / 2 - g + 0.5 + 1e-6), 0), d - len(mass))


def _lanczos(line: list[float], m: int) -> list[float]:
    def sinc(t: float) -> float:
        return math.sin(math.pi * t) / (math.pi * t) if t else 1.0

    s = len(line) / m
    wide = max(s, 1.0)
    result = []
    for i in range(m):
        c = (i + 0.5) * s
        inputs = range(max(0, math.floor(c - 3 * wide + 0.5)), min(len(line), math.floor(c + 3 * wide + 0.5)))
        at = [(x + 0.5 - c) / wide for x in inputs]
        weights = [sinc(t) * sinc(t / 3) if -3 <= t < 3 else 0.0 for t in at]
        total = sum(a * line[x] for a, x in zip(weights, inputs, strict=True)) / sum(weights)
        result.append(float(min(max(math.floor(total + 0.5), 0), 255)))
    return result


def _transposed(rows: Rows) -> Rows:
    return [list(column) for column in zip(*rows, strict=True)]
