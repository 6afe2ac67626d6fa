"""Small graphs of all kinds, each with inputs of two shapes and the right answers from numpy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import nn

from vaeport_parity.reference.program import program_of
from vaeport_parity.running.execution import GraphJob
from vaeport_parity.subjects.tensors import Arrays, input_specs, output_specs

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)

LONG_NAME = "layers/" + "very_long_name." * 20 + "x"

_RNG = np.random.default_rng(0)
TABLE = _RNG.standard_normal((11, 4)).astype(np.float32)
WEIGHT = _RNG.standard_normal((4, 3)).astype(np.float32)
KERNEL = {
    rank: _RNG.standard_normal((3, 3, *[3] * (rank - 2))).astype(np.float32) / 3 ** (rank - 1) for rank in (3, 4, 5)
}


@dataclass(frozen=True, eq=False)
class Case:
    """One graph, what it is asked, and what is right."""

    name: str
    """Name of the case and of the graph."""
    model: ModelProto
    """The graph."""
    sets: tuple[Arrays, ...]
    """Inputs of several shapes; some have a shape several times, since runtimes may record what they do."""
    right: Callable[..., Any]
    """Numpy arrays in the order of the inputs to the answers in the order of the outputs."""
    torch: Callable[..., Any] | None = None
    """The same for tensors; None where the case has no PyTorch original."""
    tolerance: float = 1e-5
    """Largest difference allowed of floating-point answers, relative to the largest."""

    def job(self, folder: Path) -> GraphJob:
        """Write the graph and its original."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "model.onnx"
        onnx.save(self.model, path)
        original = self._original(folder / "original") if self.torch else None
        return GraphJob(self.name, path, input_specs(self.model), output_specs(self.model), original)

    def answers(self, inputs: Arrays) -> Arrays:
        """The right answers."""
        found = self.right(*inputs.values())
        names = [value.name for value in self.model.graph.output]
        return dict(zip(names, found if isinstance(found, tuple) else (found,), strict=True))

    def _original(self, folder: Path) -> Path:
        assert self.torch is not None
        by_torch = self.torch

        class Original(nn.Module):
            def forward(self, *inputs: torch.Tensor) -> Any:
                return by_torch(*inputs)

        folder.mkdir()
        tensors = tuple(as_tensor(values) for values in self.sets[1].values())
        axes = tuple(
            {place: torch.export.Dim.DYNAMIC for place, axis in enumerate(spec.shape) if isinstance(axis, str)}
            for spec in input_specs(self.model)
        )
        exported = torch.export.export(Original(), tensors, dynamic_shapes=(axes,))
        program, weights = program_of(exported, [f"output{place}" for place in range(len(self.model.graph.output))])
        (folder / "program.json").write_text(program.to_json())
        save_file(weights, folder / "weights.safetensors")
        return folder


