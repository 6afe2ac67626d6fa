"""What backends refuse of the graphs in `graphs`, with the words that say so; all else they must answer rightly."""

_NO_TYPE = r"takes no {dtype}, the type of the (in|out)put '"
_NO_AXES = "gives the input '(x|flag|turns)' an axis, and it has none"
_WEBGPU = ("onnxruntime-webgpu", "onnxruntime-chromium-webgpu")  # on an adapter without half floats
_NO_BATCH = "ncnn runs rows of a batch one by one, and the inputs share no symbolic first axis"


def _types(backends: tuple[str, ...], refused: dict[str, str]) -> dict[tuple[str, str], str]:
    """Graphs that are refused for the element type of an input or output."""
    return {(name, case): _NO_TYPE.format(dtype=dtype) for name in backends for case, dtype in refused.items()}


REFUSALS: dict[tuple[str, str], str] = {
    **{
        (name, "bfloat16"): "[Uu]nsupported data type: 16"
        for name in ("onnxruntime-node", "onnxruntime-web", "onnxruntime-chromium")
    },
    **{(name, "float16"): "requires f16 but the device does not support it" for name in _WEBGPU},
    **{("onnxruntime-chromium-webgpu", case): "Can't create a session" for case in ("float64", "bfloat16")},
    **_types(("openvino", "openvino-default"), {"float64": "float64"}),
    **_types(("tract", "tract-newest"), {"bfloat16": "bfloat16"}),
    **{(name, case): _NO_AXES for name in ("tract", "tract-newest") for case in ("scalar", "branch", "loop")},
    **_types(("mnn", "mnn-default"), {"float16": "float16", "float64": "float64", "bfloat16": "bfloat16"}),
    **{(name, "convolution_3d"): "MNN computes y as .*, which has no values" for name in ("mnn", "mnn-default")},
    **_types(
        ("ncnn", "ncnn-default"),
        {
            "tokens": "int64",
            "booleans": "bool",
            "float16": "float16",
            "float64": "float64",
            "bfloat16": "bfloat16",
            "branch": "bool",
            "loop": "int64",
            "integers": "int32",
            "positions": "int64",
        },
    ),
    **{(name, case): _NO_BATCH for name in ("ncnn", "ncnn-default") for case in ("scalar", "two_sides")},
    **_types(("opencv",), {"float16": "float16", "float64": "float64", "bfloat16": "bfloat16"}),
    ("opencv", "loop"): "Assertion failed",
    **_types(("litert",), {"float16": "float16", "bfloat16": "bfloat16"}),
    ("litert", "loop"): "onnx2tf cannot convert the graph: ",
    ("litert", "convolution_3d"): "onnx2tf cannot convert the graph: ",
    **_types(("tinygrad",), {"bfloat16": "bfloat16"}),
    ("tinygrad", "loop"): "op='Loop' is not supported",
    ("jax", "booleans"): "Greater is not implemented",
    ("jax", "loop"): "Fail to get the input tensor turn of node",
    ("jax", "positions"): "NonZero Jax implementation must have static size",
    ("iree", "loop"): "iree-compile failed: failed to legalize operation",
    ("tvm", "loop"): "operators are not supported for frontend ONNX: Loop",
}
"""By backend and graph."""
