"""Read ONNX files and arrays from anybody, with one sentence for everything that can be wrong with them."""

import os
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import ModelProto

from vaeport.errors import InputError
from vaeport.sessions.session import first_line

from .external import external_tensors, take_in_weights
from .tensors import Arrays, TensorSpec, input_specs, output_specs

GraphLike = str | os.PathLike[str] | bytes | ModelProto
"""A path, the content of a file, or a model."""

_MOST_BYTES = 2**31 - 1  # the limit of protobuf, on which ONNX stands


def read_graph(given: GraphLike) -> tuple[bytes, str]:
    """Content and name of an ONNX file; weights that lie beside it are taken in, missing shapes inferred.

    Args:
        given: a path, the content of a file, or a model.

    Returns:
        A complete ONNX file that stands alone, and what to call it in messages.

    Raises:
        InputError: it is not there, is no ONNX file, is cut short, or holds more than 2 GiB.
    """
    if isinstance(given, bytes | ModelProto):
        where, folder = "the ONNX model", None
        model, content = (given, None) if isinstance(given, ModelProto) else (_parsed(given, where), given)
    else:
        path = Path(given)
        where, folder = str(path), path.parent
        content = _content(path)
        model = _parsed(content, where)
    if any(external_tensors(model)):
        model, content = _with_weights(model, folder, where), None
    if not model.graph.node and not model.graph.output:
        raise InputError(f"{where} is no ONNX file, or an empty one; it has no graph")
    if _lacks_shapes(model):
        model, content = _inferred(model, where), None
    return content if content is not None else _serialised(model, where), where


def specs_of(content: bytes, where: str) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs of an ONNX file.

    Raises:
        InputError: one of them is no tensor, or of a type that is not supported.
    """
    model = onnx.load_model_from_string(content)
    try:
        inputs, outputs = input_specs(model), output_specs(model)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if not outputs:
        raise InputError(f"{where} has no outputs; there is nothing to compare")
    return inputs, outputs


def read_arrays(path: Path) -> Arrays:
    """Arrays of an .npz file by name; nothing in it is unpickled.

    Raises:
        InputError: it is not there, no .npz file, damaged, or holds Python objects.
    """
    if not path.is_file():
        raise InputError(f"no arrays at {path}")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is no .npz file; write one with numpy.savez(path, name=array, ...)")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: _numbers(file, name, path) for name in file.files}
    except ValueError as error:
        raise InputError(f"{path} is damaged: {first_line(error)}") from error
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged: {first_line(error)}") from error


def _numbers(file: Any, name: str, path: Path) -> Any:
    try:
        values = file[name]
    except ValueError as error:
        if "pickle" in str(error) or "Object arrays" in str(error):
            raise InputError(
                f"{path}: array {name!r} holds Python objects (a pickle), which are not read; save numbers"
            ) from error
        raise
    if values.dtype.kind == "V" and values.dtype.itemsize == 2:
        return values.view(ml_dtypes.bfloat16)
    if values.dtype.kind not in "biuf":
        raise InputError(f"{path}: array {name!r} is {values.dtype}; give numbers or booleans")
    return values


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(
                f"{path} has more than 2 GiB, the limit of ONNX files; keep its weights in a file beside it"
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"no ONNX file at {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _parsed(content: bytes, where: str) -> ModelProto:
    try:
        return onnx.load_model_from_string(content)
    except DecodeError as error:
        raise InputError(f"{where} is no ONNX file, or is cut short; it cannot be parsed") from error


def _with_weights(model: ModelProto, folder: Path | None, where: str) -> ModelProto:
    if folder is None:
        raise InputError(f"{where} keeps weights in a file beside it; give the path of the file instead")
    take_in_weights(model, folder, where)
    return model


def _serialised(model: ModelProto, where: str) -> bytes:
    if model.ByteSize() > _MOST_BYTES:
        raise InputError(f"{where} has more than 2 GiB with its weights, the limit of what can be compared")
    try:
        content: bytes = model.SerializeToString()
    except (EncodeError, ValueError) as error:
        raise InputError(f"{where} cannot be written as one file: {first_line(error)}") from error
    return content


def _lacks_shapes(model: ModelProto) -> bool:
    return any(
        value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape")
        for value in (*model.graph.input, *model.graph.output)
    )


def _inferred(model: ModelProto, where: str) -> ModelProto:
    try:
        return onnx.shape_inference.infer_shapes(model)
    except Exception as error:  # onnx raises errors of all kinds here
        raise InputError(f"{where} states no shapes, and they cannot be inferred: {first_line(error)}") from error
