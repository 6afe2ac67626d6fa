"""Parts of graphs run on backends, as files of their own."""

import itertools
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from onnx import ModelProto

from ..backends import all_backends
from ..running.execution import GraphJob, run_once
from ..subjects.tensors import Arrays, input_specs, output_specs


@dataclass(eq=False)
class PartRunner:
    """Runs parts of graphs."""

    folder: Path
    """A folder to work in, made if need be."""
    isolated: bool
    """Whether backends run in processes of their own."""
    _parts: "itertools.count[int]" = field(default_factory=itertools.count)

    def __call__(
        self, backend: str, graph: str, model: ModelProto, inputs: Arrays, *, limit: float
    ) -> tuple[Arrays | None, str]:
        """One run of an ONNX graph, as `node_search.RunPart` says."""
        folder = self.folder / f"part-{next(self._parts)}"
        folder.mkdir(parents=True)
        onnx.save(model, folder / "model.onnx")
        job = GraphJob(graph, folder / "model.onnx", input_specs(model), output_specs(model))
        outcome = run_once(all_backends()[backend], job, inputs, folder / "job", limit=limit, isolated=self.isolated)
        shutil.rmtree(folder, ignore_errors=True)
        if 0 in outcome.answers:
            return outcome.answers[0], ""
        return None, outcome.missing or outcome.errors[0]
