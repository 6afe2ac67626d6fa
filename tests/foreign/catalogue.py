"""The networks under `networks/`, as the tests go through them."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

NETWORKS = Path(__file__).parent / "networks"

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Network:
    """One network of a stranger's file: how he builds it, feeds it and writes it."""

    name: str
    """What the tests call it."""
    file: str
    """Its file under `networks/`."""
    build: str = "build"
    """Factory of the trained module."""
    inputs: str = "make_inputs"
    """Generator of inputs: (rng) -> arrays by the names of the ONNX file."""
    write: str = "to_onnx"
    """Writer of the ONNX file: (module, path)."""
    needs: tuple[str, ...] = ()
    """Packages that are not everybody's."""
    scores: tuple[str, ...] = ()
    """Outputs whose largest entry is a class."""
    rounding: float = 2e-5
    """How far onnxruntime may be from the eager module: its element type's rounding, some layers deep."""

    @property
    def factory(self) -> str:
        """`file.py:name`, as the command line takes it."""
        return f"{NETWORKS / self.file}:{self.build}"

    def module(self) -> Any:
        """The trained module, built once."""
        return _called(self.file, self.build)

    def make_inputs(self, seed: int = 0) -> Arrays:
        """Inputs by name."""
        return dict(getattr(load(self.file), self.inputs)(np.random.default_rng(seed)))

    def to_onnx(self, path: Path) -> Path:
        """Write the ONNX file."""
        getattr(load(self.file), self.write)(self.module(), path)
        return path


MODULES = [
    Network("sketch-encoder", "sketch_vae.py", scores=("logits",)),
    Network("sketch-decoder", "sketch_vae.py", "build_decoder", "decoder_inputs", "decoder_to_onnx"),
    Network("tile-encoder", "upsampling_vae.py", "build_encoder", scores=("class_probs",)),
    Network("tile-decoder", "upsampling_vae.py", "build_decoder", "decoder_inputs", "decoder_to_onnx"),
    Network("gru", "gru.py"),
    Network("lstm", "lstm.py"),
    Network("attention", "masked_attention.py"),
    Network("transformer", "transformer_encoder.py"),
    Network("mobile", "mobile.py", scores=("probabilities",)),
    Network("detector", "detector.py", scores=("scores",)),
    Network("float64", "double_precision.py", rounding=1e-13),
    Network("float16", "half_precision.py", rounding=4e-3),
    Network("bfloat16", "half_precision.py", "build_brain", "brain_inputs", rounding=2e-2),
    Network("segmentation", "segmentation.py"),
    Network("branching", "branching.py"),
    Network("branching-quiet", "branching.py", inputs="quiet_inputs"),
    Network("scalars", "scalars.py"),
    Network("wavenet", "wavenet.py"),
    Network("graph", "graph_network.py"),
    Network("recommender", "recommender.py"),
    Network("pythae", "pythae_vae.py", needs=("pythae",)),
]
"""All that are PyTorch modules; `handmade.py` and `sklearn_pipeline.py` write ONNX files without one."""


@dataclass(frozen=True)
class Handmade:
    """One graph of `handmade.py`."""

    kind: str
    """`function`, `branch` or `loop`: part of the names of its functions."""
    shapes: dict[str, tuple[int, ...]]
    """Shapes of its float32 inputs."""
    fixed: Arrays = field(default_factory=dict)
    """Inputs that are not drawn."""

    def write(self, path: Path) -> Path:
        """Write the ONNX file."""
        getattr(load("handmade.py"), f"write_with_{self.kind}")(path)
        return path

    def make_inputs(self, seed: int = 0) -> Arrays:
        """Inputs by name."""
        rng = np.random.default_rng(seed)
        return {**{name: rng.standard_normal(shape, np.float32) for name, shape in self.shapes.items()}, **self.fixed}

    def answers(self, inputs: Arrays) -> Arrays:
        """What numpy computes, without any graph."""
        answer = getattr(load("handmade.py"), f"{self.kind}_answers")(**inputs)
        return answer if isinstance(answer, dict) else {"answer": answer}


HANDMADE = {
    "function": Handmade("function", {"features": (9, 6)}),
    "branch": Handmade("branch", {"features": (9, 5)}, {"loud": np.array(False)}),
    "branch-loud": Handmade("branch", {"features": (9, 5)}, {"loud": np.array(True)}),
    "loop": Handmade("loop", {"start": (9, 4)}),
}
"""Graphs without PyTorch; numpy knows their answers."""


def by_name(name: str) -> Network:
    """A network of `MODULES`."""
    return next(network for network in MODULES if network.name == name)


@cache
def load(file: str) -> ModuleType:
    """A stranger's file, imported by its path."""
    spec = importlib.util.spec_from_file_location(f"foreign_{Path(file).stem}", NETWORKS / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # torch.cond's tracer looks a function's module up by name
    spec.loader.exec_module(module)
    return module


@cache
def _called(file: str, factory: str) -> Any:
    build: Callable[[], Any] = getattr(load(file), factory)
    return build()
