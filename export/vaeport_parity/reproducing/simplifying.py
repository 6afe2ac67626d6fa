"""Ways to make a small graph simpler: fewer nodes, plainer numbers, no attributes, short names, fixed sizes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from vaeport.errors import InputError

from ..subjects.tensors import Arrays, is_float
from .axes import same_values
from .case import Case, copied, make_case, narrowed, set_weight, short_names

_SEED = 0
_ELEMENTWISE = frozenset(
    "Abs Acos Acosh Add Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh Div Elu Erf Exp Floor Gelu HardSigmoid HardSwish "  # noqa: SIM905 - words that need no quotes each
    "Identity LeakyRelu Log Max Min Mish Mod Mul Neg Pow Reciprocal Relu Round Selu Sigmoid Sign Sin Sinh Softplus "
    "Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where".split()
)
_COUNTED = 64  # numbers that are told apart by counting
_PRODUCER = "vaeport_parity"


def plainer_nodes(case: Case, _worst: tuple[int, ...]) -> Iterator[Case]:
    """Cases with fewer nodes: those before or behind one are cut away, or one in between is left out."""
    graph = case.model.graph
    made = [name for node in graph.node for name in node.output if name]
    fixed = _constant(case)
    for name in made[:-1]:  # an earlier output
        if name in case.values and name != case.output and name not in fixed:
            yield from _with(case, lambda model, name=name: _end_with(model, name))
    for node in reversed(graph.node):  # what a node makes is given
        names = [name for name in node.output if name and name in case.values]
        if case.output not in names:
            yield from _given(case, names, constant=all(name in fixed for name in names))
    for place, node in enumerate(graph.node):  # a node is left out
        for name in node.input:
            own, other = case.values.get(name), case.values.get(node.output[0])
            if own is not None and other is not None and own.shape == other.shape and own.dtype == other.dtype:
                yield from _with(case, lambda model, place=place, name=name: _leave_out(model, place, name))


def plainer_tensors(case: Case, _worst: tuple[int, ...]) -> Iterator[Case]:
    """Cases without optional inputs and attributes, or with an initializer for a constant input."""
    for place, node in enumerate(case.model.graph.node):
        if len(node.input) > 1:
            yield from _with(case, lambda model, place=place: _drop_last_input(model, place))
        for index in range(len(node.attribute)):
            yield from _with(case, lambda model, place=place, index=index: _drop_attribute(model, place, index))
        for attribute in node.attribute:
            for value in _lower(attribute):
                yield from _with(
                    case,
                    lambda model, place=place, name=attribute.name, value=value: _set_attribute(
                        model, place, name, value
                    ),
                )
    if any(axis.dim_param for value in case.model.graph.input for axis in value.type.tensor_type.shape.dim):
        yield from _with(case, _fix_sizes)
    yield from _flatter(case)


def plainer_values(case: Case, worst: tuple[int, ...]) -> Iterator[Case]:
    """Cases with plainer numbers in one input or initializer: 0, 1, one number, few digits."""
    arrays = {**case.inputs, **case.weights}
    yield from _all_rounded(case, arrays)
    for name in sorted(arrays, key=lambda name: -arrays[name].size):
        values = arrays[name]
        for plain in _plain(values, worst if values.shape == case.exact.shape else ()):
            if not same_values(plain, values):
                yield from _changed(case, name, plain)


def _flatter(case: Case) -> Iterator[Case]:
    """The case without an axis that is 1 in all inputs and initializers of more than one axis.

    Only for operators that take each number by itself: to others an axis has a meaning.
    """
    if not {node.op_type for node in case.model.graph.node} <= _ELEMENTWISE:
        return
    arrays = {**case.inputs, **case.weights}
    tall = {name: values for name, values in arrays.items() if values.ndim > 1}
    ranks = {values.ndim for values in tall.values()}
    for axis in reversed(range(ranks.pop() if len(ranks) == 1 else 0)):
        if any(values.shape[axis] != 1 for values in tall.values()):
            continue

        def flatten(model: ModelProto, axis: int = axis) -> None:
            for name in set(tall) & set(case.weights):
                set_weight(model, name, tall[name].squeeze(axis))
            for value in model.graph.input:
                if value.name in tall and len(value.type.tensor_type.shape.dim) > axis:
                    del value.type.tensor_type.shape.dim[axis]

        yield from _with(case, flatten, {name: values.squeeze(axis) for name, values in tall.items()})


def _all_rounded(case: Case, arrays: Arrays) -> Iterator[Case]:
    """The case with every float rounded to few digits at once."""
    for digits in (1, 2):
        plain = {
            name: _rounded(values.astype(np.float64), digits).astype(values.dtype)
            for name, values in arrays.items()
            if is_float(values.dtype)
        }

        def change(model: ModelProto, plain: Arrays = plain) -> None:
            for name in set(plain) & set(case.weights):
                set_weight(model, name, plain[name])

        yield from _with(case, change, plain)


def bare(case: Case) -> Iterator[Case]:
    """The case with short names and without what the file says beside the graph."""

    def strip(model: ModelProto) -> None:
        names = short_names(case)
        for node in model.graph.node:
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]
            node.name = ""
            node.doc_string = ""
            del node.metadata_props[:]
        for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
            value.name = names.get(value.name, value.name)
            value.doc_string = ""
        for value in model.graph.input:
            for place, axis in enumerate(value.type.tensor_type.shape.dim):
                if axis.dim_param:
                    axis.dim_param = "batch" if not place else f"{value.name}_{place}"
        _drop_defaults(model)
        model.graph.name = "graph"
        model.graph.doc_string = model.doc_string = model.domain = ""
        model.producer_name, model.producer_version = _PRODUCER, ""
        del model.metadata_props[:]

    if any(attribute.HasField("g") for node in case.model.graph.node for attribute in node.attribute):
        return  # names of subgraphs are theirs, and reach for those outside
    model, names = copied(case), short_names(case)
    strip(model)
    try:
        yield make_case(model, {names[name]: values for name, values in case.inputs.items()})
    except InputError:
        return


def _drop_defaults(model: ModelProto) -> None:
    """Take away attributes that say what holds without them."""
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            continue
        defaults = onnx.defs.get_schema(node.op_type, _opset(model), "").attributes
        usual = {name: one.default_value for name, one in defaults.items() if one.default_value.type}
        for index in reversed(range(len(node.attribute))):
            given = node.attribute[index]
            if given.name in usual and helper.get_attribute_value(given) == helper.get_attribute_value(
                usual[given.name]
            ):
                del node.attribute[index]


def _constant(case: Case) -> set[str]:
    """Tensors that depend on no input."""
    depending = set(case.inputs)
    constant: set[str] = set()
    for node in case.model.graph.node:
        if depending.isdisjoint(node.input) and not any(a.HasField("g") for a in node.attribute):
            constant.update(node.output)
        else:
            depending.update(node.output)
    return constant


def _given(case: Case, names: list[str], *, constant: bool) -> Iterator[Case]:
    """What a node makes as inputs, or as initializers where it is constant."""
    if not names or any(name not in case.native_values for name in names):
        return
    arrays = {name: narrowed(case.values[name], case.native_values[name]) for name in names}

    def give(model: ModelProto) -> None:
        for node in model.graph.node:
            node.output[:] = [f"{name} computed" if name in arrays else name for name in node.output]
        for name, values in arrays.items():
            if constant:
                model.graph.initializer.append(numpy_helper.from_array(values, name))
            else:
                model.graph.input.append(_info(name, values, case))

    yield from _with(case, give, {} if constant else arrays)


def _info(name: str, values: NDArray[Any], case: Case) -> onnx.ValueInfoProto:
    """An input; its first axis is the batch where that of the others is."""
    axes: list[int | str] = list(values.shape)
    others = [value.type.tensor_type.shape.dim[:1] for value in case.model.graph.input]
    params = {axis.dim_param for dims in others for axis in dims}
    sizes = {array.shape[:1] for array in case.inputs.values()}
    if len(params) == 1 and "" not in params and sizes == {values.shape[:1]}:
        axes[0] = params.pop()
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values.dtype), axes)


def _with(case: Case, change: Any, more: Arrays | None = None) -> Iterator[Case]:
    """The case with its graph changed; nothing where that makes no graph."""
    model = copied(case)
    try:
        change(model)
        yield make_case(model, {**case.inputs, **(more or {})})
    except (InputError, ValueError, IndexError, KeyError):
        return


def _changed(case: Case, name: str, values: NDArray[Any]) -> Iterator[Case]:
    if name in case.inputs:
        yield from _with(case, lambda _: None, {name: values})
    else:
        yield from _with(case, lambda model: set_weight(model, name, values))


def _end_with(model: ModelProto, name: str) -> None:
    model.graph.output[0].name = name


def _leave_out(model: ModelProto, place: int, name: str) -> None:
    node = model.graph.node[place]
    gone = node.output[0]
    if gone == model.graph.output[0].name:
        if name in {value.name for value in (*model.graph.input, *model.graph.initializer)}:
            raise ValueError("an output must be computed")
        model.graph.output[0].name = name
    for other in model.graph.node:
        other.input[:] = [name if each == gone else each for each in other.input]
    del model.graph.node[place]


def _drop_last_input(model: ModelProto, place: int) -> None:
    node = model.graph.node[place]
    schema = onnx.defs.get_schema(node.op_type, _opset(model), node.domain)
    index = len(node.input) - 1
    formal = schema.inputs[min(index, len(schema.inputs) - 1)]
    if formal.option == onnx.defs.OpSchema.FormalParameterOption.Single:
        raise ValueError("it is needed")
    del node.input[index]
    while node.input and not node.input[-1]:
        del node.input[-1]


def _opset(model: ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)


def _drop_attribute(model: ModelProto, place: int, index: int) -> None:
    del model.graph.node[place].attribute[index]


def _set_attribute(model: ModelProto, place: int, name: str, value: Any) -> None:
    node = model.graph.node[place]
    kept = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _lower(attribute: onnx.AttributeProto) -> Iterator[Any]:
    if attribute.type == onnx.AttributeProto.INT and attribute.i > 1:
        yield 1
        if attribute.i > 2:
            yield 2
    elif attribute.type == onnx.AttributeProto.INTS and attribute.name in ("strides", "dilations", "pads"):
        usual = 0 if attribute.name == "pads" else 1
        if any(value != usual for value in attribute.ints):
            yield [usual] * len(attribute.ints)


def _fix_sizes(model: ModelProto) -> None:
    for value in model.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            axis.ClearField("dim_param")


def _plain(values: NDArray[Any], worst: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    """Plainer arrays of the same type and shape, the plainest first."""
    if not values.size or (values.dtype.kind not in "fiu" and not is_float(values.dtype)):
        return
    kind = values.dtype
    yield np.zeros_like(values)
    yield np.ones_like(values)
    if not is_float(kind):
        return
    wide = values.astype(np.float64)
    if values.size > 1:
        one = wide[worst] if worst else wide.reshape(-1)[int(np.abs(wide).argmax())]
        yield np.full_like(values, one)
        if values.size <= _COUNTED:
            yield np.arange(values.size, dtype=np.float64).reshape(values.shape).astype(kind)
        rng = np.random.default_rng(_SEED)
        yield rng.integers(-3, 4, values.shape).astype(kind)
        yield (rng.integers(-9, 10, values.shape) / 10).astype(kind)
    for digits in (1, 2, 3):
        yield _rounded(wide, digits).astype(kind)
    if values.size > 1:
        yield np.where(np.abs(wide) >= np.abs(wide).max() / 2, wide, 0).astype(kind)


def _rounded(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """Values with so many significant digits."""
    return np.array([float(f"{value:.{digits - 1}e}") for value in values.reshape(-1).tolist()]).reshape(values.shape)
