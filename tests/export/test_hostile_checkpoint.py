"""Originals of an enemy in a bundle whose hashes are right: programs, weights and ONNX files are refused in time."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

from tests.contained import assert_refused, contained
from tests.export.hostile_programs import PROGRAMS, ROWS, W, X, one, program
from tests.export.material import sealed_again
from vaeport.bundle.opening import open_bundle
from vaeport.errors import BundleError
from vaeport_export.bundle.original import read_original
from vaeport_export.bundle.stranger import check_onnx
from vaeport_parity.reference.captured import CapturedModule
from vaeport_parity.reference.program import parse_program
from vaeport_parity.reference.torch_module import TorchReference


def answer(content: bytes) -> torch.Size:
    """Parse a program and run it on two rows, as a bundle's is."""
    parsed = parse_program(content, "file.json")
    module = CapturedModule(parsed, {"w": torch.ones(16, 16)}, bounded=True)
    reference = TorchReference(module, parsed.inputs, parsed.outputs, captured=parsed)
    return torch.Size(reference.answers({"x": np.full((ROWS, 16), 0.5, np.float32)}, "native")["y"].shape)


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """What PyTorch imports late is there before anything is measured."""
    assert answer(one("aten.mm.default", X, W)) == (ROWS, 16)


@pytest.mark.parametrize("case", list(PROGRAMS))
def test_program_is_refused(case: str) -> None:
    content, error, fragment = PROGRAMS[case]

    assert_refused(lambda: answer(content), error, fragment)


def test_input_that_is_written_into_is_the_programs_own() -> None:
    parsed = parse_program(one("aten.add_.Tensor", X, 1.0), "file.json")
    given = torch.zeros(ROWS, 16)

    answered = CapturedModule(parsed, {"w": torch.ones(16, 16)}, bounded=True)(given)

    assert float(answered.sum()) == ROWS * 16
    assert float(given.sum()) == 0


def test_large_batches_run_in_parts_and_answer_the_same() -> None:
    steps = [("a", "aten.repeat.default", [X, [1, 20_000]]), ("y", "aten.sum.dim_IntList", [{"ref": "a"}, [1]])]
    parsed = parse_program(program(*steps), "file.json")
    module = CapturedModule(parsed, {"w": torch.ones(16, 16)}, bounded=True)
    rows = np.linspace(0, 1, 1000 * 16, dtype=np.float32).reshape(1000, 16)

    size = module.captured_rows([torch.from_numpy(rows)])
    answered = TorchReference(module, ("x",), ("y",), captured=parsed).answers({"x": rows}, "native")["y"]

    assert size < 1000
    np.testing.assert_allclose(answered, 20_000 * rows.sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("case", ["full", "writes into a weight", "a list", "recurrent weights of another size"])
@pytest.mark.parametrize("file", ["encoder_classifier.json", "decoder.json"])
def test_program_in_a_sealed_bundle_is_named(file: str, case: str, copy: Path) -> None:
    content = PROGRAMS[case][0]
    if content != b"[]":
        values = json.loads(content)
        own = json.loads((copy / "checkpoint" / file).read_bytes())
        path = next(iter(own["tensors"].values()))
        inputs = ["image"] if file.startswith("encoder") else ["x", "class_probs"]
        values |= {"tensors": {"w": path}, "keys": {path: own["keys"].get(path, path)}, "inputs": inputs}
        content = json.dumps(values).replace('"x"', f'"{inputs[0]}"').encode()
    (copy / "checkpoint" / file).write_bytes(content)
    bundle = open_bundle(sealed_again(copy))

    assert_refused(lambda: read_original(bundle), BundleError, file.removesuffix(".json"))


@pytest.mark.parametrize("content", [b"", b"\x02" + bytes(7) + b"[]", b"\xff" * 100], ids=["empty", "list", "noise"])
def test_weights_in_a_sealed_bundle_are_named(content: bytes, copy: Path) -> None:
    (copy / "checkpoint/model.safetensors").write_bytes(content)
    bundle = open_bundle(sealed_again(copy))

    assert_refused(lambda: read_original(bundle), BundleError, "checkpoint/model.safetensors is damaged")


def test_original_of_other_types_is_refused(copy: Path) -> None:
    path = copy / "checkpoint/decoder.json"
    values = json.loads(path.read_bytes())
    last = values["results"][0]["ref"]
    values["nodes"].append({"name": "half", "target": "aten.to.dtype", "args": [{"ref": last}], "kwargs": {}})
    values["nodes"][-1]["args"].append({"dtype": "int64"})
    values["results"] = [{"ref": "half"}]
    path.write_text(json.dumps(values))
    bundle = open_bundle(sealed_again(copy))

    assert_refused(lambda: read_original(bundle), BundleError, "gives image as int64")


def model(*nodes: NodeProto, functions: tuple[onnx.FunctionProto, ...] = ()) -> ModelProto:
    sizes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", "y")]
    graph = helper.make_graph(list(nodes), "g", sizes[:1], sizes[1:])
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions))


