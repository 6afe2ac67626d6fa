"""What an enemy does to a bundle: bytes, archives, manifests, graphs, arrays and checkpoints, changed on purpose."""
