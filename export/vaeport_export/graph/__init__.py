"""From a PyTorch program to a clean ONNX file."""
