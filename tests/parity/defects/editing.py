"""Edits of graphs and bundles, from which defects and rewrites are put together."""

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

from tools.torture.enemy.bundle import manifest_of, read_files, sealed, write_files
from vaeport.contract import FP32, GRAPHS, MANIFEST_FILE
from vaeport.images.scaling import from_uint8
from vaeport_export.graph.running import onnxruntime_answers

from .kinds import Plant

ENCODER, DECODER = "encoder_classifier", "decoder"
GRAPH_FILE = "graph.onnx"
"""Name of a foreign graph in its folder."""

Change = Callable[[ModelProto], None]
"""Changes a graph in place."""


def graph(change: Change, name: str = "", precision: str = FP32) -> Plant:
    """Change one ONNX file: a graph of a bundle by name and precision, or the graph of a foreign network."""

    def plant(folder: Path) -> None:
        path = folder / (GRAPHS[name].file(precision) if name else GRAPH_FILE)
        model = onnx.load(path)
        change(model)
        path.write_bytes(model.SerializeToString(deterministic=True))

    return plant


def both(*plants: Plant) -> Plant:
    """One after the other."""

    def plant(folder: Path) -> None:
        for each in plants:
            each(folder)

    return plant


def seal_anew(folder: Path) -> None:
    """Put a right seal on whatever the folder holds, by an enemy's own tools."""
    write_files(folder, sealed(read_files(folder)))


def manifest(change: Callable[[dict[str, Any]], None]) -> Plant:
    """Change what the manifest says."""

    def plant(folder: Path) -> None:
        values = manifest_of(read_files(folder))
        change(values)
        (folder / MANIFEST_FILE).write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    return plant


def json_file(name: str, change: Callable[[Any], None]) -> Plant:
    """Change a JSON file of a bundle."""

    def plant(folder: Path) -> None:
        values = json.loads((folder / name).read_text())
        change(values)
        (folder / name).write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    return plant


def arrays(change: Callable[[dict[str, NDArray[Any]]], None]) -> Plant:
    """Change the arrays of `golden.npz`."""

    def plant(folder: Path) -> None:
        held = golden_arrays(folder)
        change(held)
        content = io.BytesIO()
        np.savez_compressed(content, **held)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
        (folder / "golden.npz").write_bytes(content.getvalue())

    return plant


def golden_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays of `golden.npz`."""
    with np.load(folder / "golden.npz") as file:
        return {name: file[name] for name in file.files}


def tensor_file(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Plant:
    """Change the array in a `.pb` file of a standard test case."""

    def plant(folder: Path) -> None:
        tensor = onnx.TensorProto.FromString((folder / name).read_bytes())
        changed = numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), tensor.name)
        (folder / name).write_bytes(changed.SerializeToString(deterministic=True))

    return plant


def answers_made_from(name: str, precision: str = FP32) -> Plant:
    """Make golden answers and the standard test case anew from a graph as it is, as an enemy would."""

    def plant(folder: Path) -> None:
        spec, path = GRAPHS[name], folder / GRAPHS[name].file(precision)
        held = golden_arrays(folder)
        inputs = {each: held[f"{name}.{each}"] for each in spec.inputs}
        inputs = {key: from_uint8(array) if array.dtype == np.uint8 else array for key, array in inputs.items()}
        answers = onnxruntime_answers(path.read_bytes(), name, inputs, optimised=False)
        kinds = ("float32", "float64") if precision == FP32 else (precision,)
        new = {
            f"{name}.{output}.{kind}": answers[output].astype(held[f"{name}.{output}.{kind}"].dtype)
            for output in spec.outputs
            for kind in kinds
        }
        arrays(lambda old: old.update(new))(folder)
        for index, output in enumerate(spec.outputs):
            file = f"{precision}/{name}/test_data_set_0/output_{index}.pb"
            rows = len(numpy_helper.to_array(onnx.TensorProto.FromString((folder / file).read_bytes())))
            tensor_file(file, lambda _, output=output, rows=rows: answers[output][:rows])(folder)  # type: ignore[misc]

    return plant


def node_of(model: ModelProto, name: str) -> NodeProto:
    """A node by name."""
    found: NodeProto = next(node for node in model.graph.node if node.name == name)
    return found


def weight_of(model: ModelProto, name: str) -> NDArray[Any]:
    """An initializer's value, to be changed freely."""
    return numpy_helper.to_array(next(each for each in model.graph.initializer if each.name == name)).copy()


