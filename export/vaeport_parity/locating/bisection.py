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
    unknown: tuple[str, ...] = ()
    """Tensors on the way to it of which nothing is known, behind the last one that is known to be good."""
    last_good: NodeProto | None = None
    """The node that made that one."""
    in_time: bool = True
    """Whether the time was enough."""


def first_bad_node(model: ModelProto, output: str, judge: Judge) -> Found | None:
    """The node that makes the first bad tensor on the way to an output; None if the output is not bad.

    Args:
        model: the graph, with inferred shapes.
        output: a tensor of it.
        judge: asked about tensors, about each at most once.

    Raises:
        TimeoutError: there was not even time to ask about the output.
    """
    known: dict[str, bool | None] = {}

    def ask(tensor: str) -> bool | None:
        if tensor not in known:
            known[tensor] = judge(tensor)
        return known[tensor]

    if not ask(output):
        return None
    makers = {name: node for node in model.graph.node for name in node.output}
    whole = _path(model, output, makers)
    tensor, in_time = output, True
    try:
        while True:
            tensor = _first_bad(_path(model, tensor, makers), ask)
            # A branch may have been passed over: what the node reads may be bad, too.
            above = _above(tensor, makers, whole, ask)
            if not above.bad:
                break
            tensor = above.bad[0]
    except TimeoutError:
        tensor, in_time = next(name for name in whole if known.get(name)), False
        above = _above(tensor, makers, whole, known.get)
    last_good = max(above.good, key=whole.index, default=None)
    unknown = tuple(sorted(above.unknown, key=whole.index))
    return Found(makers[tensor], tensor, unknown, makers[last_good] if last_good else None, in_time)


def _first_bad(path: list[str], ask: Judge) -> str:
    """The first bad tensor of a path whose last one is bad, if all behind it are bad."""
    good, bad = -1, len(path) - 1
    open_places = list(range(bad))
    while open_places:
        middle = open_places[len(open_places) // 2]
        answer = ask(path[middle])
        if answer is not None:
            good, bad = (good, middle) if answer else (middle, bad)
        open_places = [place for place in open_places if good < place < bad and place != middle]
    return path[bad]


@dataclass(frozen=True)
class _Above:
    """What a tensor is made from, up to the nearest tensors that are known."""

    bad: list[str]
    unknown: list[str]
    good: list[str]
    """Above one that is unknown."""


def _above(tensor: str, makers: Mapping[str, NodeProto], whole: list[str], ask: Judge) -> _Above:
    found = _Above([], [], [])
    seen, open_names = {tensor}, [tensor]
    while open_names:
        below = open_names.pop(0)
        for name in makers[below].input:
            if name in seen or name not in whole:
                continue
            seen.add(name)
            answer = ask(name)
            if answer:
                found.bad.append(name)
            elif answer is None:
                found.unknown.append(name)
                open_names.append(name)
            elif below != tensor:
                found.good.append(name)
    return found


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
