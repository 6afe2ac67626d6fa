"""Weights that an ONNX file keeps beside itself: only plain files in its own folder are read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx
from google.protobuf.message import Message
from onnx import ModelProto, TensorProto
from onnx.external_data_helper import load_external_data_for_tensor

from vaeport.errors import InputError

_LOCATION = "location"


def take_in_weights(model: ModelProto, folder: Path, where: str) -> None:
    """Read weights that lie beside an ONNX file into the model.

    Args:
        model: the parsed file; changed in place.
        folder: where the file is.
        where: the file in messages.

    Raises:
        InputError: a weight lies outside the folder, behind a link, in no plain file, or cannot be read.
    """
    for tensor in external_tensors(model):
        _check_location(tensor, folder, where)
        try:
            load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:  # onnx raises errors of all kinds here
            said = " ".join(str(error).split())[:200]
            raise InputError(f"{where} keeps weights in a file beside it that cannot be read: {said}") from error
        tensor.ClearField("data_location")
        tensor.ClearField("external_data")


def external_tensors(message: Message) -> Iterator[TensorProto]:
    """All tensors inside whose values lie elsewhere: of graphs, attributes, functions, sparse ones, at any depth."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in value if isinstance(value, list) or hasattr(value, "append") else (value,):
            if isinstance(inner, TensorProto):
                if inner.data_location == onnx.TensorProto.EXTERNAL:
                    yield inner
            elif isinstance(inner, Message):
                yield from external_tensors(inner)


def _check_location(tensor: TensorProto, folder: Path, where: str) -> None:
    """The values of a tensor lie in a plain file in the folder or below it."""
    location = next((entry.value for entry in tensor.external_data if entry.key == _LOCATION), "")
    parts = PurePosixPath(location).parts
    if (
        not parts
        or "\0" in location
        or ".." in {*parts, *PureWindowsPath(location).parts}
        or PurePosixPath(location).is_absolute()
        or PureWindowsPath(location).drive
        or PureWindowsPath(location).root
    ):
        raise InputError(
            f"{where} keeps the weight {tensor.name[:60]!a} in {location[:100]!a}, which is no path inside its own "
            "folder; keep weights beside the file"
        )
    place = folder
    for part in parts:
        place = place / part
        try:
            mode = os.lstat(place).st_mode
        except (OSError, ValueError) as error:
            raise InputError(
                f"{where} keeps weights in a file beside it that cannot be read: {location[:100]!a} is missing; fetch "
                "all of its files"
            ) from error
        if stat.S_ISLNK(mode):
            raise InputError(f"{where} keeps weights in {location[:100]!a}, which is a link; copy the file it leads to")
    if not stat.S_ISREG(mode):
        raise InputError(f"{where} keeps weights in {location[:100]!a}, which is no plain file")
