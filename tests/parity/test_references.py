"""Modules, programs and files as references: what is captured, what is run as it is, what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from onnx import TensorProto
from torch import Tensor, nn

from tests.parity.networks import Classifier, seeded
from vaeport.errors import InputError
from vaeport_parity.reference.loading import load_object, load_weights, open_reference, read_weights
from vaeport_parity.reference.torch_module import captured_reference, module_reference, save_original
from vaeport_parity.subjects.files import read_arrays, read_graph
from vaeport_parity.subjects.tensors import TensorSpec

X = (TensorSpec("x", "float32", ("batch", 6)),)
Y = (TensorSpec("y", "float32", ("batch", 6)),)
EXAMPLE = {"x": np.linspace(-1, 1, 18, dtype=np.float32).reshape(3, 6)}


class Rounding(nn.Module):
    """Converts to float32 inside, where a float64 run would lose what it has."""

    def forward(self, x: Tensor) -> Tensor:
        return (x * 3.1).float() / 7

    __call__: Callable[..., Any]


class Branching(nn.Module):
    """Has a branch on data, which torch.export refuses."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.sum() > 0 else x * 3


def test_module_is_captured_and_answers_as_itself() -> None:
    module = nn.Sequential(nn.Linear(6, 6), nn.GELU()).eval()
    eager, _ = module_reference(module, inputs=X, outputs=Y, what="module")

    captured, notes = captured_reference(eager, inputs=X, example=EXAMPLE, what="module")

    assert captured.captured is not None
    assert notes == []
    for rows in (1, 5):
        inputs = {"x": np.ones((rows, 6), np.float32)}
        np.testing.assert_array_equal(captured.answers(inputs, "native")["y"], eager.answers(inputs, "native")["y"])


def test_branch_on_data_is_run_as_it_is_and_said() -> None:
    eager, _ = module_reference(Branching().eval(), inputs=X, outputs=Y, what="branching")

    reference, notes = captured_reference(eager, inputs=X, example=EXAMPLE, what="branching")

    assert reference is eager
    assert "branching is run as it is: torch.export cannot capture it" in notes[0]


def test_float64_answers_are_not_rounded_inside() -> None:
    reference, _ = module_reference(Rounding().eval(), inputs=X, outputs=Y, what="rounding")
    exact = EXAMPLE["x"].astype(np.float64) * 3.1 / 7

    answers = reference.answers(EXAMPLE, "float64")["y"]

    assert answers.dtype == np.float64
    np.testing.assert_allclose(answers, exact, rtol=1e-15)


def test_float64_leaves_the_default_type_and_the_module_alone() -> None:
    module = nn.Linear(6, 6).eval()
    reference, _ = module_reference(module, inputs=X, outputs=Y, what="linear")

    reference.answers(EXAMPLE, "float64")

    assert torch.get_default_dtype() == torch.float32
    assert module.weight.dtype == torch.float32


def test_inputs_go_by_name_where_all_names_fit() -> None:
    class Two(nn.Module):
        def forward(self, b: Tensor, a: Tensor) -> Tensor:
            return a - 2 * b

    specs = tuple(TensorSpec(name, "float32", ("n",)) for name in ("a", "b"))
    reference, notes = module_reference(
        Two().eval(), inputs=specs, outputs=(TensorSpec("y", "float32", ("n",)),), what="two"
    )

    answers = reference.answers({"a": np.array([5.0], "f4"), "b": np.array([1.0], "f4")}, "native")

    assert answers["y"].tolist() == [3.0]
    assert notes == []


def test_original_is_written_without_pickles(tmp_path: Path) -> None:
    eager, _ = module_reference(nn.Linear(6, 6).eval(), inputs=X, outputs=Y, what="linear")
    captured, _ = captured_reference(eager, inputs=X, example=EXAMPLE, what="linear")

    assert save_original(captured, tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["program.json", "weights.safetensors"]


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Linear(6, 6), nn.Dropout()), r"training mode .*Dropout '1'.*call \.eval\(\)"),
        (nn.Linear(6, 6, device="meta").eval(), r"weight 'weight' is on the device meta"),
        (nn.Bilinear(6, 6, 6).eval(), r"takes 2 inputs \(input1, input2\), the graph has 1 \(x\)"),
    ],
)
def test_unfit_module_is_refused(module: nn.Module, words: str) -> None:
    with pytest.raises(InputError, match=words):
        module_reference(module, inputs=X, outputs=Y, what="it")


def test_weights_must_fit_by_name_and_shape(tmp_path: Path) -> None:
    module = seeded(Classifier())
    safetensors.torch.save_file({"layers.0.weight": torch.zeros(12, 6)}, tmp_path / "few.safetensors")
    state = {name: value[:1].clone() for name, value in module.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "small.safetensors")
    torch.save(module.state_dict(), tmp_path / "good.pt")

    with pytest.raises(InputError, match=r"few.safetensors does not fit it: it has no 'layers.0.bias'"):
        load_weights(module, tmp_path / "few.safetensors", "it")
    with pytest.raises(InputError, match=r"'layers.0.weight' is \[1, 6\], the module has \[12, 6\]"):
        load_weights(module, tmp_path / "small.safetensors", "it")
    load_weights(module, tmp_path / "good.pt", "it")


class Attack:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_pickle_that_would_run_code_does_not(tmp_path: Path) -> None:
    torch.save({"weight": Attack(tmp_path / "ran")}, tmp_path / "bad.pt")

    with pytest.raises(InputError, match="a pickle with more than tensors in it"):
        read_weights(tmp_path / "bad.pt")

    assert not (tmp_path / "ran").exists()


def test_arrays_with_python_objects_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", x=np.array([Attack(tmp_path / "ran")], dtype=object))

    with pytest.raises(InputError, match=r"bad.npz: array 'x' holds Python objects"):
        read_arrays(tmp_path / "bad.npz")

    assert not (tmp_path / "ran").exists()


def test_name_of_a_factory_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("def build():\n    raise RuntimeError('no GPU')\n")

    with pytest.raises(InputError, match=r"nets.py has no 'biuld'; it has 'build'"):
        load_object(tmp_path / "nets.py", "biuld")
    with pytest.raises(InputError, match=r"nets.py:build raises RuntimeError: no GPU"):
        open_reference(f"{tmp_path / 'nets.py'}:build")


def test_file_that_is_cut_short_is_refused_by_name(written: Path, tmp_path: Path) -> None:
    content = (written / "tagger.onnx").read_bytes()
    (tmp_path / "short.onnx").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.onnx").touch()

    for name in ("short.onnx", "empty.onnx"):
        with pytest.raises(InputError, match=name):
            read_graph(tmp_path / name)


def test_weights_beside_the_file_are_taken_in(written: Path, tmp_path: Path) -> None:
    model = onnx.load(written / "tagger.onnx")
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)

    content, _ = read_graph(tmp_path / "model.onnx")

    tensors = onnx.load_model_from_string(content).graph.initializer
    assert len(tensors)
    assert all(tensor.data_location != TensorProto.EXTERNAL for tensor in tensors)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(InputError, match="keeps weights in a file beside it that cannot be read"):
        read_graph(tmp_path / "model.onnx")
