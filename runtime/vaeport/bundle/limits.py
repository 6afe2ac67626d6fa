"""Sizes beyond which a bundle is refused, whoever made it: held before memory is asked for (docs/security.md)."""

MAX_MANIFEST_BYTES = 4 * 2**20
"""Bytes of `bundle.json`: a manifest is a few kilobytes."""

MAX_JSON_DEPTH = 64
"""Objects and lists inside each other in `bundle.json`."""

MAX_JSON_INTEGER = 2**63 - 1
"""Largest whole number in `bundle.json`, of either sign."""

MAX_FILES = 4096
"""Files of a bundle."""

MAX_FILE_BYTES = 2**31
"""Bytes of one file: what protobuf allows an ONNX file."""

MAX_FOLDER_DEPTH = 16
"""Folders inside each other."""

MAX_ARCHIVE_BYTES = 2**30
"""Bytes of a zipped bundle, which is read into memory as a whole; larger bundles are folders."""

MAX_IMAGE_VALUES = 2**23
"""Values of one image, channels x height x width: 8.4 million, 2896 x 2896 in grey."""

MAX_LATENT_DIM = 65536
"""Dimensions of the latent."""

MAX_CLASSES = 65536
"""Classes of a model."""

MAX_GOLDEN_BYTES = 2**28
"""Bytes of all arrays that are read from `golden.npz`, uncompressed: 256 MiB, summed from their headers."""

MAX_GOLDEN_ARRAYS = 1024
"""Arrays in `golden.npz`."""
