"""Self-attention written by hand over tokens with a mask of padding: int64 and bool inputs, batch and length free."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

VOCABULARY = 99


class Block(nn.Module):
    """Pre-norm attention of two heads and a feed-forward network."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(batch, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // 2)
        scores = scores.masked_fill(~mask[:, None, None, :], -1e9)
        mixed = (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(batch, length, width)
        x = x + self.out(mixed)
        return x + self.feed(self.norm_2(x))


class MaskedAttention(nn.Module):
    """(tokens int64 [batch, length] in 0..98, mask bool [batch, length]) -> logits [batch, length, 7]."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        self.blocks = nn.ModuleList([Block(width), Block(width)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 7)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x)) * mask[..., None]


def build() -> MaskedAttention:
    """Trained for 25 steps to name each token modulo seven."""
    torch.manual_seed(4)
    model = MaskedAttention()
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(25):
        tokens = torch.randint(0, VOCABULARY, (16, 12))
        mask = torch.arange(12)[None] < torch.randint(3, 13, (16, 1))
        loss = nn.functional.cross_entropy(model(tokens, mask)[mask], tokens[mask] % 7)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Five sentences of up to nine tokens."""
    mask = np.arange(9)[None] < np.array([[9], [4], [1], [7], [3]])
    return {"tokens": np.where(mask, rng.integers(0, VOCABULARY, (5, 9)), 0), "mask": mask}


def to_onnx(model: nn.Module, path: Path) -> None:
    """Today's exporter, two free axes that both inputs share."""
    batch, length = torch.export.Dim("batch", max=4096), torch.export.Dim("length", max=512)
    torch.onnx.export(
        model,
        (torch.zeros(2, 6, dtype=torch.int64), torch.ones(2, 6, dtype=torch.bool)),
        path,
        input_names=["tokens", "mask"],
        output_names=["logits"],
        dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
        external_data=False,
        verbose=False,
    )
