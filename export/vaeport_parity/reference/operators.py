"""Operators that onnx's ReferenceEvaluator has wrong, or computes in float32, as the standard words them."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto
from onnx.reference.op_run import OpRun
from onnx.reference.ops import op_grid_sample, op_gru, op_loop, op_lstm, op_resize

Array = NDArray[Any]


def has_implementation(node: NodeProto) -> bool:
    """Whether the evaluator has code for a node's operator, in this file or of its own; functions do not count."""
    if node.domain in ("", "ai.onnx"):
        return node.op_type in _registered() or any(one.__name__ == node.op_type for one in CORRECTED)
    return node.domain in ("ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training")


@lru_cache(maxsize=1)
def _registered() -> frozenset[str]:
    """Operators that the evaluator has a class for: its class names, without the opset that some end with."""
    from onnx.reference.ops import _op_list

    classes = (name for name, value in vars(_op_list).items() if isinstance(value, type) and issubclass(value, OpRun))
    return frozenset(name.split("_")[0] for name in classes)


class ConvTranspose(OpRun):
    """For groups, whose weights and bias the evaluator mixes up, and for a batch of 0, which it cannot take."""

    op_domain = ""

    def _run(self, data: Array, weight: Array, bias: Array | None = None, **given: Any) -> tuple[Array]:
        group = given["group"] or 1
        kernel, strides, dilations = weight.shape[2:], given["strides"], given["dilations"]
        rank = len(kernel)
        strides, dilations = strides or [1] * rank, dilations or [1] * rank
        full = [(data.shape[2 + i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 for i in range(rank)]
        extra = given["output_padding"] or [0] * rank
        out = np.zeros((len(data), weight.shape[1] * group, *(f + e for f, e in zip(full, extra, strict=True))))
        parts = zip(np.split(data, group, axis=1), np.split(weight, group, axis=0), strict=True)
        for index, (part, weights) in enumerate(parts):
            own = slice(index * weight.shape[1], (index + 1) * weight.shape[1])
            for place in np.ndindex(*kernel):
                target = tuple(
                    slice(p * d, p * d + s * (n - 1) + 1, s)
                    for p, d, s, n in zip(place, dilations, strides, data.shape[2:], strict=True)
                )
                products = np.moveaxis(np.tensordot(part, weights[(..., *place)], axes=(1, 0)), -1, 1)
                out[(slice(None), own, *target)] += products
        begins, ends = self._padding(
            given, out.shape[2:], [n * s for n, s in zip(data.shape[2:], strides, strict=True)]
        )
        for axis, (begin, end) in enumerate(zip(begins, ends, strict=True), 2):
            out = _padded(out, axis, -begin, -end)
        if bias is not None:
            out = out + bias.reshape(1, -1, *[1] * rank)
        return (out.astype(data.dtype),)

    def _padding(self, given: dict[str, Any], sizes: tuple[int, ...], same: list[int]) -> tuple[list[int], list[int]]:
        rank = len(sizes)
        wanted = given["output_shape"] or (same if given["auto_pad"] in ("SAME_UPPER", "SAME_LOWER") else None)
        if not wanted:
            pads = given["pads"] or [0] * 2 * rank
            return list(pads[:rank]), list(pads[rank:])
        total = [size - want for size, want in zip(sizes, wanted[-rank:], strict=True)]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        return (small, large) if given["auto_pad"] == "SAME_UPPER" else (large, small)


def _padded(data: Array, axis: int, begin: int, end: int) -> Array:
    """Zeros before and behind along an axis; below 0 values are taken away."""
    kept = np.take(data, range(max(-begin, 0), data.shape[axis] - max(-end, 0)), axis=axis)
    return np.pad(kept, [(max(begin, 0), max(end, 0)) if place == axis else (0, 0) for place in range(data.ndim)])


class _Recurrent:
    """Refuses what the evaluator would leave out without a word."""

    _ACTIVATIONS: tuple[str, ...] = ()

    def _run(self, data: Array, *rest: Any, **given: Any) -> Any:
        kind = type(self).__name__
        lengths = rest[3] if len(rest) > 3 else None
        steps = data.shape[1 if given.get("layout") else 0]
        if lengths is not None and np.any(lengths != steps):
            raise NotImplementedError(f"{kind} with sequences of several lengths (sequence_lens) is not evaluated")
        activations = [name.lower() for name in given.get("activations") or ()]
        usual = [name.lower() for name in self._ACTIVATIONS] * (2 if given.get("direction") == "bidirectional" else 1)
        if activations and activations != usual:
            raise NotImplementedError(f"{kind} with activations {', '.join(activations)} is not evaluated")
        if given.get("clip"):
            raise NotImplementedError(f"{kind} with clip is not evaluated")
        if given.get("input_forget"):
            raise NotImplementedError(f"{kind} with input_forget is not evaluated")
        return super()._run(data, *rest, **given)  # type: ignore[misc]


class GRU(_Recurrent, op_gru.CommonGRU):  # type: ignore[misc]  # the arguments are the same by name
    """With the usual activations only."""

    op_domain = ""
    _ACTIVATIONS = ("Sigmoid", "Tanh")


class LSTM(_Recurrent, op_lstm.CommonLSTM):  # type: ignore[misc]  # the arguments are the same by name
    """With the usual activations only."""

    op_domain = ""
    _ACTIVATIONS = ("Sigmoid", "Tanh", "Tanh")


class _Coerced:
    """Before opset 13 it took all axes from its own on together, from axis 1 unless another was given."""

    op_domain = ""

    def _run(self, data: Array, axis: int | None = None) -> tuple[Array]:
        if self.run_params["opsets"][""] >= 13:  # type: ignore[attr-defined]
            return (self.along(data, -1 if axis is None else axis),)
        given = [attribute.i for attribute in self.onnx_node.attribute if attribute.name == "axis"]  # type: ignore[attr-defined]
        first = (given[0] if given else 1) % max(data.ndim, 1)
        flat = data.reshape(int(np.prod(data.shape[:first])), -1) if data.size else data
        return (self.along(flat, -1).reshape(data.shape),)

    def along(self, data: Array, axis: int) -> Array:
        """Its answer along one axis."""
        raise NotImplementedError


class Softmax(_Coerced, OpRun):
    """Of any opset."""

    def along(self, data: Array, axis: int) -> Array:
        """Exponentials that sum to 1."""
        if not data.size:
            return data
        powers = np.exp(data - data.max(axis=axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis=axis, keepdims=True)).astype(data.dtype)


class LogSoftmax(_Coerced, OpRun):
    """Of any opset, without taking the logarithm of what has become 0."""

    def along(self, data: Array, axis: int) -> Array:
        """Logarithms of what sums to 1."""
        if not data.size:
            return data
        shifted = data - data.max(axis=axis, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))).astype(data.dtype)


