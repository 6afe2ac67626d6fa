"""Parts of the reduction: noise floors of single numbers, classes of errors, axes that go together, scripts."""

import ast
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from vaeport_parity.backends import BUILT_IN
from vaeport_parity.reproducing.axes import linked_axes, shorter
from vaeport_parity.reproducing.case import Case, make_case
from vaeport_parity.reproducing.faults import Reply, alike, judged
from vaeport_parity.reproducing.floors import noise_floor
from vaeport_parity.reproducing.issue import graph_text
from vaeport_parity.reproducing.scripts import GENERIC, body_of, script_for
from vaeport_parity.subjects.tensors import Arrays

RNG = np.random.default_rng(7)
IMAGE = RNG.standard_normal((2, 8, 9, 9), np.float32)
ROW = RNG.standard_normal((3, 24), np.float32)

MOST_LINES = 30
ROOT = Path(__file__).resolve().parents[3]


def case_of(nodes: list[NodeProto], inputs: Arrays, **weights: np.ndarray) -> Case:
    """A case whose inputs have a symbolic batch."""
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values.dtype), ["batch", *values.shape[1:]])
        for name, values in inputs.items()
    ]
    wanted = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    initializers = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "graph", given, wanted, initializers)
    return make_case(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), inputs)


def convolution() -> Case:
    weight = RNG.standard_normal((6, 8, 3, 3), np.float32)
    return case_of([helper.make_node("Conv", ["x", "w"], ["y"], pads=[1] * 4)], {"x": IMAGE}, w=weight)


def product() -> Case:
    return case_of(
        [helper.make_node("Gemm", ["x", "w"], ["y"])], {"x": ROW}, w=RNG.standard_normal((24, 5), np.float32)
    )


def softmax() -> Case:
    return case_of([helper.make_node("Softmax", ["x"], ["y"])], {"x": 8 * ROW})


def normalisation() -> Case:
    nodes = [helper.make_node("LayerNormalization", ["x", "s"], ["y"])]
    return case_of(nodes, {"x": ROW + 40}, s=np.ones(24, np.float32))


def difference_of_powers() -> Case:
    nodes = [helper.make_node("Exp", ["x"], ["e"]), helper.make_node("Sub", ["e", "one"], ["y"])]
    return case_of(nodes, {"x": ROW / 1000}, one=np.array(1, np.float32))


def gelu() -> Case:
    nodes = [
        helper.make_node("Erf", ["x"], ["e"]),
        helper.make_node("Add", ["e", "one"], ["a"]),
        helper.make_node("Mul", ["a", "x"], ["y"]),
    ]
    return case_of(nodes, {"x": ROW}, one=np.array(1, np.float32))


CASES = (convolution, product, softmax, normalisation, difference_of_powers, gelu)


@pytest.mark.parametrize("make", CASES)
def test_right_runtime_is_not_accused(make: object) -> None:
    case = make()  # type: ignore[operator]
    session = onnxruntime.InferenceSession(case.model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(None, case.inputs)[0]

    assert judged(case, Reply(values), lambda: None).kind == "right"


@pytest.mark.parametrize("make", CASES)
def test_error_of_a_hundred_rounding_steps_is_a_fault(make: object) -> None:
    case = make()  # type: ignore[operator]
    floor = noise_floor(case).values
    values = case.exact.copy()
    place = np.unravel_index(int(floor.argmin()), floor.shape)
    values[place] += 100 * max(floor[place], 1e-7 * abs(values[place]))

    answer = judged(case, Reply(values.astype(np.float32)), lambda: None)

    assert answer.kind == "off"
    assert answer.worst == place


def test_entry_that_rounding_decides_is_in_doubt() -> None:
    nodes = [helper.make_node("Mul", ["x", "third"], ["m"]), helper.make_node("Floor", ["m"], ["y"])]
    case = case_of(nodes, {"x": np.array([[3, 4]], np.float32)}, third=np.array(1 / 3, np.float32))
    wrong = np.array([[0, 0]], np.float32)

    answer = judged(case, Reply(wrong), lambda: None)

    assert answer.worst == (0, 1), "3 / 3 is 1 or just below"


def test_witness_who_says_the_same_excuses() -> None:
    case = softmax()
    off = (case.exact * 1.001).astype(np.float32)

    assert judged(case, Reply(off), lambda: None).kind == "off"
    assert judged(case, Reply(off), lambda: off).kind == "right"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("died of SIGSEGV", "died of SIGSEGV", True),
        ("died of SIGSEGV", "died of SIGFPE", False),
        ("node 'conv_3' has no kernel for shape [1, 3]", "node 'x' has no kernel for shape [1, 1, 7]", True),
        ("ended with exit code 1: out of memory", "unknown operator Erf", False),
        ("cannot load: /tmp/a/model.onnx is broken", "cannot load: /tmp/b/c.onnx is broken", True),
    ],
)
def test_class_of_an_error(one: str, other: str, same: bool) -> None:
    assert alike(one, other) == same


