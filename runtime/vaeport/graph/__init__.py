"""ONNX files from strangers: read by a reader of our own and checked before onnxruntime sees a byte."""
