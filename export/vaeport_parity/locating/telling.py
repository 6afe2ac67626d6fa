"""A departure in words: the node, how far off it is, and what differs from what the reference has there."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, helper, numpy_helper

from ..reading.differences import describe
from ..reporting.sentences import listed
from .departure import Departure, Search
from .graph_run import GraphRun
from .tensors import difference
from .weights import change, constants_of, nearest_weight
from .yardstick import Made, Yardstick, tells

_MOST_NAMED = 3


def told(departure: Departure, search: Search, *, error: float, before: str = "", place: str = "") -> str:
    """A departure in one sentence.

    Args:
        departure: where the file leaves the reference.
        search: the search that found it.
        error: how far the output is off.
        before: what is said before the node: the node in whose subgraph it stands.
        place: what is said behind the node: the function that it stands in.
    """
    run, yardstick = search.run, search.yardstick
    node = run.makers[departure.tensor]
    text = f"{before}{describe(node)}{place} {_off(departure, run)}"
    if departure.tensor != search.output and departure.healed and np.isfinite(error):
        text += f" and puts {search.output} {off(error, search.right).removeprefix('is ')}"
    if search.right.dtype.kind == "f" and search.allowed and not place and not before:
        text += f", allowed {search.allowed:.2g}"
    parts = differences(departure, search)
    if departure.bypassed:
        parts = [f"it is not in {yardstick.where}, where {departure.bypassed} is used as it is", *parts]
    elif not parts and (made := yardstick.made.get(departure.right)) is not None and departure.tensor != search.output:
        parts = [f"{yardstick.where} computes there {made.words}"]
    if not parts:
        parts = [f"its output {departure.tensor!r} is the first that {yardstick.where} never computes"]
    if departure.others:
        parts.append(_others(departure, run, yardstick))
    return f"{text}; {'; '.join(parts)}"


def off(error: float, right: NDArray[Any]) -> str:
    """How far a tensor is off, in words."""
    if not np.isfinite(error):
        return "is infinite or no number"
    return f"is off by {error:.2g}" if right.dtype.kind == "f" else f"is wrong in {error:.0f} of {right.size} entries"


def _off(departure: Departure, run: GraphRun) -> str:
    if departure.given is None:
        said = run.failed.get(departure.tensor, "")
        return f"gives nothing ({said})" if said else "is wrong"
    if departure.wanted is None:
        return "is wrong"
    if departure.given.shape != departure.wanted.shape:
        return f"is {list(departure.given.shape)} instead of {list(departure.wanted.shape)}"
    return off(difference(departure.given, departure.wanted), departure.wanted)


def _others(departure: Departure, run: GraphRun, yardstick: Yardstick) -> str:
    nodes = list(dict.fromkeys(describe(run.makers[tensor]) for tensor in departure.others))
    more = f" and {len(nodes) - _MOST_NAMED} more" if len(nodes) > _MOST_NAMED else ""
    are = "is" if len(nodes) == 1 else "are"
    return f"{listed(nodes[:_MOST_NAMED])}{more} before it {are} not in {yardstick.where} either"


def differences(departure: Departure, search: Search) -> list[str]:
    """What differs from the reference's node: operator, reads, attributes and weights, in words."""
    return list(_differences(departure, search.run, search.yardstick))


def _differences(departure: Departure, run: GraphRun, yardstick: Yardstick) -> Iterator[str]:
    node = run.makers[departure.tensor]
    made = yardstick.made.get(departure.right)
    if departure.bypassed:
        return
    if made is None:
        yield from _of_weights(node, run, yardstick)
        return
    same_kind = made.node is not None and (node.op_type, node.domain) == (made.node.op_type, made.node.domain)
    if not same_kind and (text := _misplaced(departure, run, yardstick)):
        yield text
        return
    if not same_kind:
        reads = _names_of_reads(node, run, yardstick)
        if made.node is not None and reads and all(names & set(made.reads) for names in reads):
            yield f"it is {_one(made.kind)} in {yardstick.where}"
        yield from _of_weights(node, run, yardstick)
        return
    yield from _of_reads(node, run, yardstick, made)
    yield from _of_attributes(node, made, run, yardstick.where)
    yield from _of_inputs(node, run, yardstick, made)


def _misplaced(departure: Departure, run: GraphRun, yardstick: Yardstick) -> str:
    """What is said where a node gives a tensor that the reference has elsewhere."""
    given, right = departure.given, departure.right
    if given is None or not tells(given) or yardstick.is_same(given, yardstick.values[right]):
        return ""
    names = [name for name in yardstick.same(given) if name != right]
    before = yardstick.above(right)
    earlier = [name for name in names if name in before]
    if earlier:
        missing = [yardstick.made[name].words for name in _way(yardstick, earlier[-1], right)]
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        verb = "is" if len(missing) == 1 else "are"
        return f"{listed(missing[:_MOST_NAMED])}{more} of {yardstick.where} {verb} missing" if missing else ""
    if not names:
        return ""
    text = f"it gives what {yardstick.where} has in {names[-1]!r}, not in {right!r}"
    there = [name for name in run.makers if tells(run.values.get(name)) and right in yardstick.same(run.values[name])]
    return f"{text}; that is {there[-1]!r} of {describe(run.makers[there[-1]])}" if there else text


