"""Where a bundle comes from: a run of vaeport-train, anybody's modules, or ONNX files."""
