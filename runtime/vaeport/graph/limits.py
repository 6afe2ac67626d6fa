"""What an ONNX file and the graph inside may cost: every limit of the reader and of the abstract run."""

MAX_MODEL_BYTES = 2**31 - 1
"""Size of one ONNX file: no parser of protobuf takes more."""
MAX_FIELDS = 500_000
"""Protobuf fields of one file in all, which bounds the time to read it."""
MAX_GRAPH_DEPTH = 8
"""Graphs inside attributes of graphs, the outermost counted."""
MAX_TYPE_DEPTH = 8
"""Types inside types, such as a sequence of maps."""
MAX_NODES = 10_000
"""Nodes of one file in all."""
MAX_TENSORS = 50_000
"""Initializers and tensors in attributes of one file in all."""
MAX_NODE_TENSORS = 1024
"""Inputs of one node, and outputs of one node."""
MAX_ATTRIBUTES = 64
"""Attributes of one node."""
MAX_RANK = 16
"""Axes of a tensor."""
MAX_DIM = 2**40
"""Size of one axis, and of all axes of a tensor together (an empty axis counted as one)."""
MAX_NAME = 1024
"""Characters of a name."""
MAX_TEXT_BYTES = 2**20
"""Bytes of any other text: documentation, metadata."""

MIN_IR_VERSION, MAX_IR_VERSION = 3, 13
"""Versions of the file format."""
MIN_OPSET, MAX_OPSET = 7, 24
"""Versions of the standard operators."""

MAX_KNOWN_VALUES = 4096
"""Elements of the largest tensor whose values, not only its shape, are followed."""
MAX_ROW_ELEMENTS = 2**25
"""Elements of any one tensor for a batch of one row (128 MiB of float32)."""
MAX_BATCH_ELEMENTS = 2**26
"""Elements of any one tensor for a whole batch."""
MAX_LIVE_BYTES = 3 * 2**27
"""Bytes of all tensors that are held at one time while a batch runs, weights not counted (384 MiB)."""
MAX_ROW_WORK = 2**34
"""Steps for a batch of one row: multiply-adds of float32, and what costs as much (some 4 s of one core)."""
MAX_BATCH_WORK = 2**35
"""Steps for a whole batch; larger inputs run in smaller batches."""