def _way(yardstick: Yardstick, first: str, last: str) -> list[str]:
    """Tensors of the reference that lead from one to another, without the first, in order."""
    before = yardstick.above(last)
    return [name for name in yardstick.made if name in before and name != first and first in yardstick.above(name)]


def _names_of_reads(node: NodeProto, run: GraphRun, yardstick: Yardstick) -> list[set[str]]:
    values = [run.values[name] for name in node.input if name in run.varying and tells(run.values.get(name))]
    return [set(yardstick.same(value)) for value in values]


def _of_reads(node: NodeProto, run: GraphRun, yardstick: Yardstick, made: Made) -> Iterator[str]:
    """Inputs that are other tensors than in the reference."""
    wrong = [
        expected
        for name, expected in zip(node.input, made.reads, strict=False)
        if name and expected and not _is_read(run.values.get(name), expected, yardstick, varying=name in run.varying)
    ]
    if not wrong:
        return
    text = f"it reads {', '.join(filter(None, node.input))}, in {yardstick.where} {', '.join(filter(None, made.reads))}"
    there = [value for value in run.values.values() if tells(value)]
    for expected in wrong:
        if expected in yardstick.made and not any(expected in yardstick.same(value) for value in there):
            text += f": {yardstick.made[expected].words} is missing"
    yield text


def _is_read(value: Any, expected: str, yardstick: Yardstick, *, varying: bool) -> bool:
    """Whether an input is what the reference reads at its place, or may be."""
    if not varying:
        return expected not in yardstick.values
    wanted = yardstick.values.get(expected)
    if wanted is None or not isinstance(value, np.ndarray):
        return expected not in yardstick.weights
    if value.size == wanted.size and yardstick.is_same(value, wanted):
        return True
    names = {*yardstick.same(value), *yardstick.same(value, ordered=False)}
    return not names or expected in names


def _of_attributes(node: NodeProto, made: Made, run: GraphRun, where: str) -> Iterator[str]:
    if made.node is None or made.run is None:
        return
    mine, theirs = (_attributes(each, graph) for each, graph in ((node, run), (made.node, made.run)))
    for key in sorted(mine.keys() | theirs.keys()):
        given, wanted = mine.get(key), theirs.get(key)
        if isinstance(given, np.ndarray) and isinstance(wanted, np.ndarray):
            if text := change(given, wanted, where):
                yield f"its {key} {text}"
        elif not isinstance(given, np.ndarray) and given != wanted:
            yield f"it has {key} = {_shown(given)}, in {where} {_shown(wanted)}"


def _attributes(node: NodeProto, run: GraphRun) -> dict[str, Any]:
    """Values of a node's attributes, those left to their default too; subgraphs are left out."""
    values: dict[str, Any] = {}
    domain = "" if node.domain == "ai.onnx" else node.domain
    opset = next((one.version for one in run.model.opset_import if one.domain in (domain, domain or "ai.onnx")), 1)
    if onnx.defs.has(node.op_type, domain):
        for name, attribute in onnx.defs.get_schema(node.op_type, opset, domain).attributes.items():
            if attribute.default_value.type:
                values[name] = helper.get_attribute_value(attribute.default_value)
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) or attribute.ref_attr_name:
            continue
        value = helper.get_attribute_value(attribute)
        values[attribute.name] = numpy_helper.to_array(value) if attribute.type == AttributeProto.TENSOR else value
    return values


def _of_inputs(node: NodeProto, run: GraphRun, yardstick: Yardstick, made: Made) -> Iterator[str]:
    """Constant inputs that differ from those of the reference's node."""
    unexplained = False
    for place, name, value in constants_of(run, node):
        expected = made.reads[place] if place < len(made.reads) else ""
        if expected not in yardstick.weights:
            unexplained = unexplained or bool(expected)
            continue
        if text := change(value, yardstick.weights[expected], yardstick.where):
            yield f"{_named(name, run)} {text}"
    if unexplained:
        yield from _of_weights(node, run, yardstick)


def _of_weights(node: NodeProto, run: GraphRun, yardstick: Yardstick) -> Iterator[str]:
    """Weights that are nearly some weight of the reference."""
    for _, name, value in constants_of(run, node):
        if value.size > 1:
            other = nearest_weight(value, yardstick)
            if other is not None and other.size == value.size and (text := change(value, other, yardstick.where)):
                yield f"{_named(name, run)} {text}"


def _named(name: str, run: GraphRun) -> str:
    maker = run.makers.get(name)
    return f"its {name}, made by {describe(maker)}," if maker is not None else f"its {name}"


def _one(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "AEIO" else f"a {kind}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
