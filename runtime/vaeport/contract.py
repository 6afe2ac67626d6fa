"""Contract 1: the names, graphs and files that training, export and runtime agree on (docs/CONTRACT.md)."""

from dataclasses import dataclass

CONTRACT = 1

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


GRAPHS: dict[str, GraphSpec] = {
    spec.name: spec
    for spec in (
        GraphSpec(ENCODER_CLASSIFIER, (IMAGE,), (Z_MEAN, Z_LOGVAR, CLASS_PROBS)),
        GraphSpec(DECODER, (Z, CLASS_PROBS), (IMAGE,)),
    )
}


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
