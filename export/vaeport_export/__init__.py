"""From a trained checkpoint to a sealed, proven bundle of two ONNX graphs."""

__all__: list[str] = []
