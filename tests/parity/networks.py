"""Small networks and graphs that the tests of the engine compare."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn


class Classifier(nn.Module):
    """features [batch, 6] -> (probs [batch, 4], label int64 [batch], sure bool [batch])."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 4))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        probs = self.layers(features).softmax(dim=-1)
        top, label = probs.max(dim=-1)
        return probs, label, top > 0.4


class Tagger(nn.Module):
    """tokens int64 [batch, length] -> tags [batch, length, 3]; two symbolic axes."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.mix, self.out = nn.Embedding(20, 8), nn.Conv1d(8, 8, 3, padding=1), nn.Linear(8, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.mix(self.table(tokens).transpose(1, 2)).relu()
        return self.out(hidden.transpose(1, 2))  # type: ignore[no-any-return]


class Centred(nn.Module):
    """x [batch, 3] -> y [batch, 3], from which the batch's own mean is taken: rows influence each other."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 - x.mean(dim=0, keepdim=True)


def seeded(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with weights from a seed, in evaluation mode."""
    torch.manual_seed(seed)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module.eval()


def write_onnx(
    module: nn.Module, path: Path, example: Tensor, inputs: list[str], outputs: list[str], axes: dict[int, str]
) -> Path:
    """Export a module of one input with symbolic axes."""
    dims = {place: torch.export.Dim(name) for place, name in axes.items()}
    torch.onnx.export(
        module,
        (example,),
        path,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=(dims,) if dims else None,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    return path


def changed_weight(source: Path, target: Path, factor: float) -> Path:
    """A copy of a file whose largest float weight is scaled."""
    model = onnx.load(source)
    floats = [tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT]
    weight = max(floats, key=lambda tensor: int(np.prod(tensor.dims)))
    values = numpy_helper.to_array(weight) * np.float32(factor)
    weight.CopyFrom(numpy_helper.from_array(values.astype(np.float32), weight.name))
    onnx.save(model, target)
    return target


def graph_file(
    path: Path, nodes: list[Any], inputs: dict[str, Any], outputs: dict[str, Any], weights: dict[str, Any] | None = None
) -> Path:
    """A graph by hand; inputs and outputs are (dtype, shape) by name."""

    def info(name: str, kind: tuple[str, list[Any]]) -> Any:
        dtype, shape = kind
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    graph = helper.make_graph(
        nodes,
        path.stem,
        [info(name, kind) for name, kind in inputs.items()],
        [info(name, kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in (weights or {}).items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path
