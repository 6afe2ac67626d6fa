"""What a changed weight does in exact arithmetic: the same change in PyTorch's weights, run in float64."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from .cases import MORE, Case
from .defects import Weight


class Effects:
    """Finds the entries of an exported tensor among PyTorch's weights, by their values, and changes them there."""

    def __init__(self, case: Case) -> None:
        """Prepare a network.

        Args:
            case: the network, whose module stays as it is.
        """
        self._case = case
        self._module = copy.deepcopy(case.network.module).double()
        parameters = dict(case.network.module.named_parameters())
        starts = np.cumsum([0, *(each.numel() for each in parameters.values())])
        self._named = {name: int(start) for name, start in zip(parameters, starts, strict=False)}
        self._flat = np.concatenate([each.detach().numpy().ravel() for each in parameters.values()])
        values, first, counts = np.unique(self._flat, return_index=True, return_counts=True)
        self._values, self._places = values[counts == 1], first[counts == 1]
        sets = [each for each in case.subject.input_sets if each.name != MORE]
        self._inputs = [(each.name, torch.from_numpy(each.rows(0, len(each))["x"]).double()) for each in sets]
        self._right = [answers for _, answers in self._answers()]

    def of(self, weight: Weight) -> float | None:
        """Largest change of the answers in noise floors; None where the tensor is not one of PyTorch's own weights.

        Args:
            weight: the change, in the exported graph.
        """
        changed = weight.old != weight.new
        if not changed.any():
            return 0.0
        places = self._found(weight)
        if places is None:
            return None
        new = self._flat.astype(np.float64)
        new[places] = weight.new[changed]
        self._load(new)
        effect = max(
            float(np.abs(answers - right).max()) / self._case.floor(name)
            for (name, answers), right in zip(self._answers(), self._right, strict=True)
        )
        self._load(self._flat.astype(np.float64))
        return effect

    def _found(self, weight: Weight) -> NDArray[np.intp] | None:
        """Where the changed entries stand among the weights: by name, or each by its value if that is there once."""
        changed = np.flatnonzero((weight.old != weight.new).ravel())
        start = self._named.get(weight.tensor)
        if start is not None and np.array_equal(self._flat[start : start + weight.old.size], weight.old.ravel()):
            return start + changed
        values = weight.old.ravel()[changed]
        at = np.minimum(np.searchsorted(self._values, values), len(self._values) - 1)
        return self._places[at] if np.array_equal(self._values[at], values) else None

    def _load(self, flat: NDArray[np.float64]) -> None:
        start = 0
        for parameter in self._module.parameters():
            stop = start + parameter.numel()
            parameter.data.copy_(torch.from_numpy(flat[start:stop]).reshape(parameter.shape))
            start = stop

    def _answers(self) -> list[tuple[str, NDArray[np.float64]]]:
        with torch.no_grad():
            return [(name, self._module(values).numpy()) for name, values in self._inputs]
