"""The two modules that are exported: nothing but the contract's inputs and outputs, and no randomness."""

from torch import Tensor, nn

from vaeport.contract import DECODER, ENCODER_CLASSIFIER
from vaeport_train.networks.vae import ConditionalVAE

PREFIX = "network."
"""In front of every weight of both modules; the checkpoint of a run names its weights without it."""


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
