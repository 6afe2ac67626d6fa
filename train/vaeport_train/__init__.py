"""Train a conditional VAE with a classifier in PyTorch."""

__all__: list[str] = []
