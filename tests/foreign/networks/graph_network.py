"""Message passing over a graph of any number of nodes and edges: scatter-add by int64 indices, no batch at all."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class MessagePassing(nn.Module):
    """(nodes [n, 5], edge_index int64 [2, e] below n) -> embedding of each node [n, 6]."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = nn.ModuleList([nn.Linear(10, 12), nn.Linear(12, 12)])
        self.updates = nn.ModuleList([nn.Linear(17, 6), nn.Linear(18, 6)])

    def forward(self, nodes: Tensor, edge_index: Tensor) -> Tensor:
        source, target = edge_index[0], edge_index[1]
        for message, update in zip(self.messages, self.updates, strict=True):
            sent = torch.relu(message(torch.cat([nodes[source], nodes[target]], dim=1)))
            received = torch.zeros(nodes.shape[0], 12).index_add(0, target, sent)
            nodes = torch.tanh(update(torch.cat([nodes, received], dim=1)))
        return nodes


def build() -> MessagePassing:
    """Trained for 20 steps to count neighbours."""
    torch.manual_seed(18)
    model = MessagePassing()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(20):
        edges = torch.randint(0, 20, (2, 45))
        degrees = torch.zeros(20).index_add(0, edges[1], torch.ones(45))
        loss = ((model(torch.randn(20, 5), edges)[:, 0] - torch.tanh(degrees / 4)) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Nine nodes, fourteen edges."""
    return {"nodes": rng.standard_normal((9, 5), np.float32), "edge_index": rng.integers(0, 9, (2, 14))}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter, both counts free."""
    torch.onnx.export(
        model,
        (torch.zeros(8, 5), torch.zeros(2, 11, dtype=torch.int64)),
        path,
        input_names=["nodes", "edge_index"],
        output_names=["embedding"],
        dynamic_shapes=({0: torch.export.Dim("n", max=4096)}, {1: torch.export.Dim("e", max=65536)}),
        external_data=False,
        verbose=False,
    )