def outside(name: str = "t") -> TensorProto:
    """A tensor whose values lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def with_initializer(made: ModelProto) -> ModelProto:
    made.graph.initializer.append(outside())
    return made


def with_sparse(made: ModelProto) -> ModelProto:
    made.graph.sparse_initializer.add(values=outside(), indices=outside("i"), dims=[2])
    return made


def inner(node: NodeProto) -> GraphProto:
    return helper.make_graph([node], "inner", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])])


def function(name: str, *calls: str) -> onnx.FunctionProto:
    nodes = [helper.make_node(call, ["x"], [f"y{place}"], domain="own") for place, call in enumerate(calls)]
    nodes.append(helper.make_node("Identity", [f"y{len(calls) - 1}" if calls else "x"], ["y"]))
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["x"], ["y"], nodes, imports)


CONSTANT = helper.make_node("Constant", [], ["y"], value=outside())
CALL = helper.make_node("f0", ["x"], ["y"], domain="own")
EXTERNAL = "external"
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "external initializer": (lambda: with_initializer(model()).SerializeToString(), EXTERNAL),
    "external sparse initializer": (lambda: with_sparse(model()).SerializeToString(), "sparse initializers"),
    "external constant": (lambda: model(CONSTANT).SerializeToString(), EXTERNAL),
    "external constant in a branch": (
        lambda: model(
            helper.make_node("If", ["x"], ["y"], then_branch=inner(CONSTANT), else_branch=inner(CONSTANT))
        ).SerializeToString(),
        EXTERNAL,
    ),
    "external constant in a function": (
        lambda: model(
            CALL, functions=(helper.make_function("own", "f0", [], ["y"], [CONSTANT], [helper.make_opsetid("", 18)]),)
        ).SerializeToString(),
        EXTERNAL,
    ),
    **{
        kind: (
            lambda kind=kind: model(  # type: ignore[misc]
                helper.make_node(kind, ["x"], ["y"], body=inner(helper.make_node("Identity", ["x"], ["y"])))
            ).SerializeToString(),
            "is control flow",
        )
        for kind in ("Loop", "Scan", "If", "SequenceMap")
    },
    "a loop in a function": (
        lambda: model(
            CALL,
            functions=(
                helper.make_function(
                    "own",
                    "f0",
                    ["x"],
                    ["y"],
                    [helper.make_node("Loop", ["x"], ["y"], body=inner(helper.make_node("Identity", ["x"], ["y"])))],
                    [helper.make_opsetid("", 18)],
                ),
            ),
        ).SerializeToString(),
        "is control flow",
    ),
    "a billion laughs": (
        lambda: model(
            CALL, functions=tuple(function(f"f{n}", *([f"f{n + 1}"] * 10 if n < 20 else [])) for n in range(21))
        ).SerializeToString(),
        "functions written out",
    ),
    "a function that calls itself": (
        lambda: model(CALL, functions=(function("f0", "f0"),)).SerializeToString(),
        "calls itself",
    ),
    "functions in a circle": (
        lambda: model(CALL, functions=(function("f0", "f1"), function("f1", "f0"))).SerializeToString(),
        "calls itself",
    ),
    "100 functions in a row": (
        lambda: model(
            CALL, functions=tuple(function(f"f{n}", *([f"f{n + 1}"] if n < 99 else [])) for n in range(100))
        ).SerializeToString(),
        "others in a row",
    ),
    "nothing": (lambda: b"", "empty"),
    "the format of ORT": (lambda: b"\x18\0\0\0ORTM" + bytes(100), "ORT-format"),
    "noise": (lambda: b"\xff" * 1000, ""),
    "a model that is cut": (lambda: with_initializer(model()).SerializeToString()[:-5], ""),
}


@pytest.mark.parametrize("case", list(FILES))
def test_onnx_file_of_a_stranger_is_refused_before_onnx_sees_it(case: str) -> None:
    make, fragment = FILES[case]
    content = make()

    assert_refused(lambda: check_onnx(content), BundleError, fragment)


def test_functions_that_are_few_are_taken() -> None:
    content = model(CALL, functions=(function("f0", "f1", "f1"), function("f1"))).SerializeToString()

    assert contained(lambda: check_onnx(content)).error == ""


def test_nothing_outside_is_read_where_a_sealed_graph_names_another_file(copy: Path) -> None:
    path = copy / "fp32/decoder/model.onnx"
    changed = onnx.load_model(path)
    changed.graph.initializer[0].CopyFrom(outside(changed.graph.initializer[0].name))
    path.write_bytes(changed.SerializeToString())
    bundle = open_bundle(sealed_again(copy))

    from vaeport_export.bundle.subject import subject_of

    assert_refused(lambda: subject_of(bundle), BundleError, "fp32/decoder/model.onnx")