def as_tensor(values: NDArray[Any]) -> torch.Tensor:
    if values.dtype == BFLOAT16:
        return torch.from_numpy(values.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(values)


def floats(*shape: int, dtype: Any = np.float32, seed: int = 1) -> NDArray[Any]:
    return np.asarray(np.random.default_rng([seed, *shape]).standard_normal(shape), dtype)


def model_of(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, Sequence[Any]]],
    outputs: Sequence[tuple[str, int, Sequence[Any]]],
    weights: dict[str, NDArray[Any]] | None = None,
    opset: int = 18,
) -> ModelProto:
    graph = helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(np.asarray(values), key) for key, values in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def _tokens() -> Case:
    """An embedding, a mask, and their mean: int64 and bool inputs, two symbolic axes."""
    model = model_of(
        "tokens",
        [
            helper.make_node("Gather", ["table", "tokens"], ["rows"]),
            helper.make_node("Cast", ["mask"], ["ones"], to=FLOAT),
            helper.make_node("Unsqueeze", ["ones", "last"], ["column"]),
            helper.make_node("Mul", ["rows", "column"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "second"], ["sum"], keepdims=0),
            helper.make_node("MatMul", ["sum", "weight"], ["scores"]),
        ],
        [("tokens", INT64, ["batch", "length"]), ("mask", BOOL, ["batch", "length"])],
        [("scores", FLOAT, ["batch", 3])],
        {"table": TABLE, "weight": WEIGHT, "last": np.array([-1]), "second": np.array([1])},
    )

    def inputs(batch: int, length: int, seed: int = 0) -> Arrays:
        rng = np.random.default_rng([batch, seed])
        return {"tokens": rng.integers(0, 11, (batch, length)), "mask": rng.integers(0, 2, (batch, length)) == 1}

    def by_torch(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows = nn.functional.embedding(tokens, torch.from_numpy(TABLE.copy())) * mask.unsqueeze(-1).float()
        return rows.sum(1) @ torch.from_numpy(WEIGHT.copy())

    return Case(
        "tokens",
        model,
        (inputs(2, 5), inputs(3, 7), inputs(3, 7, 1), inputs(3, 7, 2)),
        lambda tokens, mask: (TABLE[tokens] * mask[..., None]).sum(1) @ WEIGHT,
        by_torch,
    )


def _scalar() -> Case:
    model = model_of(
        "scalar",
        [
            helper.make_node("Mul", ["x", "row"], ["scaled"]),
            helper.make_node("ReduceSum", ["scaled"], ["total"], keepdims=0),
        ],
        [("x", FLOAT, []), ("row", FLOAT, ["n"])],
        [("scaled", FLOAT, ["n"]), ("total", FLOAT, [])],
    )
    sets = ({"x": floats(), "row": floats(3)}, {"x": floats(seed=2), "row": floats(4)})
    return Case(
        "scalar", model, sets, lambda x, row: (x * row, (x * row).sum()), lambda x, row: (x * row, (x * row).sum())
    )


def _booleans() -> Case:
    model = model_of(
        "booleans",
        [
            helper.make_node("Greater", ["x", "y"], ["more"]),
            helper.make_node("ArgMax", ["x"], ["first"], axis=1, keepdims=0),
        ],
        [("x", FLOAT, ["batch", 3]), ("y", FLOAT, ["batch", 3])],
        [("more", BOOL, ["batch", 3]), ("first", INT64, ["batch"])],
    )
    sets = tuple({"x": floats(n, 3), "y": floats(n, 3, seed=2)} for n in (2, 5))
    return Case("booleans", model, sets, lambda x, y: (x > y, x.argmax(1)), lambda x, y: (x > y, x.argmax(1)))


def _floats(name: str, kind: int, dtype: Any, tolerance: float) -> Case:
    """A matrix product and a rectifier in one element type; bfloat16 is computed in float32 and rounded."""
    weight = WEIGHT.astype(dtype)
    nodes = [helper.make_node("MatMul", ["x", "weight"], ["p"]), helper.make_node("Relu", ["p"], ["y"])]
    weights = {"weight": weight}
    if dtype == BFLOAT16:
        nodes = [
            helper.make_node("Cast", ["x"], ["wide"], to=FLOAT),
            helper.make_node("MatMul", ["wide", "weight"], ["p"]),
            helper.make_node("Relu", ["p"], ["r"]),
            helper.make_node("Cast", ["r"], ["y"], to=kind),
        ]
        weights = {"weight": WEIGHT}
    model = model_of(name, nodes, [("x", kind, ["batch", 4])], [("y", kind, ["batch", 3])], weights)
    sets = tuple({"x": floats(n, 4, dtype=dtype)} for n in (2, 5))

    def right(x: NDArray[Any]) -> NDArray[Any]:
        wide = np.float32 if dtype == BFLOAT16 else np.float64
        product: NDArray[Any] = x.astype(wide) @ weights["weight"].astype(wide)
        rectified: NDArray[Any] = np.maximum(product, 0).astype(dtype)
        return rectified

    def by_torch(x: torch.Tensor) -> torch.Tensor:
        if dtype == BFLOAT16:
            return (x.float() @ torch.from_numpy(WEIGHT.copy())).relu().to(torch.bfloat16)
        return (x @ torch.from_numpy(weight.copy())).relu()

    return Case(name, model, sets, right, by_torch, tolerance)


def _names() -> Case:
    """Names that are neither file names nor identifiers, nor free of meaning to anybody's functions."""
    model = model_of(
        "part of {a graph}",
        [
            helper.make_node("Add", ["image/0:x", "self"], ["/layer/Add output"]),
            helper.make_node("Mul", ["/layer/Add output", LONG_NAME], ["args"]),
            helper.make_node("Neg", ["args"], ["выход ä y.1"]),
        ],
        [("image/0:x", FLOAT, ["batch", 3]), ("self", FLOAT, ["batch", 3]), (LONG_NAME, FLOAT, ["batch", 3])],
        [("args", FLOAT, ["batch", 3]), ("выход ä y.1", FLOAT, ["batch", 3])],
    )
    names = [value.name for value in model.graph.input]
    sets = tuple({name: floats(n, 3, seed=seed) for seed, name in enumerate(names)} for n in (2, 5))
    return Case(
        "odd/na:me s",
        model,
        sets,
        lambda x, y, z: ((x + y) * z, -((x + y) * z)),
        lambda x, y, z: ((x + y) * z, -((x + y) * z)),
    )


def _two_sides() -> Case:
    """Two inputs without a common batch."""
    model = model_of(
        "two_sides",
        [helper.make_node("MatMul", ["left", "right"], ["product"])],
        [("left", FLOAT, ["rows", 4]), ("right", FLOAT, [4, "columns"])],
        [("product", FLOAT, ["rows", "columns"])],
    )
    sets = ({"left": floats(2, 4), "right": floats(4, 3)}, {"left": floats(3, 4), "right": floats(4, 5)})
    return Case("two_sides", model, sets, lambda x, y: x @ y, lambda x, y: x @ y)


def _branch() -> Case:
    """If, whose branches read an input of the graph."""
    (value,) = (helper.make_tensor_value_info(name, FLOAT, ["batch", 3]) for name in ("r",))
    twice = helper.make_graph([helper.make_node("Add", ["x", "x"], ["r"])], "twice", [], [value])
    minus = helper.make_graph([helper.make_node("Neg", ["x"], ["r"])], "minus", [], [value])
    model = model_of(
        "branch",
        [helper.make_node("If", ["flag"], ["y"], then_branch=twice, else_branch=minus)],
        [("flag", BOOL, []), ("x", FLOAT, ["batch", 3])],
        [("y", FLOAT, ["batch", 3])],
    )
    flags = ((True, 2), (False, 5), (True, 5), (False, 5))
    sets = tuple({"flag": np.array(flag), "x": floats(n, 3, seed=seed)} for seed, (flag, n) in enumerate(flags))
    return Case("branch", model, sets, lambda flag, x: x + x if flag else -x)


def _loop() -> Case:
    """Loop, whose number of turns is an input."""
    infos = [
        helper.make_tensor_value_info("turn", INT64, []),
        helper.make_tensor_value_info("going", BOOL, []),
        helper.make_tensor_value_info("state", FLOAT, ["batch", 3]),
    ]
    outs = [
        helper.make_tensor_value_info("still", BOOL, []),
        helper.make_tensor_value_info("next", FLOAT, ["batch", 3]),
    ]
    nodes = [helper.make_node("Identity", ["going"], ["still"]), helper.make_node("Add", ["state", "x"], ["next"])]
    body = helper.make_graph(nodes, "body", infos, outs)
    model = model_of(
        "loop",
        [helper.make_node("Loop", ["turns", "", "x"], ["y"], body=body)],
        [("turns", INT64, []), ("x", FLOAT, ["batch", 3])],
        [("y", FLOAT, ["batch", 3])],
    )
    sets = tuple({"turns": np.array(turns), "x": floats(n, 3)} for turns, n in ((2, 2), (4, 5), (3, 5), (1, 5)))
    return Case("loop", model, sets, lambda turns, x: x * np.float32(turns + 1))


def _convolution(rank: int) -> Case:
    """A convolution whose channels are as many as its sizes, so that an exchange of axes cannot be told by shapes."""
    name = f"convolution_{rank - 2}d"
    sizes = [3] * (rank - 1)
    model = model_of(
        name,
        [
            helper.make_node("Conv", ["x", "kernel"], ["c"], pads=[1] * 2 * (rank - 2)),
            helper.make_node("Tanh", ["c"], ["y"]),
        ],
        [("x", FLOAT, ["batch", *sizes])],
        [("y", FLOAT, ["batch", *sizes])],
        {"kernel": KERNEL[rank]},
    )
    sets = tuple({"x": floats(n, *sizes)} for n in (1, 2))
    function = {3: nn.functional.conv1d, 4: nn.functional.conv2d, 5: nn.functional.conv3d}[rank]

    def by_torch(x: torch.Tensor) -> torch.Tensor:
        return function(x, torch.from_numpy(KERNEL[rank].copy()), padding=1).tanh()

    def right(x: NDArray[Any]) -> NDArray[Any]:
        padded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *[(1, 1)] * (rank - 2)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, [3] * (rank - 2), tuple(range(2, rank)))
        letters = "uvw"[: rank - 2]
        places = "xyz"[: rank - 2]
        sums: NDArray[Any] = np.einsum(f"nc{places}{letters},oc{letters}->no{places}", windows, KERNEL[rank])
        answers: NDArray[Any] = np.tanh(sums).astype(np.float32)
        return answers

    return Case(name, model, sets, right, by_torch, 1e-4)


