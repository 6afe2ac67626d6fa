"""A two-tower recommender: int64 users, int32 items with tied tables, a bag of genres, and dense features."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

USERS, ITEMS, GENRES = 50, 80, 11


class Recommender(nn.Module):
    """(user int64 [batch], item int32 [batch], genres int64 [batch, 3], dense [batch, 4]) -> rating, rank."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(USERS, 8), nn.Embedding(ITEMS, 8)
        self.genres = nn.Embedding(GENRES, 8, padding_idx=0)
        self.dense = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.SELU())

    def forward(self, user: Tensor, item: Tensor, genres: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
        taste = self.users(user) + self.dense(dense)
        film = self.items(item) + self.genres(genres).sum(dim=1)
        rating = 1 + 4 * torch.sigmoid((taste * film).sum(dim=1))
        everything = taste @ self.items.weight.T
        return rating, torch.topk(everything, 3, dim=1).indices


def build() -> Recommender:
    """Trained for 20 steps on invented ratings."""
    torch.manual_seed(19)
    model = Recommender()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(20):
        user, item = torch.randint(0, USERS, (64,)), torch.randint(0, ITEMS, (64,), dtype=torch.int32)
        genres, dense = torch.randint(0, GENRES, (64, 3)), 2 + torch.randn(64, 4)
        wanted = 1 + (user + item) % 5
        loss = ((model(user, item, genres, dense)[0] - wanted) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def make_inputs(rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Sixteen requests."""
    return {
        "user": rng.integers(0, USERS, 16),
        "item": rng.integers(0, ITEMS, 16, dtype=np.int32),
        "genres": rng.integers(0, GENRES, (16, 3)),
        "dense": rng.normal(2, 1, (16, 4)).astype(np.float32),
    }


def to_onnx(model: nn.Module, path: Path) -> None:
    """The older exporter, opset 16."""
    names = ["user", "item", "genres", "dense", "rating", "rank"]
    example = (
        torch.zeros(2, dtype=torch.int64),
        torch.zeros(2, dtype=torch.int32),
        torch.zeros(2, 3, dtype=torch.int64),
        torch.zeros(2, 4),
    )
    torch.onnx.export(
        model,
        example,
        str(path),
        input_names=names[:4],
        output_names=names[4:],
        dynamic_axes={name: {0: "batch"} for name in names},
        opset_version=16,
        dynamo=False,
    )
