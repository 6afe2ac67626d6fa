"""What a planted fault is reduced to."""

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper

from tests.parity.reproducing.planted import HIDDEN, constant, network, planted, rows
from vaeport.errors import OutputError
from vaeport_parity.backends import BACKENDS
from vaeport_parity.reference.evaluator import float64_evaluator, native_evaluator
from vaeport_parity.reproducing.reproducer import Reproducer, make_reproducer
from vaeport_parity.running.execution import GraphJob, run_once
from vaeport_parity.subjects.subject import Graph
from vaeport_parity.subjects.tensors import Arrays, input_specs, output_specs

NODE = helper.make_node


def saturating() -> ModelProto:
    """SiLU of numbers far below 0."""
    middle = [
        NODE("Mul", ["h", "far"], ["l"], "larger"),
        NODE("Sub", ["l", "shift"], ["d"], "lower"),
        NODE("Sigmoid", ["d"], ["s"], "gate"),
        NODE("Mul", ["s", "many"], ["m"], "silu"),
    ]
    return network(middle, constant("far", 2), constant("shift", 20), constant("many", 1000))


def transposing() -> ModelProto:
    middle = [
        NODE("Reshape", ["h", "square"], ["q"]),
        NODE("Transpose", ["q"], ["t"], "turn", perm=[0, 2, 1]),
        NODE("Reshape", ["t", "flat"], ["m"]),
    ]
    shapes = [onnx.numpy_helper.from_array(np.array(s), n) for n, s in (("square", [-1, 4, 4]), ("flat", [-1, HIDDEN]))]
    return network(middle, *shapes)


def flooring() -> ModelProto:
    """log(exp(x) + 0.25)."""
    middle = [
        NODE("Exp", ["h"], ["e"]),
        NODE("Add", ["e", "floor"], ["v"], "floor"),
        NODE("Log", ["v"], ["m"], "log"),
    ]
    return network(middle, constant("floor", 0.25))


def gelu() -> ModelProto:
    middle = [NODE("Div", ["h", "root"], ["d"], "divide"), NODE("Erf", ["d"], ["m"], "erf")]
    return network(middle, constant("root", 2**0.5))


def relu() -> ModelProto:
    return network([NODE("Relu", ["h"], ["m"], "relu")])


def tanh() -> ModelProto:
    return network([NODE("Tanh", ["h"], ["m"], "tanh")])


def choosing() -> ModelProto:
    return network([NODE("Identity", ["h"], ["m"])], ends="ArgMax")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reproducer]:
    """Makes a reproducer of a network on a backend with a fault."""

    def make(fault: str, model: ModelProto, *, tolerance: float = 0.0, limit: float = 60.0, **given: Any) -> Reproducer:
        plugin = planted(fault, tmp_path / "site")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))  # the script looks for it, too
        monkeypatch.setitem(BACKENDS, plugin.facts.name, plugin)

        def run(
            backend: str, graph: str, model: ModelProto, inputs: Arrays, *, limit: float
        ) -> tuple[Arrays | None, str]:
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            onnx.save(model, folder / "part.onnx")
            job = GraphJob(graph, folder / "part.onnx", input_specs(model), output_specs(model))
            own = BACKENDS[backend]
            outcome = run_once(own, job, inputs, folder / "job", limit=limit, isolated=fault == "dies", forked=True)
            return outcome.answers.get(0), outcome.missing or outcome.errors.get(0, "")

        content = model.SerializeToString()
        graph = Graph("net", content, "net.onnx", input_specs(model), output_specs(model), None)  # type: ignore[arg-type]  # no reference is needed
        inputs = given.pop("inputs", {"x": rows()})
        right: Any = float64_evaluator(model).run(["y"], {"x": inputs["x"].astype(np.float64)})
        expected = given.pop("expected", {"y": right[0]})
        native: Any = native_evaluator(model).run(["y"], inputs)
        floor = float(np.abs(native[0] - right[0]).max() + 1e-7 * np.abs(right[0]).max())
        tolerance = tolerance or (4 * floor if right[0].dtype.kind == "f" else 0.0)
        found = make_reproducer(
            graph, plugin.facts.name, inputs, expected, "y", tolerance, run=run, limit=limit, version="1.0", **given
        )
        assert found is not None
        return found

    return make


