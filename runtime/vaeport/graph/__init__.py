"""ONNX files from strangers: read by our own reader and checked against an allow-list before onnxruntime sees a byte."""
