"""Contract 2: the names, graphs and files that training, export and runtime agree on (docs/contract.md)."""

import json
from collections.abc import Collection
from dataclasses import dataclass

CONTRACT = 2
"""Number of the bundle's layout, in its manifest."""

GRAPH_CONTRACT = 1
"""Number of the graphs' names and shapes, in their metadata: graphs of earlier bundles stay as they are."""

ENCODER_CLASSIFIER = "encoder_classifier"
DECODER = "decoder"

IMAGE = "image"
Z = "z"
Z_MEAN = "z_mean"
Z_LOGVAR = "z_logvar"
CLASS_PROBS = "class_probs"
BATCH = "batch"

MANIFEST_FILE = "bundle.json"
GOLDEN_FILE = "golden.npz"
CHECKPOINT_FOLDER = "checkpoint"
WEIGHTS_FILE = "model.safetensors"
FP32 = "fp32"


@dataclass(frozen=True)
class GraphSpec:
    """One of the two graphs: its name and the names of its tensors, in their order."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def file(self, precision: str) -> str:
        """Path of the graph's ONNX file inside a bundle, with forward slashes."""
        return f"{precision}/{self.name}/model.onnx"

    @property
    def program_file(self) -> str:
        """Name of the graph's captured program in the checkpoint."""
        return f"{self.name}.json"

    @property
    def original_file(self) -> str:
        """Name in the checkpoint of the ONNX file that the graph was made from, where it was made from one."""
        return f"{self.name}.onnx"


GRAPHS: dict[str, GraphSpec] = {
    spec.name: spec
    for spec in (
        GraphSpec(ENCODER_CLASSIFIER, (IMAGE,), (Z_MEAN, Z_LOGVAR, CLASS_PROBS)),
        GraphSpec(DECODER, (Z, CLASS_PROBS), (IMAGE,)),
    )
}


def yardstick_of(given: Collection[str]) -> str:
    """What answers are compared with, in words: `PyTorch`, `the given ONNX files`, or `the original` for one of each.

    Args:
        given: names of the graphs that were made from ONNX files.
    """
    return "PyTorch" if not given else "the given ONNX files" if len(given) == len(GRAPHS) else "the original"


@dataclass(frozen=True)
class Shapes:
    """The sizes that fix every tensor of both graphs."""

    image: tuple[int, int, int]
    """Channels (1 grey, 3 RGB), height and width in pixels."""
    latent_dim: int
    """Z, the dimensions of the latent."""
    classes: int
    """K, the number of classes."""

    def row(self, tensor: str) -> tuple[int, ...]:
        """Shape of one row of a tensor of the contract, without its batch axis."""
        sizes = {IMAGE: self.image, CLASS_PROBS: (self.classes,)}
        return sizes.get(tensor, (self.latent_dim,))


METADATA_NAME, METADATA_LABELS = "vaeport.bundle", "vaeport.labels"


def graph_metadata(spec: GraphSpec, *, bundle: str, labels: tuple[str, ...], shapes: Shapes) -> dict[str, str]:
    """What a graph says of itself in the `metadata_props` of its ONNX file.

    Args:
        spec: which graph.
        bundle: name of the bundle.
        labels: class names in the order of `class_probs`.
        shapes: sizes of every tensor.
    """
    sizes = {name: [BATCH, *shapes.row(name)] for name in (*spec.inputs, *spec.outputs)}
    return {
        "vaeport.contract": str(GRAPH_CONTRACT),
        METADATA_NAME: bundle,
        "vaeport.graph": spec.name,
        METADATA_LABELS: json.dumps(labels, ensure_ascii=False),
        "vaeport.shapes": json.dumps(sizes),
    }


TOLERANCE_FACTOR = 4.0
"""Bound in noise floors: another summation order is another sample of the same rounding noise, and its distance from
the reference can be the sum of both; a factor 4 leaves room for that and stays far below any real defect."""


@dataclass(frozen=True)
class Tolerance:
    """How far an output may be from PyTorch's, below float32 from what the graph answered when it was made; and why."""

    max_abs: float
    """Largest absolute error allowed, in the output's own unit."""
    noise_floor: float
    """Largest absolute difference of PyTorch float32 from PyTorch float64 on the same inputs; below float32 that
    between faithful ways to run the same graph."""
