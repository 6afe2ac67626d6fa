"""The first node of a graph whose output is bad, found by asking about as few tensors as can be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from onnx import ModelProto, NodeProto, TensorProto

Judge = Callable[[str], bool | None]
"""Whether a tensor is bad where the graph is cut off behind it; None where that is not to be known. It raises
TimeoutError where no more time is left."""


@dataclass(frozen=True)
class Found:
    """How far the search came."""

    node: NodeProto
    """The first node that is known to be bad."""
    tensor: str
    """Its output that is bad."""
    unknown: int = 0
    """Tensors just before it of which nothing is known."""
    last_good: NodeProto | None = None
    """The last node before those that is known to be good; None where there is none, or where nothing is unknown."""
    in_time: bool = True
    """Whether the time was enough."""


def first_bad_node(model: ModelProto, output: str, judge: Judge) -> Found | None:
    """The node that makes the first bad tensor on the way to an output; None if the output is not bad.

    Args:
        model: the graph, with inferred shapes.
        output: a tensor of it.
        judge: asked about tensors, about each at most once.
    """
    known: dict[str, bool | None] = {}

    def ask(tensor: str) -> bool | None:
        if tensor not in known:
            known[tensor] = judge(tensor)
        return known[tensor]

    if not ask(output):
        return None
    makers = {name: node for node in model.graph.node for name in node.output}
    path = _path(model, output, makers)
    good, bad, in_time = -1, len(path) - 1, True
    try:
        while (middle := _nearest(path, known, good, bad)) is not None:
            answer = ask(path[middle])
            if answer is not None:
                good, bad = (good, middle) if answer else (middle, bad)
        tensor = _upwards(path[bad], makers, set(path), ask)
    except TimeoutError:
        tensor, in_time = path[bad], False
    if tensor != path[bad]:
        return Found(makers[tensor], tensor)
    unknown = bad - good - 1
    return Found(makers[tensor], tensor, unknown, makers[path[good]] if unknown and good >= 0 else None, in_time)


def _path(model: ModelProto, output: str, makers: Mapping[str, NodeProto]) -> list[str]:
    """The float tensors that an output is computed from, in the order in which they are, itself last."""
    read, unread = {output}, [output]
    while unread:
        name = unread.pop()
        for above in makers[name].input if name in makers else ():
            if above not in read:
                read.add(above)
                unread.append(above)
    floats = {
        info.name
        for info in (*model.graph.value_info, *model.graph.output)
        if info.type.tensor_type.elem_type in (TensorProto.FLOAT, TensorProto.FLOAT16)
    }
    return [name for node in model.graph.node for name in node.output if name in read & floats]


def _nearest(path: list[str], known: Mapping[str, bool | None], good: int, bad: int) -> int | None:
    """The place between a good and a bad one that is nearest to their middle and was not asked about."""
    middle = (good + bad) / 2
    open_places = [place for place in range(good + 1, bad) if path[place] not in known]
    return min(open_places, key=lambda place: abs(place - middle), default=None)


def _upwards(tensor: str, makers: Mapping[str, NodeProto], path: set[str], ask: Judge) -> str:
    """A branch may have been passed over: go up as long as what the node reads is bad."""
    while above := [name for name in makers[tensor].input if name in path and ask(name)]:
        tensor = above[0]
    return tensor