def _pixels() -> Case:
    """Images of any height and width."""
    model = model_of(
        "pixels",
        [helper.make_node("Conv", ["x", "kernel"], ["c"], pads=[1] * 4), helper.make_node("Sigmoid", ["c"], ["y"])],
        [("x", FLOAT, ["batch", 3, "height", "width"])],
        [("y", FLOAT, ["batch", 3, "height", "width"])],
        {"kernel": KERNEL[4]},
    )
    right = _convolution(4).right
    sets = ({"x": floats(1, 3, 4, 5)}, {"x": floats(2, 3, 6, 3)})

    def by_torch(x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, torch.from_numpy(KERNEL[4].copy()), padding=1).sigmoid()

    return Case(
        "pixels",
        model,
        sets,
        lambda x: (1 / (1 + np.exp(-np.arctanh(right(x).astype(np.float64))))).astype("f4"),
        by_torch,
        1e-4,
    )


def _integers() -> Case:
    model = model_of(
        "integers",
        [
            helper.make_node("Mul", ["x", "two"], ["doubled"]),
            helper.make_node("Cast", ["doubled"], ["byte"], to=TensorProto.UINT8),
        ],
        [("x", TensorProto.INT32, ["batch", 3])],
        [("doubled", TensorProto.INT32, ["batch", 3]), ("byte", TensorProto.UINT8, ["batch", 3])],
        {"two": np.array(2, np.int32)},
    )
    sets = tuple({"x": np.arange(3 * n, dtype=np.int32).reshape(n, 3)} for n in (2, 5))
    return Case("integers", model, sets, lambda x: (x * 2, (x * 2).astype(np.uint8)))


def _positions() -> Case:
    """An output whose size only the data tells."""
    model = model_of(
        "positions",
        [helper.make_node("NonZero", ["x"], ["where"])],
        [("x", FLOAT, ["n"])],
        [("where", INT64, [1, "count"])],
    )
    rows = ([0, 2, 0, 3], [1, 0, 2, 3, 4], [0, 0, 5, 0, 0], [1, 1, 1, 0, 0])
    sets = tuple({"x": np.array(row, np.float32)} for row in rows)
    return Case("positions", model, sets, lambda x: x.nonzero()[0][None])


CASES = (
    _tokens(),
    _scalar(),
    _booleans(),
    _floats("float16", TensorProto.FLOAT16, np.float16, 2e-3),
    _floats("float64", TensorProto.DOUBLE, np.float64, 1e-12),
    _floats("bfloat16", TensorProto.BFLOAT16, BFLOAT16, 1e-2),
    _names(),
    _two_sides(),
    _branch(),
    _loop(),
    *(_convolution(rank) for rank in (3, 4, 5)),
    _pixels(),
    _integers(),
    _positions(),
)
"""One of each kind."""
