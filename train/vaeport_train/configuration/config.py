"""The whole configuration of a run: frozen, checked, read from a preset and stored with the weights."""

import dataclasses
from typing import Annotated, Any, Literal, cast

from pydantic import Field
from pydantic.dataclasses import dataclass

from ..networks.registry import NetworkConfig
from .fields import STRICT, Count, NotNegative, NotNegativeInt, Positive, Share


@dataclass(config=STRICT)
class ObjectiveConfig:
    """The loss: reconstruction + KL + weight x cross-entropy, in nats an image."""

    likelihood: Literal["normal", "bernoulli"]
    """p(x | z, y) of a pixel: Normal around the decoder's mean, or Bernoulli with grey values as soft bits."""
    likelihood_std: Positive
    """Standard deviation of the normal likelihood; the Bernoulli has none."""
    classification_weight: NotNegative
    """Weight of the mean cross-entropy."""
    decoder_condition: Literal["classifier", "label"]
    """Class that the decoder (and encoder) is given in training: the classifier's softmax, or the true label."""
    recognition_weight: NotNegative
    """Weight of the cross-entropy of the classifier on images drawn from N(0, I) and random labels; teaches the decoder
    alone to draw the requested class."""
    augment: Annotated[float, Field(ge=0, le=3, allow_inf_nan=False)] = 0.0
    """Strength of the distortions in which the classifier is shown images in training, 0 for none, 1 for as much as a
    digit bears; halved in the last tenth of the run. The VAE is never shown any."""
    label_smoothing: Share = 0.0
    """Share of the classifier's target that is spread evenly over the classes."""
    recognition_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    """Images drawn for recognition a step, as a share of the batch."""
    recognition_spread: Positive = 1.0
    """Standard deviation of the latents that they are drawn from; above 1 it reaches further than the prior."""
    recognition_from: Share = 0.0
    """Share of the run before recognition begins."""
    kl_warmup: NotNegative = 0.0
    """Epochs in which the weight of the KL rises from 0.2 to 1."""
    importance_samples: Count = 1
    """Latents an image in the last `training.importance_epochs`, which minimise the importance-weighted bound."""
    importance_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    """Share of a batch that the VAE learns from in these epochs; the classifier learns from all of it."""
    binarise: bool = False
    """Whether the decoder learns bits drawn anew each step with the pixels as probabilities (dynamic
    binarisation), and the encoder is shown them, but for a quarter of the images that it sees in grey."""

    def __post_init__(self) -> None:
        if self.augment and self.decoder_condition == "classifier":
            raise ValueError("objective.augment needs objective.decoder_condition = 'label'")
        if self.binarise and self.likelihood != "bernoulli":
            raise ValueError("objective.binarise needs objective.likelihood = 'bernoulli'")
        if self.importance_samples > 1 and self.decoder_condition == "classifier":
            raise ValueError("objective.importance_samples needs objective.decoder_condition = 'label'")


@dataclass(config=STRICT)
class TrainingConfig:
    """The optimisation."""

    epochs: Count
    """Passes over the training images."""
    batch_size: Count
    """Images a step; the last batch of an epoch may be smaller."""
    learning_rate: Annotated[float, Field(gt=0, le=1e37, allow_inf_nan=False)]
    """Adam's, at its highest."""
    schedule: Literal["constant", "cosine"]
    """Learning rate over the run: the same throughout, or a short warm-up and half a cosine down to 0."""
    initialisation: Literal["torch", "glorot"]
    """Initial weights: PyTorch's default, or Glorot's uniform with biases of 0, as TensorFlow's."""
    threads: Annotated[int, Field(ge=0, le=1024)]
    """Threads of a matrix product, 0 for all; small batches are slower on many, much slower on a busy machine."""
    precision: Literal["float32", "bfloat16"]
    """Arithmetic of products and convolutions in training; bfloat16 is twice as fast where the CPU has it."""
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    """Decides initial weights, data order, noise and pictures."""
    weight_average: Share = 0.0
    """Decay a step of the moving average of the weights that is evaluated and kept; 0 keeps the weights themselves."""
    optimiser: Literal["adam", "muon"] = "adam"
    """Adam for every weight, or Muon for the hidden matrices and kernels."""
    muon_learning_rate: Positive = 0.02
    """Muon's, at its highest."""
    classifier_learning_rate: Positive | None = None
    """The classifier's, at its highest, where it differs."""
    weight_decay: NotNegative = 0.0
    """Decay of the classifier's weights, times its learning rate a step (AdamW)."""
    gradient_clip: NotNegative = 0.0
    """Bound of the gradient's norm; 0 for none."""
    importance_epochs: NotNegativeInt = 0
    """Last epochs that minimise the importance-weighted bound."""
    processes: Count = 1
    """Processes that train together; `fit` sets it to what `torchrun` started."""


@dataclass(config=STRICT)
class DataConfig:
    """Which images are held out."""

    split: Literal["first", "stratified"]
    """The first of the file, or a share of each class drawn by seed."""
    held_out: Count | None = None
    """How many; None takes the number that the data set suggests."""


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run, beside the data itself."""

    network: NetworkConfig
    """Dimensions of the networks, of one of the kinds in `vaeport_train.networks.registry`."""
    objective: ObjectiveConfig
    """The loss."""
    training: TrainingConfig
    """The optimisation."""
    data: DataConfig
    """The split."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            field.name: dataclasses.asdict(cast("Any", getattr(self, field.name))) for field in dataclasses.fields(self)
        }
