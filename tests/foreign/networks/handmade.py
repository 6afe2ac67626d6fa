"""Graphs built by hand with onnx.helper, in several opsets, with functions, subgraphs and loops; without PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def _weights(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)


def _save(graph: onnx.GraphProto, path: Path, opset: int, ir: int, functions: tuple[Any, ...] = ()) -> None:
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid("studio", 1)] if functions else [])]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir, functions=list(functions))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_with_function(path: Path) -> None:
    """Two layers, each a call of the local function `studio.Dense`; opset 15."""
    function = helper.make_function(
        "studio",
        "Dense",
        ["x", "w", "b"],
        ["y"],
        [
            helper.make_node("MatMul", ["x", "w"], ["product"], "product"),
            helper.make_node("Add", ["product", "b"], ["sum"], "sum"),
            helper.make_node("Tanh", ["sum"], ["y"], "squash"),
        ],
        [helper.make_opsetid("", 15)],
    )
    nodes = [
        helper.make_node("Dense", ["features", "w1", "b1"], ["hidden"], "layer_1", domain="studio"),
        helper.make_node("Dense", ["hidden", "w2", "b2"], ["answer"], "layer_2", domain="studio"),
    ]
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("features", FLOAT, ["rows", 6])],
        [helper.make_tensor_value_info("answer", FLOAT, ["rows", 3])],
        [
            numpy_helper.from_array(_weights(1, 6, 10), "w1"),
            numpy_helper.from_array(_weights(2, 10), "b1"),
            numpy_helper.from_array(_weights(3, 10, 3), "w2"),
            numpy_helper.from_array(_weights(4, 3), "b2"),
        ],
    )
    _save(graph, path, 15, 8, (function,))


def function_answers(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `write_with_function` computes, in numpy."""
    hidden = np.tanh(features @ _weights(1, 6, 10) + _weights(2, 10))
    return np.tanh(hidden @ _weights(3, 10, 3) + _weights(4, 3))


def write_with_branch(path: Path) -> None:
    """An If whose branches read weights from outside: bool `loud` [] chooses one; opset 11."""
    answer = helper.make_tensor_value_info("branch_answer", FLOAT, ["rows", 4])
    loud = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "w_loud"], ["m_loud"], "loud_product"),
            helper.make_node("Clip", ["m_loud", "low", "high"], ["branch_answer"], "loud_clip"),
        ],
        "loud_branch",
        [],
        [answer],
    )
    quiet = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "w_quiet"], ["m_quiet"], "quiet_product"),
            helper.make_node("Softplus", ["m_quiet"], ["branch_answer"], "quiet_softplus"),
        ],
        "quiet_branch",
        [],
        [answer],
    )
    nodes = [
        helper.make_node("If", ["loud"], ["chosen"], "choose", then_branch=loud, else_branch=quiet),
        helper.make_node("Softmax", ["chosen"], ["answer"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "branch",
        [
            helper.make_tensor_value_info("features", FLOAT, ["rows", 5]),
            helper.make_tensor_value_info("loud", BOOL, []),
        ],
        [helper.make_tensor_value_info("answer", FLOAT, ["rows", 4])],
        [
            numpy_helper.from_array(_weights(5, 5, 4), "w_loud"),
            numpy_helper.from_array(_weights(6, 5, 4), "w_quiet"),
            numpy_helper.from_array(np.float32(-0.75), "low"),
            numpy_helper.from_array(np.float32(0.75), "high"),
        ],
    )
    _save(graph, path, 11, 6)


def branch_answers(features: NDArray[np.float32], loud: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What `write_with_branch` computes, in numpy."""
    chosen = (
        np.clip(features @ _weights(5, 5, 4), -0.75, 0.75) if loud else np.logaddexp(0, features @ _weights(6, 5, 4))
    )
    powers = np.exp(chosen)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def write_with_loop(path: Path) -> None:
    """A Loop of five steps of a leaky integrator, and a Scan that sums what it saw; opset 13."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state_in", "w_loop"], ["mixed"], "loop_product"),
            helper.make_node("Tanh", ["mixed"], ["squashed"], "loop_tanh"),
            helper.make_node("Add", ["squashed", "leak"], ["state_out"], "loop_add"),
            helper.make_node("Identity", ["state_out"], ["seen"], "loop_seen"),
            helper.make_node("Identity", ["go"], ["go_on"], "loop_go"),
        ],
        "loop_body",
        [
            helper.make_tensor_value_info("step", INT64, []),
            helper.make_tensor_value_info("go", BOOL, []),
            helper.make_tensor_value_info("state_in", FLOAT, ["rows", 4]),
        ],
        [
            helper.make_tensor_value_info("go_on", BOOL, []),
            helper.make_tensor_value_info("state_out", FLOAT, ["rows", 4]),
            helper.make_tensor_value_info("seen", FLOAT, ["rows", 4]),
        ],
    )
    adder = helper.make_graph(
        [
            helper.make_node("Add", ["total_in", "item"], ["total_out"], "scan_add"),
            helper.make_node("Identity", ["total_out"], ["partial"], "scan_partial"),
        ],
        "scan_body",
        [
            helper.make_tensor_value_info("total_in", FLOAT, ["rows", 4]),
            helper.make_tensor_value_info("item", FLOAT, ["rows", 4]),
        ],
        [
            helper.make_tensor_value_info("total_out", FLOAT, ["rows", 4]),
            helper.make_tensor_value_info("partial", FLOAT, ["rows", 4]),
        ],
    )
    nodes = [
        helper.make_node("Loop", ["trips", "yes", "start"], ["last", "all_states"], "integrate", body=body),
        helper.make_node("Sub", ["start", "start"], ["zero"], "zero"),
        helper.make_node(
            "Scan", ["zero", "all_states"], ["total", "partials"], "sum_up", body=adder, num_scan_inputs=1
        ),
        helper.make_node("Transpose", ["partials"], ["history"], "batch_first", perm=[1, 0, 2]),
    ]
    graph = helper.make_graph(
        nodes,
        "loop",
        [helper.make_tensor_value_info("start", FLOAT, ["rows", 4])],
        [
            helper.make_tensor_value_info("last", FLOAT, ["rows", 4]),
            helper.make_tensor_value_info("total", FLOAT, ["rows", 4]),
            helper.make_tensor_value_info("history", FLOAT, ["rows", 5, 4]),
        ],
        [
            numpy_helper.from_array(_weights(7, 4, 4), "w_loop"),
            numpy_helper.from_array(np.array([0.1, -0.2, 0.3, 0.05], np.float32), "leak"),
            numpy_helper.from_array(np.array(5), "trips"),
            numpy_helper.from_array(np.array(True), "yes"),
        ],
    )
    _save(graph, path, 13, 7)


def loop_answers(start: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """What `write_with_loop` computes, in numpy."""
    state, states = start, []
    for _ in range(5):
        state = np.tanh(state @ _weights(7, 4, 4)) + np.array([0.1, -0.2, 0.3, 0.05], np.float32)
        states.append(state)
    history = np.cumsum(np.stack(states, axis=1), axis=1)
    return {"last": state, "total": history[:, -1], "history": history}