class Hardmax(_Coerced, OpRun):
    """Of any opset."""

    def along(self, data: Array, axis: int) -> Array:
        """One at the first largest value, else 0."""
        largest = np.zeros_like(data)
        if data.size:
            np.put_along_axis(largest, np.expand_dims(data.argmax(axis=axis), axis), 1, axis=axis)
        return largest


class DequantizeLinear(OpRun):
    """In the scale's own type, where the evaluator computes in float32."""

    op_domain = ""

    def _run(
        self,
        data: Array,
        scale: Array,
        zero: Array | None = None,
        axis: int | None = None,
        block_size: int | None = None,
        output_dtype: int | None = None,
    ) -> tuple[Array]:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(output_dtype) if output_dtype else scale.dtype
        wide = np.promote_types(scale.dtype, np.float32) if scale.dtype.kind == "f" else np.dtype(np.float32)
        values = data.astype(wide)
        if zero is not None:
            values = values - _spread(zero.astype(wide), data, axis, block_size)
        return ((values * _spread(scale.astype(wide), data, axis, block_size)).astype(dtype),)


def _spread(given: Array, data: Array, axis: int | None, block_size: int | None) -> Array:
    """A scale or zero point in a shape that goes with the data."""
    axis = 1 if axis is None else axis
    if given.size == 1:
        return given.reshape(())
    if block_size:
        return np.repeat(given, block_size, axis=axis)[tuple(slice(size) for size in data.shape)]
    return given.reshape([size if place == axis % data.ndim else 1 for place, size in enumerate(data.shape)])


class Erf(OpRun):
    """In the type of its input, where the evaluator rounds to float32."""

    op_domain = ""

    def _run(self, data: Array) -> tuple[Array]:
        wide = np.vectorize(math.erf, otypes=[np.float64])(data) if data.size else data
        return (np.asarray(wide).astype(data.dtype),)


class GridSample(op_grid_sample.GridSample):
    """With coordinates in float64, where the evaluator rounds them to float32."""

    op_domain = ""

    def _gs_denormalize_coordinates(self, n: Any, dims: Any, align_corners: bool) -> Array:
        places = (self._gs_denormalize(value, size, align_corners) for value, size in zip(n, dims, strict=False))
        return np.array(list(places), np.float64)


