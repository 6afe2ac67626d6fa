"""Input sets for any graph: from arrays that are given, from a generator, or seeded from the graph's types."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from vaeport.errors import InputError

from ..subjects.subject import InputSet
from ..subjects.tensors import Arrays, TensorSpec, batch_axis, is_float, symbolic_axes

Ranges = Mapping[str, tuple[float, float]]
"""Low and high by input name: low <= x < high."""

ROWS = 300
"""Rows of the probes: more than the largest batch size."""

FEW_ROWS = 16
"""The same where a row takes long."""

_VARIED_ROWS = 4
_RUNS = 3  # seeded runs beside the first where there is no batch
_LARGE = 1000.0
_BASES = ((6, 7, 9, 10, 11, 13), (8, 16, 24, 32, 40, 48), (8,), (16, 32, 48, 64), (16,), (32, 64), (32,), (64,), (224,))
"""Sizes of symbolic axes that are tried in turn, until the reference takes them; the last for all that follow."""


@dataclass(frozen=True)
class Domain:
    """What is known of a graph's inputs."""

    name: str
    """Name of the graph."""
    inputs: tuple[TensorSpec, ...]
    """Types and shapes."""
    ranges: Ranges = field(default_factory=dict)
    """Ranges that the caller gave."""
    indices: Mapping[str, int] = field(default_factory=dict)
    """For integer inputs that are an index of a table: how many entries it has."""
    seed: int = 0
    """Seed of everything that is drawn."""

    @property
    def batch(self) -> str | None:
        """The axis that is cut into batches: first in all inputs, and nowhere else."""
        axis = batch_axis(self.inputs)
        elsewhere = any(axis in spec.shape[1:] for spec in self.inputs)
        return None if elsewhere else axis

    @property
    def axes(self) -> tuple[str, ...]:
        """Symbolic axes beside the batch."""
        return tuple(axis for axis in symbolic_axes(self.inputs) if axis != self.batch)


Accepts = Callable[[Arrays], bool]
"""Whether the reference takes one batch of inputs."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Input sets, and what the report says of them."""

    sets: tuple[InputSet, ...]
    """The first is named `probes`."""
    notes: tuple[str, ...]
    """How they were made."""
    left_out: tuple[str, ...]
    """Sizes and batches that are not asked, with the reason."""


def checked_inputs(inputs: Mapping[str, Any], specs: Sequence[TensorSpec]) -> Arrays:
    """Given inputs as the graph takes them.

    Args:
        inputs: arrays, tensors or lists by input name.
        specs: inputs of the graph.

    Raises:
        InputError: a name, type or shape does not fit, or a conversion would change values.
    """
    names = [spec.name for spec in specs]
    for name in inputs:
        if name not in names:
            raise InputError(f"the graph has no input {name!r}; its inputs are {', '.join(names) or 'none'}")
    arrays: Arrays = {}
    sizes: dict[str, tuple[int, str]] = {}
    for spec in specs:
        if spec.name not in inputs:
            raise InputError(f"inputs lack {spec.name!r}, {spec.dtype} {_shape(spec)}")
        values = _converted(inputs[spec.name], spec)
        if values.ndim != len(spec.shape):
            raise InputError(f"input {spec.name!r} is {list(values.shape)}, the graph takes {_shape(spec)}")
        for axis, size in zip(spec.shape, values.shape, strict=True):
            if isinstance(axis, int):
                if axis != size:
                    raise InputError(f"input {spec.name!r} is {list(values.shape)}, the graph takes {_shape(spec)}")
                continue
            known, other = sizes.setdefault(axis, (size, spec.name))
            if known != size:
                raise InputError(
                    f"the axis {axis!r} is {known} in input {other!r} and {size} in {spec.name!r}; they must be equal"
                )
        arrays[spec.name] = values
    return arrays


