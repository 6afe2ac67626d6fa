"""The whole configuration of a run: frozen, checked, read from a preset and stored with the weights."""

import dataclasses
import difflib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from vaeport.errors import InputError

_STRICT = ConfigDict(extra="forbid", frozen=True)

Width = Annotated[int, Field(gt=0, le=16384)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
NotNegativeInt = Annotated[int, Field(ge=0)]


@dataclass(config=_STRICT)
class MlpConfig:
    """Dimensions of feed-forward networks; with the shapes of the data, all that rebuilds them."""

    kind: Literal["mlp"]
    """Tells the kinds of networks apart."""
    latent_dim: Width
    """Z, the dimensions of the latent."""
    encoder_hidden: tuple[Width, ...]
    """Widths of the encoder's hidden layers, from the image on."""
    classifier_hidden: tuple[Width, ...]
    """Widths of the classifier's hidden layers."""
    decoder_hidden: tuple[Width, ...]
    """Widths of the decoder's hidden layers, from the latent on."""
    activation: Literal["sigmoid", "relu", "gelu", "silu"]
    """Non-linearity after each hidden layer."""
    encoder_sees_class: bool
    """Whether the encoder is given the class: the true one in training, the classifier's answer in the graph."""
    variance_floor: NotNegative
    """Added to the posterior variance exp(linear)."""


@dataclass(config=_STRICT)
class ConvConfig:
    """Dimensions of convolutional networks; the encoder always sees the class."""

    kind: Literal["conv"]
    """Tells the kinds of networks apart."""
    latent_dim: Width
    """Z, the dimensions of the latent."""
    encoder_channels: tuple[Width, Width]
    """Channels at half and at a quarter of the image's size."""
    encoder_blocks: tuple[NotNegativeInt, NotNegativeInt]
    """Residual blocks at each of these sizes."""
    decoder_hidden: Width
    """Width of the vector that steers the decoder's blocks."""
    decoder_channels: tuple[Width, Width, Width]
    """Channels at a quarter, at half, and at the image's size."""
    decoder_blocks: tuple[NotNegativeInt, NotNegativeInt]
    """Residual blocks at a quarter and at half of the size."""
    towers: Annotated[int, Field(gt=0, le=64)]
    """Small classifiers whose answers are averaged."""
    tower_channels: tuple[Width, Width, Width, Width]
    """Channels of a tower from the image on."""
    tower_dropout: Annotated[float, Field(ge=0, lt=1)]
    """Share of a tower's last features that is dropped while training."""
    shifts: bool
    """Whether a tower's answers are averaged over the image and its four one-pixel shifts."""


NetworkConfig = MlpConfig | ConvConfig
"""Either kind of networks."""


@dataclass(config=_STRICT)
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
    alone to draw what was asked for."""
    augment: bool = False
    """Whether the classifier is shown distorted images in training; the VAE never is."""
    binarise: bool = False
    """Whether the decoder is asked for bits drawn anew each step with the pixels as probabilities (dynamic
    binarisation), and the encoder is shown them, but for a quarter of the images that it sees in grey."""

    def __post_init__(self) -> None:
        if self.augment and self.decoder_condition == "classifier":
            raise ValueError("objective.augment needs objective.decoder_condition = 'label'")
        if self.binarise and self.likelihood != "bernoulli":
            raise ValueError("objective.binarise needs objective.likelihood = 'bernoulli'")


@dataclass(config=_STRICT)
class TrainingConfig:
    """The optimisation."""

    epochs: Count
    """Passes over the training images."""
    batch_size: Count
    """Images a step; the last batch of an epoch may be smaller."""
    learning_rate: Annotated[float, Field(gt=0, le=1e37)]
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
    weight_average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay a step of the moving average of the weights that is evaluated and kept; 0 keeps the weights themselves."""


@dataclass(config=_STRICT)
class DataConfig:
    """Which images are held out."""

    split: Literal["first", "stratified"]
    """The first of the file, or a share of each class drawn by seed."""
    held_out: Count | None = None
    """How many; None takes the number that the data set suggests."""


@dataclass(config=_STRICT)
class RunConfig:
    """Everything that decides a run, beside the data itself."""

    network: Annotated[NetworkConfig, Field(discriminator="kind")]
    """Dimensions of the networks."""
    objective: ObjectiveConfig
    """The loss."""
    training: TrainingConfig
    """The optimisation."""
    data: DataConfig
    """The split."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(self)


_ADAPTER = TypeAdapter(RunConfig)


def parse_config(values: dict[str, Any], where: str) -> RunConfig:
    """Check plain values and make them a configuration.

    Raises:
        InputError: a key is unknown, missing or wrong; the sentence names it, and suggests the key that was meant.
    """
    try:
        return _ADAPTER.validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is the sentence that helps.
        problem = min(error.errors(), key=lambda each: each["type"] != "unexpected_keyword_argument")
        # The discriminator stands between table and field in pydantic's path; people do not write it.
        place = ".".join(str(part) for part in problem["loc"] if part not in ("mlp", "conv"))
        if problem["type"] == "unexpected_keyword_argument" and place in _known_keys():
            raise InputError(f"{where}: {place!r} belongs to another kind of network") from error
        if problem["type"] == "unexpected_keyword_argument":
            raise InputError(f"{where}: unknown key {place!r}{_suggestion(place)}") from error
        raise InputError(f"{where}: {place!r}: {problem['msg']}, got {problem['input']!r}") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from error


def override(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Lay `key=value` settings over plain configuration values.

    Args:
        values: nested tables, as read from a preset.
        settings: `training.epochs=3` for instance; values are JSON, or plain text where they are no JSON.

    Raises:
        InputError: a setting without `=`, or a key that no configuration has.
    """
    result = {table: dict(fields) for table, fields in values.items()}
    for setting in settings:
        key, equals, text = setting.partition("=")
        table, _, field = key.strip().partition(".")
        if not equals:
            raise InputError(f"--set {setting!r} must be KEY=VALUE, such as training.epochs=3")
        if key.strip() not in _known_keys():
            raise InputError(f"--set: unknown key {key.strip()!r}{_suggestion(key.strip())}")
        try:
            result[table][field] = json.loads(text)
        except ValueError:
            result[table][field] = text
    return result


def _known_keys() -> list[str]:
    tables: dict[str, tuple[type, ...]] = {
        "network": (MlpConfig, ConvConfig),
        "objective": (ObjectiveConfig,),
        "training": (TrainingConfig,),
        "data": (DataConfig,),
    }
    return [
        f"{table}.{field.name}"
        for table, kinds in tables.items()
        for kind in kinds
        for field in dataclasses.fields(kind)
    ]


def _suggestion(key: str) -> str:
    by_field = {known.rpartition(".")[2]: known for known in _known_keys()}
    close = difflib.get_close_matches(key, _known_keys(), 1) or [
        by_field[name] for name in difflib.get_close_matches(key.rpartition(".")[2], list(by_field), 1)
    ]
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(_known_keys())}"