def model_of(found: Reproducer) -> ModelProto:
    model = onnx.load_model_from_string(found.files["model.onnx"])
    onnx.checker.check_model(model, full_check=True)
    return model


def inputs_of(found: Reproducer) -> Arrays:
    with np.load(io.BytesIO(found.files["inputs.npz"])) as file:
        return dict(file)


CASES: tuple[tuple[str, Callable[[], ModelProto], list[str]], ...] = (
    ("Sigmoid", saturating, ["Sigmoid"]),
    ("Transpose", transposing, ["Transpose"]),
    ("fuses", flooring, ["Exp", "Add", "Log"]),
    ("refuses", gelu, ["Div", "Erf"]),
    ("dies", gelu, ["Div", "Erf"]),
    ("Relu", relu, ["Relu"]),
    ("ArgMax", choosing, ["ArgMax"]),
)


@pytest.mark.parametrize(("fault", "model", "left"), CASES, ids=[case[0] for case in CASES])
def test_planted_fault_is_reduced_to_its_nodes(
    fault: str, model: Callable[[], ModelProto], left: list[str], made: Callable[..., Reproducer]
) -> None:
    found = made(fault, model())

    assert [node.op_type for node in model_of(found).graph.node] == left, found.text
    assert found.nodes == len(left)
    assert sum(values.size for values in inputs_of(found).values()) <= 4
    assert found.confirmed
    assert f"planted-{fault}" in found.files["ISSUE.md"].decode()


def test_numbers_are_plain(made: Callable[..., Reproducer]) -> None:
    found = made("Sigmoid", saturating())

    (values,) = inputs_of(found).values()
    assert values.shape == (1,)
    assert values[0] == np.round(values[0])
    assert values[0] < -14.5


def test_same_question_gives_the_same_files(made: Callable[..., Reproducer]) -> None:
    first, second = (made("Sigmoid", saturating()) for _ in range(2))

    assert first.files["model.onnx"] == second.files["model.onnx"]
    assert inputs_of(first) == inputs_of(second)


def test_script_exits_with_0_where_the_fault_is_gone(made: Callable[..., Reproducer], tmp_path: Path) -> None:
    found = made("Sigmoid", saturating())
    found.write(tmp_path / "out")
    script = tmp_path / "out/reproduce.py"
    assert script.read_text().count("\n") <= 30
    right = script.read_text().replace("'planted-Sigmoid'", "'onnx-reference'")
    assert right != script.read_text()
    script.write_text(right)

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_error_that_rounding_explains_is_no_fault(made: Callable[..., Reproducer]) -> None:
    """A bound that nothing can hold must not make an innocent node the culprit."""
    found = made("Tanh", tanh(), tolerance=1e-9)

    assert not found.files
    assert "rounding can explain" in found.text


def test_fault_that_does_not_show_is_said(made: Callable[..., Reproducer]) -> None:
    found = made("Transpose", saturating())

    assert not found.files
    assert found.text == ("no reproducer: the backend answers as the graph says on these inputs, run by themselves")


def test_wrong_file_is_not_the_backends_fault(made: Callable[..., Reproducer]) -> None:
    found = made("Sigmoid", saturating(), expected={"y": np.zeros((5, 3))})

    assert not found.files
    assert "the file itself is off by" in found.text


def test_reduction_ends_in_time(made: Callable[..., Reproducer]) -> None:
    began = time.monotonic()

    found = made("Sigmoid", saturating(), limit=0.5)

    assert time.monotonic() - began < 15
    assert found.text


def test_folder_of_something_else_is_left_alone(made: Callable[..., Reproducer], tmp_path: Path) -> None:
    found = made("ArgMax", choosing())
    folder = tmp_path / "out"
    found.write(folder)
    found.write(folder)
    (folder / "notes.txt").write_text("mine")

    with pytest.raises(OutputError, match=r"it holds notes\.txt"):
        found.write(folder)
    assert (folder / "notes.txt").read_text() == "mine"


def test_nothing_is_written_where_there_is_no_reproducer(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no reproducer"):
        Reproducer("name", "planted", "1.0", text="no reproducer: it holds").write(tmp_path / "out")
    assert not (tmp_path / "out").exists()