def given_sets(domain: Domain, arrays: Arrays, accepts: Accepts, *, rows: int = ROWS) -> Asked:
    """Input sets from arrays that were given: extended to enough rows for all batches, and cut to other sizes.

    Args:
        domain: the graph's inputs.
        arrays: as of `checked_inputs`.
        accepts: whether the reference takes a batch.
        rows: how many rows to ask, at least.

    Raises:
        InputError: the arrays have no rows.
    """
    notes: list[str] = []
    if domain.batch is None:
        probes = InputSet("probes", domain.name, arrays, batched=False, given=False)
        notes.append("The inputs are the given arrays, in one run.")
    else:
        have = len(next(iter(arrays.values())))
        if not have:
            raise InputError(f"the inputs have no rows: the axis {domain.batch!r} is 0")
        extended, how = _extended(arrays, rows, domain.seed)
        probes = InputSet("probes", domain.name, extended, cuts="sizes")
        more = f", and {len(probes) - have} {how} of them" if len(probes) > have else ""
        notes.append(f"The inputs are the {have} given rows{more}.")
    varied, refused = _varied(domain, probes, accepts)
    return Asked((probes, *varied), (*notes, *_varied_note(varied)), (*_no_batch(domain), *refused))


def seeded_sets(domain: Domain, accepts: Accepts, *, rows: int = ROWS) -> Asked:
    """Input sets drawn from the graph's types.

    Floats are standard normal, or uniform in a range that is given; integers are drawn from a given range, or from the
    entries of the table that they index; booleans are true three times in four, the first along the last axis always,
    so that no mask hides everything. Edges of the floats' type and much larger values are asked as well.

    Args:
        domain: the graph's inputs.
        accepts: whether the reference takes a batch.
        rows: how many rows to ask.

    Raises:
        InputError: the range of an integer input is not known, or the reference takes none of the sizes tried.
    """
    for spec in domain.inputs:
        _limits(spec, domain)
    sizes = _base_sizes(domain, accepts)
    batch = domain.batch

    def draw(number: int, count: int) -> Arrays:
        return _drawn(domain, {**sizes, **({batch: count} if batch else {})}, number)

    probes = InputSet("probes", domain.name, draw(0, rows), batched=batch is not None, cuts="sizes")
    sets = [probes]
    if batch is None:
        sets += [InputSet(f"probes {n + 1}", domain.name, draw(n, 0), batched=False) for n in range(1, _RUNS + 1)]
    sets += _edge_sets(domain, sizes)
    varied, refused = _varied(domain, probes, accepts)
    notes = [f"The inputs are seeded: {_manner(domain)}.", *_varied_note(varied)]
    if sizes:
        chosen = ", ".join(f"{axis}={size}" for axis, size in sizes.items())
        notes.append(f"Sizes of symbolic axes: {chosen}.")
    return Asked((*sets, *varied), tuple(notes), (*_no_batch(domain), *refused))


def example_of(given: InputSet, rows: int = 3) -> Arrays:
    """A small batch of a set."""
    return given.rows(0, min(rows, len(given)))


def _converted(values: Any, spec: TensorSpec) -> NDArray[Any]:
    if hasattr(values, "detach"):
        from ..reference.torch_module import to_array

        values = to_array(values)
    array = np.asarray(values)
    wanted = np.dtype(spec.dtype)
    if array.dtype.kind in "fV" and bool(np.isnan(array).any()):
        raise InputError(f"input {spec.name!r} holds NaN; give numbers")
    if array.dtype == wanted:
        return array
    if array.dtype.kind not in "biufV":
        raise InputError(f"input {spec.name!r} is {array.dtype}, the graph takes {spec.dtype}")
    with np.errstate(all="ignore"):
        converted = array.astype(wanted)
        same = np.array_equal(converted.astype(array.dtype), array, equal_nan=array.dtype.kind == "f")
    if not same:
        raise InputError(
            f"input {spec.name!r} is {array.dtype}, the graph takes {spec.dtype}, and converting would change values; "
            f"give it as {spec.dtype}"
        )
    return converted