def set_weight(model: ModelProto, name: str, values: NDArray[Any]) -> None:
    """Replace an initializer's value."""
    tensor = next(each for each in model.graph.initializer if each.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.array(values, order="C"), name))


def weight(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Change:
    """Change an initializer."""
    return lambda model: set_weight(model, name, change(weight_of(model, name)))


def entry(name: str, value: Callable[[Any], Any], at: tuple[int, ...] | None = None) -> Change:
    """Change one entry of an initializer: the largest, unless another is named."""

    def change(values: NDArray[Any]) -> NDArray[Any]:
        place = np.unravel_index(np.abs(values.astype(np.float64)).argmax(), values.shape) if at is None else at
        values[place] = value(values[place])
        return values

    return weight(name, change)


def attribute(node: str, name: str, value: Any) -> Change:
    """Set an attribute of a node."""

    def change(model: ModelProto) -> None:
        found = node_of(model, node)
        kept = [each for each in found.attribute if each.name != name]
        del found.attribute[:]
        found.attribute.extend([*kept, helper.make_attribute(name, value)])

    return change


def operator(node: str, kind: str, **attributes: Any) -> Change:
    """Give a node another operator, with the attributes that are named and no other."""

    def change(model: ModelProto) -> None:
        found = node_of(model, node)
        del found.attribute[:]
        found.op_type = kind
        found.attribute.extend(helper.make_attribute(*each) for each in attributes.items())

    return change


def constants(model: ModelProto, **values: Any) -> None:
    """Add initializers; numbers become float32, whole ones int64."""
    for name, value in values.items():
        array = np.asarray(value)
        kind = {"f": np.float32, "i": np.int64}.get(array.dtype.kind, array.dtype)
        model.graph.initializer.append(numpy_helper.from_array(array.astype(kind), name))


def spliced(model: ModelProto, tensor: str, nodes: Iterable[NodeProto], made: str = "") -> None:
    """Put nodes behind a tensor: they read `raw` and give `cooked`, which stands in its place from then on.

    Args:
        model: the model.
        tensor: name of the tensor, which keeps its name for all that read it, and as an output.
        nodes: nodes in order; `raw` and `cooked` are replaced by the names that these tensors get.
        made: name that the first tensor gets; empty for one made from its own.
    """
    raw = made or f"{tensor}_before"
    found = list(model.graph.node)
    at = next(index for index, node in enumerate(found) if tensor in node.output)
    found[at].output[:] = [raw if each == tensor else each for each in found[at].output]
    names = {"raw": raw, "cooked": tensor}
    for node in nodes:
        at += 1
        node.input[:] = [names.get(each, each) for each in node.input]
        node.output[:] = [names.get(each, each) for each in node.output]
        found.insert(at, node)
    del model.graph.node[:]
    model.graph.node.extend(found)


def before(model: ModelProto, tensor: str, nodes: Iterable[NodeProto]) -> None:
    """Put nodes between an input of the graph and all that read it: they read `raw` and give `cooked`."""
    cooked = f"{tensor}_seen"
    for node in model.graph.node:
        node.input[:] = [cooked if each == tensor else each for each in node.input]
    new = list(nodes)
    for node in new:
        node.input[:] = [tensor if each == "raw" else each for each in node.input]
        node.output[:] = [cooked if each == "cooked" else each for each in node.output]
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*new, *kept])


def made(kind: str, inputs: str, outputs: str, name: str = "", **attributes: Any) -> NodeProto:
    """A node from names with spaces between; without a name it is called after its first output."""
    found: NodeProto = helper.make_node(
        kind, inputs.split(), outputs.split(), name or f"{kind.lower()}_{outputs.split(maxsplit=1)[0]}", **attributes
    )
    return found


def renamed(given: GraphProto, prefix: str = "n") -> None:
    """Give all nodes, tensors and weights of a graph other names; inputs and outputs keep theirs."""
    kept = {each.name for each in (*given.input, *given.output)} | {""}
    names: dict[str, str] = {}

    def name_of(old: str) -> str:
        return old if old in kept else names.setdefault(old, f"{prefix}_tensor_{len(names)}")

    for tensor in given.initializer:
        tensor.name = name_of(tensor.name)
    for index, node in enumerate(given.node):
        node.name = f"{prefix}_{index}"
        node.input[:] = [name_of(each) for each in node.input]
        node.output[:] = [name_of(each) for each in node.output]
    del given.value_info[:]
