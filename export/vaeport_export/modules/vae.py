"""The two modules that are exported: nothing but the contract's inputs and outputs, and no randomness."""

import torch
from torch import Tensor, nn

from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, GRAPHS, Shapes
from vaeport_train.networks.vae import ConditionalVAE


class EncoderClassifierGraph(nn.Module):
    """image -> z_mean, z_logvar, class_probs."""

    def __init__(self, network: ConditionalVAE) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """An encoder that sees the class is given the classifier's own answer."""
        class_probs = self.network.classify(image).softmax(dim=1)
        posterior = self.network.encode(image, class_probs)
        return posterior.z_mean, posterior.z_logvar, class_probs


class DecoderGraph(nn.Module):
    """z, class_probs -> image."""

    def __init__(self, network: ConditionalVAE) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        """The image is the mean of the likelihood, in [0, 1]."""
        return self.network.decode(z, class_probs).sigmoid()


def graph_modules(network: ConditionalVAE) -> dict[str, nn.Module]:
    """The two modules by graph name, in evaluation mode; they share the network's weights."""
    return {ENCODER_CLASSIFIER: EncoderClassifierGraph(network).eval(), DECODER: DecoderGraph(network).eval()}


def example_inputs(graph: str, shapes: Shapes, *, batch: int = 2) -> dict[str, Tensor]:
    """Inputs of a graph by name, in the order of the contract; a batch of 2 keeps the exporter from fixing it at 1."""
    inputs = {name: torch.full((batch, *shapes.row(name)), 0.5) for name in GRAPHS[graph].inputs}
    if CLASS_PROBS in inputs:
        inputs[CLASS_PROBS] = torch.full((batch, shapes.classes), 1 / shapes.classes)
    return inputs