def _extended(arrays: Arrays, rows: int, seed: int) -> tuple[Arrays, str]:
    """The rows, then blends of two of them each; repeats where inputs are not all finite floats."""
    have = len(next(iter(arrays.values())))
    more = max(rows - have, 0)
    if not more:
        return arrays, ""
    at = np.arange(more)
    first = at % have
    second = (first + 1 + at // have % max(have - 1, 1)) % have  # never the same row
    floats = all(is_float(values.dtype) for values in arrays.values())
    if not floats or have == 1 or not all(np.isfinite(values).all() for values in arrays.values()):
        order = np.random.default_rng(seed).permutation(more) % have
        return {name: np.concatenate([values, values[order]]) for name, values in arrays.items()}, "repeats"
    shares = np.random.default_rng(seed).random(more)
    blended = {}
    for name, values in arrays.items():
        share = shares.reshape(more, *(1,) * (values.ndim - 1))
        wide = values.astype(np.float64)
        blend = share * wide[first] + (1 - share) * wide[second]
        blended[name] = np.concatenate([values, blend.astype(values.dtype)])
    return blended, "blends"


def _varied(domain: Domain, probes: InputSet, accepts: Accepts) -> tuple[list[InputSet], list[str]]:
    """The first rows at other sizes of each symbolic axis beside the batch, and the sizes that are refused."""
    sets, refused = [], []
    few = probes.rows(0, min(_VARIED_ROWS, len(probes))) if probes.batched else probes.values()
    for axis in domain.axes:
        size = _size_of(axis, domain, few)
        for other in dict.fromkeys((1, 2, size + 1 if size % 2 == 0 else size + 2, 2 * size)):
            if other == size:
                continue
            resized = {spec.name: _resized(few[spec.name], spec, axis, other) for spec in domain.inputs}
            if accepts(resized):
                sets.append(InputSet(f"{axis}={other}", domain.name, resized, batched=probes.batched))
            else:
                refused.append(f"{domain.name}, {axis}={other}: the reference does not take this size")
    return sets, refused


def _size_of(axis: str, domain: Domain, arrays: Arrays) -> int:
    sizes = (arrays[spec.name].shape[spec.shape.index(axis)] for spec in domain.inputs if axis in spec.shape)
    return int(next(sizes))


def _resized(values: NDArray[Any], spec: TensorSpec, axis: str, size: int) -> NDArray[Any]:
    """Values cut or repeated along every place of an axis."""
    for place, name in enumerate(spec.shape):
        if name == axis and values.shape[place]:
            values = np.take(values, np.arange(size) % values.shape[place], axis=place)
    return np.asarray(values, order="C")


def _varied_note(varied: Sequence[InputSet]) -> list[str]:
    return [f"Asked at other sizes too: {', '.join(each.name for each in varied)}."] if varied else []


def _no_batch(domain: Domain) -> list[str]:
    if domain.batch is not None:
        return []
    return ["Batches of several sizes and rows alone: the inputs do not share a symbolic first axis."]


def _limits(spec: TensorSpec, domain: Domain) -> tuple[float, float] | None:
    """Range of an input; None for floats without one, and for booleans."""
    if spec.name in domain.ranges:
        return domain.ranges[spec.name]
    if spec.is_float or spec.dtype == "bool":
        return None
    if spec.name in domain.indices:
        return 0, domain.indices[spec.name]
    raise InputError(
        f"input {spec.name!r} holds {spec.dtype} whose range is not known; give it with --range {spec.name}=LOW:HIGH "
        f"(ranges={{{spec.name!r}: (low, high)}} in Python), or give inputs"
    )


def _base_sizes(domain: Domain, accepts: Accepts) -> dict[str, int]:
    if not domain.axes:
        return {}
    for bases in _BASES:
        sizes = dict(zip(domain.axes, itertools.chain(bases, itertools.repeat(bases[-1])), strict=False))
        batch = {domain.batch: 2} if domain.batch else {}
        if accepts(_drawn(domain, {**sizes, **batch}, 0)):
            return sizes
    raise InputError(
        f"the reference takes no size that was tried for {', '.join(map(repr, domain.axes))}; give inputs of a size "
        "that it takes"
    )


def _drawn(domain: Domain, sizes: Mapping[str, int], number: int) -> Arrays:
    random = np.random.default_rng((domain.seed, number))
    return {spec.name: _draw(spec, spec.sized(sizes), _limits(spec, domain), random) for spec in domain.inputs}


def _draw(
    spec: TensorSpec, shape: tuple[int, ...], limits: tuple[float, float] | None, random: np.random.Generator
) -> NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if spec.dtype == "bool":
        drawn = np.asarray(random.random(shape) < 0.75)
        if drawn.ndim and drawn.size:
            drawn[..., 0] = True
        return drawn
    if spec.is_float:
        values = random.standard_normal(shape) if limits is None else random.uniform(*limits, shape)
        return np.asarray(values).astype(dtype)
    low, high = limits or (0, 1)
    return np.asarray(random.integers(int(np.ceil(low)), int(np.ceil(high)), shape)).astype(dtype)


def _edge_sets(domain: Domain, sizes: Mapping[str, int]) -> Iterator[InputSet]:
    """Floats at the edges of their type, and large ones; integers at the ends of their range."""
    free = [spec for spec in domain.inputs if spec.is_float and spec.name not in domain.ranges]
    integers = [spec for spec in domain.inputs if not spec.is_float and spec.dtype != "bool"]
    levels = 6 if free else 2 if integers else 0
    if not levels:
        return
    rows = []
    for level in range(levels):
        drawn = _drawn(domain, {**sizes, **({domain.batch: 1} if domain.batch else {})}, 100 + level)
        for spec in domain.inputs:
            drawn[spec.name] = _at_edge(spec, drawn[spec.name], level, domain)
        rows.append(drawn)
    yield from _as_sets("edges", domain, rows)
    if free:
        batch = {domain.batch: 8} if domain.batch else {}
        drawn = _drawn(domain, {**sizes, **batch}, 200)
        for spec in free:
            drawn[spec.name] = (drawn[spec.name].astype(np.float64) * _large(spec)).astype(spec.dtype)
        yield from _as_sets("large", domain, [drawn])


def _as_sets(name: str, domain: Domain, rows: Sequence[Arrays]) -> Iterator[InputSet]:
    scale = "large" if name == "large" else ""
    if domain.batch is not None:
        whole = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
        yield InputSet(name, domain.name, whole, scale=scale)
        return
    for number, row in enumerate(rows):
        yield InputSet(f"{name} {number + 1}" if len(rows) > 1 else name, domain.name, row, batched=False, scale=scale)


def _at_edge(spec: TensorSpec, drawn: NDArray[Any], level: int, domain: Domain) -> NDArray[Any]:
    limits = _limits(spec, domain)
    if spec.is_float and limits is None:
        info = ml_dtypes.finfo(np.dtype(spec.dtype))  # type: ignore[no-untyped-call]  # it has no types
        edges = (0.0, 1.0, -1.0, float(info.smallest_subnormal), float(info.tiny), -float(info.tiny) * 1.5)
        return np.full_like(drawn, edges[level])
    if limits is not None:
        low, high = limits
        top = high if spec.is_float else np.ceil(high) - 1
        return np.full_like(drawn, low if level % 2 == 0 else top)
    return drawn


def _large(spec: TensorSpec) -> float:
    return _LARGE if spec.dtype in ("float32", "float64", "bfloat16") else _LARGE / 10


def _manner(domain: Domain) -> str:
    parts = []
    for spec in domain.inputs:
        limits = _limits(spec, domain)
        if spec.dtype == "bool":
            how = "random, true three times in four"
        elif limits is None:
            how = "standard normal, with sets of edges and of large values"
        else:
            source = "" if spec.name in domain.ranges else ", as indices of the graph's table"
            how = f"uniform from {limits[0]:g} to below {limits[1]:g}{source}"
        parts.append(f"{spec.name} {how}")
    return "; ".join(parts)


def _shape(spec: TensorSpec) -> str:
    return f"[{', '.join(map(str, spec.shape))}]"