class Resize(op_resize.Resize):
    """By a matrix for each axis, since the evaluator goes through all pixels in Python; and as opset 10 had it."""

    op_domain = ""

    def _run(self, data: Array, *rest: Any, **given: Any) -> Any:  # type: ignore[override]
        if self.run_params["opsets"][""] < 11:
            given |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            rest = (None, *rest)
        roi, scales, sizes = (*rest, None, None, None)[:3]
        plain = given.get("keep_aspect_ratio_policy") in (None, "stretch")
        if not plain or given.get("coordinate_transformation_mode") == "tf_crop_and_resize" or not data.size:
            return super()._run(data, *rest, **given)
        axes = given.pop("axes", None)
        out = data
        for index, axis in enumerate(range(data.ndim) if axes is None else axes):
            count = data.shape[axis]
            part = {
                "scales": None if scales is None or not scales.size else np.array([1, scales[index]], scales.dtype),
                "sizes": None if sizes is None or not sizes.size else np.array([count, sizes[index]]),
            }
            if part["sizes"] is None and scales is not None and scales[index] == 1:
                continue
            (matrix,) = super()._run(np.eye(count), roi, part["scales"], part["sizes"], **given)
            out = np.moveaxis(np.tensordot(out.astype(np.float64), matrix, axes=(axis, 0)), -1, axis)
        return (out.astype(data.dtype),)


class BatchNormalization(OpRun):
    """Before opset 14 the evaluator takes the batch's own statistics although nothing asks for training."""

    op_domain = ""

    def _run(
        self, data: Array, scale: Array, bias: Array, mean: Array, variance: Array, **given: Any
    ) -> tuple[Array, ...]:
        trains = bool(given.get("training_mode")) or len(self.onnx_node.output) > 1
        epsilon, momentum = given.get("epsilon") or 1e-5, given.get("momentum") or 0.9
        running: tuple[Array, ...] = ()
        if trains:
            axes = tuple(axis for axis in range(data.ndim) if axis != 1)
            own_mean, own_variance = data.mean(axis=axes), data.var(axis=axes)
            running = (
                (mean * momentum + own_mean * (1 - momentum)).astype(mean.dtype),
                (variance * momentum + own_variance * (1 - momentum)).astype(variance.dtype),
            )
            mean, variance = own_mean, own_variance
        shape = (1, -1, *(1,) * (data.ndim - 2))
        centred = data - mean.reshape(shape)
        normal = scale.reshape(shape) * centred / np.sqrt(variance.reshape(shape) + epsilon) + bias.reshape(shape)
        return (normal.astype(data.dtype), *running)[: max(len(self.onnx_node.output), 1)]


class Loop(op_loop.Loop):
    """Without a condition it goes on, and scan outputs get an axis of their own; the evaluator stops and joins."""

    op_domain = ""

    def _run(  # type: ignore[no-untyped-def]  # onnx reads names and defaults, and has no types itself
        self, count, condition, *carried, context=None, body=None, attributes=None, bindings=None
    ):
        body = self.body  # type: ignore[attr-defined]  # its base sets it from the node's attribute
        state = dict(context or {})
        state.update(zip(body.input_names[2:], carried, strict=False))
        going = True if condition is None else bool(condition)
        scanned: list[list[Array]] = [[] for _ in range(self.K)]
        turn = 0
        while going and (count is None or turn < int(count)):
            state[body.input_names[0]] = np.array(turn, np.int64)
            state[body.input_names[1]] = np.array(going)
            outputs = self._run_body(  # type: ignore[attr-defined]  # set by its base
                state, attributes=attributes, bindings=bindings
            )
            going = bool(outputs[0])
            state.update(zip(body.input_names[2:], outputs[1 : 1 + self.N], strict=False))
            for values, value in zip(scanned, outputs[1 + self.N :], strict=True):
                values.append(value)
            turn += 1
        final = [state[name] for name in body.input_names[2:]]
        stacked = [np.stack(values) if values else np.zeros((0,)) for values in scanned]
        return self._check_and_fix_outputs((*final, *stacked))


CORRECTED: tuple[type[OpRun], ...] = (
    BatchNormalization,
    Loop,
    ConvTranspose,
    GRU,
    LSTM,
    Softmax,
    LogSoftmax,
    Hardmax,
    DequantizeLinear,
    Erf,
    GridSample,
    Resize,
)
"""For the evaluator's `new_ops`."""