def test_axes_of_a_convolution_go_together() -> None:
    groups = [set(group) for group in linked_axes(convolution())]

    assert {("x", 1), ("w", 1)} in groups
    assert any({("x", 0), ("y", 0)} <= group for group in groups)


def test_every_shorter_case_is_a_graph_that_keeps_the_wrong_number() -> None:
    case = product()
    smaller = list(shorter(case, (2, 3)))

    assert {each.inputs["x"].shape for each in smaller} >= {(1, 24), (3, 1)}
    for each in smaller:
        onnx.checker.check_model(each.model)
        assert each.exact.size
    alone = next(each for each in smaller if each.inputs["x"].shape == (1, 24))
    assert np.array_equal(alone.inputs["x"], case.inputs["x"][2:3])


@pytest.mark.parametrize("name", [name for name, one in BUILT_IN.items() if not one.facts.from_original])
def test_script_of_every_backend_is_python_of_few_lines(name: str) -> None:
    for shown in ("", "done.returncode == -11"):
        text = script_for(name, convolution(), title="it is wrong", needs="pip install it", shown=shown)

        ast.parse(text)
        assert text.count("\n") <= MOST_LINES, f"{text.count(chr(10))} lines"
        assert "$" not in text
        assert body_of(name).template == GENERIC or "vaeport" not in text


@pytest.mark.parametrize("name", ["tinygrad", "opencv", "mnn", "iree", "litert", "onnxruntime-node", "onnxruntime-cpp"])
def test_names_of_a_strangers_graph_are_no_code(name: str) -> None:
    """Scripts are run: a name must not end the text that it stands in."""
    evil = """y"]; raise SystemExit(7) #'); raise SystemExit(7)\n"""
    case = case_of([helper.make_node("Neg", ["x"], ["y"])], {"x": ROW})
    for field in (case.model.graph.node[0].output, case.model.graph.node[0].input):
        field[0] += evil
    for value in (case.model.graph.output[0], case.model.graph.input[0]):
        value.name += evil
    case.model.graph.name = evil
    strange = Case(case.model, {f"x{evil}": ROW})

    tree = ast.parse(script_for(name, strange, title=f'a title """{evil}', needs="nothing"))

    assert "SystemExit" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_version_or_processor_behind_a_name_does_not_change_the_script() -> None:
    assert body_of("onnxruntime==1.20.*") == body_of("onnxruntime-all@x86-64-v3") == body_of("onnxruntime-all")


def test_long_weights_are_cut_in_the_text() -> None:
    text = graph_text(convolution().model)

    assert "float[6,8,3,3] w = {...}" in text
    assert len(text) < 400


@pytest.mark.parametrize("name", ["onnxruntime-all", "onnxruntime-basic", "onnx-reference"])
def test_script_finds_a_right_answer_right(name: str, tmp_path: Path) -> None:
    import subprocess
    import sys

    from vaeport_parity.reproducing.packing import npz

    case = convolution()
    text = script_for(name, case, title="nothing is wrong", needs="nothing")
    floor = noise_floor(case).values
    (tmp_path / "model.onnx").write_bytes(case.model.SerializeToString())
    (tmp_path / "inputs.npz").write_bytes(npz(case.inputs))
    (tmp_path / "expected.npz").write_bytes(npz({"expected": case.exact, "allowed": 4 * floor}))
    (tmp_path / "reproduce.py").write_text(text)

    done = subprocess.run([sys.executable, tmp_path / "reproduce.py"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_script_of_the_documentation_is_what_is_written() -> None:
    case = case_of([helper.make_node("Sigmoid", ["x"], ["y"])], {"x": np.array([-100], np.float32)})
    title, needs = "tract 0.23.9 computes Sigmoid wrongly", "pip install tract==0.23.9 numpy"

    script = script_for("tract-newest", case, title=title, needs=needs)

    assert f"```python\n{script}```" in (ROOT / "docs/reproducers.md").read_text()
